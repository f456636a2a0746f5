# SPDX-License-Identifier: GPL-3.0-or-later
"""What only the inputs of switches need that are not taken: it is not planned, or the run decides whether it runs.

If it is known before the run which input a switch takes, what only the others need is left out of the plan. If not,
each task that only inputs of switches need has its `uses`, and waits for what decides. Then it is needed if any of its
uses is: those switches take these inputs, as far as that is known, and the task that uses it is needed itself.

What no other node takes anything of is always needed, and so is what was asked for by name; in a repeated group, in
each pass that runs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from .graph import GraphLink
from .node_path import groups_of
from .plan import PlannedTask
from .sources import (
    Constant,
    EachOf,
    FromGroup,
    FromSwitch,
    FromTask,
    Guard,
    Source,
    Use,
    leaves,
    loops_around,
)
from .wiring import Point, Search, Wiring


def kept_points(search: Search, wiring: Wiring, declined: Collection[GraphLink], asked: Collection[str]) -> set[Point]:
    """The points that are needed though nothing comes by the `declined` links. `asked` are ids of nodes."""
    users: defaultdict[Point, list[tuple[Point, GraphLink | None]]] = defaultdict(list)
    for point in search.order:
        for link, source in wiring.needs(point):
            if source is not None:
                users[source].append((point, link))
    kept = set[Point]()
    for point in reversed(search.order):
        uses = users[point]
        if not uses or point.node in asked or any(user in kept and link not in declined for user, link in uses):
            kept.add(point)
    return kept


def with_uses(
    tasks: Mapping[str, PlannedTask],
    home: Iterable[Source],
    asked: Collection[str],
    gates: Mapping[str, tuple[Guard, ...]] = MappingProxyType({}),
) -> dict[str, PlannedTask]:
    """The tasks, each after those it depends on; those of which switches decide whether they run with their `uses`.

    Args:
        tasks: by id, each after those it depends on.
        home: what comes home because somebody takes it there.
        asked: the ids of the tasks that were asked for by name.
        gates: what must be so for a pass of a repeated group to run, by the id of its path.
    """
    found = _Uses(tasks, home, asked, gates)
    return {task.id: found.of(task) for task in tasks.values()}


class _Uses:
    """Finds out which tasks are needed under which conditions, those that use others first."""

    def __init__(
        self,
        tasks: Mapping[str, PlannedTask],
        home: Iterable[Source],
        asked: Collection[str],
        gates: Mapping[str, tuple[Guard, ...]],
    ) -> None:
        self._tasks = tasks
        # By the `id` of what decides, which many switches may have in common: what it depends on, and its loops.
        self._before: dict[int, set[str]] = {}
        self._loops: dict[int, set[str]] = {}
        self._all: defaultdict[str, list[Use]] = defaultdict(list)
        for source in home:
            self._note("", source)
        for task in tasks.values():
            for source in task.sources():
                self._note(task.id, source)
            for loop in task.loops:
                for each in loop.lists:
                    self._note(task.id, each.source)
        self._conditional: dict[str, tuple[Use, ...]] = {}
        self._deciding: dict[str, dict[int, FromSwitch]] = {}  # the switches that decide whether a task is needed
        for task in reversed(list(tasks.values())):
            if not self._all[task.id] or task.id in asked:
                guards = tuple(guard for group in groups_of(task.id) for guard in gates.get(group, ()))
                self._all[task.id] = [Use("", guards)]
            self._look_at(task)

    def of(self, task: PlannedTask) -> PlannedTask:
        if task.id not in self._conditional:
            return task
        deciding = self._deciding[task.id].values()
        awaited = (leaf.task for switch in deciding for leaf in leaves((switch.by,)) if isinstance(leaf, FromTask))
        return replace(task, uses=self._conditional[task.id], awaited=tuple(dict.fromkeys(awaited)))

    def _note(self, user: str, source: Source) -> None:
        for task, guards in _guarded(source):
            self._all[task].append(Use(user, guards))

    def _look_at(self, task: PlannedTask) -> None:
        uses = [self._open(task, use) for use in dict.fromkeys(self._all[task.id])]
        if not all(use.guards or use.user in self._conditional for use in uses):
            return
        deciding = {id(guard.switch.by): guard.switch for use in uses for guard in use.guards}
        for use in uses:
            deciding |= self._deciding.get(use.user, {})
        self._conditional[task.id] = tuple(uses)
        loops = {loop.id for loop in task.loops}
        self._deciding[task.id] = {
            key: switch
            for key, switch in deciding.items()
            if task.id not in self._upstream(switch) and self._loops_around(switch) <= loops
        }

    def _open(self, task: PlannedTask, use: Use) -> Use:
        """A use without the switches that can't tell whether the task is needed.

        If the decision itself needs the task, the task is needed whenever the switch is. What a switch takes in each
        pass of a loop is not known when a task begins that is not in that loop.
        """
        loops = {loop.id for loop in task.loops}
        guards = (
            guard
            for guard in use.guards
            if task.id not in self._upstream(guard.switch) and self._loops_around(guard.switch) <= loops
        )
        return Use(use.user, tuple(guards))

    def _loops_around(self, switch: FromSwitch) -> set[str]:
        key = id(switch.by)
        if key not in self._loops:
            self._loops[key] = loops_around(switch.by, lambda task: (loop.id for loop in self._tasks[task].loops))
        return self._loops[key]

    def _upstream(self, switch: FromSwitch) -> set[str]:
        if id(switch.by) not in self._before:
            waiting = [leaf.task for leaf in leaves((switch.by,)) if isinstance(leaf, FromTask)]
            found = set(waiting)
            while waiting:
                new = set(self._tasks[waiting.pop()].dependencies) - found
                found |= new
                waiting += new
            self._before[id(switch.by)] = found
        return self._before[id(switch.by)]


def _guarded(source: Source) -> Iterator[tuple[str, tuple[Guard, ...]]]:
    """The tasks that give something of a source, each with the switches on the way."""
    waiting: list[tuple[Source, tuple[Guard, ...]]] = [(source, ())]
    seen = set[tuple[int, tuple[tuple[int, int], ...]]]()
    while waiting:
        found, guards = waiting.pop()
        key = id(found), tuple((id(guard.switch), guard.number) for guard in guards)
        if key in seen:
            continue
        seen.add(key)
        match found:
            case FromTask(task=task):
                yield task, guards
            case Constant() | EachOf():
                pass
            case FromSwitch():
                waiting.append((found.by, guards))
                taken = (Guard(found, number) for number in range(len(found.branches)))
                waiting += ((found.branches[guard.number], (*guards, guard)) for guard in taken)
            case FromGroup(sources=sources, loop=loop):
                waiting += ((each, guards) for each in sources)
                waiting += ((each.source, guards) for each in (loop.lists if loop else ()))
            case _:
                waiting += ((each, guards) for each in found.sources)


#: Tells of a switch which of its inputs it takes; None if that is not known, or not the same in all that is asked for.
Taken = Callable[[FromSwitch], int | None]


def is_needed(task: PlannedTask, tasks: Mapping[str, PlannedTask], taken: Taken) -> bool:
    """Whether a task has to run, by what is known of the switches: one of its uses is needed."""
    waiting, seen = [task], {task.id}
    while waiting:
        found = waiting.pop()
        if not found.uses:
            return True
        for use in found.uses:
            if all(taken(guard.switch) in (guard.number, None) for guard in use.guards):
                user = tasks.get(use.user)
                if user is None:  # it comes home, or only part of a plan is carried out
                    return True
                if user.id not in seen:
                    seen.add(user.id)
                    waiting.append(user)
    return False
