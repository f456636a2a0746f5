# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes groups to pieces: what goes into a group and comes out of it, as sources; and which tasks run in a loop.

A list that is linked to an input that takes one value makes a loop of the group. What depends on the element runs once
for each; what does not, once for all. Each output is a list of what all passes gave.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..script.socket_types import LIST_CONVERSIONS, PLAIN_CONVERSIONS, SocketType, conversion
from .graph import GraphNode, InputSocket, OutputSocket
from .lists import ListAction
from .plan import PlannedTask
from .sources import (
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
    loops_around,
)


class Groups:
    """The groups of one graph, while it is compiled."""

    def __init__(self) -> None:
        self._lists: defaultdict[str, list[LoopList]] = defaultdict(list)
        self._names: dict[str, str] = {}

    def enter(self, node: GraphNode, socket: InputSocket, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        """What arrives in a group at one of its inputs; `sources` is what arrives at the group's node."""
        wanted = socket.parameter.type
        if wanted.is_list or not sources[0].type.is_list:
            return sources if [each.type for each in sources] == [wanted] else (Passed(sources, wanted),)
        self._names[node.id] = node.name
        self._lists[node.id].append(LoopList(socket.identifier, socket.parameter.label, sources[0]))
        return (EachOf(node.id, socket.identifier, wanted),)

    def leave(self, node: GraphNode, socket: OutputSocket, sources: tuple[Source, ...]) -> Source:
        """What comes out of a group at one of its outputs; `sources` is what arrives there.

        What goes in must all have been seen.
        """
        loop = self._loop(node.id) if node.id in self._lists else None
        is_list = socket.type.is_list or loop is not None or any(each.type.is_list for each in sources)
        wanted = replace(socket.type, is_list=is_list)
        if loop is None and len(sources) == 1 and isinstance(sources[0], Constant) and sources[0].type == wanted:
            return sources[0]
        if (whole := _as_it_came(sources, wanted, loop)) is not None:
            if isinstance(whole, Constant):
                return whole
            sources, loop = (whole,), None
        inner = tuple(each for source in sources for each in _unwrapped(source, wanted))
        return FromGroup(node.id, socket.identifier, inner, wanted, loop, socket.label)

    def lists(self, group: str) -> tuple[LoopList, ...]:
        """The lists that a group runs over; none if it is no loop."""
        return tuple(self._lists.get(group, ()))

    def with_loops(self, tasks: Mapping[str, PlannedTask]) -> dict[str, PlannedTask]:
        """The tasks, each after those it depends on, with the loops that they are in."""
        around: dict[str, set[str]] = {}
        found = {}
        for task in tasks.values():
            around[task.id] = self._closed(self._around(task.sources(), around), around)
            loops = sorted(around[task.id], key=lambda loop: (loop.count("/"), loop))
            found[task.id] = replace(task, loops=tuple(map(self._loop, loops))) if loops else task
        return found

    def _closed(self, loops: set[str], around: Mapping[str, set[str]]) -> set[str]:
        """Loops, and those in each pass of which their lists are others."""
        found, waiting = set(loops), list(loops)
        while waiting:
            lists = (each.source for each in self._lists[waiting.pop()])
            new = self._around(lists, around) - found
            found |= new
            waiting += new
        return found

    @staticmethod
    def _around(sources: Iterable[Source], around: Mapping[str, set[str]]) -> set[str]:
        return {loop for source in sources for loop in loops_around(source, around.__getitem__)}

    def _loop(self, group: str) -> Loop:
        return Loop(group, self._names[group], tuple(self._lists[group]))


def _as_it_came(sources: tuple[Source, ...], wanted: SocketType, loop: Loop | None) -> Source | None:
    """The list that comes out of a group if that is what went in, or what is set there; None if anything makes it."""
    sources = tuple(each for source in sources for each in _unwrapped(source, source.type))
    if loop is None:
        constants = [each for each in sources if isinstance(each, Constant) and each.type.kind == wanted.kind]
        if not (wanted.is_data_block and wanted.is_list and len(constants) == len(sources)):
            return None
        values = (each.value if isinstance(each.value, tuple) else (each.value,) for each in constants)
        return Constant(tuple(each for value in values for each in value if each is not None), wanted)
    lists = [each.source for each in loop.lists if sources == (EachOf(loop.id, each.input, sources[0].type),)]
    return lists[0] if lists and lists[0].type == wanted else None


def _unwrapped(source: Source, wanted: SocketType) -> tuple[Source, ...]:
    """What came out of a group within the group, without that one: so a row of groups is no deep nest."""
    if isinstance(source, FromGroup) and source.loop is None and source.type == wanted:
        return source.sources
    return (source,)


def is_countable(source: Source) -> bool:
    """Whether the number of elements is known before a worker has converted them."""
    return not any(
        LIST_CONVERSIONS.get((given.kind, wanted.kind)) == name for given, wanted, name in _conversions(source)
    )


def can_come_home(source: Source) -> bool:
    """Whether nothing has to be converted on the way home that only a worker can convert."""
    return all(not name or name in PLAIN_CONVERSIONS for _given, _wanted, name in _conversions(source))


def _conversions(source: Source) -> Iterable[tuple[SocketType, SocketType, str | None]]:
    """All conversions at sockets of groups that a source goes through: from what, into what, and their names."""
    match source:
        case Passed(sources=sources) | FromGroup(sources=sources) | FromSwitch(branches=sources):
            for inner in sources:
                yield inner.type, source.type, conversion(inner.type, source.type)
                yield from _conversions(inner)
        case FromList() if source.operation.action is not ListAction.COUNT:
            yield from _conversions(source.taken_from)


def holds_originals(source: Source, loops: Mapping[str, Loop] | None = None) -> bool:
    """Whether data-blocks of the open file come out of a source, which are no results. `loops` are those around it."""
    loops = loops or {}
    match source:
        case Constant():
            return source.type.is_data_block and source.value is not None
        case FromTask():
            return False
        case EachOf():
            found = next(each.source for each in loops[source.loop].lists if each.input == source.input)
            return holds_originals(found, loops)
        case FromGroup(sources=sources, loop=Loop() as loop):
            return any(holds_originals(each, {**loops, loop.id: loop}) for each in sources)
        case FromList():
            return source.type.is_data_block and holds_originals(source.taken_from, loops)
        case Passed(sources=sources) | FromGroup(sources=sources) | FromSwitch(branches=sources):
            return any(holds_originals(each, loops) for each in sources)


def gives_results(source: Source) -> bool:
    """Whether any task gives something of it."""
    match source:
        case FromTask() | EachOf():
            return True
        case Passed() | FromGroup() | FromList() | FromSwitch():
            return any(map(gives_results, source.sources))
    return False
