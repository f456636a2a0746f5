# SPDX-License-Identifier: GPL-3.0-or-later
"""What `background-nodes step` does: run one step of a job, or some of its items, as a farm asks for it."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ..addon.command_line.terminal_text import one_line
from ..runtime.errors import BackgroundNodesError, EngineError
from .job import JobError
from .working import JobWorker

_EXIT_FAILED = 1
_EXIT_BAD_INPUT = 2
#: Seconds between two lines about how far it is.
_INTERVAL = 0.5


class Interruption(Protocol):
    """Tells whether somebody wants the command to end: 0, or the exit code for the signal that came."""

    exit_code: int


class Lines:
    """Tells how a step goes on, in lines that a farm reads.

    OpenJD reads progress, status and failure from lines that begin with its own words; others take them for text. What
    a script printed is indented, and so is what begins with the name of a node: none of it can pass for such a line.
    """

    def __init__(self, write: Callable[[str], object], is_over: Callable[[], bool]) -> None:
        self.is_over = is_over
        self._write = write
        self._told: tuple[str, str] = ("", "")
        self._next = 0.0

    def progressed(self, fraction: float, text: str) -> None:
        told, now = (f"{fraction * 100.0:.1f}", text), time.monotonic()
        if told != self._told and now >= self._next:
            self._told, self._next = told, now + _INTERVAL
            self._tell(f"openjd_progress: {told[0]}")
            if told[1]:
                self._tell(f"openjd_status: {told[1]}")

    def printed(self, line: str) -> None:
        self._tell(f" {line}" if line.lstrip().startswith("openjd") else line)

    def failed(self, message: str) -> None:
        self._tell(f"openjd_fail: {message}")

    def succeeded(self) -> None:
        self._tell("openjd_progress: 100")

    def _tell(self, line: str) -> None:
        self._write(one_line(line))


def items_of(first: int | None, count: int) -> range | None:
    """The items that options ask for, None for all."""
    return None if first is None else range(first, first + count)


def carry_out(options: argparse.Namespace, interruption: Interruption, stream: int) -> int:
    """Do what the options ask for, in a process of its own. Returns the exit code."""

    def write(line: str) -> None:
        data = f"{line}\n".encode("utf-8", "backslashreplace")
        while data:
            data = data[os.write(stream, data) :]

    lines = Lines(write, lambda: bool(interruption.exit_code))
    worker: JobWorker | None = None
    try:
        worker = JobWorker(Path(options.folder), options.workers, options.job)
        exit_code = run(worker, options.number, items_of(options.first, options.count), lines)
    except (BackgroundNodesError, OSError) as error:
        lines.failed(str(error))
        exit_code = _EXIT_BAD_INPUT
    finally:
        if worker is not None:
            worker.close()
    return interruption.exit_code or exit_code


def run(worker: JobWorker, number: int, items: range | None, lines: Lines) -> int:
    """Run a step, and tell of it. Returns the exit code."""
    try:
        if not worker.run(number, items, lines):
            return _EXIT_FAILED
    except (JobError, EngineError) as error:
        lines.failed(str(error))
        return _EXIT_BAD_INPUT
    except (BackgroundNodesError, OSError) as error:
        lines.failed(str(error))
        return _EXIT_FAILED
    lines.succeeded()
    return 0
