# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes that scripts started, which end with their worker."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path


def kill_children() -> None:
    """Kill the processes that this one started, and those that they started, where the system tells which."""
    todo = [os.getpid()]
    while todo:
        for child in _children_of(todo.pop()):
            todo.append(child)
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)


def _children_of(process_id: int) -> list[int]:
    children: list[int] = []
    for file in Path(f"/proc/{process_id}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            children += map(int, file.read_text(encoding="ascii").split())
    return children
