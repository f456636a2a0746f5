# SPDX-License-Identifier: GPL-3.0-or-later
"""The one session of this Blender: its runs and jobs."""

from __future__ import annotations

import atexit

from .blender_host import BlenderHost
from .keeper import Session

session = Session(BlenderHost())


def register() -> None:
    atexit.register(session.close)


def unregister() -> None:
    atexit.unregister(session.close)
    session.close()
