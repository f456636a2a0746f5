# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's process as the foreground sees it: is it there, has it ended, kill it, freeze it, resume it.

On POSIX each worker leads a process group of its own; what its scripts start is in it, unless it leaves.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from typing import Protocol

#: Seconds between two looks at a process whose end is waited for.
_LOOK_INTERVAL = 0.002


class Child(Protocol):
    """A process of the system that this one started: `subprocess.Popen`, or what stands for it."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """How it ended, as `subprocess.Popen.returncode`; None as long as it runs."""


class Process:
    """A worker's process from the moment it is ordered; the thread of a `Spawner` starts it.

    Attributes:
        error: why the program could not be started.
        returncode: how it ended, as `subprocess.Popen.returncode`; None if it runs, or was never started.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.returncode: int | None = None
        self._child: Child | None = None
        self._lock = threading.Lock()  # held for moments only
        self._is_wanted = True
        self._is_begun = False

    @property
    def process_id(self) -> int | None:
        """The system's number of it; None until it is started."""
        return None if self._child is None else self._child.pid

    def begin(self) -> bool:
        """Called before it is started. Returns whether it is wanted still."""
        with self._lock:
            self._is_begun = self._is_wanted
            return self._is_begun

    def take(self, child: Child) -> None:
        """Called when it is started."""
        with self._lock:
            self._child = child
            if not self._is_wanted:
                _kill(child)

    def has_ended(self) -> bool:
        """Whether it has ended, or will never start. A process that has ended is reaped by that."""
        if self._child is None:
            return self.error is not None or not (self._is_wanted or self._is_begun)
        self.returncode = self._child.poll()
        return self.returncode is not None

    def wait(self, until: float) -> None:
        """Wait for its end, at most until a time of `time.monotonic`."""
        while not self.has_ended() and time.monotonic() < until:
            time.sleep(_LOOK_INTERVAL)

    def kill(self) -> None:
        """Kill it with its group, which has the processes that its scripts started, or let it not start at all."""
        with self._lock:
            self._is_wanted = False
            if self._child is not None:
                _kill(self._child)

    def suspend(self) -> bool:
        """Freeze it with its group. Returns whether that worked.

        A frozen process can still be killed, and dies with the foreground.
        """
        if self._child is None:
            return False
        if sys.platform == "win32":
            return _call_ntdll("NtSuspendProcess", self._child)
        return _signal_group(self._child, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it and its group continue after `suspend`."""
        if self._child is None:
            return
        if sys.platform == "win32":
            _call_ntdll("NtResumeProcess", self._child)
        else:
            _signal_group(self._child, signal.SIGCONT)


if sys.platform == "win32":

    def _kill(child: Child) -> None:
        with contextlib.suppress(OSError):
            child.kill()  # type: ignore[attr-defined,unused-ignore]

    def _call_ntdll(function: str, child: Child) -> bool:
        """Undocumented, and what every task manager uses: Windows has no other way to stop all threads of a process."""
        handle = ctypes.c_void_p(int(child._handle))  # type: ignore[attr-defined,unused-ignore]
        return bool(getattr(ctypes.windll.ntdll, function)(handle) == 0)

else:

    def _kill(child: Child) -> None:
        _signal_group(child, signal.SIGKILL)

    def _signal_group(child: Child, number: int) -> bool:
        try:
            os.killpg(child.pid, number)
        except OSError:  # it has just ended
            return False
        return True
