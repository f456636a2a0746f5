# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a used worker as good as new: an empty file, and no trace of the last script in Blender or Python."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator
from typing import Any

import bpy

from .interpreter import PythonState

_CLASS_BASES = (
    bpy.types.AddonPreferences,
    bpy.types.Gizmo,
    bpy.types.GizmoGroup,
    bpy.types.Header,
    bpy.types.KeyingSetInfo,
    bpy.types.Menu,
    bpy.types.Node,
    bpy.types.NodeSocket,
    bpy.types.NodeTree,
    bpy.types.Operator,
    bpy.types.Panel,
    bpy.types.PropertyGroup,
    bpy.types.RenderEngine,
    bpy.types.UIList,
)


def open_empty_file() -> None:
    """A file with one empty scene. Preferences stay."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False, use_splash=False)
    bpy.context.scene.name = "Scene"


class CleanState:
    """The state of a worker in which nothing ran yet, to go back to."""

    def __init__(self) -> None:
        self._handlers = {name: list(functions) for name, functions in _handler_lists()}
        self._attributes = {cls: frozenset(vars(cls)) for cls in _blender_types()}
        # Not before all of Blender's own types are there: each is made when it is first asked for, and those of node
        # trees would be taken for a script's. Unregistering them leaves them without `bl_rna`.
        self._classes = set(_registered_classes(set()))
        self._addons = _enabled_addons()
        self._addon_preferences = _addon_preferences()
        self._debug = _debug_settings()
        self._window_manager = set(bpy.context.window_manager.keys())
        self._python = PythonState()
        # What is here for good need not be looked at in each collection: 35 ms less for each task.
        gc.collect()
        gc.freeze()

    def restore(self) -> str:
        """Go back to it.

        Returns:
            "" or why this worker can't be made clean, and must end.
        """
        if reason := self._unclean() or self._python.unclean():
            return reason
        self._restore_blender()
        self._python.restore()
        open_empty_file()
        return self._python.remains()

    def _unclean(self) -> str:
        if _enabled_addons() != self._addons:
            return "its script enabled or disabled an add-on"
        # Blender marks its own preferences only, not those of add-ons, such as the devices Cycles uses.
        if bpy.context.preferences.is_dirty or _addon_preferences() != self._addon_preferences:
            return "its script changed the preferences"
        return ""

    def _restore_blender(self) -> None:
        for name, functions in _handler_lists():
            functions[:] = self._handlers[name]
        for cls in list(_registered_classes(self._classes)):
            with contextlib.suppress(RuntimeError, ValueError):
                bpy.utils.unregister_class(cls)
        for cls, names in self._attributes.items():
            if len(vars(cls)) != len(names):
                for name in set(vars(cls)) - names:
                    delattr(cls, name)
        for name, value in self._debug.items():
            if getattr(bpy.app, name) != value:
                setattr(bpy.app, name, value)
        window_manager = bpy.context.window_manager
        for name in set(window_manager.keys()) - self._window_manager:
            del window_manager[name]


def _handler_lists() -> Iterator[tuple[str, list[Any]]]:
    for name in dir(bpy.app.handlers):
        functions = getattr(bpy.app.handlers, name)
        if isinstance(functions, list):
            yield name, functions


def _registered_classes(known: set[type]) -> Iterator[type]:
    for base in _CLASS_BASES:
        for cls in base.__subclasses__():
            if cls not in known and getattr(cls, "is_registered", False):
                yield cls


def _blender_types() -> Iterator[type]:
    """Blender's own types, which scripts may give properties."""
    for name in dir(bpy.types):
        cls = getattr(bpy.types, name)
        if isinstance(cls, type):
            yield cls


def _debug_settings() -> dict[str, Any]:
    return {name: getattr(bpy.app, name) for name in dir(bpy.app) if name.startswith("debug")}


def _enabled_addons() -> set[str]:
    return {name for name, module in list(sys.modules.items()) if getattr(module, "__addon_enabled__", False)}


def _addon_preferences() -> dict[str, Any]:
    return {addon.module: _values(addon.preferences) for addon in bpy.context.preferences.addons if addon.preferences}


def _values(properties: Any) -> Any:
    """The values of properties, in depth."""
    found = {}
    for definition in properties.bl_rna.properties:
        if definition.identifier == "rna_type":
            continue
        value = getattr(properties, definition.identifier)
        if definition.type == "COLLECTION":
            value = [_values(item) for item in value]
        elif definition.type == "POINTER":
            value = None if value is None or isinstance(value, bpy.types.ID) else _values(value)
        elif getattr(definition, "is_array", False):
            value = list(value)
        found[definition.identifier] = value
    return found
