# SPDX-License-Identifier: GPL-3.0-or-later
"""Selects a node that a list, a problem or a report speaks of, and brings it into view: it may be in a group."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_rpt as translated

from ..drawing import areas
from . import shown_path
from .active import TreeOperator, edited_tree

#: Seconds until Blender has drawn.
_SOON = 0.05


class BACKGROUND_NODES_OT_node_select(TreeOperator, bpy.types.Operator):
    """Select the node, and bring it into view"""

    bl_idname = "background_nodes.node_select"
    bl_label = "Select Node"
    bl_options = {"REGISTER", "UNDO"}

    node_name: bpy.props.StringProperty(name="Node", options={"SKIP_SAVE", "HIDDEN"})
    node_id: bpy.props.StringProperty(
        name="ID",
        description="Stable id of the node's path: it may be in a group, and may have been renamed",
        options={"SKIP_SAVE", "HIDDEN"},
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        if self.node_id and go_to(context, self.node_id):
            return {"FINISHED"}
        node = edited_tree(context).nodes.get(self.node_name)
        if node is None:
            self.report({"WARNING"}, translated('"{name}" is not in the tree any more').format(name=self.node_name))
            return {"CANCELLED"}
        select(node)
        show(context)
        return {"FINISHED"}


def go_to(context: bpy.types.Context, node_id: str) -> bool:
    """Show the tree or group that a node is in, by the id of its path, and select it. Returns whether it is there."""
    space = context.space_data
    before = space.edit_tree
    node = shown_path.show(space, node_id)
    if node is None:
        return False
    select(node)
    show(context)
    if space.edit_tree != before and context.area is not None and not bpy.app.background:
        _show_once_drawn(context.area.as_pointer())
    return True


def select(node: bpy.types.Node) -> None:
    """Make a node the only one that is selected, and the active one."""
    tree = node.id_data
    for other in tree.nodes:
        if other.select != (other == node):
            other.select = other == node
    tree.nodes.active = node


def show(context: bpy.types.Context) -> None:
    """Bring the selected nodes into the view of the editor."""
    area = context.area
    region = next((region for region in area.regions if region.type == "WINDOW"), None) if area else None
    if region is None or bpy.app.background:
        return
    with context.temp_override(region=region):
        bpy.ops.node.view_selected()


def _show_once_drawn(address: int) -> None:
    """Bring the selected nodes into view once more: how large nodes are is not known before they were drawn."""

    def show_now() -> None:
        found = areas.at(address)
        if found is not None:
            window, area = found
            with bpy.context.temp_override(window=window, screen=window.screen, area=area):
                show(bpy.context)

    bpy.app.timers.register(show_now, first_interval=_SOON)


classes = (BACKGROUND_NODES_OT_node_select,)
