# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a used worker as good as new: an empty file, and no trace of the last script in Python's state."""

from __future__ import annotations

import builtins
import contextlib
import gc
import linecache
import os
import random
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import addon_utils
import bpy

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
        self._modules = dict(sys.modules)
        self._path = list(sys.path)
        self._argv = list(sys.argv)
        self._environment = dict(os.environ)
        self._folder = Path.cwd()
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._builtins = dict(vars(builtins))
        self._handlers = {name: list(functions) for name, functions in _handler_lists()}
        self._classes = set(_registered_classes())
        self._addons = _enabled_addons()
        self._threads = _num_threads()
        self._hooks = sys.excepthook, sys.displayhook, sys.settrace
        self._recursion_limit = sys.getrecursionlimit()
        self._umask = _umask()
        # What is here for good need not be looked at in each collection: 35 ms less for each task.
        gc.collect()
        gc.freeze()

    def restore(self) -> str:
        """Go back to it.

        Returns:
            "" or why this worker can't be made clean, and must end.
        """
        if reason := self._unclean():
            return reason
        for addon in _enabled_addons() - self._addons:
            addon_utils.disable(addon, default_set=True)
        self._restore_python()
        self._restore_blender()
        open_empty_file()
        gc.collect()
        return ""

    def _unclean(self) -> str:
        if self._addons - _enabled_addons():
            return "its script disabled an add-on"
        if _num_threads() > self._threads:
            return "its script left a thread running"
        if bpy.context.preferences.is_dirty:
            return "its script changed the preferences"
        return ""

    def _restore_python(self) -> None:
        sys.stdin, sys.stdout, sys.stderr = self._streams
        sys.excepthook, sys.displayhook = self._hooks[:2]
        sys.settrace(None)
        sys.setprofile(None)
        sys.setrecursionlimit(self._recursion_limit)
        sys.path[:] = self._path
        sys.argv[:] = self._argv
        os.umask(self._umask)
        os.chdir(self._folder)
        _restore_dict(os.environ, self._environment)
        _restore_dict(vars(builtins), self._builtins)
        self._restore_modules()
        random.seed()
        warnings.resetwarnings()
        linecache.clearcache()
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed()

    def _restore_modules(self) -> None:
        """Forget the modules that scripts brought: their own files may change, their globals must not last.

        What belongs to Python or Blender stays: extension modules can't be imported twice.
        """
        installed = tuple(os.path.realpath(path) + os.sep for path in self._path if path)
        for name, module in list(sys.modules.items()):
            if name in self._modules:
                sys.modules[name] = self._modules[name]
            elif not _is_installed(module, installed):
                del sys.modules[name]
        for name, module in self._modules.items():
            sys.modules.setdefault(name, module)

    def _restore_blender(self) -> None:
        for name, functions in _handler_lists():
            functions[:] = self._handlers[name]
        for cls in set(_registered_classes()) - self._classes:
            if cls.__module__ not in sys.modules:
                with contextlib.suppress(RuntimeError, ValueError):
                    bpy.utils.unregister_class(cls)


def _restore_dict(current: Any, saved: dict[str, Any]) -> None:
    for key in [key for key in current if key not in saved]:
        del current[key]
    for key, value in saved.items():
        if current.get(key) is not value:
            current[key] = value


def _is_installed(module: Any, installed: tuple[str, ...]) -> bool:
    """Whether a module is built in or lies in one of the folders that were in `sys.path` from the start."""
    spec = getattr(module, "__spec__", None)
    origin = getattr(spec, "origin", None)
    if origin in {"built-in", "frozen"}:
        return True
    file = origin or getattr(module, "__file__", None)
    return bool(file) and os.path.realpath(file).startswith(installed)


def _handler_lists() -> Iterator[tuple[str, list[Any]]]:
    for name in dir(bpy.app.handlers):
        functions = getattr(bpy.app.handlers, name)
        if isinstance(functions, list):
            yield name, functions


def _registered_classes() -> Iterator[type]:
    for base in _CLASS_BASES:
        for cls in base.__subclasses__():
            if getattr(cls, "is_registered", False):
                yield cls


def _enabled_addons() -> set[str]:
    return {name for name, module in list(sys.modules.items()) if getattr(module, "__addon_enabled__", False)}


def _num_threads() -> int:
    """Without those that Python met when C code called it from a thread of its own, as Cycles does."""
    return sum(not isinstance(thread, threading._DummyThread) for thread in threading.enumerate())  # type: ignore[attr-defined]


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
