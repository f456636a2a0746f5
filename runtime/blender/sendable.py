# SPDX-License-Identifier: GPL-3.0-or-later
"""Which data-blocks can't be sent to a worker or back, and how to fix that. Only this module decides it."""

from __future__ import annotations

from typing import NamedTuple

import bpy

from ..errors import CompileError, Problem
from ..planning.plan import Plan
from ..planning.sources import Constant, Source, leaves
from ..script.socket_types import LiveRef
from . import data_block_kinds, pixels
from .point_caches import point_caches

#: Before 4.5, `bpy.data.libraries.write` wrote the data-blocks themselves. Now it writes copies, which have no cache.
_TAKES_CACHES_ALONG = bpy.app.version < (4, 5, 0)


class Obstacle(NamedTuple):
    """Why a data-block can't be sent.

    Attributes:
        what: the data-block, such as 'Object "Cube"'; "" if it has no name any more.
        why: what is wrong with it, a verb first.
        fix: a sentence without a full stop; "" if `why` says enough.
    """

    what: str
    why: str
    fix: str = ""

    @property
    def message(self) -> str:
        return f"{self.what or 'a data-block that'} {self.why}"

    @property
    def predicate(self) -> str:
        """For whoever has a name of its own for it: 'is Object "Cube", which ...'."""
        return f"is {self.what}, which {self.why}" if self.what else self.why

    def with_fix(self, text: str, otherwise: str = "") -> str:
        """A text, and how to fix what it tells."""
        fix = self.fix or otherwise
        return f"{text}. {fix}" if fix else text


def obstacle(data_block: bpy.types.ID) -> Obstacle | None:
    """Why a data-block can't be sent, None if it can."""
    try:
        what = f'{data_block_kinds.kind_of(data_block)} "{data_block.name}"'
    except KeyError as error:
        return Obstacle(f"a {error.args[0]}", "can't be passed on")
    except ReferenceError:
        return Obstacle("", "was removed")
    if data_block.is_evaluated:
        return Obstacle(f'"{data_block.name}"', "is an evaluated copy: pass its `original`, or a new data-block")
    if data_block.is_embedded_data:
        return Obstacle(what, "is a part of another data-block", "Pass that one, or a copy of its part")
    if getattr(data_block, "is_missing", False):
        why = f"is missing in its library {data_block_kinds.library_path(data_block)}"
        return Obstacle(what, why, "Bring that file back and reload the library, or choose another data-block")
    if isinstance(data_block, bpy.types.Image):
        return _obstacle_of_image(data_block, what)
    if isinstance(data_block, bpy.types.Object):
        return _obstacle_of_object(data_block, what)
    if isinstance(data_block, bpy.types.Collection):
        found = (_obstacle_of_object(item, f'{what}: Object "{item.name}"') for item in data_block.all_objects)
        return next(filter(None, found), None)
    return None


def _obstacle_of_object(item: bpy.types.Object, what: str) -> Obstacle | None:
    """Refuse an object with a cache that can't be sent: a worker would use it without its simulation, unnoticed."""
    for name, cache in point_caches(item):
        if cache.use_external and cache.filepath.startswith("//"):
            why = f'reads the cache of "{name}" from {cache.filepath}, which Blender looks for beside each file'
            return Obstacle(what, why, "Give the cache's folder as a whole path")
        is_in_memory = not cache.use_external and not cache.use_disk_cache
        if cache.is_baked and not cache.use_external and not (is_in_memory and _TAKES_CACHES_ALONG):
            why = f'has a baked cache of "{name}", which stays where it is'
            fix = "Send a copy that is converted to a mesh, or read an external cache by its whole path"
            return Obstacle(what, why, fix)
    return None


def _obstacle_of_image(image: bpy.types.Image, what: str) -> Obstacle | None:
    if image.type in {"RENDER_RESULT", "COMPOSITING"}:  # the Render Result, a Viewer Node
        why = "is what this Blender renders, and has its pixels in no file"
        fix = "Save it to a file (Image > Save As; in a script, image.save_render), and take the image of that"
        return Obstacle(what, why, fix)
    if pixels.is_unsaved(image) and (reason := pixels.unreadable(image)):
        return Obstacle(what, reason, "Save or pack the image first")
    return None


def check(plan: Plan) -> None:
    """Check the data-blocks of the open file that a run reads. Those that are gone are not reported here.

    Raises:
        CompileError: if some can't be sent; it names the nodes and sockets.
    """
    live = data_block_kinds.Index()
    problems = []
    for task in plan.tasks:
        given = [(argument.parameter.label, argument.sources) for argument in task.arguments]
        given += [(each.label, (each.source,)) for loop in task.loops for each in loop.lists]
        for label, sources in given:
            for ref in _live_refs(sources):
                data_block = live.find(ref.kind, ref.session_uid)
                found = None if data_block is None else obstacle(data_block)
                if found is not None:
                    problems.append(Problem(task.name, label, found.message, found.fix, task.id))
    if problems:
        raise CompileError(list(dict.fromkeys(problems)))


def _live_refs(sources: tuple[Source, ...]) -> list[LiveRef]:
    constants = [leaf for leaf in leaves(sources) if isinstance(leaf, Constant) and leaf.type.is_data_block]
    values = [leaf.value if isinstance(leaf.value, tuple) else (leaf.value,) for leaf in constants]
    return [ref for refs in values for ref in refs if isinstance(ref, LiveRef)]
