# SPDX-License-Identifier: GPL-3.0-or-later
"""The node Geometry Nodes: the inputs of an asset, set by their names."""

from __future__ import annotations

import bpy
import pytest

from .scenes import cube, material, mesh_object, run


def group(*sockets: tuple[str, str]) -> bpy.types.NodeTree:
    """Makes a cube for each of Count along X, of the size Size, with a material; other inputs do nothing."""
    tree = bpy.data.node_groups.new("Row", "GeometryNodeTree")
    tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    tree.interface.new_socket("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    for name, kind in (("Count", "Int"), ("Size", "Float"), ("Material", "Material"), *sockets):
        tree.interface.new_socket(name, in_out="INPUT", socket_type=f"NodeSocket{kind}")
    count = next(item for item in tree.interface.items_tree if item.name == "Count")
    count.default_value, count.min_value, count.max_value = 1, 1, 50
    kinds = ("NodeGroupInput", "GeometryNodeMeshLine", "GeometryNodeMeshCube", "GeometryNodeInstanceOnPoints")
    given, line, shape, instances, colored, real, result = map(
        tree.nodes.new, (*kinds, "GeometryNodeSetMaterial", "GeometryNodeRealizeInstances", "NodeGroupOutput")
    )
    for source, target in (
        (given.outputs["Count"], line.inputs["Count"]),
        (given.outputs["Size"], shape.inputs["Size"]),
        (line.outputs[0], instances.inputs["Points"]),
        (shape.outputs[0], instances.inputs["Instance"]),
        (instances.outputs[0], colored.inputs["Geometry"]),
        (given.outputs["Material"], colored.inputs["Material"]),
        (colored.outputs[0], real.inputs[0]),
        (real.outputs[0], result.inputs[0]),
    ):
        tree.links.new(source, target)
    return tree


@pytest.fixture
def source():
    item = mesh_object("Row", [(0, 0, 0)], [])
    item.modifiers.new("Row", "NODES").node_group = group(("Color", "Color"), ("On", "Bool"), ("Turn", "Rotation"))
    return item


def test_inputs_are_set_by_their_names_and_show_in_what_comes_out(source):
    red = material("Red")
    settings = {"Count": 3, "Size": 0.5, "Material": "Red", "Color": [1, 0, 0], "On": True, "Turn": [0, 0, 1]}
    found = run("mesh/geometry_nodes", source, settings, apply=True, suffix="_{Count}_{Size}")
    assert (found.result.name, found.faces) == ("Row_3_0.5", 18)
    assert len(found.result.data.polygons) == 18
    assert found.result.dimensions.y == pytest.approx(0.5)
    assert red.name in found.result.data.materials
    assert not found.result.modifiers


def test_modifier_stays_and_can_be_added(source):
    assert run("mesh/geometry_nodes", source, {"Count": 2}).result.modifiers[0].type == "NODES"
    box = cube("Box")
    found = run("mesh/geometry_nodes", box, {"Count": 4, "Size": 1}, node_group=source.modifiers[0].node_group)
    assert (found.faces, [each.type for each in found.result.modifiers]) == (24, ["NODES"])


def test_choice_of_a_menu_is_set_by_its_name(source):
    tree = source.modifiers[0].node_group
    tree.interface.new_socket("Shape", in_out="INPUT", socket_type="NodeSocketMenu")
    switch = tree.nodes.new("GeometryNodeMenuSwitch")
    switch.data_type = "INT"
    switch.enum_items.clear()
    for name in ("One", "Five"):
        switch.enum_items.new(name)
    given = next(node for node in tree.nodes if node.type == "GROUP_INPUT")
    line = next(
        node for node in tree.nodes if node.type == "MESH_PRIMITIVE_LINE" or node.bl_idname.endswith("MeshLine")
    )
    switch.inputs["One"].default_value, switch.inputs["Five"].default_value = 1, 5
    tree.links.new(given.outputs["Shape"], switch.inputs[0])
    tree.links.new(switch.outputs[0], line.inputs["Count"])
    assert run("mesh/geometry_nodes", source, {"Shape": "Five", "Size": 1}).faces == 30
    assert run("mesh/geometry_nodes", source, {"Shape": "One"}).faces == 6
    with pytest.raises(ValueError, match="'Six' does not fit Shape of Row, which takes a menu: One, Five"):
        run("mesh/geometry_nodes", source, {"Shape": "Six"})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"Counts": 3}, "Row has no input Counts; it has Count, Size, Material"),
        ({"Count": 2.5}, "2.5 does not fit Count of Row, which takes a int from 1 to 50"),
        ({"Count": 51}, "51 does not fit Count"),
        ({"Size": "large"}, "'large' does not fit Size"),
        ({"Material": "Gone"}, "'Gone' does not fit Material"),
        ({"Color": [1, 0]}, "does not fit Color"),
    ],
)
def test_what_does_not_fit_is_a_clear_error(source, settings, message):
    with pytest.raises(ValueError, match=message):
        run("mesh/geometry_nodes", source, settings)


def test_object_without_geometry_nodes_is_a_clear_error():
    with pytest.raises(ValueError, match="Box has no Geometry Nodes; add some, or link Node Group"):
        run("mesh/geometry_nodes", cube("Box"), {})
