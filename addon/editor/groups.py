# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators on groups, with the keys that Blender's own have: those refuse node trees of add-ons."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as translated

from ...node_tree import grouping
from ...node_tree.group_node import GROUP_INPUT, GROUP_OUTPUT, has_group, is_group
from ...node_tree.grouping import GroupingError
from ..drawing import keymaps
from . import group_entries, shown_path
from .active import EditableTreeOperator, TreeOperator, edited_tree, fault_of, select_only

#: Between a new group's ends, from the middle.
_HALF_WIDTH = 200.0


class _GroupOperator(EditableTreeOperator):
    """Mixed into an operator whose faults are told to the artist."""

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            return self.change(context)
        except GroupingError as error:
            self.report({"WARNING"}, str(error))
            return {"CANCELLED"}

    def change(self, context: bpy.types.Context) -> set[str]:
        """Do it. Raises GroupingError."""
        raise NotImplementedError


def _selected(context: bpy.types.Context) -> list[bpy.types.Node]:
    return [node for node in edited_tree(context).nodes if node.select]


class BACKGROUND_NODES_OT_group_make(_GroupOperator, bpy.types.Operator):
    """Make a group of the selected nodes, and enter it"""

    bl_idname = "background_nodes.group_make"
    bl_label = "Make Group"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if not any(map(grouping.can_go, _selected(context))):
            cls.poll_message_set("Select nodes to make a group of")
            return False
        return True

    def change(self, context: bpy.types.Context) -> set[str]:
        tree, selected = edited_tree(context), _selected(context)
        stays = not all(map(grouping.can_go, selected))
        node = grouping.make(tree, selected)
        select_only(tree, node)
        shown_path.enter(context.space_data, node)
        if stays:
            self.report({"INFO"}, "Output nodes and the ends of a group stay outside")
        return {"FINISHED"}


class BACKGROUND_NODES_OT_group_edit(TreeOperator, bpy.types.Operator):
    """Enter the active group, or leave the one that is shown"""

    bl_idname = "background_nodes.group_edit"
    bl_label = "Edit Group"
    bl_options = {"REGISTER"}

    node_name: bpy.props.StringProperty(name="Node", options={"SKIP_SAVE", "HIDDEN"})
    exit: bpy.props.BoolProperty(name="Exit", description="Leave the group", options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        space = context.space_data
        nodes = edited_tree(context).nodes
        node = nodes.get(self.node_name) if self.node_name else nodes.active
        if node is not None and has_group(node) and not self.exit and (self.node_name or node.select):
            shown_path.enter(space, node)
        elif len(space.path) > 1:
            shown_path.leave(space)
        else:
            return {"CANCELLED", "PASS_THROUGH"}
        return {"FINISHED"}


class BACKGROUND_NODES_OT_group_leave(TreeOperator, bpy.types.Operator):
    """Show the tree that the group is in"""

    bl_idname = "background_nodes.group_leave"
    bl_label = "Leave Group"
    bl_options = {"REGISTER"}

    num_levels: bpy.props.IntProperty(name="Levels", default=1, min=1, options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        shown_path.leave(context.space_data, self.num_levels)
        return {"FINISHED"}


class BACKGROUND_NODES_OT_group_ungroup(_GroupOperator, bpy.types.Operator):
    """Put the nodes of the selected groups in the place of these"""

    bl_idname = "background_nodes.group_ungroup"
    bl_label = "Ungroup"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if not any(map(has_group, _selected(context))):
            cls.poll_message_set("Select a group node first")
            return False
        return True

    def change(self, context: bpy.types.Context) -> set[str]:
        tree = edited_tree(context)
        made = [name for node in filter(has_group, _selected(context)) for name in _names(grouping.ungroup(node))]
        select_only(tree, *(tree.nodes[name] for name in made))
        return {"FINISHED"}


def _names(nodes: list[bpy.types.Node]) -> list[str]:
    return [node.name for node in nodes]


class BACKGROUND_NODES_OT_group_insert(_GroupOperator, bpy.types.Operator):
    """Put the selected nodes into the active group"""

    bl_idname = "background_nodes.group_insert"
    bl_label = "Insert Into Group"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        active = edited_tree(context).nodes.active
        if active is None or not has_group(active):
            cls.poll_message_set("Select nodes, and the group node last")
            return False
        if fault := fault_of(active.node_tree):
            cls.poll_message_set(fault)
            return False
        return True

    def change(self, context: bpy.types.Context) -> set[str]:
        tree = edited_tree(context)
        node = tree.nodes.active
        grouping.insert(node, _selected(context))
        select_only(tree, node)
        return {"FINISHED"}


class BACKGROUND_NODES_OT_group_separate(_GroupOperator, bpy.types.Operator):
    """Copy or move the selected nodes out of the group"""

    bl_idname = "background_nodes.group_separate"
    bl_label = "Separate"

    type: bpy.props.EnumProperty(
        name="Type",
        items=(
            ("COPY", "Copy", "Leave the nodes in the group, and copy them to the tree it is in"),
            ("MOVE", "Move", "Take the nodes out of the group"),
        ),
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        path = context.space_data.path
        if len(path) < 2 or not _selected(context):
            cls.poll_message_set("Enter a group, and select nodes in it")
            return False
        if fault := fault_of(path[-2].node_tree):
            cls.poll_message_set(fault)
            return False
        return True

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        def draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
            menu.layout.operator_enum(BACKGROUND_NODES_OT_group_separate.bl_idname, "type")

        context.window_manager.popup_menu(draw, title="Separate")
        return {"INTERFACE"}

    def change(self, context: bpy.types.Context) -> set[str]:
        space = context.space_data
        group, selected = edited_tree(context), _selected(context)
        ids = shown_path.shown_path(space).ids
        outer = space.path[-2].node_tree
        node = next(each for each in outer.nodes if getattr(each, "uid", "") == ids[-1])
        made = grouping.separate(group, selected, node, moves=self.type == "MOVE")
        shown_path.leave(space)
        select_only(outer, *made)
        return {"FINISHED"}


class BACKGROUND_NODES_OT_group_new(EditableTreeOperator, bpy.types.Operator):
    """Let the node stand for a new, empty group"""

    bl_idname = "background_nodes.group_new"
    bl_label = "New Group"

    node_name: bpy.props.StringProperty(name="Node", options={"SKIP_SAVE", "HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        nodes = edited_tree(context).nodes
        node = nodes.get(self.node_name) if self.node_name else nodes.active
        if node is None or not is_group(node):
            self.report({"WARNING"}, translated("No group node is active"))
            return {"CANCELLED"}
        node.node_tree = new_group()
        return {"FINISHED"}


def new_group() -> bpy.types.NodeTree:
    """An empty group, with its two ends."""
    group = bpy.data.node_groups.new("Group", "BackgroundNodeTree")
    for idname, x in ((GROUP_INPUT, -_HALF_WIDTH), (GROUP_OUTPUT, _HALF_WIDTH)):
        node = group.nodes.new(idname)
        node.location.x, node.select = x, False
    return group


def _draw_context_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    """What Blender's menu offers for groups of its own; for the rest see `group_entries`."""
    tree = edited_tree(context)
    if tree is None or tree.nodes.active is None or not has_group(tree.nodes.active):
        return
    layout: Any = menu.layout
    layout.separator()
    layout.operator(BACKGROUND_NODES_OT_group_edit.bl_idname)
    layout.operator(BACKGROUND_NODES_OT_group_ungroup.bl_idname)


classes = (
    BACKGROUND_NODES_OT_group_make,
    BACKGROUND_NODES_OT_group_edit,
    BACKGROUND_NODES_OT_group_leave,
    BACKGROUND_NODES_OT_group_ungroup,
    BACKGROUND_NODES_OT_group_insert,
    BACKGROUND_NODES_OT_group_separate,
    BACKGROUND_NODES_OT_group_new,
)


def register() -> None:
    for cls, key, modifiers in (
        (BACKGROUND_NODES_OT_group_make, "G", {"ctrl": True}),
        (BACKGROUND_NODES_OT_group_ungroup, "G", {"ctrl": True, "alt": True}),
        (BACKGROUND_NODES_OT_group_edit, "TAB", {}),
        (BACKGROUND_NODES_OT_group_separate, "P", {}),
    ):
        keymaps.add("Node Editor", "NODE_EDITOR", cls.bl_idname, key, **modifiers)
    idname = BACKGROUND_NODES_OT_group_edit.bl_idname
    keymaps.add("Node Editor", "NODE_EDITOR", idname, "TAB", ctrl=True, properties={"exit": True})
    bpy.types.NODE_MT_context_menu.append(_draw_context_menu)
    group_entries.register()


def unregister() -> None:
    group_entries.unregister()
    bpy.types.NODE_MT_context_menu.remove(_draw_context_menu)
