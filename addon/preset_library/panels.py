# SPDX-License-Identifier: GPL-3.0-or-later
"""The tab *Presets* of the Sidebar: what the active node came from, what is outdated, the libraries."""

from __future__ import annotations

from pathlib import PurePath

import bpy
from bpy.app.translations import pgettext_iface as translated

from ...node_tree.group_node import has_group
from ...runtime.errors import as_sentences
from ...runtime.presets.library import PresetLibrary
from ...runtime.presets.preset import Finding
from ..adding import preset_choices, preset_use
from ..drawing import paragraphs
from ..editor import redraw
from ..editor.active import edited_tree
from ..presets import notes, updating
from ..presets.libraries import libraries
from ..presets.trust import trust_lists
from ..sidebar import tabs
from . import update_dialog
from .save_dialog import BACKGROUND_NODES_OT_preset_save
from .trust_dialog import BACKGROUND_NODES_OT_trust_list_ask, BACKGROUND_NODES_OT_trust_list_revoke

_MAX_ROWS = 30


class _PresetPanel:
    bl_space_type = "NODE_EDITOR"
    bl_region_type = "UI"
    bl_category = tabs.PRESETS

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return edited_tree(context) is not None


class BACKGROUND_NODES_PT_preset(_PresetPanel, bpy.types.Panel):
    """What the active node came from"""

    bl_label = "Preset"

    def draw(self, context: bpy.types.Context) -> None:
        _read_libraries()
        layout, node = self.layout, _active(context)
        owner = node if node is None or not has_group(node) else node.node_tree
        note = None if owner is None else notes.read(owner)
        if note is not None:
            _draw_origin(layout, context, note)
        if node is not None:
            layout.menu(preset_use.BACKGROUND_NODES_MT_values.bl_idname, icon="PRESET")
        row = layout.row()
        row.operator_context = "INVOKE_DEFAULT"
        row.operator(BACKGROUND_NODES_OT_preset_save.bl_idname, text="Save as Preset...", icon="ASSET_MANAGER")


#: Seconds between two looks at whether the libraries were read.
_INTERVAL = 0.2


def _read_libraries() -> None:
    """Let the libraries be read, and what is drawn now be drawn again once that is over."""
    libraries.read_soon()
    if any(library.is_being_read for library in libraries.all()) and not bpy.app.timers.is_registered(_redraw):
        bpy.app.timers.register(_redraw, first_interval=_INTERVAL)


def _redraw() -> float | None:
    if any(library.is_being_read for library in libraries.all()):
        return _INTERVAL
    for area, _tree in redraw.editors():
        area.tag_redraw()
    return None


def _active(context: bpy.types.Context) -> bpy.types.Node | None:
    active = edited_tree(context).nodes.active
    return active if active is not None and active.select and hasattr(active, "uid") else None


def _draw_origin(layout: bpy.types.UILayout, context: bpy.types.Context, note: notes.Note) -> None:
    preset = preset_choices.shown().presets.get(note.uuid)
    layout.label(text=note.name, icon="ASSET_MANAGER", translate=False)
    lines = [translated("Version {version} in this file").format(version=note.version)]
    lines += [translated("No library has it any more")] if preset is None else preset_choices.facts(preset)
    for line in lines:
        paragraphs.draw(layout, context, line)
    if preset is not None and preset.description:
        paragraphs.draw(layout, context, preset.description)


class BACKGROUND_NODES_PT_outdated_presets(_PresetPanel, bpy.types.Panel):
    """What in this file has a newer version in a library"""

    bl_label = "Outdated Presets"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        _read_libraries()
        found = updating.outdated()
        for each in found[:_MAX_ROWS]:
            text = translated("{name}: {version} to {newest}")
            text = text.format(name=each.name, version=each.note.version, newest=each.newest.version)
            update_dialog.draw_button_for(layout, each.tree_uid, each.node_id, text)
        paragraphs.draw_rest(layout, found, _MAX_ROWS)
        if not found:
            layout.label(text="All presets of this file are up to date", icon="CHECKMARK")
        _draw_findings(layout, context, updating.missing())


class BACKGROUND_NODES_PT_preset_libraries(_PresetPanel, bpy.types.Panel):
    """The asset libraries with presets, and what is wrong with their files"""

    bl_label = "Libraries"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        _read_libraries()
        for library in libraries.all():
            _draw_library(layout, library)
        questions = {question.list.library for question in trust_lists.questions()}
        for folder in questions:
            row = layout.row()
            row.operator_context = "INVOKE_DEFAULT"
            text = translated("Trusted Scripts of {library}...").format(library=_library_name(folder))
            row.operator(
                BACKGROUND_NODES_OT_trust_list_ask.bl_idname, text=text, icon="QUESTION", translate=False
            ).library = folder
        for folder in (each for each in trust_lists.confirmed() if each not in questions):
            row = layout.row()
            text = translated("Scripts of {library} are trusted").format(library=_library_name(folder))
            row.label(text=text, icon="CHECKMARK", translate=False)
            row.operator(BACKGROUND_NODES_OT_trust_list_revoke.bl_idname, text="", icon="X").library = folder
        _draw_findings(layout, context, libraries.findings())


def _library_name(folder: str) -> str:
    library = libraries.library(folder)
    return PurePath(folder).name if library is None else library.name


def _draw_library(layout: bpy.types.UILayout, library: PresetLibrary) -> None:
    split = layout.split(factor=0.65)
    split.label(text=library.name, icon="ASSET_MANAGER", translate=False)
    num = len(library.newest())
    text = translated("{count} presets").format(count=num) if library.is_listed else translated("reading …")
    row = split.row()
    row.alignment = "RIGHT"
    row.label(text=text, translate=False)


def _draw_findings(layout: bpy.types.UILayout, context: bpy.types.Context, findings: tuple[Finding, ...]) -> None:
    for finding in findings[:_MAX_ROWS]:
        box = layout.box()
        title = finding.node or PurePath(finding.file).name
        box.label(text=title, icon="ERROR" if finding.is_error else "INFO", translate=False)
        text = as_sentences(finding.message, finding.fix)
        paragraphs.draw(box, context, text[:1].upper() + text[1:])
    paragraphs.draw_rest(layout, findings, _MAX_ROWS)


classes = (
    BACKGROUND_NODES_PT_preset,
    BACKGROUND_NODES_PT_outdated_presets,
    BACKGROUND_NODES_PT_preset_libraries,
)


def unregister() -> None:
    if bpy.app.timers.is_registered(_redraw):
        bpy.app.timers.unregister(_redraw)
