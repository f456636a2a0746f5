# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped nodes, each by what its `main` really makes of meshes, pictures and files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import bpy
import mathutils
import numpy as np
import pytest

import background_nodes.script
from background_nodes.runtime.signature import ScriptSource, read_signature

LIBRARY = Path(__file__).parents[2] / "node_tree" / "library"
SCRIPTS = sorted(path.relative_to(LIBRARY).with_suffix("").as_posix() for path in LIBRARY.rglob("*.py"))


class Reports:
    """What a script said of its progress."""

    def __init__(self) -> None:
        self.fractions: dict[str, list[float]] = {}

    def progress(self, fraction: float, text: str) -> None:
        self.fractions.setdefault(text, []).append(fraction)

    def steps(self, word: str) -> int:
        """At how many places the bar stood while the text began with `word`."""
        return len({step for text, steps in self.fractions.items() if text.startswith(word) for step in steps})


@pytest.fixture(autouse=True)
def reports():
    reports = Reports()
    background_nodes.script.set_reporter(reports)
    yield reports
    background_nodes.script.set_reporter(None)


def load(name: str) -> SimpleNamespace:
    path = LIBRARY / f"{name}.py"
    namespace = {"__name__": "__script__", "__file__": str(path)}
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), namespace)
    return SimpleNamespace(**namespace)


def run(script: str, /, *args, **kwargs):
    return load(script).main(*args, **kwargs)


def open_empty_file() -> None:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


def link(name: str, data) -> bpy.types.Object:
    item = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(item)
    return item


def mesh_object(name: str, vertices, faces) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([tuple(vertex) for vertex in vertices], [], faces)
    return link(name, mesh)


def cube(name: str = "Cube", size: float = 2.0, centre=(0.0, 0.0, 0.0)) -> bpy.types.Object:
    half = size / 2
    corners = [mathutils.Vector((x, y, z)) * half for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return mesh_object(name, [corner + mathutils.Vector(centre) for corner in corners], faces)


def grid(name: str = "Grid", cells: int = 8, height: Callable[[float, float], float] = lambda x, y: 0.0):
    """A grid from -1 to 1, with a UV map that covers the whole picture."""
    steps = np.linspace(-1.0, 1.0, cells + 1)
    vertices = [(x, y, height(x, y)) for y in steps for x in steps]
    row = cells + 1
    corners = [(i + j * row) for j in range(cells) for i in range(cells)]
    item = mesh_object(name, vertices, [(a, a + 1, a + row + 1, a + row) for a in corners])
    layer = item.data.uv_layers.new(name="UVMap")
    for loop in item.data.loops:
        x, y, _ = item.data.vertices[loop.vertex_index].co
        layer.uv[loop.index].vector = ((x + 1.0) / 2.0, (y + 1.0) / 2.0)
    return item


def subdivided(item: bpy.types.Object, levels: int = 3) -> bpy.types.Object:
    item.modifiers.new("Subdivision", "SUBSURF").levels = levels
    return item


def picture(name: str, color, width: int = 8, height: int = 4) -> bpy.types.Image:
    image = bpy.data.images.new(name, width, height)
    image.pixels.foreach_set(np.tile(np.float32(color), width * height))
    return image


def pixels(image: bpy.types.Image) -> np.ndarray:
    """Rows from the bottom up, columns, RGBA."""
    values = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(image.size[1], image.size[0], 4)


def material(name: str, color=(0.8, 0.8, 0.8, 1.0)) -> bpy.types.Material:
    result = bpy.data.materials.new(name)
    if result.node_tree is None:
        result.use_nodes = True
    result.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = color
    return result


def uv_area(item: bpy.types.Object) -> float:
    uv = np.array([tuple(entry.vector) for entry in item.data.uv_layers.active.uv])
    total = 0.0
    for polygon in item.data.polygons:
        x, y = uv[list(polygon.loop_indices)].T
        total += abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2.0
    return total


class TestEveryScript:
    @pytest.mark.parametrize("name", SCRIPTS)
    def test_script_describes_itself_and_each_socket(self, name):
        path = LIBRARY / f"{name}.py"
        kinds = {kind: kind for kind in ("Object", "Mesh", "Image", "Collection", "Material", "World", "ID")}
        signature = read_signature(ScriptSource(path.read_text(encoding="utf-8"), str(path)), kinds)
        assert signature.description
        assert signature.inputs
        assert signature.outputs
        assert not [socket for socket in (*signature.inputs, *signature.outputs) if not socket.description]

    @pytest.mark.parametrize("name", ["mesh/decimate", "mesh/apply_modifiers", "mesh/voxel_remesh", "uv/pack_islands"])
    def test_light_instead_of_a_mesh_is_a_clear_error(self, name):
        lamp = link("Lamp", bpy.data.lights.new("Lamp", "POINT"))
        with pytest.raises(ValueError, match="Lamp is a light, not a mesh"):
            run(name, lamp)


class TestDecimate:
    def test_ratio_keeps_a_quarter_of_the_triangles(self):
        source = grid(cells=16, height=lambda x, y: x * x * y)
        result = run("mesh/decimate", source, ratio=0.25, triangulate=True, suffix="_LOD1")
        assert result.decimated == source
        assert result.faces == len(source.data.polygons) == pytest.approx(128, abs=4)
        assert (source.name, source.data.name) == ("Grid_LOD1", "Grid_LOD1")

    def test_materials_uv_map_and_vertex_groups_are_kept(self):
        source = grid(cells=8)
        source.data.materials.append(material("Steel"))
        source.vertex_groups.new(name="Group").add(range(20), 1.0, "REPLACE")
        run("mesh/decimate", source, ratio=0.5)
        assert [slot.material.name for slot in source.material_slots] == ["Steel"]
        assert source.data.uv_layers.keys() == ["UVMap"]
        assert source.vertex_groups.keys() == ["Group"]
        assert any(vertex.groups for vertex in source.data.vertices)

    def test_modifiers_are_applied_first(self):
        source = subdivided(cube())
        assert run("mesh/decimate", source, ratio=0.5, triangulate=True).faces == pytest.approx(384, abs=4)
        assert not source.modifiers

    def test_modifiers_stay_when_asked(self):
        source = subdivided(grid(cells=8))
        assert run("mesh/decimate", source, ratio=0.5, triangulate=True, apply_modifiers=False).faces <= 66
        assert source.modifiers.keys() == ["Subdivision"]
        assert source.modifiers[0].show_viewport

    def test_hidden_object_is_decimated_and_stays_hidden(self):
        source = grid(cells=8)
        source.hide_viewport = True
        assert run("mesh/decimate", source, ratio=0.5, triangulate=True).faces <= 66
        assert source.hide_viewport

    def test_shape_keys_are_applied_as_they_stand(self):
        source = grid(cells=4)
        source.shape_key_add(name="Basis")
        key = source.shape_key_add(name="Up")
        for point in key.data:
            point.co.z += 1.0
        key.value = 1.0
        run("mesh/decimate", source, ratio=1.0)
        assert source.data.shape_keys is None
        assert all(vertex.co.z == pytest.approx(1.0) for vertex in source.data.vertices)

    def test_mesh_without_faces_is_a_clear_error(self):
        with pytest.raises(ValueError, match="Points has no faces"):
            run("mesh/decimate", mesh_object("Points", [(0, 0, 0)], []))


class TestApplyModifiers:
    def test_modifiers_become_the_mesh(self):
        source = subdivided(cube(), levels=2)
        assert run("mesh/apply_modifiers", source) == (source, 96)
        assert len(source.data.polygons) == 96
        assert not source.modifiers
        assert source.data.name == "Cube"

    def test_material_linked_to_the_object_stays_there(self):
        source = subdivided(cube())
        source.data.materials.append(material("Mesh's"))
        source.material_slots[0].link = "OBJECT"
        source.material_slots[0].material = material("Object's")
        run("mesh/apply_modifiers", source)
        assert source.material_slots[0].material.name == "Object's"


class TestVoxelRemesh:
    def test_overlapping_cubes_become_one_closed_surface(self):
        source = run("mesh/join", [cube(), cube("Other", centre=(1.0, 0.0, 0.0))])
        result = run("mesh/voxel_remesh", source, voxel_size=0.1)
        assert result.remeshed == source
        measured = run("mesh/measure", source)
        assert measured.is_closed
        assert measured.volume == pytest.approx(12.0, rel=0.05)
        assert measured.faces == result.faces > 1000

    def test_finer_voxels_make_more_faces(self):
        assert run("mesh/voxel_remesh", cube(), voxel_size=0.2).faces * 3 < (
            run("mesh/voxel_remesh", cube(), voxel_size=0.1).faces
        )

    def test_absurd_voxel_size_is_refused_before_it_fills_the_memory(self):
        with pytest.raises(ValueError, match="take a larger one"):
            run("mesh/voxel_remesh", cube(size=100.0), voxel_size=0.001)


class TestBoolean:
    @pytest.mark.parametrize("solver", ["Exact", "Fast", "Manifold"])
    @pytest.mark.parametrize(("operation", "volume"), [("Difference", 4.0), ("Union", 12.0), ("Intersect", 4.0)])
    def test_operation_has_the_volume_of_its_kind(self, operation, volume, solver):
        # Faces in one plane are beyond the fast solver, so the operand is larger but for one axis.
        other = cube("Other", size=3.0, centre=(1.5, 0.0, 0.0))
        if operation == "Union":
            volume = 8.0 + 27.0 - 4.0
        source = cube()
        result = run("mesh/boolean", source, [other], operation, solver)
        assert result.result == source
        assert run("mesh/measure", source).volume == pytest.approx(volume, rel=1e-4)

    def test_several_operands_are_cut_out_one_after_another(self):
        operands = [cube(f"Cutter {x}", size=1.0, centre=(x, 1.0, 1.0)) for x in (-1.0, 1.0)]
        run("mesh/boolean", source := cube(), operands)
        assert run("mesh/measure", source).volume == pytest.approx(8.0 - 2 * 0.125, rel=1e-4)

    def test_open_mesh_is_cut_although_manifold_is_asked_for(self):
        source = grid(cells=1)
        run("mesh/boolean", source, [cube("Cutter", size=1.0)], solver="Manifold")
        assert run("mesh/measure", source).area == pytest.approx(3.0, rel=1e-4)

    def test_modifiers_are_applied_first(self):
        source = subdivided(cube(), levels=2)
        run("mesh/boolean", source, [cube("Afar", centre=(9.0, 0.0, 0.0))], solver="Manifold")
        assert len(source.data.polygons) == 96
        assert not source.modifiers

    def test_material_of_the_operand_comes_along(self):
        source, other = cube(), cube("Other", centre=(1.0, 1.0, 1.0))
        source.data.materials.append(material("Outside"))
        other.data.materials.append(material("Cut"))
        run("mesh/boolean", source, [other])
        assert [slot.material.name for slot in source.material_slots] == ["Outside", "Cut"]
        assert {polygon.material_index for polygon in source.data.polygons} == {0, 1}

    def test_object_as_its_own_operand_is_a_clear_error(self):
        source = cube()
        with pytest.raises(ValueError, match="operand of itself"):
            run("mesh/boolean", source, [source])


class TestJoin:
    def test_joined_object_has_the_faces_and_materials_of_all(self):
        first, second = cube(), subdivided(cube("Other"), levels=1)
        second.location.x = 5.0
        first.data.materials.append(material("A"))
        second.data.materials.append(material("B"))
        result = run("mesh/join", [first, second], name="Both")
        assert result == first
        assert (result.name, len(result.data.polygons)) == ("Both", 6 + 24)
        assert [slot.material.name for slot in result.material_slots] == ["A", "B"]
        assert max(corner[0] for corner in result.bound_box) > 5.0

    def test_objects_that_share_a_mesh_are_joined(self):
        first = cube()
        second = link("Other", first.data)
        assert len(run("mesh/join", [first, second]).data.polygons) == 12

    def test_empty_list_is_a_clear_error(self):
        with pytest.raises(ValueError, match="nothing to join"):
            run("mesh/join", [])


class TestMeasure:
    def test_scaled_cube_is_measured_in_the_world(self):
        source = cube()
        source.scale = (1.0, 2.0, 0.5)
        source.location = (10.0, 0.0, 0.0)
        measured = run("mesh/measure", source)
        assert measured.volume == pytest.approx(8.0)
        assert measured.area == pytest.approx(28.0)
        assert measured.is_closed
        assert tuple(measured.dimensions) == pytest.approx((2.0, 4.0, 1.0))
        assert tuple(measured.minimum) == pytest.approx((9.0, -2.0, -0.5))
        assert (measured.vertices, measured.edges, measured.faces, measured.triangles) == (8, 12, 6, 12)

    def test_open_mesh_is_told(self):
        assert not run("mesh/measure", grid()).is_closed

    def test_curve_is_measured_by_its_mesh(self):
        curve = bpy.data.curves.new("Curve", "CURVE")
        curve.dimensions, curve.bevel_depth = "3D", 0.1
        curve.splines.new("POLY").points.add(1)
        curve.splines[0].points[1].co = (0.0, 0.0, 2.0, 1.0)
        assert run("mesh/measure", link("Curve", curve)).area > 1.0

    def test_lamp_is_a_clear_error(self):
        with pytest.raises(ValueError, match="no surface"):
            run("mesh/measure", link("Lamp", bpy.data.lights.new("Lamp", "POINT")))


class TestUnwrap:
    @pytest.mark.parametrize("tight_packing", [True, False])
    def test_unwrapped_islands_lie_in_the_picture_and_use_it(self, tight_packing):
        source = cube()
        assert run("uv/smart_uv_project", source, tight_packing=tight_packing) == source
        uv = np.array([tuple(entry.vector) for entry in source.data.uv_layers["UVMap"].uv])
        assert uv.min() >= 0.0
        assert uv.max() <= 1.0
        assert uv_area(source) > 0.5
        assert source.mode == "OBJECT"

    def test_hidden_object_is_unwrapped_and_stays_hidden(self):
        source = cube()
        source.hide_viewport = source.hide_select = True
        run("uv/smart_uv_project", source)
        assert uv_area(source) > 0.5
        assert source.hide_viewport
        assert source.hide_select

    def test_only_the_source_is_touched(self):
        source, other = cube(), cube("Other")
        other.select_set(True)
        run("uv/smart_uv_project", source)
        assert not other.data.uv_layers

    @pytest.mark.parametrize("shape", ["Exact", "Convex", "Box"])
    def test_packing_spreads_islands_that_lie_on_each_other(self, shape):
        source = run("uv/smart_uv_project", cube())
        layer = source.data.uv_layers.active
        for entry in layer.uv:
            entry.vector = entry.vector * 0.1
        run("uv/pack_islands", source, shape=shape, average_scale=True)
        assert uv_area(source) > 0.4

    def test_packing_without_a_uv_map_is_a_clear_error(self):
        with pytest.raises(ValueError, match="Cube has no UV map; unwrap it first"):
            run("uv/pack_islands", cube())


class TestBakeNormal:
    def test_bump_shows_in_the_normal_map_and_flat_parts_look_up(self, reports):
        low = grid("Low", cells=2)
        high = grid("High", cells=32, height=lambda x, y: 0.2 * max(0.0, 0.5 - np.hypot(x, y)))
        low.hide_render = high.hide_viewport = True
        result = run("bake/bake_normal", low, high, resolution=32, samples=2, cage_extrusion=0.3, margin=2)
        assert result.low == low
        assert low.hide_render
        image = pixels(result.image)
        assert image[1:3, 1:3, :3] == pytest.approx(np.broadcast_to((0.5, 0.5, 1.0), (2, 2, 3)), abs=0.02)
        assert image[..., :3].mean(axis=(0, 1)) == pytest.approx((0.5, 0.5, 1.0), abs=0.02)
        # The cone's left flank looks left (red below a half), its lower one down (green below a half).
        assert image[16, 11, 0] < 0.45 < 0.55 < image[16, 20, 0]
        assert image[11, 16, 1] < 0.45 < 0.55 < image[20, 16, 1]
        assert reports.steps("Baking") == 2

    def test_image_is_data_packed_and_used_by_the_material(self):
        low, high = grid("Low", cells=2), grid("High", cells=4, height=lambda x, y: 0.1 * x * x)
        result = run("bake/bake_normal", low, high, resolution=16, samples=1, cage_extrusion=0.3)
        assert result.image.colorspace_settings.name == "Non-Color"
        assert result.image.packed_file
        assert not result.image.is_float
        nodes = low.material_slots[0].material.node_tree.nodes
        (image_node,) = [node for node in nodes if node.type == "TEX_IMAGE"]
        assert image_node.image == result.image
        (link_to_shader,) = nodes["Principled BSDF"].inputs["Normal"].links
        assert link_to_shader.from_node.type == "NORMAL_MAP"
        assert [image.name for image in bpy.data.images] == ["Low Normal"]

    def test_shared_material_is_copied_once_and_the_high_poly_keeps_its_own(self):
        low, high = grid("Low", cells=2), grid("High", cells=4, height=lambda x, y: 0.1 * x * x)
        steel = material("Steel")
        for item in (low, low, high):
            item.data.materials.append(steel)
        run("bake/bake_normal", low, high, resolution=16, samples=1, cage_extrusion=0.3)
        first, second = (slot.material for slot in low.material_slots)
        assert first == second != steel
        assert high.material_slots[0].material == steel
        assert not [node for node in steel.node_tree.nodes if node.type == "TEX_IMAGE"]

    def test_high_precision_keeps_floats(self):
        low, high = grid("Low", cells=2), grid("High", cells=16, height=lambda x, y: 0.1 * x * x)
        result = run("bake/bake_normal", low, high, 16, samples=1, cage_extrusion=0.3, high_precision=True)
        assert result.image.is_float
        assert result.image.packed_file

    def test_extrusion_is_in_the_scene_s_units_on_a_scaled_object(self):
        low = grid("Low", cells=2)
        high = grid("High", cells=16, height=lambda x, y: 0.3 + 0.1 * x * x)
        low.scale = high.scale = (10.0, 10.0, 10.0)
        bpy.context.view_layer.update()
        image = run("bake/bake_normal", low, high, resolution=16, samples=1, cage_extrusion=5.0).image
        assert pixels(image)[8, 1, 0] > 0.55  # the bowl's left side looks right: the high-poly was found

    def test_objects_far_apart_are_a_clear_error(self):
        low, high = grid("Low", cells=2), grid("High", cells=4, height=lambda x, y: 0.1 * x * x)
        high.location.x = 100.0
        with pytest.raises(ValueError, match="Low found nothing of High"):
            run("bake/bake_normal", low, high, resolution=16, samples=1)

    def test_missing_uv_map_is_a_clear_error(self):
        with pytest.raises(ValueError, match="Cube has no UV map; unwrap it first"):
            run("bake/bake_normal", cube(), grid())


class TestBakeAmbientOcclusion:
    @staticmethod
    def valley():
        """Flat but for a deep and narrow furrow along y in the middle."""
        return grid("Valley", cells=16, height=lambda x, y: -1.0 if abs(x) < 0.1 else 0.0)

    def test_furrow_is_darker_than_the_plain(self, reports):
        source = self.valley()
        result = run("bake/bake_ambient_occlusion", source, resolution=32, samples=8, margin=0)
        image = pixels(result.image)[..., 0]
        assert image[4:28, 2:6].mean() > 0.95
        assert image[4:28, 15:17].mean() < 0.5
        assert result.baked == source
        assert result.image.packed_file
        assert reports.steps("Baking") == 2

    def test_high_poly_s_furrow_is_baked_to_the_low_poly(self):
        low = grid("Low", cells=2)
        result = run("bake/bake_ambient_occlusion", low, self.valley(), 32, samples=8, cage_extrusion=0.5)
        image = pixels(result.image)[..., 0]
        assert image[4:28, 15:17].mean() < 0.5 < 0.95 < image[4:28, 2:6].mean()

    def test_low_poly_gives_no_shade_to_the_high_poly_below_it(self):
        low, high = grid("Low", cells=2), grid("High", cells=4, height=lambda x, y: -0.1)
        image = run("bake/bake_ambient_occlusion", low, high, resolution=16, samples=1, cage_extrusion=0.5).image
        assert pixels(image)[..., 0].min() > 0.95

    def test_near_distance_gives_no_shade_from_afar(self):
        image = run("bake/bake_ambient_occlusion", self.valley(), resolution=32, samples=4, distance=0.001).image
        assert pixels(image)[..., 0].mean() > 0.97

    def test_base_color_is_multiplied_in_a_copy_of_the_material(self):
        source, red = self.valley(), material("Red", (1.0, 0.0, 0.0, 1.0))
        source.data.materials.append(red)
        run("bake/bake_ambient_occlusion", source, resolution=16, samples=1)
        own = source.material_slots[0].material
        assert own != red
        mix = own.node_tree.nodes["Principled BSDF"].inputs["Base Color"].links[0].from_node
        assert mix.blend_type == "MULTIPLY"
        _factor, first, _second = (item for item in mix.inputs if item.enabled)
        assert tuple(first.default_value) == (1.0, 0.0, 0.0, 1.0)

    def test_missing_uv_map_is_a_clear_error(self):
        with pytest.raises(ValueError, match="Cube has no UV map; unwrap it first"):
            run("bake/bake_ambient_occlusion", cube())


class TestRenderStill:
    def test_cycles_frames_the_objects_and_shows_progress(self, reports):
        source = cube(size=0.01, centre=(50.0, 0.0, 0.0))
        source.data.materials.append(material("Red", (0.8, 0.02, 0.02, 1.0)))
        image = run("render/render_still", [source], width=48, height=32, samples=4, transparent=True)
        assert tuple(image.size) == (48, 32)
        assert image.packed_file
        seen = pixels(image)
        alpha = seen[..., 3]
        assert 0.2 < (alpha > 0.5).mean() < 0.9
        assert max(alpha[0].max(), alpha[-1].max(), alpha[:, 0].max(), alpha[:, -1].max()) < 0.5
        red, green, _, _ = seen[alpha > 0.99].mean(axis=0)
        assert red > green + 0.2
        assert max(map(max, reports.fractions.values())) == pytest.approx(0.95)

    def test_several_tiles_are_reported_one_by_one(self, reports):
        run("render/render_still", [cube()], width=256, height=256, samples=1, denoise=False)
        assert reports.steps("Rendered") >= 4

    def test_background_is_there_unless_transparent(self):
        image = run("render/render_still", [cube()], width=16, height=16, samples=1)
        assert pixels(image)[..., 3].min() == 1.0

    def test_workbench_renders(self):
        image = run("render/render_still", [cube()], engine="Workbench", width=32, height=32)
        assert pixels(image)[..., :3].std() > 0.02

    def test_given_camera_and_light_are_used(self):
        camera = link("Camera", bpy.data.cameras.new("Camera"))  # looks down, from below the cube
        camera.location.z = -10.0
        lamp = link("Lamp", bpy.data.lights.new("Lamp", "SUN"))
        image = run("render/render_still", [cube(), lamp], camera, width=16, height=16, samples=1, transparent=True)
        assert pixels(image)[..., 3].max() == 0.0

    def test_object_that_is_no_camera_is_a_clear_error(self):
        with pytest.raises(ValueError, match="Cube is a mesh, not a camera"):
            run("render/render_still", [item := cube()], item)


class TestExportAndImport:
    def test_glb_comes_back_with_the_same_triangles(self, tmp_path):
        sources = [cube(), subdivided(cube("Sphere ü"), levels=2)]
        path = run("import_export/export_gltf", sources, tmp_path / "a folder" / "två objekt")
        assert path == tmp_path / "a folder" / "två objekt.glb"
        assert list(path.parent.iterdir()) == [path]
        open_empty_file()
        objects = run("import_export/import_gltf", path)
        assert sorted((item.name, len(item.data.polygons)) for item in objects) == [("Cube", 12), ("Sphere ü", 192)]

    def test_separate_gltf_has_its_files_beside_it(self, tmp_path):
        low, high = grid("Low", cells=2), grid("High", cells=4, height=lambda x, y: 0.1 * x * x)
        run("bake/bake_normal", low, high, resolution=16, samples=1, cage_extrusion=0.3)
        path = run("import_export/export_each_gltf", low, tmp_path, file_format="glTF Separate")
        assert sorted(entry.suffix for entry in tmp_path.iterdir()) == [".bin", ".gltf", ".png"]
        open_empty_file()
        (item,) = run("import_export/import_gltf", path)
        assert pixels(bpy.data.images[0])[..., 2].mean() > 0.9
        assert len(item.data.polygons) == 8

    def test_object_s_name_makes_a_name_that_every_system_takes(self, tmp_path):
        hidden = cube('Rock: "A/B"?')
        hidden.hide_viewport = True
        path = run("import_export/export_each_gltf", hidden, tmp_path)
        assert path == tmp_path / "Rock_ _A_B__.glb"
        assert path.stat().st_size > 500

    def test_failed_export_leaves_the_old_file_alone(self, tmp_path, monkeypatch):
        path = tmp_path / "old.glb"
        path.write_bytes(b"old")
        script = load("import_export/export_gltf")

        def fail(objects):
            raise RuntimeError("broken")

        script.main.__globals__["enable_add_on"] = lambda: None
        script.main.__globals__["select"] = fail
        with pytest.raises(RuntimeError, match="broken"):
            script.main([cube()], path)
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_obj_comes_back_with_the_same_faces_and_size(self, tmp_path):
        source = subdivided(cube(), levels=1)
        source.data.materials.append(material("Steel"))
        path = run("import_export/export_obj", [source], tmp_path / "model")
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["model.mtl", "model.obj"]
        open_empty_file()
        (item,) = run("import_export/import_obj", path)
        assert len(item.data.polygons) == 24
        assert item.material_slots[0].material.name == "Steel"

    def test_obj_takes_packed_images_along(self, tmp_path):
        source, steel = grid(cells=2), material("Steel")
        image = picture("Rust", (0.5, 0.2, 0.1, 1.0))
        image.pack()
        node = steel.node_tree.nodes.new("ShaderNodeTexImage")
        node.image = image
        steel.node_tree.links.new(node.outputs[0], steel.node_tree.nodes["Principled BSDF"].inputs["Base Color"])
        source.data.materials.append(steel)
        path = run("import_export/export_each_obj", source, tmp_path, name="grid")
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["Rust.png", "grid.mtl", "grid.obj"]
        map_line = next(line for line in (tmp_path / "grid.mtl").read_text().splitlines() if "map_Kd" in line)
        assert map_line == "map_Kd Rust.png"
        assert path.name == "grid.obj"

    @pytest.mark.parametrize("name", ["import_gltf", "import_obj", "append_from_blend"])
    def test_missing_file_is_a_clear_error(self, name, tmp_path):
        with pytest.raises(ValueError, match="There is no file"):
            run(f"import_export/{name}", tmp_path / "nothing.glb")

    def test_broken_glb_is_a_clear_error(self, tmp_path):
        path = tmp_path / "broken.glb"
        path.write_bytes(b"glTF nonsense")
        with pytest.raises(ValueError, match=r"broken\.glb can't be imported"):
            run("import_export/import_gltf", path)


class TestSaveBlendFile:
    def test_file_opens_with_the_objects_in_its_scene(self, tmp_path):
        bpy.context.scene.render.fps = 12
        source, other = cube(), cube("Not Saved")
        collection = bpy.data.collections.new("Props")
        collection.objects.link(child := cube("Prop"))
        bpy.context.scene.collection.objects.unlink(child)
        steel = material("Unused Steel")
        path = run("import_export/save_blend_file", [source, collection, steel], tmp_path / "out")
        assert list(tmp_path.iterdir()) == [path]
        assert other
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
        scene = bpy.context.scene
        assert scene.objects.keys() == ["Cube", "Prop"]
        assert scene.collection.children.keys() == ["Props"]
        assert scene.render.fps == 12
        assert bpy.data.objects.keys() == ["Cube", "Prop"]
        assert bpy.data.materials["Unused Steel"].use_fake_user

    def test_unsaved_pixels_are_kept(self, tmp_path):
        path = run("import_export/save_blend_file", [picture("Dots", (1.0, 0.0, 0.0, 1.0))], tmp_path / "out.blend")
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
        assert pixels(bpy.data.images["Dots"])[0, 0].tolist() == [1.0, 0.0, 0.0, 1.0]

    def test_appending_takes_what_the_pattern_names(self, tmp_path):
        saved = [cube("Rock A"), cube("Rock B"), cube("Tree")]
        path = run("import_export/save_blend_file", saved, tmp_path / "out.blend")
        open_empty_file()
        found = run("import_export/append_from_blend", path, "Object", "Rock*")
        assert [item.name for item in found] == ["Rock A", "Rock B"]
        assert len(found[0].data.polygons) == 6
        with pytest.raises(ValueError, match="no object named Bush"):
            run("import_export/append_from_blend", path, "Object", "Bush")


class TestImages:
    @pytest.mark.parametrize("ending", ["png", "jpg", "exr", "tif", "tga", "webp"])
    def test_saved_image_loads_with_its_colors(self, ending, tmp_path):
        path = run("image/save_image", picture("Red", (1.0, 0.0, 0.0, 1.0), 16, 16), tmp_path / "sub" / f"red.{ending}")
        assert list(path.parent.iterdir()) == [path]
        loaded = run("image/load_image", path)
        assert pixels(loaded)[8, 8, :3] == pytest.approx((1.0, 0.0, 0.0), abs=0.06)

    def test_format_wins_over_the_ending(self, tmp_path):
        path = run("image/save_image", picture("Red", (1, 0, 0, 1)), tmp_path / "red.v1", file_format="JPEG")
        assert path.name == "red.v1.jpg"
        assert path.read_bytes().startswith(b"\xff\xd8")

    def test_folder_gets_the_image_s_name(self, tmp_path):
        assert run("image/save_image", picture("Red", (1, 0, 0, 1)), tmp_path) == tmp_path / "Red.png"

    def test_unknown_ending_is_a_clear_error(self, tmp_path):
        with pytest.raises(ValueError, match=r"No format is known for \.xyz"):
            run("image/save_image", picture("Red", (1, 0, 0, 1)), tmp_path / "red.xyz")

    def test_text_file_is_no_picture(self, tmp_path):
        path = tmp_path / "text.png"
        path.write_text("hello")
        with pytest.raises(ValueError, match="no picture"):
            run("image/load_image", path)

    @pytest.mark.parametrize(
        ("options", "size"),
        [
            ({"width": 4}, (4, 2)),
            ({"width": 0, "height": 8}, (16, 8)),
            ({"width": 4, "height": 4}, (4, 2)),
            ({"width": 4, "height": 4, "keep_aspect": False}, (4, 4)),
        ],
    )
    def test_resized_image_has_the_size_and_its_colors(self, options, size):
        image = run("image/resize_image", picture("Red", (1.0, 0.0, 0.0, 1.0)), **options)
        assert tuple(image.size) == size
        assert image.packed_file
        assert pixels(image).mean(axis=(0, 1)) == pytest.approx((1.0, 0.0, 0.0, 1.0))

    def test_contact_sheet_lays_images_out_from_the_top_left(self):
        colors = [(1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1)]
        images = [picture(str(index), color) for index, color in enumerate(colors)]
        sheet = run("image/contact_sheet", images, 2, 8, 8, margin=2, background=mathutils.Color((1.0, 1.0, 1.0)))
        assert tuple(sheet.size) == (22, 22)
        assert sheet.packed_file
        seen = pixels(sheet)
        assert seen[16, 6].tolist() == [1, 0, 0, 1]
        assert seen[16, 16].tolist() == [0, 1, 0, 1]
        assert seen[6, 6].tolist() == [0, 0, 1, 1]
        assert seen[6, 16] == pytest.approx((1, 1, 1, 1), abs=1e-3)
        assert seen[12, 6] == pytest.approx((1, 1, 1, 1), abs=1e-3)  # above and below a wide image


class TestSplitCollection:
    @pytest.fixture
    def collection(self):
        collection, inner = bpy.data.collections.new("Outer"), bpy.data.collections.new("Inner")
        collection.children.link(inner)
        collection.objects.link(cube("B"))
        inner.objects.link(cube("A"))
        inner.objects.link(link("Lamp", bpy.data.lights.new("Lamp", "POINT")))
        return collection

    @pytest.mark.parametrize(
        ("options", "names"),
        [
            ({}, ["A", "B", "Lamp"]),
            ({"recursive": False}, ["B"]),
            ({"object_type": "Mesh"}, ["A", "B"]),
            ({"name_contains": "lam"}, ["Lamp"]),
        ],
    )
    def test_filters_list_the_objects_by_name(self, collection, options, names):
        assert [item.name for item in run("collection/split_collection", collection, **options)] == names
