# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the nodes of all groups into one graph, once for each use of a group: by the paths that lead to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import bpy

from ..runtime.errors import Problem
from ..runtime.planning.graph import GraphLink, GraphNode, NodeKind, OutputSocket
from ..runtime.planning.node_path import NodePath
from ..runtime.script.socket_types import Value
from . import group_interface
from .group_node import ENDS, GROUP_INPUT, active_output, follow_inside, has_group

#: What a socket that is not linked holds.
ReadValue = Callable[[bpy.types.NodeSocket, bpy.types.Node, list[Problem]], Value]
#: The default of an input of a group, which the Group Input gives.
ReadDefault = Callable[[bpy.types.NodeTreeInterfaceSocket, bpy.types.Node, list[Problem]], Value]

#: Stands for the group itself, where its links begin and end.
_GROUP: Final = ""


class Reading:
    """How nodes and links are copied; ids and names are those in their tree."""

    def __init__(self, read_node: Callable[[bpy.types.Node], GraphNode]) -> None:
        self._read_node = read_node

    def node(self, node: bpy.types.Node) -> GraphNode:
        """A node of a tree."""
        return self._read_node(node)

    def links(self, tree: bpy.types.NodeTree, ids: Mapping[str, str]) -> Iterable[GraphLink]:
        """The links of a tree, by the ids that the names of its nodes stand for."""
        return _read_links(tree, ids)

    def placed(self, node: GraphNode, path: NodePath) -> GraphNode:
        """A node of a group as the tree with the group node, which has this path, sees it."""
        return _placed(node, path)

    def end(self) -> None:
        """All is read, or nothing more can be."""


@dataclass(slots=True)
class Contents:
    """What is in a tree, by ids and names that begin there.

    `values` are set on its Group Output, by identifier; `problems` are those of these values.
    """

    nodes: list[GraphNode] = field(default_factory=list)
    links: list[GraphLink] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


class Flattening:
    """Copies trees, each once, though it may be used many times."""

    def __init__(self, reading: Reading, read_value: ReadValue, read_default: ReadDefault) -> None:
        self._reading = reading
        self._read_value = read_value
        self._read_default = read_default
        self._groups: dict[bpy.types.NodeTree, Contents] = {}
        self._open: list[bpy.types.NodeTree] = []

    def read(self, tree: bpy.types.NodeTree) -> Contents:
        """What is in an outer tree. Its Group Input, if it has one, gives the defaults; its Group Output takes all."""
        contents = self._contents(tree)
        ends = [self._read_group_input(node, tree) for node in tree.nodes if node.bl_idname == GROUP_INPUT]
        links = [link for link in contents.links if link.to_node != _GROUP]
        if ends:
            contents.nodes.extend(ends[:1])
            links = [
                dataclasses.replace(link, from_node=ends[0].id) if link.from_node == _GROUP else link for link in links
            ]
        contents.links = links
        return contents

    def _contents(self, tree: bpy.types.NodeTree) -> Contents:
        self._open.append(tree)
        contents, ids = Contents(), {}
        output = active_output(tree)
        for node in tree.nodes:
            if node.bl_idname == GROUP_INPUT or node == output:
                ids[node.name] = _GROUP
            elif node.bl_idname not in ENDS:
                for copied in self._copies(node, contents):
                    ids.setdefault(node.name, copied.id)
                    contents.nodes.append(copied)
        contents.links.extend(self._reading.links(tree, ids))
        if output is not None:
            linked = {link.to_socket for link in contents.links if not link.to_node}
            contents.values.update(self._values(output, linked, contents.problems))
        self._open.pop()
        return contents

    def _copies(self, node: bpy.types.Node, contents: Contents) -> Iterator[GraphNode]:
        """A node, and what is in it if it stands for a group."""
        copied = self._reading.node(node)
        if copied.kind is not NodeKind.GROUP or copied.is_muted or not has_group(node):
            yield copied
            return
        if node.node_tree in self._open:
            message = f'"{node.node_tree.name}" is in itself'
            problem = Problem(node.name, "", message, "Choose another group, or delete the node", node.uid)
            yield dataclasses.replace(copied, problems=(*copied.problems, problem))
            return
        inside = self._group(node.node_tree)
        outputs = (dataclasses.replace(each, value=inside.values.get(each.identifier)) for each in copied.outputs)
        path = NodePath((copied.id,), (copied.name,))
        problems = (*copied.problems, *_placed_problems(inside.problems, path))
        yield dataclasses.replace(copied, outputs=tuple(outputs), problems=problems)
        yield from (self._reading.placed(each, path) for each in inside.nodes)
        contents.links.extend(_placed_link(link, path) for link in inside.links)

    def _group(self, tree: bpy.types.NodeTree) -> Contents:
        if tree not in self._groups:
            contents = self._contents(tree)
            contents.nodes = list(map(_with_problem_inside, contents.nodes))
            self._groups[tree] = contents
        return self._groups[tree]

    def _values(self, output: bpy.types.Node, linked: set[str], problems: list[Problem]) -> Iterator[tuple[str, Value]]:
        for socket in output.inputs:
            if hasattr(socket, "socket_type") and socket.identifier not in linked:
                yield socket.identifier, self._read_value(socket, output, problems)

    def _read_group_input(self, node: bpy.types.Node, tree: bpy.types.NodeTree) -> GraphNode:
        """The Group Input of a tree that is run by itself: an Input node that gives the defaults."""
        follow_inside(tree)
        problems: list[Problem] = []
        outputs = tuple(
            OutputSocket(item.identifier, item.name, item.value_type, self._read_default(item, node, problems))
            for item in group_interface.items(tree, "INPUT")
        )
        return GraphNode(node.name, node.name, NodeKind.INPUT, outputs=outputs, problems=tuple(problems))


def _read_links(tree: bpy.types.NodeTree, ids: Mapping[str, str]) -> Iterator[GraphLink]:
    # The links of one multi-input are in the order in which they were made; `tree.links` may have any.
    for link in sorted(tree.links, key=lambda link: link.multi_input_sort_id):
        if link.from_node.name not in ids or link.to_node.name not in ids:
            continue  # a Group Output that does not count
        # What is linked to a socket that was put aside (see `base.sync_sockets`) waits until it is back.
        if not link.is_muted and link.to_socket.enabled:
            is_gone = not link.from_socket.enabled
            yield GraphLink(
                ids[link.from_node.name],
                link.from_socket.name if is_gone else link.from_socket.identifier,
                ids[link.to_node.name],
                link.to_socket.identifier,
            )


def _with_problem_inside(node: GraphNode) -> GraphNode:
    """A node of a group; an Output node there is a problem."""
    if node.kind is not NodeKind.OUTPUT or node.is_muted or "/" in node.id:
        return node
    fix = "Link its data to the Group Output, and add the Output node where the group is used"
    problem = Problem(node.name, "", "results come home from the outer tree only", fix, node.id)
    return dataclasses.replace(node, problems=(*node.problems, problem))


def _placed(node: GraphNode, path: NodePath) -> GraphNode:
    """A node of a group as the tree with the group node sees it."""
    place = path.into(node.id, node.name)
    problems = _placed_problems(node.problems, path)
    return dataclasses.replace(node, id=place.id, name=place.name, problems=tuple(problems))


def _placed_problems(problems: Iterable[Problem], path: NodePath) -> Iterator[Problem]:
    for each in problems:
        name = path.into("", each.node).name if each.node else ""
        yield dataclasses.replace(each, node=name, node_id=path.into(each.node_id, "").id if each.node_id else "")


def _placed_link(link: GraphLink, path: NodePath) -> GraphLink:
    return GraphLink(
        path.into(link.from_node, "").id if link.from_node else path.id,
        link.from_socket,
        path.into(link.to_node, "").id if link.to_node else path.id,
        link.to_socket,
    )
