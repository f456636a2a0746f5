# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens a search for nodes that fit when a link is dropped on empty space.

Blender does this for its own node trees only. Its *Link Nodes* does the dragging here, too:

    drag --> link_drag: is there a socket? --> link_watch waits behind NODE_OT_link, which has the events first
                                                    |
    mouse released: NODE_OT_link is over -----> nothing linked, and not at a node? --> node_search
"""

from __future__ import annotations

from typing import Any

import bpy

from ...node_tree.node_shape import View
from ..drawing import keymaps
from ..editor.active import edited_tree
from .node_add import AddOperator
from .socket_finder import IS_POSSIBLE, socket_at

#: Seconds between two looks whether the drag is over.
_INTERVAL = 0.02
#: Where a drag that ends is still at a node: a socket's reach, in UI units.
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
        self._links = _links(edited_tree(context))
        self._last_operator = _last_operator(context)
        self._timer = manager.event_timer_add(_INTERVAL, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if any(operator.bl_idname == "NODE_OT_link" for operator in context.window.modal_operators):
            return {"PASS_THROUGH"}
        self.cancel(context)
        tree = edited_tree(context)
        was_dropped = _last_operator(context) != self._last_operator
        if tree is not None and was_dropped and _links(tree) == self._links and _is_in_void(context, event):
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


def _is_in_void(context: bpy.types.Context, event: bpy.types.Event) -> bool:
    """Whether the mouse is in the editor, and at no node."""
    region, x, y = context.region, event.mouse_region_x, event.mouse_region_y
    if region is None or not (0 <= x < region.width and 0 <= y < region.height):
        return False
    view = View(region, context.preferences.system.ui_scale)
    shapes = (view.shape(node) for node in edited_tree(context).nodes if node.bl_idname != "NodeFrame")
    return not any(shape.contains(x, y, _MARGIN * view.unit) for shape in shapes)


classes: tuple[Any, ...] = (BACKGROUND_NODES_OT_link_drag, BACKGROUND_NODES_OT_link_watch)


def register() -> None:
    if IS_POSSIBLE:
        keymaps.add(
            "Node Editor", "NODE_EDITOR", BACKGROUND_NODES_OT_link_drag.bl_idname, "LEFTMOUSE", value="CLICK_DRAG"
        )
