# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the category Mesh, by what they make of meshes."""

from __future__ import annotations

import bpy
import mathutils
import pytest

from .scenes import (
    cube,
    grid,
    link,
    material,
    mesh_object,
    run,
    subdivided,
)


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("mesh/apply_modifiers", "Cube_Applied"),
        ("mesh/boolean", "Cube_Boolean"),
        ("mesh/decimate", "Cube_Decimated"),
        ("mesh/voxel_remesh", "Cube_Remeshed"),
        ("uv/pack_islands", "Cube_Packed"),
        ("uv/smart_uv_project", "Cube_Unwrapped"),
    ],
)
def test_result_that_lies_inside_its_original_says_what_it_is(script, name):
    source = cube()
    source.data.uv_layers.new(name="UVMap")
    options = {"operands": [cube("Other")]} if script == "mesh/boolean" else {}
    run(script, source, **options)
    assert (source.name, source.data.name) == (name, name)


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
        assert source.data.name == "Cube_Applied"

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


def sphere(name: str = "Ball") -> bpy.types.Object:
    """A closed mesh of 386 vertices."""
    item = subdivided(cube(name), levels=3)
    return run("mesh/apply_modifiers", item, suffix="").applied


class TestLODs:
    def test_levels_have_their_shares_and_numbers_and_the_source_may_be_the_first(self):
        source = sphere()
        source.data.materials.append(material("Steel"))
        result = run("mesh/lods", source, "50%, 100; 5 %", include_source=True)
        assert [item.name for item in result.lods] == ["Ball_LOD0", "Ball_LOD1", "Ball_LOD2", "Ball_LOD3"]
        assert [item.data.name for item in result.lods] == [item.name for item in result.lods]
        assert result.triangles == pytest.approx([768, 384, 100, 38], abs=4)
        assert len({item.data for item in result.lods}) == 4
        assert all(item.material_slots[0].material.name == "Steel" for item in result.lods)

    def test_levels_may_be_a_list_of_shares_and_numbers(self):
        result = run("mesh/lods", grid(cells=32), "90%", amounts=[0.5, 100.0, 1.0])
        assert result.triangles == [pytest.approx(1024, rel=0.02), pytest.approx(100, abs=3), 2048]
        assert [level.name for level in result.lods] == ["Grid_LOD1", "Grid_LOD2", "Grid_LOD3"]
        with pytest.raises(ValueError, match=r"50\.5 is no whole number of triangles; link 0\.505 for a share"):
            run("mesh/lods", grid(), amounts=[50.5])
        with pytest.raises(ValueError, match="-1 is no level; link shares up to 1"):
            run("mesh/lods", grid(), amounts=[-1.0])

    def test_place_and_parent_are_those_of_the_source(self):
        source, parent = sphere(), link("Parent", None)
        source.parent, source.location = parent, (1.0, 2.0, 3.0)
        (level,) = run("mesh/lods", source, "20%").lods
        assert (level.parent, tuple(level.location)) == (parent, (1.0, 2.0, 3.0))

    def test_modifiers_stay_when_asked(self):
        levels = run("mesh/lods", subdivided(grid(cells=8)), "50%", apply_modifiers=False)
        assert levels.lods[0].modifiers.keys() == ["Subdivision"]
        assert levels.triangles[0] <= 66

    def test_more_triangles_than_there_are_leave_all_and_that_is_told(self, capsys):
        result = run("mesh/lods", cube(), "5000")
        assert result.triangles == [12]
        assert len(result.lods[0].data.polygons) == 6
        assert "fewer than the 5,000 of level 1" in capsys.readouterr().out

    @pytest.mark.parametrize("levels", ["", "0%", "150%", "0.5", "half", "50%, -3"])
    def test_what_is_no_level_is_a_clear_error(self, levels):
        with pytest.raises(ValueError, match=r"level|number of triangles; write 50% for a share"):
            run("mesh/lods", cube(), levels)


def broken() -> bpy.types.Object:
    """A cube of six separate faces, one of them inside out, with loose parts, a double and a face without area."""
    corners = [tuple(vertex.co) for vertex in cube("Whole").data.vertices]
    faces = [tuple(polygon.vertices) for polygon in bpy.data.objects["Whole"].data.polygons]
    vertices = [corners[index] for face in faces for index in face]
    polygons = [tuple(range(4 * number, 4 * number + 4)) for number in range(6)]
    polygons[2] = polygons[2][::-1]
    vertices += [(5, 0, 0), (6, 0, 0), (7, 0, 0), (9, 9, 9), (9, 9, 8)]
    item = mesh_object("Broken", vertices, [*polygons, (24, 25, 26)])
    item.data.edges.add(1)
    item.data.edges[-1].vertices = (27, 28)
    return item


def set_corner_normals(source: bpy.types.Object, *, inwards: bool = False) -> None:
    """Custom normals of a cube that lean from the side of the face towards the vertex: no two corners have the same."""
    mesh = source.data
    faces = [(face.center.normalized(), index) for face in mesh.polygons for index in face.vertices]
    normals = [(side + 0.3 * mesh.vertices[index].co).normalized() for side, index in faces]
    mesh.normals_split_custom_set([-normal if inwards else normal for normal in normals])


def corner_normals(source: bpy.types.Object) -> dict[tuple, mathutils.Vector]:
    """The normals of a cube around its origin, by the side that the face is on and the vertex."""
    found, mesh = {}, source.data
    for face in mesh.polygons:
        side = tuple(round(abs(part)) * (1 if face.center[axis] > 0.0 else -1) for axis, part in enumerate(face.normal))
        for corner in face.loop_indices:
            key = side, mesh.loops[corner].vertex_index
            found[key] = mesh.corner_normals[corner].vector.copy()
    return found


class TestCleanUp:
    @pytest.mark.parametrize("scale", [(1, 1, 1), (0.001, -0.001, 0.001)])
    def test_all_that_is_wrong_is_mended_and_counted(self, scale):
        source = broken()
        source.scale = scale
        bpy.context.view_layer.update()
        result = run("mesh/clean_up", source, merge_distance=1e-6)
        assert result.cleaned == source
        assert (result.merged, result.degenerate, result.flipped, result.faces) == (16, 1, 1, 6)
        assert result.loose >= 2
        measured = run("mesh/measure", source)
        assert (measured.vertices, measured.is_closed) == (8, True)
        assert all(polygon.normal.dot(polygon.center) > 0.0 for polygon in source.data.polygons)

    def test_clean_mesh_stays_as_it_is(self):
        result = run("mesh/clean_up", sphere())
        assert result[1:] == (0, 0, 0, 0, 0, 384)

    def test_nothing_is_done_that_is_switched_off(self):
        result = run(
            "mesh/clean_up",
            broken(),
            merge_distance=0.0,
            delete_loose=False,
            dissolve_degenerate=False,
            normals_outside=False,
        )
        assert result[1:] == (0, 0, 0, 0, 0, 7)

    def test_faces_with_many_corners_are_divided(self):
        source = mesh_object("Five", [(0, 0, 0), (1, 0, 0), (2, 1, 0), (1, 2, 0), (0, 1, 0)], [(0, 1, 2, 3, 4)])
        result = run("mesh/clean_up", source, n_gons="Triangulate")
        assert (result.divided, result.faces) == (1, 3)

    def test_what_hangs_on_the_mesh_is_kept(self):
        source = grid(cells=4)
        source.data.materials.append(material("Steel"))
        source.vertex_groups.new(name="Group").add(range(20), 1.0, "REPLACE")
        source.shape_key_add(name="Basis")
        source.shape_key_add(name="Up").data[0].co.z = 3.0
        subdivided(source)
        run("mesh/clean_up", source)
        assert source.data.shape_keys.key_blocks.keys() == ["Basis", "Up"]
        assert source.data.shape_keys.key_blocks["Up"].data[0].co.z == 3.0
        assert source.vertex_groups.keys() == ["Group"]
        assert source.modifiers.keys() == ["Subdivision"]
        assert source.data.uv_layers.keys() == ["UVMap"]

    def test_custom_normals_turn_with_their_faces(self):
        source = cube()
        for polygon in source.data.polygons:
            polygon.flip()
        set_corner_normals(source, inwards=True)
        wanted = {key: -normal for key, normal in corner_normals(source).items()}
        assert run("mesh/clean_up", source).flipped == 6
        assert source.data.has_custom_normals
        found = corner_normals(source)
        assert found.keys() == wanted.keys()
        assert all((found[key] - wanted[key]).length < 0.01 for key in wanted)

    def test_object_that_merges_into_nothing_is_a_clear_error(self):
        with pytest.raises(ValueError, match="Nothing of Cube is left; take a smaller Merge Distance"):
            run("mesh/clean_up", cube(), merge_distance=10.0)


class TestTriangulate:
    def test_faces_become_triangles_and_the_shape_stays(self):
        source = sphere()
        volume = run("mesh/measure", source).volume
        assert run("mesh/triangulate", source).triangles == len(source.data.polygons) == 768
        assert run("mesh/measure", source).volume == pytest.approx(volume, rel=0.01)

    def test_quads_stay_if_asked(self):
        source = mesh_object(
            "Two", [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (2, 0, 0), (3, 1, 0)], [(0, 1, 2, 3), (1, 4, 5, 2)]
        )
        assert run("mesh/triangulate", source, minimum_corners=5).triangles == 0

    def test_custom_normals_stay_where_they_point(self):
        source = cube()
        set_corner_normals(source)
        wanted = corner_normals(source)
        run("mesh/triangulate", source)
        assert len(source.data.corner_normals) == 36
        found = corner_normals(source)
        assert found.keys() == wanted.keys()
        assert all((found[key] - wanted[key]).length < 0.01 for key in wanted)


class TestSeparate:
    def test_loose_parts_are_objects_the_largest_first(self):
        source = run("mesh/join", [cube("Small"), sphere(), cube("Other", centre=(9, 0, 0))])
        source.location = (1.0, 2.0, 3.0)
        bpy.context.view_layer.update()
        before = run("mesh/measure", source)
        parts = run("mesh/separate", source)
        assert [part.name for part in parts] == ["Small_1", "Small_2", "Small_3"]
        assert [len(part.data.polygons) for part in parts] == [384, 6, 6]
        measured = [run("mesh/measure", part) for part in parts]
        assert sum(each.area for each in measured) == pytest.approx(before.area, rel=1e-5)
        assert max(each.maximum.x for each in measured) == pytest.approx(before.maximum.x)

    def test_each_material_is_an_object_of_its_name(self):
        source = grid(cells=2)
        for name in ("Wood", "Steel", "Unused"):
            source.data.materials.append(material(name))
        for polygon, index in zip(source.data.polygons, (1, 0, 1, 1), strict=True):
            polygon.material_index = index
        parts = run("mesh/separate", source, by="Material")
        assert [(part.name, len(part.data.polygons)) for part in parts] == [("Grid_Wood", 1), ("Grid_Steel", 3)]
        assert [part.material_slots[0].material.name for part in parts] == ["Wood", "Steel"]
        assert all(part.data.uv_layers for part in parts)

    def test_material_in_two_slots_is_one_object(self):
        source, wood = grid(cells=2), material("Wood")
        for each in (wood, material("Steel"), wood):
            source.data.materials.append(each)
        for polygon, index in zip(source.data.polygons, (0, 1, 2, 2), strict=True):
            polygon.material_index = index
        parts = run("mesh/separate", source, by="Material")
        assert [(part.name, len(part.data.polygons)) for part in parts] == [("Grid_Wood", 3), ("Grid_Steel", 1)]

    def test_small_parts_are_left_out_and_told(self, capsys):
        source = run("mesh/join", [sphere(), cube("Screw", centre=(9, 0, 0))])
        assert len(run("mesh/separate", source, minimum_faces=7)) == 1
        assert "1 parts have fewer than 7 faces" in capsys.readouterr().out
        with pytest.raises(ValueError, match="No part of Screw has 7 faces"):
            run("mesh/separate", cube("Screw"), minimum_faces=7)
