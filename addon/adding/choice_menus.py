# SPDX-License-Identifier: GPL-3.0-or-later
"""Menus of all nodes that can be chosen, by category: what is picked is added, or takes the place of another node."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import Protocol

import bpy

from ...runtime.presets.preset import Kind, Preset
from . import node_choices, preset_choices, search_words
from .node_choices import NodeChoice
from .preset_choices import NODE_KINDS
from .preset_menus import DrawPreset, PresetMenus

#: Types of data that are often an input; the others are in a menu of their own.
_COMMON_INPUTS = (
    ("Object", "Collection", "Mesh", "Material", "Image", "World", "Scene", "Text"),
    ("FLOAT", "INT", "BOOLEAN", "STRING", "VECTOR", "COLOR", "PATH", "BLEND_FILE"),
)
#: Each sub-menu needs a class, and none can be made while a menu is drawn: so many are made in advance.
_MAX_FOLDER_MENUS = 48

_Draw = Callable[[bpy.types.UILayout], None]


class DrawEntry(Protocol):
    """Draws the entry of a choice."""

    def __call__(
        self, layout: bpy.types.UILayout, choice: NodeChoice, *, icon: str = "NONE", word: str = ""
    ) -> None: ...


class ChoiceMenus:
    """Menus whose entries all do the same with what is picked."""

    def __init__(
        self,
        name: str,
        draw_entry: DrawEntry,
        draw_above_inputs: _Draw | None = None,
        draw_preset: DrawPreset | None = None,
    ) -> None:
        """`name` tells their identifiers from those of others.

        Args:
            name: see above.
            draw_entry: draws what can be picked.
            draw_above_inputs: draws what stands above the types of Input nodes.
            draw_preset: draws a preset of any kind; without it, there are those that become nodes.
        """
        self._prefix = f"BACKGROUND_NODES_MT_{name}"
        self._draw_entry = draw_entry
        self._draw_above_inputs = draw_above_inputs
        more = self._menu(
            "more_inputs", "More", "Nodes that give a value or a data-block of a rarer type", self._draw_more
        )
        inputs = functools.partial(self._draw_inputs, more)
        self._inputs = self._menu("input", "Input", "Nodes that give a value or a data-block of this file", inputs)
        self._lists = self._menu(
            "list", "List", "Nodes that work on lists, or choose, without a script", self._draw_lists
        )
        self._texts = self._menu(
            "text", "Script from Text", "Nodes of the texts in this file that are scripts", self._draw_texts
        )
        self._categories = [self._category(title, choices) for title, choices in node_choices.library()]
        self._folders = [
            self._menu(f"folder_{index}", "Scripts", "", functools.partial(self._draw_folder, index))
            for index in range(_MAX_FOLDER_MENUS)
        ]
        kinds = NODE_KINDS if draw_preset is None else (*NODE_KINDS, Kind.TREE)
        self._presets = PresetMenus(name, draw_preset or self._draw_preset, kinds)
        own = (more, self._inputs, self._lists, self._texts)
        self.classes = (*own, *self._categories, *self._folders, *self._presets.classes)

    def draw_inputs(self, layout: bpy.types.UILayout) -> None:
        layout.menu(self._inputs.bl_idname)

    def draw_lists(self, layout: bpy.types.UILayout) -> None:
        layout.menu(self._lists.bl_idname)

    def draw_texts(self, layout: bpy.types.UILayout) -> None:
        layout.menu(self._texts.bl_idname)

    def draw_presets(self, layout: bpy.types.UILayout) -> None:
        self._presets.draw(layout)

    def draw_scripts(self, layout: bpy.types.UILayout) -> None:
        """The shipped scripts, and those in the artist's own folders."""
        for menu in self._categories:
            layout.menu(menu.bl_idname)
        categories = list(node_choices.folder_categories())
        if categories:
            layout.separator()
        for category, menu in zip(categories, self._folders, strict=False):
            layout.menu(menu.bl_idname, text=category, translate=False)

    def _menu(self, name: str, label: str, description: str, draw: _Draw) -> type[bpy.types.Menu]:
        def draw_menu(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
            draw(menu.layout)

        idname = f"{self._prefix}_{name}"
        return type(
            idname,
            (bpy.types.Menu,),
            {"__doc__": description, "bl_idname": idname, "bl_label": label, "draw": draw_menu},
        )

    def _category(self, title: str, choices: list[NodeChoice]) -> type[bpy.types.Menu]:
        return self._menu(re.sub(r"\W+", "_", title.lower()), title, "", functools.partial(self._draw_shipped, choices))

    def _draw_all(self, choices: Iterable[NodeChoice], layout: bpy.types.UILayout) -> None:
        for choice in choices:
            self._draw_entry(layout, choice)

    def _draw_shipped(self, choices: Iterable[NodeChoice], layout: bpy.types.UILayout) -> None:
        self._draw_all(choices, layout)
        if getattr(bpy.context, "is_menu_search", False):
            for choice in choices:
                for word in search_words.of(choice.name):
                    self._draw_entry(layout, choice, word=word)

    def _draw_preset(self, layout: bpy.types.UILayout, preset: Preset) -> None:
        layout = layout.row()
        layout.enabled = not preset_choices.fault(preset)
        self._draw_entry(layout, NodeChoice("preset", preset.uuid), icon=preset_choices.icon(preset))

    def _draw_inputs(self, more: type[bpy.types.Menu], layout: bpy.types.UILayout) -> None:
        if self._draw_above_inputs is not None:
            self._draw_above_inputs(layout)
            layout.separator()
        for group in _COMMON_INPUTS:
            self._draw_all((NodeChoice("input", kind) for kind in group), layout)
            layout.separator()
        layout.menu(more.bl_idname)

    def _draw_more(self, layout: bpy.types.UILayout) -> None:
        common = {kind for group in _COMMON_INPUTS for kind in group}
        rare = (choice for choice in node_choices.inputs() if choice.name not in common)
        self._draw_all(sorted(rare, key=lambda choice: choice.title), layout)

    def _draw_lists(self, layout: bpy.types.UILayout) -> None:
        self._draw_all(node_choices.lists(), layout)

    def _draw_texts(self, layout: bpy.types.UILayout) -> None:
        choices = node_choices.texts()
        self._draw_all(choices, layout)
        if not choices:
            layout.label(text="No text in this file is a script")

    def _draw_folder(self, index: int, layout: bpy.types.UILayout) -> None:
        """The menu of the category of this index."""
        categories = list(node_choices.folder_categories().values())
        for script in categories[index] if index < len(categories) else ():
            self._draw_entry(layout, NodeChoice("file", script.path), icon="ERROR" if script.error else "NONE")
