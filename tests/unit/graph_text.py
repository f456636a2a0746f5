# SPDX-License-Identifier: GPL-3.0-or-later
r"""Graphs written in two lines of text.

    graph("a: -> x:FLOAT ; b: v:FLOAT=0.5 w:[Object]? -> y:[Object]", "a.x > b.v ; b.y > b.w")

Nodes stand between semicolons: words, the node's name, a colon, its inputs, `->`, its outputs. The words are `in`,
`out`, `reroute`, `frame`, `group`, one of `_LIST_NODES` (else it is a script node), `muted` and `keep`. A list node's
inputs are its lists, then what decides, which have names that `_LIST_NODES` tells. A node in the group `g` is `g/name`;
links start at inputs of `g` to go into it, and end at its outputs to leave it. A socket is `name:TYPE`, `[TYPE]` for a
list, `?` behind the type for an optional one, and `=value` for what it holds: a Python literal without spaces, or
`@Name` for the data-block of that name. What a node's id is, its name is too, with spaces around each stroke.
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from background_nodes.runtime.planning.graph import (
    Graph,
    GraphLink,
    GraphNode,
    InputSocket,
    NodeKind,
    NodeSettings,
    OutputAction,
    OutputMode,
    OutputSocket,
)
from background_nodes.runtime.planning.lists import Lengths, ListAction, ListOperation
from background_nodes.runtime.script.signature import Parameter, ScriptSource
from background_nodes.runtime.script.socket_types import LiveRef, SocketType, Value

SOURCE = ScriptSource("def main(): ...", "script.py")
KEEP = OutputAction(OutputMode.KEEP)

_KINDS = {
    "in": NodeKind.INPUT,
    "out": NodeKind.OUTPUT,
    "reroute": NodeKind.REROUTE,
    "frame": NodeKind.FRAME,
    "group": NodeKind.GROUP,
}
#: List nodes: what they do, and the inputs that decide what they give.
_LIST_NODES = {
    "cross": (ListAction.CROSS_PRODUCT, (), {}),
    "zip": (ListAction.ZIP, (), {}),
    "zip_shortest": (ListAction.ZIP, (), {"lengths": Lengths.SHORTEST}),
    "zip_last": (ListAction.ZIP, (), {"lengths": Lengths.LAST}),
    "zip_cycle": (ListAction.ZIP, (), {"lengths": Lengths.CYCLE}),
    "slice": (ListAction.SLICE, ("position", "length", "step"), {}),
    "flatten": (ListAction.FLATTEN, (), {}),
    "count": (ListAction.COUNT, (), {}),
    "filter": (ListAction.FILTER, ("keep",), {}),
    "sort": (ListAction.SORT, ("keys",), {}),
    "sort_down": (ListAction.SORT, ("keys",), {"is_descending": True}),
    "switch": (ListAction.SWITCH, ("switch",), {"choices": (False, True)}),
    "index_switch": (ListAction.SWITCH, ("switch",), {"choices": (0, 1, 2)}),
}
_SOCKET = re.compile(r"(?P<name>\w+):(?P<list>\[?)(?P<kind>\w+)\]?(?P<optional>\??)(?:=(?P<value>.+))?")


def graph(nodes: str, links: str = "") -> Graph:
    return Graph("test", tuple(map(_node, _parts(nodes))), tuple(map(_link, _parts(links))))


def with_parameter(graph: Graph, socket: str, **changes: object) -> Graph:
    """The graph with another parameter at an input: `with_parameter(graph, "b.v", minimum=0.0)`."""
    name, identifier = socket.split(".")
    node = next(node for node in graph.nodes if node.id == name)
    inputs = tuple(
        replace(socket, parameter=replace(socket.parameter, **changes)) if socket.identifier == identifier else socket
        for socket in node.inputs
    )
    return with_node(graph, name, inputs=inputs)


def with_node(graph: Graph, name: str, **changes: object) -> Graph:
    """The graph with another node in the place of one: `with_node(graph, "b", script=None)`."""
    nodes = tuple(replace(node, **changes) if node.id == name else node for node in graph.nodes)
    return replace(graph, nodes=nodes)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _node(text: str) -> GraphNode:
    head, _, sockets = re.sub(r":(\s|$)", "\0 ", text, count=1).partition("\0")
    *words, name = head.split()
    kind = next((_KINDS[word] for word in words if word in _KINDS), NodeKind.SCRIPT)
    inputs, _, outputs = sockets.partition("->")
    operation = next((_operation(word, inputs) for word in words if word in _LIST_NODES), None)
    kind = kind if operation is None else NodeKind.LIST
    return GraphNode(
        id=name,
        name=name.replace("/", " / "),
        kind=kind,
        inputs=tuple(map(_input, inputs.split())),
        outputs=tuple(map(_output, outputs.split())),
        is_muted="muted" in words,
        script=SOURCE if kind is NodeKind.SCRIPT else None,
        settings=NodeSettings(keep_result="keep" in words),
        action=KEEP if kind is NodeKind.OUTPUT else None,
        operation=operation,
    )


def _operation(word: str, inputs: str) -> ListOperation:
    action, by, options = _LIST_NODES[word]
    names = (_socket(text)[0] for text in inputs.split())
    return ListOperation(action, tuple(name for name in names if name not in by), by, **options)


def _input(text: str) -> InputSocket:
    name, socket_type, is_optional, value = _socket(text)
    parameter = Parameter(name, name.title(), socket_type, is_optional=is_optional)
    return InputSocket(parameter, value)


def _output(text: str) -> OutputSocket:
    name, socket_type, _, value = _socket(text)
    return OutputSocket(name, name.title(), socket_type, value)


def _socket(text: str) -> tuple[str, SocketType, bool, Value]:
    match = _SOCKET.fullmatch(text)
    assert match, f"no socket: {text}"
    socket_type = SocketType(match["kind"], is_list=bool(match["list"]))
    return match["name"], socket_type, bool(match["optional"]), _value(match["value"], match["kind"])


def _value(text: str | None, kind: str) -> Value:
    if text is None:
        return None
    if not text.startswith("@"):
        return ast.literal_eval(text)
    references = tuple(LiveRef(kind, name, uid) for uid, name in enumerate(text.replace("@", "").split(","), start=1))
    return references if "," in text else references[0]


def _link(text: str) -> GraphLink:
    source, target = (side.strip().split(".") for side in text.split(">"))
    return GraphLink(*source, *target)
