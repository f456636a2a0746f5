# SPDX-License-Identifier: GPL-3.0-or-later
"""FBX, USD, Alembic, STL and PLY: what other programs find in the files, and what comes back of them."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Vector

import background_nodes
from background_nodes.node_tree import reader
from background_nodes.runtime.blender import model_files, model_writers
from background_nodes.runtime.engine.used_files import noted
from background_nodes.runtime.errors import CompileError

from .. import graphs
from ..graphs import give, new_tree, script
from . import assimp_file, fbx_file
from .scenes import cube, files_in, grid, link, material, open_empty_file, picture, run, textured

try:
    import PIL.Image
    import trimesh
except ImportError:  # a real Blender's Python has nothing beside; what the wheels read is the same
    PIL = trimesh = None

# Blender's exporter of FBX with numpy 2.5, which a Python module of Blender may have beside it.
pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array")

HAS = {name: getattr(bpy.app.build_options, name) for name in ("usd", "alembic")}
NEEDED = {".usda": "usd", ".usdc": "usd", ".usdz": "usd", ".abc": "alembic"}
NAMES = {".usda": "usd", ".usdc": "usd", ".usdz": "usd", ".abc": "alembic", ".fbx": "fbx", ".stl": "stl", ".ply": "ply"}
#: Those that keep objects apart, with names, parents and materials.
WITH_OBJECTS = (".fbx", ".usdc", ".usda", ".usdz", ".abc")
MESHES = (".stl", ".ply")
#: Those with a node that writes a file of each object, beside FBX, glTF and OBJ.
EACH = (".usdc", ".abc", *MESHES)
PLACES = ("As in the Scene", "At the Origin", "Not Turned, at the Origin")


def skip_without(ending: str) -> None:
    if not HAS.get(NEEDED.get(ending, ""), True):
        pytest.skip(f"this Blender was built without {NEEDED[ending]}")


def export(objects, path: Path, **options) -> Path:
    skip_without(path.suffix)
    return run(f"import_export/export_{NAMES[path.suffix]}", objects, path, **options)


def import_again(path: Path, **options) -> list[bpy.types.Object]:
    open_empty_file()
    found = run(f"import_export/import_{NAMES[path.suffix]}", path, **options)
    bpy.context.view_layer.update()
    return found if isinstance(found, list) else [found]


def kit() -> list[bpy.types.Object]:
    """A textured wall of two materials on a pivot that is moved, turned and scaled, and a crate beside it."""
    pivot, wall, crate = link("Pivot", None), grid("Wall.001", 3, lambda x, y: 0.3 * x * y + 0.5 * x), cube("Crate ü")
    pivot.location, pivot.rotation_euler, pivot.scale = (1, 2, 3), (0.3, 0.2, 0.5), (2, 2, 2)
    wall.parent = pivot
    wall.location, wall.rotation_euler, wall.scale = (0.5, -0.25, 1), (0.1, 0.7, -0.4), (1, 2, 0.5)
    wall.data.materials.append(textured(material("Red Wood"), picture("Rust", (1.0, 0.5, 0.0, 1.0))))
    wall.data.materials.append(material("Steel", (0, 0, 1, 1)))
    for polygon in wall.data.polygons:
        polygon.material_index, polygon.use_smooth = polygon.index % 2, True
    crate.location = (5, 0, 1)
    bpy.context.view_layer.update()
    return [pivot, wall, crate]


def points(item: bpy.types.Object) -> np.ndarray:
    return np.array([item.matrix_world @ vertex.co for vertex in item.data.vertices])


def corners(item: bpy.types.Object) -> np.ndarray:
    """Each corner of each face: its point, UV coordinate, normal and material, in an order of its own."""
    mesh, turn = item.data, np.array(item.matrix_world.to_3x3().inverted().transposed())
    places, layer = points(item), mesh.uv_layers[0].uv if mesh.uv_layers else None
    rows = []
    for polygon in mesh.polygons:
        for index in polygon.loop_indices:
            normal = turn @ np.array(mesh.corner_normals[index].vector)
            uv = layer[index].vector if layer else (0.0, 0.0)
            place = places[mesh.loops[index].vertex_index]
            rows.append([*place, *uv, *(normal / np.linalg.norm(normal)), polygon.material_index])
    rows = np.array(rows).round(3) + 0.0
    return rows[np.lexsort(rows.T)]


def text_points(path: Path) -> np.ndarray:
    """The points in an STL or PLY file that is text."""
    rows = [line.split() for line in path.read_text().splitlines()]
    if path.suffix == ".stl":
        return np.array([row[1:] for row in rows if row[0] == "vertex"], float)
    (count,) = (int(row[2]) for row in rows if row[:2] == ["element", "vertex"])
    first = rows.index(["end_header"]) + 1
    return np.array([row[:3] for row in rows[first : first + count]], float)


def engine_bounds(item: bpy.types.Object) -> list:
    """The corners of its bounding box with Y up, as engines have it."""
    low, high = points(item).min(axis=0), points(item).max(axis=0)
    return [[low[0], low[2], -high[1]], [high[0], high[2], -low[1]]]


def moving(name: str, way: float) -> bpy.types.Object:
    """A cube that is as far along X at frame 9."""
    item = cube(name)
    for frame, place in ((1, 0.0), (9, way)):
        item.location.x = place
        item.keyframe_insert("location", frame=frame)
    for curve in curves_of(item):
        for key in curve.keyframe_points:
            key.interpolation = "LINEAR"
    return item


def curves_of(item: bpy.types.Object) -> list[bpy.types.FCurve]:
    action = item.animation_data.action
    if hasattr(action, "fcurves"):
        return list(action.fcurves)
    return list(action.layers[0].strips[0].channelbag(item.animation_data.action_slot).fcurves)


def all_curves() -> list[bpy.types.FCurve]:
    actions = list(bpy.data.actions)
    if bpy.app.version < (5, 0, 0):
        return [curve for action in actions for curve in action.fcurves]
    bags = [bag for action in actions for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
    return [curve for bag in bags for curve in bag.fcurves]


def places_at(frames: tuple[int, ...], item: bpy.types.Object) -> list[float]:
    places = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        places.append(item.matrix_world.translation.x)
    return places


class TestThereAndBack:
    @pytest.mark.parametrize("ending", WITH_OBJECTS)
    def test_objects_come_back_as_they_were(self, ending, tmp_path):
        objects = kit()
        wall, crate = corners(objects[1]), corners(objects[2])
        back = import_again(export(objects, tmp_path / f"kit{ending}"))
        # Alembic has no dots and spaces in names.
        name = str if ending != ".abc" else lambda text: re.sub(r"[ .]", "_", text)
        found = {item.name: item for item in back}
        assert sorted(found) == sorted([name("Crate ü"), "Pivot", name("Wall.001")])
        pivot, wall_again, crate_again = (found[name(each)] for each in ("Pivot", "Wall.001", "Crate ü"))
        assert wall_again.parent == pivot
        assert [each.location.to_tuple(3) for each in (pivot, wall_again)] == [(1, 2, 3), (0.5, -0.25, 1)]
        assert [each.scale.to_tuple(3) for each in (pivot, wall_again)] == [(2, 2, 2), (1, 2, 0.5)]
        assert np.allclose(corners(wall_again), wall, atol=2e-3)
        assert np.allclose(corners(crate_again), crate, atol=2e-3)
        assert [slot.material.name for slot in wall_again.material_slots] == [name("Red Wood"), "Steel"]
        assert not crate_again.material_slots
        if ending != ".abc":
            (image,) = bpy.data.images
            assert tuple(image.pixels[:4]) == pytest.approx((1.0, 0.5, 0.0, 1.0), abs=0.01)

    @pytest.mark.parametrize("ending", MESHES)
    def test_one_mesh_comes_back_in_its_size_and_direction(self, ending, tmp_path):
        objects = kit()
        before = np.concatenate([points(item) for item in objects[1:]])
        (item,) = import_again(export(objects, tmp_path / f"kit{ending}"))
        assert item.name == "kit"
        after = points(item)
        assert np.allclose([after.min(axis=0), after.max(axis=0)], [before.min(axis=0), before.max(axis=0)], atol=1e-4)

    @pytest.mark.parametrize("ending", MESHES)
    def test_scale_and_axis_are_undone_by_the_same_of_the_import(self, ending, tmp_path):
        item = cube(size=1.0, centre=(0.0, 1.0, 3.0))
        path = export([item], tmp_path / f"small{ending}", scale=1000.0, up="Y", as_text=True)
        written = text_points(path)
        assert np.allclose([written.min(axis=0), written.max(axis=0)], [(-500, 2500, -1500), (500, 3500, -500)])
        before = points(item)
        (item,) = import_again(path, scale=0.001, up="Y")
        after = points(item)
        assert np.allclose([after.min(axis=0), after.max(axis=0)], [before.min(axis=0), before.max(axis=0)], atol=1e-4)

    @pytest.mark.parametrize("ending", [".fbx", ".usdc"])
    def test_rig_comes_back_with_what_it_deforms(self, ending, tmp_path):
        rig, body = link("Rig", bpy.data.armatures.new("Rig")), cube("Body")
        bpy.context.view_layer.objects.active = rig
        bpy.ops.object.mode_set(mode="EDIT")
        rig.data.edit_bones.new("Hip").tail = (0.0, 0.0, 1.0)
        bpy.ops.object.mode_set(mode="OBJECT")
        body.parent = rig
        body.modifiers.new("Armature", "ARMATURE").object = rig
        body.vertex_groups.new(name="Hip").add(range(8), 1.0, "REPLACE")
        back = {item.type: item for item in import_again(export([rig, body], tmp_path / f"rig{ending}"))}
        assert back["ARMATURE"].data.bones.keys() == ["Hip"]  # no leaf bone behind it
        assert [modifier.object for modifier in back["MESH"].modifiers] == [back["ARMATURE"]]
        assert np.allclose(np.abs(points(back["MESH"])), 1.0, atol=1e-4)

    def test_shapes_that_move_are_read_from_the_alembic_file_at_each_frame(self, tmp_path):
        item = grid()
        item.shape_key_add(name="Basis")
        raised = item.shape_key_add(name="Raised")
        for point in raised.data:
            point.co.z = 4.0
        for frame, value in ((1, 0.0), (5, 1.0)):
            raised.value = value
            raised.keyframe_insert("value", frame=frame)
        bpy.context.scene.frame_end = 5
        path = export([item], tmp_path / "moves.abc")
        assert path.read_bytes().startswith(b"Ogawa")
        open_empty_file()
        with noted(str) as used:
            (back,) = run("import_export/import_alembic", path)
        assert str(path) in used.read
        heights = []
        for frame in (1, 3, 5):
            bpy.context.scene.frame_set(frame)
            heights.append(back.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.vertices[0].co.z)
        assert heights == pytest.approx([0.0, 2.0, 4.0], abs=0.05)

    def test_still_alembic_has_the_current_frame(self, tmp_path):
        item = cube()
        for frame in (1, 11):
            item.location.x = frame
            item.keyframe_insert("location", frame=frame)
        bpy.context.scene.frame_set(11)
        (back,) = import_again(export([item], tmp_path / "still.abc", animation=False))
        assert back.matrix_world.translation.x == pytest.approx(11.0)
        assert not back.constraints


class TestWhatEnginesFind:
    def test_fbx_is_in_metres_with_y_up_and_has_its_images_inside(self, tmp_path):
        objects = kit()
        found = fbx_file.read(export(objects, tmp_path / "kit.fbx"))
        assert files_in(tmp_path) == ["kit.fbx"]
        assert (found.up_axis, found.centimetres) == (1, 100.0)
        wall, crate = found.models["Wall.001"], found.models["Crate ü"]
        assert (wall.parent, wall.materials, wall.num_triangles) == ("Pivot", ["Red Wood", "Steel"], 18)
        assert crate.scale == pytest.approx([1.0, 1.0, 1.0])
        for model, item in ((wall, objects[1]), (crate, objects[2])):
            assert np.allclose([model.points.min(axis=0), model.points.max(axis=0)], engine_bounds(item), atol=1e-4)
        assert wall.uv.min() == 0.0
        assert wall.uv.max() == 1.0
        assert list(found.images) == ["Rust.png"]
        if PIL:
            with PIL.Image.open(io.BytesIO(found.images["Rust.png"])) as image:
                assert image.convert("RGB").getpixel((0, 0)) == (255, 128, 0)

    @pytest.mark.skipif(not assimp_file.assimp_py, reason="assimp is not in this Python")
    def test_another_program_finds_the_same_in_an_fbx_file(self, tmp_path):
        objects = [*kit(), armed("Knight"), bpy.data.objects["Knight Rig"]]
        bounds = {item.name: engine_bounds(item) for item in objects if item.type == "MESH"}
        found = assimp_file.read(export(objects, tmp_path / "kit.fbx"))
        assert set(found) == {"Pivot", "Wall.001", "Crate ü", "Knight", "Knight Rig", "Hip"}
        for name, wanted in bounds.items():
            assert np.allclose(found[name].bounds, wanted, atol=1e-3), name
        assert {name: found[name].num_triangles for name in bounds} == {"Wall.001": 18, "Crate ü": 12, "Knight": 12}
        assert (found["Wall.001"].parent, found["Wall.001"].materials) == ("Pivot", ["Red Wood", "Steel"])
        assert found["Knight"].bones == {"Hip"}
        assert found["Hip"].parent == "Knight Rig"

    def test_fbx_has_what_moves_as_one_take(self, tmp_path):
        item, other = moving("Walker", 8.0), moving("Runner", 16.0)
        bpy.context.scene.frame_end = 9
        back = {item.name: item for item in import_again(export([item, other], tmp_path / "moves.fbx"))}
        assert places_at((1, 5, 9), back["Walker"]) == pytest.approx([0.0, 4.0, 8.0], abs=0.05)
        assert places_at((1, 5, 9), back["Runner"]) == pytest.approx([0.0, 8.0, 16.0], abs=0.05)

    def test_fbx_without_animation_stands_still(self, tmp_path):
        (back,) = import_again(export([moving("Walker", 8.0)], tmp_path / "still.fbx", animation=False))
        assert back.animation_data is None

    def test_fbx_has_a_take_for_each_strip_and_each_action_beside_strips(self, tmp_path):
        item, other = moving("Walker", 8.0), moving("Runner", 16.0)
        walk = item.animation_data.action
        walk.name, other.animation_data.action.name = "Walk", "Run"
        for name, start in (("Early", 1), ("Late", 21)):
            strip = item.animation_data.nla_tracks.new().strips.new(name, start, walk)
            strip.name = name
        item.animation_data.action = None
        bpy.context.scene.frame_end = 29
        import_again(export([item, other], tmp_path / "takes.fbx"))
        takes = {action.name.split("|")[-1] for action in bpy.data.actions}
        assert {"Early", "Late", "Run"} <= {take.partition(".")[0] for take in takes}

    def test_fbx_has_the_action_of_an_object_whose_strips_are_switched_off(self, tmp_path):
        item, other = moving("Walker", 8.0), moving("Runner", 16.0)
        for each in (item, other):
            each.animation_data.nla_tracks.new().strips.new("Strip", 1, other.animation_data.action)
        other.animation_data.action = None
        item.animation_data.use_nla = False
        bpy.context.scene.frame_end = 9
        import_again(export([item, other], tmp_path / "moves.fbx"))
        ways = {round(float(np.ptp([key.co.y for key in curve.keyframe_points])), 1) for curve in all_curves()}
        assert {8.0, 16.0} <= ways

    def test_fbx_with_its_rotation_applied_has_none(self, tmp_path):
        crate = cube("Crate")
        crate.location.z = 1.0
        found = fbx_file.read(export([crate], tmp_path / "crate.fbx", apply_rotation=True)).models["Crate"]
        assert found.rotation == pytest.approx([0.0, 0.0, 0.0], abs=1e-4)
        assert np.allclose([found.points.min(axis=0), found.points.max(axis=0)], [(-1, 0, -1), (1, 2, 1)], atol=1e-4)

    def test_part_of_a_kit_is_where_it_was_without_its_parent(self, tmp_path):
        wall = kit()[1]
        found = fbx_file.read(export([wall], tmp_path / "wall.fbx")).models
        assert list(found) == ["Wall.001"]
        bounds = [found["Wall.001"].points.min(axis=0), found["Wall.001"].points.max(axis=0)]
        assert np.allclose(bounds, engine_bounds(wall), atol=1e-4)

    @pytest.mark.parametrize("ending", [".usda", ".usdz"])
    def test_usd_names_its_axis_and_unit_and_images_that_are_there(self, ending, tmp_path):
        path = export(kit(), tmp_path / "sub" / f"kit{ending}")
        if ending == ".usdz":
            assert files_in(tmp_path) == ["sub/kit.usdz"]
            with zipfile.ZipFile(path) as archive:
                (name,) = [name for name in archive.namelist() if name.endswith("Rust.png")]
                image = archive.read(name)
        else:
            text = path.read_text(encoding="utf-8")
            assert 'upAxis = "Z"' in text
            assert "metersPerUnit = 1" in text
            (name,) = re.findall(r"inputs:file = @(.*?)@", text)
            assert not Path(name).is_absolute()
            image = (path.parent / name).read_bytes()
            assert files_in(tmp_path) == ["sub/kit.usda", "sub/kit_textures/Rust.png"]
        if PIL:
            with PIL.Image.open(io.BytesIO(image)) as opened:
                assert opened.convert("RGB").getpixel((0, 0)) == (255, 128, 0)

    def test_images_of_a_linked_material_are_beside_the_usd_file(self, tmp_path):
        library = tmp_path / "library.blend"
        bpy.data.libraries.write(str(library), {textured(material("Oak"), picture("Bark", (0.0, 1.0, 0.0, 1.0)))})
        open_empty_file()
        with bpy.data.libraries.load(str(library), link=True) as (_there, wanted):
            wanted.materials = ["Oak"]
        item = cube()
        item.data.materials.append(wanted.materials[0])
        path = export([item], tmp_path / "out" / "cube.usda")
        (name,) = re.findall(r"inputs:file = @(.*?)@", path.read_text(encoding="utf-8"))
        assert (path.parent / name).is_file()
        assert files_in(path.parent) == ["cube.usda", "cube_textures/Bark.png"]

    @pytest.mark.parametrize("as_text", [False, True])
    @pytest.mark.parametrize("ending", MESHES)
    def test_triangles_are_where_they_were_with_z_up(self, ending, as_text, tmp_path):
        item = cube(size=1.0, centre=(0.0, 1.0, 3.0))
        path = export([item], tmp_path / f"print{ending}", as_text=as_text, scale=1000.0)
        content = path.read_bytes()
        if ending == ".ply":
            assert content.splitlines()[1] == (b"format ascii 1.0" if as_text else b"format binary_little_endian 1.0")
        elif as_text:
            assert content.startswith(b"solid")
        else:
            assert len(content) == 80 + 4 + 50 * 12  # a head, a number, and each triangle
        if trimesh:
            shape = trimesh.load(path)
            assert np.allclose(shape.bounds, [(-500, 500, 2500), (500, 1500, 3500)])
            assert len(shape.faces) == 12
            assert shape.is_watertight
            assert shape.volume == pytest.approx(1e9)  # normals point outside

    def test_ply_of_meshes_with_and_without_a_uv_map_holds_numbers_alone(self, tmp_path):
        wall, crate = grid("Wall", 2), cube("Crate")
        layer = wall.data.uv_layers.new(name="Other")
        wall.data.uv_layers.active = wall.data.uv_layers["UVMap"]
        assert layer
        path = export([crate, wall], tmp_path / "both.ply", as_text=True)
        rows = [line.split() for line in path.read_text().splitlines()]
        names = [row[-1] for row in rows if row[0] == "property"]
        first = rows.index(["end_header"]) + 1
        uv = np.array([[float(row[names.index(axis)]) for axis in "st"] for row in rows[first : first + 8 + 9]])
        assert uv.min() == 0.0
        assert uv.max() == 1.0

    def test_ply_attributes_have_names_that_other_programs_read(self, tmp_path, capsys):
        item = cube()
        item.vertex_groups.new(name="Arm L").add(range(8), 0.5, "REPLACE")
        path = export([item], tmp_path / "cube.ply")
        assert b"property float Arm_L\n" in path.read_bytes()
        assert "Arm L is called Arm_L in the file" in capsys.readouterr().out
        if trimesh:
            assert len(trimesh.load(path).faces) == 12


#: The points of a ramp of two cells as it is itself.
NOT_TURNED = np.array([(x, y, 0.25 * (x + 1.0)) for x in (-1, 0, 1) for y in (-1, 0, 1)])


def armed(name: str) -> bpy.types.Object:
    """A mesh with an armature that deforms it, which hangs on an empty that is turned and far away."""
    rig, body, pivot = link(f"{name} Rig", bpy.data.armatures.new("Rig")), cube(name), link("Far", None)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    rig.data.edit_bones.new("Hip").tail = (0.0, 0.0, 1.0)
    bpy.ops.object.mode_set(mode="OBJECT")
    pivot.location, pivot.rotation_euler, pivot.scale = (10, 20, 30), (0, 0, 1), (2, 2, 2)
    rig.parent, body.parent, body.location = pivot, rig, (0.5, 0.0, 0.0)
    body.modifiers.new("Armature", "ARMATURE").object = rig
    body.vertex_groups.new(name="Hip").add(range(8), 1.0, "REPLACE")
    bpy.context.view_layer.update()
    return body


class TestExportEach:
    @pytest.mark.parametrize("place", PLACES)
    def test_part_is_where_it_shall_be_in_its_own_size(self, place, tmp_path):
        part, pivot = grid("Wall/A", 2, lambda x, y: 0.25 * (x + 1.0)), link("Pivot", None)
        pivot.location, pivot.rotation_euler, pivot.scale = (10, 20, 30), (0, 0, np.pi / 2), (2, 2, 2)
        part.parent, part.location = pivot, (1, 1, 1)
        bpy.context.view_layer.update()
        before = engine_bounds(part)
        path = run("import_export/export_each_fbx", part, tmp_path, place=place)
        assert path == tmp_path / "Wall_A.fbx"
        found = fbx_file.read(path).models
        assert list(found) == ["Wall/A"]
        bounds = [found["Wall/A"].points.min(axis=0), found["Wall/A"].points.max(axis=0)]
        if place == "As in the Scene":
            assert np.allclose(bounds, before, atol=1e-4)
        else:
            assert np.allclose(bounds, [(-2, 0, -2), (2, 1, 2)], atol=1e-4)
        # Where it is not turned, its slope goes up along X; turned by a quarter, along the other axis.
        points = found["Wall/A"].points - found["Wall/A"].points.mean(axis=0)
        slopes = [abs(float((points[:, axis] * points[:, 1]).sum())) > 1e-3 for axis in (0, 2)]
        assert slopes == ([True, False] if "Not Turned" in place else [False, True])

    @pytest.mark.parametrize("armature", [True, False])
    def test_rigged_part_has_its_armature_at_the_origin(self, armature, tmp_path, capsys):
        body = armed("Knight")
        place = "Not Turned, at the Origin"
        found = fbx_file.read(
            run("import_export/export_each_fbx", body, tmp_path, place=place, armature=armature)
        ).models
        kinds = {name: model.kind for name, model in found.items()}
        mesh = found["Knight"]
        bounds = [mesh.points.min(axis=0), mesh.points.max(axis=0)]
        if armature:
            assert kinds == {"Knight Rig": "Null", "Hip": "LimbNode", "Knight": "Mesh"}
            assert np.allclose(found["Knight Rig"].matrix[:3, 3], 0.0, atol=1e-4)
            assert np.allclose(bounds, [(-1, -2, -2), (3, 2, 2)], atol=1e-3)  # beside it, as it was
        else:
            assert kinds == {"Knight": "Mesh"}
            assert "Knight is in the file without its armature" in capsys.readouterr().out

    def test_usd_of_a_rigged_part_has_its_armature_at_the_origin(self, tmp_path):
        skip_without(".usdc")
        path = run("import_export/export_each_usd", armed("Knight"), tmp_path, place="Not Turned, at the Origin")
        assert path == tmp_path / "Knight.usdc"
        found = {item.name: item for item in import_again(path)}
        assert set(found) == {"Knight Rig", "Rig", "Knight"}  # an armature is two things in a USD file
        assert found["Knight"].modifiers[0].object == found["Rig"]
        body = points(found["Knight"])
        assert np.allclose(found["Rig"].matrix_world.translation, 0.0, atol=1e-4)
        assert np.allclose([body.min(axis=0), body.max(axis=0)], [(-1, -2, -2), (3, 2, 2)], atol=1e-3)

    @pytest.mark.parametrize("ending", [".fbx", ".usdc", *MESHES])
    def test_part_has_the_hole_that_a_cutter_makes_where_it_was(self, ending, tmp_path, capsys):
        skip_without(ending)
        wall, cutter = cube("Wall"), cube("Cutter", 1.0)
        wall.location, cutter.location = (5, 0, 0), (6, 0, 0)
        hole = wall.modifiers.new("Hole", "BOOLEAN")
        hole.object, hole.solver = cutter, "EXACT"
        bpy.context.view_layer.update()
        path = run(f"import_export/export_each_{NAMES[ending]}", wall, tmp_path, place=PLACES[1])
        (item,) = import_again(path)
        assert len({tuple(point) for point in points(item).round(3) + 0.0}) == 16
        assert ("Wall has its modifiers applied" in capsys.readouterr().out) == (ending not in MESHES)

    @pytest.mark.parametrize("ending", [".fbx", ".usdc"])
    def test_rigged_part_that_a_cutter_cuts_is_a_clear_error_away_from_it(self, ending, tmp_path):
        skip_without(ending)
        body, cutter = armed("Knight"), cube("Cutter", 1.0)
        cutter.location = body.matrix_world @ Vector((1, 0, 0))
        hole = body.modifiers.new("Hole", "BOOLEAN")
        hole.object, hole.solver = cutter, "EXACT"
        bpy.context.view_layer.update()
        with pytest.raises(ValueError, match="Knight would get another shape"):
            run(f"import_export/export_each_{NAMES[ending]}", body, tmp_path, place=PLACES[1])
        assert files_in(tmp_path) == []

    @pytest.mark.parametrize(("ending", "place"), [(each, place) for each in (".usdc", *MESHES) for place in PLACES])
    def test_part_is_where_it_shall_be_in_each_format(self, ending, place, tmp_path):
        skip_without(ending)
        part, pivot = grid("Wall/A", 2, lambda x, y: 0.25 * (x + 1.0)), link("Pivot", None)
        pivot.location, pivot.rotation_euler, pivot.scale = (10, 20, 30), (0, 0, np.pi / 2), (2, 2, 2)
        part.parent, part.location = pivot, (1, 1, 1)
        bpy.context.view_layer.update()
        before = points(part)
        path = run(f"import_export/export_each_{NAMES[ending]}", part, tmp_path, place=place)
        assert path == tmp_path / f"Wall_A{ending}"
        *pivots, item = import_again(path)  # a USD file has the parents, too, which give it its place
        assert len(pivots) == (1 if ending == ".usdc" and place == PLACES[0] else 0)
        after = points(item)
        turned = [(-y, x, z) for x, y, z in 2.0 * NOT_TURNED]
        wanted = {PLACES[0]: before, PLACES[1]: np.array(turned), PLACES[2]: 2.0 * NOT_TURNED}[place]
        assert sorted(map(tuple, after.round(3) + 0.0)) == sorted(map(tuple, wanted.round(3) + 0.0))

    @pytest.mark.parametrize("ending", [".fbx", *EACH])
    def test_each_item_has_a_file_of_its_own(self, ending, tmp_path, item_of):
        skip_without(ending)
        names = ["Wall/A", "Wall:A", "wall_a"]
        for index, name in enumerate(names):
            item_of(names, index, parameter="source")
            run(f"import_export/export_each_{NAMES[ending]}", cube(name, size=2.0 + index), tmp_path)
        files = [f"{name}{ending}" for name in ("Wall_A", "Wall_A_2", "wall_a_3")]
        assert files_in(tmp_path) == files
        sizes = [import_again(tmp_path / name)[0].dimensions.x for name in files]
        assert sizes == pytest.approx([2.0, 3.0, 4.0], abs=1e-4)  # and in each is what its name says

    @pytest.mark.parametrize(("file_format", "ending"), [("USD Text", ".usda"), ("USD Archive", ".usdz")])
    def test_each_usd_file_has_images_of_its_own(self, file_format, ending, tmp_path):
        skip_without(ending)
        for name, color in (("One", (1, 0, 0, 1)), ("Two", (0, 1, 0, 1))):
            item = grid(name, 1)
            item.data.materials.append(textured(material(name), picture("Paint", color)))
            run("import_export/export_each_usd", item, tmp_path, file_format=file_format)
            open_empty_file()
        for name, color in (("One", (1, 0, 0, 1)), ("Two", (0, 1, 0, 1))):
            import_again(tmp_path / f"{name}{ending}")
            (image,) = bpy.data.images
            assert tuple(image.pixels[:4]) == pytest.approx(color, abs=0.01)

    def test_each_alembic_file_has_the_movement_of_its_object(self, tmp_path):
        skip_without(".abc")
        for name, end in (("Slow", 2.0), ("Fast", 8.0)):
            item = cube(name)
            for frame, place in ((1, 0.0), (5, end)):
                item.location.x = place
                item.keyframe_insert("location", frame=frame)
        bpy.context.scene.frame_end = 5
        for name in ("Slow", "Fast"):
            run("import_export/export_each_alembic", bpy.data.objects[name], tmp_path)
        for name, end in (("Slow", 2.0), ("Fast", 8.0)):
            (item,) = import_again(tmp_path / f"{name}.abc")
            bpy.context.scene.frame_set(5)
            assert item.name == name
            assert item.matrix_world.translation.x == pytest.approx(end)

    @pytest.mark.parametrize("ending", [".fbx", ".usdc", *MESHES])
    def test_sheared_part_is_a_clear_error_and_no_file(self, ending, tmp_path):
        skip_without(ending)
        part, pivot = cube("Part"), link("Pivot", None)
        pivot.scale, part.parent, part.rotation_euler = (3, 1, 1), pivot, (0, 0, 0.5)
        with pytest.raises(ValueError, match="Part would be sheared, which no object can be; apply the scale of its"):
            run(f"import_export/export_each_{NAMES[ending]}", part, tmp_path, place="At the Origin")
        assert files_in(tmp_path) == []


class TestWhatIsWrong:
    @pytest.mark.parametrize("ending", [".fbx", ".usdc", ".abc", *MESHES])
    def test_nothing_to_see_is_a_clear_error_and_no_file(self, ending, tmp_path):
        with pytest.raises(ValueError, match=r"Nothing of Speaker goes into an? \w+ file; link"):
            export([link("Speaker", bpy.data.speakers.new("Speaker"))], tmp_path / f"out{ending}")
        with pytest.raises(ValueError, match="nothing to export; link objects"):
            export([], tmp_path / f"out{ending}")
        assert files_in(tmp_path) == []

    @pytest.mark.parametrize("ending", [".fbx", ".usdc", ".abc", *MESHES])
    def test_file_that_is_missing_or_broken_is_a_clear_error(self, ending, tmp_path):
        skip_without(ending)
        path = tmp_path / f"in{ending}"
        with pytest.raises(ValueError, match="There is no file"):
            import_again(path)
        path.write_bytes(b"nonsense")
        with pytest.raises(ValueError, match=rf"in\{ending} (can't be imported|holds no object)"):
            import_again(path)

    @pytest.mark.parametrize("ending", [".fbx", ".usdc", ".abc", *MESHES])
    def test_two_items_in_one_file_are_an_error_and_the_first_stays(self, ending, tmp_path, item_of):
        skip_without(ending)
        first, second = cube("First"), grid("Second")
        item_of(["First", "Second"], 0, parameter="objects")
        path = export([first], tmp_path / f"out{ending}")
        content = path.read_bytes()
        item_of(["First", "Second"], 1, parameter="objects")
        with pytest.raises(ValueError, match='is written by item 1 of "Node" in this run, too; choose another name'):
            export([second], tmp_path / f"out{ending}")
        assert path.read_bytes() == content
        assert files_in(tmp_path) == [path.name]

    def test_object_that_an_fbx_file_lacks_is_an_error(self, tmp_path):
        there, missing = cube("There"), cube("Missing")
        model_files.select_alone([there])
        with pytest.raises(RuntimeError, match="Blender left out Missing"):
            model_writers.write_fbx(tmp_path / "out.fbx", [there, missing])

    def test_stl_of_a_mesh_without_faces_is_a_clear_error(self, tmp_path):
        item = cube("Wire")
        item.data.clear_geometry()
        item.data.vertices.add(2)
        with pytest.raises(ValueError, match="Nothing of Wire goes into an STL file: it holds faces alone"):
            export([item], tmp_path / "out.stl")

    def test_part_that_blender_was_built_without_is_told_before_the_run(self):
        tree = new_tree()
        script(tree, "Press", 'NEEDS = ("bullet", "sausages")\ndef main() -> int: return 1')
        with pytest.raises(CompileError) as caught:
            background_nodes.run(tree)
        (problem,) = caught.value.problems
        assert problem.node == "Press"
        assert problem.message == "this Blender was built without sausages"
        assert problem.fix.startswith("Run it in a Blender that has it")

    def test_part_that_a_value_needs_is_told_before_the_run(self):
        tree = new_tree()
        source = """
            NEEDS = {"kind": {"Hot Dog": "sausages", "Alembic": "codec_sndfile"}}
            def main(kind: Literal["Salad", "Hot Dog"] = "Salad", count: int = 1) -> int: return count
        """
        press, other = script(tree, "Press", source), script(tree, "Other", "def main() -> str: return 'Hot Dog'")
        assert background_nodes.run(tree).state == "succeeded"
        press.inputs["Kind"].default_value = "Hot Dog"
        with pytest.raises(CompileError) as caught:
            background_nodes.run(tree)
        (problem,) = caught.value.problems
        assert (problem.node, problem.socket) == ("Press", "Kind")
        assert problem.message == "this Blender was built without sausages"
        assert problem.fix.startswith("Choose another, or run it in a Blender that has it")
        graphs.link(other, press.inputs["Kind"])  # what comes is not known before
        assert background_nodes.run(tree).state == "succeeded"

    @pytest.mark.parametrize("lacks", [set(), {"usd"}, {"usd", "alembic"}])
    def test_format_of_a_conversion_that_this_blender_lacks_is_told_before_the_run(self, lacks, tmp_path, monkeypatch):
        monkeypatch.setattr(reader, "_has", lambda part: part not in lacks)
        tree = new_tree()
        for name in ("USDZ", "Alembic", "STL"):
            node = tree.nodes.new("BackgroundNodeScript")
            node.name, node.library_script = name, "import_export/convert_model"
            give(node, folder=str(tmp_path), file_format=name)  # without a file, so that nothing runs
        node = tree.nodes.new("BackgroundNodeScript")
        node.name, node.library_script = "Bake", "simulation/bake_simulation"
        give(
            node,
            source=graphs.value(tree, "Object", cube()),
            keep_as="Alembic File",
            filepath=str(tmp_path / "out.abc"),
        )
        needs = {"USDZ": "usd", "Alembic": "alembic", "Bake": "alembic"}
        with pytest.raises(CompileError) as caught:
            background_nodes.run(tree)
        told = {problem.node for problem in caught.value.problems if "was built without" in problem.message}
        assert told == {name for name, part in needs.items() if part in lacks}

    @pytest.mark.parametrize(("name", "part"), [("USD", "usd"), ("Alembic", "alembic")])
    def test_format_that_this_blender_lacks_is_told_before_the_run(self, name, part, tmp_path, monkeypatch):
        monkeypatch.setattr(reader, "_has", lambda each: each != part)
        tree = new_tree()
        for index, direction in enumerate(("import", "export", "export_each")):
            node = tree.nodes.new("BackgroundNodeScript")
            node.name, node.library_script = direction, f"import_export/{direction}_{part}"
            give(node, **{"folder" if "each" in direction else "filepath": str(tmp_path / f"{index}.file")})
        with pytest.raises(CompileError) as caught:
            background_nodes.run(tree)
        lacking = [problem.node for problem in caught.value.problems if f"was built without {name}" in problem.message]
        assert lacking == ["import", "export", "export_each"]
