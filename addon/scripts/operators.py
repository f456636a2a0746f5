# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist does with scripts: a new one, edit, reload, a copy of one's own, go to the error."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as translated

from ...node_tree.identity import background_trees, find_node
from ...node_tree.script_node import BackgroundNodeScript
from ...runtime.errors import SignatureError
from ..adding import node_add
from ..adding.node_add import AddOperator
from ..adding.node_choices import NodeChoice
from ..consent.current import file_chosen
from ..editor.active import EditableTreeOperator, TreeOperator, edited_tree
from ..editor.uses import use_of
from . import text_editors, texts


class _ScriptOperator:
    """Mixed into an operator on one script node of the tree that the editor shows."""

    node_name: bpy.props.StringProperty(
        name="Node", description="The node, the active one if empty", options={"SKIP_SAVE", "HIDDEN"}
    )

    def node(self, context: bpy.types.Context) -> BackgroundNodeScript | None:
        """The script node; None, and a report, if there is none."""
        nodes = edited_tree(context).nodes
        node = nodes.get(self.node_name) if self.node_name else nodes.active
        if node is None or node.bl_idname != BackgroundNodeScript.bl_idname:
            self.report({"WARNING"}, translated("No script node is active"))
            return None
        return node

    def show(self, context: bpy.types.Context, text: bpy.types.Text, line: int = 0) -> set[str]:
        text_editors.show(context, text, line)
        return {"FINISHED"}

    def fail(self, error: Exception) -> set[str]:
        message = error.message if isinstance(error, SignatureError) else str(error).strip()
        self.report({"ERROR"}, translated(message))
        return {"CANCELLED"}


class BACKGROUND_NODES_OT_script_new(AddOperator, _ScriptOperator, bpy.types.Operator):
    """Make a script from a template and open it in a Text Editor"""

    bl_idname = "background_nodes.script_new"
    bl_label = "New Script"

    node_name: bpy.props.StringProperty(
        name="Node", description="The node that gets the script, a new one if empty", options={"SKIP_SAVE", "HIDDEN"}
    )
    is_without_main: bpy.props.BoolProperty(
        name="Without main",
        description="A script that finds its inputs as variables and leaves its results in python_data and data_blocks",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        if properties.is_without_main:
            return translated(
                "Make a script without a function main, whose inputs and outputs are added on the node, "
                "and open it in a Text Editor"
            )
        return translated("Make a script from a template and open it in a Text Editor")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if not self.node_name:
            node_add.store_cursor(context, event)
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = self.node(context) if self.node_name else self.add(context, NodeChoice("node", "BackgroundNodeScript"))
        if node is None:
            return {"CANCELLED"}
        node.script = text = texts.new(is_without_main=self.is_without_main)
        return self.show(context, text)


class BACKGROUND_NODES_OT_script_open(_ScriptOperator, EditableTreeOperator, bpy.types.Operator):
    """Choose the Python file with the node's script"""

    bl_idname = "background_nodes.script_open"
    bl_label = "Open Script"

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE", "HIDDEN"})
    filter_glob: bpy.props.StringProperty(default="*.py", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = self.node(context)
        if node is None:
            return {"CANCELLED"}
        is_relative = bpy.data.filepath and context.preferences.filepaths.use_relative_paths
        node.filepath = bpy.path.relpath(self.filepath) if is_relative else self.filepath
        return {"FINISHED"}


class _EditOperator(_ScriptOperator, TreeOperator):
    """Mixed into an operator that opens the node's script."""

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = self.node(context)
        if node is None:
            return {"CANCELLED"}
        known = {text.session_uid for text in bpy.data.texts}
        try:
            text = texts.of_node(node)
        except (SignatureError, RuntimeError) as error:
            return self.fail(error)
        if text is None:
            self.report({"WARNING"}, translated('"{name}" has no script yet').format(name=node.name))
            return {"CANCELLED"}
        result = self.show(context, text, line_at_fault(node))
        if text.session_uid not in known:  # else nothing has changed that could be undone
            bpy.ops.ed.undo_push(message=self.bl_label)
        return result


class BACKGROUND_NODES_OT_script_edit(_EditOperator, bpy.types.Operator):
    """Open the node's script in a Text Editor, at the error if it has one"""

    bl_idname = "background_nodes.script_edit"
    bl_label = "Edit Script"


class BACKGROUND_NODES_OT_script_error_show(_EditOperator, bpy.types.Operator):
    """Go to the line of the script that is at fault"""

    bl_idname = "background_nodes.script_error_show"
    bl_label = "Go to Error"


def line_at_fault(node: BackgroundNodeScript) -> int:
    """The line that keeps the script from being read, else that in which the last run failed; 0 if none is known."""
    if node.source_error:
        return node.source_error_line
    status = use_of(node).status
    return 0 if status is None or status.error is None else status.error.line or 0


class BACKGROUND_NODES_OT_script_edit_externally(_ScriptOperator, TreeOperator, bpy.types.Operator):
    """Open the node's file in the text editor that the preferences name"""

    bl_idname = "background_nodes.script_edit_externally"
    bl_label = "Edit Externally"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if not context.preferences.filepaths.text_editor:
            cls.poll_message_set("Choose a text editor in Preferences > File Paths > Applications first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = self.node(context)
        if node is None:
            return {"CANCELLED"}
        if not node.filepath:
            self.report({"WARNING"}, translated('The script of "{name}" is no file').format(name=node.name))
            return {"CANCELLED"}
        file_chosen(node.filepath)
        path = str(texts.absolute(node.filepath))
        return bpy.ops.text.jump_to_file_at_point(filepath=path, line=max(0, line_at_fault(node) - 1))


class BACKGROUND_NODES_OT_script_reload(_ScriptOperator, EditableTreeOperator, bpy.types.Operator):
    """Read the node's file again, and update its sockets"""

    bl_idname = "background_nodes.script_reload"
    bl_label = "Reload Script"

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = self.node(context)
        if node is None:
            return {"CANCELLED"}
        try:
            text = _text_of_file(node)
            if text is not None:
                texts.reload(text)
        except RuntimeError as error:
            return self.fail(error)
        node.sync()
        if node.source_error:
            self.report({"WARNING"}, translated(node.source_error))
        return {"FINISHED"}


def _text_of_file(node: BackgroundNodeScript) -> bpy.types.Text | None:
    """The text that shows what a file holds."""
    if node.script is not None:
        return None if node.script.is_in_memory else node.script
    return texts.find(texts.absolute(node.filepath)) if node.filepath else None


class BACKGROUND_NODES_OT_script_make_local(_ScriptOperator, EditableTreeOperator, bpy.types.Operator):
    """Give the node a copy of its script that you can edit"""

    bl_idname = "background_nodes.script_make_local"
    bl_label = "Make Local Copy"

    node_id: bpy.props.StringProperty(
        name="ID", description="Stable id of the node, for other editors", options={"SKIP_SAVE", "HIDDEN"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        is_in_text_editor = context.space_data is not None and context.space_data.type == "TEXT_EDITOR"
        return is_in_text_editor or super().poll(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = _find_node(self.node_id) if self.node_id else self.node(context)
        if node is None:
            return {"CANCELLED"}
        if not (node.filepath or node.library_script):
            self.report({"WARNING"}, translated('"{name}" has a script of its own already').format(name=node.name))
            return {"CANCELLED"}
        try:
            text = texts.make_local(node)
        except SignatureError as error:
            return self.fail(error)
        return self.show(context, text)


def _find_node(node_id: str) -> BackgroundNodeScript | None:
    found = (find_node(tree, node_id) for tree in background_trees() if tree.is_editable)
    return next((node for node in found if node is not None), None)


classes = (
    BACKGROUND_NODES_OT_script_new,
    BACKGROUND_NODES_OT_script_open,
    BACKGROUND_NODES_OT_script_edit,
    BACKGROUND_NODES_OT_script_error_show,
    BACKGROUND_NODES_OT_script_edit_externally,
    BACKGROUND_NODES_OT_script_reload,
    BACKGROUND_NODES_OT_script_make_local,
)
