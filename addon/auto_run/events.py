# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender tells that may be a reason to run a tree: saves, changes, frames.

The handlers are on only while a tree wants them. In background mode nothing runs by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from ...node_tree import changes
from ...node_tree import tree as node_tree
from ..session.current import session
from ..session.run import Run
from .queue import queue
from .what_changed import UNKNOWN, trees_of


def is_attended() -> bool:
    """Whether there is an artist: nothing runs by itself where a program uses Blender."""
    return not bpy.app.background


@bpy.app.handlers.persistent
def _after_save(filepath: str, *_arguments: object) -> None:
    is_open_file = bool(filepath) and filepath == bpy.data.filepath  # and not a copy of it, or the startup file
    if is_open_file and is_attended() and not queue.is_ours:
        for tree in (*trees_of("SAVE"), *trees_of("LIVE")):
            queue.add_saved(tree)


@bpy.app.handlers.persistent
def _after_depsgraph_update(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    if not queue.is_ours and not queue.is_rendering:
        _note({update.id.original.session_uid for update in depsgraph.updates} or {UNKNOWN})


def _tree_changed(tree: bpy.types.NodeTree) -> None:
    if not queue.is_ours:
        _note({tree.session_uid})


def _note(uids: set[int]) -> None:
    """Note which data-blocks were changed, and let live trees look what that means for them."""
    queue.changes.note(uids)
    if is_attended():
        for tree in trees_of("LIVE"):
            queue.add(tree, "LIVE")


@bpy.app.handlers.persistent
def _after_frame_change(scene: bpy.types.Scene, *_arguments: object) -> None:
    if is_attended() and not queue.is_ours and not queue.is_rendering and queue.goes_to(_frame(scene)):
        for tree in trees_of("FRAME"):
            queue.add(tree, "FRAME")


def _frame(scene: bpy.types.Scene) -> tuple[int, float]:
    return scene.session_uid, scene.frame_current_final


@bpy.app.handlers.persistent
def _before_render(scene: bpy.types.Scene, *_arguments: object) -> None:
    queue.is_rendering = True
    queue.goes_to(_frame(scene))  # a render comes back to it when it is over


@bpy.app.handlers.persistent
def _after_render(*_arguments: object) -> None:
    queue.is_rendering = False


def _run_began(run: Run) -> None:
    tree = session.tree_of(run)
    if not run.only_brings_back:
        queue.allowed.add(run.tree_uid)
    if tree is not None and tree.auto_run != "MANUAL" and is_attended():
        queue.run_began(run)


_Handlers = list[tuple[list[Callable[..., None]], Callable[..., None]]]


def _handlers(mode: str) -> _Handlers:
    """The handlers that a mode needs."""
    known = bpy.app.handlers
    if mode == "FRAME":
        return [(known.frame_change_post, _after_frame_change), *_render_handlers()]
    told = [(known.save_post, _after_save), (known.depsgraph_update_post, _after_depsgraph_update)]
    return [*told, *_render_handlers()] if mode == "LIVE" else told


def _render_handlers() -> _Handlers:
    known = bpy.app.handlers
    return [
        (known.render_init, _before_render),
        (known.render_complete, _after_render),
        (known.render_cancel, _after_render),
    ]


_MODES = ("SAVE", "LIVE", "FRAME")


def _switch() -> None:
    """Turn the handlers on that trees want now, and off what none of them wants."""
    wanted = [pair for mode in _MODES if any(trees_of(mode)) for pair in _handlers(mode)]
    _set(wanted)


def _set(wanted: _Handlers) -> None:
    functions = [function for _known, function in wanted]
    for known, function in [pair for mode in _MODES for pair in _handlers(mode)]:
        if function in functions and function not in known:
            known.append(function)
        elif function not in functions and function in known:
            known.remove(function)
    queue.is_told_changes = _after_depsgraph_update in functions
    if _after_render not in functions:
        queue.is_rendering = False


def _mode_chosen(tree: bpy.types.NodeTree) -> None:
    _switch()
    if tree.library is None and is_attended():
        queue.allowed.add(tree.session_uid)
        if tree.auto_run == "LIVE":
            queue.add(tree, "LIVE")


# What may bring trees in that want something, or take them away. Blender tells of an import since 4.5; before, the
# next save finds what came.


@bpy.app.handlers.persistent
def _after_load(*_arguments: object) -> None:
    queue.forget()
    _switch()


@bpy.app.handlers.persistent
def _look(*_arguments: object) -> None:
    _switch()


@bpy.app.handlers.persistent
def _after_undo(*_arguments: object) -> None:
    _switch()
    for tree in trees_of("LIVE"):
        _tree_changed(tree)


def _permanent() -> _Handlers:
    known: Any = bpy.app.handlers
    found = [
        (known.load_post, _after_load),
        (known.undo_post, _after_undo),
        (known.redo_post, _after_undo),
        (known.save_pre, _look),
    ]
    if hasattr(known, "blend_import_post"):
        found.append((known.blend_import_post, _look))
    return found


def _news() -> list[tuple[Any, Callable[[Run], None]]]:
    return [
        (session.started, _run_began),
        (session.results_come, queue.results_come),
        (session.results_came, queue.results_came),
        (session.ended, queue.run_ended),
    ]


def register() -> None:
    for known, function in _permanent():
        known.append(function)
    for news, listener in _news():
        news.listen(listener)
    changes.listen(_tree_changed)
    node_tree.mode_listeners.append(_mode_chosen)
    if hasattr(bpy.data, "node_groups"):  # an add-on that is being enabled may not look at the file
        _switch()
    elif not bpy.app.background:
        bpy.app.timers.register(_switch, first_interval=0.0)


def unregister() -> None:
    if bpy.app.timers.is_registered(_switch):
        bpy.app.timers.unregister(_switch)
    node_tree.mode_listeners.remove(_mode_chosen)
    changes.stop_listening(_tree_changed)
    for news, listener in _news():
        news.stop_listening(listener)
    for known, function in _permanent():
        known.remove(function)
    _set([])
    queue.forget()
