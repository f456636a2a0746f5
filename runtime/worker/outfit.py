# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker of a kind has from its start: the artist's preferences or Blender's own, and add-ons.

Both are there before it is noted what each task begins with: so the reset restores them, and the next task of that kind
needs no new Blender.
"""

from __future__ import annotations

import contextlib
import os
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import addon_utils
import bpy

from ..engine.messages import WorkerKind
from ..engine.workers import AddonPlaces
from ..keys.files import Stamp, stamp_of
from ..pool.launcher import PREFERENCES

#: The variable of the environment that says where Python keeps what it compiles of add-ons, if that is not beside them.
COMPILED = "BACKGROUND_NODES_COMPILED"
#: The first Blender whose Python module reads preferences; older ones crash in it.
_MODULE_READS_PREFERENCES = (4, 5, 0)


class Outfit:
    """The add-ons and preferences of this worker.

    Attributes:
        fault: why it has not all that its kind has, "" if it has. Its tasks fail, then.
    """

    def __init__(self, kind: WorkerKind, places: AddonPlaces, *, is_online: bool) -> None:
        """`is_online`: as in `WorkerSettings`."""
        self.fault = ""
        self._is_online = is_online
        self._kind = kind
        self._places = places
        self._stamps: dict[str, Stamp | None] = {}
        leave_packages_alone()

    def use_preferences(self) -> None:
        """Use the artist's preferences, if its kind has them. Blender itself reads them when it starts."""
        if not self._kind.preferences:
            return
        file = Path(bpy.utils.user_resource("CONFIG"), PREFERENCES)
        if not bpy.app.binary_path:
            if bpy.app.version < _MODULE_READS_PREFERENCES:
                self.fault = "this Blender can't read preferences, as it is a module of Python older than 4.5"
                return
            bpy.ops.wm.read_userpref()
            if not self._is_online:  # Blender itself is told by an option
                bpy.context.preferences.system.use_online_access = False
        preferences = bpy.context.preferences
        elsewhere = preferences.filepaths.temporary_directory
        if elsewhere:
            left = Path(bpy.app.tempdir)
            preferences.filepaths.temporary_directory = ""  # what it leaves there would outlive it
            with contextlib.suppress(OSError):
                left.rmdir()
        preferences.is_dirty = False
        file.unlink(missing_ok=True)  # as for the next task

    def enable_addons(self) -> None:
        """Enable the add-ons of its kind; those that are enabled already stay as they are."""
        if self._kind.addons and not self.fault:
            find_addons(self._places)
            sys.pycache_prefix = os.environ.get(COMPILED, sys.pycache_prefix)
            self.fault = next(filter(None, map(_enable, self._kind.addons)), "")
            bpy.context.preferences.is_dirty = False
        self._stamps = {file: stamp_of(file) for module in self.modules() if (file := _file_of(module))}

    def modules(self) -> list[types.ModuleType]:
        """The modules of all add-ons that did not come with Blender."""
        blenders = bpy.utils.system_resource("SCRIPTS")
        found = dict(sys.modules)
        addons = [name for name, module in found.items() if getattr(module, "__addon_enabled__", False)]
        tops = [name for name in addons if not _file_of(found[name]).startswith(blenders)]
        return [found[name] for name in _within(tops, found) if isinstance(found[name], types.ModuleType)]

    def is_outdated(self) -> bool:
        """Whether the file of an add-on is another one than was imported."""
        return any(stamp_of(file) != known for file, known in self._stamps.items())

    def refusal(self, node: str) -> str:
        """Why a task can't run here."""
        return f'"{node}" can\'t run: {self.fault}'


def find_addons(places: AddonPlaces) -> None:
    """Let Blender find the add-ons of these places, until it ends."""
    preferences = bpy.context.preferences
    known = {repository.module: repository for repository in preferences.extensions.repos}
    for module, folder in places.repositories:
        if module not in known:
            preferences.extensions.repos.new(name=module, module=module, custom_directory=folder)
        elif os.path.normpath(known[module].directory) != os.path.normpath(folder):
            known[module].use_custom_directory, known[module].custom_directory = True, folder
    folders = {entry.directory for entry in preferences.filepaths.script_directories}
    for folder in places.script_folders:
        if folder not in folders:
            entry = preferences.filepaths.script_directories.new()
            entry.name, entry.directory = os.path.basename(folder), folder  # noqa: PTH119 (it may be empty)
            bpy.utils.refresh_script_paths()


def leave_packages_alone() -> None:
    """Let Blender never install or remove the Python packages that come with extensions.

    All Blenders of an artist have one folder for them, and Blender removes from it what none of its own enabled
    extensions needs. In a worker other extensions are enabled than in the artist's Blender.
    """
    if hasattr(addon_utils, "extensions_refresh"):
        addon_utils.extensions_refresh = _leave


def _leave(*_arguments: Any, **_options: Any) -> None:
    pass


def _within(tops: list[str], names: dict[str, types.ModuleType]) -> Iterator[str]:
    """The modules with these names, and those in them."""
    return (name for name in names if any(f"{name}.".startswith(f"{top}.") for top in tops))


def _enable(module: str) -> str:
    """Enable an add-on. Returns "" or why that can't be, and what to do."""
    if addon_utils.check(module)[1]:
        return ""
    reasons: list[str] = []

    def hear(error: Exception) -> None:
        reasons.append(_reason(error, module))

    # With an entry in the preferences: else an add-on does not find its own there.
    if addon_utils.enable(module, default_set=True, handle_error=hear) is not None:
        return ""
    reason = reasons[0] if reasons else "Blender refused it. Install it, or do without it"
    return f'the add-on "{module}" can\'t be enabled in a background Blender: {reason}'


def _reason(error: Exception, module: str) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        if f"{module}.".startswith(f"{error.name}."):
            return "it is not installed. Install it, or do without it"
        if module.startswith("bl_ext."):
            return (
                f'it needs the Python module "{error.name}". If that comes with it, enable the add-on in the '
                "preferences: Blender installs such modules for enabled add-ons only"
            )
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _file_of(module: types.ModuleType) -> str:
    return getattr(module, "__file__", None) or ""
