# SPDX-License-Identifier: GPL-3.0-or-later
"""Links that are to be there again once their sockets were made anew: in their order, and muted if they were."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import bpy

from .transplant import ordered_links

_REROUTE = "NodeReroute"


class Ends(NamedTuple):
    """A link by the names of nodes and the identifiers of sockets."""

    from_node: str
    from_socket: str
    to_node: str
    to_socket: str
    is_muted: bool

    @classmethod
    def of(cls, link: bpy.types.NodeLink) -> Ends:
        source, target = link.from_socket.identifier, link.to_socket.identifier
        return cls(link.from_node.name, source, link.to_node.name, target, link.is_muted)


class Noted:
    """The links of a tree, noted once for many nodes whose sockets are made anew."""

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        self._tree = tree
        self._nodes = {node.name: node for node in tree.nodes}
        self._into = _by_target(map(Ends.of, ordered_links(tree)))
        self._changed: set[str] = set()

    def sources(self, socket: bpy.types.NodeSocket) -> Iterator[bpy.types.NodeSocket]:
        """The sockets that links into one that are not muted come from, through reroutes, as they are now."""
        for ends in self._into.get((socket.node.name, socket.identifier), ()):
            source = None if ends.is_muted else self._source(ends)
            found = None if source is None else _find(self._nodes[source.from_node].outputs, source.from_socket)
            if found is not None:
                yield found

    def after_sources(self, nodes: Iterable[bpy.types.Node]) -> list[bpy.types.Node]:
        """These nodes, each after those of them that it is linked to, unless they are in a circle."""
        wanted = {node.name: node for node in nodes}
        found: dict[str, bpy.types.Node] = {}
        seen: set[str] = set()
        before: dict[str, list[str]] = {}
        for (target, _socket), links in self._into.items():
            if target in wanted:
                sources = (self._source(ends) for ends in links)
                before.setdefault(target, []).extend(each.from_node for each in sources if each is not None)
        for name in wanted:
            waiting = [(name, False)]
            while waiting:
                here, are_sources_found = waiting.pop()
                if are_sources_found:
                    found[here] = wanted[here]
                elif here in wanted and here not in seen:
                    seen.add(here)
                    waiting.append((here, True))
                    waiting += [(source, False) for source in before.get(here, ())]
        return list(found.values())

    def note_changed(self, node: bpy.types.Node) -> None:
        """Sockets of a node are about to be made anew."""
        self._changed.add(node.name)

    def restore(self) -> None:
        """Make the links of these nodes again, as far as there are sockets at both ends."""
        if self._changed:
            affected = {
                name: links
                for name, links in self._into.items()
                if name[0] in self._changed or any(ends.from_node in self._changed for ends in links)
            }
            _restore_into(self._tree, self._nodes, affected)

    def _source(self, ends: Ends) -> Ends | None:
        """The link that comes from a node that is no reroute; None if nothing feeds those."""
        seen = set()
        while (node := self._nodes[ends.from_node]).bl_idname == _REROUTE:
            into = self._into.get((node.name, node.inputs[0].identifier))
            if into is None or node.name in seen:
                return None
            seen.add(node.name)
            ends = into[0]
        return ends


#: By the uids of trees, see `noted`.
_noted: dict[int, Noted] = {}


@contextlib.contextmanager
def noted(tree: bpy.types.NodeTree) -> Iterator[Noted]:
    """Within the block, nodes of a tree whose sockets are made anew lose their links, which are restored at its end."""
    if (outer := noted_of(tree)) is not None:
        yield outer
        return
    links = _noted[tree.session_uid] = Noted(tree)
    try:
        yield links
    finally:
        del _noted[tree.session_uid]
        links.restore()


def noted_of(tree: bpy.types.NodeTree) -> Noted | None:
    """The links of a tree, within `noted`."""
    return _noted.get(tree.session_uid) if _noted else None


def of(node: bpy.types.Node) -> list[Ends]:
    """The links of a node, and all that lead into the inputs that it shares with other nodes: they have an order.

    Within `noted`, none: they are restored at its end.
    """
    if (known := noted_of(node.id_data)) is not None:
        known.note_changed(node)
        return []
    links = ordered_links(node.id_data)
    shared = [link.to_socket for link in links if link.from_node == node and link.to_socket.is_multi_input]
    return [Ends.of(link) for link in links if node in (link.from_node, link.to_node) or link.to_socket in shared]


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
    wanted = _by_target(links)
    if wanted:
        _restore_into(tree, {node.name: node for node in tree.nodes}, wanted)


#: Links by what they lead to: the name of a node and the identifier of a socket.
_ByTarget = dict[tuple[str, str], list[Ends]]


def _by_target(links: Iterable[Ends]) -> _ByTarget:
    found: _ByTarget = {}
    for each in links:
        found.setdefault((each.to_node, each.to_socket), []).append(each)
    return found


def _restore_into(tree: bpy.types.NodeTree, nodes: Mapping[str, bpy.types.Node], wanted: _ByTarget) -> None:
    """Let just these links lead into each of these inputs."""
    there: dict[tuple[str, str], list[bpy.types.NodeLink]] = {}
    for link in ordered_links(tree):
        if (name := (link.to_node.name, link.to_socket.identifier)) in wanted:
            there.setdefault(name, []).append(link)
    missing: list[tuple[bpy.types.NodeSocket, bpy.types.NodeSocket, bool]] = []
    wrong: list[bpy.types.NodeLink] = []
    for (node, identifier), links in wanted.items():
        target = _find(nodes[node].inputs, identifier) if node in nodes else None
        found = [
            (_find(nodes[each.from_node].outputs, each.from_socket), each.is_muted)
            for each in links
            if each.from_node in nodes
        ]
        sources = [(source, is_muted) for source, is_muted in found if source is not None]
        if target is None or not sources:
            continue
        if not target.is_multi_input:
            del sources[1:]
        here = there.get((node, identifier), [])
        if [link.from_socket for link in here] != [source for source, _is_muted in sources]:
            wrong += here
            missing += [(target, source, is_muted) for source, is_muted in sources]
    for link in wrong:
        tree.links.remove(link)
    for target, source, is_muted in missing:
        tree.links.new(target, source).is_muted = is_muted


def _find(sockets: Iterable[bpy.types.NodeSocket], identifier: str) -> bpy.types.NodeSocket | None:
    return next((socket for socket in sockets if socket.identifier == identifier), None)
