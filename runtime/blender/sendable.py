# SPDX-License-Identifier: GPL-3.0-or-later
"""Which data-blocks of the open file can't be sent to a worker, and what the artist can do about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import bpy

from ..errors import CompileError, Problem
from ..plan import Constant, Plan
from ..types import LiveRef
from . import kinds, pixels

#: Before 4.5, `bpy.data.libraries.write` wrote the data-blocks themselves. Now it writes copies, which have no cache.
_TAKES_CACHES_ALONG = bpy.app.version < (4, 5, 0)


class Obstacle(NamedTuple):
    """What stands in the way of a data-block, and how to mend it: sentences without a full stop."""

    message: str
    mend: str


def obstacle(data_block: bpy.types.ID) -> Obstacle | None:
    """Why a data-block can't be sent, None if it can."""
    what = f'{kinds.kind_of(data_block)} "{data_block.name}"'
    if getattr(data_block, "is_missing", False):
        message = f"{what} is missing in its library {kinds.library_path(data_block)}"
        return Obstacle(message, "Bring that file back and reload the library, or choose another data-block")
    if isinstance(data_block, bpy.types.Image):
        return _obstacle_of_image(data_block, what)
    if isinstance(data_block, bpy.types.Object):
        return _obstacle_of_object(data_block, what)
    if isinstance(data_block, bpy.types.Collection):
        found = (_obstacle_of_object(item, f'{what}: Object "{item.name}"') for item in data_block.all_objects)
        return next(filter(None, found), None)
    return None


def _obstacle_of_object(item: bpy.types.Object, what: str) -> Obstacle | None:
    """A worker would take it as it is without the simulation, and tell nobody."""
    for name, cache in _point_caches(item):
        if cache.use_external and cache.filepath.startswith("//"):
            message = (
                f'{what} reads the cache of "{name}" from {cache.filepath}, which Blender looks for beside each file'
            )
            return Obstacle(message, "Give the cache's folder as a whole path")
        is_in_memory = not cache.use_external and not cache.use_disk_cache
        if cache.is_baked and not cache.use_external and not (is_in_memory and _TAKES_CACHES_ALONG):
            message = f'{what} has a baked cache of "{name}", which stays where it is'
            return Obstacle(
                message, "Send a copy that is converted to a mesh, or read an external cache by its whole path"
            )
    return None


def _point_caches(item: bpy.types.Object) -> Iterator[tuple[str, bpy.types.PointCache]]:
    """The caches of an object's physics, with the name of what they are of."""
    for modifier in item.modifiers:
        if modifier.type in {"CLOTH", "SOFT_BODY"}:
            yield modifier.name, modifier.point_cache
        elif modifier.type == "DYNAMIC_PAINT" and modifier.canvas_settings is not None:
            for surface in modifier.canvas_settings.canvas_surfaces:
                yield surface.name, surface.point_cache
    for system in item.particle_systems:
        yield system.name, system.point_cache


def _obstacle_of_image(image: bpy.types.Image, what: str) -> Obstacle | None:
    if has_no_pixels(image):
        message = f"{what} is what this Blender renders: no file holds its pixels"
        return Obstacle(message, "Save it to a file (Image > Save As), and choose the image of that file")
    if pixels.is_unsaved(image) and (reason := pixels.unreadable(image)):
        return Obstacle(f"{what} {reason}", "Save or pack the image first")
    return None


def has_no_pixels(data_block: bpy.types.ID) -> bool:
    """Whether it is an image that Blender itself renders, in this process only: the Render Result or a Viewer Node."""
    return isinstance(data_block, bpy.types.Image) and data_block.type in {"RENDER_RESULT", "COMPOSITING"}


def check(plan: Plan) -> None:
    """Look at the data-blocks of the open file that a run reads. Those that are gone are nobody's concern here.

    Raises:
        CompileError: if some can't be sent; it names the nodes and sockets.
    """
    live = kinds.Index()
    problems = []
    for task in plan.tasks:
        for argument in task.arguments:
            for ref in _live_refs(argument.sources):
                data_block = live.find(ref.kind, ref.session_uid)
                found = None if data_block is None else obstacle(data_block)
                if found is not None:
                    problems.append(Problem(task.name, argument.parameter.label, *found, task.id))
    if problems:
        raise CompileError(list(dict.fromkeys(problems)))


def _live_refs(sources: tuple[object, ...]) -> list[LiveRef]:
    constants = [source for source in sources if isinstance(source, Constant) and source.type.is_data_block]
    values = [source.value if isinstance(source.value, tuple) else (source.value,) for source in constants]
    return [ref for refs in values for ref in refs if isinstance(ref, LiveRef)]
