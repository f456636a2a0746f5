# SPDX-License-Identifier: GPL-3.0-or-later
"""What sources give that went through groups: in each pass of their loops, with the conversions that are to be done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..planning.node_path import is_inside
from ..planning.plan import PlannedTask
from ..planning.sources import Constant, EachOf, FromGroup, FromTask, Loop, LoopList, Passed, Source
from ..scheduling.layout import NO_PASSES, Passes
from ..scratch.typed_values import TypedValue
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
        passes = {each: number for each, number in self.passes.items() if is_inside(loop.id, each)}
        return Within(self.tasks, self.loops, passes)


#: Gives the value of a constant or of the output of a task; None if the task gave nothing.
Read = Callable[[Constant | FromTask, Within], TypedValue | None]


class Evaluation:
    """Finds out what sources give. It remembers the lists of loops: many passes ask for them."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._lists: dict[tuple[str, str, tuple[tuple[str, int], ...]], list[Piece]] = {}

    def forget(self) -> None:
        """Read all lists anew."""
        self._lists.clear()

    def pieces(self, source: Source, within: Within) -> list[Piece]:
        """What a source gives; where that is a list, in as few pieces as there are conversions."""
        return list(_joined(self._pieces(source, within)))

    def passes(self, loop: Loop, within: Within) -> Iterator[Within]:
        """Each pass of a loop."""
        for number in range(len(self._elements(loop, loop.lists[0], within))):
            yield within.enter(loop, number)

    def _pieces(self, source: Source, within: Within) -> Iterator[Piece]:
        match source:
            case Constant() | FromTask():
                value = self._read(source, within)
                if value is not None:
                    yield Piece(value)
            case EachOf():
                yield self._each(source, within)
            case Passed(sources=sources) | FromGroup(sources=sources, loop=None):
                yield from self._converted(sources, source.type, within)
            case FromGroup(sources=sources, loop=Loop() as loop):
                for each in self.passes(loop, within):
                    yield from self._converted(sources, source.type, each)

    def _converted(self, sources: Iterable[Source], target: SocketType, within: Within) -> Iterator[Piece]:
        for source in sources:
            conversion = passage(source.type, target)
            for piece in self._pieces(source, within):
                yield Piece(piece.value, then(piece.conversion, conversion))

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
