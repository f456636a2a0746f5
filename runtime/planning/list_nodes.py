# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes list nodes to pieces: what they give, as sources; where all is known before the run, as constants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from ..script.socket_types import PLAIN_CONVERSIONS, SocketType, conversion
from .graph import GraphNode, InputSocket, OutputSocket
from .lists import ListAction, picked
from .sources import Constant, EachOf, FromGroup, FromList, FromSwitch, FromTask, LoopList, Passed, Source

#: What can be a key to sort by.
SORTABLE: Final = frozenset({"BOOLEAN", "INT", "FLOAT", "STRING", "PATH", "MENU"})


def lists_of(node: GraphNode) -> tuple[InputSocket, ...]:
    """The inputs that elements are taken from."""
    assert node.operation is not None
    by_identifier = {socket.identifier: socket for socket in node.inputs}
    return tuple(by_identifier[each] for each in node.operation.lists)


def deciders_of(node: GraphNode) -> tuple[InputSocket, ...]:
    """The inputs that decide which elements these are."""
    assert node.operation is not None
    by_identifier = {socket.identifier: socket for socket in node.inputs}
    return tuple(by_identifier[each] for each in node.operation.by)


def together(sources: tuple[Source, ...], wanted: SocketType) -> Source:
    """What arrives at one input, as one source."""
    if len(sources) == 1 and sources[0].type == wanted:
        return sources[0]
    constants = [each for each in sources if isinstance(each, Constant) and _is_plain(each.type, wanted)]
    if len(constants) < len(sources):
        return Passed(sources, wanted)
    values = [value for each in constants for value in _converted(each, wanted) if value is not None]
    is_picked = any(each.is_picked for each in constants)
    return Constant(tuple(values) if wanted.is_list else next(iter(values), None), wanted, is_picked)


def _is_plain(source: SocketType, target: SocketType) -> bool:
    name = conversion(source, target)
    return name == "" or name in PLAIN_CONVERSIONS


def _converted(source: Constant, target: SocketType) -> Iterator[object]:
    convert = PLAIN_CONVERSIONS.get(conversion(source.type, target) or "")
    for value in source.value if isinstance(source.value, tuple) and source.type.is_list else (source.value,):
        yield value if convert is None or value is None else convert(value)


def given(node: GraphNode, socket: OutputSocket, arrived: Mapping[str, Source]) -> Source:
    """What a list node that is no switch gives at one of its outputs, by what has arrived at its inputs.

    Raises:
        ListError: if that is known, and does not fit together.
    """
    operation = node.operation
    assert operation is not None
    lists, by = [arrived[each] for each in operation.lists], [arrived[each] for each in operation.by]
    number = node.outputs.index(socket)
    labels = tuple(each.parameter.label for each in lists_of(node))
    found = FromList(
        node.id,
        socket.identifier,
        node.name,
        operation,
        number,
        tuple(lists),
        labels,
        tuple(by),
        SocketType("INT"),
        socket.label,
    )
    if operation.action is not ListAction.COUNT:
        found = replace(found, type=SocketType(found.taken_from.type.kind, is_list=True))
    return _folded(found)


def switched(node: GraphNode, socket: OutputSocket, decider: Source, branches: tuple[Source, ...]) -> Source:
    """What a switch gives: `branches` are all of its inputs, or the one that it takes whatever the run finds out."""
    assert node.operation is not None
    if isinstance(decider, Constant):
        return branches[0]
    choices, wanted = node.operation.choices, branches[0].type
    return FromSwitch(node.id, socket.identifier, node.name, choices, decider, branches, wanted, socket.label)


def _folded(source: FromList) -> Source:
    """The same as a constant, if all that it is made of are constants. Raises ListError."""
    constants = [each for each in source.sources if isinstance(each, Constant)]
    if len(constants) < len(source.sources):
        return source
    values = [
        each.value if isinstance(each.value, tuple) and each.type.is_list else (each.value,) for each in constants
    ]
    lists, by = values[: len(source.lists)], values[len(source.lists) :]
    if source.operation.action is ListAction.COUNT:
        return Constant(len(lists[0]), source.type)
    indices = picked(source.operation, source.number, source.labels, list(map(len, lists)), by)
    elements = lists[source.lists.index(source.taken_from)]
    is_picked = all(elements or each.is_picked for elements, each in zip(lists, constants, strict=False))
    return Constant(tuple(elements[index] for index in indices), source.type, is_picked)


def decisive(sources: Iterable[Source], lists_of_loop: Callable[[str], Iterable[LoopList]]) -> Iterator[FromTask]:
    """The outputs of tasks whose values decide what list nodes give."""
    waiting: list[tuple[Source, bool]] = [(source, False) for source in sources]
    seen = set[tuple[int, bool]]()
    while waiting:
        source, decides = waiting.pop()
        if (id(source), decides) in seen:
            continue
        seen.add((id(source), decides))
        match source:
            case FromTask():
                if decides and not source.type.is_data_block:
                    yield source
            case EachOf():
                found = (each for each in lists_of_loop(source.loop) if each.input == source.input)
                waiting += ((each.source, decides) for each in found)
            case FromList(lists=lists, by=by):
                waiting += ((each, decides) for each in lists)
                waiting += ((each, True) for each in by)
            case FromSwitch(by=by, branches=branches):
                waiting += ((each, decides) for each in branches)
                waiting.append((by, True))
            case FromGroup(sources=inner, loop=loop):
                waiting += ((each, decides) for each in inner)
                waiting += ((each.source, decides) for each in (loop.lists if loop else ()))
            case Passed(sources=inner):
                waiting += ((each, decides) for each in inner)
