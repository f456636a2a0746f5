# SPDX-License-Identifier: GPL-3.0-or-later
"""A link dragged into the void: the search of nodes that fit.

Blender does that for its own node trees only. Its *Link Nodes* does the dragging here, too:

    drag --> link_drag: is there a socket? --> link_watch waits behind NODE_OT_link, which has the events first
                                                    |
    mouse released: NODE_OT_link is over -----> nothing linked, and not at a node? --> node_search
"""

from __future__ import annotations

from typing import Any

import bpy

from . import keymaps
from .active import active_tree
from .node_add import AddOperator
from .socket_finder import IS_POSSIBLE, socket_at

#: Seconds between two looks whether the drag is over.
_INTERVAL = 0.02
#: Where a drag that ends is still at a node: a socket's reach, in pixels of a screen of normal resolution.
_MARGIN = 15.0


class BACKGROUND_NODES_OT_link_drag(AddOperator, bpy.types.Operator):
    """Search for a node when a link is dropped where nothing is"""

    bl_idname = "background_nodes.link_drag"
    bl_label = "Search on Link Drag"
    bl_options = {"INTERNAL"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        region = context.region
        socket = socket_at(context, event.mouse_prev_press_x - region.x, event.mouse_prev_press_y - region.y)
        if socket is not None:
            bpy.ops.background_nodes.link_watch(
                "INVOKE_DEFAULT",
                node_name=socket.node.name,
                socket_identifier=socket.identifier,
                is_output=socket.is_output,
            )
        return {"CANCELLED", "PASS_THROUGH"}


class BACKGROUND_NODES_OT_link_watch(bpy.types.Operator):
    """Wait for the end of a dragged link"""

    bl_idname = "background_nodes.link_watch"
    bl_label = "Watch Link Drag"
    bl_options = {"INTERNAL"}

    node_name: bpy.props.StringProperty(options={"SKIP_SAVE"})
    socket_identifier: bpy.props.StringProperty(options={"SKIP_SAVE"})
    is_output: bpy.props.BoolProperty(options={"SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        manager = context.window_manager
        self._links = _links(active_tree(context))
        self._last_operator = _last_operator(context)
        self._timer = manager.event_timer_add(_INTERVAL, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if any(operator.bl_idname == "NODE_OT_link" for operator in context.window.modal_operators):
            return {"PASS_THROUGH"}
        self.cancel(context)
        tree = active_tree(context)
        was_dropped = _last_operator(context) != self._last_operator
        if tree is not None and was_dropped and _links(tree) == self._links and not _is_at_node(context, event):
            bpy.ops.background_nodes.node_search(
                "INVOKE_DEFAULT",
                node_name=self.node_name,
                socket_identifier=self.socket_identifier,
                use_inputs=not self.is_output,
            )
        return {"CANCELLED", "PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        context.window_manager.event_timer_remove(self._timer)


def _links(tree: bpy.types.NodeTree) -> set[tuple[int, int]]:
    return {(link.from_socket.as_pointer(), link.to_socket.as_pointer()) for link in tree.links}


def _last_operator(context: bpy.types.Context) -> int:
    """Which operator was finished last. One that was cancelled does not count."""
    operators = context.window_manager.operators
    return operators[-1].as_pointer() if operators else 0


def _is_at_node(context: bpy.types.Context, event: bpy.types.Event) -> bool:
    x, y = context.region.view2d.region_to_view(event.mouse_region_x, event.mouse_region_y)
    scale = context.preferences.system.ui_scale
    margin = _MARGIN * scale
    for node in active_tree(context).nodes:
        left, top = _location(node)
        width, height = node.dimensions
        is_beside = left * scale - margin <= x <= left * scale + width + margin
        if is_beside and top * scale - height - margin <= y <= top * scale + margin and node.bl_idname != "NodeFrame":
            return True
    return False


def _location(node: bpy.types.Node) -> tuple[float, float]:
    """Where the upper left corner of a node is."""
    x, y = node.location
    while node.parent is not None:
        node = node.parent
        x, y = x + node.location.x, y + node.location.y
    return x, y


classes: tuple[Any, ...] = (BACKGROUND_NODES_OT_link_drag, BACKGROUND_NODES_OT_link_watch)


def register() -> None:
    if IS_POSSIBLE:
        keymaps.add(
            "Node Editor", "NODE_EDITOR", BACKGROUND_NODES_OT_link_drag.bl_idname, "LEFTMOUSE", value="CLICK_DRAG"
        )
