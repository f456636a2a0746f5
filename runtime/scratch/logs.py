# SPDX-License-Identifier: GPL-3.0-or-later
"""A task's log: what its script printed, whole up to a limit, on disk while it grows.

The worker lets the script print straight into the file, so that C code is heard too and nothing waits for a reader.
The foreground keeps the file bounded: it sets the beginning aside and empties the file again and again; what is
printed next starts at its new end, because the worker appends.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

#: Bytes of a log that are shown: this many of its beginning and, where more was printed, this many of its end.
KEPT_BYTES = 4 * 1024**2

#: How often what was printed while the end was being read is read as well.
_MAX_ROUNDS = 20


class TaskLog:
    """The foreground's hand on the log at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def is_too_long(self) -> bool:
        """Whether the file has grown over twice what is kept."""
        try:
            return self.path.stat().st_size > 2 * KEPT_BYTES
        except OSError:
            return False

    def bound(self) -> None:
        """Cut the file if it is too long.

        What is printed between the last look and the cut is lost: let the writer stand still, where that can be done.
        """
        if self.is_too_long:
            with contextlib.suppress(OSError):
                self._cut()

    def _cut(self) -> None:
        with self.path.open("rb+", buffering=0) as file:
            head = self.path.with_suffix(".head")
            if not head.exists():
                with contextlib.suppress(OSError):  # on a full disk the log is cut all the more
                    head.write_bytes(file.read(KEPT_BYTES))
            file.seek(-KEPT_BYTES, os.SEEK_END)
            tail = b""
            # The script prints on meanwhile, and its last words are the ones that count.
            for _ in range(_MAX_ROUNDS):
                more = file.readall()
                tail = (tail + more)[-KEPT_BYTES:]
                if not more:
                    break
            file.truncate(0)
        self.path.with_suffix(".tail").write_bytes(tail)


def read_log(path: Path) -> str:
    """A log's text, also while it grows. Bytes that are no UTF-8 become U+FFFD."""
    head, tail, rest = (_read(path.with_suffix(suffix)) for suffix in (".head", ".tail", path.suffix))
    if not head and len(rest) <= 2 * KEPT_BYTES:
        return rest.decode("utf-8", "replace")
    head = head or rest[:KEPT_BYTES]
    end = (tail + rest)[-KEPT_BYTES:]
    return "\n".join((head.decode("utf-8", "replace"), "[...]", end.decode("utf-8", "replace")))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
