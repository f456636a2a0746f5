# SPDX-License-Identifier: GPL-3.0-or-later
"""The store's folder on disk: which file is where, and the few ways in which files come and go.

    v1/records/ab/abcd...   a record, by its key
    v1/files/cd/cdef...     a file of a blob, by the digest of its bytes; several records may need it
    v1/lasts/ef/ef01...     the newest record of a subject, a second name of the record's file: it stays when that goes
    v1/leases/...           who needs which records, see `leases`
    v1/new/...              what is being written, or removed
    v1/lock                 held by whoever puts finished files in their place, or removes some

These are plain files and not a database, because a file can be checked, shared and removed by itself, whatever happened
to the others; and what is read needs no lock, so that a store on a read-only disk or on a network works as well.

A file gets its name when it is complete, by renaming. Readers check what they read, so whatever others do meanwhile,
the worst is that something is not found. The lock only keeps what is found from being removed too early. Another
version of the layout has another folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import file_digest, sha256
from io import FileIO
from pathlib import Path
from typing import Final, NamedTuple

from ..errors import StoreError
from ..scratch import file_locks
from .records import is_digest, is_key

LAYOUT: Final = "v1"
RECORDS, FILES, LASTS = "records", "files", "lasts"
_IS_NAME: Final[dict[str, Callable[[str], bool]]] = {RECORDS: is_key, FILES: is_digest, LASTS: is_digest}

#: Seconds after which somebody who holds the lock is not waited for any longer: its process may have been stopped.
_LOCK_TIMEOUT: Final = 20.0
_LOCK_INTERVAL: Final = 0.005

#: Bytes that are read at once.
_READ: Final = 1 << 18


class StoreFolder:
    """The files of a store. All methods raise OSError where the disk does not do what they need."""

    def __init__(self, path: Path) -> None:
        self.path = path / LAYOUT
        self.new = self.path / "new"
        self.leases = self.path / "leases"
        self._root = f"{self.path}{os.sep}"

    def file(self, table: str, name: str) -> str:
        """The path of a file, whether it exists or not. As text: a lookup asks for several."""
        return f"{self._root}{table}{os.sep}{name[:2]}{os.sep}{name}"

    def entries(self, table: str) -> Iterator[os.DirEntry[str]]:
        """The files of a table. What has another name than ours is left alone."""
        is_name = _IS_NAME[table]
        with contextlib.suppress(FileNotFoundError), os.scandir(self.path / table) as shards:
            for shard in shards:
                with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(shard) as files:
                    yield from (file for file in files if is_name(file.name))

    def make(self) -> None:
        """Make the folder, as far as it is not there; for this user alone."""
        if not self.new.is_dir() or not self.leases.is_dir():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.path, self.new, self.leases):
                folder.mkdir(mode=0o700, exist_ok=True)

    def free(self) -> int:
        """Bytes that are free on its disk."""
        folder = next(folder for folder in (self.path, *self.path.parents) if folder.is_dir())
        return shutil.disk_usage(folder).free

    def put(self, complete: Path, table: str, name: str, pieces: Sequence[int] = ()) -> None:
        """Give a complete file its place. One that is there already is replaced, for it may be damaged.

        `pieces`: as in `digest_of_file`.
        """
        target = Path(self.file(table, name))
        try:
            complete.replace(target)
        except FileNotFoundError:  # the first of its folder
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            complete.replace(target)
        except PermissionError:  # Windows replaces no file that somebody has open
            if table != FILES or digest_of_file(target, pieces) != name:
                raise

    @contextlib.contextmanager
    def locked(self, *, waits: bool = True) -> Iterator[None]:
        """Hold the store's lock within the block.

        Raises:
            StoreError: if somebody else does not let go of it, or has it and this call waits for nobody.
        """
        deadline = time.monotonic() + (_LOCK_TIMEOUT if waits else 0.0)
        while True:
            with (self.path / "lock").open("ab") as file:
                try:
                    is_ours = file_locks.lock(file)
                except OSError:  # a file system without locks: what others remove meanwhile is not found, no more
                    is_ours = True
                if is_ours:
                    yield
                    return
            if time.monotonic() >= deadline:
                raise StoreError(f"{self.path} is locked by another process, which may have been stopped")
            time.sleep(_LOCK_INTERVAL)


class Stamp(NamedTuple):
    """What tells, without reading it, whether a file is the one that was read before; `changed` in nanoseconds."""

    size: int
    changed: int
    inode: int


def stamp_of(path: Path | str) -> Stamp:
    """The stamp of a file."""
    found = os.stat(path)  # noqa: PTH116 (as below)
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ino)


class Piece(NamedTuple):
    """A piece of a file; `digest` is SHA-256 of its bytes, None if that is not known."""

    length: int
    digest: bytes | None = None


def digest_of_file(path: Path | str, pieces: Sequence[int] = ()) -> str:
    """The digest of a file's bytes: SHA-256, which processors compute themselves.

    With the lengths of all its `pieces`, it is one of these and of the digests of the pieces.
    """
    if pieces:
        return digest_of_pieces(path, [Piece(length) for length in pieces])
    with open(path, "rb") as file:  # noqa: PTH123 (asked for each file of a lookup, and `Path` takes its time)
        return file_digest(file, sha256).hexdigest()


def digest_of_pieces(path: Path | str, pieces: Sequence[Piece]) -> str:
    """The digest of a file that is hashed in pieces. Of it, only those are read of which the digest is not known."""
    found = sha256(json.dumps([piece.length for piece in pieces]).encode())
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (as above)
        start = 0
        for piece in pieces:
            found.update(piece.digest or _digest_of_piece(file, start, piece.length))
            start += piece.length
    return found.hexdigest()


def _digest_of_piece(file: FileIO, start: int, length: int) -> bytes:
    found, buffer = sha256(), memoryview(bytearray(min(length, _READ)))
    file.seek(start)
    while length and (size := file.readinto(buffer[: min(length, _READ)])):
        found.update(buffer[:size])
        length -= size
    return found.digest()


def default_folder() -> Path:
    """Where this user's store is: as BACKGROUND_NODES_STORE says, or in the folder that the system has for caches.

    Raises:
        StoreError: if the user has no home.
    """
    if chosen := os.environ.get("BACKGROUND_NODES_STORE"):
        return Path(chosen).absolute()
    return user_folder() / "store"


def user_folder() -> Path:
    """The folder that is ours among those that the system has for this user's caches; for all processes the same.

    Raises:
        StoreError: if the user has no home.
    """
    try:
        return _caches() / "background_nodes"
    except RuntimeError as error:
        raise StoreError(f"there is no folder for kept results: {error}") from error


def _caches() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return chosen if chosen.is_absolute() else Path.home() / ".cache"
