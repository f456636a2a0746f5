"""Input and Output nodes, and the stable ids of all nodes."""

from __future__ import annotations

import bpy
import pytest

import background_nodes
from background_nodes.node_tree.base import SocketSpec, _value_to_keep
from background_nodes.node_tree.identity import find_node, renew_duplicates
from background_nodes.runtime.script.socket_types import SocketType

from .graphs import add, editor, new_tree, output, quad, script, value


@pytest.fixture
def tree():
    return new_tree()


@pytest.fixture
def filled(tree):
    number = value(tree, "INT", 3)
    double = script(tree, "Double", "def main(number: int) -> int: return 2 * number", number=number)
    make = script(tree, "Make", "def main(size: int) -> bpy.types.Object: 0", size=double)
    output(tree, "KEEP", make)
    return tree


def uids(tree) -> list[str]:
    return [node.uid for node in tree.nodes]


def assert_unique(*trees) -> None:
    found = [uid for tree in trees for uid in uids(tree)]
    assert all(found)
    assert len(found) == len(set(found))


# Ids


def test_nodes_of_a_tree_have_ids_of_their_own(filled):
    assert_unique(filled)


def test_ids_stay_over_rename_save_and_reload(filled, tmp_path):
    before = uids(filled)
    filled.nodes["Double"].name = "Twice"
    filled.name = "Other"
    file = str(tmp_path / "tree.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    assert uids(bpy.data.node_groups["Other"]) == before


def test_ids_stay_over_undo_and_redo(filled):
    before = uids(filled)
    bpy.ops.ed.undo_push(message="before")
    filled.nodes["Double"].label = "changed"
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    assert uids(bpy.data.node_groups["Tree"]) == before
    bpy.ops.ed.redo()
    assert uids(bpy.data.node_groups["Tree"]) == before
    assert find_node(bpy.data.node_groups["Tree"], before[1]).label == "changed"


def test_copied_tree_has_ids_of_its_own_and_runs(filled):
    copy = filled.copy()
    assert_unique(filled, copy)
    assert background_nodes.run(copy, until="Double", allow_scripts=True).state == "succeeded"


def test_tree_appended_twice_has_ids_of_its_own(filled, tmp_path):
    file = str(tmp_path / "tree.blend")
    bpy.data.libraries.write(file, {filled})
    for _ in range(2):
        with bpy.data.libraries.load(file) as (available, wanted):
            wanted.node_groups = available.node_groups
    renew_duplicates()  # as each run does
    assert len(bpy.data.node_groups) == 3
    assert_unique(*bpy.data.node_groups)


def test_original_keeps_its_ids_when_copies_get_new_ones(filled, tmp_path):
    before = uids(filled)
    file = str(tmp_path / "tree.blend")
    filled.name = "Z"  # after the copy in the order of names
    bpy.data.libraries.write(file, {filled})
    with bpy.data.libraries.load(file) as (_available, wanted):
        wanted.node_groups = ["Z"]
    bpy.data.node_groups["Z.001"].name = "A"
    renew_duplicates()
    assert uids(bpy.data.node_groups["Z"]) == before


def test_duplicated_nodes_have_ids_of_their_own(filled):
    for node in filled.nodes:
        node.select = True
    with editor(filled):
        bpy.ops.node.duplicate(keep_inputs=True)
    assert len(filled.nodes) == 8
    assert_unique(filled)


def test_pasted_nodes_have_ids_of_their_own(filled):
    for node in filled.nodes:
        node.select = True
    other = new_tree("Other")
    with editor(filled):
        bpy.ops.node.clipboard_copy()
        bpy.ops.node.clipboard_paste()
    with editor(other):
        bpy.ops.node.clipboard_paste()
    assert len(filled.nodes) == 8
    assert len(other.nodes) == 4
    assert_unique(filled, other)


# Input and Output nodes


def test_input_node_of_another_type_keeps_its_link_and_is_refused(tree):
    number = value(tree, "INT", 3)
    script(tree, "Use", "def main(number: int): ...", number=number)
    number.data_type = "STRING"
    assert len(tree.links) == 1
    with pytest.raises(background_nodes.CompileError, match="string can't become int"):
        background_nodes.run(tree)


def test_input_node_made_a_list_keeps_its_value(tree):
    numbers = value(tree, "INT", 3)
    numbers.is_list = True
    assert numbers.outputs[0].default_value == (3,)
    numbers.is_list = False
    assert numbers.outputs[0].default_value == 3


def test_input_node_is_labelled_by_what_it_gives(tree):
    assert value(tree, "INT", 3).draw_label() == "Integer"
    assert value(tree, "Mesh", [], is_list=True).draw_label() == "Mesh List"


def test_data_type_of_an_input_node_survives_reload(tree, tmp_path):
    value(tree, "Object", quad(), name="Object")
    value(tree, "FLOAT", [0.5], is_list=True, name="Floats")
    file = str(tmp_path / "tree.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    nodes = bpy.data.node_groups["Tree"].nodes
    assert (nodes["Object"].data_type, nodes["Floats"].data_type) == ("Object", "FLOAT")
    assert nodes["Object"].outputs[0].default_value == bpy.data.objects["Quad"]
    assert nodes["Floats"].outputs[0].default_value == (0.5,)


def test_tree_nobody_looks_at_survives_save_and_reload(tree, tmp_path):
    add(tree, "BackgroundNodeOutput")
    file = str(tmp_path / "tree.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    assert "Tree" in bpy.data.node_groups


@pytest.mark.parametrize("is_list", [False, True])
@pytest.mark.parametrize("data_type", ["COLOR", "VECTOR", "ROTATION"])
def test_value_kept_for_another_socket_does_not_hang_on_its_own(tree, data_type, is_list):
    first, second = (0.25, 0.5, 0.75), (1.0, 1.0, 1.0)
    socket = value(tree, data_type, [first] if is_list else first, is_list=is_list).outputs[0]
    kept = _value_to_keep(socket, SocketSpec("value", "Value", SocketType(data_type, not is_list)))
    socket.default_value = [second] if is_list else second
    assert tuple(kept if is_list else kept[0]) == first
