# SPDX-License-Identifier: GPL-3.0-or-later
"""Six rocks of 80,000 faces become game assets.

One branch, in a group that runs for each rock, makes its levels of detail at 50, 25 and 10 %, unwraps them, bakes the
normals of the rock, exports each level as glTF, at the origin, and renders its thumbnail. The levels come home, too.
"""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from ..library.scenes import link, material
from .reading import needs_other_programs, pictures, trimesh

pytestmark = needs_other_programs

SHARES = {1: 0.5, 2: 0.25, 3: 0.1}


def rock(number: int, subdivisions: int) -> bpy.types.Object:
    """A ball with bumps of several sizes, away from the origin."""
    import bmesh  # the wheels have it once bpy is there

    mesh, shape = bpy.data.meshes.new(f"Rock {number}"), bmesh.new()
    bmesh.ops.create_icosphere(shape, subdivisions=subdivisions, radius=1.0)
    shape.to_mesh(mesh)
    shape.free()
    points = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", points)
    points = points.reshape(-1, 3)
    draw, height = np.random.default_rng(number), np.ones(len(points))
    for frequency in (2.0, 5.0, 11.0, 23.0):
        for direction in draw.normal(size=(4, 3)):
            height += 0.25 / frequency * np.sin(frequency * points @ direction + draw.uniform(0.0, 6.3))
    mesh.vertices.foreach_set("co", (points * height[:, None] * (1.0, 0.9, 0.7)).astype(np.float32).ravel())
    mesh.materials.append(material("Stone", (0.35, 0.3, 0.26, 1.0)))
    item = link(f"Rock {number}", mesh)
    item.location = 3.0 * number, 5.0, 0.0
    return item


def test_rocks_become_levels_of_detail_with_the_normals_of_the_rocks(job):
    rocks = [rock(number, job.size(4, 7)) for number in range(1, job.size(3, 7))]
    faces = len(rocks[0].data.polygons)
    for name in ("Rocks", "Game Assets"):
        bpy.context.scene.collection.children.link(bpy.data.collections.new(name))
    for each in rocks:
        bpy.data.collections["Rocks"].objects.link(each)
    tree = job.tree()
    tree.nodes["Game Assets"].collection = bpy.data.collections["Game Assets"]
    resolution = job.size(32, 512)
    run = job.run(tree, Assets="Rocks", Each_Object__Resolution=resolution)

    levels = [(each, number) for each in rocks for number in SHARES]
    names = [f"{each.name}_LOD{number}" for each, number in levels]
    assert sorted(path.name for path in (job.folder / "glTF").iterdir()) == sorted(f"{name}.glb" for name in names)
    errors, details = [], []
    for (each, number), name in zip(levels, names, strict=True):
        scene = trimesh.load_scene(job.folder / "glTF" / f"{name}.glb")
        (shape,) = scene.geometry.values()
        errors.append(abs(len(shape.faces) / faces - SHARES[number]))
        (node,) = scene.graph.nodes_geometry
        assert np.allclose(scene.graph[node][0], np.eye(4), atol=1e-5), "at the origin, and nothing else is in the file"
        size = scene.bounds[1] - scene.bounds[0]
        assert size == pytest.approx(np.array(each.dimensions)[[0, 2, 1]], rel=0.1), "Y is up"
        uv = shape.visual.uv
        assert (uv.min() > -1e-4, uv.max() < 1.0 + 1e-4) == (True, True)
        normals = np.asarray(shape.visual.material.normalTexture.convert("RGB")) / 255.0
        assert normals.shape == (resolution, resolution, 3)
        assert normals[..., 2].mean() > 0.75
        details.append(normals[..., 0].std())
    assert max(errors) < 0.01
    assert min(details) > 0.015, "the bumps are in the maps"

    thumbnails = {path.stem: path for path in (job.folder / "thumbnails").iterdir()}
    assert sorted(thumbnails) == sorted(names)
    for path in thumbnails.values():
        with pictures.open(path) as opened:
            covered = (np.asarray(opened)[..., 3] > 127).mean()
        assert 0.2 < covered < 0.9
    home = bpy.data.collections["Game Assets"].objects
    assert sorted(item.name for item in home) == sorted(names)
    assert [tuple(each.location) for each in rocks] == [(3.0 * number, 5.0, 0.0) for number in range(1, len(rocks) + 1)]
    assert run.state == "succeeded"
    job.show(job.folder / "game_assets.png", (0, 0, 3 * 152 + 8, 3 * 168 + 8))
    job.tell(
        f"{len(rocks)} rocks of {faces:,} faces, {len(names)} levels in {len(names)} glTF files: their triangles are "
        f"50, 25 and 10 % of these, {max(errors) * 100:.2f} % away at most (trimesh)",
        f"Each is at the origin, as large as its rock, inside of its UV map, with a normal map of {resolution} x "
        f"{resolution} pixels in its material that has the bumps of the rock (trimesh, Pillow)",
        f"{len(thumbnails)} thumbnails; the levels are in the scene, and the rocks where they were",
        on=(len(rocks) * faces, "faces"),
    )
