# SPDX-License-Identifier: GPL-3.0-or-later
"""Node trees in files of text: for git, where a change of a tree is a change of few lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy

from ...node_tree.text_form.building import build
from ...node_tree.text_form.dumping import dump
from ...runtime.errors import TextFormError
from ...runtime.text_form import files
from ...runtime.text_form.paths import absolute_in, relative_to, with_paths
from ..editor.active import TreeOperator, background_editor, edited_tree
from .clipboard import report


class BACKGROUND_NODES_OT_tree_export(TreeOperator, bpy.types.Operator):
    """Write the node tree to a file of text, with its scripts and groups, and without results"""

    bl_idname = "background_nodes.tree_export"
    bl_label = "Export Tree as Text"

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filename_ext = files.ENDING
    filter_glob: bpy.props.StringProperty(default=f"*{files.ENDING}", options={"HIDDEN"})
    check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN"})
    scripts_beside: bpy.props.BoolProperty(
        name="Scripts as Files",
        description="Write scripts to files in a folder beside it, where other programs find, check and edit them",
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if not self.filepath:
            folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
            self.filepath = str(folder / f"{bpy.path.clean_name(edited_tree(context).name)}{files.ENDING}")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, _context: bpy.types.Context) -> bool:
        whole = bpy.path.ensure_ext(self.filepath, files.ENDING)
        changed, self.filepath = whole != self.filepath, whole
        return changed

    def execute(self, context: bpy.types.Context) -> set[str]:
        tree = edited_tree(context)
        path = Path(bpy.path.abspath(bpy.path.ensure_ext(self.filepath, files.ENDING)))
        home = Path(bpy.data.filepath).parent if bpy.data.filepath else None
        try:
            data = with_paths(dump(tree), relative_to(path.parent, of=home))
            files.write_file(path, data, scripts_beside=self.scripts_beside)
        except TextFormError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class BACKGROUND_NODES_OT_tree_import(TreeOperator, bpy.types.Operator):
    """Make a node tree of a file of text. You are asked before scripts run that came with it"""

    bl_idname = "background_nodes.tree_import"
    bl_label = "Import Tree from Text"
    bl_options = {"REGISTER", "UNDO"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: bpy.props.StringProperty(default=f"*{files.ENDING}", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return background_editor(context) is not None

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(bpy.path.abspath(self.filepath))
        try:
            data = files.read_file(path)
            made = build(with_paths(data, _seen_from(files.file_of(path).parent)), source=str(path))
        except TextFormError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        context.space_data.node_tree = made.tree
        report(self, made)
        return {"FINISHED"}


def _seen_from(folder: Path) -> Callable[[str], str]:
    """Converts paths that are seen from a folder to such that are seen from the open file, if that is saved."""
    whole = absolute_in(folder)

    def convert(path: str) -> str:
        found = whole(path)
        if found == path or not bpy.data.filepath:
            return found
        try:
            return str(bpy.path.relpath(found))
        except ValueError:  # on another drive
            return found

    return convert


classes = (BACKGROUND_NODES_OT_tree_export, BACKGROUND_NODES_OT_tree_import)
