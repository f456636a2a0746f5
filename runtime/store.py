# SPDX-License-Identifier: GPL-3.0-or-later
"""The store: one folder per foreground process that holds blobs and logs while it lives.

The folder's owner holds a lock on a file in it for as long as it lives; whoever opens a store next to an abandoned one
sweeps it away. A lock is let go by the system however its process ends, so nothing stays behind for long.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

from .errors import StoreError

_PREFIX = "background_nodes-"
_LOCK = "owner.lock"


class Store:
    """A private folder of blobs and logs. Files in it are named by a running number and never written twice."""

    def __init__(self, parent: Path | None = None) -> None:
        """Make a folder in `parent` (the system's temporary folder if None), readable by this user alone.

        Raises:
            StoreError: if it can't be made.
        """
        parent = Path(tempfile.gettempdir()) if parent is None else parent
        sweep(parent)
        try:
            parent.mkdir(parents=True, exist_ok=True)
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            self._lock: IO[bytes] | None = _new_lock(self.path)
        except OSError as error:
            raise StoreError(f"no folder for results can be made in {parent}: {error}") from error
        self._numbers = itertools.count(1)

    def new_blob(self) -> Path:
        return self.path / f"{next(self._numbers):06d}.blend"

    def new_log(self) -> Path:
        return self.path / f"{next(self._numbers):06d}.log"

    def new_folder(self) -> Path:
        folder = self.path / f"{next(self._numbers):06d}"
        try:
            folder.mkdir()
        except OSError as error:
            raise StoreError(f"no folder can be made in {self.path}: {error}") from error
        return folder

    def remove_blob(self, *paths: Path) -> None:
        """Remove blobs (and logs) with the files beside them, as far as they are there."""
        stems = {path.stem for path in paths}
        with contextlib.suppress(OSError):
            for entry in list(os.scandir(self.path)):
                if entry.name.partition(".")[0] in stems:
                    with contextlib.suppress(OSError):
                        Path(entry.path).unlink()

    def size(self, *paths: Path) -> int:
        """Bytes of blobs and logs with the files beside them, as far as they are there."""
        stems = {path.stem for path in paths}
        with contextlib.suppress(OSError):
            entries = (entry for entry in os.scandir(self.path) if entry.name.partition(".")[0] in stems)
            return sum(entry.stat().st_size for entry in entries if entry.is_file())
        return 0

    def close(self) -> None:
        """Remove the folder and all in it. Results not brought home are gone."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
            shutil.rmtree(self.path, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove the stores in `parent` whose owner is gone."""
    for lock in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError):
            with lock.open("rb+") as file:
                if not _lock_file(file):
                    continue
            shutil.rmtree(lock.parent, ignore_errors=True)


def _new_lock(folder: Path) -> IO[bytes]:
    """A locked file that gets the name others look for only once it is locked."""
    fresh = folder / "owner.new"
    lock = fresh.open("wb")
    _lock_file(lock)
    with contextlib.suppress(PermissionError):  # Windows renames no open file; nor does it remove one
        fresh.rename(folder / _LOCK)
    return lock


def _lock_file(file: IO[bytes]) -> bool:
    """Take the lock on an open file; False if another process has it."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
