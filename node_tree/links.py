# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells where each link comes from, and which links are refused because their types don't fit.

`socket.links` walks through all links of the tree, which is slow. So code that draws asks here: the links of a tree are
walked through once after each change, and the result is cached without references to Blender's data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import bpy

from ..runtime.script.socket_types import SocketType, conversion
from . import changes

_REROUTE = "NodeReroute"


class Origin(NamedTuple):
    """Where a link into an input comes from.

    Attributes:
        node_id: `uid` of the node, through any number of reroutes; "" if it is none of ours, or nothing feeds them.
        identifier: of its output.
        type: of its output, None if it has none.
        is_refused: whether there is no conversion from the output to the input.
    """

    node_id: str
    identifier: str
    type: SocketType | None
    is_refused: bool


def origins(node: bpy.types.Node, identifier: str) -> tuple[Origin, ...]:
    """Where the links into an input of one of our nodes come from. May be asked while Blender draws."""
    return tuple(_found(node.id_data).get(node.uid, {}).get(identifier, ()))


def refused_origins(node: bpy.types.Node) -> list[tuple[str, Origin]]:
    """The inputs of one of our nodes that are given what they can't take. May be asked while Blender draws."""
    into = _found(node.id_data).get(node.uid, {})
    return [(identifier, origin) for identifier, found in into.items() for origin in found if origin.is_refused]


def mark(tree: bpy.types.NodeTree) -> None:
    """Let Blender draw the links red that can't carry what they should."""
    walk = _Walk.of(tree)
    for link in walk.links:
        if _is_refused(walk.source(link), link.to_socket):
            link.is_valid = False


def give_reroutes_types(tree: bpy.types.NodeTree) -> None:
    """Let reroutes have the type, and so the colour, of what is linked to them. In 4.2 they have none."""
    if "socket_idname" not in bpy.types.NodeReroute.bl_rna.properties or not tree.is_editable:
        return
    walk = _Walk.of(tree)
    sources = {name: walk.source(link) for name, link in walk.into_reroutes.items()}
    # An end of a group has a socket for new ones, which is of no type.
    wanted = {name: source.bl_idname for name, source in sources.items() if hasattr(source, "socket_type")}
    for name, idname in wanted.items():
        reroute = tree.nodes[name]
        if reroute.socket_idname != idname:  # else its sockets would be made anew
            reroute.socket_idname = idname


def is_refused(link: bpy.types.NodeLink) -> bool:
    """Whether there is no conversion between the ends of a link. Blender's own `is_valid` knows no type of ours.

    Nothing comes from an output that was put aside (see `base.sync_sockets`) either.
    """
    return _is_refused(source_socket(link), link.to_socket)


def source_socket(link: bpy.types.NodeLink) -> bpy.types.NodeSocket | None:
    """The socket that a link's value comes from, through any number of reroutes; None if nothing feeds them."""
    return _source(link, lambda reroute: next(iter(reroute.inputs[0].links), None))


def forget_links(tree: bpy.types.NodeTree) -> None:
    """The tree, or a type in it, has changed: drop what is cached for it."""
    _kept.pop(tree.session_uid, None)


# One walk


@dataclass(frozen=True, slots=True)
class _Walk:
    links: tuple[bpy.types.NodeLink, ...]
    into_reroutes: dict[str, bpy.types.NodeLink] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: bpy.types.NodeTree) -> _Walk:
        walk = cls(tuple(tree.links))
        for link in walk.links:
            if link.to_node.bl_idname == _REROUTE:
                walk.into_reroutes[link.to_node.name] = link
        return walk

    def source(self, link: bpy.types.NodeLink) -> bpy.types.NodeSocket | None:
        return _source(link, lambda reroute: self.into_reroutes.get(reroute.name))


def _source(
    link: bpy.types.NodeLink, link_into: Callable[[bpy.types.Node], bpy.types.NodeLink | None]
) -> bpy.types.NodeSocket | None:
    seen = set()
    while (node := link.from_node).bl_idname == _REROUTE:
        before = None if node.name in seen else link_into(node)
        if before is None:
            return None
        seen.add(node.name)
        link = before
    return link.from_socket


def _is_refused(source: bpy.types.NodeSocket | None, target: bpy.types.NodeSocket) -> bool:
    if source is not None and not source.enabled:
        return True
    if not (hasattr(source, "socket_type") and hasattr(target, "socket_type")):
        return False
    return conversion(source.socket_type, target.socket_type) is None


# What was found, by the tree's `session_uid`, the `uid` of the node and the identifier of its input

_Found = dict[str, dict[str, list[Origin]]]
_kept: dict[int, _Found] = {}


def _found(tree: bpy.types.NodeTree) -> _Found:
    found = _kept.get(tree.session_uid)
    if found is None:
        found = _kept[tree.session_uid] = {}
        walk = _Walk.of(tree)
        for link in walk.links:
            uid, target = getattr(link.to_node, "uid", ""), link.to_socket
            if uid and target.enabled:
                found.setdefault(uid, {}).setdefault(target.identifier, []).append(_origin(walk.source(link), target))
    return found


def _origin(source: bpy.types.NodeSocket | None, target: bpy.types.NodeSocket) -> Origin:
    if source is None:
        return Origin("", "", None, is_refused=False)
    node_id, socket_type = getattr(source.node, "uid", ""), getattr(source, "socket_type", None)
    return Origin(node_id, source.identifier, socket_type, _is_refused(source, target))


@bpy.app.handlers.persistent
def _forget_all(*_arguments: object) -> None:
    _kept.clear()


_HANDLERS = (bpy.app.handlers.undo_post, bpy.app.handlers.redo_post, bpy.app.handlers.load_post)


def register() -> None:
    changes.listen(forget_links)
    for functions in _HANDLERS:
        functions.append(_forget_all)


def unregister() -> None:
    for functions in _HANDLERS:
        functions.remove(_forget_all)
    changes.stop_listening(forget_links)
    _kept.clear()
