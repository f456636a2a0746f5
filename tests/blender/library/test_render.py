# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the category Render, by what is in the pictures."""

from __future__ import annotations

import math

import bpy
import numpy as np
import pytest

from .scenes import (
    cube,
    grid,
    link,
    material,
    mesh_object,
    pixels,
    run,
    scattered,
    subdivided,
)


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

    @pytest.mark.parametrize("distance", [1e4, 1e6])
    def test_object_far_from_the_origin_fills_the_picture(self, distance):
        source = cube()
        source.location = (distance, -distance, 0.0)
        image = run("render/render_still", [source], engine="Workbench", width=32, height=32, transparent=True)
        assert 0.2 < (pixels(image)[..., 3] > 0.5).mean() < 0.9

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

    def test_settings_of_a_scene_count_where_no_input_sets_them(self):
        options = {"width": 16, "height": 16, "samples": 1, "denoise": False, "transparent": True}
        ball = subdivided(cube(), levels=4)
        plain = pixels(run("render/render_still", [ball], **options))
        scene = bpy.data.scenes.new("Settings")
        scene.collection.objects.link(grid("Of that scene"))
        scene.render.use_simplify, scene.render.simplify_subdivision_render = True, 0
        scene.render.simplify_subdivision = 0
        scene.render.resolution_x, scene.render.film_transparent = 1000, False
        scene.view_settings.exposure = -10.0
        image = run("render/render_still", [ball], settings=scene, **options)
        assert tuple(image.size) == (16, 16)
        assert pixels(image)[..., :3].max() < 0.5 * plain[..., :3].max()
        assert pixels(image)[..., 3].mean() != pytest.approx(plain[..., 3].mean(), abs=0.01)
        assert [item.name for item in scene.collection.objects] == ["Of that scene"]

    def test_camera_and_world_of_the_settings_are_used_unless_others_are_given(self):
        scene = bpy.data.scenes.new("Settings")
        scene.camera = link("Camera", bpy.data.cameras.new("Camera"))  # looks down, from below the cube
        scene.camera.location.z = -10.0
        options = {"settings": scene, "width": 16, "height": 16, "samples": 1, "transparent": True}
        assert pixels(run("render/render_still", [cube()], **options))[..., 3].max() == 0.0
        above = link("Above", bpy.data.cameras.new("Above"))
        above.location.z = 10.0
        assert pixels(run("render/render_still", [cube()], above, **options))[..., 3].max() == 1.0

    def test_object_that_is_no_camera_is_a_clear_error(self):
        with pytest.raises(ValueError, match="Cube is a mesh, not a camera"):
            run("render/render_still", [item := cube()], item)

    @pytest.mark.parametrize("engine", ["Cycles", "Workbench"])
    @pytest.mark.parametrize("kind", ["Lamp", "Empty", "Line", "Hair", "Points", "Volume", "Pencil"])
    def test_nothing_to_see_is_a_clear_error_before_the_render(self, kind, engine):
        item = {
            "Lamp": lambda: link("Lamp", bpy.data.lights.new("Lamp", "SUN")),
            "Empty": lambda: link("Empty", None),
            "Line": lambda: mesh_object("Line", [(0, 0, 0), (1, 0, 0)], []),
            "Hair": lambda: link("Hair", bpy.data.hair_curves.new("Hair")),
            "Points": lambda: link("Points", bpy.data.pointclouds.new("Points")),
            "Volume": lambda: link("Volume", bpy.data.volumes.new("Volume")),
            "Pencil": lambda: link(
                "Pencil", getattr(bpy.data, "grease_pencils_v3", bpy.data.grease_pencils).new("Pencil")
            ),
        }[kind]()
        with pytest.raises(ValueError, match=f"There is nothing to see of {kind}; link objects that have a surface"):
            run("render/render_still", [item], engine=engine, width=8, height=8)
        assert not bpy.data.images

    @pytest.mark.parametrize("kind", ["Text", "Curve", "Metaball", "Instance", "Scatter"])
    def test_what_is_no_mesh_has_a_surface_too(self, kind):
        if kind == "Text":
            data = bpy.data.curves.new("Text", "FONT")
            data.body = "Text"
        elif kind == "Curve":
            data = bpy.data.curves.new("Curve", "CURVE")
            data.dimensions, data.bevel_depth = "3D", 0.5
            data.splines.new("POLY").points.add(1)
            data.splines[0].points[1].co = (0.0, 0.0, 2.0, 1.0)
        elif kind == "Metaball":
            data = bpy.data.metaballs.new("Metaball")
            data.elements.new()
        else:
            data = None
        item = scattered(grid(cells=1)) if kind == "Scatter" else link(kind, data)
        if kind == "Instance":
            item.instance_type, item.instance_collection = "COLLECTION", bpy.data.collections.new("Asset")
            item.instance_collection.objects.link(part := cube("Part"))
            bpy.context.scene.collection.objects.unlink(part)
        image = run("render/render_still", [item], width=16, height=16, samples=1, transparent=True, denoise=False)
        assert pixels(image)[..., 3].max() > 0.5


#: Options that make a small picture in no time.
QUICK = {"engine": "Workbench", "width": 32, "height": 32}


class TestRenderEach:
    def test_each_kind_is_alone_in_a_picture_of_its_name(self):
        small, large = cube("Small", size=0.01, centre=(50, 0, 0)), cube("Large", size=10.0)
        place = bpy.data.collections.new("Both")
        place.objects.link(small)
        hidden = cube("Hidden", size=100.0)
        hidden.hide_render = True
        place.objects.link(hidden)
        shares = {}
        for item in (small, large, place, material("Steel")):
            image = run("render/render_each", item, **QUICK)
            assert image.name == item.name
            assert image.packed_file
            shares[item.name] = (pixels(image)[..., 3] > 0.5).mean()
        assert shares["Small"] == pytest.approx(shares["Large"], abs=0.05)
        assert shares["Both"] == pytest.approx(shares["Small"], abs=0.05)
        assert 0.5 < shares["Steel"] < 0.8  # a ball fills pi / 4 of its square, less the air around

    def test_material_is_seen_with_its_colour_by_cycles(self):
        image = run("render/render_each", material("Red", (0.8, 0.02, 0.02, 1.0)), width=24, height=24, samples=4)
        seen = pixels(image)
        red, green, _, _ = seen[seen[..., 3] > 0.99].mean(axis=0)
        assert red > green + 0.2

    def test_top_view_looks_down_with_the_front_below(self):
        source = grid(height=lambda x, y: 0.0)
        low, high = source.data.vertices[0].co.copy(), source.data.vertices[-1].co.copy()
        assert low.y < high.y
        front = cube("Front", size=1.0, centre=(0.0, -3.0, 0.0))
        front.data.materials.append(material("Red", (0.8, 0.0, 0.0, 1.0)))
        front.data.materials[0].diffuse_color = (0.8, 0.0, 0.0, 1.0)
        both = bpy.data.collections.new("Both")
        for item in (source, front):
            both.objects.link(item)
        seen = pixels(run("render/render_each", both, "Top", **QUICK))
        is_red = (seen[..., 0] > 2.0 * seen[..., 1]) & (seen[..., 3] > 0.5)
        assert is_red.any()
        assert not is_red[16:].any()

    def test_hidden_collection_is_shown(self):
        place = bpy.data.collections.new("Props")
        place.objects.link(cube())
        place.hide_render = place.hide_viewport = True
        assert pixels(run("render/render_each", place, **QUICK))[..., 3].max() > 0.99

    def test_what_cannot_be_seen_is_a_clear_error(self):
        with pytest.raises(ValueError, match=r"Image \(Image\) can't be seen alone; link"):
            run("render/render_each", bpy.data.images.new("Image", 8, 8))
        with pytest.raises(ValueError, match="nothing to see of Empty"):
            run("render/render_each", bpy.data.collections.new("Empty"))

    def test_picture_of_nothing_is_an_error(self):
        """What is flat has no front; a material may well be clear."""
        with pytest.raises(ValueError, match="Nothing of Floor is seen from the Front; choose another View"):
            run("render/render_each", grid("Floor"), view="Front", **QUICK)
        clear = material("Clear")
        clear.node_tree.nodes["Principled BSDF"].inputs["Alpha"].default_value = 0.0
        image = run("render/render_each", clear, engine="Cycles", samples=1, width=16, height=16)
        assert pixels(image)[..., 3].max() == 0.0

    def test_colours_are_those_of_the_settings(self):
        settings = bpy.data.scenes.new("Settings")
        colors = {}
        for transform in ("Standard", "AgX"):
            settings.view_settings.view_transform = transform
            image = run("render/render_each", material("Red", (1.0, 0.0, 0.0, 1.0)), settings=settings, **QUICK)
            colors[transform] = pixels(image)[8, 8]
        assert np.abs(colors["Standard"] - colors["AgX"]).max() > 0.02


class TestTurntable:
    def test_turn_is_divided_and_its_first_picture_is_not_there_twice(self):
        angles = run("render/turntable_angles", 4)
        assert angles == pytest.approx([0.0, math.pi / 2, math.pi, 1.5 * math.pi])
        assert run("render/turntable_angles", 2, 1.0, -2.0) == pytest.approx([1.0, 0.0])

    def test_objects_stay_as_large_turn_and_are_never_cut_off(self):
        plank = cube(size=1.0, centre=(20.0, 0.0, 5.0))
        plank.scale = (6.0, 1.0, 0.5)
        shares = []
        for angle in run("render/turntable_angles", 8):
            image = run("render/turntable", [plank], angle, engine="Workbench", width=48, height=48, transparent=True)
            alpha = pixels(image)[..., 3]
            assert max(alpha[0].max(), alpha[-1].max(), alpha[:, 0].max(), alpha[:, -1].max()) < 0.5
            columns = np.flatnonzero(alpha.max(axis=0) > 0.5)
            rows = np.flatnonzero(alpha.max(axis=1) > 0.5)
            middle = (rows[0] + rows[-1]) / 2.0, (columns[0] + columns[-1]) / 2.0
            assert middle == pytest.approx((23.5, 23.5), abs=3.0)
            shares.append(columns[-1] - columns[0])
        assert shares[:4] == pytest.approx(shares[4:], abs=2)
        assert shares[0] > 30
        assert shares[2] < 0.6 * shares[0]

    def test_it_turns_as_on_a_table_and_the_lights_stay_with_the_camera(self):
        source = cube(size=0.5)
        mark = cube("Mark", size=0.5, centre=(1.0, 0.0, 0.0))
        options = {"width": 32, "height": 32, "samples": 4, "transparent": True}
        right = pixels(run("render/turntable", [source, mark], 0.0, **options))[..., 3]
        assert right[:, 16:].sum() > right[:, :16].sum() * 0.9
        ball = subdivided(cube("Ball"), levels=3)
        one, other = (pixels(run("render/turntable", [ball], angle, **options))[..., :3] for angle in (0.0, math.pi))
        assert np.abs(one - other).mean() < 0.03
