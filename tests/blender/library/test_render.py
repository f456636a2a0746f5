# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the category Render, by what is in the pictures."""

from __future__ import annotations

import bpy
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
