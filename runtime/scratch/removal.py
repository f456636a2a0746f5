# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes files and folders on a thread of its own, because large ones would freeze the window."""

from __future__ import annotations

import _thread
import contextlib
import functools
import os
import shutil
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path


class Remover:
    """Removes files and folders in the order of the calls. Its thread exists only while something is to be removed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._at_work = threading.Lock()  # held while the thread exists

    def remove_files(self, paths: Iterable[Path]) -> None:
        """Remove files with those beside them that have the same stem, as far as they are there.

        `paths` may be a generator, which is then run on the thread.
        """
        self.do(functools.partial(remove_files, paths))

    def remove_folder(self, folder: Path) -> None:
        """Remove a folder with all in it, as far as it is there."""
        self.do(functools.partial(shutil.rmtree, folder, ignore_errors=True))

    def wait(self) -> None:
        """Return when all is removed."""
        with self._at_work:
            pass

    def do(self, removal: Callable[[], None]) -> None:
        """Call something that removes files."""
        with self._lock:
            self._waiting.append(removal)
            if not self._at_work.acquire(blocking=False):
                return
            try:
                # `threading.Thread` waits until the thread has started, which takes long on a busy machine.
                _thread.start_new_thread(self._work, ())
            except RuntimeError:  # the system has no thread left, or Python is about to end
                self._at_work.release()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._at_work.release()
                    return
                removal = self._waiting.popleft()
            try:
                removal()
            except Exception:  # noqa: BLE001 (the next one is removed all the same)
                traceback.print_exc()


def files_beside(paths: Iterable[Path]) -> Iterator[Path]:
    """The existing files and folders that have the stem of one of `paths`. Each folder is read once."""
    return (Path(entry.path) for entry in entries_beside(paths))


def entries_beside(paths: Iterable[Path]) -> Iterator[os.DirEntry[str]]:
    """The same as the system lists them, which is faster for thousands."""
    beginnings: dict[Path, set[str]] = {}
    for path in paths:
        beginnings.setdefault(path.parent, set()).add(f"{path.stem}.")
    for folder, wanted in beginnings.items():
        begin = tuple(wanted)
        with contextlib.suppress(OSError):
            yield from [entry for entry in os.scandir(folder) if entry.name.startswith(begin)]


def remove_files(paths: Iterable[Path]) -> None:
    """Remove files with all beside them that has the same stem, as far as they are there; here and now."""
    for entry in entries_beside(paths):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
            continue
        with contextlib.suppress(OSError):
            os.unlink(entry.path)  # noqa: PTH108 (for thousands of files, and `Path` takes its time)
