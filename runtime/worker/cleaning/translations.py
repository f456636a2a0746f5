# SPDX-License-Identifier: GPL-3.0-or-later
"""Translations that a script has registered. Blender keeps them by the names of modules, and does not tell these."""

from __future__ import annotations

import gc
from typing import Any

import bpy

_NAME = "background_nodes_mark"


class Translations:
    """The names under which translations are registered now."""

    def __init__(self) -> None:
        self._registered = _registered()
        self._names = set(self._registered)

    def restore(self) -> str:
        """Remove those that were registered since. Returns ""."""
        for name in self._registered.keys() - self._names:
            bpy.app.translations.unregister(name)
        return ""


def _registered() -> dict[str, Any]:
    """Blender's own dictionary of them: the one that has an entry of ours. A Blender without languages has none."""
    mark: dict[str, Any] = {"": []}  # with a list in it, so that Python's garbage collector knows of what holds it
    bpy.app.translations.register(_NAME, mark)
    try:
        found = (item for item in gc.get_objects() if type(item) is dict and item.get(_NAME) is mark)
        return next(found, {})
    finally:
        bpy.app.translations.unregister(_NAME)
