# SPDX-License-Identifier: GPL-3.0-or-later
"""What the foreground does to a worker's process from outside: kill it, freeze it, resume it.

On POSIX each worker leads a process group of its own; what its scripts start is in it, unless it leaves.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker and its group, which has the processes that its scripts started."""
    with contextlib.suppress(OSError):
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


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


def suspend(process: subprocess.Popen[bytes]) -> bool:
    """Freeze a worker and its group. Returns whether that worked.

    A frozen worker can still be killed, and dies with the foreground.
    """
    if sys.platform == "win32":
        return _call_ntdll("NtSuspendProcess", process)
    return _signal_group(process, signal.SIGSTOP)


def resume(process: subprocess.Popen[bytes]) -> None:
    """Let a frozen worker and its group continue."""
    if sys.platform == "win32":
        _call_ntdll("NtResumeProcess", process)
    else:
        _signal_group(process, signal.SIGCONT)


if sys.platform == "win32":

    def _call_ntdll(function: str, process: subprocess.Popen[bytes]) -> bool:
        """Undocumented, and what every task manager uses: Windows has no other way to stop all threads of a process."""
        handle = ctypes.c_void_p(int(process._handle))  # type: ignore[attr-defined,unused-ignore]
        return bool(getattr(ctypes.windll.ntdll, function)(handle) == 0)

else:

    def _signal_group(process: subprocess.Popen[bytes], number: int) -> bool:
        try:
            os.killpg(process.pid, number)
        except OSError:  # it has just ended
            return False
        return True
