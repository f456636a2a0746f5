"""What a script can change of what an object uses, in the ways that no property alone shows.

make()                  an object in the scene, and what it uses
CHANGES[name].script    the lines that change something of what `item`, that object, uses
CHANGES[name].look      what shows the change, as an expression of `item`
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy

from .graphs import link_to_scene, new_material, quad


@dataclass(frozen=True)
class DependencyChange:
    """Lines that change something, and an expression, in plain values, that shows it."""

    script: str
    look: str

    def seen(self, item: bpy.types.Object) -> object:
        return eval(self.look, {"item": item})  # noqa: S307 (an expression of this file)


_EDIT_BONES = """
if rig.name not in bpy.context.view_layer.objects:
    bpy.context.scene.collection.objects.link(rig)
bpy.context.view_layer.objects.active = rig
bpy.ops.object.mode_set(mode="EDIT")
rig.data.edit_bones["Third"].tail.z = 5
bpy.ops.object.mode_set(mode="OBJECT")
"""
_RELINK = """
tree.links.new(tree.nodes["Other"].outputs[0], tree.links[-1].to_socket)
"""
CHANGES = {
    "a link from another node": DependencyChange(
        f"tree = item.data.materials[0].node_tree{_RELINK}",
        "item.data.materials[0].node_tree.links[-1].from_node.name",
    ),
    "the output of a group": DependencyChange(
        f"tree = item.modifiers['Nodes'].node_group{_RELINK}",
        "item.modifiers['Nodes'].node_group.links[-1].from_node.name",
    ),
    "the place of a bone": DependencyChange(
        f"rig = item.modifiers['Rig'].object{_EDIT_BONES}",
        "tuple(item.modifiers['Rig'].object.data.bones['Third'].tail_local)",
    ),
    "a handle of a bone": DependencyChange(
        "bones = item.modifiers['Rig'].object.data.bones\nbones['Third'].bbone_custom_handle_start = bones['Second']",
        "getattr(item.modifiers['Rig'].object.data.bones['Third'].bbone_custom_handle_start, 'name', '')",
    ),
    "the inverse of a parent": DependencyChange(
        "item.modifiers['Target'].target.matrix_parent_inverse[0][3] = 5",
        "item.modifiers['Target'].target.matrix_parent_inverse[0][3]",
    ),
    "another relative shape key": DependencyChange(
        "keys = item.modifiers['Target'].target.data.shape_keys.key_blocks\nkeys['Two'].relative_key = keys['One']",
        "item.modifiers['Target'].target.data.shape_keys.key_blocks['Two'].relative_key.name",
    ),
    "the active UV map": DependencyChange(
        "maps = item.modifiers['Target'].target.data.uv_layers\nmaps.active_index = 1 - maps.active_index",
        "item.modifiers['Target'].target.data.uv_layers.active_index",
    ),
}


def make() -> bpy.types.Object:
    """An object in the scene with a material, a rig, geometry nodes, and another object as a target."""
    material = new_material("Material")
    _two_ways(material.node_tree, "ShaderNodeRGB", next(iter(material.node_tree.nodes)).inputs[0])
    item = quad("Item", material=material)
    item.modifiers.new("Rig", "ARMATURE").object = _rig()
    group = bpy.data.node_groups.new("Group", "GeometryNodeTree")
    group.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    _two_ways(group, "GeometryNodeMeshCube", group.nodes.new("NodeGroupOutput").inputs[0])
    item.modifiers.new("Nodes", "NODES").node_group = group
    item.modifiers.new("Target", "SHRINKWRAP").target = _target()
    bpy.context.view_layer.update()
    return item


def _two_ways(tree: bpy.types.NodeTree, kind: str, socket: bpy.types.NodeSocket) -> None:
    for name in ("Other", "First"):
        tree.nodes.new(kind).name = name
    tree.links.new(tree.nodes["First"].outputs[0], socket)


def _rig() -> bpy.types.Object:
    rig = link_to_scene(bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig")))
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for name in ("First", "Second", "Third"):
        rig.data.edit_bones.new(name).tail.z = 1
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def _target() -> bpy.types.Object:
    target = quad("Target", size=2)
    target.parent = link_to_scene(bpy.data.objects.new("Parent", None))
    for name in ("Basis", "One", "Two"):
        target.shape_key_add(name=name)
    for name in ("One", "Two"):
        target.data.uv_layers.new(name=name)
    return target
