# SPDX-License-Identifier: GPL-3.0-or-later
"""Our operators on groups where Blender's menus have its own, which refuse node trees of add-ons.

Blender draws its entries greyed in every tree that has groups. Beside those, ours would be there twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from .active import edited_tree

#: Our operator in the place of Blender's.
_OURS = {
    "node.group_make": "background_nodes.group_make",
    "node.group_insert": "background_nodes.group_insert",
    "node.group_edit": "background_nodes.group_edit",
    "node.group_ungroup": "background_nodes.group_ungroup",
}
_MENUS = ("NODE_MT_node", "NODE_MT_context_menu")

_Draw = Callable[[Any, bpy.types.Context], None]


class _Layout:
    """A layout that draws other operators for some."""

    def __init__(self, layout: bpy.types.UILayout) -> None:
        object.__setattr__(self, "_layout", layout)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layout, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._layout, name, value)

    def operator(self, operator: str, *arguments: Any, **options: Any) -> Any:
        drawn = self._layout.operator(_OURS.get(operator, operator), *arguments, **options)
        if operator == "node.group_ungroup":
            self._layout.operator_menu_enum("background_nodes.group_separate", "type", text="Separate")
        return drawn


class _Menu:
    """A menu with such a layout."""

    def __init__(self, menu: bpy.types.Menu) -> None:
        self._menu = menu
        self.layout = _Layout(menu.layout)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._menu, name)


def _with_ours(draw: _Draw) -> _Draw:
    def draw_with_ours(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
        draw(menu if edited_tree(context) is None else _Menu(menu), context)

    draw_with_ours.replaced = draw  # type: ignore[attr-defined]
    return draw_with_ours


def _draw_functions(menu: str) -> list[Any]:
    """What draws a menu: Blender's function first, then those that add-ons have appended."""
    functions: list[Any] = getattr(bpy.types, menu)._dyn_ui_initialize()
    return functions


def register() -> None:
    for menu in _MENUS:
        functions = _draw_functions(menu)
        functions[0] = _with_ours(functions[0])


def unregister() -> None:
    for menu in _MENUS:
        functions = _draw_functions(menu)
        functions[:] = [getattr(function, "replaced", function) for function in functions]
