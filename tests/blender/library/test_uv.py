# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the category UV, by where islands lie."""

from __future__ import annotations

import contextlib
import math

import bpy
import numpy as np
import pytest

from .scenes import (
    cube,
    grid,
    mesh_object,
    pixels,
    run,
    subdivided,
    uv_area,
)


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


def islands(item: bpy.types.Object, uv_map: str = "UVMap") -> np.ndarray:
    """Lower and upper corner of each face in the UV map."""
    layer = item.data.uv_layers[uv_map]
    corners = [[tuple(layer.uv[index].vector) for index in face.loop_indices] for face in item.data.polygons]
    return np.array([(np.min(each, axis=0), np.max(each, axis=0)) for each in corners])


def smallest_gap(boxes: np.ndarray) -> float:
    """Between two boxes that are apart."""
    low, high = boxes[:, 0], boxes[:, 1]
    apart = np.maximum(low[:, None] - high[None], low[None] - high[:, None]).max(axis=2)
    return float(apart[~np.eye(len(boxes), dtype=bool)].min())


class TestUnwrapAlongSeams:
    @pytest.mark.parametrize("script", ["smart_uv_project", "unwrap"])
    @pytest.mark.parametrize("step", [(0.5, 0.25, 1.0), (0.0, 0.0, 0.0), (math.nan, 0.0, 0.0)], ids=str)
    def test_faces_without_area_are_a_clear_error(self, step, script):
        points = [tuple(number * length for length in step) for number in range(4)]
        source = mesh_object("Line", points, [(0, 1, 2), (1, 2, 3)])
        with pytest.raises(ValueError, match="The faces of Line have no area to unwrap; mend its mesh"):
            run(f"uv/{script}", source)

    @pytest.mark.parametrize("method", ["Angle Based", "Conformal", "Minimum Stretch"])
    def test_sharp_edges_are_seams_and_islands_have_their_pixels_around(self, method):
        source = cube()
        assert run("uv/unwrap", source, method, margin_pixels=8, resolution=256) == source
        boxes = islands(source)
        assert boxes.min() >= 8 / 256 - 1e-3
        assert boxes.max() <= 1.0 - 8 / 256 + 1e-3
        assert smallest_gap(boxes) == pytest.approx(16 / 256, abs=2e-3)
        assert all(edge.use_seam for edge in source.data.edges)
        assert source.name == "Cube_Unwrapped"

    def test_seams_that_are_there_are_used_or_not(self):
        source = cube()
        for edge in source.data.edges[:7]:
            edge.use_seam = True
        run("uv/unwrap", source, seam_angle=math.pi)
        assert sum(edge.use_seam for edge in source.data.edges) == 7

    def test_closed_surface_without_seams_is_a_clear_error_or_laid_flat(self):
        source = cube()
        for edge in source.data.edges:
            edge.use_seam = True
        with contextlib.suppress(ValueError):  # what Blender makes of it differs
            run("uv/unwrap", source, seam_angle=math.pi, keep_seams=False)
            assert uv_area(source) > 0.0
        assert not any(edge.use_seam for edge in source.data.edges)

    def test_minimum_stretch_keeps_the_shape_of_faces(self):
        source = run("uv/unwrap", grid(cells=4, height=lambda x, y: 0.3 * x * y), "Minimum Stretch", iterations=30)
        assert run("uv/texel_density", source).lowest > 0.8 * run("uv/texel_density", source).highest

    def test_minimum_stretch_stretches_less_than_angle_based(self):
        def stretch(method: str) -> float:
            dome = grid(method, cells=12, height=lambda x, y: 1.6 * math.exp(-3.0 * (x * x + y * y)))
            found = run("uv/texel_density", run("uv/unwrap", dome, method, seam_angle=math.pi, iterations=40))
            return found.highest / found.lowest

        assert stretch("Minimum Stretch") < 0.9 * stretch("Angle Based")

    def test_faces_of_modifiers_alone_are_applied(self):
        tube = mesh_object("Tube", [(1, 0, 0), (1, 0, 1)], [])
        tube.data.edges.add(1)
        tube.data.edges[0].vertices = (0, 1)
        tube.modifiers.new("Screw", "SCREW").steps = 8
        assert len(run("uv/unwrap", tube, seam_angle=0.5).data.polygons) == 8


def test_lightmap_gives_each_face_its_own_place_and_may_leave_the_active_map():
    source = subdivided(grid(cells=3), levels=0)
    assert run("uv/lightmap_pack", source, make_active=False).data.uv_layers.active.name == "UVMap"
    assert source.data.uv_layers["UVMap"].active_render
    assert smallest_gap(islands(source, "Lightmap")) > 0.0
    assert 0.0 <= islands(source, "Lightmap").min() < islands(source, "Lightmap").max() <= 1.0
    assert run("uv/lightmap_pack", source).data.uv_layers.active.name == "Lightmap"


def test_islands_are_packed_with_pixels_around():
    source = run("uv/smart_uv_project", cube())
    run("uv/pack_islands", source, margin_pixels=16, resolution=512)
    assert smallest_gap(islands(source)) >= 32 / 512 - 2e-3
    assert islands(source).min() == pytest.approx(16 / 512, abs=2e-3)


class TestTexelDensity:
    def test_density_is_measured_in_the_scene_and_set(self):
        source = grid(cells=2)
        source.scale = (2.0, -2.0, 2.0)
        bpy.context.view_layer.update()
        found = run("uv/texel_density", source, 1024)
        assert (found.density, found.lowest, found.highest) == pytest.approx((256.0, 256.0, 256.0), rel=1e-4)
        assert found.coverage == pytest.approx(1.0)
        found = run("uv/texel_density", source, 1024, 512.0)
        assert found.density == pytest.approx(512.0, rel=1e-4)
        assert found.coverage == pytest.approx(4.0, rel=1e-4)
        assert found.result == source

    def test_face_without_a_place_is_the_lowest(self):
        source = grid(cells=2)
        for index in source.data.polygons[0].loop_indices:
            source.data.uv_layers[0].uv[index].vector = (0.0, 0.0)
        assert run("uv/texel_density", source).lowest == 0.0

    def test_what_cannot_be_measured_is_a_clear_error(self):
        with pytest.raises(ValueError, match="Cube has no UV map; unwrap it first"):
            run("uv/texel_density", cube())
        flat = grid(cells=1)
        flat.data.uv_layers[0].uv.foreach_set("vector", np.zeros(8, np.float32))
        with pytest.raises(ValueError, match="has no area, or none in its UV map"):
            run("uv/texel_density", flat)


class TestChecker:
    def test_squares_lie_as_the_uv_map_does_and_have_names(self):
        result = run("uv/uv_checker", grid(cells=2), squares=4, resolution=256)
        seen = pixels(result.image)
        assert (result.image.name, bool(result.image.packed_file)) == ("Grid Checker", True)
        dark, light = seen[4, 4, :3], seen[4, 68, :3]
        assert dark.max() < 0.5 < 0.8 < light.max()
        assert seen[68, 68, :3] == pytest.approx(light * 0.45 / 0.85, abs=0.01)  # of one hue above each other
        squares = [
            seen[64 * row : 64 * row + 64, 64 * column : 64 * column + 64, :3].min(axis=2) > 0.6
            for row in range(4)
            for column in range(4)
        ]
        assert len({ink.tobytes() for ink in squares}) == 16
        assert all(0.005 < ink.mean() < 0.2 for ink in squares)
        (slot,) = result.checked.material_slots
        assert [node.image for node in slot.material.node_tree.nodes if node.type == "TEX_IMAGE"] == [result.image]
        assert (result.stretched, result.mirrored) == (0.0, 0.0)

    def test_letters_can_be_read_from_left_to_right(self):
        ink = pixels(run("uv/uv_checker", grid(cells=1), squares=2, resolution=128).image)[:64, :64, :3].min(axis=2)
        ink = np.where(ink > 0.5, ink, 0.0)  # A1
        middle = np.nonzero(ink.sum(axis=0) == 0.0)[0]
        gap = middle[(middle > 24) & (middle < 40)][0]  # between the letter and the digit
        wide, narrow = ink[:, :gap] > 0.5, ink[:, gap:] > 0.5
        assert np.ptp(np.nonzero(wide)[1]) > np.ptp(np.nonzero(narrow)[1])  # an A is wider than a 1
        rows = np.nonzero(wide.any(axis=1))[0]
        assert np.ptp(np.nonzero(wide[rows[0]])[0]) > np.ptp(np.nonzero(wide[rows[-1]])[0])  # and wider below

    def test_stretch_and_mirrors_are_measured_in_the_scene(self):
        source = grid(cells=4)
        source.scale = (2.0, 1.0, 1.0)
        bpy.context.view_layer.update()
        assert run("uv/uv_checker", source).stretched == pytest.approx(1.0)
        mirrored = grid("Mirrored", cells=4)
        for index in mirrored.data.polygons[0].loop_indices:
            mirrored.data.uv_layers[0].uv[index].vector.x *= -1.0
        found = run("uv/uv_checker", mirrored)
        assert (found.stretched, found.mirrored) == (0.0, pytest.approx(1 / 16))

    def test_what_has_no_uv_map_is_a_clear_error(self):
        with pytest.raises(ValueError, match="Cube has no UV map; unwrap it first"):
            run("uv/uv_checker", cube())
        with pytest.raises(ValueError, match="Grid has no UV map Other, but UVMap"):
            run("uv/uv_checker", grid(), uv_map="Other")
