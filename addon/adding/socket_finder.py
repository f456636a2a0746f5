# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the socket under the mouse. Blender has no API for that, and only Blender knows where it drew each socket.

*Select* flips the selection of the socket it finds. It is called twice, and the changed selection in between tells the
socket.
"""

from __future__ import annotations

import bpy

from ..editor.active import edited_tree

#: Whether this Blender tells which sockets are selected: 4.5 and later do.
IS_POSSIBLE = "select" in bpy.types.NodeSocket.bl_rna.properties


def socket_at(context: bpy.types.Context, x: int, y: int) -> bpy.types.NodeSocket | None:
    """The socket at a place of the region, in pixels; None if there is none, or if Blender does not tell."""
    if not IS_POSSIBLE or context.region is None or context.region.type != "WINDOW":
        return None
    nodes = edited_tree(context).nodes
    active, selected = nodes.active, {node.name for node in context.selected_nodes}
    if not _flip(x, y):
        return None
    node = nodes.active  # the one that was found
    sockets = [*node.inputs, *node.outputs]
    flipped = [socket.select for socket in sockets]
    _flip(x, y)
    found = [socket for socket, was in zip(sockets, flipped, strict=True) if socket.select != was]
    nodes.active = active
    node.select = node.name in selected
    return found[0] if found else None


def _flip(x: int, y: int) -> bool:
    """Flip the selection of the socket, or else of the node, at a place. Returns whether there is one."""
    return "FINISHED" in bpy.ops.node.select(location=(x, y), toggle=True, socket_select=True)
