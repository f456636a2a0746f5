# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds what is wrong with each tree before it runs: reads and compiles the tree, as a run does.

Reading brings sockets up to date, so it must not happen while Blender draws. Code that draws asks with `watch`; a timer
does the work once the tree has not changed for a moment, and the editors are redrawn. If nobody asks, nothing is done.

    a change --mark--> stale         drawing --watch--> timer --> read, compile --> findings --> redraw
"""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import bpy

from ...node_tree import changes
from ...node_tree.identity import background_trees
from ...runtime.errors import CompileError, Problem
from ...runtime.planning.node_path import groups_of
from ..consent.current import consent
from . import checks
from .news import News

#: Seconds without a change after which a tree is read.
_REST = 0.3
#: The collections that sockets point at most: when a data-block is removed, a socket may have lost its value.
_COUNTED = ("objects", "collections", "meshes", "materials", "images", "texts", "scenes", "worlds")


@dataclass
class _Finding:
    """What was found last. `is_fresh`: the tree has not changed since."""

    problems: tuple[Problem, ...] = ()
    num_tasks: int = 0
    is_fresh: bool = False

    @functools.cached_property
    def of_nodes(self) -> dict[str, Problem]:
        """The first problem of each node, by the id of its path: all nodes that are drawn ask for theirs."""
        return {problem.node_id: problem for problem in reversed(self.problems)}

    @functools.cached_property
    def in_groups(self) -> dict[str, Problem]:
        """The first problem in each group node, by the id of its path."""
        return {group: problem for problem in reversed(self.problems) for group in groups_of(problem.node_id)}


@dataclass(slots=True)
class _Changes:
    """When a tree changed last, and how many data-blocks there were after the last change of the scene."""

    time: float = 0.0
    census: tuple[int, ...] = ()


#: By the `session_uid` of the tree.
_findings: dict[int, _Finding] = {}
#: The trees whose problems the timer is to look for, by `session_uid`.
_asked: set[int] = set()
_last = _Changes()

#: Tells listeners the trees, by `session_uid`, whose problems have changed, or may have.
found: News[AbstractSet[int]] = News()
#: Tells listeners a tree, by `session_uid`, whose problems are to be shown.
wanted: News[int] = News()


def of(tree: bpy.types.NodeTree) -> tuple[Problem, ...] | None:
    """The problems that were found last in a tree; None if nobody has looked yet.

    If there are any, they are looked for again after each change, so that fixed problems disappear.
    """
    finding = _findings.get(tree.session_uid)
    if finding is None:
        return None
    if finding.problems:
        watch(tree)
    return finding.problems


def of_node(tree: bpy.types.NodeTree, node_id: str) -> Problem | None:
    """The first of the problems of a tree that were found last in a node, by the id of its path. None is looked for."""
    finding = _findings.get(tree.session_uid)
    return None if finding is None or not finding.problems else finding.of_nodes.get(node_id)


def in_group(tree: bpy.types.NodeTree, node_id: str) -> Problem | None:
    """The first of those in a group node, at any depth."""
    finding = _findings.get(tree.session_uid)
    return None if finding is None or not finding.problems else finding.in_groups.get(node_id)


def num_tasks(tree: bpy.types.NodeTree) -> int:
    """How many nodes a run would carry out; 0 if there are problems, or if it is not known yet."""
    finding = _findings.get(tree.session_uid)
    return 0 if finding is None else finding.num_tasks


def watch(tree: bpy.types.NodeTree) -> None:
    """Look for the problems of a tree soon, unless they are known. May be called while Blender draws."""
    finding = _findings.get(tree.session_uid)
    if (finding is not None and finding.is_fresh) or bpy.app.background:
        return
    _asked.add(tree.session_uid)
    if not bpy.app.timers.is_registered(_find_asked):
        bpy.app.timers.register(_find_asked, first_interval=_REST)


def find(tree: bpy.types.NodeTree) -> tuple[Problem, ...]:
    """Look for the problems of a tree now, and return them. Must not be called while Blender draws."""
    uid = tree.session_uid
    try:
        tasks = checks.checked(tree, takes_over=True).tasks
        consent.check(tasks)
        _findings[uid] = _Finding((), len(tasks), is_fresh=True)
    except CompileError as error:
        _findings[uid] = _Finding(error.problems, 0, is_fresh=True)
    return _findings[uid].problems


def note(tree: bpy.types.NodeTree, problems: Sequence[Problem]) -> None:
    """Keep the problems that stopped a run from starting."""
    _findings[tree.session_uid] = _Finding(tuple(problems), 0, is_fresh=True)
    found.tell({tree.session_uid})


def show(tree: bpy.types.NodeTree, problems: Sequence[Problem]) -> None:
    """Keep the problems that stopped a run from starting, and show them to the artist."""
    note(tree, problems)
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


def consent_changed() -> None:
    """Scripts were allowed to run, or are not allowed any more."""
    _after_change_of_all()


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
    """Called after undo, redo and save: a save decides what paths relative to the file mean."""
    _mark_all()
    found.tell(_findings.keys())


@bpy.app.handlers.persistent
def _after_depsgraph_update(*_arguments: object) -> None:
    """A data-block that a socket points at may have been removed. Only the number of data-blocks tells that."""
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
