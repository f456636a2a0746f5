# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes: which one, who is where in it, and what frame it is at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .telling import log

if TYPE_CHECKING:
    import bpy
    from mathutils import Matrix


def chosen_scene(name: str) -> bpy.types.Scene:
    """The scene of a name, the active one without. Raises ValueError if there is none of that name."""
    from ..runtime.blender import chosen_scene

    return chosen_scene.chosen_scene(name)


def look_through(scene: bpy.types.Scene, camera: str) -> None:
    """Have a scene seen through the camera of a name, at all frames; nothing is done without a name.

    Raises:
        ValueError: if the scene has no camera of that name.
    """
    from ..runtime.blender import chosen_scene

    chosen_scene.look_through(scene, camera)


def place_object(item: bpy.types.Object, place: Matrix, *, free: bool = True) -> bool:
    """Have an object at a place in the scene.

    Args:
        item: the object.
        place: its matrix there.
        free: take its animation and constraints from it if these hold it elsewhere.

    Returns:
        whether these were taken.

    Raises:
        ValueError: if it can't be there.
    """
    from ..runtime.blender import placing

    return placing.place_object(item, place, free=free)


def place_at_origin(objects: list[bpy.types.Object], *, turned: bool = True, apply_modifiers: bool = True) -> None:
    """Have the origin of the first object at that of the scene. The others keep their places to it, all their size.

    Animation and constraints that would hold them elsewhere are taken from them, as the log tells. Modifiers that would
    make another shape of a mesh there, as they look where objects are that stay, are applied before.

    Args:
        objects: those that move.
        turned: the first one stays turned as it is.
        apply_modifiers: whether it matters what modifiers make of meshes.

    Raises:
        ValueError: if one of them would be sheared, or have another shape, which its armature moves.
    """
    from ..runtime.blender import placing

    placing.place_at_origin(objects, log, turned=turned, apply_modifiers=apply_modifiers)


# Time


def play_frames(scene: bpy.types.Scene, frames: Iterable[int]) -> Iterator[int]:
    """Bring a scene to each of these frames, in order, by way of all the frames that its simulations need.

    Caches that end before the last frame are made longer, so that nothing stands still behind their end.

    Args:
        scene: a scene.
        frames: the frames to stop at, in order.

    Yields:
        each of them, with the scene there.
    """
    from ..runtime.blender import simulating

    return simulating.play_frames(scene, frames)


def is_simulating(modifier: bpy.types.Modifier) -> bool:
    """Whether what a modifier makes of a frame depends on the frames before it, as cloth does, or a simulation zone."""
    from ..runtime.blender import simulating

    return simulating.is_simulating(modifier)
