# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases: which records a process needs, for as long as it lives.

Each process that writes to the store has a file of its own, which it keeps locked. The file holds the keys that the
process needs, one a line. The system frees the lock however the process ends: so what nobody locks, nobody needs.
The file's name also begins the names of what the process is writing, so that such files can be told from leftovers.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import threading
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final

from ..scratch import file_locks
from .folder import StoreFolder
from .records import is_key

#: Seconds for which a file counts as a living process's where the file system has no locks.
_TRUST: Final = 24 * 3600.0


class Leases:
    """The leases of this process, for all its threads. Methods raise OSError where nothing can be written."""

    def __init__(self, folder: StoreFolder) -> None:
        self._folder = folder
        self._access = threading.Lock()
        self._file: IO[bytes] | None = None
        self._name = ""
        self._numbers = itertools.count(1)
        self._keys: dict[str, frozenset[str]] = {}  # by holder
        self._written: frozenset[str] = frozenset()

    def ensure(self) -> None:
        """Have a locked file. Raises StoreError if the store's lock can't be had."""
        with self._access:
            self._ensure()

    def new_name(self) -> str:
        """A name for a file that this process writes; for after `ensure`."""
        return f"{self._name}-{next(self._numbers)}"

    def hold(self, holder: str, keys: Iterable[str]) -> None:
        """Let somebody of this process need just these records from now on. Raises StoreError as `ensure` does."""
        with self._access:
            self._keys[holder] = frozenset(keys)
            if not self._keys[holder]:
                del self._keys[holder]
            if self._keys or self._written:
                self._ensure()
                self._write()

    def close(self) -> None:
        """Need nothing any more."""
        with self._access:
            self._keys.clear()
            if self._file is not None:
                self._file.close()
                self._file = None
                with contextlib.suppress(OSError):
                    self._path.unlink()

    @property
    def _path(self) -> Path:
        return self._folder.leases / self._name

    def _ensure(self) -> None:
        if self._is_there():
            return
        if self._file is not None:  # somebody removed the store's folder
            self._file.close()
            self._file = None
        self._folder.make()
        self._name = uuid.uuid4().hex
        with self._folder.locked():  # or it is taken for a leftover before it is locked
            file = self._path.open("xb", buffering=0)
            with contextlib.suppress(OSError):
                file_locks.lock(file)
            self._file, self._written = file, frozenset()
        self._write()

    def _is_there(self) -> bool:
        if self._file is None:
            return False
        with contextlib.suppress(OSError):
            os.utime(self._path)
            return True
        return False

    def _write(self) -> None:
        assert self._file is not None
        keys = frozenset().union(*self._keys.values())
        if keys == self._written:
            return
        is_more = keys >= self._written
        # What was written last may have ended within a line.
        data = "\n".join(("", *sorted(keys - self._written if is_more else keys), "")).encode("ascii")
        self._written = frozenset()  # if it fails, all are written once more
        with self._folder.locked():
            self._file.seek(0, os.SEEK_END if is_more else os.SEEK_SET)
            if self._file.write(data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if not is_more:
                self._file.truncate()
        self._written = keys


def living(folder: StoreFolder) -> dict[str, frozenset[str]]:
    """The keys that living processes need, by the names of their files; the files of others are removed.

    For the holder of the store's lock.
    """
    found = {}
    for path in sorted(folder.leases.iterdir()):
        with contextlib.suppress(FileNotFoundError):  # its process ends just now
            if _is_alive(path):
                found[path.name] = frozenset(filter(is_key, path.read_text("ascii", "replace").splitlines()))
            else:
                path.unlink()
    return found


def _is_alive(path: Path) -> bool:
    """Whether the process that made a file still has it locked."""
    with path.open("rb+") as file:
        try:
            return not file_locks.lock(file)
        except OSError:
            return time.time() - path.stat().st_mtime < _TRUST
