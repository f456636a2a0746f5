# SPDX-License-Identifier: GPL-3.0-or-later
"""A task's log: what its script printed, whole up to a limit, on disk while it grows.

The worker lets the script print straight into the file, so that output of C code is there too and nothing
waits for a reader. The foreground limits the file's size: whenever it is too long, the beginning and the end are copied
to other files, and it is emptied. The worker appends, so what is printed next starts at its new end.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

#: Bytes of a log that are shown: this many of its beginning and, where more was printed, this many of its end.
KEPT_BYTES = 4 * 1024**2

#: How often the end is read again because more was printed while it was read.
_MAX_ROUNDS = 20


class TaskLog:
    """Limits the size of the log at `path`; for the foreground."""

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

        What is printed between the last read and the cut is lost: freeze the writer, where that can be done.
        """
        if self.is_too_long:
            with contextlib.suppress(OSError):
                self._cut()

    def _cut(self) -> None:
        with self.path.open("rb+", buffering=0) as file:
            head = self.path.with_suffix(".head")
            if not head.exists():
                with contextlib.suppress(OSError):  # on a full disk the log must be cut all the same
                    head.write_bytes(file.read(KEPT_BYTES))
            file.seek(-KEPT_BYTES, os.SEEK_END)
            tail = b""
            # The script prints more meanwhile, and what it printed last matters most.
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
