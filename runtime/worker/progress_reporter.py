# SPDX-License-Identifier: GPL-3.0-or-later
"""How a script's progress is sent on."""

from __future__ import annotations

import contextlib
import math
import threading
import time

from ..engine.messages import Progressed
from ..pool.transport import Channel

#: The most progress reports that are sent per second in the long run, and the most at once.
_REPORTS_PER_SECOND = 20.0
_BURST = 10.0
#: Characters of a progress text that are passed on.
_MAX_TEXT = 200


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
            self._send_if_allowed()

    def close(self) -> None:
        """Send what is pending, then nothing any more: what comes next on the channel is the task's outcome."""
        with self._lock:
            self._send_pending()
            self._is_closed = True
            flusher = self._flusher
        if flusher is not None:
            flusher.cancel()
            flusher.join()

    def _send_if_allowed(self) -> None:
        now = time.monotonic()
        self._allowance = min(_BURST, self._allowance + (now - self._last) * _REPORTS_PER_SECOND)
        self._last = now
        if self._allowance >= 1.0:
            self._allowance -= 1.0
            self._send_pending()
        elif self._flusher is None and not self._is_closed:
            self._flush_later()

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
            if self._pending is not None:
                self._send_if_allowed()

    def _send_pending(self) -> None:
        if self._pending is None or self._is_closed:
            return
        (fraction, text), self._pending = self._pending, None
        if not math.isnan(fraction):  # a NaN changes the text only
            fraction = min(1.0, max(0.0, fraction))
        shown = str(text)[:_MAX_TEXT].encode("utf-8", "replace").decode()
        with contextlib.suppress(OSError):
            self._channel.send(Progressed(fraction, shown))
