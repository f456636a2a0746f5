"""The dump of a data-block shows every sort of change: else the tests that compare dumps could not fail."""

from __future__ import annotations

import re

import bpy
import pytest

from .content import LEFT_OUT, differences, dump
from .graphs import new_material, quad


def rich_object() -> bpy.types.Object:
    """An object with something of every sort that a dump reads."""
    item = quad("Rich", material=new_material("Steel"))
    item.modifiers.new("Bevel", "BEVEL")
    item.modifiers.new("Boolean", "BOOLEAN").object = quad("Cutter")
    item.modifiers.new("Decimate", "DECIMATE")
    item.vertex_groups.new(name="Group").add([0, 1], 0.5, "REPLACE")
    item.shape_key_add(name="Basis")
    item.shape_key_add(name="Raised").value = 0.25
    item.keyframe_insert("location", frame=1)
    item.data.attributes.new("Heat", "FLOAT", "POINT")
    item["int"], item["float"], item["bool"], item["text"] = 1, 1.5, True, "ä"
    item["numbers"], item["data"] = [1, 2, 3], item.data
    item["group"] = {"inner": {"deep": 1}}
    item.id_properties_ui("int").update(min=0, max=10, description="How many")
    item.data.materials.append(None)
    return item


def node_of(item: bpy.types.Object) -> bpy.types.Node:
    return next(node for node in item.data.materials[0].node_tree.nodes if node.type == "BSDF_PRINCIPLED")


def keyframe_of(item: bpy.types.Object) -> bpy.types.Keyframe:
    action = item.animation_data.action
    curves = action.layers[0].strips[0].channelbags[0].fcurves if hasattr(action, "layers") else action.fcurves
    return curves[0].keyframe_points[0]


CHANGES = {
    "boolean": lambda item: setattr(item, "hide_render", True),
    "integer": lambda item: setattr(item, "pass_index", 7),
    "float": lambda item: setattr(item, "instance_faces_scale", 1.5),
    "text": lambda item: setattr(item.modifiers[0], "name", "Other"),
    "menu": lambda item: setattr(item, "display_type", "WIRE"),
    "set": lambda item: setattr(item.modifiers[2], "delimit", {"SEAM", "SHARP"}),
    "vector": lambda item: item.location.__setitem__(2, 1e-6),
    "matrix": lambda item: item.matrix_parent_inverse[1].__setitem__(2, 0.5),
    "struct": lambda item: setattr(item.display, "show_shadows", False),
    "pointer": lambda item: setattr(item.modifiers[1], "object", None),
    "other pointer": lambda item: setattr(item.modifiers[1], "object", quad("Other")),
    "length of a collection": lambda item: item.modifiers.remove(item.modifiers[0]),
    "order of a collection": lambda item: item.modifiers.move(0, 1),
    "vertex": lambda item: item.data.vertices[3].co.__setitem__(0, 0.125),
    "face": lambda item: item.data.polygons[0].flip(),
    "edge": lambda item: setattr(item.data.edges[0], "use_seam", True),
    "attribute": lambda item: setattr(item.data.attributes["Heat"].data[1], "value", 0.5),
    "name of an attribute": lambda item: setattr(item.data.attributes["Heat"], "name", "Cold"),
    "weight of a vertex": lambda item: item.vertex_groups[0].add([0], 0.75, "REPLACE"),
    "point of a shape key": lambda item: item.data.shape_keys.key_blocks[1].data[0].co.__setitem__(0, 0.25),
    "value of a shape key": lambda item: setattr(item.data.shape_keys.key_blocks[1], "value", 0.5),
    "keyframe": lambda item: setattr(keyframe_of(item), "interpolation", "LINEAR"),
    "time of a keyframe": lambda item: keyframe_of(item).co.__setitem__(0, 2),
    "value of a socket": lambda item: setattr(node_of(item).inputs["Roughness"], "default_value", 0.1),
    "colour of a socket": lambda item: node_of(item).inputs["Base Color"].default_value.__setitem__(0, 0.1),
    "link of nodes": lambda item: item.data.materials[0].node_tree.links.clear(),
    "used by use": lambda item: setattr(item.data.materials[0], "metallic", 0.125),
    "material slot": lambda item: item.data.materials.pop(),
    "custom int": lambda item: item.__setitem__("int", 2),
    "custom int that is a float": lambda item: item.__setitem__("int", 1.0),
    "custom int that is a bool": lambda item: item.__setitem__("int", True),
    "custom float": lambda item: item.__setitem__("float", 1.25),
    "custom bool": lambda item: item.__setitem__("bool", False),
    "custom text": lambda item: item.__setitem__("text", "a"),
    "custom array": lambda item: item.__setitem__("numbers", [1, 2, 4]),
    "custom array of floats": lambda item: item.__setitem__("numbers", [1.0, 2.0, 3.0]),
    "custom data-block": lambda item: item.__setitem__("data", item.modifiers[1].object),
    "custom group": lambda item: item["group"]["inner"].__setitem__("deep", 2),
    "limit of a custom int": lambda item: item.id_properties_ui("int").update(max=11),
    "description of a custom int": lambda item: item.id_properties_ui("int").update(description="Other"),
    "new custom property": lambda item: item.__setitem__("more", 1),
    "lost custom property": lambda item: item.__delitem__("int"),
}


def test_dump_of_what_nobody_changed_is_the_same_and_plain():
    import json

    item = rich_object()
    first = dump(item)
    assert differences(first, dump(item)) == ([], {})
    assert json.loads(json.dumps(first, allow_nan=False)) == first
    assert {"Object Rich", "Mesh Rich", "Material Steel", "Object Cutter", "Key Key"} <= first["blocks"].keys()


@pytest.mark.parametrize("name", CHANGES)
def test_dump_tells_of_a_change(name):
    item = rich_object()
    before = dump(item)
    CHANGES[name](item)
    assert differences(before, dump(item)) != ([], {})


def test_dump_tells_of_a_number_in_a_long_array():
    from .data_block_cases.meshes import grid

    mesh = grid("Long", 100)
    before = dump(mesh)
    mesh.vertices[9_999].co.z += 1
    assert differences(before, dump(mesh))[0]


def test_data_blocks_of_other_names_are_told_and_compared():
    one = bpy.data.objects.new("Cube", bpy.data.meshes.new("Cube"))
    other = bpy.data.objects.new("Cube", bpy.data.meshes.new("Cube"))
    renamed = {"Object Cube": "Object Cube.001", "Mesh Cube": "Mesh Cube.001"}
    assert differences(dump(one), dump(other)) == ([], renamed)
    other.data["x"] = 1
    assert differences(dump(one), dump(other))[0][0] == "Mesh Cube: ['x']: nothing != {'int': 1}"


def test_two_uses_of_one_data_block_differ_from_uses_of_two():
    def two_slots(first, second):
        mesh = bpy.data.meshes.new("Mesh")
        mesh.materials.append(first)
        mesh.materials.append(second)
        return dump(mesh)

    one, other = bpy.data.materials.new("A"), bpy.data.materials.new("B")
    assert differences(two_slots(one, one), two_slots(one, other))[0]
    assert differences(two_slots(one, other), two_slots(other, other))[0]


@pytest.mark.parametrize("entry", LEFT_OUT)
def test_what_is_left_out_is_there(entry):
    """An entry without a property is a typing error, except in the versions that its reason names."""
    versions = {word: (int(x), int(y)) for word, x, y in re.findall(r"(since|until) (\d)\.(\d)", LEFT_OUT[entry])}
    here = versions.get("since", (0, 0)) <= bpy.app.version[:2] < versions.get("until", (99, 0))
    cls, _, name = entry.partition(".")
    found = getattr(bpy.types, cls, None)
    assert here == (found is not None and name in found.bl_rna.properties)
