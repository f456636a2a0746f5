# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes as text on the clipboard: for a chat, a bug report, a note."""

from __future__ import annotations

from collections.abc import Iterable

import bpy
from bpy.app.translations import pgettext_rpt as translated

from ...node_tree import transplant
from ...node_tree.text_form.building import Built, build_nodes
from ...node_tree.text_form.dumping import dump_nodes
from ...runtime.errors import BuildError, DumpError
from ...runtime.text_form.form import to_text
from ...runtime.text_form.reading import from_text
from ..adding import node_add
from ..editor.active import EditableTreeOperator, TreeOperator, edited_tree, select_only

#: Data-blocks that a report names.
_MAX_NAMED = 4


def of_system(context: bpy.types.Context) -> bpy.types.WindowManager:
    """What has the clipboard, as `clipboard`."""
    return context.window_manager


class BACKGROUND_NODES_OT_copy_as_text(TreeOperator, bpy.types.Operator):
    """Copy the selected nodes to the clipboard as text, with their scripts, groups, values and links"""

    bl_idname = "background_nodes.copy_as_text"
    bl_label = "Copy as Text"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if not any(node.select for node in edited_tree(context).nodes):
            cls.poll_message_set("Select nodes first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        nodes = [node for node in edited_tree(context).nodes if node.select]
        try:
            of_system(context).clipboard = to_text(dump_nodes(nodes))
        except DumpError as error:
            self.report({"WARNING"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, translated("Copied {count} nodes as text").format(count=len(nodes)))
        return {"FINISHED"}


class BACKGROUND_NODES_OT_paste_from_text(EditableTreeOperator, bpy.types.Operator):
    """Add the nodes that are on the clipboard as text. You are asked before scripts run that came with them"""

    bl_idname = "background_nodes.paste_from_text"
    bl_label = "Paste from Text"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        node_add.store_cursor(context, event)
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        tree = edited_tree(context)
        try:
            made = build_nodes(from_text(of_system(context).clipboard), tree, translated("the clipboard"))
        except BuildError as error:
            self.report({"WARNING"}, str(error))
            return {"CANCELLED"}
        nodes = list(made.nodes.values())
        _move(nodes, *context.space_data.cursor_location)
        select_only(tree, *nodes)
        report(self, made)
        return {"FINISHED"}


def _move(nodes: Iterable[bpy.types.Node], x: float, y: float) -> None:
    """Put the middle of nodes to a place."""
    nodes = list(nodes)
    left, right, lower, upper = transplant.bounds(nodes)
    for node in transplant.roots(nodes):
        node.location.x += x - (left + right) / 2.0
        node.location.y += y - (lower + upper) / 2.0


def report(operator: bpy.types.Operator, made: Built) -> None:
    """Tell what could not be made as the text has it."""
    if made.missing:
        found = dict.fromkeys(f'{each.kind} "{each.name}"' for each in made.missing)
        names = ", ".join(list(found)[:_MAX_NAMED]) + (" ..." if len(found) > _MAX_NAMED else "")
        operator.report({"WARNING"}, translated("Not in this file, so not set: {names}").format(names=names))
    for problem in made.gone:
        operator.report({"WARNING"}, str(problem))


classes = (BACKGROUND_NODES_OT_copy_as_text, BACKGROUND_NODES_OT_paste_from_text)
