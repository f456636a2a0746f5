# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes that scripts started, which end with their worker."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path


def kill_children() -> None:
    """Kill the processes that this one started, and those that they started, where the system tells which."""
    for process_id in list(descendants_of(os.getpid())):  # whose parent is dead is hard to find
        with contextlib.suppress(OSError):
            os.kill(process_id, signal.SIGKILL)


def descendants_of(process_id: int) -> Iterator[int]:
    """The processes that one started, and those that they started, each before those."""
    todo = [process_id]
    while todo:
        for child in children_of(todo.pop()):
            todo.append(child)
            yield child


def children_of(process_id: int) -> list[int]:
    """The processes that one started, where the system tells which: on Linux."""
    children: list[int] = []
    for file in Path(f"/proc/{process_id}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            children += map(int, file.read_text(encoding="ascii").split())
    return children
