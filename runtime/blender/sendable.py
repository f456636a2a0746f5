# SPDX-License-Identifier: GPL-3.0-or-later
"""Which data-blocks of the open file can't be sent to a worker, and what the artist can do about it."""

from __future__ import annotations

from typing import NamedTuple

import bpy

from ..errors import CompileError, Problem
from ..plan import Constant, Plan
from ..types import LiveRef
from . import kinds, pixels


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
    return None


def _obstacle_of_image(image: bpy.types.Image, what: str) -> Obstacle | None:
    if image.type in {"RENDER_RESULT", "COMPOSITING"}:
        message = f"{what} is what this Blender renders: no file holds its pixels"
        return Obstacle(message, "Save it to a file (Image > Save As), and choose the image of that file")
    if pixels.is_unsaved(image) and (reason := pixels.unreadable(image)):
        return Obstacle(f"{what} {reason}", "Save or pack the image first")
    return None


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
