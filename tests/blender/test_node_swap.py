"""Another node in the place of the selected one: links and values stay where they fit."""

from __future__ import annotations

import bpy
import pytest

from .graphs import add, editor, new_tree, output, quad, script, value
from .test_groups import doubling, use


@pytest.fixture
def tree():
    return new_tree()


def swap(tree: bpy.types.NodeTree, choice: str, *names: str) -> bpy.types.Node:
    """Swap these nodes. Returns the active one."""
    for node in tree.nodes:
        node.select = node.name in names
    with editor(tree):
        assert bpy.ops.background_nodes.node_swap(choice=choice) == {"FINISHED"}
    return tree.nodes.active


def library(tree: bpy.types.NodeTree, name: str, **inputs: object) -> bpy.types.Node:
    node = add(tree, "BackgroundNodeScript")
    node.library_script = name
    add_inputs = {socket.identifier: socket for socket in node.inputs}
    for identifier, content in inputs.items():
        if isinstance(content, bpy.types.Node):
            tree.links.new(add_inputs[identifier], content.outputs[0])
        else:
            add_inputs[identifier].default_value = content
    return node


def links(tree: bpy.types.NodeTree) -> set[tuple[str, str, str, str]]:
    return {
        (link.from_node.name, link.from_socket.identifier, link.to_node.name, link.to_socket.identifier)
        for link in tree.links
    }


def test_swapped_node_has_place_frame_links_and_values_of_the_same_name(tree):
    source = value(tree, "Object", quad(), name="Quad")
    old = library(tree, "mesh/decimate", source=source, suffix="_mine", ratio=0.25)
    frame = add(tree, "NodeFrame", "Frame")
    old.parent, old.location, old.mute, old.retries = frame, (100.0, 50.0), True, 5
    output(tree, "LINK", old, name="Output")
    for link in tree.links:
        link.is_muted = True
    new = swap(tree, "library:mesh/voxel_remesh", old.name)
    assert len(tree.nodes) == 4
    assert all(link.is_muted for link in tree.links)
    assert (new.library_script, new.label, new.parent.name) == ("mesh/voxel_remesh", "Voxel Remesh", "Frame")
    assert (tuple(new.location), new.mute, new.retries) == ((100.0, 50.0), True, 5)
    assert new.inputs["Suffix"].default_value == "_mine"
    assert links(tree) == {
        ("Quad", "value", new.name, "source"),
        (new.name, "remeshed", "Output", "data"),
    }


def test_label_of_the_artist_stays(tree):
    old = library(tree, "mesh/decimate")
    old.label = "Far Away"
    assert swap(tree, "library:mesh/voxel_remesh", old.name).label == "Far Away"


def test_numbers_of_other_names_are_not_handed_over(tree):
    old = script(tree, "Old", "def main(ratio: float = 0.5, number: int = 3) -> int: return number", ratio=0.25)
    new_text = script(tree, "New", "def main(size: float = 2.0, number: int = 4) -> int: return number").script
    old.inputs["Number"].default_value = 7
    new = swap(tree, f"text:{new_text.name}", "Old")
    assert (new.inputs["Size"].default_value, new.inputs["Number"].default_value) == (2.0, 7)


def test_link_that_does_not_fit_goes(tree):
    number = value(tree, "INT", 3, name="Number")
    old = script(tree, "Old", "def main(source: int) -> int: return source", source=number)
    new = swap(tree, "library:mesh/decimate", old.name)
    assert links(tree) == set()
    assert new.library_script == "mesh/decimate"


def test_order_of_a_lists_links_stays(tree):
    items = [value(tree, "Object", quad(name), name=name) for name in ("A", "B", "C")]
    collect = output(tree, "LINK", items, name="Collect")
    before = [link.from_node.name for link in _in_order(collect.inputs[0])]
    middle = before[1]
    for node in tree.nodes:
        node.label = node.name
    new = swap(tree, "input:Object", middle)
    assert new.outputs[0].default_value.name == middle
    assert [link.from_node.label for link in _in_order(collect.inputs[0])] == before


def _in_order(socket: bpy.types.NodeSocket) -> list[bpy.types.NodeLink]:
    return sorted(socket.links, key=lambda link: link.multi_input_sort_id)


def test_several_nodes_and_a_reroute_are_swapped_at_once(tree):
    source = value(tree, "Object", quad(), name="Quad")
    reroute = add(tree, "NodeReroute", "Reroute")
    tree.links.new(reroute.inputs[0], source.outputs[0])
    second = library(tree, "mesh/decimate", source=reroute)
    swap(tree, "library:mesh/voxel_remesh", "Reroute", second.name)
    assert len([node for node in tree.nodes if getattr(node, "library_script", "") == "mesh/voxel_remesh"]) == 2
    assert {link[1::2] for link in links(tree)} == {("value", "source"), ("remeshed", "source")}


def test_group_takes_the_place_of_a_node_and_a_node_that_of_a_group(tree):
    group = doubling("Twice")
    number = value(tree, "FLOAT", 3.0, name="Number")
    old = script(tree, "Old", "def main(value: float = 1.0) -> float: return value", value=number)
    script(tree, "After", "def main(value: float = 1.0) -> float: return value", value=old)
    text = old.script.name
    node = swap(tree, "group:Twice", "Old")
    assert (node.bl_idname, node.node_tree) == ("BackgroundNodeGroup", group)
    inside, outside = node.inputs["Value"].identifier, node.outputs["Result"].identifier
    assert links(tree) == {("Number", "value", node.name, inside), (node.name, outside, "After", "value")}
    back = swap(tree, f"text:{text}", node.name)
    assert links(tree) == {("Number", "value", back.name, "value"), (back.name, "result", "After", "value")}


def test_value_of_a_group_stays_on_the_group_that_takes_its_place(tree):
    doubling("Twice"), doubling("Again")
    node = use(tree, bpy.data.node_groups["Twice"])
    node.inputs["Value"].default_value = 7.0
    new = swap(tree, "group:Again", node.name)
    assert (new.node_tree.name, new.inputs["Value"].default_value) == ("Again", 7.0)


def test_node_in_a_group_is_not_swapped_for_that_group(tree):
    group = doubling("Twice")
    for node in group.nodes:
        node.select = node.name == "Double"
    with editor(group), pytest.raises(RuntimeError, match="it would be in itself"):
        bpy.ops.background_nodes.node_swap(choice="group:Twice")
    assert [node.name for node in group.nodes] == ["Group Input", "Group Output", "Double"]


def test_nothing_selected_says_so(tree):
    with editor(tree):
        assert not bpy.ops.background_nodes.node_swap.poll()
