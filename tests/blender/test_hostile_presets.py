"""A library that somebody made to do harm: nothing in it runs, and nothing of it is believed."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

from background_nodes import ConsentError
from background_nodes.addon.consent.current import consent
from background_nodes.addon.consent.trusted_scripts import TrustedScripts
from background_nodes.addon.presets import saving, using
from background_nodes.addon.presets.saving import Details
from background_nodes.addon.presets.subject import Subject
from background_nodes.node_tree import text_modules
from background_nodes.runtime.errors import PresetError
from background_nodes.runtime.keys import own_modules
from background_nodes.runtime.presets.library import PresetLibrary
from background_nodes.runtime.presets.preset import Kind, Preset, properties_of

from .graphs import add, new_tree, script

ASKS_FOR_CONSENT = True


@pytest.fixture(autouse=True)
def trusted(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(consent, "trusted", TrustedScripts(lambda: tmp_path / "trusted"))


@pytest.fixture
def mark(tmp_path) -> Path:
    return tmp_path / "it ran"


def written(tree: bpy.types.NodeTree, folder: Path, **said) -> Preset:
    """A file that is a preset because it says so: nothing was checked or left out as it was written."""
    folder.mkdir(exist_ok=True)
    fields = {"uuid": "0" * 31 + "1", "version": 1, "kind": Kind.TREE, "name": tree.name, **said}
    tree.asset_mark()
    for name, value in properties_of(Preset(**fields)).items():
        tree.asset_data[name] = value
    bpy.data.libraries.write(str(folder / "hostile.blend"), {tree}, fake_user=True)
    for text in bpy.data.texts:
        consent.revoke([own_modules.digest_of_text(text.as_string())])
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    library = PresetLibrary(str(folder))
    library.read()
    (preset,) = library.presets()
    return preset


def test_scripts_that_would_run_on_load_do_not(tmp_path, mark, session):
    """A text to be registered, a driver, a handler in a script's body: listed, used and shown, none of it runs."""
    tree = new_tree("Trap")
    source = f"open({str(mark)!r}, 'w').close()\ndef main() -> int:\n    return 1"
    node = script(tree, "Trap", source)
    node.script.use_module = True
    tree["number"] = 0.0
    driver = tree.driver_add('["number"]').driver
    driver.expression = f"open({str(mark)!r}, 'w').close() or 1.0"
    digest = own_modules.digest_of_text(node.script.as_string())
    preset = written(tree, tmp_path / "library", script_digests=(digest,))
    with pytest.raises(PresetError, match="drivers"):
        using.use_tree(preset)
    assert not mark.exists()
    assert (list(bpy.data.texts), list(bpy.data.node_groups), list(bpy.data.libraries)) == ([], [], [])


def test_script_runs_only_after_it_was_allowed_and_is_no_module_that_blender_registers(tmp_path, mark, session):
    tree = new_tree("Trap")
    source = f"open({str(mark)!r}, 'w').close()\ndef main() -> int:\n    return 1"
    node = script(tree, "Trap", source)
    node.script.use_module = True
    digest = own_modules.digest_of_text(node.script.as_string())
    used = using.use_tree(written(tree, tmp_path / "library", script_digests=(digest,)))
    assert not used.texts[0].use_module
    with pytest.raises(ConsentError):
        session.start(used.tree)
    file = str(tmp_path / "file.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    assert not mark.exists()


def test_preset_that_hides_a_script_is_refused(tmp_path):
    tree = new_tree("Trap")
    script(tree, "Trap", "def main() -> int:\n    return 1")
    preset = written(tree, tmp_path / "library", script_digests=())
    with pytest.raises(PresetError, match="are not those that it says"):
        using.use_tree(preset)
    assert list(bpy.data.texts) == []


def test_module_that_leads_elsewhere_is_refused(tmp_path):
    tree = new_tree("Trap")
    node = script(tree, "Trap", "import evil\ndef main() -> int:\n    return 1")
    module = bpy.data.texts.new("evil.py")
    node.script[text_modules._PROPERTY] = {"../../evil.py": module}
    preset = written(tree, tmp_path / "library", script_digests=("a" * 64,))
    with pytest.raises(PresetError):
        using.use_tree(preset)
    assert not list(tmp_path.rglob("evil.py"))


def test_node_that_names_a_file_of_the_artist_s_is_as_foreign_as_its_tree(tmp_path, mark, session):
    """The preset brings no script, and names one that lies on this machine."""
    file = tmp_path / "tool.py"
    file.write_text(f"open({str(mark)!r}, 'w').close()\ndef main() -> int:\n    return 1")
    tree = new_tree("Trap")
    add(tree, "BackgroundNodeScript", "Trap").filepath = str(file)
    consent.origins._chosen_files.discard(file.resolve())
    preset = written(tree, tmp_path / "library")
    used = using.use_tree(preset)
    with pytest.raises(ConsentError):
        session.start(used.tree)
    assert not mark.exists()


def test_tree_of_another_add_on_is_refused_though_it_says_that_it_is_a_preset(tmp_path):
    tree = bpy.data.node_groups.new("Trap", "ShaderNodeTree")
    tree.asset_mark()
    fields = {"uuid": "0" * 31 + "1", "version": 1, "kind": Kind.TREE, "name": "Trap"}
    for name, value in properties_of(Preset(**fields)).items():
        tree.asset_data[name] = value
    bpy.data.libraries.write(str(tmp_path / "hostile.blend"), {tree}, fake_user=True)
    library = PresetLibrary(str(tmp_path))
    library.read()
    assert library.presets() == ()
    assert "is no background node tree" in library.findings()[0].message


def test_data_blocks_that_a_file_drags_along_do_not_stay(tmp_path):
    tree = new_tree("Trap")
    huge = bpy.data.objects.new("Huge", bpy.data.meshes.new("Huge"))
    node = add(tree, "BackgroundNodeInput", "Input")
    node.outputs[0].default_value = huge
    preset = written(tree, tmp_path / "library")
    used = using.use_tree(preset)
    assert [each.name for each in used.missing] == ["Huge"]
    assert (list(bpy.data.objects), list(bpy.data.meshes), list(bpy.data.libraries)) == ([], [], [])


def test_saving_keeps_no_property_that_somebody_put_on_a_tree(tmp_path):
    tree = new_tree("Tree")
    tree["secret"] = "of this studio"
    script(tree, "Node", "def main() -> int:\n    return 1")["secret"] = "of this studio"
    preset = saving.save(Subject(Kind.TREE, tree), Details(name="Tree"), str(tmp_path))
    assert b"of this studio" not in Path(preset.file).read_bytes()
