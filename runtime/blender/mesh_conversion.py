# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of any type that has a surface, turned into mesh objects that may be changed, with all that they instance.

Blender's own *Convert to Mesh* leaves instances out without a word, and metaballs and collection instances as they are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import bpy

#: What stays the same object when Blender converts it.
_CURVES = frozenset({"CURVE", "SURFACE", "FONT"})
#: What can't become a mesh itself.
_CONVERTED_BESIDE = frozenset({"META", "EMPTY"})
#: Modifiers that make no shape.
_SHAPELESS = frozenset({"PARTICLE_SYSTEM", "COLLISION"})


def has_surface(source: bpy.types.Object) -> bool:
    """Whether `convert_to_mesh` takes it."""
    return source.type in ("MESH", "META", *_CURVES) or (source.type == "EMPTY" and bool(source.instance_collection))


def convert_to_mesh(source: bpy.types.Object, *, keep_modifiers: bool = False) -> bpy.types.Object:
    """As `script.convert_to_mesh`."""
    _check(source)
    if source.type in _CONVERTED_BESIDE:
        return _converted_beside(source)
    source = editable(source)
    if source.type == "MESH" and keep_modifiers:
        mesh = source.data
        if mesh.users > 1 or mesh.library or mesh.override_library:
            source.data = editable(mesh.copy())
        return source
    with _shown(source) as depsgraph, _instances_realized(source, depsgraph):
        if source.type == "MESH":
            take_mesh(source, evaluated_mesh(source, depsgraph))
        else:
            _convert_curve(source)
            _remove_modifiers(source)
    return source


@contextlib.contextmanager
def mesh_copy(source: bpy.types.Object) -> Iterator[bpy.types.Object]:
    """As `script.mesh_copy`."""
    converted = converted_copy(source)
    bpy.context.scene.collection.objects.link(converted)
    bpy.context.view_layer.update()
    mesh = converted.data
    try:
        yield converted
    finally:
        bpy.data.batch_remove({converted, mesh})


def converted_copy(source: bpy.types.Object, *, keep_modifiers: bool = False) -> bpy.types.Object:
    """As `convert_to_mesh`, of a copy: `source` stays as it is. The copy is in no collection."""
    _check(source)
    # A copy of a metaball would be a part of the same one.
    return convert_to_mesh(source if source.type in _CONVERTED_BESIDE else source.copy(), keep_modifiers=keep_modifiers)


def _check(source: bpy.types.Object) -> None:
    if not has_surface(source):
        kind = source.bl_rna.properties["type"].enum_items[source.type].name
        takes = "a mesh, curve, text, surface, metaball or collection instance"
        raise ValueError(f"{source.name} ({kind}) has no surface; link {takes}")


def editable(item: bpy.types.ID) -> bpy.types.ID:
    """As `script.editable`."""
    if item.library or item.override_library:
        item = item.copy()
    if item.override_library:
        item = item.make_local(clear_liboverride=True)
    return item


@contextlib.contextmanager
def _shown(source: bpy.types.Object) -> Iterator[bpy.types.Depsgraph]:
    """Show `source` for a while: Blender evaluates neither what is disabled in viewports nor what is in no scene."""
    place, was_hidden = bpy.data.collections.new("Shown"), source.hide_viewport
    bpy.context.scene.collection.children.link(place)  # any other collection that it is in may be hidden
    place.objects.link(source)
    source.hide_viewport = False
    try:
        yield bpy.context.evaluated_depsgraph_get()
    finally:
        source.hide_viewport = was_hidden
        bpy.data.collections.remove(place)


def evaluated_mesh(source: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> bpy.types.Mesh:
    """A new mesh: what modifiers and shape keys make of an object."""
    evaluated = source.evaluated_get(depsgraph)
    return bpy.data.meshes.new_from_object(evaluated, preserve_all_data_layers=True, depsgraph=depsgraph)


def take_mesh(source: bpy.types.Object, mesh: bpy.types.Mesh) -> None:
    """Give a mesh object a new mesh with the name and the custom properties of its old one, in place of modifiers."""
    old, name = source.data, source.data.name
    _copy_custom_properties(old, mesh)
    source.data = mesh
    if old.users == 0:
        bpy.data.meshes.remove(old)
    mesh.name = name
    _remove_modifiers(source)


def _remove_modifiers(source: bpy.types.Object) -> None:
    for modifier in list(source.modifiers):
        if modifier.type not in _SHAPELESS:
            source.modifiers.remove(modifier)


def _copy_custom_properties(source: bpy.types.ID, target: bpy.types.ID) -> None:
    defined = type(source).bl_rna.properties.keys()  # by add-ons; before 5.0, these are among the items
    for key, value in source.items():
        if key not in defined:
            target[key] = value


def _convert_curve(source: bpy.types.Object) -> None:
    if source.data.users > 1:  # the operator converts all objects that use it
        source.data = source.data.copy()
    layer = bpy.context.view_layer
    selected, active = [item for item in layer.objects if item.select_get()], layer.objects.active
    for item in selected:
        item.select_set(False)
    source.select_set(True)
    layer.objects.active = source
    curve = source.data
    bpy.ops.object.convert(target="MESH")
    _copy_custom_properties(curve, source.data)
    source.select_set(False)
    for item in selected:
        item.select_set(True)
    layer.objects.active = active


def _converted_beside(source: bpy.types.Object) -> bpy.types.Object:
    """A new mesh object where `source` is: of its parent, with its custom properties."""
    with _shown(source) as depsgraph:
        if source.type == "META":
            mesh, name = evaluated_mesh(source, depsgraph), source.data.name
        else:
            mesh, name = _instanced_mesh(source.instance_collection), source.name
        mesh.name = name
        converted = bpy.data.objects.new(source.name, mesh)
        converted.parent, converted.parent_type = source.parent, source.parent_type
        converted.parent_bone = source.parent_bone
        converted.matrix_parent_inverse = source.matrix_parent_inverse
        converted.matrix_world = source.matrix_world
    _copy_custom_properties(source, converted)
    return converted


# Instances


@contextlib.contextmanager
def _instances_realized(source: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> Iterator[None]:
    """Within the block the last modifier of `source` makes what its Geometry Nodes instance a part of its shape."""
    if not any(modifier.type == "NODES" for modifier in source.modifiers):
        yield
        return
    tree = _realizing_nodes("NodeGroupInput")
    source.modifiers.new(tree.name, "NODES").node_group = tree
    depsgraph.update()
    try:
        yield
    finally:
        bpy.data.node_groups.remove(tree)


def _instanced_mesh(collection: bpy.types.Collection) -> bpy.types.Mesh:
    """A new mesh: all that viewports show of a collection, seen from its origin."""
    shown = bpy.data.collections.new("Shown")
    shown.instance_offset = collection.instance_offset
    copies: set[bpy.types.ID] = set()
    for item in dict.fromkeys(_shown_objects(collection)):
        part, is_mirrored = item, item.matrix_world.is_negative
        if is_mirrored or item.type in _CONVERTED_BESIDE:  # all else Geometry Nodes realize as it is
            part = converted_copy(item)
            copies |= {part, part.data}
        if is_mirrored:
            part.data.flip_normals()
        shown.objects.link(part)
    tree = _realizing_nodes("GeometryNodeCollectionInfo")
    tree.nodes["Collection Info"].inputs[0].default_value = shown
    result = bpy.data.objects.new("Realized", bpy.data.meshes.new("Realized"))
    result.modifiers.new(tree.name, "NODES").node_group = tree
    with _shown(result) as depsgraph:
        mesh = evaluated_mesh(result, depsgraph)
    bpy.data.batch_remove({result, result.data, tree, shown} | copies)
    return mesh


def _shown_objects(collection: bpy.types.Collection) -> Iterator[bpy.types.Object]:
    if not collection.hide_viewport:
        yield from (item for item in collection.objects if has_surface(item) and not item.hide_viewport)
        for child in collection.children:
            yield from _shown_objects(child)


def _realizing_nodes(begin: str) -> bpy.types.NodeTree:
    """What a node gives, realized."""
    tree = bpy.data.node_groups.new("Realize Instances", "GeometryNodeTree")
    for in_out in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=in_out, socket_type="NodeSocketGeometry")
    first, realize, last = map(tree.nodes.new, (begin, "GeometryNodeRealizeInstances", "NodeGroupOutput"))
    tree.links.new(first.outputs[0], realize.inputs[0])
    tree.links.new(realize.outputs[0], last.inputs[0])
    return tree
