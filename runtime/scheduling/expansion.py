# SPDX-License-Identifier: GPL-3.0-or-later
"""How many items a task has in each pass of its loops, once the tasks it depends on have ended.

A task that is mapped has an item for each element of a list, and lists may differ from pass to pass. How many elements
a list node gives may hang on values, too: those that tasks gave, which the scheduler was told, and constants.

Where an item did not succeed there is a *gap* in what its task gives, and in all that is made of that, element by
element. Who takes an element that is a gap is skipped, and so is a whole pass over one. The gap is *open* if the item
would have given a list: then nobody knows how many elements are missing. It counts as one element, and as one pass or
item of those that run over the list. But it does not do where elements are found by their position: there,
`MissingError` is raised. In one pass of many, and in one source of several, an open gap stands for all that can't be
told then, so that the other ones go on.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ..planning.demand import is_needed
from ..planning.lists import ListAction, ListError, branch, named, picked
from ..planning.node_path import is_inside
from ..planning.plan import PlannedTask
from ..planning.sources import (
    Constant,
    EachOf,
    FromGroup,
    FromList,
    FromSwitch,
    FromTask,
    Loop,
    LoopList,
    Passed,
    Source,
    leaves,
    loops_around,
)
from ..script.socket_types import PLAIN_CONVERSIONS, SocketType, conversion
from .events import TaskError
from .layout import NO_PASSES, Layout, Passes
from .records import Gap, ItemRecord, TaskRecord
from .states import TaskState


class MissingError(Exception):
    """What is asked for can't be told because of a gap. Not for people."""

    def __init__(self, gap: Gap) -> None:
        super().__init__(gap.error.message)
        self.gap = gap


class Expansion(NamedTuple):
    """The items of a task, and whether an open gap is among what they were counted by."""

    layout: Layout
    is_provisional: bool


def lay_out(task: PlannedTask, records: Mapping[str, TaskRecord]) -> Expansion | TaskError | Gap | None:
    """The items of a task. Those that it depends on must have theirs.

    Returns None if nothing needs what it gives, as switches take other inputs; an error if something that it is mapped
    over is no list, or if lists differ in length; a gap because of which its items can't be told.
    """
    counting = Counting(records)
    try:
        passes = counting.needed_passes(task)
        if passes is None:
            return None
        counts = [counting.items_or_gap(task, each) for each in passes]
    except ListError as error:
        return TaskError(str(error))
    except MissingError as error:
        return error.gap
    numbers = tuple(tuple(each.values()) for each in passes)
    layout = Layout(tuple(loop.id for loop in task.loops), numbers, (0, *itertools.accumulate(counts)))
    gap = counting.open_gap
    if gap is not None and not any(each.is_open for each in find_gaps(task, layout, records).values()):
        return gap  # it has no item whose place that would be
    return Expansion(layout, is_provisional=gap is not None)


def find_gaps(task: PlannedTask, layout: Layout, records: Mapping[str, TaskRecord]) -> dict[int, Gap]:
    """The items of a task that take something that is not there, and what."""
    if all(records[each].is_complete for each in task.dependencies):
        return {}
    counting = Counting(records)
    found = ((item, counting.gap(task, *layout.passes_of(item))) for item in range(layout.num_items))
    return {item: gap for item, gap in found if gap is not None}


class _Planned(Mapping[str, PlannedTask]):
    """The tasks of records."""

    def __init__(self, records: Mapping[str, TaskRecord]) -> None:
        self._records = records

    def __getitem__(self, task: str) -> PlannedTask:
        return self._records[task].planned

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)


class Counting:
    """Counts what sources give, by what the tasks have given. Where lists don't fit together it raises ListError."""

    def __init__(self, records: Mapping[str, TaskRecord]) -> None:
        self._records = records
        # By loop and the passes of those around it: a loop is asked for by all that comes out of it.
        self._num_passes: dict[tuple[str, tuple[int, ...]], int] = {}
        self._untold_loops: dict[tuple[str, tuple[int, ...]], Gap] = {}  # by the same: see `untold`
        self._loops: dict[str, Loop] = {}  # those that were gone through
        # By list node, output and the passes around the node: the next list node may ask for it by several ways.
        self._picked: dict[tuple[str, str, tuple[int, ...]], Sequence[int]] = {}
        self._around: dict[int, set[str]] = {}  # by the `id` of a source: the loops around it
        self._whole: dict[int, bool] = {}  # by the `id` of a source
        # By the `id` of a source, and the passes that it depends on.
        self._gaps: dict[tuple[int, tuple[int, ...]], Sequence[Gap | None]] = {}
        self._first_gaps: dict[tuple[int, tuple[int, ...]], Gap | None] = {}
        # By task, and the first of some of its items and where they end.
        self._gaps_of_items: dict[tuple[str, int, int], Gap | None] = {}
        # By task and passes: because of what its items there can't be told.
        self._untold: dict[tuple[str, tuple[int, ...]], Gap | None] = {}
        self._kept: list[Source | Loop] = []  # so that no other ones get their `id`
        self.open_gap: Gap | None = None  # the first that was counted as one element

    def passes(self, loops: tuple[Loop, ...], within: Passes = NO_PASSES) -> list[Passes]:
        """All passes of loops, each of which is in those before it; `within` certain passes of those around them."""
        found = [within]
        self._loops |= {loop.id: loop for loop in loops}
        for loop in loops:
            found = [{**each, loop.id: number} for each in found for number in range(self.num_passes(loop, each))]
        return found

    def needed_passes(self, task: PlannedTask) -> list[Passes] | None:
        """The passes of its loops in which a task is needed; None if it is needed in none.

        Where it is not needed in a pass, the lists that loops in that pass run over may not be there.
        """
        if not task.uses:
            return self.passes(task.loops)
        self._loops |= {loop.id: loop for loop in task.loops}
        tasks, found = _Planned(self._records), [NO_PASSES]
        for loop in (*task.loops, None):
            needed = [each for each in found if is_needed(task, tasks, functools.partial(self.taken, within=each))]
            if found and not needed:
                return None
            if loop is None:
                break
            found = [{**each, loop.id: number} for each in needed for number in range(self.num_passes(loop, each))]
        return needed

    def num_passes(self, loop: Loop, within: Passes) -> int:
        """How often a loop runs; in one of many passes of those around it, once if that is untold."""
        key = self._place(loop, within)
        if key not in self._num_passes:
            try:
                self._num_passes[key] = self._count_passes(loop, within)
            except MissingError as error:
                if not key[1]:
                    raise
                self._note_open(error.gap)
                self._untold_loops[key] = error.gap.opened(key)
                self._num_passes[key] = 1
        return self._num_passes[key]

    def untold(self, loop: Loop, within: Passes) -> Gap | None:
        """The gap because of which it can't be told how often a loop runs; None if it can.

        Its one pass stands for all of them, and no element of its lists is in it.
        """
        self._loops[loop.id] = loop
        self.num_passes(loop, within)
        return self._untold_loops.get(self._place(loop, within))

    def is_untold(self, loop: Loop, around: Mapping[str, Loop], within: Passes) -> bool:
        """Whether that is so; `around` are the loops around it, by their ids."""
        self._loops |= around
        if len(loop.lists) < 2:
            return False
        self._kept.append(loop)
        try:
            return self.untold(loop, within) is not None
        except MissingError:  # in no other loop it does not run at all
            return True
        except ListError:
            return False

    def _place(self, loop: Loop, within: Passes) -> tuple[str, tuple[int, ...]]:
        return loop.id, tuple(number for each, number in within.items() if is_inside(loop.id, each))

    def _count_passes(self, loop: Loop, within: Passes) -> int:
        for around in [each for each in within if is_inside(loop.id, each)]:
            self._check_loop(self._loops[around], within)
        self._check_pairs([each.source for each in loop.lists], within)
        counts = [(each.label, self.elements(each.source, within)) for each in loop.lists]
        return _same(counts, f'the lists that the group "{loop.name}" runs over')

    def items(self, task: PlannedTask, within: Passes) -> int:
        """The items of a task in certain passes."""
        self._check_pairs([each.sources[0] for each in task.mapped], within)
        counts = [(each.parameter.label, self.elements(each.sources[0], within)) for each in task.mapped]
        return _same(counts, "the lists it is mapped over") if counts else 1

    def items_or_gap(self, task: PlannedTask, within: Passes) -> int:
        """The same; in one of many passes, 1 if they can't be told because of a gap. That item has an open gap."""
        try:
            for loop in task.loops:
                self._check_loop(loop, within)
            return self.items(task, within)
        except MissingError as error:
            if not within:
                raise
            self._note_open(error.gap)
            return 1

    def elements(self, source: Source, within: Passes) -> int | None:
        """How many elements a source gives in certain passes; None if it gave nothing, or no list where it should."""
        match source:
            case Constant(value=value):
                if not source.type.is_list:
                    return 1
                return len(value) if isinstance(value, (tuple, list)) else None
            case FromTask():
                return self._given(source, within)
            case EachOf():
                return 1
            case Passed(sources=sources) | FromGroup(sources=sources, loop=None):
                return self.elements(sources[0], within) if len(sources) == 1 else self._sum(sources, within)
            case FromGroup(sources=sources, loop=Loop() as loop):
                return self._elements_of_loop(loop, sources, within)
            case FromList() if source.operation.action is ListAction.COUNT:
                self._check_whole(source.lists[0], within)
                self._length(source.lists[0], source.labels[0], within)  # which may be wrong
                return 1
            case FromSwitch():
                return self.elements(self.chosen(source, within), within)
        assert isinstance(source, FromList)
        return len(self._indices(source, within))

    def _elements_of_loop(self, loop: Loop, sources: tuple[Source, ...], within: Passes) -> int | None:
        if (gap := self.untold(loop, within)) is not None:
            self._note_open(gap)
            return 1
        return _sum(self._sum(sources, each) for each in self.passes((loop,), within))

    # List nodes

    def taken(self, source: FromSwitch, within: Passes) -> int | None:
        """The number of the input that a switch takes; None if that can't be told (yet), or differs within."""
        if not self._loops_around(source.by) <= within.keys():
            return None
        records = [self._records[leaf.task] for leaf in leaves((source.by,)) if isinstance(leaf, FromTask)]
        if not all(record.state is TaskState.SUCCEEDED or record.is_partial for record in records):
            return None
        try:
            return branch(source.choices, self._values(source.by, within))
        except ListError:  # whoever takes what the switch gives fails, and tells
            return None
        except MissingError as error:
            self._note_open(error.gap)
            return None

    def _loops_around(self, source: Source) -> set[str]:
        if id(source) not in self._around:
            self._around[id(source)] = loops_around(
                source, lambda task: (loop.id for loop in self._records[task].planned.loops)
            )
        return self._around[id(source)]

    def chosen(self, source: FromSwitch, within: Passes) -> Source:
        """The input that a switch gives."""
        with named(source.name):
            return source.branches[branch(source.choices, self._values(source.by, within))]

    def _indices(self, source: FromList, within: Passes) -> Sequence[int]:
        """Which elements a list node gives."""
        around = tuple(number for loop, number in within.items() if is_inside(source.node, loop))
        key = source.node, source.output, around
        if key not in self._picked:
            self._check_open(source, within)
            lengths = [
                self._length(each, label, within) for each, label in zip(source.lists, source.labels, strict=True)
            ]
            with named(source.name):
                by = [self._values(each, within) for each in source.by]
                self._picked[key] = picked(source.operation, source.number, source.labels, lengths, by)
        return self._picked[key]

    def _length(self, source: Source, label: str, within: Passes) -> int:
        count = self.elements(source, within)
        if count is None:
            raise ListError(f'"{label}" got no list')
        return count

    def _values(self, source: Source, within: Passes) -> list[Any]:
        """What a source gives that decides something: plain values, as the elements of a list."""
        match source:
            case Constant(value=value):
                return list(value) if source.type.is_list and isinstance(value, tuple) else [value]
            case FromTask():
                self._check_whole(source, within)
                layout = self._records[source.task].layout
                return (
                    []
                    if layout is None
                    else self._records[source.task].output_values(source.output, layout.items(within))
                )
            case EachOf():
                found = self._list_of(source, within)
                value = self._values(found.source, within)[within[source.loop]]
                return list(_converted([value], found.source.type, source.type))
            case Passed(sources=sources) | FromGroup(sources=sources, loop=None):
                return self._all_values(sources, source.type, within)
            case FromGroup(sources=sources, loop=Loop() as loop):
                self._check_loop(loop, within)
                passes = self.passes((loop,), within)
                return [value for each in passes for value in self._all_values(sources, source.type, each)]
            case FromSwitch():
                chosen = self.chosen(source, within)
                return list(_converted(self._values(chosen, within), chosen.type, source.type))
            case FromList() if source.operation.action is ListAction.COUNT:
                self._check_whole(source.lists[0], within)
                return [self._length(source.lists[0], source.labels[0], within)]
        assert isinstance(source, FromList)
        values = self._values(source.taken_from, within)
        return [values[index] for index in self._indices(source, within)]

    def _list_of(self, source: EachOf, within: Passes) -> LoopList:
        """The list whose elements a loop gives. Raises MissingError where it has no element in a pass."""
        loop = self._loops[source.loop]
        self._check_loop(loop, within)
        return next(each for each in loop.lists if each.input == source.input)

    def _all_values(self, sources: tuple[Source, ...], target: SocketType, within: Passes) -> list[Any]:
        return [value for each in sources for value in _converted(self._values(each, within), each.type, target)]

    def _given(self, source: FromTask, within: Passes) -> int | None:
        record = self._records[source.task]
        items = range(0) if record.layout is None else record.layout.items(within)
        if not source.type.is_list:
            return 1 if items else None  # it may not have been needed
        if record.layout is None or record.is_complete:
            return None if record.layout is None else record.output_length(source.output, items)
        gaps = self.gaps(source, within)
        self._note_open(next((gap for gap in gaps if gap is not None and gap.is_open), None))
        return len(gaps)

    # What is not there

    def gap(self, task: PlannedTask, within: Passes, number: int) -> Gap | None:
        """What an item takes that is not there, by its number in certain passes; an open gap if it stands for any."""
        self._loops |= {loop.id: loop for loop in task.loops}
        try:
            self._check_told(task, within)
            found = list(self._gaps_of_place(task, within, number))
        except MissingError as error:
            return error.gap.opened(task.id, tuple(within.values()))
        try:
            return next((gap for gap in found if gap.is_open), next(iter(found), self._gap_of_arguments(task, within)))
        except MissingError as error:
            return replace(error.gap, is_open=False)
        except ListError:  # it fails, and tells
            return None

    def _check_told(self, task: PlannedTask, within: Passes) -> None:
        """Raises MissingError if a task has one item only in certain passes, as it can't be told how many it has."""
        key = task.id, tuple(within.values())
        if key not in self._untold:  # all items there ask
            self._untold[key] = None
            try:
                for loop in task.loops:
                    self._check_loop(loop, within)
                self._check_pairs([each.sources[0] for each in task.mapped], within)
            except MissingError as error:
                self._untold[key] = error.gap
        if (gap := self._untold[key]) is not None:
            raise MissingError(gap)

    def _gaps_of_place(self, task: PlannedTask, within: Passes, number: int) -> Iterator[Gap]:
        """Gaps that stand where the item does: in the lists that it is mapped over, and that its loops run over.

        Whether it is needed may hang on one, too.
        """
        for loop in task.loops:
            for each in loop.lists:
                if not self._is_whole(each.source):
                    gap = self.gaps(each.source, within)[within[loop.id]]
                    yield from [] if gap is None else [gap]
        for argument in task.mapped:
            if not self._is_whole(argument.sources[0]):
                gap = self.gaps(argument.sources[0], within)[number]
                yield from [] if gap is None else [gap]
        for awaited in task.awaited:
            record = self._records[awaited]
            if not record.is_complete and record.layout is not None:
                is_inside = all(loop in within for loop in record.layout.loops)
                items = record.layout.items(within) if is_inside else range(len(record.items))
                gap = self._gap_of_items(record, items)
                yield from [] if gap is None else [gap]

    def _gap_of_arguments(self, task: PlannedTask, within: Passes) -> Gap | None:
        """The first gap in what an item is given as a whole."""
        sources = (each for argument in task.arguments if not argument.is_mapped for each in argument.sources)
        gap = next(filter(None, (self._first_gap(each, within) for each in sources)), None)
        return None if gap is None else replace(gap, is_open=False)

    def _gap_of_items(self, record: TaskRecord, items: range) -> Gap | None:
        """The open gap that the first of some items leaves that did not succeed."""
        key = record.planned.id, items.start, items.stop
        if key not in self._gaps_of_items:  # a task may have as many items that ask
            missing = (record.items[item] for item in items if record.items[item].state is not TaskState.SUCCEEDED)
            self._gaps_of_items[key] = next((_gap_of(record, item).opened(*key) for item in missing), None)
        return self._gaps_of_items[key]

    def _first_gap(self, source: Source, within: Passes) -> Gap | None:
        """The first gap in a source. Raises MissingError as `gaps` does."""
        if self._is_whole(source):
            return None
        key = self._key(source, within)
        if key not in self._first_gaps:  # a list may be as long as there are items that take it
            self._first_gaps[key] = next(filter(None, self.gaps(source, within)), None)
        return self._first_gaps[key]

    def gaps(self, source: Source, within: Passes) -> Sequence[Gap | None]:
        """What is missing of a source, for each element that it would give; None for one that is there.

        Raises:
            MissingError: if that can't be told.
        """
        key = self._key(source, within)
        if key not in self._gaps:
            self._gaps[key] = list(self._find_gaps(source, within))
        return self._gaps[key]

    def _key(self, source: Source, within: Passes) -> tuple[int, tuple[int, ...]]:
        around = self._loops_around(source)
        return id(source), tuple(number for loop, number in within.items() if _is_around(loop, around))

    def _find_gaps(self, source: Source, within: Passes) -> Iterable[Gap | None]:
        match source:
            case FromTask():
                return self._gaps_of_task(source, within)
            case EachOf():
                return [self.gaps(self._list_of(source, within).source, within)[within[source.loop]]]
            case Passed(sources=(inner,)) | FromGroup(sources=(inner,), loop=None):
                return self.gaps(inner, within)
            case Passed(sources=sources) | FromGroup(sources=sources, loop=None):
                return [gap for each in sources for gap in self._gaps_or_open(each, within)]
            case FromGroup(sources=sources, loop=Loop() as loop):
                if (gap := self.untold(loop, within)) is not None:
                    return [gap]
                passes = self.passes((loop,), within)
                return [gap for each in passes for inner in sources for gap in self._gaps_of_pass(loop, inner, each)]
            case FromSwitch():
                return self.gaps(self.chosen(source, within), within)
            case FromList() if source.operation.action is not ListAction.COUNT:
                indices, gaps = self._indices(source, within), self.gaps(source.taken_from, within)
                return [gaps[index] for index in indices]
        return [None] * (self.elements(source, within) or 0)

    def _gaps_of_pass(self, loop: Loop, source: Source, within: Passes) -> Sequence[Gap | None]:
        """The gaps of what comes out of a loop in one pass."""
        found = self._gaps_or_open(source, within)
        places = [self.gaps(each.source, within)[within[loop.id]] for each in loop.lists]
        gap = _open_gap(places) or next(filter(None, places), None)
        return found if gap is None else [gap if each is None or not each.is_open else each for each in found]

    def _gaps_or_open(self, source: Source, within: Passes) -> Sequence[Gap | None]:
        """The same as `gaps` for one of several sources; if they can't be told, an open one stands for all of it."""
        try:
            return self.gaps(source, within)
        except MissingError as error:
            return [error.gap.opened(self._key(source, within))]

    def _elements_or_open(self, source: Source, within: Passes) -> int | None:
        """The same as `elements` for one of several sources; 1 if they can't be told."""
        try:
            return self.elements(source, within)
        except MissingError as error:
            self._note_open(error.gap)
            return 1

    def is_told(self, source: Source, around: Mapping[str, Loop], within: Passes) -> bool:
        """Whether it can be told what a source gives, one of several; `around` are the loops it is in, by their ids."""
        self._loops |= around
        self._kept.append(source)
        if self._is_whole(source):
            return True
        try:
            self.gaps(source, within)
        except MissingError:
            return False
        except ListError:  # whoever asks what it gives is told
            return True
        return True

    def _gaps_of_task(self, source: FromTask, within: Passes) -> Iterator[Gap | None]:
        record = self._records[source.task]
        is_list = any(output.identifier == source.output and output.type.is_list for output in record.planned.outputs)
        for index in range(0) if record.layout is None else record.layout.items(within):
            item = record.items[index]
            if item.state is not TaskState.SUCCEEDED:
                gap = _gap_of(record, item)
                yield gap.opened(source.task, source.output) if is_list else gap
            else:
                yield from itertools.repeat(None, item.lengths[source.output] if is_list else 1)

    def _is_whole(self, source: Source) -> bool:
        """Whether there can be no gap in a source, in whatever pass."""
        if id(source) not in self._whole:
            tasks = {leaf.task for leaf in leaves((source,)) if isinstance(leaf, FromTask)}
            lists = [each.source for loop in self._loops_around(source) for each in self._loops[loop].lists]
            self._whole[id(source)] = all(self._records[task].is_complete for task in tasks) and all(
                map(self._is_whole, lists)
            )
        return self._whole[id(source)]

    def _check_whole(self, source: Source, within: Passes) -> None:
        """Raises MissingError if anything of a source is missing."""
        if (gap := self._first_gap(source, within)) is not None:
            raise MissingError(gap)

    def _check_loop(self, loop: Loop, within: Passes) -> None:
        """Raises MissingError if it can't be told how often a loop runs."""
        if (gap := self.untold(loop, within)) is not None:
            raise MissingError(gap)

    def _check_open(self, source: FromList, within: Passes) -> None:
        """Raises MissingError if a list node finds elements by their position where there are open gaps."""
        if source.operation.action is ListAction.FLATTEN:
            return
        for each in source.lists:
            if not self._is_whole(each) and (gap := _open_gap(self.gaps(each, within))):
                raise MissingError(gap)

    def _check_pairs(self, sources: Sequence[Source], within: Passes) -> None:
        """Raises MissingError if elements of lists belong together by their position, and open gaps are in the way.

        They are not if lists have them at the same places, and as many elements are missing in each of them: that is
        so of one, too, as the lists are as long as each other.
        """
        if len(sources) < 2 or all(map(self._is_whole, sources)):
            return
        found = [self.gaps(each, within) for each in sources]
        gap = next(filter(None, map(_open_gap, found)), None)
        if gap is None:
            return
        opened = [[(place, each.what) for place, each in enumerate(gaps) if each and each.is_open] for gaps in found]
        if len(opened[0]) == 1:
            opened = [[(place, None) for place, _what in each] for each in opened]
        if any(each != opened[0] for each in opened) or len(set(map(len, found))) > 1:
            raise MissingError(gap)

    def _note_open(self, gap: Gap | None) -> None:
        self.open_gap = self.open_gap or gap

    def _sum(self, sources: tuple[Source, ...], within: Passes) -> int | None:
        return _sum(self._elements_or_open(each, within) for each in sources)


def _gap_of(record: TaskRecord, item: ItemRecord) -> Gap:
    """The gap that an item leaves which did not succeed, where it would have given one element."""
    if item.gap is not None:
        return item.gap
    how = item.state.replace("_", " ")
    error = TaskError.of_cause(item.index, record.planned.id, record.planned.name, how)
    return Gap(error, is_open=False, what=(record.planned.id, item.index))


def _open_gap(gaps: Iterable[Gap | None]) -> Gap | None:
    return next((gap for gap in gaps if gap is not None and gap.is_open), None)


def _is_around(loop: str, around: Iterable[str]) -> bool:
    """Whether a loop is one of some, or around one: the lists of these may be others in each of its passes."""
    return any(each == loop or is_inside(each, loop) for each in around)


def _converted(values: Iterable[Any], source: SocketType, target: SocketType) -> Iterator[Any]:
    """Values as a socket of another type takes them; only what needs no Blender decides anything."""
    name = conversion(source, target) or ""
    for value in values:
        yield PLAIN_CONVERSIONS[name](value) if name in PLAIN_CONVERSIONS and value is not None else value


def _sum(counts: Iterator[int | None]) -> int | None:
    found = list(counts)
    return sum(each for each in found if each is not None) if None not in found else None


def _same(counts: list[tuple[str, int | None]], what: str) -> int:
    """The one length of all lists."""
    for label, count in counts:
        if count is None:
            raise ListError(f'"{label}" got no list to be mapped over')
    if len({count for _label, count in counts}) > 1:
        listing = ", ".join(f'"{label}" has {count}' for label, count in counts)
        raise ListError(f"{what} differ in length: {listing}")
    return counts[0][1] or 0
