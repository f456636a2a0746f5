# SPDX-License-Identifier: GPL-3.0-or-later
"""Uses a preset, whatever it is: adds its node, opens its tree, or gives its values to the active node."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ...node_tree import lookup
from ...runtime.errors import PresetError
from ...runtime.presets.preset import Kind, Preset
from ...runtime.script.wording import title_of
from ..editor.active import background_editor, edited_tree
from ..presets import using
from . import node_add, preset_choices
from .node_add import AddOperator, store_cursor
from .node_choices import NodeChoice


class PresetOperator(AddOperator):
    """Mixed into an operator that uses a preset."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        # A tree can be opened where none is yet.
        return background_editor(context) is not None and (edited_tree(context) is None or super().poll(context))

    def use(self, context: bpy.types.Context, preset: Preset | None) -> set[str]:
        """Use it as what it is. What is wrong is reported."""
        if preset is None:
            self.report({"ERROR"}, rpt_("No library has this preset any more. Look into the menu of presets again"))
            return {"CANCELLED"}
        try:
            return self._use(context, preset)
        except PresetError as error:
            self.report({"ERROR"}, rpt_('"{name}" can\'t be used: {reason}').format(name=preset.name, reason=error))
            return {"CANCELLED"}

    def _use(self, context: bpy.types.Context, preset: Preset) -> set[str]:
        """Raises PresetError."""
        tree = edited_tree(context)
        if preset.kind is Kind.TREE:
            context.space_data.node_tree = using.use_tree(preset).tree
            return {"FINISHED"}
        if tree is None:
            raise PresetError("there is no node tree to add it to", "Press New in the header first")
        if preset.kind is Kind.VALUES:
            return self._give_values(preset, tree.nodes.active)
        node = self.place(context, preset.name, lambda tree: preset_choices.add_to(tree, preset))
        return {"CANCELLED"} if node is None else self.finish()

    def _give_values(self, preset: Preset, node: bpy.types.Node | None) -> set[str]:
        """Raises PresetError."""
        if node is None or not node.select:
            raise PresetError("no node is active", "Select the node that is to get the values")
        left = using.apply_values(preset, node).left
        text = rpt_('{node} has the values of "{preset}"').format(node=lookup.label(node), preset=preset.name)
        self.report({"INFO"}, text)
        if left:
            text = rpt_('{node} has no such inputs, so these values of "{preset}" are not set: {names}')
            names = ", ".join(map(title_of, left))
            self.report({"WARNING"}, text.format(node=lookup.label(node), preset=preset.name, names=names))
        return {"FINISHED"}


class BACKGROUND_NODES_OT_preset_use(PresetOperator, bpy.types.Operator):
    """Use a preset of this file or of an asset library"""

    bl_idname = "background_nodes.preset_use"
    bl_label = "Use Preset"

    uuid: bpy.props.StringProperty(name="Preset", description="Id of the preset", options={"SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        preset = preset_choices.find(properties.uuid)
        return "" if preset is None else preset_choices.tooltip(preset)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if edited_tree(context) is not None:
            store_cursor(context, event)
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.use(context, preset_choices.shown().presets.get(self.uuid))


def draw(layout: bpy.types.UILayout, preset: Preset) -> None:
    """An entry of the Add menu. What can't be used is grey, and its tooltip says why."""
    entry = layout.row()
    entry.enabled = not preset_choices.fault(preset)
    icon = preset_choices.icon(preset)
    if preset.kind is Kind.TREE or preset.kind is Kind.VALUES:
        button = entry.operator(BACKGROUND_NODES_OT_preset_use.bl_idname, text=preset.name, translate=False, icon=icon)
        button.uuid = preset.uuid
    else:
        node_add.draw(entry, NodeChoice("preset", preset.uuid), icon=icon)


class BACKGROUND_NODES_MT_values(bpy.types.Menu):
    """Sets of values for the active node"""

    bl_idname = "BACKGROUND_NODES_MT_values"
    bl_label = "Values"

    def draw(self, context: bpy.types.Context) -> None:
        tree = edited_tree(context)
        node = None if tree is None else tree.nodes.active
        layout = self.layout
        presets = [] if node is None else preset_choices.values_for(node)
        for preset in presets:
            draw(layout, preset)
        if not presets:
            layout.label(text="No preset has values for this node", icon="INFO")
        layout.separator()
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator("background_nodes.preset_save", text="Save Values as Preset...").kind = "VALUES"


classes = (BACKGROUND_NODES_OT_preset_use, BACKGROUND_NODES_MT_values)
