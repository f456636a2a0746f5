# SPDX-License-Identifier: GPL-3.0-or-later
"""How the nodes of a graph are linked: what a node depends on, in which order, and where the links form circles.

Nothing here is recursive: a chain may be ten thousand nodes long.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ..script.socket_types import conversion
from .graph import Graph, GraphLink, GraphNode, InputSocket, NodeKind, OutputSocket
from .lists import ListAction
from .node_path import is_inside

#: The most circles that are collected: nobody reads more, and a graph may have very many.
_MAX_CYCLES: Final = 100


class Point(NamedTuple):
    """A step of the search: a whole node, or one of its sockets.

    Each output of a muted node passes on another input. What arrives at the inputs of a group node goes into the group,
    and what arrives at its outputs comes out.
    """

    node: str
    socket: str = ""


@dataclass(slots=True)
class Search:
    """All that some points depend on.

    Attributes:
        order: the points themselves and those they depend on, each after those it depends on.
        cycles: circles, each in the direction of the data.
        closing: the links that close them; without these there is no circle.
    """

    order: list[Point] = field(default_factory=list)
    cycles: list[list[Point]] = field(default_factory=list)
    closing: set[GraphLink] = field(default_factory=set)


class Wiring:
    """The graph's nodes, sockets and links in tables, for look-ups. Node ids must be unique."""

    def __init__(self, graph: Graph) -> None:
        self.nodes = {node.id: node for node in graph.nodes}
        self.index = {node.id: index for index, node in enumerate(graph.nodes)}
        self.inputs: dict[tuple[str, str], InputSocket] = {
            (node.id, socket.identifier): socket for node in graph.nodes for socket in node.inputs
        }
        self.outputs: dict[tuple[str, str], OutputSocket] = {
            (node.id, socket.identifier): socket for node in graph.nodes for socket in node.outputs
        }
        self.links_to_node: dict[str, list[GraphLink]] = defaultdict(list)
        self.links_to_socket: dict[tuple[str, str], list[GraphLink]] = defaultdict(list)
        for link in graph.links:
            self.links_to_node[link.to_node].append(link)
            self.links_to_socket[link.to_node, link.to_socket].append(link)

    def points(self, node: GraphNode) -> Iterator[Point]:
        """The points that stand for a node. Of a group these are also those of the scripts in it."""
        if is_passing(node) and node.kind is not NodeKind.REROUTE:
            yield from (Point(node.id, socket.identifier) for socket in node.outputs)
            return
        yield Point(node.id)
        if node.kind is NodeKind.GROUP:
            yield from (Point(node.id, socket.identifier) for socket in node.outputs)
            inner = (each for each in self.nodes.values() if is_inside(each.id, node.id))
            yield from (Point(each.id) for each in inner if each.kind is NodeKind.SCRIPT and not each.is_muted)

    def source(self, link: GraphLink) -> Point | None:
        """Where a link comes from, None if that is gone."""
        node = self.nodes.get(link.from_node)
        if node is None or node.kind is NodeKind.FRAME:
            return None
        if node.kind is NodeKind.REROUTE:
            return Point(node.id)
        if is_open(node) and (node.id, link.from_socket) in self.inputs:
            return Point(node.id, link.from_socket)
        if (node.id, link.from_socket) not in self.outputs:
            return None
        return Point(node.id, link.from_socket if node.is_muted or node.kind is NodeKind.GROUP else "")

    def links_into(self, point: Point) -> list[GraphLink]:
        """The links that `point` depends on."""
        node = self.nodes[point.node]
        if node.is_muted and node.kind is not NodeKind.REROUTE:
            socket = self.passed_input(point)
            return self.links_to_socket.get((node.id, socket.identifier), []) if socket else []
        if node.kind in (NodeKind.INPUT, NodeKind.FRAME):
            return []
        if node.kind is NodeKind.GROUP:
            return self.links_to_socket.get((node.id, point.socket), [])
        return self.links_to_node.get(node.id, [])

    def passed_input(self, point: Point) -> InputSocket | None:
        """The input a muted node passes on at an output: the first of the same type, else the first that converts.

        Of a list node it is the list that the output is of.
        """
        wanted = self.outputs[point].type
        inputs = self.nodes[point.node].inputs
        operation = self.nodes[point.node].operation
        if operation is not None:
            number = self.nodes[point.node].outputs.index(self.outputs[point])
            has_list = operation.action is not ListAction.COUNT and number < len(operation.lists)
            return self.inputs[point.node, operation.lists[number]] if has_list else None
        same = (socket for socket in inputs if socket.parameter.type == wanted)
        converting = (socket for socket in inputs if conversion(socket.parameter.type, wanted) is not None)
        return next(same, None) or next(converting, None)

    def search(self, roots: Iterable[Point]) -> Search:
        """The roots and all that they depend on, depth first."""
        found = Search()
        done: set[Point] = set()
        for root in roots:
            if root not in done:
                self._search_from(root, found, done)
        return found

    def needs(self, point: Point) -> Iterator[tuple[GraphLink | None, Point | None]]:
        """The points that `point` depends on, each with the link that leads there.

        An output of a group needs all its inputs without a link: they decide whether the group is a loop.
        """
        for link in self.links_into(point):
            yield link, self.source(link)
        node = self.nodes[point.node]
        if is_open(node) and point in self.outputs:
            yield from ((None, Point(node.id, socket.identifier)) for socket in node.inputs)

    def _search_from(self, root: Point, found: Search, done: set[Point]) -> None:
        path: dict[Point, GraphLink | None] = {root: None}  # with the links that led there
        stack = [(root, self.needs(root))]
        while stack:
            point, needs = stack[-1]
            for link, source in needs:
                if source in path:
                    self._close(link or path[point], source, path, found)
                elif source is not None and source not in done:
                    path[source] = link
                    stack.append((source, self.needs(source)))
                    break
            else:
                stack.pop()
                del path[point]
                done.add(point)
                found.order.append(point)

    def _close(self, link: GraphLink | None, source: Point, path: Iterable[Point], found: Search) -> None:
        if link is not None:
            found.closing.add(link)
        if len(found.cycles) < _MAX_CYCLES:
            upstream = list(path)
            cycle = upstream[upstream.index(source) :][::-1]
            first = min(range(len(cycle)), key=lambda place: self.index[cycle[place].node])
            found.cycles.append(cycle[first:] + cycle[:first])


def is_passing(node: GraphNode) -> bool:
    """Whether a node only passes its inputs on, as they are."""
    return node.kind is NodeKind.REROUTE or node.is_muted


def is_open(node: GraphNode) -> bool:
    """Whether a node is a group that is carried out, so that what arrives at its inputs goes into it."""
    return node.kind is NodeKind.GROUP and not node.is_muted
