# SPDX-License-Identifier: GPL-3.0-or-later
"""Declaring the inputs and outputs of a script without `main`: two lists in the Sidebar, as a node group's interface.

A double click on a name renames it, as in all of Blender's lists.
"""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as translated_name
from bpy.app.translations import pgettext_rpt as translated

from ...node_tree import changes, declared_sockets
from ...node_tree.script_node import BackgroundNodeScript
from ...node_tree.sockets import socket_color
from ...runtime.errors import SignatureError
from ...runtime.script import detected_sockets
from ...runtime.script.socket_types import SocketType
from ..editor.active import EditableTreeOperator, edited_tree
from . import tabs

#: Rows of a list that holds little.
_ROWS = 3
#: What a new entry holds: what Blender's own new sockets hold, and for an output whatever the script gives.
_NEW_TYPES = {False: SocketType("FLOAT"), True: SocketType("ANY")}
#: What the lists and their active rows are called on a node.
_PROPERTIES = {
    False: ("declared_inputs", "active_input_index"),
    True: ("declared_outputs", "active_output_index"),
}


def _active_node(context: bpy.types.Context) -> BackgroundNodeScript | None:
    """The active node, if its inputs and outputs are declared on it."""
    tree = edited_tree(context)
    node = None if tree is None else tree.nodes.active
    return node if getattr(node, "is_without_main", False) else None


class _DeclarationOperator(EditableTreeOperator):
    """Mixed into an operator on what is declared on a node."""

    node_name: bpy.props.StringProperty(
        name="Node", description="The node, the active one if empty", options={"SKIP_SAVE", "HIDDEN"}
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        nodes = edited_tree(context).nodes
        node = nodes.get(self.node_name) if self.node_name else nodes.active
        if not getattr(node, "is_without_main", False):
            self.report({"WARNING"}, translated("Choose a node whose script has no function main"))
            return {"CANCELLED"}
        is_adopted = not declared_sockets.has_any(node) and declared_sockets.adopt(node)  # of a main that is gone
        if not self.change(node) and not is_adopted:
            return {"CANCELLED"}
        node.is_declaration_adopted = False
        node.sync()
        changes.property_changed(node, None)
        return {"FINISHED"}


class _ActiveNodeOperator(_DeclarationOperator):
    """Mixed into one of those on the active node."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if _active_node(context) is None:
            cls.poll_message_set("Make a node active whose script has no function main")
            return False
        return True


class _EntryOperator(_ActiveNodeOperator):
    """Mixed into an operator on the active row of one of the two lists."""

    is_output: bpy.props.BoolProperty(
        name="Output", description="An output, not an input", options={"SKIP_SAVE", "HIDDEN"}
    )

    def active_index(self, node: BackgroundNodeScript) -> int | None:
        """The active row, None if there is none."""
        index = getattr(node, _PROPERTIES[self.is_output][1])
        return index if index < len(declared_sockets.entries(node, are_outputs=self.is_output)) else None


class BACKGROUND_NODES_OT_socket_declare(_DeclarationOperator, bpy.types.Operator):
    """Add an input or an output to the node"""

    bl_idname = "background_nodes.socket_declare"
    bl_label = "Add Socket"

    is_output: bpy.props.BoolProperty(
        name="Output", description="An output, not an input", options={"SKIP_SAVE", "HIDDEN"}
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        if properties.is_output:
            return translated("Add an output: what the script leaves in python_data or data_blocks under its name")
        return translated("Add an input: a variable that the script finds under its name")

    def change(self, node: BackgroundNodeScript) -> bool:
        entries = declared_sockets.entries(node, are_outputs=self.is_output)
        active = _PROPERTIES[self.is_output][1]
        place = min(getattr(node, active) + 1, len(entries))
        name = declared_sockets.new_name(node, is_output=self.is_output)
        declared_sockets.declare(node, name, _NEW_TYPES[self.is_output], is_output=self.is_output)
        if not self.node_name:  # from the list: below its active row
            entries.move(len(entries) - 1, place)
        setattr(node, active, place if not self.node_name else len(entries) - 1)
        return True


class BACKGROUND_NODES_OT_socket_undeclare(_EntryOperator, bpy.types.Operator):
    """Remove the active input or output, with its links"""

    bl_idname = "background_nodes.socket_undeclare"
    bl_label = "Remove Socket"

    def change(self, node: BackgroundNodeScript) -> bool:
        index = self.active_index(node)
        if index is None:
            return False
        declared_sockets.undeclare(node, index, is_output=self.is_output)
        num_left = len(declared_sockets.entries(node, are_outputs=self.is_output))
        setattr(node, _PROPERTIES[self.is_output][1], max(0, min(index, num_left - 1)))
        return True


class BACKGROUND_NODES_OT_socket_declaration_move(_EntryOperator, bpy.types.Operator):
    """Move the active input or output up or down. Its links stay"""

    bl_idname = "background_nodes.socket_declaration_move"
    bl_label = "Move Socket"

    direction: bpy.props.EnumProperty(
        name="Direction", items=(("UP", "Up", ""), ("DOWN", "Down", "")), options={"SKIP_SAVE", "HIDDEN"}
    )

    def change(self, node: BackgroundNodeScript) -> bool:
        entries, index = declared_sockets.entries(node, are_outputs=self.is_output), self.active_index(node)
        place = -1 if index is None else index + (1 if self.direction == "DOWN" else -1)
        if not 0 <= place < len(entries):
            return False
        entries.move(index, place)
        setattr(node, _PROPERTIES[self.is_output][1], place)
        return True


class BACKGROUND_NODES_OT_socket_default_set(_EntryOperator, bpy.types.Operator):
    """Make the value that the active input has on the node its default"""

    bl_idname = "background_nodes.socket_default_set"
    bl_label = "Use Value as Default"

    def change(self, node: BackgroundNodeScript) -> bool:
        index = self.active_index(node)
        entry = None if index is None else declared_sockets.entries(node, are_outputs=False)[index]
        found = [] if entry is None else [item for item in node.inputs if item.identifier == entry.identifier]
        try:
            for socket in found:
                declared_sockets.use_as_default(entry, socket)
        except ValueError as error:
            self.report({"WARNING"}, translated("What is written there is no JSON: {error}").format(error=error))
            return False
        return bool(found)


class BACKGROUND_NODES_OT_sockets_detect(_ActiveNodeOperator, bpy.types.Operator):
    """Add inputs for the variables that the script reads but does not set, and outputs for what it gives"""

    bl_idname = "background_nodes.sockets_detect"
    bl_label = "Detect Sockets"

    def change(self, node: BackgroundNodeScript) -> bool:
        try:
            found = detected_sockets.detect(node.source().text)
        except SignatureError as error:
            self.report({"WARNING"}, translated(node.source_error or error.message))
            return False
        num_added = declared_sockets.add_missing(node, found)
        if not num_added:
            self.report({"INFO"}, translated("Everything that the script shows is declared already"))
            return False
        self.report({"INFO"}, translated("Sockets added: {count}").format(count=num_added))
        return True


# The lists


class BACKGROUND_NODES_UL_declared_sockets(bpy.types.UIList):
    """The inputs or the outputs that are declared on a node"""

    bl_idname = "BACKGROUND_NODES_UL_declared_sockets"

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        node: BackgroundNodeScript,
        entry: declared_sockets.BackgroundNodeDeclaredSocket,
        _icon: int,
        _active_data: BackgroundNodeScript,
        _active_property: str,
    ) -> None:
        row = layout.row(align=True)
        row.template_node_socket(color=(*socket_color(declared_sockets.type_of(entry).kind), 1.0))
        row.prop(entry, "name", text="", emboss=False)
        is_faulty = any(fault.identifier == entry.identifier for fault in declared_sockets.faults(node))
        kind = row.row()
        kind.alignment = "RIGHT"
        kind.active = is_faulty
        kind.label(text=type_name(entry), icon="ERROR" if is_faulty else "NONE", translate=False)


def type_name(entry: declared_sockets.BackgroundNodeDeclaredSocket) -> str:
    items = entry.bl_rna.properties["data_type"].enum_items
    name = translated_name(items[entry.data_type].name if entry.data_type else "Unknown")
    return translated_name("{type} List").format(type=name) if entry.is_list else name


class BACKGROUND_NODES_PT_declared_sockets(bpy.types.Panel):
    """What goes into a script without main, and what comes out of it"""

    bl_space_type = "NODE_EDITOR"
    bl_region_type = "UI"
    bl_category = tabs.NODE
    bl_label = "Inputs and Outputs"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _active_node(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout, node = self.layout, _active_node(context)
        layout.enabled = node.id_data.is_editable
        for is_output, title in ((False, "Inputs"), (True, "Outputs")):
            layout.label(text=title)
            _draw_list(layout, node, is_output=is_output)
        layout.operator(BACKGROUND_NODES_OT_sockets_detect.bl_idname, icon="VIEWZOOM")


def _draw_list(layout: bpy.types.UILayout, node: BackgroundNodeScript, *, is_output: bool) -> None:
    entries = declared_sockets.entries(node, are_outputs=is_output)
    name, active = _PROPERTIES[is_output]
    row = layout.row()
    row.template_list(
        BACKGROUND_NODES_UL_declared_sockets.bl_idname, name, node, name, node, active, rows=_ROWS, sort_lock=True
    )
    _draw_buttons(row.column(align=True), len(entries), getattr(node, active), is_output)
    if getattr(node, active) < len(entries):
        _draw_entry(layout, entries[getattr(node, active)], is_output=is_output)


def _draw_buttons(column: bpy.types.UILayout, num_entries: int, active: int, is_output: bool) -> None:
    column.operator(BACKGROUND_NODES_OT_socket_declare.bl_idname, text="", icon="ADD").is_output = is_output
    remove = column.row(align=True)
    remove.enabled = active < num_entries
    remove.operator(BACKGROUND_NODES_OT_socket_undeclare.bl_idname, text="", icon="REMOVE").is_output = is_output
    column.separator()
    for direction, icon, is_possible in (
        ("UP", "TRIA_UP", 0 < active < num_entries),
        ("DOWN", "TRIA_DOWN", active < num_entries - 1),
    ):
        row = column.row(align=True)
        row.enabled = is_possible
        move = row.operator(BACKGROUND_NODES_OT_socket_declaration_move.bl_idname, text="", icon=icon)
        move.is_output, move.direction = is_output, direction


def _draw_entry(
    layout: bpy.types.UILayout, entry: declared_sockets.BackgroundNodeDeclaredSocket, *, is_output: bool
) -> None:
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    row = column.row(align=True)
    row.prop(entry, "data_type")
    row.prop(entry, "is_list", text="", icon="LINENUMBERS_ON")
    if is_output:
        return
    if declared_sockets.can_be_optional(entry):
        column.prop(entry, "is_optional")
    if declared_sockets.has_range(entry):
        _draw_limit(column, entry, "minimum", "Min")
        _draw_limit(column, entry, "maximum", "Max")
    if declared_sockets.has_default(entry):
        column.operator(BACKGROUND_NODES_OT_socket_default_set.bl_idname)


def _draw_limit(
    layout: bpy.types.UILayout, entry: declared_sockets.BackgroundNodeDeclaredSocket, name: str, title: str
) -> None:
    row = layout.row(align=True, heading=title)
    row.prop(entry, f"use_{name}", text="")
    limit = row.row(align=True)
    limit.active = getattr(entry, f"use_{name}")
    limit.prop(entry, name, text="")


classes = (
    BACKGROUND_NODES_OT_socket_declare,
    BACKGROUND_NODES_OT_socket_undeclare,
    BACKGROUND_NODES_OT_socket_declaration_move,
    BACKGROUND_NODES_OT_socket_default_set,
    BACKGROUND_NODES_OT_sockets_detect,
    BACKGROUND_NODES_UL_declared_sockets,
    BACKGROUND_NODES_PT_declared_sockets,
)
