"""Scripts that are texts import modules that are texts, each its own version of them."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

from background_nodes.addon.consent.current import consent
from background_nodes.addon.consent.trusted_scripts import TrustedScripts
from background_nodes.node_tree import sources, text_modules
from background_nodes.runtime.errors import SignatureError
from background_nodes.runtime.keys import own_modules
from background_nodes.runtime.script import script_files

from .graphs import new_tree, script

ASKS_FOR_CONSENT = True
SCRIPT = "import tools\nfrom shapes.round import SIDES\ndef main() -> str:\n    return f'{tools.NAME} {SIDES}'"


@pytest.fixture(autouse=True)
def trusted(tmp_path, monkeypatch) -> TrustedScripts:
    trusted = TrustedScripts(lambda: tmp_path / "trusted")
    monkeypatch.setattr(consent, "trusted", trusted)
    return trusted


def new_text(name: str, content: str) -> bpy.types.Text:
    text = bpy.data.texts.new(name)
    text.from_string(content)
    return text


def node_with_modules(tree: bpy.types.NodeTree, name: str, version: int) -> bpy.types.Node:
    """A script node whose two modules say which version they are of."""
    node = script(tree, name, SCRIPT)
    tools = new_text("tools.py", f"NAME = 'v{version}'")
    inner = new_text("round.py", f"SIDES = {version}")
    text_modules.set_modules(node.script, {"tools.py": tools, "shapes/round.py": inner})
    return node


def test_two_versions_of_a_module_are_imported_side_by_side(session):
    tree = new_tree("Tree")
    for version in (1, 2, 3):
        node_with_modules(tree, f"Node {version}", version)
    run = session.start(tree)
    run.wait()
    found = [run.fetch(f"Node {version}", "result") for version in (1, 2, 3)]
    assert found == ["v1 1", "v2 2", "v3 3"]


def test_change_of_a_module_runs_the_script_again(session, store):
    tree = new_tree("Tree")
    node = node_with_modules(tree, "Node", 1)
    session.start(tree).wait()
    run = session.start(tree)
    run.wait()
    assert run.tasks["Node"].cached
    text_modules.modules(node.script)["tools.py"].from_string("NAME = 'v9'")
    run = session.start(tree)
    run.wait()
    assert not run.tasks["Node"].cached
    assert run.fetch("Node", "result") == "v9 1"


def test_modules_are_files_of_one_folder_for_all_that_look_for_them():
    node = node_with_modules(new_tree("Tree"), "Node", 1)
    source = sources.from_text(node.script)
    assert not source.is_file
    names = [part.name for part in own_modules.read(source)]
    assert names == ["", "shapes/round.py", "tools.py"]
    assert sources.from_text(node.script).folder == source.folder


def test_script_is_the_same_to_the_gate_whether_its_modules_are_texts_or_files(tmp_path):
    node = node_with_modules(new_tree("Tree"), "Node", 1)
    (tmp_path / "shapes").mkdir()
    for path, text in text_modules.modules(node.script).items():
        (tmp_path / path).write_text(text.as_string())
    file = tmp_path / "main.py"
    file.write_text(node.script.as_string())
    of_files, of_texts = (
        own_modules.read(each) for each in (sources.from_file(str(file)), sources.from_text(node.script))
    )
    assert own_modules.digest(of_files) == own_modules.digest(of_texts)


def test_artist_s_own_script_with_own_modules_may_run_and_one_with_a_foreign_module_not(tmp_path):
    node = node_with_modules(new_tree("Tree"), "Node", 1)
    consent._host.report_texts(consent.origins)
    assert consent.may_run(sources.from_text(node.script))
    foreign = new_text("foreign.py", "NAME = 'evil'")
    consent.origins.came(foreign.session_uid, own_modules.digest_of_text(foreign.as_string()), "/x/stranger.blend")
    found = text_modules.modules(node.script)
    text_modules.set_modules(node.script, {**found, "tools.py": foreign})
    source = sources.from_text(node.script)
    assert not consent.may_run(source)
    question = consent._question(source)
    assert question.origin == "/x/stranger.blend"
    assert any("evil" in (part.text or "") for part in question.parts)
    consent.trust(question)
    assert consent.may_run(source)
    foreign.from_string("NAME = 'worse'")
    consent._host.report_texts(consent.origins)
    assert not consent.may_run(sources.from_text(node.script))


@pytest.mark.parametrize(
    "path", ["../evil.py", "/tmp/evil.py", "a/../../evil.py", "evil.txt", "a b.py", "x" * 80 + ".py"]
)
def test_module_with_a_path_that_leads_elsewhere_is_refused(path):
    node = script(new_tree("Tree"), "Node", SCRIPT)
    if len(path) < 63:  # Blender has no longer names of properties
        node.script["background_nodes_modules"] = {path: new_text("evil.py", "")}
        with pytest.raises(SignatureError, match="can be no module"):
            sources.from_text(node.script)
    assert not script_files.is_module_path(path)


def test_module_that_was_deleted_is_said():
    node = node_with_modules(new_tree("Tree"), "Node", 1)
    bpy.data.texts.remove(text_modules.modules(node.script)["tools.py"])
    with pytest.raises(SignatureError, match=r'its module "tools\.py" was deleted'):
        sources.from_text(node.script)


def test_modules_come_along_with_the_tree(tmp_path):
    tree = new_tree("Tree")
    node_with_modules(tree, "Node", 1)
    file = str(tmp_path / "tree.blend")
    bpy.data.libraries.write(file, {tree})
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    new_text("tools.py", "NAME = 'of this file'")
    with bpy.data.libraries.load(file, link=False) as (_found, wanted):
        wanted.node_groups = ["Tree"]
    source = sources.from_text(bpy.data.node_groups["Tree"].nodes["Node"].script)
    assert (Path(source.folder) / "tools.py").read_text().strip() == "NAME = 'v1'"
