# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells listeners that a tree has changed: nodes, links, values, or settings that decide what would run.

A tree has changed, too, if a group in it has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

#: Called with the tree, often and in the middle of a change: it should only note the change, and do its work later.
Listener = Callable[[bpy.types.NodeTree], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    _listeners.append(listener)


def stop_listening(listener: Listener) -> None:
    _listeners.remove(listener)


def tell(tree: bpy.types.NodeTree) -> None:
    for changed in _with_users(tree):
        for listener in _listeners:
            listener(changed)


def _with_users(tree: bpy.types.NodeTree) -> list[bpy.types.NodeTree]:
    """A tree, and all trees that it is a group in, at any depth."""
    found = [tree]
    others = [other for other in bpy.data.node_groups if other.bl_idname == tree.bl_idname and other != tree]
    for group in found:  # which grows meanwhile
        users = [other for other in others if any(getattr(node, "node_tree", None) == group for node in other.nodes)]
        found += users
        others = [other for other in others if other not in users]
    return found


def property_changed(owner: Any, _context: bpy.types.Context | None) -> None:
    """For `update` of a property of a node, a socket or an item of a list."""
    tell(owner.id_data)
