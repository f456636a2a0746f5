# SPDX-License-Identifier: GPL-3.0-or-later
"""What a station tells of a job while that is under way: how far it is, and what its script prints."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ..runtime.engine import messages
from .records import JobNews

#: Seconds between two messages about a job: 20 a second.
_INTERVAL: Final = 0.05
#: Seconds between two looks at what a script has printed, and the most bytes of it that are told at once.
_LOG_INTERVAL: Final = 0.25
_LOG_PIECE: Final = 32 * 1024

#: Tells the bridge of a job something.
Tell = Callable[[JobNews], None]


class News:
    """The news of one job. However often that has some, they are told 20 times a second at most, and the last one is.

    Of its log, the beginning is told, as far as there is time: the whole of it comes home when the job has ended.
    """

    def __init__(self, key: str, address: str, log: Path | None, tell: Tell) -> None:
        """`key` is the job's, `address` the station's; `log` is the file of what it prints, if it prints anything."""
        self._key = key
        self._address = address
        self._log = log
        self._tell = tell
        self._progress: messages.Progressed | None = None  # what was not told yet
        self._num_read = 0  # bytes of the log
        self._next = self._next_log = 0.0

    def started(self, report: messages.Started) -> None:
        self._tell(JobNews(self._key, self._address, messages.encode(report).decode()))

    def progressed(self, report: messages.Progressed) -> None:
        self._progress = report
        self._tell_new()

    def end(self) -> None:
        """Tell the last progress: what comes next is how the job has ended."""
        if self._progress is not None:
            self._tell_all(b"")

    async def watch(self) -> None:
        """Tell what the script prints, and progress that came too soon after the last, until this is cancelled."""
        while True:
            await asyncio.sleep(_LOG_INTERVAL if self._progress is None else _INTERVAL)
            self._tell_new()

    def _tell_new(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        printed = b""
        if now >= self._next_log:
            printed, self._next_log = self._printed(), now + _LOG_INTERVAL
        if printed or self._progress is not None:
            self._next = now + _INTERVAL
            self._tell_all(printed)

    def _tell_all(self, printed: bytes) -> None:
        report = "" if self._progress is None else messages.encode(self._progress).decode()
        log, start = printed.decode("utf-8", "replace"), self._num_read
        self._progress = None
        self._num_read += len(printed)
        self._tell(JobNews(self._key, self._address, report, log=log, log_start=start))

    def _printed(self) -> bytes:
        """What the script has printed since the last look, as far as it is told at once."""
        if self._log is None:
            return b""
        try:
            with self._log.open("rb") as file:
                file.seek(self._num_read)
                return file.read(_LOG_PIECE)
        except OSError:  # it has printed nothing yet
            return b""
