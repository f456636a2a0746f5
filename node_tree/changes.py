# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells listeners that a tree has changed: nodes, links, values, or settings that decide what would run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import bpy

#: Called with the tree, often and in the middle of a change: it should only note the change, and do its work later.
Listener = Callable[[bpy.types.NodeTree], None]
_listeners: list[Listener] = []


#: Gives the trees that use a tree as a group: what changes in it changes them.
Users = Callable[[bpy.types.NodeTree], Iterable[bpy.types.NodeTree]]
_users: list[Users] = []


def set_users(users: Users | None) -> None:
    _users[:] = [] if users is None else [users]


def listen(listener: Listener) -> None:
    _listeners.append(listener)


def stop_listening(listener: Listener) -> None:
    _listeners.remove(listener)


def tell(tree: bpy.types.NodeTree) -> None:
    for changed in (tree, *(user for users in _users for user in users(tree))):
        for listener in _listeners:
            listener(changed)


def property_changed(owner: Any, _context: bpy.types.Context | None) -> None:
    """For `update` of a property of a node, a socket or an item of a list."""
    tell(owner.id_data)
