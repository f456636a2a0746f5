# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what the preferences show of the farm up to date, by a bridge of its own, while somebody can see it."""

from __future__ import annotations

from typing import Any

import bpy

from . import attaching, ways
from .parts import part

#: Seconds between two looks at what the bridge tells.
_INTERVAL = 0.25

_engine: Any = None
_scratch: Any = None


def engine() -> Any:
    """What looks at the farm, None if nothing does: see `FarmEngine.farm`, `reason`."""
    return _engine


def start() -> None:
    """Look at the farm. Raises RuntimeError if Background Nodes is not enabled, EngineError if there is no way."""
    global _engine, _scratch
    farm, first = attaching.farm(), attaching.background_nodes()
    if farm is None or first is None:
        raise RuntimeError("Background Nodes is not enabled")
    ways.find(farm)
    end()
    _scratch = part(first, "runtime.scratch.scratch").Scratch()
    _engine = part(farm, "engine").FarmEngine(lambda: ways.find(farm), _scratch)
    _engine.look()
    bpy.app.timers.register(_tick, first_interval=_INTERVAL, persistent=True)


def end() -> None:
    """Look no longer."""
    global _engine, _scratch
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    if _engine is not None:
        _engine.close()
        _scratch.close()
        _engine = _scratch = None


def _tick() -> float | None:
    before = _engine.farm, _engine.reason
    _engine.poll()
    areas = [area for window in bpy.context.window_manager.windows for area in window.screen.areas]
    seen = [area for area in areas if area.type == "PREFERENCES"]
    if (_engine.farm, _engine.reason) != before:
        for area in seen:
            area.tag_redraw()
    if seen and not _engine.reason:
        return _INTERVAL
    if not seen:
        bpy.app.timers.register(end, first_interval=0.0)  # a timer can't take itself away
    return None
