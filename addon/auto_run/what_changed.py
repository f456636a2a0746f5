# SPDX-License-Identifier: GPL-3.0-or-later
"""Which data-blocks were changed, and whether a tree would do something else now than in its last run.

Blender tells which data-blocks it computes anew, but not of each change which one it is: see `UNKNOWN`. A tree that
runs for nothing finds all its results in the store.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import bpy

from ...node_tree.identity import background_trees
from ...runtime.blender import data_block_kinds, dependencies, paths
from ...runtime.planning.plan import Plan, PlannedTask
from ...runtime.planning.sources import Constant
from ...runtime.script.socket_types import LiveRef
from ..session.run import Run

#: Stands for a change of which Blender does not tell whose it is, such as that of a value in a material.
UNKNOWN = 0


class WhatChanged:
    """The changes of data-blocks, and what each tree read when its last run began. All go by `session_uid`."""

    def __init__(self) -> None:
        self._count = 0
        self._last: dict[int, int] = {}  # by data-block: the number of its last change
        self._since: dict[int, int] = {}  # by tree: the number of the last change before its run
        self._inputs: dict[int, frozenset[int]] = {}  # by tree
        self._with_files: set[int] = set()  # trees whose files have changed since their run began

    def note(self, uids: Iterable[int]) -> None:
        self._count += 1
        self._last.update(dict.fromkeys(uids, self._count))

    def note_files(self, tree_uid: int) -> None:
        """A file that a tree has read was changed."""
        self._with_files.add(tree_uid)

    def run_began(self, run: Run) -> None:
        self._since[run.tree_uid] = self._count
        self._with_files.discard(run.tree_uid)
        roots = {ref for task in run.planned for ref in _live_refs(task)}
        self._inputs[run.tree_uid] = frozenset(_used_by([roots])[0]) if roots else frozenset()

    def forget(self) -> None:
        self._last.clear()
        self._since.clear()
        self._inputs.clear()
        self._with_files.clear()

    def _since_run(self, tree_uid: int) -> set[int]:
        since = self._since.get(tree_uid, 0)
        return {uid for uid, number in self._last.items() if number > since}

    def is_stale(self, run: Run, tree_uid: int) -> bool:
        """Whether data-blocks or files that the run has read were changed since it began, as far as that is known."""
        if tree_uid in self._with_files:
            return True
        inputs = self._inputs.get(tree_uid)
        return inputs is None or bool(inputs and self._since_run(tree_uid) & {*inputs, UNKNOWN})

    def has_changed_itself(self, tree_uid: int) -> bool:
        """Whether the tree was changed since its last run began, or may have been."""
        return tree_uid in self._since_run(tree_uid)

    def stale_tasks(self, run: Run, plan: Plan) -> Iterator[PlannedTask]:
        """The tasks of a run that would surely do something else now. Those that need them are not among them."""
        now = {task.id: task for task in plan.tasks}
        changed = self._since_run(run.tree_uid)
        tasks = run.planned
        inputs = _used_by([_live_refs(task) for task in tasks])
        for task, used in zip(tasks, inputs, strict=True):
            if not _are_alike(task, now.get(task.id)) or changed & used:
                yield task


def does_the_same(run: Run, plan: Plan) -> bool:
    """Whether a plan has the tasks of a run and brings the same home, whatever is in the data-blocks that they read."""
    now = {task.id: task for task in plan.tasks}
    tasks = run.planned
    return (
        len(now) == len(tasks)
        and all(_are_alike(task, now.get(task.id)) for task in tasks)
        and plan.deliveries == run.deliveries
    )


def path_inputs(run: Run) -> set[str]:
    """The files and folders that inputs of a run name."""
    constants = (leaf for task in run.planned for leaf in task.leaves() if isinstance(leaf, Constant))
    values = (each.value for each in constants if each.type.kind in ("PATH", "BLEND_FILE"))
    items = (item for value in values for item in (value if isinstance(value, tuple) else (value,)))
    return {bpy.path.abspath(item) for item in items if isinstance(item, str) and item}


def files_of(run: Run) -> set[str]:
    """The files that a run reads: what inputs name, scripts, and the libraries and images of the open file."""
    scripts = {task.script.filename for task in run.planned if task.script.is_file}
    in_use = paths.files_in_use()
    named = {*in_use.libraries, *in_use.images} if any(map(_live_refs, run.planned)) else set()
    return path_inputs(run) | scripts | named


def _are_alike(task: PlannedTask, other: PlannedTask | None) -> bool:
    """Whether two tasks do the same; which of them are started first does not count."""
    return other is not None and dataclasses.replace(task, rank=other.rank) == other


def _live_refs(task: PlannedTask) -> set[LiveRef]:
    values = [leaf.value for leaf in task.leaves() if isinstance(leaf, Constant)]
    items = (item for value in values for item in (value if isinstance(value, tuple) else (value,)))
    return {item for item in items if isinstance(item, LiveRef)}


def _used_by(groups: Iterable[Iterable[LiveRef]]) -> list[set[int]]:
    """Of each group of data-blocks, the uids of these and of all that they use."""
    live, uses = data_block_kinds.Index(), dependencies.uses()
    found = []
    for refs in groups:
        roots = [item for ref in refs if (item := live.find(ref.kind, ref.session_uid)) is not None]
        found.append({item.session_uid for item in dependencies.reached(roots, uses)})
    return found


def trees_of(mode: str) -> Iterator[bpy.types.NodeTree]:
    """The trees of the open file in a mode. One that is linked from a library runs only where it is at home."""
    for tree in background_trees():
        if tree.library is None and tree.auto_run == mode:
            yield tree
