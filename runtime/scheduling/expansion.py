# SPDX-License-Identifier: GPL-3.0-or-later
"""How many items a task has in each pass of its loops, once the tasks it depends on have succeeded.

A task that is mapped has an item for each element of a list, and lists may differ from pass to pass.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from ..planning.node_path import is_inside
from ..planning.plan import PlannedTask
from ..planning.sources import Constant, EachOf, FromGroup, FromTask, Loop, Passed, Source
from .events import TaskError
from .layout import NO_PASSES, Layout, Passes
from .records import TaskRecord


class _CountError(Exception):
    """Lists that don't fit together."""


def lay_out(task: PlannedTask, records: Mapping[str, TaskRecord]) -> Layout | TaskError:
    """The items of a task. Those that it depends on must have theirs.

    Returns an error if something that it is mapped over is no list, or if lists differ in length.
    """
    counting = Counting(records)
    try:
        passes = counting.passes(task.loops)
        counts = [counting.items(task, each) for each in passes]
    except _CountError as error:
        return TaskError(str(error))
    numbers = tuple(tuple(each.values()) for each in passes)
    return Layout(tuple(loop.id for loop in task.loops), numbers, (0, *itertools.accumulate(counts)))


class Counting:
    """Counts what sources give, by what the tasks have given."""

    def __init__(self, records: Mapping[str, TaskRecord]) -> None:
        self._records = records
        # By loop and the passes of those around it: a loop is asked for by all that comes out of it.
        self._num_passes: dict[tuple[str, tuple[int, ...]], int] = {}

    def passes(self, loops: tuple[Loop, ...], within: Passes = NO_PASSES) -> list[Passes]:
        """All passes of loops, each of which is in those before it; `within` certain passes of those around them."""
        found = [within]
        for loop in loops:
            found = [{**each, loop.id: number} for each in found for number in range(self.num_passes(loop, each))]
        return found

    def num_passes(self, loop: Loop, within: Passes) -> int:
        key = loop.id, tuple(number for each, number in within.items() if is_inside(loop.id, each))
        if key not in self._num_passes:
            self._num_passes[key] = self._count_passes(loop, within)
        return self._num_passes[key]

    def _count_passes(self, loop: Loop, within: Passes) -> int:
        counts = [(each.label, self.elements(each.source, within)) for each in loop.lists]
        return _same(counts, f'the lists that the group "{loop.name}" runs over')

    def items(self, task: PlannedTask, within: Passes) -> int:
        """The items of a task in certain passes."""
        counts = [(each.parameter.label, self.elements(each.sources[0], within)) for each in task.mapped]
        return _same(counts, "the lists it is mapped over") if counts else 1

    def elements(self, source: Source, within: Passes) -> int | None:
        """How many elements a source gives in certain passes; None if it gave no list where there should be one."""
        match source:
            case Constant(value=value):
                if not source.type.is_list:
                    return 1
                return len(value) if isinstance(value, (tuple, list)) else None
            case FromTask():
                return self._given(source, within)
            case EachOf():
                return 1
            case Passed(sources=sources):
                return self._sum(sources, within)
            case FromGroup(sources=sources, loop=loop):
                passes = self.passes((loop,), within) if loop else [within]
                return _sum(self._sum(sources, each) for each in passes)

    def _given(self, source: FromTask, within: Passes) -> int | None:
        if not source.type.is_list:
            return 1
        record = self._records[source.task]
        return None if record.layout is None else record.output_length(source.output, record.layout.items(within))

    def _sum(self, sources: tuple[Source, ...], within: Passes) -> int | None:
        return _sum(self.elements(each, within) for each in sources)


def _sum(counts: Iterator[int | None]) -> int | None:
    found = list(counts)
    return sum(each for each in found if each is not None) if None not in found else None


def _same(counts: list[tuple[str, int | None]], what: str) -> int:
    """The one length of all lists."""
    for label, count in counts:
        if count is None:
            raise _CountError(f'"{label}" got no list to be mapped over')
    if len({count for _label, count in counts}) > 1:
        listing = ", ".join(f'"{label}" has {count}' for label, count in counts)
        raise _CountError(f"{what} differ in length: {listing}")
    return counts[0][1] or 0
