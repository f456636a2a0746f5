# SPDX-License-Identifier: GPL-3.0-or-later
"""Copying: the .blend files of one run's tasks, each read once by a worker when the first task wants it.

All tasks of the run see the same state of a file then, whatever is saved meanwhile, and none of them has the file open.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Final

from .blend_files import FileCopy
from .messages import CopyFile

#: So many workers may die over one file.
_MAX_ATTEMPTS: Final = 2

#: Called when there is a copy, with "", or with why there is none.
Waiter = Callable[[str], None]


class Copying:
    """The files of one run that are being copied; finished ones are in `copies`, by their path."""

    def __init__(self, copies: MutableMapping[str, FileCopy]) -> None:
        self._copies = copies
        self._waiters: dict[str, list[Waiter]] = {}
        self._num_attempts: dict[str, int] = {}
        self._blobs: dict[str, Path] = {}

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the files that are being copied."""
        return tuple(self._waiters)

    def wait_for(self, path: str, waiter: Waiter) -> bool:
        """Call the waiter when the copy is there. True if somebody has to begin with it: see `message`."""
        is_first = path not in self._waiters
        self._waiters.setdefault(path, []).append(waiter)
        return is_first

    def message(self, path: str, blob: Path) -> CopyFile:
        """What to send to a worker."""
        self._num_attempts[path] = self._num_attempts.get(path, 0) + 1
        self._blobs[path] = blob
        return CopyFile(path, str(blob))

    def blob(self, path: str) -> Path:
        """Where a file is being copied to."""
        return self._blobs[path]

    def may_try_again(self, path: str) -> bool:
        return self._num_attempts[path] < _MAX_ATTEMPTS

    def end(self, path: str, error: str) -> None:
        """The worker is done with a file; `error` is "" if it was copied."""
        if not error:
            self._copies[path] = FileCopy(str(self._blobs[path]), path)
        del self._num_attempts[path], self._blobs[path]
        for waiter in self._waiters.pop(path):
            waiter(error)
