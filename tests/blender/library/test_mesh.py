# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the category Mesh, by what they make of meshes."""

from __future__ import annotations

import bpy
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
