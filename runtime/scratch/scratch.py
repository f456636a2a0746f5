# SPDX-License-Identifier: GPL-3.0-or-later
"""The scratch folder: one folder per foreground process that holds blobs and logs while it lives.

The folder's owner holds a lock on a file in it for as long as it lives. Whoever makes a scratch folder removes those
beside it that nobody holds a lock on, on another thread: they may be large. The system frees a lock however its process
ends, so nothing stays for long.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import StoreError
from . import file_locks
from .removal import Remover, entries_beside

_PREFIX = "background_nodes-"
_LOCK = "owner.lock"
#: The first digits of a file's name that name its sub-folder; two more digits follow.
_SHARD = 4
_INNER = re.compile(r"[0-9a-z]{1,64}")


@dataclass(frozen=True, slots=True)
class ScratchFolder:
    """The files of a scratch folder by their names, as the foreground and each worker see them.

    A name is the same for all processes; the path of its file may differ. Files are in sub-folders of a hundred numbers
    each, so that the files beside a blob are found quickly.
    """

    path: Path

    def file(self, name: str) -> Path:
        """The path of the blob or log with a name, whether it exists or not."""
        return self.path.joinpath(name[:_SHARD], name)

    def inner(self, name: str) -> ScratchFolder:
        """A folder in this one, for the files of another foreground, whose names may be the same; "" for this one.

        Raises:
            StoreError: if that can't be its name.
        """
        if not name:
            return self
        if not _INNER.fullmatch(name):
            raise StoreError(f"{name!r:.80} can't be a folder for the files of another foreground")
        return ScratchFolder(self.path / f"of-{name}")

    def files_of(self, log: str) -> Path:
        """The folder for what the script of a log leaves, whether it exists or not. It goes with the log."""
        path = self.file(log)
        return path.with_name(f"{path.stem}.files")

    def cancellation_of(self, log: str) -> Path:
        """The file that is there once the script of a log is to end by itself. It goes with the log."""
        path = self.file(log)
        return path.with_name(f"{path.stem}.cancelled")

    def partial_data_of(self, log: str) -> Path:
        """The file with what the script of a log has handed over so far. It goes with the log."""
        path = self.file(log)
        return path.with_name(f"{path.stem}.partial")


class Scratch:
    """A private folder of blobs and logs. Files in it are named by a running number and never written twice."""

    def __init__(self, parent: Path | None = None) -> None:
        """Make a folder in `parent` (the system's temporary folder if None), readable by this user alone.

        Raises:
            StoreError: if it can't be made.
        """
        parent = Path(tempfile.gettempdir()) if parent is None else parent
        left = tuple(parent.glob(f"{_PREFIX}*/{_LOCK}"))
        try:
            parent.mkdir(parents=True, exist_ok=True)
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            self._lock: IO[bytes] | None = _new_lock(self.path)
        except OSError as error:
            raise StoreError(f"no folder for results can be made in {parent}: {error}") from error
        self._root = str(self.path)
        self.folder = ScratchFolder(self.path)
        self._numbers = itertools.count(1)
        self._remover = Remover()
        self._remover.do(functools.partial(sweep, left))
        self._shares: Counter[str] = Counter()  # how often a name is removed before its file is

    def new_blob(self) -> str:
        """The name of a new blob. Raises StoreError if there is no place for it."""
        return self._new("blend")

    def new_log(self) -> str:
        """The name of a new log. Raises StoreError if there is no place for it."""
        return self._new("log")

    def new_folder(self) -> Path:
        """Make a folder for a worker. Raises StoreError if it can't be made."""
        return self._made(self.path / f"worker-{next(self._numbers):06d}")

    def file(self, name: str) -> Path:
        """The path of the blob or log with a name, whether it exists or not."""
        return self.folder.file(name)

    def share(self, names: Iterable[str]) -> None:
        """Somebody else needs these files, too: each goes when all have removed it."""
        self._shares.update(names)

    def remove(self, names: Iterable[str]) -> None:
        """Remove blobs and logs with the files beside them, as far as they exist, on another thread."""
        if names := tuple(name for name in names if not self._is_needed(name)):
            self._remover.remove_files(self.file(name) for name in names)

    def _is_needed(self, name: str) -> bool:
        """Whether somebody else needs a file that one has removed."""
        if not self._shares[name]:
            return False
        self._shares[name] -= 1
        if not self._shares[name]:
            del self._shares[name]
        return True

    def remove_folder(self, folder: Path) -> None:
        """Remove a folder of `new_folder`, on another thread."""
        self._remover.remove_folder(folder)

    def size(self, names: Iterable[str]) -> int:
        """Bytes of blobs and logs with the files beside them, as far as they exist."""
        total = 0
        for entry in entries_beside(self.file(name) for name in names):
            with contextlib.suppress(OSError):
                files = Path(entry.path).rglob("*") if entry.is_dir() else [entry]
                total += sum(each.stat().st_size for each in files)
        return total

    def sizes(self, names: Iterable[str]) -> Iterator[int]:
        """As `size`, but in parts to be added up: for thousands of names at once, the window would freeze."""
        together: dict[str, list[str]] = {}
        for name in names:
            together.setdefault(name[:_SHARD], []).append(name)
        return map(self.size, together.values())

    def wait_for_removals(self) -> None:
        """Return when all that was to be removed is gone."""
        self._remover.wait()

    def close(self) -> None:
        """Remove the folder and all in it. Results that have not come home are lost."""
        if self._lock is not None:
            self._remover.wait()
            self._lock.close()
            self._lock = None
            shutil.rmtree(self.path, ignore_errors=True)

    def _new(self, suffix: str) -> str:
        name = f"{next(self._numbers):06d}.{suffix}"
        # Asked twice for each item of a run, so not by way of `Path`, which takes ten times as long.
        if not os.path.isdir(f"{self._root}{os.sep}{name[:_SHARD]}"):  # noqa: PTH112
            self._made(self.file(name).parent)
        return name

    def _made(self, folder: Path) -> Path:
        try:
            if not self.path.exists():  # it was removed from outside: what was in it is lost, but new files need it
                if self._lock is not None:
                    self._lock.close()
                self.path.mkdir(mode=0o700, parents=True)
                self._lock = _new_lock(self.path)
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"no folder can be made in {self.path}: {error}") from error
        return folder


def sweep(locks: Iterable[Path]) -> None:
    """Remove the scratch folders whose owner is gone, given by the files that the owners lock."""
    for lock in locks:
        with contextlib.suppress(OSError):
            with lock.open("rb+") as file:
                if not file_locks.lock(file):
                    continue
            shutil.rmtree(lock.parent, ignore_errors=True)


def _new_lock(folder: Path) -> IO[bytes]:
    """A locked file that gets the name others look for only once it is locked."""
    fresh = folder / "owner.new"
    lock = fresh.open("wb")
    with contextlib.suppress(OSError):  # without locks, nobody can tell that this folder is left over
        file_locks.lock(lock)
    with contextlib.suppress(PermissionError):  # Windows renames no open file; nor does it remove one
        fresh.rename(folder / _LOCK)
    return lock
