"""Fingerprints: the same as long as a data-block does not change, another one after any change.

The cases are those of data_block_cases/: each property that a script can set is set, one after the other. Whether that
changed anything is told by Blender, not by the fingerprint.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import bpy
import pytest

from background_nodes.runtime.blender import data_block_kinds, whole_file
from background_nodes.runtime.worker.changes.fingerprint import Fingerprint, by_name, fingerprint

from . import data_block_cases
from .content import is_compared
from .data_block_cases import changes
from .data_block_cases.changes import Change
from .graphs import new_material, quad

CASES = data_block_cases.all_cases()
#: Kinds and cases that count as changed whatever happens: see `DOUBLED` in data_block_cases/exceptions.py.
UNREAD_KINDS = {"Brush", "CacheFile", "Mask", "Scene", "Volume"}
UNREAD = {"mesh_large", "image_tiles_painted", "image_tiles_painted_float"}
if bpy.app.version < (4, 5, 0):
    UNREAD |= {"object_cloth_baked", "object_particles"}
READ = [name for name, case in CASES.items() if case.kind not in UNREAD_KINDS and name not in UNREAD]


def grid(num_vertices: int) -> bpy.types.Mesh:
    """A mesh with edges, faces, UVs, an attribute and a material slot."""
    side = int(num_vertices**0.5) - 1
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=side, y_subdivisions=side)
    mesh = bpy.context.object.data
    mesh.attributes.new("weight", "FLOAT", "POINT")
    mesh.materials.append(None)
    return mesh


def mapped() -> bpy.types.Mesh:
    mesh = quad().data
    for name in ("One", "Two"):
        mesh.uv_layers.new(name=name)
    return mesh


def weighted(num_vertices: int) -> bpy.types.Mesh:
    mesh = grid(num_vertices)
    bpy.context.object.vertex_groups.new(name="Group").add(range(50, 60), 0.5, "REPLACE")
    return mesh


def textured() -> bpy.types.Material:
    material = new_material("Material")
    material.node_tree.nodes.new("ShaderNodeTexImage").image = bpy.data.images.new("Image", 2, 2)
    return material


def lit() -> bpy.types.Light:
    return bpy.data.lights.new("Light", "POINT")


def grouped() -> bpy.types.NodeTree:
    """Geometry nodes with two boxes; the first one is linked to the output."""
    group = bpy.data.node_groups.new("Group", "GeometryNodeTree")
    group.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    output = group.nodes.new("NodeGroupOutput")
    for name in ("Other", "Box"):
        group.nodes.new("GeometryNodeMeshCube").name = name
    group.links.new(group.nodes["Box"].outputs[0], output.inputs[0])
    return group


def coloured() -> bpy.types.Material:
    """A material with two colour nodes; the first one is linked to the base colour."""
    material = new_material("Coloured")
    tree = material.node_tree
    for name in ("Other", "Colour"):
        tree.nodes.new("ShaderNodeRGB").name = name
    tree.links.new(tree.nodes["Colour"].outputs[0], shader(material).inputs["Base Color"])
    return material


def shader(material: bpy.types.Material) -> bpy.types.Node:
    return next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")


def relink(tree: bpy.types.NodeTree) -> None:
    """Let the last link come from another node of the same kind."""
    link = tree.links[-1]
    tree.links.new(tree.nodes["Other"].outputs[0], link.to_socket)


def morphed() -> bpy.types.Object:
    item = quad("Morphed")
    for name in ("Basis", "One", "Two"):
        item.shape_key_add(name=name)
    return item


def boned() -> bpy.types.Object:
    """An armature of three bones, of which the last may bend with the others."""
    rig = rigged()
    edit_bones(rig, lambda bones: [bones.new(name).tail.__setitem__(2, 1) for name in ("Second", "Third")])
    return rig


def edit_bones(rig: bpy.types.Object, change) -> None:
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    change(rig.data.edit_bones)
    bpy.ops.object.mode_set(mode="OBJECT")


def deformed() -> bpy.types.Object:
    item = quad("Deformed")
    item.vertex_groups.new(name="Group").add([0, 1], 0.5, "REPLACE")
    item.modifiers.new("Bevel", "BEVEL")
    item["custom"] = [1, 2]
    return item


def rigged() -> bpy.types.Object:
    bpy.ops.object.armature_add()
    bpy.context.object.keyframe_insert("location", frame=1)
    return bpy.context.object


def bent() -> bpy.types.Curve:
    bpy.ops.curve.primitive_bezier_circle_add()
    return bpy.context.object.data


def packed() -> bpy.types.Image:
    image = bpy.data.images.new("Packed", 2, 2)
    image.pack()
    return image


def gathered() -> bpy.types.Collection:
    collection = bpy.data.collections.new("Collection")
    collection.objects.link(quad())
    return collection


MAKERS = {
    "rig": rigged,
    "armature": lambda: rigged().data,
    "action": lambda: rigged().animation_data.action,
    "curve": bent,
    "collection": gathered,
    "small mesh": lambda: quad().data,
    "mesh with UV maps": mapped,
    "large mesh": lambda: grid(10_000),
    "mesh in chunks": lambda: grid(720_000),
    "large mesh with weights": lambda: weighted(10_000),
    "material": textured,
    "material of colours": coloured,
    "light": lit,
    "node group": grouped,
    "object": deformed,
    "object with shape keys": morphed,
    "rig of bones": boned,
    "bones": lambda: boned().data,
    "packed image": packed,
    "text": lambda: bpy.data.texts.new("Text"),
    "world": lambda: bpy.data.worlds.new("World"),
    "camera": lambda: bpy.data.cameras.new("Camera"),
    "image": lambda: bpy.data.images.new("Image", 4, 4),
}

CHANGES = {
    "vertex of a small mesh": ("small mesh", lambda mesh: mesh.vertices[3].co.__setitem__(2, 0.001)),
    "last vertex of a large mesh": ("large mesh", lambda mesh: mesh.vertices[9_999].co.__setitem__(0, 0.001)),
    "last vertex of a mesh in chunks": ("mesh in chunks", lambda mesh: mesh.vertices[-1].co.__setitem__(0, 0.001)),
    "attribute of a mesh": ("large mesh", lambda mesh: setattr(mesh.attributes["weight"].data[7], "value", 0.5)),
    "new attribute": ("small mesh", lambda mesh: mesh.attributes.new("more", "INT", "FACE")),
    "UV": ("small mesh", lambda mesh: mesh.uv_layers.new(name="UV")),
    "smooth face": (
        "small mesh",
        lambda mesh: setattr(mesh.polygons[0], "use_smooth", not mesh.polygons[0].use_smooth),
    ),
    "material slot": ("small mesh", lambda mesh: mesh.materials.append(None)),
    "shape key": ("object", lambda item: item.shape_key_add(name="Key")),
    "value of a node's socket": (
        "material",
        lambda material: setattr(shader(material).inputs["Roughness"], "default_value", 0.125),
    ),
    "link of a node tree": ("material", lambda material: material.node_tree.links.clear()),
    "image of a node": ("material", lambda material: setattr(material.node_tree.nodes[-1], "image", None)),
    "viewport colour": ("material", lambda material: material.diffuse_color.__setitem__(0, 0.1)),
    "energy of a light": ("light", lambda light: setattr(light, "energy", 17)),
    "node of a group": ("node group", lambda group: group.nodes.remove(group.nodes[0])),
    "modifier": ("object", lambda item: setattr(item.modifiers[0], "width", 0.7)),
    "weight of a vertex of a large mesh": (
        "large mesh with weights",
        lambda mesh: bpy.context.object.vertex_groups[0].add([55], 0.25, "REPLACE"),
    ),
    "corner of a face of a large mesh": ("large mesh", lambda mesh: mesh.polygons[7_777].flip()),
    "first corner of a face of a large mesh": (
        "large mesh",
        lambda mesh: setattr(mesh.polygons[7_777], "loop_start", mesh.polygons[7_778].loop_start),
    ),
    "UV of a large mesh": ("large mesh", lambda mesh: setattr(mesh.uv_layers[0].data[9_000], "uv", (0.5, 0.1))),
    "seam of a large mesh": ("large mesh", lambda mesh: setattr(mesh.edges[9_000], "use_seam", True)),
    "weight of a vertex": ("object", lambda item: item.vertex_groups[0].add([0], 0.25, "REPLACE")),
    "display of an object": ("object", lambda item: setattr(item.display, "show_shadows", False)),
    "custom normals": ("large mesh", lambda mesh: mesh.normals_split_custom_set_from_vertices([(1, 0, 0)] * 10_000)),
    "UV map to render": ("large mesh", lambda mesh: setattr(mesh.uv_layers.new(), "active_render", True)),
    "place of an object": ("object", lambda item: setattr(item, "location", (1, 0, 0))),
    "custom property": ("object", lambda item: item.__setitem__("custom", [1, 3])),
    "name": ("camera", lambda camera: setattr(camera, "name", "Other")),
    "world": ("world", lambda world: setattr(world, "color", (1, 0, 0))),
    "bone": ("armature", lambda armature: setattr(armature.bones[0], "use_deform", False)),
    "pose": ("rig", lambda rig: setattr(rig.pose.bones[0], "location", (1, 0, 0))),
    "key frame": ("rig", lambda rig: rig.keyframe_insert("scale", frame=2)),
    "point of a curve": ("curve", lambda curve: setattr(curve.splines[0].bezier_points[0], "co", (9, 9, 9))),
    "object of a collection": ("collection", lambda collection: collection.objects.unlink(collection.objects[0])),
    "node that a colour comes from": ("material of colours", lambda material: relink(material.node_tree)),
    "node that is the output of a group": ("node group", relink),
    "nodes that are not used": ("material", lambda material: turn(material, "use_nodes"), (5, 0)),
    "active UV map": (
        "mesh with UV maps",
        lambda mesh: setattr(mesh.uv_layers, "active_index", 1 - mesh.uv_layers.active_index),
    ),
    "shape key that another is relative to": (
        "object with shape keys",
        lambda item: setattr(
            item.data.shape_keys.key_blocks["Two"], "relative_key", item.data.shape_keys.key_blocks[1]
        ),
    ),
    "place of a bone": (
        "bones",
        lambda data: edit_bones(bpy.context.object, lambda bones: bones["Third"].tail.__setitem__(2, 5)),
    ),
    "roll of a bone": (
        "bones",
        lambda data: edit_bones(bpy.context.object, lambda bones: setattr(bones["Third"], "roll", 1)),
    ),
    "parent of a bone": (
        "bones",
        lambda data: edit_bones(bpy.context.object, lambda bones: setattr(bones["Third"], "parent", bones["Second"])),
    ),
    "bone that another bends towards": (
        "bones",
        lambda data: setattr(data.bones["Third"], "bbone_custom_handle_start", data.bones["Second"]),
    ),
    "bone that shows another": (
        "rig of bones",
        lambda rig: setattr(rig.pose.bones["Third"], "custom_shape_transform", rig.pose.bones["Second"]),
    ),
    "inverse of a parent": ("object", lambda item: item.matrix_parent_inverse[0].__setitem__(3, 5)),
    "type of a custom property": ("object", lambda item: item.__setitem__("custom", [1.0, 2.0])),
    "limit of a custom property": ("object", lambda item: item.id_properties_ui("custom").update(max=5)),
    "bytes of a packed file": ("packed image", lambda image: image.pack(data=b"other", data_len=5)),
    "text": ("text", lambda text: text.write("more")),
    "pixel": ("image", lambda image: image.pixels.__setitem__(5, 0.5)),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_data_block_that_nobody_changed_keeps_its_fingerprint(kind):
    data_block = MAKERS[kind]()
    bpy.context.view_layer.update()
    first = fingerprint(data_block)
    bpy.context.view_layer.update()
    bpy.context.evaluated_depsgraph_get()
    assert first is not None
    assert fingerprint(data_block) == first


def turn(item: bpy.types.ID, name: str) -> None:
    setattr(item, name, not getattr(item, name))


def fingerprints_around(data_block: bpy.types.ID) -> list:
    """The fingerprints of a data-block, and of the data and the action of an object."""
    items = [data_block]
    if isinstance(data_block, bpy.types.Object):
        items += [data_block.data, data_block.animation_data and data_block.animation_data.action]
    return [fingerprint(item) for item in items if item is not None]


@pytest.mark.parametrize("change", CHANGES)
def test_change_is_seen(change):
    kind, make_change, *until = CHANGES[change]
    if until and bpy.app.version[:2] >= until[0]:
        pytest.skip("this Blender can't be made to")
    data_block = MAKERS[kind]()
    before = fingerprints_around(data_block)
    make_change(data_block)
    assert fingerprints_around(data_block) != before


def attempt(change: Change, data_block: bpy.types.ID) -> bool:
    """Make a change; return whether Blender shows a difference."""
    try:
        before = change.read(data_block)
        change.make(data_block)
        return change.read(data_block) != before
    except changes.ERRORS:  # Blender refuses, or an earlier change took away what this one is of
        return False


@pytest.mark.parametrize("name", READ)
def test_each_change_of_a_property_is_seen(name, tmp_path):
    data_block_cases.use_folder(tmp_path)
    seen = Counter()
    unseen, num_changes = [], 0
    for data_block in changes.subjects(CASES[name].make()):
        before = fingerprint(data_block)
        assert before is not None
        for change in changes.of(data_block, is_compared, seen):
            is_change = attempt(change, data_block)
            after = fingerprint(data_block)
            num_changes += is_change
            if is_change and after is not None and after == before:
                unseen.append(change.label)
            before = after
    assert not unseen
    assert num_changes


@pytest.mark.parametrize("name", CASES.keys() - set(READ))
def test_data_block_that_can_not_be_read_counts_as_changed(name, tmp_path):
    data_block_cases.use_folder(tmp_path)
    assert fingerprint(CASES[name].make()) is None


def test_evaluation_and_reopening_change_no_fingerprint(tmp_path):
    data_block_cases.use_folder(tmp_path)
    for name, case in CASES.items():
        if name != "override_of_collection":  # 5.2 repairs it as it reads a file of several, and says so in an error
            case.make()
    whole_file.write(tmp_path / "all.blend")
    first = opened_again(tmp_path)
    root = bpy.context.scene.collection
    for item in bpy.data.objects:
        if item.name not in root.all_objects:
            root.objects.link(item)
    bpy.context.view_layer.update()
    bpy.context.evaluated_depsgraph_get()
    assert different(first, all_fingerprints()) == []
    assert different(first, opened_again(tmp_path)) == []


def opened_again(folder) -> dict[tuple[str, ...], Fingerprint]:
    whole_file.open_copy(folder / "all.blend", folder / "own.blend")
    bpy.context.view_layer.update()
    return all_fingerprints()


def all_fingerprints() -> dict[tuple[str, ...], Fingerprint]:
    found = {}
    for kind, item in data_block_kinds.all_data_blocks():
        if (mark := fingerprint(item, by_name)) is not None:
            found[kind, item.name, data_block_kinds.library_path(item)] = mark
    return found


def different(first, second) -> list[tuple[str, ...]]:
    return [key for key, mark in first.items() if second[key].digest != mark.digest]


def test_fingerprint_leaves_the_mesh_as_it_was():
    mesh = grid(100)
    before = [(attribute.name, attribute.data_type) for attribute in mesh.attributes]
    fingerprint(mesh)
    assert [(attribute.name, attribute.data_type) for attribute in mesh.attributes] == before


def test_references_name_what_a_data_block_uses():
    material = textured()
    cube = quad(material=material)
    assert cube.data.session_uid in fingerprint(cube).references
    assert material.session_uid in fingerprint(cube.data).references
    assert bpy.data.images["Image"].session_uid in fingerprint(material).references


def test_data_block_too_complex_to_be_read_counts_as_changed():
    assert fingerprint(bpy.context.scene) is None


def edited_mesh() -> bpy.types.Object:
    bpy.ops.mesh.primitive_uv_sphere_add()
    item = bpy.context.object
    item.vertex_groups.new(name="Group").add([0, 1], 0.5, "REPLACE")
    item.shape_key_add(name="Basis")
    item.data.color_attributes.new("Colour", "FLOAT_COLOR", "POINT")
    item.data.edges[3].use_seam = item.data.edges[4].use_edge_sharp = True
    return item


def smooth_grid() -> bpy.types.Object:
    grid(100).polygons.foreach_set("use_smooth", [True] * 81)
    return bpy.context.object


def added(operator: str, **options: object) -> Callable[[], bpy.types.Object]:
    def add() -> bpy.types.Object:
        module, name = operator.split(".")
        getattr(getattr(bpy.ops, module), name)(**options)
        return bpy.context.object

    return add


PENCIL = "object.grease_pencil_add" if bpy.app.version >= (4, 3) else "object.gpencil_add"
#: What makes an object, and the operator that selects in its Edit Mode.
EDITED = {
    "mesh": (edited_mesh, "mesh.select_all"),
    "smooth": (smooth_grid, "mesh.select_all"),
    "curve": (added("curve.primitive_bezier_circle_add"), "curve.select_all"),
    "path": (added("curve.primitive_nurbs_path_add"), "curve.select_all"),
    "surface": (added("surface.primitive_nurbs_surface_torus_add"), "curve.select_all"),
    "metaball": (added("object.metaball_add"), "mball.select_all"),
    "lattice": (added("object.add", type="LATTICE"), "lattice.select_all"),
    "armature": (added("object.armature_add", rotation=(0.3, 0.4, 0.5)), "armature.select_all"),
    "hair": (added("object.curves_random_add"), "curves.select_all"),
    "drawing": (
        added(PENCIL, type="MONKEY"),
        "grease_pencil.select_all" if bpy.app.version >= (4, 3) else "gpencil.select_all",
    ),
}


@pytest.mark.parametrize("kind", EDITED)
@pytest.mark.parametrize("action", ["SELECT", "DESELECT"])
def test_edit_mode_and_a_selection_in_it_change_no_result(kind, action):
    make, select = EDITED[kind]
    item = make()
    before = [fingerprint(each, of_result=True) for each in (item, item.data)]
    bpy.ops.object.mode_set(mode="EDIT_GPENCIL" if item.type == "GPENCIL" else "EDIT")
    assert added(select, action=action)() == item
    bpy.ops.object.mode_set(mode="OBJECT")
    assert None not in before
    assert [fingerprint(each, of_result=True) for each in (item, item.data)] == before


@pytest.mark.parametrize("name", [".hide_vert", "sharp_face", "sharp_edge"])
def test_what_a_mesh_hides_or_sharpens_changes_a_result_but_an_empty_list_of_it_does_not(name):
    mesh = grid(100)
    if name in mesh.attributes:
        mesh.attributes.remove(mesh.attributes[name])
    before = fingerprint(mesh, of_result=True)
    domain = {".hide_vert": "POINT", "sharp_face": "FACE", "sharp_edge": "EDGE"}[name]
    made = mesh.attributes.new(name, "BOOLEAN", domain)
    assert fingerprint(mesh, of_result=True) == before
    made.data[0].value = True
    assert fingerprint(mesh, of_result=True) != before
