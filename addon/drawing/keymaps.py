# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension's keys: other modules add them, the artist changes them in the preferences, unregistering removes them.

They are in Blender's add-on key configuration, so that what the artist changes is kept in the artist's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as iface_

#: The items with their keymaps, in the order in which they were added.
_items: list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]] = []


def add(
    keymap: str,
    space_type: str,
    idname: str,
    key: str,
    value: str = "PRESS",
    *,
    properties: Mapping[str, Any] | None = None,
    **modifiers: Any,
) -> None:
    """Add a key that calls an operator. To be called by `register` of the module with the operator.

    Args:
        keymap: name of the keymap, such as "Node Editor".
        space_type: the type of editor it belongs to, such as "NODE_EDITOR".
        idname: the operator, registered already.
        key: the type of the event, such as "R".
        value: the value of the event.
        properties: the operator's properties with their values.
        **modifiers: what `KeyMapItems.new` takes beside: `ctrl`, `shift`, `alt`, `oskey`, `key_modifier`, `head`.
    """
    found = bpy.context.window_manager.keyconfigs.addon.keymaps.new(keymap, space_type=space_type)
    item = found.keymap_items.new(idname, key, value, **modifiers)
    _items.append((found, item))
    for name, content in (properties or {}).items():
        setattr(item.properties, name, content)


def draw(layout: bpy.types.UILayout) -> None:
    """The keys as the artist has them, to be changed: as in Blender's own preferences."""
    import rna_keymap_ui  # Blender's own, which a Blender without a window does not need

    user = bpy.context.window_manager.keyconfigs.user
    for keymap, item in _items:
        users_keymap = user.keymaps.find(keymap.name, space_type=keymap.space_type, region_type=keymap.region_type)
        found = None if users_keymap is None else _users_item(users_keymap, keymap, item)
        if found is None:
            layout.label(text=iface_("{name} (removed)").format(name=iface_(item.name)), icon="X", translate=False)
            continue
        column = layout.column()
        column.context_pointer_set("keymap", users_keymap)
        rna_keymap_ui.draw_kmi([], user, users_keymap, found, column, 0)


def _users_item(
    users_keymap: bpy.types.KeyMap, keymap: bpy.types.KeyMap, item: bpy.types.KeyMapItem
) -> bpy.types.KeyMapItem | None:
    """What the artist's own configuration has of an item; None where the artist removed it."""
    if hasattr(users_keymap.keymap_items, "find_match"):  # 4.5 and later
        return users_keymap.keymap_items.find_match(keymap, item)
    return users_keymap.keymap_items.find_from_operator(item.idname, properties=item.properties)


def restore() -> None:
    """Set the keys that the artist changed back to what they were at first."""
    user = bpy.context.window_manager.keyconfigs.user
    for keymap in {keymap.name: keymap for keymap, _item in _items}.values():
        users_keymap = user.keymaps.find(keymap.name, space_type=keymap.space_type, region_type=keymap.region_type)
        for item in [item for item in users_keymap.keymap_items if _is_ours(item)] if users_keymap else ():
            users_keymap.restore_item_to_default(item)


def _is_ours(item: bpy.types.KeyMapItem) -> bool:
    return item.idname.startswith("background_nodes.")


def unregister() -> None:
    for keymap, item in _items:
        keymap.keymap_items.remove(item)
    _items.clear()
