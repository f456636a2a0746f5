# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what a newer version of a preset would change, and updates to it, or declines it for good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import bpy
from bpy.app.translations import pgettext_iface as translated
from bpy.app.translations import pgettext_rpt as rpt_

from ...runtime.errors import PresetError
from ..drawing import paragraphs
from ..editor.active import TreeOperator
from ..presets import updating
from ..presets.updating import Changes, Outdated
from ..scripts.consent_dialog import BackgroundNodesConsentLine, draw_button, draw_lines, show_lines

_WIDTH: Final = 720
_ROWS: Final = 14
_MAX_LINES: Final = 10


class _Open:
    """What the dialog that is open is about."""

    found: Outdated | None = None
    changes = Changes()


class _OutdatedOperator(TreeOperator):
    """Mixed into an operator on something that has a newer version."""

    tree_uid: bpy.props.StringProperty(
        name="Tree", description="Id of the node tree in this session", options={"SKIP_SAVE", "HIDDEN"}
    )
    node_id: bpy.props.StringProperty(
        name="Node", description="Id of the node, empty for a group or a tree", options={"SKIP_SAVE", "HIDDEN"}
    )

    def find(self) -> Outdated:
        """What is to be updated. Raises PresetError if there is nothing."""
        for found in updating.outdated():
            if (str(found.tree_uid), found.node_id) == (self.tree_uid, self.node_id):
                return found
        raise PresetError("there is no newer version in a library", "Look at what is outdated again")


class BACKGROUND_NODES_OT_preset_update(_OutdatedOperator, bpy.types.Operator):
    """Show what is new in the newer version of this preset, and update to it"""

    bl_idname = "background_nodes.preset_update"
    bl_label = "Update Preset"
    bl_options = {"REGISTER", "UNDO"}

    lines: bpy.props.CollectionProperty(type=BackgroundNodesConsentLine, options={"SKIP_SAVE", "HIDDEN"})
    line_index: bpy.props.IntProperty(name="Line", options={"SKIP_SAVE", "HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        try:
            _Open.found = self.find()
            _Open.changes = updating.changes(_Open.found)
        except PresetError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        show_lines(self.properties, _script_lines(_Open.changes), are_differences=True)
        return context.window_manager.invoke_props_dialog(self, width=_WIDTH)

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            found = self.find()
            updating.update(found)
        except PresetError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        text = rpt_('"{name}" is at version {version} now').format(name=found.name, version=found.newest.version)
        self.report({"INFO"}, text)
        return {"FINISHED"}

    def draw(self, context: bpy.types.Context) -> None:
        found, changes, layout = _Open.found, _Open.changes, self.layout
        if found is None:
            return
        layout.label(text=_title(found), icon="FILE_REFRESH", translate=False)
        for line in (*changes.lines[-_MAX_LINES:], *_new_description(found, changes)):
            paragraphs.draw(layout, context, line, icon="BLANK1", width=_WIDTH)
        if changes.is_changed_by_hand:
            text = translated("It was changed here since it was added: these changes go. Its values and links stay")
            paragraphs.draw(layout, context, text, icon="ERROR", width=_WIDTH)
        _draw_sockets(layout, context, changes)
        if self.lines:
            layout.label(text="Scripts")
            draw_lines(layout, self, min(_ROWS, len(self.lines)))
        elif not changes.sockets:
            layout.label(text="Its scripts and its sockets stay as they are", icon="INFO")
        row = layout.grid_flow(columns=3, even_columns=True, align=False)
        row.operator_context = "EXEC_DEFAULT"
        for operator, text in (
            (BACKGROUND_NODES_OT_preset_update.bl_idname, translated("Update")),
            (
                BACKGROUND_NODES_OT_preset_decline.bl_idname,
                translated("Never Update to Version {version}").format(version=found.newest.version),
            ),
        ):
            button = draw_button(row, operator, text)
            button.tree_uid, button.node_id = str(found.tree_uid), found.node_id
        row.template_popup_confirm("", text="", cancel_text="Cancel")


class BACKGROUND_NODES_OT_preset_decline(_OutdatedOperator, bpy.types.Operator):
    """Say no more that there is this version, nor an earlier one. A later one is told again"""

    bl_idname = "background_nodes.preset_decline"
    bl_label = "Decline Version"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            found = self.find()
            updating.decline(found)
        except PresetError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        text = rpt_('"{name}" stays at version {version}').format(name=found.name, version=found.note.version)
        self.report({"INFO"}, text)
        return {"FINISHED"}


def _title(found: Outdated) -> str:
    text = translated('"{name}" here is version {version}. The library has version {newest}')
    name = found.name if found.name == found.newest.name else f"{found.name} ({found.newest.name})"
    return text.format(name=name, version=found.note.version, newest=found.newest.version)


def _new_description(found: Outdated, changes: Changes) -> Iterator[str]:
    if changes.description:
        yield changes.description
    elif not changes.lines:
        yield translated("Its author does not say what is new")


def _script_lines(changes: Changes) -> Iterator[str]:
    for name, lines in changes.scripts.items():
        yield f"=== {name}"
        yield from lines


def _draw_sockets(layout: bpy.types.UILayout, context: bpy.types.Context, changes: Changes) -> None:
    if not changes.sockets:
        return
    layout.label(text="Inputs and Outputs")
    for change in changes.sockets[:_MAX_LINES]:
        icon = "ADD" if not change.before else "REMOVE" if not change.now else "FILE_REFRESH"
        text = str(change)
        paragraphs.draw(layout, context, text[:1].upper() + text[1:], icon=icon, width=_WIDTH)
    paragraphs.draw_rest(layout, changes.sockets, _MAX_LINES)


def draw_button_for(layout: bpy.types.UILayout, tree_uid: int, node_id: str, text: str) -> None:
    """A button that shows what is new in the newer version of something."""
    row = layout.row()
    row.operator_context = "INVOKE_DEFAULT"
    button: Any = row.operator(
        BACKGROUND_NODES_OT_preset_update.bl_idname, text=text, icon="FILE_REFRESH", translate=False
    )
    button.tree_uid, button.node_id = str(tree_uid), node_id


classes = (BACKGROUND_NODES_OT_preset_update, BACKGROUND_NODES_OT_preset_decline)


def unregister() -> None:
    _Open.found, _Open.changes = None, Changes()
