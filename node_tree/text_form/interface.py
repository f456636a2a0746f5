# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface of a tree as plain data, and made of that with the same identifiers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import bpy

from ...runtime.errors import MisfitError
from ...runtime.text_form.parts import sockets_in
from ...runtime.text_form.tree_checks import socket_number
from .. import node_contents
from . import values

#: What holds the value, and what is written in another way.
_VALUE: Final = frozenset({"default_value", "json_value", "choice", "has_value", "choices_json", "choices_text"})
_LOOKS: Final = {"hide_value": False, "hide_in_modifier": False, "optional_label": False}
#: Stands for a socket that was removed: the numbers of others depend on it.
_FILLER: Final = {"name": "Removed", "in_out": "INPUT", "type": "Float"}
#: Since when panels may be in panels.
_NESTED_SINCE: Final = (4, 5, 0)
#: Position of an item behind all others.
_LAST: Final = 100_000


def written_interface(tree: bpy.types.NodeTree, reference: values.Reference) -> list[dict[str, Any]]:
    """The inputs and outputs of a tree with the panels that they are in, in order."""
    root: list[dict[str, Any]] = []
    inside: dict[int, list[dict[str, Any]]] = {}
    for item in tree.interface.items_tree:
        into = inside.get(item.parent.index, root) if item.parent is not None else root
        if item.item_type == "PANEL":
            found: dict[str, Any] = {"panel": item.name, "items": []}
            inside[item.index] = found["items"]
            found |= {"closed": True} if item.default_closed else {}
        else:
            found = _written_socket(item, reference)
        if item.description:
            found["description"] = item.description
        into.append(found)
    return root


def _written_socket(item: Any, reference: values.Reference) -> dict[str, Any]:
    found = {
        "identifier": item.identifier,
        "name": item.name,
        "in_out": item.in_out,
        "type": values.type_name(item.bl_socket_idname or item.socket_type),
    }
    now = {name: getattr(item, name, at_first) for name, at_first in _LOOKS.items()}
    looks = {name: value for name, value in now.items() if value != _LOOKS[name]}
    found |= {"looks": looks} if looks else {}
    if not values.is_ours(item):
        return found
    names = (name for name in node_contents.own_properties(type(item)).plain if name not in _VALUE)
    settings = values.written_properties(item, names, reference)
    if choices := json.loads(getattr(item, "choices_json", "") or "[]"):
        settings["choices"] = choices
    found |= {"settings": settings} if settings else {}
    value = None if item.value_type.is_data_block else values.raw(item)
    return found if value is None else found | {"value": values.as_data(value, item.value_type, reference)}


def make_interface(tree: bpy.types.NodeTree, items: list[dict[str, Any]], find: values.Finder) -> None:
    """Give a new tree an interface.

    Raises:
        MisfitError: if this Blender can't have it.
        TypeError, ValueError, ...: what Blender raises for what a property can't hold.
    """
    made = _make_sockets(tree, list(sockets_in(items)))
    for found in sockets_in(items):
        _fill(made[found["identifier"]], found, find)
    _arrange(tree, items, made, None)


def _make_sockets(tree: bpy.types.NodeTree, items: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Make the sockets by their numbers, which Blender gives in turn; those in between are made and removed."""
    made: dict[str, Any] = {}
    by_number = {socket_number(item["identifier"]): item for item in items}
    for number in range(max(by_number, default=-1) + 1):
        item = by_number.get(number, _FILLER)
        new = tree.interface.new_socket(item["name"], in_out=item["in_out"], socket_type=values.idname_of(item["type"]))
        if new is None or new.identifier != f"Socket_{number}":
            raise MisfitError(f'its interface can\'t have "{item["name"]}"', "Give it another type")
        made[new.identifier] = new
        if item is _FILLER:
            tree.interface.remove(made.pop(new.identifier))
    return made


def _fill(item: Any, found: Mapping[str, Any], find: values.Finder) -> None:
    for name, value in found.get("looks", {}).items():
        if name not in _LOOKS or not isinstance(value, bool):
            raise MisfitError(f"{name[:80]} means nothing there", "Remove it")
        if hasattr(item, name):
            setattr(item, name, value)
    item.description = found.get("description", "")
    if values.is_ours(item):
        _fill_value(item, found, find)
    elif "settings" in found or "value" in found:
        raise MisfitError(f"{item.bl_label} is no type of Background Nodes", "Give it another type")


def _fill_value(item: Any, found: Mapping[str, Any], find: values.Finder) -> None:
    settings = dict(found.get("settings", {}))
    choices = settings.pop("choices", None)
    if choices is not None:
        if item.kind != "MENU" or not isinstance(choices, list) or not all(map(_is_choice, choices)):
            raise MisfitError(f'"{item.name}" has choices that are none', "Give a list of texts")
        item.set_choices(choices)
    known = set(node_contents.own_properties(type(item)).plain) - _VALUE
    for name, value in settings.items():
        if name not in known:
            raise MisfitError(f"{name[:80]} is no setting of {item.bl_label}", "Remove it")
        values.set_property(item, name, value, find)
    if "value" in found and item.value_type.is_data_block:
        raise MisfitError(f'"{item.name}" can\'t have a value', "Remove it")
    if "value" in found:
        values.set_value(item, found["value"], is_own=False, find=find)


def _is_choice(choice: Any) -> bool:
    return isinstance(choice, str | int | float)


def _arrange(tree: bpy.types.NodeTree, items: list[dict[str, Any]], made: Mapping[str, Any], panel: Any) -> None:
    """Put items into a panel in their order. Where this Blender has no panels in panels, these stand side by side."""
    for found in items:
        if "panel" not in found:
            tree.interface.move_to_parent(made[found["identifier"]], panel, _LAST)
            continue
        description, is_closed = found.get("description", ""), bool(found.get("closed", False))
        new = tree.interface.new_panel(found["panel"], description=description, default_closed=is_closed)
        if panel is not None and bpy.app.version >= _NESTED_SINCE:
            tree.interface.move_to_parent(new, panel, _LAST)
        _arrange(tree, found.get("items", []), made, new)
