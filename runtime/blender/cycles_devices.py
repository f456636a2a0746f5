# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices that Cycles renders with: read in the foreground, and given to workers, which have factory settings."""

from __future__ import annotations

import contextlib
from typing import Any

import bpy

from ..engine.workers import CyclesDevices


def chosen() -> CyclesDevices:
    """Those that the preferences choose; none where Cycles is off, or renders with the processor."""
    preferences = _preferences()
    if preferences is None or preferences.compute_device_type == "NONE":
        return CyclesDevices()
    backend = preferences.compute_device_type
    ids = (item.id for item in preferences.devices if item.use and item.type in (backend, "CPU"))
    return CyclesDevices(backend, tuple(ids))


def choose(devices: CyclesDevices) -> None:
    """Choose devices in this Blender's preferences, as far as they are there."""
    preferences = _preferences()
    if preferences is None:
        return
    if not devices.backend:  # the preferences may be the artist's
        preferences.compute_device_type = "NONE"
        return
    with contextlib.suppress(TypeError):  # this Blender was built without the backend
        preferences.compute_device_type = devices.backend
        preferences.refresh_devices()
        for item in preferences.devices:
            item.use = item.id in devices.ids


def use_in(scene: bpy.types.Scene) -> None:
    """Let a scene render with the graphics cards that are chosen, if there are any."""
    preferences = _preferences()
    if preferences is None or preferences.compute_device_type == "NONE":
        return
    if any(item.use and item.type == preferences.compute_device_type for item in preferences.devices):
        scene.cycles.device = "GPU"


def _preferences() -> Any:
    addon = bpy.context.preferences.addons.get("cycles")
    return None if addon is None else addon.preferences
