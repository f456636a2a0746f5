# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder that several machines see, each under a path of its own: large files go by it where that is faster.

    FOLDER/files/0123...    a file, named by the digest of its bytes
    FOLDER/probes/4567...   what a bridge writes, to see whether a station reads the very same

Nothing in it is believed: what is taken is copied first and then compared with its digest. Anybody may remove files.
What has no name of ours is somebody else's, and stays.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ..runtime.errors import StoreError, as_sentences
from ..runtime.scratch import room
from ..runtime.store.folder import digest_of_file
from .shelf import USUAL_SIZE

#: The variable of the environment that says where it is.
VARIABLE: Final = "BACKGROUND_NODES_FARM_SHARED"
#: Bytes from which on a file goes by it: asking for a smaller one takes longer than to send it.
SMALLEST: Final = 64 * 1024
#: Bytes of a probe: enough that it counts how fast they come, and not how fast is asked for them.
PROBE_SIZE: Final = 4 * 1024**2
_NAME: Final = re.compile(r"[0-9a-f]{64}")
#: What one is called before all of it is there.
_COMING: Final = re.compile(r"[0-9a-f]{64}\.[0-9a-f]{8}\.coming")
#: The share of what it may hold that is written before it is looked how much there is.
_LOOK_SHARE: Final = 64
#: Seconds without a change after which nobody writes a file any more, or reads a probe.
_UNFINISHED: Final = 3600.0


class SharedFolder:
    """Files by digest. Several processes, on several machines, may use one folder at once; and threads one object.

    Attributes:
        path: where it is.
        fault: why the last file or probe could not be written, for people; "" if it could.
    """

    def __init__(self, path: Path, max_size: int = USUAL_SIZE) -> None:
        """Use a folder. Raises StoreError if it is not there, or nothing can be written there."""
        self.path = path
        self.fault = ""
        self._files, self._probes = path / "files", path / "probes"
        self._max_size = max_size
        self._written = 0
        try:
            for folder in (self._files, self._probes):
                folder.mkdir(0o700, exist_ok=True)  # the folder itself is made by whoever shares it
                if folder.is_symlink():
                    raise StoreError(f"the shared folder {path} can't be used: {folder} leads elsewhere. Remove it")
        except OSError as error:
            raise StoreError(f"the shared folder {path} can't be used: {error}") from error

    def put(self, source: Path, digest: str) -> None:
        """Put a file there, if it is not. Raises OSError or StoreError."""
        target = self._file(digest)
        if target.exists():
            return
        self._write(target, source.stat().st_size, lambda beside: shutil.copyfile(source, beside))
        self._written += target.stat().st_size
        if self._written * _LOOK_SHARE > self._max_size:
            self._written = 0
            self._prune(digest)

    def take(self, digest: str, target: Path) -> bool:
        """Copy a file from there; the caller sees whether it is what it should be. Returns whether it is there.

        Raises:
            OSError, StoreError: if it can't be read, or `digest` is none.
        """
        file = self._file(digest)
        try:
            shutil.copyfile(file, target)
        except FileNotFoundError:
            return False
        with contextlib.suppress(OSError):
            os.utime(file)  # it is used: see `_prune`
        return True

    def write_probe(self, data: bytes) -> str:
        """Write something for others to read. Returns its name. Raises OSError."""
        for left in self._probes.iterdir():  # by bridges that were killed
            with contextlib.suppress(OSError):
                if _is_ours(left) and time.time() - left.stat().st_mtime > _UNFINISHED:
                    left.unlink()
        name = os.urandom(32).hex()
        self._write(self._probes / name, len(data), lambda beside: beside.write_bytes(data))
        return name

    def digest_of_probe(self, name: str) -> str:
        """The digest of what somebody wrote under a name, "" if it is not seen here."""
        if not _NAME.fullmatch(name):
            return ""
        try:
            return digest_of_file(self._probes / name)
        except OSError:
            return ""

    def remove_probe(self, name: str) -> None:
        """Remove what `write_probe` wrote."""
        with contextlib.suppress(OSError):
            (self._probes / name).unlink(missing_ok=True)

    def _file(self, digest: str) -> Path:
        if not _NAME.fullmatch(digest):
            raise StoreError(f"{digest!r:.80} is no digest of a file")
        return self._files / digest

    def _write(self, target: Path, size: int, write: Callable[[Path], object]) -> None:
        """Write a file; if the disk is full, in the place of others that are ours. Raises OSError."""
        try:
            try:
                _write_whole(target, size, write)
            except OSError as error:
                if not room.is_lacking(error) or not self._make_room(size):
                    raise
                _write_whole(target, size, write)
        except OSError as error:
            told = f"Nothing can be written to the shared folder {self.path}, so files go from machine to machine"
            fix = f"Make room there: {room.free_in(self.path)}" if room.is_lacking(error) else "See that it can be used"
            self.fault = as_sentences(f"{told}: {error.strerror or error}", fix)
            raise
        self.fault = ""

    def _prune(self, kept: str) -> None:
        """Remove what was not used for longest, and what was never finished, until it holds what it may."""
        found = self._unused_first()
        size = sum(each[0] for each in found)
        for file_size, file in found:
            if size <= self._max_size:
                return
            if file.name != kept:
                file.unlink(missing_ok=True)
                size -= file_size

    def _make_room(self, size: int) -> bool:
        """Remove what was not used for longest, so many bytes of it. Returns whether there was that much.

        How much is free does not tell: a user may have no more of a disk that has room.
        """
        found = self._unused_first()
        if sum(each[0] for each in found) < size:
            return False
        for file_size, file in found:
            if size <= 0:
                break
            file.unlink(missing_ok=True)
            size -= file_size
        return True

    def _unused_first(self) -> list[tuple[int, Path]]:
        """The size and the path of each file, what was not used for longest first. What was never finished goes."""
        found = []
        for file in self._files.iterdir():
            with contextlib.suppress(OSError):  # others prune, too
                state = file.stat()
                if _NAME.fullmatch(file.name):
                    found.append((state.st_mtime, state.st_size, file))
                elif _is_ours(file) and time.time() - state.st_mtime > _UNFINISHED:
                    file.unlink()
        return [(size, file) for _modified, size, file in sorted(found)]


def _write_whole(target: Path, size: int, write: Callable[[Path], object]) -> None:
    beside = target.with_name(f"{target.name}.{os.urandom(4).hex()}.coming")
    try:
        write(beside)
        if beside.stat().st_size != size:
            raise OSError(f"{beside} was not written whole")
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _is_ours(file: Path) -> bool:
    """Whether a file has a name that only this module gives."""
    return bool(_NAME.fullmatch(file.name) or _COMING.fullmatch(file.name))
