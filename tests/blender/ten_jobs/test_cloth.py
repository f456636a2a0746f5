# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloth baked, as Alembic and back on the object.

A cloth falls on a ball and over its sides. It is simulated in the background, its shape at each frame comes back on the
object in place of the simulation, and goes to an Alembic file.
"""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from ..library.scenes import grid, open_empty_file, run
from .job import Job

pytestmark = pytest.mark.skipif(not bpy.app.build_options.alembic, reason="this Blender was built without Alembic")

#: The radius of the ball, and how far cloth keeps away from it, or may sink in.
BALL, SLACK = 0.6, 0.05


def make_scene(cells: int, frames: int) -> None:
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 1, frames
    cloth = grid("Cloth", cells=cells, height=lambda x, y: 1.0)
    cloth.modifiers.new("Cloth", "CLOTH").settings.quality = 8
    colliders = bpy.data.collections.new("Colliders")
    bpy.context.scene.collection.children.link(colliders)
    import bmesh  # here, as the Python of Blender's module loads it late

    mesh = bpy.data.meshes.new("Ball")
    shape = bmesh.new()
    bmesh.ops.create_icosphere(shape, subdivisions=4, radius=BALL)
    shape.to_mesh(mesh)
    shape.free()
    ball = bpy.data.objects.new("Ball", mesh)
    colliders.objects.link(ball)
    ball.modifiers.new("Collision", "COLLISION")


def points_at(item: bpy.types.Object, frame: int) -> np.ndarray:
    """In the scene."""
    bpy.context.scene.frame_set(frame)
    evaluated = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = np.empty(len(evaluated.data.vertices) * 3, np.float32)
    evaluated.data.vertices.foreach_get("co", points)
    matrix = np.array(evaluated.matrix_world)
    return points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def test_cloth_falls_as_blender_plays_it_at_home_and_in_the_file(job: Job):
    cells, frames = job.size(10, 60), job.size(25, 80)
    make_scene(cells, frames)
    tree = job.tree()
    original = bpy.data.objects["Cloth"]
    wanted = {frame: points_at(original, frame) for frame in range(1, frames + 1)}
    bpy.context.scene.frame_set(1)
    job.run(tree, Cloth="Cloth", Colliders="Colliders")

    item = bpy.data.objects["Cloth"]
    assert not [each for each in item.modifiers if each.type == "CLOTH"]
    looked_at = (frames, 1, frames // 2, frames - 3, frames // 3)
    apart = max(np.abs(points_at(item, frame) - wanted[frame]).max() for frame in looked_at)
    assert apart < 1e-3
    last = points_at(item, frames)
    assert np.linalg.norm(last, axis=1).min() > BALL - SLACK, "it lies on the ball, not in it"
    assert last[:, 2].max() > 0.5 > last[:, 2].min()
    heights = [points_at(item, frame)[:, 2].mean() for frame in range(1, frames + 1)]
    assert np.diff(heights[:8]).max() < 0.0, "it falls, until it meets the ball"

    path = job.folder / "cloth.abc"
    assert path.read_bytes()[:5] == b"Ogawa"
    render_last(job, item)
    open_empty_file()
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 1, frames
    (loaded,) = run("import_export/import_alembic", path)
    in_file = max(np.abs(points_at(loaded, frame) - wanted[frame]).max() for frame in looked_at)
    assert in_file < 1e-3
    deepest = max(0.0, BALL - np.linalg.norm(last, axis=1).min())
    job.tell(
        f"{cells * cells:,} faces of cloth, {frames} frames; {path.stat().st_size / 1e6:.1f} MB of Alembic",
        f"Whatever the order in which frames are looked at, points are at most {apart:.1g} from where Blender plays "
        f"them; out of the file, {in_file:.1g}",
        f"In the last frame no point is deeper than {deepest:.3f} in the ball, whose radius is {BALL}",
        on=(cells * cells, "faces"),
    )


def render_last(job: Job, item: bpy.types.Object) -> None:
    if job.is_whole:
        for polygon in item.data.polygons:
            polygon.use_smooth = True
        image = run("render/render_still", [item, bpy.data.objects["Ball"]], width=640, height=480, samples=16)
        run("image/save_image", image, job.folder / "cloth.png")
        job.show(job.folder / "cloth.png", (80, 0, 560, 480))
