# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator behind each entry of the Add menu."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ...runtime.errors import PresetError
from ..editor import groups
from ..editor.active import EditableTreeOperator, edited_tree, select_only
from . import node_choices
from .node_choices import NodeChoice


class AddOperator(EditableTreeOperator):
    """Mixed into an operator that adds nodes to the tree that the editor shows."""

    use_transform: bpy.props.BoolProperty(
        name="Use Transform",
        description="Move the node with the mouse once it is there",
        options={"HIDDEN", "SKIP_SAVE"},
    )

    def add(self, context: bpy.types.Context, choice: NodeChoice) -> bpy.types.Node | None:
        """Add a node where the cursor is and make it the only selected one; None, and a report, if that can't be."""
        return self.place(context, choice.title, choice.add_to)

    def place(
        self, context: bpy.types.Context, title: str, add_to: Callable[[bpy.types.NodeTree], bpy.types.Node]
    ) -> bpy.types.Node | None:
        """The same with a node that a function adds to a tree."""
        tree = edited_tree(context)
        try:
            node = add_to(tree)
        except (KeyError, RuntimeError, PresetError) as error:
            self.report({"ERROR"}, rpt_("{node} can't be added: {reason}").format(node=title, reason=error))
            return None
        select_only(tree, node)
        node.location = context.space_data.cursor_location
        return node

    def finish(self) -> set[str]:
        """Let the artist place what was added; cancelling that removes it."""
        if self.use_transform:
            bpy.ops.node.translate_attach_remove_on_cancel("INVOKE_DEFAULT")
        return {"FINISHED"}


def store_cursor(context: bpy.types.Context, event: bpy.types.Event) -> None:
    """Keep where the mouse is for new nodes: `cursor_location` of the editor."""
    space = context.space_data
    if context.region is not None and context.region.type == "WINDOW":
        space.cursor_location_from_region(event.mouse_region_x, event.mouse_region_y)
    else:  # from the header's menu
        space.cursor_location = space.edit_tree.view_center


class BACKGROUND_NODES_OT_node_add(AddOperator, bpy.types.Operator):
    """Add a node to the tree"""

    bl_idname = "background_nodes.node_add"
    bl_label = "Add Node"

    choice: bpy.props.StringProperty(name="Node", description="What to add", options={"SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        return node_choices.find(properties.choice).description

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        store_cursor(context, event)
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = self.add(context, node_choices.find(self.choice))
        return {"CANCELLED"} if node is None else self.finish()


class BACKGROUND_NODES_OT_group_add(AddOperator, bpy.types.Operator):
    """Add a node with a new, empty group"""

    bl_idname = "background_nodes.group_add"
    bl_label = "New Group"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        store_cursor(context, event)
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = self.add(context, NodeChoice("node", "BackgroundNodeGroup"))
        if node is None:
            return {"CANCELLED"}
        node.node_tree = groups.new_group()
        return self.finish()


def draw(layout: bpy.types.UILayout, choice: NodeChoice, *, icon: str = "NONE", word: str = "") -> None:
    """An entry of a menu."""
    properties = layout.operator(
        BACKGROUND_NODES_OT_node_add.bl_idname,
        text=choice.entry(word),
        translate=not choice.is_named_by_artist,
        icon=icon,
    )
    properties.choice = choice.identifier
    properties.use_transform = True


classes = (BACKGROUND_NODES_OT_node_add, BACKGROUND_NODES_OT_group_add)
