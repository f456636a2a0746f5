# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes files and folders on a thread of its own: large ones take longer than a window may stand still."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path


class Remover:
    """Removes what it is told to, in that order. Its thread is there only while something is to be removed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._thread: threading.Thread | None = None

    def remove_files(self, paths: Iterable[Path]) -> None:
        """Remove files with those beside them that have the same stem, as far as they are there.

        `paths` may be made by a generator: its thread asks for them.
        """
        self._do(functools.partial(_remove_files, paths))

    def remove_folder(self, folder: Path) -> None:
        """Remove a folder with all in it, as far as it is there."""
        self._do(functools.partial(shutil.rmtree, folder, ignore_errors=True))

    def wait(self) -> None:
        """Return when all is removed."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _do(self, removal: Callable[[], None]) -> None:
        with self._lock:
            self._waiting.append(removal)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="background_nodes removal", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:  # the system has no thread left, or Python is about to end
                    self._thread = None

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                removal = self._waiting.popleft()
            removal()


def files_beside(paths: Iterable[Path]) -> Iterator[Path]:
    """The files that are there of those paths and of their stems, each folder looked at once."""
    stems: dict[Path, set[str]] = {}
    for path in paths:
        stems.setdefault(path.parent, set()).add(path.stem)
    for folder, wanted in stems.items():
        with contextlib.suppress(OSError):
            yield from [Path(entry.path) for entry in os.scandir(folder) if not wanted.isdisjoint(_stems(entry.name))]


def _stems(name: str) -> Iterator[str]:
    """Of "a.b.c", "a" and "a.b"."""
    for index, letter in enumerate(name):
        if letter == ".":
            yield name[:index]


def _remove_files(paths: Iterable[Path]) -> None:
    for file in files_beside(paths):
        with contextlib.suppress(OSError):
            file.unlink()
