# SPDX-License-Identifier: GPL-3.0-or-later
"""Links that are to be there again once their sockets were made anew: in their order, and muted if they were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import bpy

from .transplant import ordered_links


class Ends(NamedTuple):
    """A link by the names of nodes and the identifiers of sockets."""

    from_node: str
    from_socket: str
    to_node: str
    to_socket: str
    is_muted: bool


def of(node: bpy.types.Node) -> list[Ends]:
    """The links of a node, and all that lead into the inputs that it shares with other nodes: they have an order."""
    links = ordered_links(node.id_data)
    shared = [link.to_socket for link in links if link.from_node == node and link.to_socket.is_multi_input]
    return [
        Ends(
            link.from_node.name,
            link.from_socket.identifier,
            link.to_node.name,
            link.to_socket.identifier,
            link.is_muted,
        )
        for link in links
        if node in (link.from_node, link.to_node) or link.to_socket in shared
    ]


def renamed(links: Iterable[Ends], name: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> list[Ends]:
    """The same links, if sockets of the node of that name have new identifiers."""
    return [
        each._replace(
            from_socket=outputs.get(each.from_socket, each.from_socket) if each.from_node == name else each.from_socket,
            to_socket=inputs.get(each.to_socket, each.to_socket) if each.to_node == name else each.to_socket,
        )
        for each in links
    ]


def restore(tree: bpy.types.NodeTree, links: Iterable[Ends]) -> None:
    """Make them again, as far as there are sockets at both ends."""
    wanted: dict[tuple[str, str], list[Ends]] = {}
    for each in links:
        wanted.setdefault((each.to_node, each.to_socket), []).append(each)
    for into_one in wanted.values():
        _restore_into(tree, into_one)


def _restore_into(tree: bpy.types.NodeTree, wanted: list[Ends]) -> None:
    """Let just these links lead into an input."""
    target = _socket(tree, wanted[0].to_node, wanted[0].to_socket, is_output=False)
    found = [(_socket(tree, each.from_node, each.from_socket, is_output=True), each.is_muted) for each in wanted]
    sources = [(source, is_muted) for source, is_muted in found if source is not None]
    if target is None or not sources:
        return
    if not target.is_multi_input:
        del sources[1:]
    there = [link for link in ordered_links(tree) if link.to_socket == target]
    if [link.from_socket for link in there] == [source for source, _is_muted in sources]:
        return
    for link in there:
        tree.links.remove(link)
    for source, is_muted in sources:
        tree.links.new(target, source).is_muted = is_muted


def _socket(tree: bpy.types.NodeTree, name: str, identifier: str, *, is_output: bool) -> bpy.types.NodeSocket | None:
    node = tree.nodes.get(name)
    sockets = () if node is None else node.outputs if is_output else node.inputs
    return next((socket for socket in sockets if socket.identifier == identifier), None)
