# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies nodes from one tree into another, as they are: values, links between them, frames, names where these are free.

Blender does that by its clipboard only, which holds what the artist copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import bpy

from .node_contents import OF_FRAMES, OF_NODES, OF_SOCKETS, PRESET_NOTE, SHOWN_OF_SOCKETS, properties
from .node_shape import location


class TransplantError(Exception):
    """Nodes can't be copied. The text says why, and is for the artist."""


def copy_nodes(nodes: Iterable[bpy.types.Node], target: bpy.types.NodeTree) -> dict[str, bpy.types.Node]:
    """Copy nodes of a tree, with the links between them. Returns the new ones, by the names of the old ones.

    Raises:
        TransplantError: if a node is of a type that is not there, or its group would be in itself. Nothing is copied.
    """
    nodes = list(nodes)
    for node in nodes:
        _check(node, target)
    by_name: dict[str, bpy.types.Node] = {}
    for node in sorted(nodes, key=_depth):  # frames before what is in them
        by_name[node.name] = _copy(node, target, by_name)
    for link in ordered_links(nodes[0].id_data) if nodes else ():
        ends = by_name.get(link.from_node.name), by_name.get(link.to_node.name)
        if all(ends):
            source, socket = twin(link.from_socket, ends[0]), twin(link.to_socket, ends[1])
            if source is not None and socket is not None:
                target.links.new(socket, source).is_muted = link.is_muted
    return by_name


def ordered_links(tree: bpy.types.NodeTree) -> list[bpy.types.NodeLink]:
    """The links of a tree; those into one input are in its order."""
    return sorted(tree.links, key=lambda link: link.multi_input_sort_id)


def twin(socket: bpy.types.NodeSocket, node: bpy.types.Node) -> bpy.types.NodeSocket | None:
    """The socket of a copy."""
    sockets = node.outputs if socket.is_output else node.inputs
    return next((each for each in sockets if each.identifier == socket.identifier), None)


def _check(node: bpy.types.Node, target: bpy.types.NodeTree) -> None:
    if bpy.types.Node.bl_rna_get_subclass(node.bl_idname) is None:
        raise TransplantError(f'"{node.name}" is of a type that is not there: enable its add-on first')
    if hasattr(node, "poll_instance") and not node.poll_instance(target):
        raise TransplantError(f'"{node.name}" would be in itself')


def _depth(node: bpy.types.Node) -> int:
    depth = 0
    while node.parent is not None:
        node, depth = node.parent, depth + 1
    return depth


def _copy(node: bpy.types.Node, target: bpy.types.NodeTree, by_name: dict[str, bpy.types.Node]) -> bpy.types.Node:
    new = target.nodes.new(node.bl_idname)
    new.location = location(node)
    if hasattr(node, "socket_idname"):
        new.socket_idname = node.socket_idname
    if hasattr(node, "node_tree"):
        new.node_tree = node.node_tree
    _copy_properties(node, new)
    if PRESET_NOTE in node:
        new[PRESET_NOTE] = node[PRESET_NOTE]
    if hasattr(node, "uid"):
        _copy_sockets(node.inputs, new.inputs)
        _copy_sockets(node.outputs, new.outputs)
    of_frames = (*OF_FRAMES, "height") if node.bl_idname == "NodeFrame" else ()
    for name in ("name", "width", *OF_NODES, *of_frames):
        if hasattr(node, name):
            setattr(new, name, getattr(node, name))
    if node.parent is not None and node.parent.name in by_name:
        new.parent = by_name[node.parent.name]  # keeps its place
    return new


def _copy_sockets(old: Any, new: Any) -> None:
    """Give a node the sockets of another one. Those of group nodes are there already, and only Blender makes them."""
    if [(each.identifier, each.bl_idname) for each in old] != [(each.identifier, each.bl_idname) for each in new]:
        new.clear()
        for socket in old:
            options = {"use_multi_input": True} if socket.is_multi_input else {}
            new.new(socket.bl_idname, socket.name, identifier=socket.identifier, **options)
    for socket, other in zip(old, new, strict=True):
        if other.name != socket.name:
            other.name = socket.name
        for name in (*OF_SOCKETS, *SHOWN_OF_SOCKETS):
            if hasattr(socket, name) and getattr(other, name) != getattr(socket, name):
                setattr(other, name, getattr(socket, name))
        _copy_properties(socket, other)


def _copy_properties(old: Any, new: Any) -> None:
    """Copy what an add-on has added to a type of Blender, as far as it is set."""
    names, collections = properties(type(old))
    for name in names:
        if old.is_property_set(name):
            setattr(new, name, getattr(old, name))
        elif new.is_property_set(name):
            new.property_unset(name)
    for name in collections:
        items = getattr(new, name)
        items.clear()
        for item in getattr(old, name):
            _copy_properties(item, items.add())


def bounds(nodes: Iterable[bpy.types.Node]) -> tuple[float, float, float, float]:
    """Left, right, lower and upper end of what nodes cover."""
    places = [(*location(node), node.width) for node in nodes if node.bl_idname != "NodeFrame"]
    if not places:
        return 0.0, 0.0, 0.0, 0.0
    xs, ends, ys = [x for x, _, _ in places], [x + width for x, _, width in places], [y for _, y, _ in places]
    return min(xs), max(ends), min(ys), max(ys)


def roots(nodes: Iterable[bpy.types.Node]) -> Iterator[bpy.types.Node]:
    """Those that are in no frame: moving them moves all."""
    return (node for node in nodes if node.parent is None)
