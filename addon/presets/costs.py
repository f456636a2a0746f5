# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs of a node, a group or a tree have taken, and on how much."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import bpy

from ...node_tree import noted_results
from ...node_tree.group_node import contains, groups_using
from ...node_tree.identity import background_trees
from ...runtime.errors import CompileError, StoreError
from ...runtime.planning.node_path import ids_in
from ...runtime.presets.preset import Kind
from ...runtime.scheduling.states import TaskState
from ...runtime.scheduling.time_left import Past
from ..session.current import session
from ..session.run import Run
from ..session.task import Task
from .subject import Subject


@dataclass(frozen=True, slots=True)
class Cost:
    """What runs took: the mean of their seconds, bytes at the peak, on how many faces or pixels; of how many runs."""

    seconds: float = 0.0
    memory: float = 0.0
    amount: float = 0.0
    unit: str = ""
    runs: int = 0


def cost_of(subject: Subject) -> Cost:
    """What the runs of this session tell, or else the last one before it that is kept in the store.

    What came from the cache tells nothing.
    """
    seconds: list[float] = []
    memory = 0
    for run in session.history:
        tasks = [task for task in _tasks(subject, run) if task.state is TaskState.SUCCEEDED and not task.cached]
        if tasks:
            seconds.append(sum(task.seconds for task in tasks))
            memory = max([memory, *(task.peak_memory or 0 for task in tasks)])
    if not seconds:
        seconds, memory = _kept(subject)
    if not seconds:
        return Cost()
    amount, unit = _amount(_results(subject))
    return Cost(sum(seconds) / len(seconds), float(memory), float(amount), unit, len(seconds))


def _kept(subject: Subject) -> tuple[list[float], int]:
    """Seconds and memory of the last run of an earlier session, of the first tree that had one."""
    is_whole, ids = subject.node is None, _ids(subject)
    users = [tree for tree in background_trees() if tree.library is None and contains(tree, subject.tree)]
    for tree in users:
        found: dict[str, Past] = {}
        with contextlib.suppress(CompileError, StoreError):  # it can't run now
            found = session.kept_pasts(tree)
        is_own = is_whole and tree == subject.tree
        pasts = [past for task, past in found.items() if is_own or not ids.isdisjoint(ids_in(task))]
        if pasts:
            seconds = sum(past.item_seconds * past.num_items for past in pasts)
            return [seconds], max(past.peak_memory or 0 for past in pasts)
    return [], 0


def _tasks(subject: Subject, run: Run) -> Iterator[Task]:
    """The tasks of a run that are of the subject, wherever it is used."""
    ids = _ids(subject)
    is_whole = subject.node is None and run.tree_uid == subject.tree.session_uid
    for task in run.tasks.values():
        if is_whole or not ids.isdisjoint(ids_in(task.node_id)):
            yield task


def _ids(subject: Subject) -> set[str]:
    """The ids of the node, or of the group nodes that stand for the tree: paths of tasks lead by them."""
    if subject.node is not None:
        return {subject.node.uid}
    return {node.uid for tree in background_trees() for node in groups_using(tree, subject.tree)}


def _results(subject: Subject) -> Iterator[bpy.types.ID]:
    """What came home for its outputs."""
    nodes: Iterable[bpy.types.Node] = [subject.node] if subject.node is not None else subject.tree.nodes
    if subject.kind is Kind.GROUP:
        users = (groups_using(tree, subject.tree) for tree in background_trees() if not contains(subject.tree, tree))
        nodes = [node for found in users for node in found]
    for node in nodes:
        for output in node.outputs if hasattr(node, "uid") else ():
            yield from noted_results.found(node, output.identifier)


def _amount(results: Iterable[bpy.types.ID]) -> tuple[int, str]:
    """Faces of meshes, or else pixels of images."""
    faces = pixels = 0
    for found in dict.fromkeys(results):
        mesh = found.data if isinstance(found, bpy.types.Object) else found
        if isinstance(mesh, bpy.types.Mesh):
            faces += len(mesh.polygons)
        elif isinstance(found, bpy.types.Image):
            pixels += found.size[0] * found.size[1]
    return (faces, "faces") if faces else (pixels, "pixels") if pixels else (0, "")
