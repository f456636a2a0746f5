# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with each tree, found before it runs: by reading and compiling it, as a run does.

Reading brings sockets up to date, so it never happens while Blender draws. Who draws asks with `watch`; a timer does
the work once the tree has been left alone for a moment, and the editors are redrawn. Nobody asks, nothing is done.

    a change --mark--> stale         drawing --watch--> timer --> read, compile --> findings --> redraw
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import bpy

from ...node_tree import changes
from ...node_tree.identity import background_trees
from ...runtime.errors import CompileError, Problem
from . import checks
from .news import News

#: Seconds for which a tree must be left alone before it is looked at.
_REST = 0.3
#: Kinds of data-blocks that sockets point at most: when one of them goes, a value may have gone with it.
_COUNTED = ("objects", "collections", "meshes", "materials", "images", "texts", "scenes", "worlds")


@dataclass(slots=True)
class _Finding:
    """What was found last. `is_fresh`: the tree has not changed since."""

    problems: tuple[Problem, ...] = ()
    num_tasks: int = 0
    is_fresh: bool = False


@dataclass(slots=True)
class _Changes:
    """When a tree changed last, and how many data-blocks there were after the last change of the scene."""

    time: float = 0.0
    census: tuple[int, ...] = ()


#: By the `session_uid` of the tree.
_findings: dict[int, _Finding] = {}
#: The trees that were asked for since they were looked at last.
_asked: set[int] = set()
_last = _Changes()

#: Tells the trees, by their `session_uid`, whose findings are others now, or may be.
found: News[AbstractSet[int]] = News()
#: Tells a tree, by its `session_uid`, whose problems somebody wants to see.
wanted: News[int] = News()


def of(tree: bpy.types.NodeTree) -> tuple[Problem, ...] | None:
    """The problems of a tree, as they were when it was looked at last; None before that.

    Once there are some, they are looked for again after each change, so that they go as they are fixed.
    """
    finding = _findings.get(tree.session_uid)
    if finding is None:
        return None
    if finding.problems:
        watch(tree)
    return finding.problems


def num_tasks(tree: bpy.types.NodeTree) -> int:
    """How many nodes a run would carry out; 0 if there are problems, or it is not known."""
    finding = _findings.get(tree.session_uid)
    return 0 if finding is None else finding.num_tasks


def watch(tree: bpy.types.NodeTree) -> None:
    """Somebody shows the problems of this tree: find them soon, if they are not known. May be called while drawing."""
    finding = _findings.get(tree.session_uid)
    if (finding is not None and finding.is_fresh) or bpy.app.background:
        return
    _asked.add(tree.session_uid)
    if not bpy.app.timers.is_registered(_find_asked):
        bpy.app.timers.register(_find_asked, first_interval=_REST)


def find(tree: bpy.types.NodeTree) -> tuple[Problem, ...]:
    """Look for the problems of a tree now. Never while Blender draws."""
    uid = tree.session_uid
    try:
        _findings[uid] = _Finding((), len(checks.checked(tree).tasks), is_fresh=True)
    except CompileError as error:
        _findings[uid] = _Finding(error.problems, 0, is_fresh=True)
    return _findings[uid].problems


def show(tree: bpy.types.NodeTree, problems: Sequence[Problem]) -> None:
    """A run did not start because of these: keep them, and let the artist see them."""
    _findings[tree.session_uid] = _Finding(tuple(problems), 0, is_fresh=True)
    wanted.tell(tree.session_uid)


def _find_asked() -> float | None:
    """The timer."""
    rest = _last.time + _REST - time.monotonic()
    if rest > 0.0:
        return rest
    for tree in background_trees():
        if tree.session_uid in _asked:
            find(tree)
    found.tell(frozenset(_asked))
    _asked.clear()
    return None


# What makes a finding stale


def _mark(tree: bpy.types.NodeTree) -> None:
    _last.time = time.monotonic()
    finding = _findings.get(tree.session_uid)
    if finding is not None:
        finding.is_fresh = False


def _mark_all(*_arguments: object) -> None:
    for finding in _findings.values():
        finding.is_fresh = False


@bpy.app.handlers.persistent
def _after_change_of_all(*_arguments: object) -> None:
    """Undo and redo, and a save, which gives paths that are relative to the file their meaning."""
    _mark_all()
    found.tell(_findings.keys())


@bpy.app.handlers.persistent
def _after_depsgraph_update(*_arguments: object) -> None:
    """A data-block that a socket pointed at may be gone. Nothing tells that but the number of those that are there."""
    if not _findings:
        return
    census = tuple(len(getattr(bpy.data, name)) for name in _COUNTED)
    if census != _last.census:
        _last.census = census
        _mark_all()
        found.tell(_findings.keys())


@bpy.app.handlers.persistent
def _before_load(*_arguments: object) -> None:
    _findings.clear()
    _asked.clear()


_HANDLERS = (
    (bpy.app.handlers.undo_post, _after_change_of_all),
    (bpy.app.handlers.redo_post, _after_change_of_all),
    (bpy.app.handlers.save_post, _after_change_of_all),
    (bpy.app.handlers.depsgraph_update_post, _after_depsgraph_update),
    (bpy.app.handlers.load_pre, _before_load),
)


def register() -> None:
    changes.listen(_mark)
    for functions, function in _HANDLERS:
        functions.append(function)


def unregister() -> None:
    for functions, function in _HANDLERS:
        functions.remove(function)
    changes.stop_listening(_mark)
    if bpy.app.timers.is_registered(_find_asked):
        bpy.app.timers.unregister(_find_asked)
    _findings.clear()
    _asked.clear()
