# SPDX-License-Identifier: GPL-3.0-or-later
"""Going through the frames of a scene, so that what is simulated in it is as it is when an artist plays it.

A simulation knows a frame only after the one before it: who jumps to frame 50 sees what frame 1 looks like.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import bpy

from .point_caches import point_caches

#: Modifiers that simulate, each frame after the one before it.
SIMULATES = frozenset({"CLOTH", "SOFT_BODY", "DYNAMIC_PAINT", "FLUID", "PARTICLE_SYSTEM"})


def is_simulating(modifier: bpy.types.Modifier) -> bool:
    """As `script.is_simulating`."""
    if modifier.type == "DYNAMIC_PAINT":
        return modifier.canvas_settings is not None
    return modifier.type in SIMULATES or (modifier.type == "NODES" and _has_simulation(modifier.node_group, set()))


def _has_simulation(tree: bpy.types.NodeTree | None, seen: set[bpy.types.NodeTree]) -> bool:
    if tree is None or tree in seen:
        return False
    seen.add(tree)
    groups = [node.node_tree for node in tree.nodes if node.type == "GROUP"]
    zones = any(node.bl_idname == "GeometryNodeSimulationOutput" for node in tree.nodes)
    return zones or any(_has_simulation(group, seen) for group in groups)


def play_frames(scene: bpy.types.Scene, frames: Iterable[int]) -> Iterator[int]:
    """As `script.play_frames`."""
    wanted = list(frames)
    if not wanted:
        return
    caches = [cache for item in scene.objects for _name, cache in point_caches(item)]
    if scene.rigidbody_world is not None:
        caches.append(scene.rigidbody_world.point_cache)
    open_ended = [cache for cache in caches if not (cache.is_baked or cache.use_external)]
    for cache in open_ended:
        cache.frame_end = max(cache.frame_end, wanted[-1])
    begins = [cache.frame_start for cache in open_ended]
    if any(is_simulating(each) for item in scene.objects for each in item.modifiers if each.type == "NODES"):
        begins.append(scene.frame_start)
    stops = set(wanted)
    if not begins:  # each frame is as it is
        begins, every = [wanted[0]], wanted
    else:
        every = list(range(min(wanted[0], *begins), wanted[-1] + 1))
    for frame in every:
        scene.frame_set(frame)
        if frame in stops:
            yield frame
