# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators on the preferences: folders of scripts, trusted scripts, and back to the defaults."""

from __future__ import annotations

from typing import Any

import bpy

from ...runtime.errors import BackgroundNodesError
from ..consent.current import consent
from ..drawing import keymaps
from ..session import problems
from ..session.current import session
from . import preferences, trusted_list


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


class _RevokeOperator:
    bl_options = {"REGISTER", "INTERNAL"}

    def revoke(self, digests: list[str]) -> set[str]:
        try:
            consent.revoke(digests)
        except BackgroundNodesError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        problems.consent_changed()
        if (settings := preferences.found()) is not None:
            trusted_list.update(settings)
        return {"FINISHED"}


class BACKGROUND_NODES_OT_trusted_script_remove(_RevokeOperator, bpy.types.Operator):
    """Ask again before this script runs, in any of its versions"""

    bl_idname = "background_nodes.trusted_script_remove"
    bl_label = "Remove Trusted Script"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        settings = preferences.found()
        if settings is None or trusted_list.active(settings) is None:
            cls.poll_message_set("Choose a script in the list first")
            return False
        return True

    def execute(self, _context: bpy.types.Context) -> set[str]:
        return self.revoke(trusted_list.active(preferences.found()).digests.split())


class BACKGROUND_NODES_OT_trusted_scripts_clear(_RevokeOperator, bpy.types.Operator):
    """Ask again before any script runs that came with a file; once their file is opened again, for your own, too"""

    bl_idname = "background_nodes.trusted_scripts_clear"
    bl_label = "Remove All Trusted Scripts"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, _context: bpy.types.Context) -> set[str]:
        return self.revoke([script.digest for script in consent.trusted.listed()])


class BACKGROUND_NODES_OT_store_clear(bpy.types.Operator):
    """Delete kept results. What needs them runs again"""

    bl_idname = "background_nodes.store_clear"
    bl_label = "Clear Kept Results"
    bl_options = {"REGISTER", "INTERNAL"}

    unused_only: bpy.props.BoolProperty(options={"SKIP_SAVE", "HIDDEN"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        if properties.unused_only:
            return "Delete all kept results but those that the node trees of an open Blender show or need"
        return "Delete all kept results. Results that came home stay in their files"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        session.clear_store(unused_only=self.unused_only)
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
    BACKGROUND_NODES_OT_trusted_script_remove,
    BACKGROUND_NODES_OT_trusted_scripts_clear,
    BACKGROUND_NODES_OT_store_clear,
    BACKGROUND_NODES_OT_preferences_reset,
)
