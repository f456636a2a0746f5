# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells listeners that a tree has changed: nodes, links, values, or settings that decide what would run."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import Any

import bpy

#: Called with the tree, often and in the middle of a change: it should only note the change, and do its work later.
Listener = Callable[[bpy.types.NodeTree], None]
_listeners: list[Listener] = []


#: Gives the trees that use a tree as a group: what changes in it changes them.
Users = Callable[[bpy.types.NodeTree], Iterable[bpy.types.NodeTree]]
_users: list[Users] = []


class Part(enum.Enum):
    """What of a tree was changed, where that is not one node of ours."""

    ANY = "any"
    LISTS = "lists"  # an item of a list that a socket holds: it knows its tree, and not its socket
    LINKS = "links"  # nodes or links were added or removed, or nodes renamed or muted


#: Called with a tree and the id of the node that was changed in it, or what else was. Values that we set ourselves,
#: without telling that the tree has changed, are told of, too.
PartListener = Callable[[bpy.types.NodeTree, str | Part], None]
_part_listeners: list[PartListener] = []


def set_users(users: Users | None) -> None:
    _users[:] = [] if users is None else [users]


def listen(listener: Listener) -> None:
    _listeners.append(listener)


def stop_listening(listener: Listener) -> None:
    _listeners.remove(listener)


def listen_to_parts(listener: PartListener) -> None:
    _part_listeners.append(listener)


def stop_listening_to_parts(listener: PartListener) -> None:
    _part_listeners.remove(listener)


def tell(tree: bpy.types.NodeTree, part: str | Part = Part.ANY) -> None:
    """Tell that a tree has changed: the node with this id, or what else."""
    _tell_part(tree, part)
    for changed in (tree, *(user for users in _users for user in users(tree))):
        for listener in _listeners:
            listener(changed)


def property_changed(owner: Any, _context: bpy.types.Context | None) -> None:
    """For `update` of a property of a node, a socket or an item of a list."""
    tell(owner.id_data, _part_of(owner))


def touch(owner: Any) -> None:
    """A value was set for which Blender calls no `update`. Only those who listen to parts hear of it."""
    _tell_part(owner.id_data, _part_of(owner))


def touch_links(tree: bpy.types.NodeTree) -> None:
    """Sockets of a tree were added, removed or put aside. Only those who listen to parts hear of it."""
    _tell_part(tree, Part.LINKS)


def _tell_part(tree: bpy.types.NodeTree, part: str | Part) -> None:
    for listener in _part_listeners:
        listener(tree, part)


def _part_of(owner: Any) -> str | Part:
    """The id of the node that it belongs to, if that is known."""
    if isinstance(owner, bpy.types.PropertyGroup):
        return Part.LISTS
    node = owner.node if isinstance(owner, bpy.types.NodeSocket) else owner
    return getattr(node, "uid", "") or Part.ANY
