# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's main loop: wait for a task, carry it out, report, become clean, again.

Runs in a background Blender (or the wheel's Python) of its own, started by `bootstrap.py`. The end of the channel means
that the foreground is gone, and then the worker is gone too, whatever it is doing.
"""

from __future__ import annotations

import contextlib
import math
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

from ... import script
from ..messages import Execute, Gather, Idle, Message, Progressed, Retiring, Started
from ..transport import Channel
from . import execution
from .reset import CleanState, open_empty_file

#: At most so many progress reports a second go out in the long run; and so many at once.
_REPORTS_PER_SECOND = 20.0
_BURST = 10.0


class Worker:
    """A background Blender at the end of `channel`."""

    def __init__(self, channel: Channel, idle_seconds: float, max_tasks: int, max_memory: int) -> None:
        self._channel = channel
        self._idle_seconds = idle_seconds
        self._tasks_left = max_tasks
        self._max_memory = max_memory
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def run(self) -> NoReturn:
        threading.Thread(target=self._listen, name="background_nodes channel", daemon=True).start()
        open_empty_file()
        clean = CleanState()
        while True:
            self._channel.send(Idle())
            self._take_task()
            reason = clean.restore() or self._used_up()
            if reason:
                self._retire(reason)

    def _listen(self) -> None:
        """Receive on a thread of its own, so that the foreground's end is seen while a script runs."""
        try:
            while True:
                self._inbox.put(self._channel.receive())
        except Exception:
            os._exit(0)

    def _take_task(self) -> None:
        try:
            task = self._inbox.get(timeout=self._idle_seconds)
        except queue.Empty:
            self._retire("it was idle")
        self._channel.send(Started())
        if isinstance(task, Gather):
            self._channel.send(execution.gather(task))
        elif isinstance(task, Execute):
            self._execute(task)
        self._tasks_left -= 1

    def _execute(self, task: Execute) -> None:
        reporter = ProgressReporter(self._channel)
        script.set_reporter(reporter)
        outcome = execution.execute(task)
        script.set_reporter(None)
        reporter.close()
        self._channel.send(outcome)

    def _used_up(self) -> str:
        if self._tasks_left <= 0:
            return "it did its number of tasks"
        return "it holds too much memory" if resident_memory() > self._max_memory else ""

    def _retire(self, reason: str) -> NoReturn:
        with contextlib.suppress(OSError):
            self._channel.send(Retiring(reason))
        sys.stdout.flush()
        # Blender's own way out is slow, and on some wheels it crashes or hangs; there is nothing here to save.
        os._exit(0)


class ProgressReporter:
    """Passes a script's progress on, but not more often than anyone could see.

    A script that reports now and then is passed on at once; of a flood, the latest report every 1/20 s.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self._allowance = _BURST
        self._last = time.monotonic()
        self._pending: Progressed | None = None
        self._flusher: threading.Timer | None = None
        self._is_closed = False

    def progress(self, fraction: float, text: str) -> None:
        now = time.monotonic()
        allowance = min(_BURST, self._allowance + (now - self._last) * _REPORTS_PER_SECOND)
        self._last, self._allowance = now, allowance
        if allowance < 1.0:
            self._pending = Progressed(fraction, text)  # checked when it is sent
            if self._flusher is None:
                self._flush_later()
            return
        self._allowance = allowance - 1.0
        self._pending = None
        self._send(Progressed(fraction, text))

    def close(self) -> None:
        """Send nothing any more: what comes next on the channel is the task's outcome."""
        with self._lock:
            self._is_closed = True
        if self._flusher is not None:
            self._flusher.cancel()
            self._flusher.join()

    def _flush_later(self) -> None:
        self._flusher = threading.Timer(1.0 / _REPORTS_PER_SECOND, self._flush)
        self._flusher.daemon = True
        self._flusher.start()

    def _flush(self) -> None:
        pending, self._pending, self._flusher = self._pending, None, None
        if pending is not None:
            self._send(pending)

    def _send(self, report: Progressed) -> None:
        fraction = float(report.fraction)
        if math.isnan(fraction):
            return
        with self._lock, contextlib.suppress(OSError):
            if not self._is_closed:
                self._channel.send(Progressed(min(1.0, max(0.0, fraction)), str(report.text)))


def resident_memory() -> int:
    """Bytes of memory this process holds; 0 where the system does not tell without a library."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0
