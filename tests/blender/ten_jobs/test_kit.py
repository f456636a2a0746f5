# SPDX-License-Identifier: GPL-3.0-or-later
"""A kit, each part to its own file in engine space.

The parts of a kit stand about in a scene under empties that are moved, turned and scaled; some are deformed by
armatures. Each goes to an FBX file of its name: at the origin, upright, in metres with Y up, with its texture in it and
its armature. A table lists them.
"""

from __future__ import annotations

import csv
import math

import bpy
import numpy as np

from background_nodes.runtime.engine.file_names import file_name

from ..library import assimp_file, fbx_file
from ..library.scenes import grid, link, material, picture, textured
from .reading import picture as read_picture


def kit(num_parts: int, cells: int) -> dict[str, bpy.types.Object]:
    """Ramps of different lengths, four on each empty; each third one has an armature."""
    collection = bpy.data.collections.new("Kit")
    bpy.context.scene.collection.children.link(collection)
    parts = {}
    for number in range(num_parts):
        if number % 4 == 0:
            pivot = link(f"Group {number // 4}", None)
            pivot.location = (10.0 * number, -5.0 * number, number)
            pivot.rotation_euler, pivot.scale = (0.2, 0.1 * number, 1.0 + number), (2.0, 2.0, 2.0)
        part = ramp(f"Ramp/{number:02}", cells)
        part.data.materials.append(textured(material(f"Paint {number}"), picture(f"Paint {number}", color(number))))
        part.scale, part.location = (length(number), 1.0, 1.0), (number % 4, 2.0, 0.0)
        part.parent = pivot
        if number % 3 == 2:
            part.parent = rig = armature(f"Rig {number:02}")
            rig.parent, part.location = pivot, (0.0, 0.0, 0.0)
            part.modifiers.new("Armature", "ARMATURE").object = rig
            part.vertex_groups.new(name="Root").add(range(len(part.data.vertices)), 1.0, "REPLACE")
        parts[part.name] = part
    for item in list(bpy.context.scene.collection.objects):
        collection.objects.link(item)
        bpy.context.scene.collection.objects.unlink(item)
    bpy.context.view_layer.update()
    return parts


def ramp(name: str, cells: int) -> bpy.types.Object:
    """From -1 to 1, and a metre higher at the end of X."""
    return grid(name, cells, lambda x, y: (x + 1.0) / 2.0)


def color(number: int) -> tuple[float, ...]:
    return (number % 8 / 7.0, 1.0 - number % 5 / 4.0, 0.5, 1.0)


def length(number: int) -> float:
    return 1.0 + number / 4.0


def armature(name: str) -> bpy.types.Object:
    rig = link(name, bpy.data.armatures.new(name))
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    rig.data.edit_bones.new("Root").tail = (0.0, 0.0, 1.0)
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def test_each_part_of_a_kit_is_a_file_in_engine_space(job):
    cells = job.size(2, 60)
    parts = kit(job.size(6, 40), cells)
    places = {name: part.matrix_world.copy() for name, part in parts.items()}
    job.run(job.tree(), Kit="Kit")

    files = {path.name: fbx_file.read(path) for path in (job.folder / "fbx").iterdir()}
    assert set(files) == {f"{file_name(name)}.fbx" for name in parts}
    farthest, num_bones = 0.0, 0
    for number, name in enumerate(parts):
        found = files[f"{file_name(name)}.fbx"]
        assert (found.up_axis, found.centimetres) == (1, 100.0)
        part = found.models[name]
        assert part.num_triangles == 2 * cells**2
        assert part.materials == [f"Paint {number}"]
        bones = [model.name for model in found.models.values() if model.kind == "LimbNode"]
        assert bones == (["Root"] if number % 3 == 2 else [])
        others = {model.kind for model in found.models.values()} - {"Mesh", "LimbNode"}
        assert others == ({"Null"} if bones else set()), "an armature is a null; no empty of the scene comes along"
        # Twice as large as it is itself: that is the scale of the empty. Y is up, and the ramp goes up along X.
        half = 2.0 * length(number)
        bounds = np.array([part.points.min(axis=0), part.points.max(axis=0)])
        farthest = max(farthest, float(np.abs(bounds - [(-half, 0.0, -2.0), (half, 2.0, 2.0)]).max()))
        assert part.points[part.points[:, 0].argmax()][1] > 1.99
        num_bones += len(bones)
        if assimp_file.assimp_py:
            other = assimp_file.read(job.folder / "fbx" / f"{file_name(name)}.fbx")
            assert set(other) == set(found.models)
            assert np.allclose(other[name].bounds, bounds, atol=1e-3)
            assert other[name].num_triangles == part.num_triangles
            assert (other[name].materials, other[name].bones) == (part.materials, set(bones))
        texture = read_picture(found.images[f"Paint_{number}.png"])
        assert np.allclose(texture[0, 0], color(number)[:3], atol=0.01)
    assert farthest < 1e-3

    with (job.folder / "kit.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["Part"] for row in rows] == list(parts)
    assert {row["Triangles"] for row in rows} == {str(2 * cells**2)}
    assert {name: part.matrix_world for name, part in parts.items()} == places
    job.tell(
        f"{len(parts)} parts of {2 * cells**2:,} triangles under {math.ceil(len(parts) / 4)} empties, {num_bones} of "
        "them on an armature; a file each",
        "Read by Assimp and by a reader of our own, each stands at the origin with Y up, "
        f"{farthest * 1000:.2f} mm away from where it should at most, with its one material, its texture and its bones",
        on=(len(parts) * cells**2, "faces"),
    )
