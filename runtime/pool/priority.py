# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives workers lower priority, so that the artist's programs go first, and sets it back.

Priority is lowered only where it can be raised again. On Linux each worker is a session of its own; where the kernel
shares the processor by sessions, any user may lower and raise a session's share. To raise a process's own priority
again takes rights or a limit that few users have. On macOS and Windows every user may do both.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path

#: Gives a process low priority (True), or normal priority.
Setter = Callable[[int, bool], None]

_LOWEST_NICE = 19
_CAP_SYS_NICE = 1 << 23
_PRIO_DARWIN_PROCESS, _PRIO_DARWIN_BACKGROUND = 4, 0x1000
_WINDOWS_IDLE, _WINDOWS_NORMAL = 0x40, 0x20
_WINDOWS_SET_INFORMATION = 0x200


def is_possible() -> bool:
    """Whether the priority of a worker can be lowered here, and be set back."""
    return bool(_setters())


def set_priority(process_id: int, *, is_low: bool) -> bool:
    """Give a worker, with all its threads and the processes its scripts started, low or normal priority.

    Returns:
        whether it has it now. If not, try again in a moment: Linux lets a user do this ten times a second.
    """
    try:
        for setter in _setters():
            setter(process_id, is_low)
    except BlockingIOError:
        return False
    except OSError:  # it has just ended
        return True
    return True


@functools.cache
def _setters() -> tuple[Setter, ...]:
    """What sets the priority on this system, and can set it back."""
    return _WAYS.get(sys.platform, tuple)()


def _linux_ways() -> tuple[Setter, ...]:
    autogroup = (_set_autogroup,) if _has_autogroups() else ()
    nice = (_set_nice,) if _may_raise_priority() else ()
    return autogroup + nice


def _has_autogroups() -> bool:
    try:
        return Path("/proc/sys/kernel/sched_autogroup_enabled").read_text(encoding="ascii").strip() == "1"
    except OSError:
        return False


def _may_raise_priority() -> bool:
    """Whether this process may set a priority back to normal, as root or by its limits."""
    import resource

    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        capabilities = int(status.partition("CapEff:")[2].split(maxsplit=1)[0], 16)
    except (OSError, ValueError, IndexError):
        capabilities = 0
    return bool(capabilities & _CAP_SYS_NICE) or resource.getrlimit(resource.RLIMIT_NICE)[0] >= 20


def _set_autogroup(process_id: int, is_low: bool) -> None:
    file = os.open(f"/proc/{process_id}/autogroup", os.O_WRONLY)
    try:
        os.write(file, str(_LOWEST_NICE if is_low else 0).encode())
    finally:
        os.close(file)


def _set_nice(process_id: int, is_low: bool) -> None:
    """Linux means each thread of each process of the group."""
    os.setpriority(os.PRIO_PGRP, process_id, _LOWEST_NICE if is_low else 0)


def _set_darwin_background(process_id: int, is_low: bool) -> None:
    """What macOS calls background: few of the processor's cores, and the disk after everyone else."""
    os.setpriority(_PRIO_DARWIN_PROCESS, process_id, _PRIO_DARWIN_BACKGROUND if is_low else 0)


def _set_windows_class(process_id: int, is_low: bool) -> None:
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(kernel.OpenProcess(_WINDOWS_SET_INFORMATION, False, process_id))
    kernel.SetPriorityClass(handle, _WINDOWS_IDLE if is_low else _WINDOWS_NORMAL)
    kernel.CloseHandle(handle)


_WAYS: dict[str, Callable[[], tuple[Setter, ...]]] = {
    "linux": _linux_ways,
    "darwin": lambda: (_set_darwin_background,),
    "win32": lambda: (_set_windows_class,),
}
