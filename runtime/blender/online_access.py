# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Blender may speak with a host: its preferences say so, and --offline-mode or --online-mode before them.

This machine's own addresses are not online. The Python module `bpy` has no window, reads no saved preferences and knows
neither option, so nobody could allow it anything: there the host that somebody typed is what they allow.
"""

from __future__ import annotations

import bpy

from ..errors import EngineError
from ..hosts import is_loopback


def check(host: str) -> None:
    """Raises EngineError if Blender is not to go online, and the host is another machine."""
    if not bpy.app.online_access and not is_loopback(host):
        message = f"Blender is not to go online, and {host} is another machine"
        raise EngineError(message, "Switch on Allow Online Access in the preferences, under System")


def check_typed(host: str) -> None:
    """As `check`, for a host that somebody typed into a command: only a real Blender is asked. Raises EngineError."""
    if bpy.app.binary_path:
        check(host)
