# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's main loop: wait for a task, run it, report, clean up, and repeat.

Runs in a background Blender (or the wheel's Python) of its own, started by `bootstrap.py`. The end of the channel means
that the foreground is gone, and then the worker is gone too, whatever it is doing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import math
import os
import queue
import sys
import threading
import time
import traceback
from typing import NoReturn

from ... import script
from ..blender import whole_file
from ..engine.messages import CopyFile, Execute, Failed, Gather, Idle, Message, Progressed, Retiring, Started
from ..errors import TransportError
from ..pool.memory import PeakMeter, resident_memory
from ..pool.processes import kill_children
from ..pool.transport import Channel
from ..scratch.scratch import ScratchFolder
from . import allocator, artist_folder, execution
from .cleaning.reset import CleanState

#: The most progress reports that are sent per second in the long run, and the most at once.
_REPORTS_PER_SECOND = 20.0
_BURST = 10.0
#: Characters of a progress text that are passed on.
_MAX_TEXT = 200
#: Seconds after which a worker without a task gives free memory back to the system.
_BREAK = 0.5


class Worker:
    """A background Blender at the end of `channel`, which finds blobs and logs in `folder`."""

    def __init__(
        self, channel: Channel, folder: ScratchFolder, idle_seconds: float, max_tasks: int, max_memory: int
    ) -> None:
        self._channel = channel
        self._folder = folder
        self._idle_seconds = idle_seconds
        self._tasks_left = max_tasks
        self._max_memory = max_memory
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def run(self) -> NoReturn:
        threading.Thread(target=self._listen, name="background_nodes channel", daemon=True).start()
        _prepare_streams()
        allocator.keep_freed()
        artist_folder.install()
        clean = CleanState()
        while True:
            self._channel.send(Idle())
            self._take_task(clean)
            reason = clean.restore() or self._used_up()
            if reason:
                self._retire(reason)

    def _listen(self) -> None:
        """Receive on a thread of its own, so that the foreground's end is seen while a script runs."""
        try:
            while True:
                self._inbox.put(self._channel.receive())
        except EOFError:
            os._exit(0)
        except Exception:
            traceback.print_exc()
            os._exit(1)

    def _take_task(self, clean: CleanState) -> None:
        try:
            task = self._next_message()
        except queue.Empty:
            self._retire("it was idle")
        if clean.is_outdated():  # another worker gets the task
            self._retire("an installed module was changed")
        self._channel.send(Started())
        if isinstance(task, Gather):
            self._channel.send(execution.gather(task, self._folder))
        elif isinstance(task, CopyFile):
            self._channel.send(whole_file.copy(task, self._folder))
        elif isinstance(task, Execute):
            self._execute(task)
        self._tasks_left -= 1

    def _next_message(self) -> Message:
        """Raises queue.Empty if none comes. Memory is not held for long without a task."""
        with contextlib.suppress(queue.Empty):
            return self._inbox.get(timeout=_BREAK)
        allocator.give_back()
        return self._inbox.get(timeout=self._idle_seconds)

    def _execute(self, task: Execute) -> None:
        reporter = ProgressReporter(self._channel)
        script.set_reporter(reporter)
        started, meter = time.monotonic(), PeakMeter()
        outcome = execution.execute(task, self._folder)
        outcome = dataclasses.replace(outcome, seconds=time.monotonic() - started, peak_memory=meter.read())
        script.set_reporter(None)
        reporter.close()
        try:
            self._channel.send(outcome)
        except TransportError as error:  # too long a one
            self._channel.send(Failed(str(error)))

    def _used_up(self) -> str:
        if self._tasks_left <= 0:
            return "it did its number of tasks"
        if resident_memory() > self._max_memory:
            allocator.give_back()
        return "it holds too much memory" if resident_memory() > self._max_memory else ""

    def _retire(self, reason: str) -> NoReturn:
        with contextlib.suppress(OSError):
            self._channel.send(Retiring(reason))
        sys.stdout.flush()
        kill_children()
        # A regular exit of Blender is slow, and on some wheels it crashes or hangs; there is nothing here to save.
        os._exit(0)


class ProgressReporter:
    """Sends a script's progress on, but no more often than it can be seen.

    A rare report is sent at once; of frequent ones, the latest is sent every 1/20 s. The last one is always sent, from
    whichever thread it comes.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self._allowance = _BURST
        self._last = time.monotonic()
        self._pending: tuple[float, object] | None = None
        self._flusher: threading.Timer | None = None
        self._is_closed = False

    def progress(self, fraction: float, text: object) -> None:
        """Raises TypeError or ValueError if `fraction` is no number."""
        fraction = float(fraction)
        with self._lock:
            self._pending = fraction, text
            now = time.monotonic()
            allowance = min(_BURST, self._allowance + (now - self._last) * _REPORTS_PER_SECOND)
            self._last, self._allowance = now, allowance
            if allowance >= 1.0:
                self._allowance = allowance - 1.0
                self._send_pending()
            elif self._flusher is None and not self._is_closed:
                self._flush_later()

    def close(self) -> None:
        """Send what is pending, then nothing any more: what comes next on the channel is the task's outcome."""
        with self._lock:
            self._send_pending()
            self._is_closed = True
            flusher = self._flusher
        if flusher is not None:
            flusher.cancel()
            flusher.join()

    def _flush_later(self) -> None:
        self._flusher = threading.Timer(1.0 / _REPORTS_PER_SECOND, self._flush)
        self._flusher.daemon = True
        try:
            self._flusher.start()
        except RuntimeError:  # the script has used up the system's threads; the next report tries again
            self._flusher = None

    def _flush(self) -> None:
        with self._lock:
            self._flusher = None
            self._send_pending()

    def _send_pending(self) -> None:
        if self._pending is None or self._is_closed:
            return
        (fraction, text), self._pending = self._pending, None
        if not math.isnan(fraction):  # a NaN changes the text only
            fraction = min(1.0, max(0.0, fraction))
        shown = str(text)[:_MAX_TEXT].encode("utf-8", "replace").decode()
        with contextlib.suppress(OSError):
            self._channel.send(Progressed(fraction, shown))


def _prepare_streams() -> None:
    """Let a script print any text, whatever the locale, and lose no line of it if Blender crashes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
