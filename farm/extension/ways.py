# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the farm, as the preferences say: which Python, which address; and whether Blender may go it."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any

import bpy

from .parts import part

#: The name under which Blender knows this extension.
EXTENSION = __package__.rpartition(".extension")[0]


class NoPythonError(Exception):
    """The Python of the preferences can't be started. `fix` says what to do about it."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(f"{message}. {fix}")
        self.message = message
        self.fix = fix


def preferences() -> Any:
    """The preferences of this extension."""
    return bpy.context.preferences.addons[EXTENSION].preferences


def python() -> str:
    """The Python that the preferences name, "" if it can't be started."""
    path = bpy.path.abspath(preferences().python)
    return path if os.access(path, os.X_OK) else ""


def python_with(extra: str) -> str:
    """The Python that the preferences name, which is to have what pip calls background-nodes[`extra`].

    Raises NoPythonError if it can't be started.
    """
    found = python()
    if not found:
        fix = f"Name one that has background-nodes[{extra}], in the preferences of Background Nodes Farm"
        raise NoPythonError(f"{preferences().python or 'nothing'} is no Python that can be started", fix)
    return found


def find(farm: ModuleType, told: str = "") -> Any:
    """The way to the farm. `told` is another address than that of the preferences.

    Raises:
        EngineError: if there is none, or Blender is not to go it.
    """
    chosen = preferences()
    address = part(farm, "address").Address.parsed(told or chosen.address)
    first = sys.modules[farm.__name__.rpartition(".")[0]]
    part(first, "runtime.blender.online_access").check(address.host)
    try:
        chosen_python = python_with("farm")
    except NoPythonError as missing:
        raise part(farm, "engine").EngineError(missing.message, missing.fix) from None
    shared = bpy.path.abspath(chosen.shared)
    return part(farm, "engine").Way(chosen_python, address, shared)
