# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as the steps of a job: what can run apart from the rest, and after what.

A step hands its results to others by the store. So tasks whose results are never kept are in one step with those that
take them.
"""

from __future__ import annotations

import graphlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..runtime.planning.plan import PlannedTask


@dataclass(frozen=True, slots=True)
class Step:
    """What a farm runs as a whole, or item by item.

    Attributes:
        name: of its nodes.
        tasks: ids of its tasks, in an order in which they can run.
        after: the places of the steps that must have run before, in the list of all.
        num_items: how many items several tasks of the farm may share; 0 if one has to do it all.
        unkept: ids of those of its tasks whose results are never kept.
        needs: what its tasks need of a machine, as in `planning.needs`.
    """

    name: str
    tasks: tuple[str, ...]
    after: tuple[int, ...] = ()
    num_items: int = 0
    unkept: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def divide(tasks: Sequence[PlannedTask], unkept: Collection[str], num_items: Mapping[str, int]) -> tuple[Step, ...]:
    """The steps of a plan, each after those it depends on.

    Args:
        tasks: of the plan.
        unkept: ids of the tasks whose results are never kept.
        num_items: how many items tasks have that run over lists, as far as that is known.
    """
    member = {task.id: task.id for task in tasks}  # of each task, the first one of its step

    def join(ids: Collection[str]) -> None:
        together = {member[each] for each in ids}
        first = next(task.id for task in tasks if task.id in together)
        member.update({each: first for each, step in member.items() if step in together})

    for task in tasks:
        for taken in task.dependencies:
            if taken in unkept:
                join((taken, task.id))
    while circle := _circle(tasks, member):
        join(circle)
    order = {
        first: place for place, first in enumerate(graphlib.TopologicalSorter(_arrows(tasks, member)).static_order())
    }
    steps = []
    for first in order:
        own = [task for task in tasks if member[task.id] == first]
        after = sorted(order[each] for each in _arrows(own, member)[first])
        count = num_items.get(first, 0) if len(own) == 1 else 0
        ids = tuple(task.id for task in own)
        never = tuple(each for each in ids if each in unkept)
        needs = tuple(dict.fromkeys(task.settings.needs for task in own if task.settings.needs))
        steps.append(Step(", ".join(task.name for task in own), ids, tuple(after), count, never, needs))
    return tuple(steps)


def _arrows(tasks: Sequence[PlannedTask], member: Mapping[str, str]) -> dict[str, set[str]]:
    """The steps that each step depends on."""
    arrows: dict[str, set[str]] = {member[task.id]: set() for task in tasks}
    for task in tasks:
        arrows[member[task.id]].update({member[each] for each in task.dependencies} - {member[task.id]})
    return arrows


def _circle(tasks: Sequence[PlannedTask], member: Mapping[str, str]) -> list[str]:
    """Steps that wait for each other; none if there are none."""
    try:
        graphlib.TopologicalSorter(_arrows(tasks, member)).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def needed(tasks: Sequence[PlannedTask], wanted: Collection[str]) -> tuple[PlannedTask, ...]:
    """The tasks among `tasks` that are wanted, and those that they depend on."""
    found = set(wanted)
    for task in reversed(tasks):
        if task.id in found:
            found.update(task.dependencies)
    return tuple(task for task in tasks if task.id in found)


def arguments_of_tasks(number: int, step: Step, items_per_task: int, digest: str) -> list[list[str]]:
    """What each task of the farm for a step tells the command `step`, after the folder of the job of a digest."""
    given = [str(number), "--job", digest]
    if not step.num_items:
        return [given]
    firsts = range(0, step.num_items, items_per_task)
    return [[*given, "--first", str(first), "--count", str(items_per_task)] for first in firsts]
