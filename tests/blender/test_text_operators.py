"""Nodes and trees as text, by the operators of the editor's menus."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import pytest

from background_nodes.node_tree.text_form.dumping import dump
from background_nodes.runtime.text_form.form import to_text

from .graphs import editor, link, new_tree, script, value

SOURCE = "def main(a: int = 1, where: str = '') -> int: ..."


class Clipboard:
    """Stands for the window manager, whose clipboard no Blender without a window has."""

    clipboard = ""


@pytest.fixture
def clipboard(monkeypatch) -> Clipboard:
    from background_nodes.addon.text_form import clipboard

    found = Clipboard()
    monkeypatch.setattr(clipboard, "of_system", lambda _context: found)
    return found


def test_nodes_go_to_another_tree_by_the_clipboard(clipboard):
    tree, other = new_tree(), new_tree("Other")
    node = script(tree, "Node", SOURCE, a=value(tree, "INT", 5, name="In"))
    node.location = 500.0, 500.0
    value(tree, "INT", 6, name="Not Selected").select = False
    with editor(tree):
        assert bpy.ops.background_nodes.copy_as_text() == {"FINISHED"}
    assert '"def main' in clipboard.clipboard
    with editor(other):
        bpy.context.space_data.cursor_location = (0.0, 0.0)
        assert bpy.ops.background_nodes.paste_from_text() == {"FINISHED"}
    assert sorted(each.name for each in other.nodes) == ["In", "Node"]
    assert len(other.links) == 1
    assert all(each.select for each in other.nodes)
    assert abs(other.nodes["Node"].location.x) < 500.0
    assert other.nodes["Node"].script == node.script


@pytest.mark.parametrize(
    "text", ["", "hello", "{}", '{"background_nodes": 1, "part": {"nodes": {"A": {"type": "Foreign"}}}}']
)
def test_text_that_is_none_is_told_and_adds_nothing(clipboard, text):
    tree = new_tree()
    clipboard.clipboard = text
    with editor(tree):
        assert bpy.ops.background_nodes.paste_from_text() == {"CANCELLED"}
    assert not tree.nodes


def test_linked_tree_is_copied_and_not_pasted_into(clipboard, tmp_path):
    library = str(tmp_path / "library.blend")
    tree = new_tree("Linked")
    script(tree, "Node", SOURCE)
    bpy.data.libraries.write(library, {tree}, fake_user=True)
    bpy.data.node_groups.remove(tree)
    with bpy.data.libraries.load(library, link=True) as (_, wanted):
        wanted.node_groups = ["Linked"]
    with editor(bpy.data.node_groups["Linked"]):
        assert bpy.ops.background_nodes.copy_as_text() == {"FINISHED"}
        assert not bpy.ops.background_nodes.paste_from_text.poll()


@pytest.mark.parametrize("scripts_beside", [False, True])
def test_tree_goes_through_a_file_with_its_paths(awkward_path, scripts_beside):
    """1. The .blend file is in `scenes`. 2. The tree is written to `trees`. 3. It is made in a file elsewhere."""
    for name in ("scenes", "trees", "other"):
        (awkward_path / name).mkdir()
    tree = new_tree("LODs")
    node = script(tree, "Node", "from pathlib import Path\ndef main(where: Path) -> int: ...")
    node.inputs[0].default_value = "//data/a.txt"
    bpy.ops.wm.save_as_mainfile(filepath=str(awkward_path / "scenes" / "a.blend"))
    tree = bpy.data.node_groups["LODs"]
    path = awkward_path / "trees" / "lods.json"
    with editor(tree):
        options = {"filepath": str(path.with_suffix("")), "scripts_beside": scripts_beside}
        assert bpy.ops.background_nodes.tree_export(**options) == {"FINISHED"}
    assert (path.parent / "lods_scripts" / "Node.py").exists() == scripts_beside
    found = json.loads(path.read_text())["tree"]["nodes"]["Node"]["inputs"][0]["value"]
    assert found == "//../scenes/data/a.txt"
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    unsaved = bring(path)
    assert Path(unsaved.nodes["Node"].inputs[0].default_value) == awkward_path / "scenes" / "data" / "a.txt"
    bpy.ops.wm.save_as_mainfile(filepath=str(awkward_path / "other" / "b.blend"))
    saved = bring(path)
    assert saved.name == "LODs.001"
    assert saved.nodes["Node"].inputs[0].default_value == "//../scenes/data/a.txt"
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


def bring(path: Path) -> bpy.types.NodeTree:
    with editor(None):
        assert bpy.ops.background_nodes.tree_import(filepath=str(path)) == {"FINISHED"}
        return bpy.context.space_data.node_tree


def test_file_that_is_none_is_told(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with editor(None), pytest.raises(RuntimeError, match="no JSON"):
        bpy.ops.background_nodes.tree_import(filepath=str(tmp_path / "a.json"))
    assert not bpy.data.node_groups


def test_linked_group_has_paths_that_lead_to_the_same_file(tmp_path):
    (tmp_path / "library").mkdir()
    library = str(tmp_path / "library" / "library.blend")
    group = new_tree("Group")
    node = script(group, "Node", "from pathlib import Path\ndef main(where: Path) -> int: ...")
    node.inputs[0].default_value = "//a.txt"
    bpy.data.libraries.write(library, {group}, fake_user=True)
    bpy.data.node_groups.remove(group)
    with bpy.data.libraries.load(library, link=True) as (_, wanted):
        wanted.node_groups = ["Group"]
    tree = new_tree()
    holder = tree.nodes.new("BackgroundNodeGroup")
    holder.node_tree = bpy.data.node_groups["Group"]
    found = dump(tree)["groups"]["Group"]["nodes"]["Node"]["inputs"][0]["value"]
    assert Path(found) == tmp_path / "library" / "a.txt"


def test_file_is_written_over_by_the_same_text_only_if_nothing_has_changed(tmp_path):
    tree = new_tree()
    node = script(tree, "Node", SOURCE)
    link(value(tree, "INT", 5, name="In"), node.inputs[0])
    path = tmp_path / "tree.json"
    for _ in range(2):
        with editor(tree):
            bpy.ops.background_nodes.tree_export(filepath=str(path))
        assert path.read_text() == to_text(dump(tree))
