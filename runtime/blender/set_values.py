# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells that the artist has set a value in the interface, also one of which the dependency graph does not tell.

Blender's message bus tells the type of struct that has it, a little later, and not of which data-block it is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final

import bpy

_OWNER: Final = object()
#: The modules of Blender's own types. Of those that add-ons have registered, the dependency graph tells.
_MODULES: Final = frozenset({"bpy.types", "bpy_types", "_bpy_types"})
#: They are not part of a data-block that a run may take.
_OTHERS: Final = (
    bpy.types.Area,
    bpy.types.Operator,
    bpy.types.OperatorProperties,
    bpy.types.Preferences,
    bpy.types.Region,
    bpy.types.Scene,
    bpy.types.Screen,
    bpy.types.Space,
    bpy.types.Window,
    bpy.types.WindowManager,
    bpy.types.WorkSpace,
)


def listen(told: Callable[[type], None]) -> None:
    """Call a function with the type of struct of which a value is set from now on, and for what was set before no more.

    It is told of what Python sets, too, if Blender does something then.
    """
    stop()
    for cls in _types():
        bpy.msgbus.subscribe_rna(key=cls, owner=_OWNER, args=(cls,), notify=told)


def stop() -> None:
    """Listen no more."""
    bpy.msgbus.clear_by_owner(_OWNER)


@functools.cache
def _types() -> tuple[type, ...]:
    """All types of structs; Blender makes their classes when they are asked for."""
    classes = (getattr(bpy.types, name, None) for name in dir(bpy.types))
    return tuple(
        cls for cls in classes if isinstance(cls, type) and cls.__module__ in _MODULES and not issubclass(cls, _OTHERS)
    )
