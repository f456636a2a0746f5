# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the category Bake, by what is in the images."""

from __future__ import annotations

import bpy
import mathutils
import numpy as np
import pytest

from .scenes import (
    cube,
    grid,
    material,
    pixels,
    run,
)


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

    def test_flat_surface_is_found(self):
        image = run("bake/bake_normal", grid("Low", cells=1), grid("High", cells=2), resolution=16, samples=1).image
        assert pixels(image)[8, 8, :3] == pytest.approx((0.5, 0.5, 1.0), abs=0.01)

    @pytest.mark.parametrize("empty", ["Low", "High"])
    def test_mesh_without_faces_is_a_clear_error(self, empty):
        low, high = grid("Low", cells=1), grid("High", cells=2)
        without_faces({"Low": low, "High": high}[empty])
        with pytest.raises(ValueError, match=f"{empty} has no faces, so there is nothing to bake"):
            run("bake/bake_normal", low, high, resolution=16)


def without_faces(item: bpy.types.Object) -> None:
    """An object whose modifiers remove all faces, as a mask or a Geometry Nodes group may do."""
    item.vertex_groups.new(name="Nothing")
    item.modifiers.new("Mask", "MASK").vertex_group = "Nothing"
    bpy.context.view_layer.update()


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

    def test_mesh_without_faces_is_a_clear_error(self):
        without_faces(source := grid("Source"))
        with pytest.raises(ValueError, match="Source has no faces, so there is nothing to bake"):
            run("bake/bake_ambient_occlusion", source, resolution=16)

    def test_uv_map_beside_the_image_is_a_clear_error(self):
        source = grid("Source")
        for entry in source.data.uv_layers[0].uv:
            entry.vector += mathutils.Vector((5.0, 0.0))
        with pytest.raises(ValueError, match="UV map of Source covers no pixel of the image; unwrap it anew"):
            run("bake/bake_ambient_occlusion", source, resolution=16, samples=1)

    def test_objects_far_apart_are_a_clear_error(self):
        low, high = grid("Low", cells=2), grid("High", cells=4)
        high.location.x = 100.0
        with pytest.raises(ValueError, match="Low found nothing of High"):
            run("bake/bake_ambient_occlusion", low, high, resolution=16, samples=1)

    def test_surface_that_nothing_shades_is_white(self):
        image = run("bake/bake_ambient_occlusion", grid("Source", cells=1), resolution=16, samples=1).image
        assert pixels(image)[..., :3].min() == 1.0
