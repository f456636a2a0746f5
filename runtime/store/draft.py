# SPDX-License-Identifier: GPL-3.0-or-later
"""Drafts: what is about to be kept. All its files are complete before the first gets its place.

None is forced to the disk, which takes longer than all the rest. What a power failure takes is then damaged or gone,
and readers check what they read: it is made anew.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from ..errors import StoreError
from .folder import FILES, Piece, Stamp, StoreFolder, digest_of_file, digest_of_pieces, stamp_of
from .leases import Leases
from .limits import Limits, shown
from .records import KeptFile


class Draft:
    """The files of one record. What has not got its place is removed at the end of its block."""

    def __init__(self, folder: StoreFolder, leases: Leases, limits: Limits) -> None:
        self._folder = folder
        self._leases = leases
        self._limits = limits
        self._ready: list[tuple[Path, str, str, tuple[int, ...]]] = []
        self._made: list[Path] = []
        self.stamps: dict[str, Stamp] = {}  # of the files of blobs, by digest

    def __enter__(self) -> Self:
        self._folder.make()
        self._leases.ensure()  # so that nobody takes our new files for those of a dead process
        self._check_room(0)
        return self

    def __exit__(self, *_error: object) -> None:
        for path in self._made:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def add_file(self, source: Path, suffix: str, *, may_link: bool, pieces: Sequence[Piece] = ()) -> KeptFile:
        """Take a file of a blob.

        Args:
            source: the file.
            suffix: what it is called by.
            may_link: whether nobody will write to it again. If so, it is not copied, where the disk allows that.
            pieces: all of it, if digests of some of its pieces are known.
        """
        path = self._new()
        if not (may_link and _link(source, path)):
            self._check_room(source.stat().st_size)
            shutil.copyfile(source, path)
        _protect(path)
        stamp = stamp_of(path)
        lengths = tuple(piece.length for piece in pieces)
        if sum(lengths) != stamp.size:
            lengths = ()
        digest = digest_of_pieces(path, pieces) if lengths else digest_of_file(path)
        self._ready.append((path, FILES, digest, lengths))
        self.stamps[digest] = stamp
        return KeptFile(suffix, digest, stamp.size, lengths)

    def add(self, data: bytes, table: str, name: str) -> None:
        """Take bytes as the file with a name."""
        path = self._new()
        path.write_bytes(data)
        self._ready.append((path, table, name, ()))

    def add_again(self, path: Path, data: bytes, table: str, name: str) -> None:
        """Take a file that is in the store as the file with another name, too; if it is gone, its bytes."""
        again = self._new()
        try:
            os.link(path, again)
        except OSError:
            self.add(data, table, name)
        else:
            self._ready.append((again, table, name, ()))

    def put(self) -> None:
        """Give all files their place, in the order in which they were added. For the holder of the store's lock."""
        for path, table, name, pieces in self._ready:
            self._folder.put(path, table, name, pieces)

    def _new(self) -> Path:
        path = self._folder.new / self._leases.new_name()
        self._made.append(path)
        return path

    def _check_room(self, size: int) -> None:
        free, least = self._folder.free(), self._limits.min_free
        if free - size < least:
            wanted = f" for {shown(size)}" if size else ""
            raise StoreError(
                f"the disk of {self._folder.path.parent} has no room{wanted}: "
                f"{shown(free)} are free, and {shown(least)} must stay free. Make room there, or name another store"
            )


def _link(source: Path, path: Path) -> bool:
    """Give a file a second name; False if that can't be done here."""
    try:
        os.link(source, path)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, one without links, or too many of them
        return False
    return True


def _protect(path: Path) -> None:
    """Let nobody write to a file by accident. Windows would not let it be removed either."""
    if os.name != "nt":
        with contextlib.suppress(PermissionError):
            path.chmod(path.stat().st_mode & ~0o222)
