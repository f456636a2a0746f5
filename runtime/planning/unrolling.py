# SPDX-License-Identifier: GPL-3.0-or-later
"""Repeated groups: a group node that is repeated becomes one that holds a group for each pass, each after the other.

    g: x -> x         g: x -> g/#1 -> g/#2 -> g/#3 -> x

What goes in at an input goes into the first pass. If an output has the same name, what it gives goes into the next
pass; else each pass gets the same. What comes out is what the last pass gives.

How many passes there are may be known only in the run: if an output says when to stop, or what is linked to the input
"Iterations" says how many. Then there are as many as there may be, and switches give what the last one gives that ran:

    g/#1 -- stopped? --yes--> x
                     --no---> g/#2 -- stopped? ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from ..errors import CompileError, Problem
from ..script.signature import Parameter
from ..script.socket_types import SocketType
from .graph import Graph, GraphLink, GraphNode, InputSocket, NodeKind, OutputSocket, Repeat
from .lists import ListAction, ListOperation
from .node_path import NodePath, ids_in, is_inside, pass_id, without_passes

#: The most passes of a group: each is as many tasks as there are nodes in it.
MAX_PASSES: Final = 256
#: The most nodes that a graph has with all passes. Groups that are repeated within each other are soon more than
#: anybody waits for.
MAX_NODES: Final = 20_000
_BOOLEAN: Final = SocketType("BOOLEAN")


@dataclass(frozen=True, slots=True)
class Unrolled:
    """A graph without repeated groups.

    Attributes:
        graph: the graph.
        gates: by the id of the path of a pass after the first one, the list node that gives whether the pass before was
            the last one.
        names: the names that nodes had before, by their ids: all passes of a node have one.
    """

    graph: Graph
    gates: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def name(self, node: GraphNode) -> str:
        """The name of a node, whichever pass it is in."""
        return self.names.get(without_passes(node.id), node.name)


def unrolled(graph: Graph) -> Unrolled:
    """The graph with each repeated group as a group of as many groups as it may have passes, the outer ones first.

    Raises CompileError if that is too large.
    """
    gates: dict[str, str] = {}
    names = {node.id: node.name for node in graph.nodes}
    done = set[str]()
    while (
        node := next((each for each in graph.nodes if _is_repeated(each) and each.id not in done), None)
    ) is not None:
        done.add(node.id)
        num_passes, problem = _count(node, graph)
        if problem is None:
            _check_size(node, num_passes, graph, names)
            graph = _Unrolling(graph, node, num_passes, gates).unroll()
        else:
            wrong = replace(node, problems=(*node.problems, problem))
            graph = replace(graph, nodes=tuple(wrong if each is node else each for each in graph.nodes))
    return Unrolled(graph, gates, names)


def _is_repeated(node: GraphNode) -> bool:
    return node.kind is NodeKind.GROUP and node.repeat is not None and not node.is_muted


def _count(node: GraphNode, graph: Graph) -> tuple[int, Problem | None]:
    """How many passes there may be."""
    repeat = node.repeat
    assert repeat is not None
    number, label = repeat.iterations, "Iterations"
    counting = next((each for each in node.inputs if each.identifier == repeat.count_input), None)
    if counting is not None and not repeat.stop_output and not _is_linked(counting, node, graph):
        number, label = counting.value, counting.parameter.label  # type: ignore[assignment]
    if isinstance(number, int) and 1 <= number <= MAX_PASSES:
        return number, None
    message = f"it can't be repeated {number} times"
    return 0, Problem(node.name, label, message, f"Choose 1 to {MAX_PASSES} passes", node.id)


def _check_size(node: GraphNode, num_passes: int, graph: Graph, names: Mapping[str, str]) -> None:
    """Raise CompileError if all passes together are too many nodes: to look at them would take long."""
    num_inside = 1 + sum(is_inside(each.id, node.id) for each in graph.nodes)
    if len(graph.nodes) + num_passes * num_inside > MAX_NODES:
        message, fix = (
            f"all passes together are more than {MAX_NODES:,} nodes",
            "Choose fewer passes, here or around it",
        )
        node_id = without_passes(node.id)
        raise CompileError([Problem(names[node_id], "Iterations", message, fix, node_id)])


def _is_linked(socket: InputSocket, node: GraphNode, graph: Graph) -> bool:
    return any(link.to_node == node.id and link.to_socket == socket.identifier for link in graph.links)


class _Unrolling:
    """Puts the passes of one group into a graph."""

    def __init__(self, graph: Graph, node: GraphNode, num_passes: int, gates: dict[str, str]) -> None:
        assert node.repeat is not None
        self._graph = graph
        self._node = node
        self._repeat: Repeat = node.repeat
        self._num_passes = num_passes
        self._gates = gates
        self._path = NodePath(ids_in(node.id), (node.name,))
        self._inputs = {socket.identifier for socket in node.inputs}
        by_label = {socket.label: socket.identifier for socket in node.outputs}
        #: The outputs that go into the next pass, by the input that takes them.
        self._states = {
            socket.identifier: by_label[socket.parameter.label]
            for socket in node.inputs
            if socket.parameter.label in by_label
        }
        self._count_input = self._repeat.count_input if not self._repeat.stop_output else ""
        counting = next((each for each in node.inputs if each.identifier == self._count_input), None)
        self._is_counted = counting is not None and _is_linked(counting, node, graph)

    def unroll(self) -> Graph:
        own = self._node.id
        nodes: list[GraphNode] = []
        inner = [each for each in self._graph.nodes if is_inside(each.id, own)]
        for each in self._graph.nodes:
            if each.id == own:
                nodes.append(replace(each, repeat=None))
                for number in range(1, self._num_passes + 1):
                    nodes.append(self._pass(number))
                    nodes += (self._copy(one, number) for one in inner)
                nodes += self._switches()
            elif not is_inside(each.id, own):
                nodes.append(each)
        ids = {each.id for each in inner}
        outer = [link for link in self._graph.links if not self._is_within(link, ids)]
        within = [link for link in self._graph.links if self._is_within(link, ids)]
        links = [*outer, *(self._moved(link, number) for number in range(1, self._num_passes + 1) for link in within)]
        links += [*self._between(), *self._outwards()]
        return replace(self._graph, nodes=tuple(nodes), links=tuple(links))

    # The passes

    def _pass_path(self, number: int) -> NodePath:
        return self._path.into(pass_id(number), str(number))

    def _pass(self, number: int) -> GraphNode:
        """The group node of a pass. What is wrong with what goes in is told of the repeated group."""
        path = self._pass_path(number)
        inputs = tuple(self._input(socket, number) for socket in self._node.inputs)
        return GraphNode(path.id, path.name, NodeKind.GROUP, inputs, self._node.outputs)

    def _input(self, socket: InputSocket, number: int) -> InputSocket:
        parameter = socket.parameter
        value = number - 1 if socket.identifier == self._repeat.number_input else None
        return InputSocket(Parameter(parameter.identifier, parameter.label, parameter.type, is_optional=True), value)

    def _copy(self, node: GraphNode, number: int) -> GraphNode:
        """A node of the group in one pass."""
        name = f"{self._pass_path(number).name}{node.name.removeprefix(self._node.name)}"
        return replace(node, id=self._moved_id(node.id, number), name=name)

    def _moved_id(self, node_id: str, number: int) -> str:
        """The id of a node of the group, or of the group itself, in one pass."""
        return f"{self._pass_path(number).id}{node_id.removeprefix(self._node.id)}"

    def _is_within(self, link: GraphLink, inner: set[str]) -> bool:
        """Whether a link is in the group."""
        if link.from_node in inner or link.to_node in inner:
            return True
        return link.from_node == link.to_node == self._node.id and link.from_socket in self._inputs

    def _moved(self, link: GraphLink, number: int) -> GraphLink:
        source, target = self._moved_id(link.from_node, number), self._moved_id(link.to_node, number)
        return GraphLink(source, link.from_socket, target, link.to_socket)

    def _between(self) -> Iterator[GraphLink]:
        """The links into the passes."""
        for number in range(1, self._num_passes + 1):
            target = self._pass_path(number).id
            for identifier in self._inputs:
                if identifier == self._repeat.number_input:
                    continue
                if number > 1 and identifier in self._states:
                    before = self._pass_path(number - 1).id
                    yield GraphLink(before, self._states[identifier], target, identifier)
                else:
                    yield GraphLink(self._node.id, identifier, target, identifier)

    # What comes out

    @property
    def _may_stop(self) -> bool:
        return self._num_passes > 1 and (bool(self._repeat.stop_output) or self._is_counted)

    def _switch_id(self, number: int, output: str) -> str:
        return self._path.into(f"{pass_id(number)} {output}", "").id

    def _outwards(self) -> Iterator[GraphLink]:
        """The links out of the passes, through the switches if there are any."""
        own = self._node.id
        for socket in self._node.outputs:
            output = socket.identifier
            if not self._may_stop:
                yield GraphLink(self._pass_path(self._num_passes).id, output, own, output)
                continue
            yield GraphLink(self._switch_id(1, output), "output", own, output)
            for number in range(1, self._num_passes):
                switch = self._switch_id(number, output)
                yield GraphLink(self._pass_path(number).id, output, switch, "yes")
                yield self._stop_link(number, switch)
                if number == self._num_passes - 1:
                    yield GraphLink(self._pass_path(number + 1).id, output, switch, "no")
                else:
                    yield GraphLink(self._switch_id(number + 1, output), "output", switch, "no")
        if self._may_stop:
            yield from self._gate_links()

    def _stop_link(self, number: int, switch: str) -> GraphLink:
        """The link that says whether a pass is the last one."""
        if self._is_counted:
            return GraphLink(self._switch_id(number, ""), "output", switch, "stop")
        return GraphLink(self._pass_path(number).id, self._repeat.stop_output, switch, "stop")

    def _gate_links(self) -> Iterator[GraphLink]:
        for number in range(1, self._num_passes):
            if self._is_counted:
                yield GraphLink(self._node.id, self._count_input, self._switch_id(number, ""), "count")
            yield self._stop_link(number, self._gate_id(number))

    def _gate_id(self, number: int) -> str:
        return self._switch_id(number, "gate")

    def _switches(self) -> Iterator[GraphNode]:
        if not self._may_stop:
            return
        stop = InputSocket(Parameter("stop", "Stop", _BOOLEAN))
        for number in range(1, self._num_passes):
            for socket in self._node.outputs:
                lists = ("no", "yes")
                inputs = (stop, *(InputSocket(Parameter(each, socket.label, socket.type)) for each in lists))
                operation = ListOperation(ListAction.SWITCH, lists, ("stop",), choices=(False, True))
                yield self._list_node(self._switch_id(number, socket.identifier), inputs, operation)
            constants = tuple(InputSocket(Parameter(each, each, _BOOLEAN), each == "yes") for each in ("no", "yes"))
            operation = ListOperation(ListAction.SWITCH, ("no", "yes"), ("stop",), choices=(False, True))
            gate = self._list_node(self._gate_id(number), (stop, *constants), operation)
            self._gates[self._pass_path(number + 1).id] = gate.id
            yield gate
            if self._is_counted:
                yield self._reached(number)

    def _reached(self, number: int) -> GraphNode:
        """A switch that tells whether the number that is linked to the group is reached with a pass."""
        choices = tuple(range(1, self._num_passes + 1))
        lists = tuple(str(choice) for choice in choices)
        inputs = (InputSocket(Parameter(name, name, _BOOLEAN), int(name) <= number) for name in lists)
        count = InputSocket(Parameter("count", "Iterations", SocketType("INT")))
        operation = ListOperation(ListAction.SWITCH, lists, ("count",), choices=choices)
        return self._list_node(self._switch_id(number, ""), (count, *inputs), operation)

    def _list_node(self, node_id: str, inputs: tuple[InputSocket, ...], operation: ListOperation) -> GraphNode:
        output = OutputSocket("output", "Output", inputs[-1].parameter.type)
        return GraphNode(node_id, self._node.name, NodeKind.LIST, inputs, (output,), operation=operation)
