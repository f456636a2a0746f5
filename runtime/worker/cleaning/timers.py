# SPDX-License-Identifier: GPL-3.0-or-later
"""Timers of add-ons. None is ever called in a background Blender, but it can be asked which are registered."""

from __future__ import annotations

import types
from collections.abc import Iterable

import bpy


class Timers:
    """Which functions of these modules are timers now. Blender does not list its timers."""

    def __init__(self, modules: Iterable[types.ModuleType]) -> None:
        functions = {
            value for module in modules for value in vars(module).values() if isinstance(value, types.FunctionType)
        }
        is_registered = bpy.app.timers.is_registered
        self._functions = [(function, is_registered(function)) for function in functions]

    def restore(self) -> str:
        """Let the same ones be timers. Returns ""."""
        for function, was_registered in self._functions:
            if bpy.app.timers.is_registered(function) is was_registered:
                continue
            if was_registered:
                bpy.app.timers.register(function, persistent=True)  # a file has been opened since the others were
            else:
                bpy.app.timers.unregister(function)
        return ""
