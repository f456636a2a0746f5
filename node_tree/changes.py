# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells listeners that a tree has changed: nodes, links, values, or settings that decide what would run."""

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
    for listener in _listeners:
        listener(tree)


def property_changed(owner: Any, _context: bpy.types.Context | None) -> None:
    """For `update` of a property of a node, a socket or an item of a list."""
    tell(owner.id_data)
