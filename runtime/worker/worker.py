# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's main loop: wait for a task, run it, report, clean up, and repeat.

Runs in a background Blender (or the wheel's Python) of its own, started by `bootstrap.py`. The end of the channel means
that the foreground is gone, and then the worker is gone too, whatever it is doing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import queue
import sys
import threading
import time
from typing import NoReturn

from ...script import telling
from ..blender import whole_file
from ..engine.messages import CopyFile, Execute, Failed, Gather, Idle, Message, Retiring, Started
from ..engine.workers import WorkerLimits
from ..errors import TransportError
from ..pool.memory import PeakMeter, resident_memory
from ..pool.transport import Channel
from ..scratch.scratch import ScratchFolder
from . import allocator, artist_folder, execution
from .children import kill_children
from .cleaning.reset import CleanState
from .outfit import Outfit
from .progress_reporter import ProgressReporter

#: Seconds after which a worker without a task gives free memory back to the system.
_BREAK = 0.5
#: Bytes of freed memory that it keeps for any task. It keeps more for one whose inputs have a part of that.
_KEPT_FOR_ANY, _PART = 128 * 1024**2, 4


class Worker:
    """A background Blender at the end of `channel`, which finds blobs and logs in `folder`."""

    def __init__(
        self,
        channel: Channel,
        folder: ScratchFolder,
        outfit: Outfit,
        limits: WorkerLimits,
    ) -> None:
        self._channel = channel
        self._folder = folder
        self._outfit = outfit
        self._limits = limits
        self._idle_seconds = limits.idle_seconds
        self._tasks_left = limits.max_tasks
        self._held = self._held_when_clean = 0
        self._inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def run(self) -> NoReturn:
        threading.Thread(target=self._listen, name="background_nodes channel", daemon=True).start()
        _prepare_streams()
        allocator.keep_freed(self._limits.max_kept)
        artist_folder.install()
        self._outfit.enable_addons()  # before it is noted what each task begins with
        if self._outfit.fault:
            self._idle_seconds = 0.0  # the artist may mend it
        clean = CleanState(self._folder.path, self._outfit.modules())
        self._held = self._held_when_clean = resident_memory()
        self._channel.send(Idle())
        while not (reason := self._take_task(clean)):
            pass
        self._retire(reason)

    def _listen(self) -> None:
        """Read on a thread of its own, so that the foreground's end is seen while a script runs.

        The next task may come meanwhile. What is read is looked at when the worker is clean: see `Channel.reader`.
        """
        read, put, end = self._channel.reader(), self._inbox.put, os._exit
        try:
            while data := read():
                put(data)
        finally:
            end(0)

    def _take_task(self, clean: CleanState) -> str:
        """Do a task and be clean again.

        Returns:
            "" or why this worker must end.
        """
        try:
            task = self._next_message()
        except queue.Empty:
            return "it was idle"
        if clean.is_outdated() or self._outfit.is_outdated():  # another worker gets the task
            return "an installed module was changed"
        self._channel.send(Started())
        outcome = self._outcome(task, clean)
        self._tasks_left -= 1
        if isinstance(task, Execute) and execution.code_if_self_contained(task) is not None:
            clean.forget_script(execution.SCRIPT_MODULE)
            reason = self._used_up()
            self._send(*outcome, *([] if reason else [Idle()]))  # at once: the foreground has one thing to read
            return reason
        self._send(*outcome)
        reason = clean.restore() or self._used_up()
        if not reason:
            self._channel.send(Idle())
        return reason

    def _outcome(self, task: Message, clean: CleanState) -> list[Message]:
        if isinstance(task, Gather):
            return [execution.gather(task, self._folder.inner(task.folder))]
        if isinstance(task, CopyFile):
            return [whole_file.copy(task, self._folder.inner(task.folder))]
        return [self._execute(task, clean)] if isinstance(task, Execute) else []

    def _next_message(self) -> Message:
        """Raises queue.Empty if none comes."""
        return self._channel.receive(self._next_bytes)

    def _next_bytes(self) -> bytes:
        """Raises queue.Empty if none come. Memory is not held for long without a task."""
        with contextlib.suppress(queue.Empty):
            return self._inbox.get(timeout=_BREAK)
        allocator.give_back()
        return self._inbox.get(timeout=self._idle_seconds)

    def _execute(self, task: Execute, clean: CleanState) -> Message:
        if self._outfit.fault:
            return Failed(self._outfit.refusal(task.node))
        self._give_back_before(task)
        reporter = ProgressReporter(self._channel)
        telling.set_reporter(reporter)
        started, meter = time.monotonic(), PeakMeter()
        outcome = execution.execute(task, self._folder.inner(task.folder), clean.restore_foundations)
        outcome = dataclasses.replace(outcome, seconds=time.monotonic() - started, peak_memory=meter.read())
        telling.set_reporter(None)
        reporter.close()
        return outcome

    def _send(self, outcome: Message, *others: Message) -> None:
        try:
            self._channel.send(outcome, *others)
        except TransportError as error:  # too long a one
            self._channel.send(Failed(str(error)), *others)

    def _used_up(self) -> str:
        if self._tasks_left <= 0:
            return "it did its number of tasks"
        self._held = resident_memory()
        if self._held <= self._limits.max_memory:
            return ""
        self._give_back()
        return "it holds too much memory" if self._held > self._limits.max_memory else ""

    def _give_back_before(self, task: Execute) -> None:
        """Give back what is kept, if it is more than the task may need: it would count as what that holds."""
        kept = self._held - self._held_when_clean
        if kept > _KEPT_FOR_ANY and kept > _PART * execution.size_of_inputs(task, self._folder.inner(task.folder)):
            self._give_back()

    def _give_back(self) -> None:
        allocator.give_back()
        self._held = self._held_when_clean = resident_memory()

    def _retire(self, reason: str) -> NoReturn:
        with contextlib.suppress(OSError):
            self._channel.send(Retiring(reason))
        sys.stdout.flush()
        kill_children()
        # A regular exit of Blender is slow, and on some wheels it crashes or hangs; there is nothing here to save.
        os._exit(0)


def _prepare_streams() -> None:
    """Let a script print any text, whatever the locale, and lose no line of it if Blender crashes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
