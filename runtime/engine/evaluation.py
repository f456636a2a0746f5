# SPDX-License-Identifier: GPL-3.0-or-later
"""What sources give that went through groups: in each pass of their loops, with the conversions that are to be done.

Where an item gave nothing there is a `HOLE`, so that whatever else there is has its place in lists. A pass over a hole
gives as many of them. There is one, too, for what the scheduler can't tell the elements of: see `Counting.is_told`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..planning.lists import ListAction, branch, named, picked
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
)
from ..scheduling.expansion import Counting
from ..scheduling.layout import NO_PASSES, Passes
from ..scratch.typed_values import HOLE, TypedValue
from ..script.socket_types import SocketType, passage, then
from .messages import Piece


@dataclass(frozen=True, slots=True)
class Within:
    """Where something is evaluated: in a run with these tasks, in certain passes of loops.

    Attributes:
        tasks: by their ids.
        loops: those that it is in, by their ids.
        passes: the number of the pass of each.
    """

    tasks: Mapping[str, PlannedTask]
    loops: Mapping[str, Loop] = field(default_factory=dict)
    passes: Passes = field(default_factory=lambda: NO_PASSES)  # Python 3.11 takes no unhashable default

    def enter(self, loop: Loop, number: int) -> Within:
        """In one pass of a loop more."""
        return Within(self.tasks, {**self.loops, loop.id: loop}, {**self.passes, loop.id: number})

    def around(self, loop: Loop) -> Within:
        """Where the lists of a loop are: in the loops around it."""
        return self.around_node(loop.id)

    def around_node(self, node: str) -> Within:
        """In the loops around a node only."""
        passes = {each: number for each, number in self.passes.items() if is_inside(node, each)}
        return Within(self.tasks, self.loops, passes)


#: Gives the value of a constant or of the output of a task; None if the task gave nothing.
Read = Callable[[Constant | FromTask, Within], TypedValue | None]
#: Gives the values that a piece holds, with its conversions, none of which needs Blender.
ReadPlain = Callable[[Piece], Iterable[Any]]
#: Makes what counts what the tasks gave, as far as they have ended.
Count = Callable[[], Counting]


class Evaluation:
    """Finds out what sources give. It remembers lists: many passes, and both outputs of a list node, ask for them."""

    def __init__(self, read: Read, read_plain: ReadPlain, count: Count) -> None:
        self._read = read
        self._read_plain = read_plain
        self._count = count
        self._counting: Counting | None = None
        self._lists: dict[tuple[str, str, tuple[tuple[str, int], ...]], list[Piece]] = {}
        # By list node, number of the list, and the passes around the node.
        self._listed: dict[tuple[str, int, tuple[tuple[str, int], ...]], list[Piece]] = {}

    def forget(self) -> None:
        """Read all lists anew."""
        self._lists.clear()
        self._listed.clear()
        self._counting = None

    def pieces(self, source: Source, within: Within) -> list[Piece]:
        """What a source gives; where that is a list, in as few pieces as there are conversions."""
        return list(_joined(self._pieces(source, within)))

    def passes(self, loop: Loop, within: Within) -> Iterator[Within]:
        """Each pass of a loop; none if its lists differ in length, as what is in it fails then."""
        lengths = {len(self._elements(loop, each, within)) for each in loop.lists}
        for number in range(lengths.pop() if len(lengths) == 1 else 0):
            yield within.enter(loop, number)

    def is_over_hole(self, loop: Loop, within: Within) -> bool:
        """Whether what a loop runs over is not there in a pass."""
        number = within.passes[loop.id]
        return any(self._elements(loop, each, within)[number].value.is_hole for each in loop.lists)

    def is_untold(self, loop: Loop, within: Within) -> bool:
        """Whether it can't be told how often a loop runs, because of what is not there of its lists.

        What comes out of it is one hole then, as the scheduler counts it.
        """
        return self._told.is_untold(loop, within.loops, within.passes)

    def is_told(self, source: Source, within: Within) -> bool:
        """Whether it can be told what a source gives, which is one of several or of a pass. If not, it is one hole."""
        return self._told.is_told(source, within.loops, within.passes)

    @property
    def _told(self) -> Counting:
        if self._counting is None:
            self._counting = self._count()
        return self._counting

    def _pieces(self, source: Source, within: Within) -> Iterator[Piece]:
        match source:
            case Constant() | FromTask():
                value = self._read(source, within)
                if value is not None:
                    yield Piece(value)
            case EachOf():
                yield self._each(source, within)
            case Passed(sources=sources) | FromGroup(sources=sources, loop=None):
                convert = self._converted if len(sources) == 1 else self._converted_each
                yield from convert(sources, source.type, within)
            case FromGroup(sources=sources, loop=Loop() as loop):
                yield from self._of_loop(loop, sources, source.type, within)
            case FromSwitch():
                yield from self._converted((self.chosen(source, within),), source.type, within)
            case FromList() if source.operation.action is ListAction.COUNT:
                yield Piece(TypedValue(source.type, len(self._list(source, 0, within))))
            case FromList():
                elements = self._list(source, source.lists.index(source.taken_from), within)
                yield from (elements[index] for index in self.indices(source, within))

    def _of_loop(self, loop: Loop, sources: Iterable[Source], target: SocketType, within: Within) -> Iterator[Piece]:
        if self.is_untold(loop, within):
            yield Piece(TypedValue(SocketType(target.kind), HOLE))
            return
        for each in self.passes(loop, within):
            found = self._converted_each(sources, target, each)
            yield from _as_holes(found) if self.is_over_hole(loop, each) else found

    # List nodes

    def chosen(self, source: FromSwitch, within: Within) -> Source:
        """The input that a switch gives. Raises ListError if there is none."""
        with named(source.name):
            return source.branches[branch(source.choices, self._plain(source.by, within))]

    def indices(self, source: FromList, within: Within) -> Sequence[int]:
        """Which elements of its list a list node gives. Raises ListError if the lists don't fit together."""
        lengths = [len(self._list(source, number, within)) for number in range(len(source.lists))]
        with named(source.name):
            by = [self._plain(each, within) for each in source.by]
            return picked(source.operation, source.number, source.labels, lengths, by)

    def _list(self, source: FromList, number: int, within: Within) -> list[Piece]:
        """The elements of a list that arrives at a list node."""
        around = within.around_node(source.node)
        key = source.node, number, tuple(around.passes.items())
        if key not in self._listed:
            self._listed[key] = single(self._pieces(source.lists[number], around))
        return self._listed[key]

    def _plain(self, source: Source, within: Within) -> list[Any]:
        return [value for piece in self._pieces(source, within) for value in self._read_plain(piece)]

    # What goes through groups

    def _converted(self, sources: Iterable[Source], target: SocketType, within: Within) -> Iterator[Piece]:
        for source in sources:
            conversion = passage(source.type, target)
            for piece in self._pieces(source, within):
                yield Piece(piece.value, then(piece.conversion, conversion))

    def _converted_each(self, sources: Iterable[Source], target: SocketType, within: Within) -> Iterator[Piece]:
        """The same, with a hole for each source of which it can't be told what it gives."""
        for source in sources:
            if self.is_told(source, within):
                yield from self._converted((source,), target, within)
            else:
                yield Piece(TypedValue(SocketType(target.kind), HOLE))

    def _each(self, source: EachOf, within: Within) -> Piece:
        loop = within.loops[source.loop]
        found = next(each for each in loop.lists if each.input == source.input)
        element = self._elements(loop, found, within)[within.passes[loop.id]]
        return Piece(element.value, then(element.conversion, passage(found.source.type, source.type)))

    def _elements(self, loop: Loop, found: LoopList, within: Within) -> list[Piece]:
        around = within.around(loop)
        key = loop.id, found.input, tuple(around.passes.items())
        if key not in self._lists:
            self._lists[key] = single(self._pieces(found.source, around))
        return self._lists[key]


def single(pieces: Iterable[Piece]) -> list[Piece]:
    """The elements of pieces, each as a piece."""
    return [
        Piece(TypedValue(SocketType(piece.value.type.kind), part), piece.conversion)
        for piece in pieces
        for part in piece.value.elements()
    ]


def _as_holes(pieces: Iterable[Piece]) -> Iterator[Piece]:
    return (Piece(TypedValue(piece.value.type, HOLE), piece.conversion) for piece in single(pieces))


def _joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The same pieces, with those that are alike as one list."""
    waiting: list[Piece] = []
    for piece in pieces:
        if waiting and (waiting[0].value.type.kind, waiting[0].conversion) != (piece.value.type.kind, piece.conversion):
            yield _one(waiting)
            waiting = []
        waiting.append(piece)
    if waiting:
        yield _one(waiting)


def _one(pieces: list[Piece]) -> Piece:
    if len(pieces) == 1:
        return pieces[0]
    kind, parts = pieces[0].value.type.kind, tuple(part for piece in pieces for part in piece.value.parts())
    return Piece(TypedValue(SocketType(kind, is_list=True), parts), pieces[0].conversion)
