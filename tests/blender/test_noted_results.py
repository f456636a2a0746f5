"""Which data-blocks are the results of a node: noted, not held, and found again whatever the artist does."""

from __future__ import annotations

import bpy
import pytest

import background_nodes
from background_nodes.node_tree.identity import renew_duplicates

from .graphs import editor, new_tree, output, quad, script, value

MAKE = "def main() -> bpy.types.Object: return bpy.data.objects.new('Made', bpy.data.meshes.new('Made'))"


@pytest.fixture
def tree():
    """A tree that made an object, which is in the scene."""
    tree = new_tree()
    output(tree, "LINK", script(tree, "Make", MAKE))
    assert background_nodes.run(tree).state == "succeeded"
    return tree


def socket(tree_name: str = "Tree", node_name: str = "Make") -> bpy.types.NodeSocket:
    return bpy.data.node_groups[tree_name].nodes[node_name].outputs[0]


def save_and_reload(tmp_path) -> None:
    file = str(tmp_path / "file.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)


def append_trees(file) -> None:
    with bpy.data.libraries.load(str(file)) as (available, wanted):
        wanted.node_groups = available.node_groups


def test_result_is_found_after_reload(tree, tmp_path):
    save_and_reload(tmp_path)
    assert socket().result == bpy.data.objects["Made"]
    save_and_reload(tmp_path)
    assert socket().result == bpy.data.objects["Made"]


def test_renamed_result_is_found_at_once_and_after_reload(tree, tmp_path):
    bpy.data.objects["Made"].name = "Mine"
    other = quad("Made")
    assert socket().result == bpy.data.objects["Mine"] != other
    save_and_reload(tmp_path)
    assert socket().result == bpy.data.objects["Mine"]


def test_deleted_result_is_gone_from_the_file_and_the_output_has_none(tree, tmp_path):
    bpy.data.objects.remove(bpy.data.objects["Made"])
    for _ in range(2):
        assert (socket().result, socket().shows_result) == (None, True)
        save_and_reload(tmp_path)
    assert not bpy.data.objects
    assert not bpy.data.meshes


def test_what_has_the_name_of_a_deleted_result_is_not_taken_for_it(tree, tmp_path):
    bpy.data.objects.remove(bpy.data.objects["Made"])
    quad("Made")
    for _ in range(2):
        assert socket().result is None
        save_and_reload(tmp_path)


def test_copy_of_a_result_is_not_taken_for_it(tree, tmp_path):
    made = bpy.data.objects["Made"]
    copy = made.copy()
    bpy.context.collection.objects.link(copy)
    assert socket().result == made
    bpy.data.objects.remove(made)
    copy.name = "Made"
    save_and_reload(tmp_path)
    assert socket().result is None


def test_undo_and_redo_take_and_bring_a_result(tree):
    bpy.ops.ed.undo_push(message="before")
    bpy.data.objects["Made"].name = "Renamed"
    bpy.ops.ed.undo_push(message="renamed")
    bpy.data.objects.remove(bpy.data.objects["Renamed"])
    bpy.ops.ed.undo_push(message="deleted")
    assert socket().result is None
    bpy.ops.ed.undo()
    assert socket().result == bpy.data.objects["Renamed"]
    bpy.ops.ed.undo()
    assert socket().result == bpy.data.objects["Made"]
    bpy.ops.ed.redo()
    assert socket().result == bpy.data.objects["Renamed"]


def test_deletion_that_is_undone_after_a_save_brings_the_result_back(tree, tmp_path):
    bpy.ops.ed.undo_push(message="before")
    bpy.data.objects.remove(bpy.data.objects["Made"])
    bpy.ops.ed.undo_push(message="deleted")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "deleted.blend"))
    bpy.ops.ed.undo()
    assert socket().result == bpy.data.objects["Made"]
    save_and_reload(tmp_path)
    assert socket().result == bpy.data.objects["Made"]


# Copies of the node and of its tree


def test_duplicated_and_pasted_nodes_have_no_result(tree):
    for node in tree.nodes:
        node.select = node.name == "Make"
    number = script(tree, "Number", "def main() -> int: return 1")
    background_nodes.run(tree, until="Number")
    number.select = True
    other = new_tree("Other")
    with editor(tree):
        bpy.ops.node.duplicate()
        bpy.ops.node.clipboard_copy()
        bpy.ops.node.clipboard_paste()
    with editor(other):
        bpy.ops.node.clipboard_paste()
    assert {socket().result, number.outputs[0].result} == {bpy.data.objects["Made"], 1}
    copies = [node for node in (*tree.nodes, *other.nodes) if node.outputs and node.name not in ("Make", "Number")]
    copies += other.nodes
    assert len(copies) >= 6
    assert not any(socket.shows_result or socket.result for node in copies for socket in node.outputs)


def test_copied_tree_has_no_result(tree):
    assert tree.copy().nodes["Make"].outputs[0].result is None
    assert socket().result is not None


def test_tree_drags_no_result_along_and_shows_none_in_its_own_file(tree, tmp_path):
    bpy.data.libraries.write(str(tmp_path / "tree.blend"), {tree})
    append_trees(tmp_path / "tree.blend")
    renew_duplicates()
    assert socket("Tree.001").result is None
    assert len(bpy.data.objects) == 1
    assert socket().result == bpy.data.objects["Made"]


def test_tree_takes_nothing_of_another_file_for_its_result(tree, tmp_path):
    file = tmp_path / "tree.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    quad("Made")
    append_trees(file)
    for _ in range(2):
        assert (socket().result, socket().shows_result) == (None, False)
        save_and_reload(tmp_path)
    assert [item.name for item in bpy.data.objects] == ["Made"]


def test_linked_tree_shows_no_result(tree, tmp_path):
    file = tmp_path / "tree.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    quad("Made")
    with bpy.data.libraries.load(str(file), link=True) as (_available, wanted):
        wanted.node_groups = ["Tree"]
    assert wanted.node_groups[0].nodes["Make"].outputs[0].result is None


# What nothing uses


def test_result_that_was_asked_for_is_saved_though_nothing_uses_it(tmp_path):
    tree = new_tree()
    make = script(tree, "Make", MAKE)
    output(tree, "KEEP", make)
    source = "def main(source: bpy.types.Object) -> bpy.types.Material: return bpy.data.materials.new('Paint')"
    paint = script(tree, "Paint", source, source=make)
    paint.keep_result = True
    background_nodes.run(tree)
    save_and_reload(tmp_path)
    assert socket().result == bpy.data.objects["Made"]
    assert socket(node_name="Paint").result == bpy.data.materials["Paint"]


def test_result_of_a_list_is_found_item_by_item(tmp_path):
    tree = new_tree()
    source = "def main(n: int) -> bpy.types.Object: return bpy.data.objects.new(f'Item {n}', None)"
    node = script(tree, "Make", source, n=value(tree, "INT", [1, 2, 3], is_list=True))
    output(tree, "LINK", node)
    background_nodes.run(tree)
    bpy.data.objects.remove(bpy.data.objects["Item 2"])
    save_and_reload(tmp_path)
    assert [item.name for item in socket().result] == ["Item 1", "Item 3"]
