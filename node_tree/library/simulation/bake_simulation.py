# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake what cloth, soft bodies, Geometry Nodes simulations or any other modifiers do to the shape of an object.

The object comes back with the shape of each frame, and without what simulated it: in shape keys, so that all of it is
in the file, or in a cache file on disk that a modifier reads.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import bpy
import numpy as np

from background_nodes.script import (
    OutputPath,
    Range,
    convert_to_mesh,
    is_simulating,
    log,
    play_frames,
    progress,
    written_whole,
)

#: What Blender must have been built with to keep shapes in some ways.
NEEDS = {"keep_as": {"Alembic File": "alembic"}}
#: More coordinates than this make a .blend file that nobody wants to save.
MOST_IN_KEYS = 200_000_000
ENDINGS = {"PC2 File": ".pc2", "Alembic File": ".abc"}


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        baked: The object with its shape in each frame.
        file: The cache file, none with shape keys.
        movement: How far the point moves that moves most, from the first frame on.
    """

    baked: bpy.types.Object
    file: Path | None
    movement: float


def main(
    source: bpy.types.Object,
    keep_as: Literal["Shape Keys", "PC2 File", "Alembic File"] = "Shape Keys",
    filepath: OutputPath | None = None,
    start: Annotated[int, Range(0)] = 0,
    end: Annotated[int, Range(0)] = 0,
    acting: list[bpy.types.Object] | None = None,
    settings: bpy.types.Scene | None = None,
    suffix: str = "_Baked",
) -> Output:
    """Bake `source`.

    Args:
        source: The object, a mesh. Modifiers behind the one that simulates stay. If none does, all are baked.
        keep_as: Where the shapes are kept. Shape keys are in the file. PC2 is read by Blender and most other programs.
            Alembic takes meshes whose faces change in time, if this Blender has it.
        filepath: The cache file to write.
        start: First frame, 0 for that of the scene. Simulations begin where their cache does, whatever is kept.
        end: Last frame, 0 for that of the scene.
        acting: What acts on the object and is named nowhere in it: colliders, force fields.
        settings: A scene whose gravity counts. Without one it is Earth's.
        suffix: Added to the object's name.
    """
    check(source, keep_as, filepath)
    scene, name = bpy.context.scene, source.name
    frames = range(start or scene.frame_start, (end or scene.frame_end) + 1)
    if len(frames) < 2:
        raise ValueError(f"From frame {frames.start} to {frames.stop - 1} there is nothing to bake; set Start and End")
    if settings:
        scene.gravity, scene.use_gravity = settings.gravity, settings.use_gravity
    log(f"{len(acting or ())} objects act on {name}; frames {frames.start} to {frames.stop - 1}")
    source = convert_to_mesh(source, keep_modifiers=True)
    if not source.modifiers and not source.data.shape_keys:
        raise ValueError(
            f"Nothing changes the shape of {name}; link an object with cloth, another modifier or shape keys"
        )
    with alone_in_time(source) as baked:
        points = recorded(source, frames, keep_as == "Alembic File")
        movement = moved(points, name)
        file = KEEPERS[keep_as](source, points, frames, filepath, baked)
        progress(0.95, "Playing it back")
        check_playback(source, points, frames)
    source.name = name + suffix
    log(f"{name} moves by up to {movement:.3g}")
    return Output(source, file, movement)


def check(source: bpy.types.Object, keep_as: str, filepath: Path | None) -> None:
    if source.type != "MESH":
        raise ValueError(f"{source.name} is no mesh; Apply Modifiers makes one, then give that its cloth or modifiers")
    if keep_as == "Shape Keys":
        return
    ending = ENDINGS[keep_as]
    if filepath is None:
        raise ValueError(f"There is no file to write; choose one that ends in {ending}, or keep Shape Keys")
    if filepath.suffix.lower() != ending:
        raise ValueError(f"{filepath.name} does not end in {ending}, as a {keep_as} does; write that")
    if keep_as == "Alembic File" and not bpy.app.build_options.alembic:
        raise ValueError(
            "This Blender was built without Alembic; keep a PC2 File or Shape Keys, or use one of blender.org"
        )


@contextmanager
def alone_in_time(source: bpy.types.Object) -> Iterator[list[bpy.types.Modifier]]:
    """Within the block those modifiers alone work that are baked, which are given."""
    modifiers = list(source.modifiers)
    last = max((index for index, each in enumerate(modifiers) if is_simulating(each)), default=len(modifiers) - 1)
    later = [(each, each.show_viewport) for each in modifiers[last + 1 :]]
    was_hidden = source.hide_viewport
    source.hide_viewport = False
    for each, _shown in later:
        each.show_viewport = False
    try:
        yield modifiers[: last + 1]
    finally:
        source.hide_viewport = was_hidden
        for each, shown in later:
            each.show_viewport = shown


def recorded(source: bpy.types.Object, frames: range, may_change: bool) -> list[np.ndarray]:
    """The points of each frame, in the object's own space."""
    found: list[np.ndarray] = []
    corners = b""
    for frame in play_frames(bpy.context.scene, frames):
        progress(0.05 + 0.7 * len(found) / len(frames), f"Frame {frame}")
        mesh = source.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
        points, seen = points_of(mesh), corners_of(mesh)
        if not np.isfinite(points).all():
            raise ValueError(f"{source.name} bursts at frame {frame}; raise the quality steps of its simulation")
        if found and seen != corners and not may_change:
            counts = (
                f"{len(found[-1])} points before, {len(points)} then" if len(points) != len(found[-1]) else "others"
            )
            raise ValueError(f"The faces of {source.name} change at frame {frame} ({counts}); keep an Alembic File")
        corners = seen
        found.append(points)
    return found


def points_of(mesh: bpy.types.Mesh) -> np.ndarray:
    points = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", points)
    return points.reshape(-1, 3)


def corners_of(mesh: bpy.types.Mesh) -> bytes:
    corners = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    return corners.tobytes()


def moved(points: list[np.ndarray], name: str) -> float:
    """How far the points move. Raises ValueError if there are none, or nothing moves."""
    if not any(map(len, points)):
        raise ValueError(f"{name} has no points; link an object with a surface")
    if len({len(each) for each in points}) > 1:
        return float(max(np.ptp(each, axis=0).max() for each in points if len(each)))
    distance = float(max(np.linalg.norm(each - points[0], axis=1).max() for each in points))
    if distance < 1e-7:
        raise ValueError(f"Nothing of {name} moves in these frames; look at its modifiers, and link what acts on it")
    return distance


# Where the shapes are kept


def take_shape(source: bpy.types.Object, frames: range, baked: list[bpy.types.Modifier]) -> None:
    """Give the object the mesh of the first frame, if it is another one, and take the baked modifiers away."""
    bpy.context.scene.frame_set(frames.start)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    evaluated = source.evaluated_get(depsgraph)
    if corners_of(evaluated.data) == corners_of(source.data) and len(evaluated.data.vertices) == len(
        source.data.vertices
    ):
        if source.data.shape_keys:
            source.shape_key_clear()
    else:
        mesh = bpy.data.meshes.new_from_object(evaluated, preserve_all_data_layers=True, depsgraph=depsgraph)
        before, mesh_name = source.data, source.data.name
        for key, value in before.items():
            mesh[key] = value
        source.data = mesh
        before.name = f"{mesh_name} before"
        mesh.name = mesh_name
    for modifier in baked:
        source.modifiers.remove(modifier)


def in_shape_keys(
    source: bpy.types.Object,
    points: list[np.ndarray],
    frames: range,
    _path: Path | None,
    baked: list[bpy.types.Modifier],
) -> None:
    if sum(each.size for each in points) > MOST_IN_KEYS:
        size = sum(each.nbytes for each in points) / 1e9
        raise ValueError(f"Shape keys of {source.name} would take {size:.1f} GB of the file; keep a PC2 File")
    take_shape(source, frames, baked)
    mesh = source.data
    mesh.vertices.foreach_set("co", points[0].ravel())
    for frame, shape in zip(frames, points, strict=True):
        key = source.shape_key_add(name=f"Frame {frame}", from_mix=False)
        key.data.foreach_set("co", shape.ravel())
        key.interpolation = "KEY_LINEAR"
    keys = mesh.shape_keys
    keys.use_relative = False
    for frame, key in ((frames.start, keys.key_blocks[0]), (frames.stop - 1, keys.key_blocks[-1])):
        keys.eval_time = key.frame
        keys.keyframe_insert("eval_time", frame=frame)
    action = keys.animation_data.action
    if hasattr(action, "fcurves"):  # before 5.0
        curves = list(action.fcurves)
    else:
        bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
        curves = [curve for bag in bags for curve in bag.fcurves]
    for point in (point for curve in curves for point in curve.keyframe_points):
        point.interpolation = "LINEAR"


def in_pc2(
    source: bpy.types.Object, points: list[np.ndarray], frames: range, path: Path, baked: list[bpy.types.Modifier]
) -> Path:
    with written_whole(path) as temporary, temporary.open("wb") as stream:
        head = (b"POINTCACHE2\0", 1, len(points[0]), float(frames.start), 1.0, len(points))
        stream.write(struct.pack("<12siiffi", *head))
        for shape in points:
            stream.write(shape.astype("<f4").tobytes())
    take_shape(source, frames, baked)
    cache = first_modifier(source, "Mesh Cache", "MESH_CACHE")
    cache.cache_format, cache.filepath, cache.frame_start = "PC2", str(path), frames.start
    return path


def in_alembic(
    source: bpy.types.Object, _points: list[np.ndarray], frames: range, path: Path, baked: list[bpy.types.Modifier]
) -> Path:
    for item in bpy.context.view_layer.objects:
        item.select_set(item == source)
    with written_whole(path) as temporary:
        bpy.ops.wm.alembic_export(
            filepath=str(temporary),
            start=frames.start,
            end=frames.stop - 1,
            selected=True,
            flatten=True,
            export_hair=False,
            export_particles=False,
            evaluation_mode="VIEWPORT",
            as_background_job=False,
        )
    take_shape(source, frames, baked)
    before = set(bpy.data.cache_files)
    bpy.ops.cachefile.open(filepath=str(path))
    (file,) = set(bpy.data.cache_files) - before
    cache = first_modifier(source, "Mesh Sequence Cache", "MESH_SEQUENCE_CACHE")
    cache.cache_file = file
    bpy.context.scene.frame_set(frames.start)
    paths = [each.path for each in file.object_paths]
    if not paths:
        raise RuntimeError(f"Blender wrote no mesh to {path.name}; the log may tell why")
    cache.object_path = paths[0]
    return path


def first_modifier(source: bpy.types.Object, name: str, kind: str) -> bpy.types.Modifier:
    modifier = source.modifiers.new(name, kind)
    source.modifiers.move(len(source.modifiers) - 1, 0)
    return modifier


KEEPERS = {"Shape Keys": in_shape_keys, "PC2 File": in_pc2, "Alembic File": in_alembic}


def check_playback(source: bpy.types.Object, points: list[np.ndarray], frames: range) -> None:
    """Raise RuntimeError if a frame is not what was recorded, in an order that no simulation could follow."""
    size = max(float(np.abs(each).max()) for each in points if len(each))
    for frame in (frames.stop - 1, frames.start, frames[len(frames) // 2]):
        bpy.context.scene.frame_set(frame)
        found = points_of(source.evaluated_get(bpy.context.evaluated_depsgraph_get()).data)
        wanted = points[frame - frames.start]
        if len(found) != len(wanted) or not np.allclose(found, wanted, atol=1e-4 * size):
            raise RuntimeError(f"{source.name} is not played back as it was simulated at frame {frame}; report this")
