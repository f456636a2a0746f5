# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory a process holds, and its peak, as the system reports them; 0 or None where it does not."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Collection, Iterator

#: Kept here because a script may replace `open`, and the peak is read before Python's state is restored.
_open = open

#: The fields in which Linux counts the memory that a process shares with no other.
_PRIVATE = ("Private_Clean:", "Private_Dirty:")


def resident_memory(process_id: int | None = None) -> int:
    """Bytes of memory that a process (None: this one) holds; 0 where that is unknown, or the process is gone."""
    with contextlib.suppress(OSError, ValueError, AttributeError, IndexError, KeyError):
        return _RESIDENT[sys.platform](os.getpid() if process_id is None else process_id)
    return 0


def memory_with_children(process_ids: Collection[int]) -> dict[int, int]:
    """Bytes of memory that each of these processes holds together with those that were started by it.

    Each of them leads a session of its own, and the processes that it started belong to this session. The system's
    processes are listed once for all of them. Where that is not possible (not Linux), children are not counted.
    """
    held = {process_id: resident_memory(process_id) for process_id in process_ids}
    if sys.platform == "linux" and held:
        for process_id, session in _linux_sessions():
            if session in held and process_id != session:
                held[session] += _own_memory(process_id)
    return held


def _linux_sessions() -> Iterator[tuple[int, int]]:
    """Each process, and the session it belongs to."""
    with contextlib.suppress(OSError):
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with contextlib.suppress(OSError, ValueError, IndexError):  # it has just ended
                    with _open(f"/proc/{entry.name}/stat", "rb") as file:
                        fields = file.read().rpartition(b")")[2].split()  # its name may hold anything
                    yield int(entry.name), int(fields[3])


def _own_memory(process_id: int) -> int:
    """Bytes that a process holds alone: a forked process shares the rest with its parent."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        with _open(f"/proc/{process_id}/smaps_rollup", encoding="ascii", errors="replace") as file:
            text = file.read()
        return sum(int(text.partition(name)[2].split(maxsplit=1)[0]) * 1024 for name in _PRIVATE)
    return 0


class PeakMeter:
    """Measures the most memory that this process holds from now on."""

    def __init__(self) -> None:
        self._is_reset = _reset_peak()
        self._before = 0 if self._is_reset else _peak()

    def read(self) -> int | None:
        """Bytes; None if unknown. Where the peak can't be reset, it is unknown until it exceeds the earlier peak."""
        peak = _peak()
        return peak if peak and (self._is_reset or peak > self._before) else None


def _reset_peak() -> bool:
    """Reset the peak that the system keeps. Returns whether that worked; only Linux can."""
    try:
        with _open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        return False
    return True


def _peak() -> int:
    """The most bytes this process held since it started, or since the reset; 0 if unknown."""
    with contextlib.suppress(OSError, ValueError, AttributeError, IndexError, KeyError):
        return _PEAK[sys.platform]()
    return 0


def _linux_resident(process_id: int) -> int:
    with _open(f"/proc/{process_id}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _linux_peak() -> int:
    with _open("/proc/self/status", encoding="ascii", errors="replace") as file:
        return int(file.read().partition("VmHWM:")[2].split(maxsplit=1)[0]) * 1024


def _mac_resident(process_id: int) -> int:
    usage = (ctypes.c_uint64 * 32)()  # rusage_info_v0: a UUID of 16 bytes, then counters; the resident size is the 7th
    failed = ctypes.CDLL(None).proc_pid_rusage(process_id, 0, usage)
    return 0 if failed else int(usage[2 + 6])


def _mac_peak() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class _MemoryCounters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS of Windows."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("page_faults", ctypes.c_uint32),
        ("peak_working_set", ctypes.c_size_t),
        ("working_set", ctypes.c_size_t),
        ("others", ctypes.c_size_t * 6),
    )


def _windows_counters(process_id: int) -> tuple[int, int]:
    """The most and the present bytes of a process's working set; zeros if it is gone."""
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    kernel.OpenProcess.restype = ctypes.c_void_p
    query_limited_information = 0x1000
    handle = ctypes.c_void_p(kernel.OpenProcess(query_limited_information, False, process_id))
    counters = _MemoryCounters(size=ctypes.sizeof(_MemoryCounters))
    kernel.K32GetProcessMemoryInfo(handle, ctypes.byref(counters), counters.size)
    kernel.CloseHandle(handle)
    return counters.peak_working_set, counters.working_set


_RESIDENT: dict[str, Callable[[int], int]] = {
    "linux": _linux_resident,
    "darwin": _mac_resident,
    "win32": lambda process_id: _windows_counters(process_id)[1],
}
_PEAK: dict[str, Callable[[], int]] = {
    "linux": _linux_peak,
    "darwin": _mac_peak,
    "win32": lambda: _windows_counters(os.getpid())[0],
}
