# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a used worker clean again: an empty file, and no trace of the last script in Blender or Python."""

from __future__ import annotations

import contextlib
import gc
import tempfile
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import bpy

from ...blender.temporary_files import TemporaryFiles
from .empty_file import EmptyFile
from .enabled_addons import EnabledAddons
from .property_values import values
from .python_state import PythonState
from .registered_types import RegisteredTypes
from .timers import Timers
from .translations import Translations

#: Parts of the preferences that are looked at elsewhere, or not at all: files in folders, and thousands of colours.
_LEFT_OUT = frozenset({"studio_lights", "themes", "addons"})


class CleanState:
    """The state of a worker in which nothing ran yet, to be restored.

    Args:
        scratch: the folder in which the worker's own lies, for its log and all temporary files.
        addons: the modules of those it was given.

    Raises:
        FileNotFoundError: as `TemporaryFiles`.
    """

    def __init__(self, scratch: Path, addons: Iterable[types.ModuleType] = ()) -> None:
        temporary, configuration = Path(tempfile.gettempdir()), Path(bpy.utils.user_resource("CONFIG"))
        self._temporary_files = TemporaryFiles(scratch, temporary, Path(bpy.app.tempdir), configuration)
        self._empty_file = EmptyFile(temporary.parent)
        self._empty_file.open()
        self._types = RegisteredTypes()
        self._translations = Translations()
        self._addons = EnabledAddons()
        self._timers = Timers(addons)
        self._preferences = _preferences()
        self._app = _app_settings()
        self._keymaps = _keymaps()
        self._window_manager = set(bpy.context.window_manager.keys())
        self._python = PythonState([*self._types.with_code, *_handler_lists()], self._types.without_code)
        # Garbage collection need not look at what stays for good: 35 ms less for each task.
        gc.collect()
        gc.freeze()

    def restore(self) -> str:
        """Restore it.

        Returns:
            "" or why this worker can't be made clean, and must end.
        """
        steps = (
            self._changed_addons,  # first, as long as its module is loaded
            self._python.restore,
            self._python.unclean,
            self._changed_settings,
            self._types.restore,
            self._translations.restore,
            self._timers.restore,
            self._restore_blender,
            self._temporary_files.remove,
            self._python.remains,
        )
        return next((reason for step in steps if (reason := step())), "")

    def forget_script(self, module: str) -> str:
        """Restore the state after a script that is self-contained (`runtime/script/self_contained.py`). Returns ""."""
        self._python.forget_script(module)
        return ""

    def restore_foundations(self) -> None:
        """As `PythonState.restore_foundations`."""
        self._python.restore_foundations()

    def is_outdated(self) -> bool:
        """As `PythonState.is_outdated`."""
        return self._python.is_outdated()

    def _changed_addons(self) -> str:
        return "its script enabled or disabled an add-on" if self._addons.have_changed() else ""

    def _changed_settings(self) -> str:
        # Looked at in full, as a script may save them or call them saved, and Blender marks its own only.
        if bpy.context.preferences.is_dirty or _preferences() != self._preferences:
            return "its script changed the preferences"
        return "its script changed the keymaps" if _keymaps() != self._keymaps else ""

    def _restore_blender(self) -> str:
        for name, value in self._app.items():
            if getattr(bpy.app, name) != value:
                setattr(bpy.app, name, value)
        window_manager = bpy.context.window_manager
        for name in set(window_manager.keys()) - self._window_manager:
            del window_manager[name]
        self._empty_file.open()
        return ""


def _handler_lists() -> Iterator[list[Any]]:
    for name in dir(bpy.app.handlers):
        functions = getattr(bpy.app.handlers, name)
        if isinstance(functions, list):
            yield functions


def _app_settings() -> dict[str, Any]:
    """What can be set in `bpy.app`."""
    found = {}
    for name in dir(bpy.app):
        value = getattr(bpy.app, name)
        if type(value) in {bool, int, float}:
            with contextlib.suppress(AttributeError, TypeError):
                setattr(bpy.app, name, value)
                found[name] = value
    return found


def _preferences() -> list[Any]:
    """The values of all preferences, Blender's own and those of its add-ons, such as the devices Cycles uses."""
    preferences = bpy.context.preferences
    return [
        values(preferences, _LEFT_OUT),
        [(addon.module, addon.preferences and values(addon.preferences)) for addon in preferences.addons],
    ]


def _keymaps() -> list[Any]:
    """How many keymaps each key configuration has, and how many keys each of them."""
    configurations = bpy.context.window_manager.keyconfigs
    return [(one.name, [len(keymap.keymap_items) for keymap in one.keymaps]) for one in configurations]
