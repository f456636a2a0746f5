# SPDX-License-Identifier: GPL-3.0-or-later
"""The order and the ranks of a plan's tasks."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from .plan import PlannedTask


def ordered(tasks: Mapping[str, PlannedTask], index: Mapping[str, int]) -> list[PlannedTask]:
    """Each task after those it depends on; where that leaves a choice, in the order of the graph's nodes."""
    waits = {task.id: len(task.dependencies) for task in tasks.values()}
    dependents: dict[str, list[str]] = defaultdict(list)
    for task in tasks.values():
        for dependency in task.dependencies:
            dependents[dependency].append(task.id)
    ready = [(index[task], task) for task, count in waits.items() if count == 0]
    heapq.heapify(ready)
    result: list[PlannedTask] = []
    while ready:
        _, task_id = heapq.heappop(ready)
        result.append(tasks[task_id])
        for dependent in dependents[task_id]:
            waits[dependent] -= 1
            if waits[dependent] == 0:
                heapq.heappush(ready, (index[dependent], dependent))
    return result


def ranked(tasks: list[PlannedTask]) -> list[PlannedTask]:
    """The tasks, which must be ordered, with their ranks: see `PlannedTask`."""
    ranks = dict.fromkeys((task.id for task in tasks), 0)
    for task in reversed(tasks):
        for dependency in task.dependencies:
            ranks[dependency] = max(ranks[dependency], ranks[task.id] + 1)
    return [replace(task, rank=ranks[task.id]) for task in tasks]
