"""Scripts that come with presets are asked for once, those on a list that a person has confirmed never."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import pytest

from background_nodes import ConsentError
from background_nodes.addon.consent.consent import difference
from background_nodes.addon.consent.current import consent
from background_nodes.addon.consent.trusted_scripts import TrustedScripts
from background_nodes.addon.presets import saving, using
from background_nodes.addon.presets.libraries import libraries
from background_nodes.addon.presets.saving import Details
from background_nodes.addon.presets.subject import subject_of
from background_nodes.addon.presets.trust import TrustLists
from background_nodes.node_tree import sources
from background_nodes.runtime.errors import PresetError
from background_nodes.runtime.keys import own_modules
from background_nodes.runtime.presets import trust_list
from background_nodes.runtime.presets.library import PresetLibrary
from background_nodes.runtime.presets.preset import Preset

from .graphs import new_tree, script

ASKS_FOR_CONSENT = True


@pytest.fixture(autouse=True)
def trusted(tmp_path, monkeypatch) -> TrustedScripts:
    trusted = TrustedScripts(lambda: tmp_path / "trusted")
    monkeypatch.setattr(consent, "trusted", trusted)
    monkeypatch.setattr(consent, "_allowed_now", {})  # by other tests
    return trusted


@pytest.fixture
def lists(tmp_path, folder, monkeypatch) -> TrustLists:
    """Confirmed lists in a folder of the test's own."""
    lists = TrustLists(lambda: tmp_path / "lists", libraries.all)
    monkeypatch.setattr(consent, "_is_listed", lists.allows)
    return lists


@pytest.fixture
def folder(awkward_path) -> str:
    library = bpy.context.preferences.filepaths.asset_libraries.new(name="Studio", directory=str(awkward_path))
    yield str(awkward_path)
    bpy.context.preferences.filepaths.asset_libraries.remove(library)


def stranger_s_preset(folder: str, number: int = 1, uuid: str = "") -> Preset:
    """A preset whose script nobody here has seen."""
    node = script(new_tree(), "Node", f"def main() -> int:  # a stranger's\n    return {number}")
    preset = saving.save(subject_of(node), Details(name="Node", uuid=uuid), folder)
    consent.revoke([own_modules.digest_of_text(node.script.as_string())])
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return preset


def read_again() -> None:
    for library in libraries.all():
        library.read()


def test_script_of_a_preset_is_asked_for_once_and_shown_with_the_preset_it_came_with(folder, session):
    preset = stranger_s_preset(folder)
    tree = new_tree()
    using.use(preset, tree)
    with pytest.raises(ConsentError) as caught:
        session.start(tree)
    (question,) = caught.value.questions
    assert (question.origin, question.digest) == (preset.file, preset.script_digests[0])
    assert "return 1" in question.parts[0].text
    consent.trust(question)
    session.start(tree).wait()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    other = new_tree()
    using.use(preset, other)
    run = session.start(other)
    run.wait()
    assert run.fetch("Node", "result") == 1


def test_changed_script_of_a_new_version_is_asked_for_again_with_the_difference(folder, session):
    first = stranger_s_preset(folder)
    tree = new_tree()
    using.use(first, tree)
    consent.trust(consent._question(tree.nodes["Node"].source()))
    second = stranger_s_preset(folder, 2, first.uuid)
    tree = new_tree()
    using.use(first, tree)
    node = using.use(second, tree).node
    with pytest.raises(ConsentError) as caught:
        session.start(tree)
    (question,) = caught.value.questions
    lines = difference(consent.earlier(question).parts, question.parts)
    assert [line for line in lines if line[0] in "+-"] == ["-    return 1", "+    return 2"]
    assert node.script.as_string().endswith("return 2\n")


def test_saving_makes_the_artist_s_own_script_no_stranger(folder, session):
    """1. A script is written, and nobody has looked at it yet. 2. It is saved as a preset. 3. It runs."""
    tree = new_tree()
    node = script(tree, "Node", "def main() -> int:\n    return 77")
    saving.save(subject_of(node), Details(name="Node"), folder)
    run = session.start(tree)
    run.wait()
    assert run.fetch("Node", "result") == 77


def test_preset_whose_scripts_are_not_those_that_it_says_is_refused(folder):
    preset = stranger_s_preset(folder)
    file = Path(preset.file)
    file.write_bytes(file.read_bytes().replace(b"return 1", b"return 6"))
    with pytest.raises(PresetError, match="are not those that it says"):
        using.use(preset, new_tree())
    assert len(bpy.data.texts) == 0


# A studio's list


def studio_s_list(folder: str, *presets: Preset) -> trust_list.TrustList:
    digests = {digest: preset.name for preset in presets for digest in preset.script_digests}
    return trust_list.write(Path(folder), "Studio", digests)


def may_run(preset: Preset) -> bool:
    node = using.use(preset, new_tree()).node
    return consent.may_run(sources.from_text(node.script))


def test_list_counts_once_a_person_has_confirmed_it(folder, lists):
    preset, other = stranger_s_preset(folder, 1), stranger_s_preset(folder, 2)
    studio_s_list(folder, preset)
    read_again()
    assert not may_run(preset)
    (question,) = lists.questions()
    assert (question.list.name, question.added) == ("Studio", preset.script_digests)
    lists.confirm(question.list)
    assert lists.questions() == ()
    assert may_run(preset)
    assert not may_run(other)


def test_changed_list_counts_no_more_until_it_is_confirmed_again(folder, lists):
    preset, other = stranger_s_preset(folder, 1), stranger_s_preset(folder, 2)
    lists.confirm(studio_s_list(folder, preset))
    read_again()
    assert may_run(preset)
    studio_s_list(folder, other)
    read_again()
    assert not may_run(preset)
    assert not may_run(other)
    (question,) = lists.questions()
    assert (question.added, question.removed) == (other.script_digests, preset.script_digests)
    lists.confirm(question.list)
    assert (may_run(preset), may_run(other)) == (False, True)


def test_list_that_was_changed_in_its_place_or_removed_counts_no_more(folder, lists):
    preset = stranger_s_preset(folder)
    lists.confirm(studio_s_list(folder, preset))
    file = Path(folder, trust_list.FILE_NAME)
    read_again()
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, "name": "Somebody"}))
    read_again()
    assert not may_run(preset)
    file.unlink()
    read_again()
    assert not may_run(preset)


def test_list_of_a_library_that_is_away_counts_as_it_was_confirmed(folder, lists, tmp_path):
    preset = stranger_s_preset(folder)
    lists.confirm(studio_s_list(folder, preset))
    read_again()
    elsewhere = tmp_path / "elsewhere"
    text = using.use(preset, new_tree()).node.script
    Path(folder).rename(elsewhere)
    read_again()
    assert consent.may_run(sources.from_text(text))
    lists.revoke(folder)
    assert not consent.may_run(sources.from_text(text))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"format": 1}',
        '{"format": 2, "scripts": {}}',
        '{"format": 1, "scripts": {"*": "all"}}',
        "[" * 100_000,
    ],
)
def test_list_that_is_none_is_said_and_trusts_nobody(folder, lists, content):
    preset = stranger_s_preset(folder)
    Path(folder, trust_list.FILE_NAME).write_text(content)
    read_again()
    assert not may_run(preset)
    assert lists.questions() == ()
    library = PresetLibrary(folder)
    library.read()
    assert [Path(finding.file).name for finding in library.findings()] == [trust_list.FILE_NAME]
