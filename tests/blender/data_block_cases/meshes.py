"""Meshes, with their shape keys and materials."""

from __future__ import annotations

import bpy
import numpy

from . import case
from .variation import vary

#: What holds the numbers of an item of an attribute, whatever its type.
_FIELDS = ("value", "vector", "color")


def grid(name: str, side: int = 5) -> bpy.types.Mesh:
    """A grid of `side` times `side` vertices, 1 unit apart."""
    points = [(x, y, 0.1 * x * y) for y in range(side) for x in range(side)]
    corners = [y * side + x for y in range(side - 1) for x in range(side - 1)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points, [], [(first, first + 1, first + side + 1, first + side) for first in corners])
    return mesh


def mesh_object(name: str, mesh: bpy.types.Mesh | None = None) -> bpy.types.Object:
    """An object in the scene."""
    return linked(bpy.data.objects.new(name, mesh or grid(name)))


def linked(item: bpy.types.Object) -> bpy.types.Object:
    bpy.context.scene.collection.objects.link(item)
    return item


def add_attributes(data: bpy.types.ID, domains: tuple[str, ...]) -> None:
    """An attribute of each type on each domain, filled with numbers."""
    for domain in domains:
        for choice in bpy.types.Attribute.bl_rna.properties["data_type"].enum_items:
            try:
                attribute = data.attributes.new(f"{domain} {choice.identifier}", choice.identifier, domain)
            except (TypeError, RuntimeError):  # this version, or this data, has none such
                continue
            fill(attribute)


def fill(attribute: bpy.types.Attribute) -> None:
    if attribute.data_type == "STRING":
        for index, item in enumerate(attribute.data):
            item.value = f"text {index} ä".encode()
        return
    if not attribute.data:
        return
    properties = type(attribute.data[0]).bl_rna.properties
    field = next(name for name in _FIELDS if name in properties)
    width = max(1, properties[field].array_length)
    values = numpy.arange(len(attribute.data) * width)
    if attribute.data_type in {"FLOAT", "FLOAT_VECTOR", "FLOAT2", "FLOAT4", "QUATERNION", "FLOAT4X4"}:
        values = values.astype(numpy.float32) / 7
    elif attribute.data_type in {"FLOAT_COLOR", "BYTE_COLOR"}:
        values = (values % 11).astype(numpy.float32) / 10
    elif attribute.data_type == "BOOLEAN":
        values = values % 3 == 0
    elif attribute.data_type == "INT8":
        values = values % 100 - 50
    elif attribute.data_type == "INT16_2D":
        values = values % 30_000
    attribute.data.foreach_set(field, values)


@case("Mesh")
def mesh_attributes() -> bpy.types.ID:
    mesh = grid("Attributes")
    add_attributes(mesh, ("POINT", "EDGE", "FACE", "CORNER"))
    mesh.attributes.active_index = 3
    return mesh


@case("Mesh")
def mesh_large() -> bpy.types.ID:
    mesh = grid("Large", 100)
    add_attributes(mesh, ("POINT", "CORNER"))
    return mesh


@case("Mesh")
def mesh_empty() -> bpy.types.ID:
    return bpy.data.meshes.new("Empty mesh")


@case("Mesh")
def mesh_loose() -> bpy.types.ID:
    mesh = bpy.data.meshes.new("Loose")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0), (5, 5, 5)], [(0, 1), (1, 2)], [])
    return mesh


@case("Mesh")
def mesh_ngons() -> bpy.types.ID:
    mesh = bpy.data.meshes.new("N-gons")
    points = [(0, 0, 0), (2, 0, 0), (3, 1, 0), (2, 2, 0), (0, 2, 0), (-1, 1, 0), (1, 1, 2)]
    mesh.from_pydata(points, [], [(0, 1, 2, 3, 4, 5), (0, 1, 6), (3, 4, 6)])
    return mesh


@case("Mesh")
def mesh_uv_maps() -> bpy.types.ID:
    mesh = grid("UV maps")
    for number in range(3):
        layer = mesh.uv_layers.new(name=f"UV {number} ä")
        values = numpy.arange(2 * len(mesh.loops), dtype=numpy.float32) / (50 + number)
        layer.uv.foreach_set("vector", values)
    mesh.attributes.new(f".pn.{mesh.uv_layers[0].name}", "BOOLEAN", "CORNER")  # before 5.0 Blender makes it too small
    mesh.uv_layers[0].data[3].pin_uv = True
    mesh.uv_layers.active_index = 2
    mesh.uv_layers[1].active_render = True
    mesh.uv_layers[0].active_clone = True
    return mesh


@case("Mesh")
def mesh_color_attributes() -> bpy.types.ID:
    mesh = grid("Colours")
    for domain in ("POINT", "CORNER"):
        for data_type in ("BYTE_COLOR", "FLOAT_COLOR"):
            fill(mesh.color_attributes.new(f"{domain} {data_type}", data_type, domain))
    mesh.color_attributes.active_color_index = 2
    mesh.color_attributes.render_color_index = 1
    return mesh


@case("Mesh")
def mesh_custom_normals() -> bpy.types.ID:
    mesh = grid("Custom normals")
    mesh.normals_split_custom_set([(0, (index % 5) / 10, 1) for index in range(len(mesh.loops))])
    return mesh


@case("Mesh", since=(4, 5))
def mesh_free_normals() -> bpy.types.ID:
    mesh = grid("Free normals")
    attribute = mesh.attributes.new("custom_normal", "FLOAT_VECTOR", "POINT")
    attribute.data.foreach_set("vector", [(index % 7) / 7 for index in range(3 * len(mesh.vertices))])
    return mesh


@case("Mesh")
def mesh_edges_and_faces() -> bpy.types.ID:
    """Sharp, creased, bevelled, seamed, smooth, hidden, selected, of several materials."""
    mesh = grid("Edges")
    for index, edge in enumerate(mesh.edges):
        edge.use_seam, edge.use_edge_sharp, edge.hide = index % 2 == 0, index % 3 == 0, index % 11 == 10
        if hasattr(edge, "use_freestyle_mark"):  # an attribute since 5.0
            edge.use_freestyle_mark = index % 5 == 0
    for name, domain in (("crease_edge", "EDGE"), ("bevel_weight_edge", "EDGE"), ("crease_vert", "POINT")):
        attribute = mesh.attributes.new(name, "FLOAT", domain)
        attribute.data.foreach_set("value", [(index % 5) / 4 for index in range(len(attribute.data))])
    for index in range(3):
        mesh.materials.append(bpy.data.materials.new(f"Slot {index}") if index != 1 else None)
    for index, face in enumerate(mesh.polygons):
        face.material_index, face.use_smooth, face.hide = index % 3, index % 2 == 0, index == 5
        face.select = index % 4 == 0
        if hasattr(face, "use_freestyle_mark"):
            face.use_freestyle_mark = index % 5 == 0
    for vertex in mesh.vertices:
        vertex.select = vertex.index % 2 == 0
    return mesh


@case("Mesh")
def mesh_settings() -> bpy.types.ID:
    mesh = vary(grid("Settings"), texture_mesh=grid("Texture mesh"), use_auto_texspace=False)
    mesh.texspace_location, mesh.texspace_size = (1, 2, 3), (4, 5, 6)
    return mesh


@case("Mesh")
def mesh_animated() -> bpy.types.ID:
    mesh = grid("Animated")
    mesh["amount"] = 0.5
    mesh.keyframe_insert('["amount"]', frame=1)
    mesh["amount"] = 1.5
    mesh.keyframe_insert('["amount"]', frame=20)
    return mesh


@case("Mesh")
def mesh_sculpted() -> bpy.types.ID:
    mesh = grid("Sculpted")
    for name, data_type, domain in ((".sculpt_mask", "FLOAT", "POINT"), (".sculpt_face_set", "INT", "FACE")):
        fill(mesh.attributes.new(name, data_type, domain))
    return mesh


# Shape keys and vertex groups


def add_shape_keys(item: bpy.types.Object) -> bpy.types.Key:
    item.shape_key_add(name="Basis")
    for number in range(1, 4):
        block = item.shape_key_add(name=f"Key {number} ä", from_mix=False)
        block.slider_min, block.slider_max, block.value = -1, 2, number / 8
        for index, point in enumerate(block.data):
            point.co.z += number * index / 10
    keys = item.data.shape_keys
    keys.name = f"Keys of {item.name}"
    blocks = keys.key_blocks
    blocks[2].relative_key, blocks[2].mute = blocks[1], True
    if hasattr(blocks[3], "lock_shape"):
        blocks[3].lock_shape = True
    item.active_shape_key_index = 2
    return keys


@case("Object")
def object_shape_keys() -> bpy.types.ID:
    item = mesh_object("Shape keys")
    item.vertex_groups.new(name="Half").add([0, 1, 2, 3], 0.5, "REPLACE")
    keys = add_shape_keys(item)
    keys.key_blocks[1].vertex_group = "Half"
    keys.key_blocks[1].keyframe_insert("value", frame=1)
    driver = keys.key_blocks[3].driver_add("value").driver
    driver.type = "SUM"
    variable = driver.variables.new()
    variable.targets[0].id, variable.targets[0].data_path = item, "location.x"
    item.location.x = 0.75
    item.show_only_shape_key = True
    return item


@case("Mesh")
def mesh_absolute_shape_keys() -> bpy.types.ID:
    item = mesh_object("Absolute")
    keys = add_shape_keys(item)
    keys.use_relative, keys.eval_time = False, 15.0
    keys.key_blocks[1].interpolation = "KEY_CARDINAL"
    return item.data


@case("Object")
def object_vertex_groups() -> bpy.types.ID:
    item = mesh_object("Vertex groups")
    for number in range(4):
        group = item.vertex_groups.new(name=f"Group {number} ä")
        for index in range(number, 20, number + 1):
            group.add([index], (index % 9) / 8, "REPLACE")
    item.vertex_groups[1].lock_weight = True
    item.vertex_groups.active_index = 2
    item.data.use_mirror_vertex_groups = True
    return item


@case("Object")
def object_material_slots() -> bpy.types.ID:
    item = mesh_object("Material slots")
    for number in range(4):
        item.data.materials.append(bpy.data.materials.new(f"Of data {number}") if number != 2 else None)
    for number in (1, 2):
        item.material_slots[number].link = "OBJECT"
        item.material_slots[number].material = bpy.data.materials.new(f"Of object {number}")
    item.active_material_index = 3
    for face in item.data.polygons:
        face.material_index = face.index % 4
    return item
