# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Blender has called Python code that may have changed data-blocks.

Blender tells little of what Python changes: no custom property, no pixel, no name of an attribute. So Python itself is
asked which functions were called: operators, timers, handlers, the console, and whatever else other add-ons bring.
What draws the interface is not allowed to change anything. What Background Nodes changes, it tells itself.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import bpy
import numpy

_NAME: Final = "background_nodes"
#: Python tells of calls since 3.12; Blender has that since 5.1.
_monitoring: Any = getattr(sys, "monitoring", None)
#: The numbers of tools that nobody has reserved.
_TOOLS: Final = (4, 3)
_OURS = (f"{Path(__file__).parents[2]}{os.sep}",)
#: What changes data-blocks only for others: Python's own modules, what it generates, those of Blender, and Cycles,
#: which is asked for its devices.
_LIBRARIES: Final = (
    *(sysconfig.get_path(name) for name in ("stdlib", "platlib", "purelib")),
    f"{Path(numpy.__file__).parent}{os.sep}",  # systems that bring Blender have it elsewhere
    "<frozen ",
    "<string>",
    *(bpy.utils.system_resource("SCRIPTS", path=path) for path in ("startup/bl_ui", "modules", "addons_core/cycles")),
)
#: While these draw, Blender refuses to write to data-blocks.
_DRAWING: Final = (bpy.types.AssetShelf, bpy.types.Header, bpy.types.Menu, bpy.types.Panel, bpy.types.UIList)


class PythonCalls:
    """Calls `told` at the first call after each `watch`, and then no more."""

    def __init__(self, told: Callable[[], None]) -> None:
        self._told = told
        self._tool: int | None = None
        self._drawing: FrameType | None = None  # the last outermost function that drew, and was no library's

    def watch(self) -> bool:
        """Watch from now on. Returns False where that can't be, such as for a script of others that goes on after."""
        if _monitoring is None or not is_called_by_us():
            return False
        if self._tool is None:
            self._tool = next((number for number in _TOOLS if _monitoring.get_tool(number) is None), None)
            if self._tool is None:
                return False
            _monitoring.use_tool_id(self._tool, _NAME)
            for event in (_monitoring.events.PY_START, _monitoring.events.PY_RESUME):
                _monitoring.register_callback(self._tool, event, self._called)
        _monitoring.set_events(self._tool, _monitoring.events.PY_START | _monitoring.events.PY_RESUME)
        _monitoring.restart_events()
        return True

    def stop(self) -> None:
        """Watch no more."""
        if self._tool is not None:
            _monitoring.set_events(self._tool, 0)
            _monitoring.free_tool_id(self._tool)
            self._tool = self._drawing = None

    def _called(self, code: CodeType, _offset: int) -> object:
        """A function is called. If this returns DISABLE, that is told no more of its code until the next `watch`."""
        outermost = sys._getframe(1)
        while (caller := outermost.f_back) is not None:
            outermost = caller
        if outermost is self._drawing:  # the quickest way out: panels of other add-ons call a lot
            return None
        if _is_ours(code):
            return _monitoring.DISABLE
        if threading.get_ident() != threading.main_thread().ident:
            return None
        is_library = code.co_filename.startswith(_LIBRARIES)
        if _draws(outermost) or (is_library and _is_ours(outermost.f_code)):
            if is_library:
                return _monitoring.DISABLE
            self._drawing = outermost
            return None
        _monitoring.set_events(self._tool, 0)
        self._drawing = None
        self._told()
        return None


def is_called_by_us() -> bool:
    """Whether who asks was called by other code of Background Nodes, and not by Blender itself."""
    caller = sys._getframe(1).f_back
    return caller is not None and _is_ours(_outermost(caller).f_code)


def _is_ours(code: CodeType) -> bool:
    return code.co_filename.startswith(_OURS)


def _outermost(frame: FrameType) -> FrameType:
    """What Blender has called."""
    while frame.f_back is not None:
        frame = frame.f_back
    return frame


def _draws(frame: FrameType) -> bool:
    """Whether a function draws, or tells whether something is to be drawn."""
    code = frame.f_code
    if not code.co_argcount:
        return False
    first = frame.f_locals[code.co_varnames[0]]
    cls = first if isinstance(first, type) else type(first)
    return issubclass(cls, _DRAWING) or (code.co_name == "poll" and issubclass(cls, bpy.types.Operator))
