# SPDX-License-Identifier: GPL-3.0-or-later
"""The group node: it stands for a background node tree, whose interface its sockets are."""

from __future__ import annotations

from collections.abc import Iterator

import bpy

from ..runtime.planning.unrolling import MAX_PASSES
from ..runtime.script.socket_types import SocketType
from . import changes, group_interface
from .base import BackgroundNode
from .identity import background_trees, groups_using

GROUP, GROUP_INPUT, GROUP_OUTPUT = "BackgroundNodeGroup", "NodeGroupInput", "NodeGroupOutput"
#: The names of inputs that say how often a group is repeated, and that get the number of the pass.
COUNT_INPUT, NUMBER_INPUT = "Iterations", "Iteration"
#: The nodes that are the two ends of a group.
ENDS = frozenset({GROUP_INPUT, GROUP_OUTPUT})


class GroupNode(BackgroundNode):
    """What group nodes do. Mixed into the class of Blender's that keeps its sockets like the interface."""

    bl_label = "Group"

    repeat_mode: bpy.props.EnumProperty(
        name="Repeat",
        description="How often the group runs. An output goes into the input of the same name in the next pass",
        items=(
            ("ONCE", "Once", "Run once"),
            ("COUNT", "Repeat", "Run as often as set here, or as the input Iterations says, if the group has one"),
            ("UNTIL", "Repeat Until", "Run until an output is true, but not more often than set here"),
        ),
        update=changes.property_changed,
    )
    iterations: bpy.props.IntProperty(
        name="Iterations",
        description="How many passes there are; the most, if something else decides",
        min=1,
        max=MAX_PASSES,
        default=4,
        update=changes.property_changed,
    )
    stop_output: bpy.props.StringProperty(
        name="Stop",
        description="The output that is true if a pass was the last one",
        default="Stop",
        search=lambda node, _context, _text: [item.name for item in node.stop_outputs()],
        update=changes.property_changed,
    )

    def poll_instance(self, tree: bpy.types.NodeTree) -> bool:
        """Whether the node may be in a tree. Blender crashes where a group is in itself."""
        return self.node_tree is None or not contains(self.node_tree, tree)

    def update(self) -> None:
        """Blender calls this after each change of the sockets, also by the interface of the group."""
        self.follow()

    def follow(self) -> None:
        """Bring what the interface says to the sockets."""
        if has_group(self):
            group_interface.follow(self, self.node_tree)

    def draw_buttons(self, _context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        self._draw_tree(layout)
        if self.repeat_mode != "ONCE":
            self._draw_repeat(layout)
        self.draw_status(layout)

    def draw_buttons_ext(self, _context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        self._draw_tree(layout)
        layout.use_property_split = True
        layout.use_property_decorate = False
        self._draw_repeat(layout)

    def stop_outputs(self) -> list[bpy.types.NodeTreeInterfaceSocket]:
        """The outputs that can say that a pass was the last one."""
        items = group_interface.items(self.node_tree, "OUTPUT") if has_group(self) else ()
        return [item for item in items if item.value_type == SocketType("BOOLEAN")]

    def number_input(self, name: str) -> str:
        """The identifier of the input for one whole number with a name, "" if there is none."""
        items = group_interface.items(self.node_tree, "INPUT") if has_group(self) else ()
        found = (item.identifier for item in items if item.name == name and item.value_type == SocketType("INT"))
        return next(found, "")

    def _draw_repeat(self, layout: bpy.types.UILayout) -> None:
        layout.prop(self, "repeat_mode", text="" if self.repeat_mode != "ONCE" else None)
        if self.repeat_mode == "UNTIL":
            layout.prop(self, "stop_output", icon="CHECKBOX_HLT")
        if self.repeat_mode == "COUNT" and self.number_input(COUNT_INPUT):
            layout.prop(self, "iterations", text="Most")
        elif self.repeat_mode != "ONCE":
            layout.prop(self, "iterations", text="Most" if self.repeat_mode == "UNTIL" else "Iterations")

    def _draw_tree(self, layout: bpy.types.UILayout) -> None:
        row = layout.row(align=True)
        row.template_ID(self, "node_tree")
        if has_group(self):
            row.operator("background_nodes.group_edit", text="", icon="NODETREE").node_name = self.name
        elif self.node_tree is None:
            row.operator("background_nodes.group_new", text="New", icon="ADD").node_name = self.name

    def draw_label(self) -> str:
        if self.label:
            return self.label
        return self.bl_label if self.node_tree is None else self.node_tree.name


def is_group(node: bpy.types.Node) -> bool:
    return bool(node.bl_idname == GROUP)


def has_group(node: bpy.types.Node) -> bool:
    """Whether a node stands for a group. Blender lets the artist choose a tree of any other add-on, too."""
    return is_group(node) and node.node_tree is not None and node.node_tree.bl_idname == "BackgroundNodeTree"


def group_nodes(tree: bpy.types.NodeTree) -> Iterator[bpy.types.Node]:
    """The nodes of a tree that stand for a group."""
    return (node for node in tree.nodes if has_group(node))


def contains(tree: bpy.types.NodeTree, other: bpy.types.NodeTree) -> bool:
    """Whether a tree is another one, or uses it at any depth."""
    seen, waiting = {tree}, [tree]
    while waiting:
        found = waiting.pop()
        if found == other:
            return True
        inside = {node.node_tree for node in group_nodes(found)} - seen
        seen |= inside
        waiting.extend(inside)
    return False


def active_output(tree: bpy.types.NodeTree) -> bpy.types.Node | None:
    """The Group Output node of a tree that counts; None if it has none."""
    found = [node for node in tree.nodes if node.bl_idname == GROUP_OUTPUT]
    return next((node for node in found if node.is_active_output), found[0] if found else None)


def follow_everywhere(tree: bpy.types.NodeTree) -> None:
    """Bring what the interface of a tree says to all nodes that stand for the tree, and to its ends."""
    follow_inside(tree)
    for outer in background_trees():
        for node in groups_using(outer, tree):
            node.follow()


def follow_inside(tree: bpy.types.NodeTree) -> None:
    """Bring what the interface of a tree says to its Group Input and Group Output nodes, which are Blender's."""
    # While classes are being registered, no node may be looked at.
    is_to_follow = group_interface.is_followed() and len(tree.interface.items_tree) > 0
    for node in tree.nodes if is_to_follow else ():
        if node.bl_idname in ENDS:
            group_interface.follow(node, tree)


def _with_users(tree: bpy.types.NodeTree) -> Iterator[bpy.types.NodeTree]:
    """The trees that use a tree, at any depth."""
    seen, waiting = {tree}, [tree]
    while waiting:
        group = waiting.pop()
        for outer in background_trees() if _has_users(group) else ():
            if outer not in seen and groups_using(outer, group):
                seen.add(outer)
                waiting.append(outer)
                yield outer


def _has_users(tree: bpy.types.NodeTree) -> bool:
    """Whether anything but the file and editors holds a tree. To look at all nodes of all trees takes longer."""
    return bool(tree.users > tree.use_fake_user + tree.use_extra_user)


def _new_class() -> type:
    """The class of group nodes. Blender forgets its own class below when this one is unregistered, and makes another.

    `NodeCustomGroup` would not keep the sockets like the interface.
    """
    return type(
        GROUP,
        (GroupNode, bpy.types.ShaderNodeCustomGroup),
        {
            "__doc__": "A node tree that is used as one node",
            "bl_idname": GROUP,
            "bl_label": GroupNode.bl_label,
            "bl_icon": "NODETREE",
            "bl_width_default": 180.0,
        },
    )


_registered: list[type] = []


def register() -> None:
    _registered.append(_new_class())
    bpy.utils.register_class(_registered[0])
    group_interface.set_follower(follow_everywhere)
    changes.set_users(_with_users)


def unregister() -> None:
    changes.set_users(None)
    group_interface.set_follower(None)
    bpy.utils.unregister_class(_registered.pop())
