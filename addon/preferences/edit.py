# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators on the preferences: folders of scripts, and back to the defaults."""

from __future__ import annotations

import bpy

from ..drawing import keymaps
from . import preferences


class BACKGROUND_NODES_OT_script_folder_add(bpy.types.Operator):
    """Add a folder with scripts of your own to the Add menu"""

    bl_idname = "background_nodes.script_folder_add"
    bl_label = "Add Script Folder"
    bl_options = {"REGISTER", "INTERNAL"}

    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE", "HIDDEN"})
    filter_folder: bpy.props.BoolProperty(default=True, options={"SKIP_SAVE", "HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        folders = preferences.found().script_folders
        if self.directory in [folder.directory for folder in folders]:
            return {"CANCELLED"}
        folders.add().directory = self.directory
        context.preferences.is_dirty = True
        return {"FINISHED"}


class BACKGROUND_NODES_OT_script_folder_remove(bpy.types.Operator):
    """Take the folder out of the Add menu; it stays on disk"""

    bl_idname = "background_nodes.script_folder_remove"
    bl_label = "Remove Script Folder"
    bl_options = {"REGISTER", "INTERNAL"}

    index: bpy.props.IntProperty(options={"SKIP_SAVE", "HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        preferences.found().script_folders.remove(self.index)
        context.preferences.is_dirty = True
        return {"FINISHED"}


class BACKGROUND_NODES_OT_preferences_reset(bpy.types.Operator):
    """Set all preferences of Background Nodes, its keys too, back to what they were at first"""

    bl_idname = "background_nodes.preferences_reset"
    bl_label = "Reset to Defaults"
    bl_options = {"REGISTER", "INTERNAL"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = preferences.found()
        for name in preferences.names():
            settings.property_unset(name)
        keymaps.restore()
        context.preferences.is_dirty = True
        return {"FINISHED"}


classes = (
    BACKGROUND_NODES_OT_script_folder_add,
    BACKGROUND_NODES_OT_script_folder_remove,
    BACKGROUND_NODES_OT_preferences_reset,
)
