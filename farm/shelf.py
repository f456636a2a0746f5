# SPDX-License-Identifier: GPL-3.0-or-later
"""The shelf of a station: files by digest, so that each is sent to a machine once, whatever it is called."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from ..runtime.engine.carried_files import CarriedFile
from ..runtime.errors import StoreError
from ..runtime.scratch import room
from ..runtime.store.folder import digest_of_file
from ..runtime.store.store import place_file

#: Bytes that a shelf may hold before what was not used for longest is removed.
USUAL_SIZE: Final = 20 * 1024**3
#: Seconds without news after which nobody receives a file any more.
_UNFINISHED: Final = 3600.0
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
#: What one is called before all of it is there. Other files in the folder are somebody else's.
_RECEIVING: Final = re.compile(r"[0-9a-f]{64}\.[0-9a-f]{8}\.receiving")


class Shelf:
    """Files in a folder, each named by its digest. Not to be used by two threads at once.

    Other processes may have one in the same folder, and anybody may remove files there.

    Attributes:
        folder: where they are.
    """

    def __init__(self, folder: Path, max_size: int = USUAL_SIZE) -> None:
        """Use a folder, and what is in it. Raises OSError if it can't be made."""
        folder.mkdir(0o700, parents=True, exist_ok=True)  # scenes are nothing for other users of the machine
        self.folder = folder
        self._max_size = max_size
        self._sizes: dict[str, int] = {}  # by digest, what was used last at the end
        for modified, name, size in sorted(_files(folder)):
            if _DIGEST.fullmatch(name):
                self._sizes[name] = size
            elif _RECEIVING.fullmatch(name) and time.time() - modified > _UNFINISHED:
                (folder / name).unlink(missing_ok=True)  # whoever received it has ended

    def __contains__(self, digest: str) -> bool:
        if digest in self._sizes and not (self.folder / digest).exists():
            del self._sizes[digest]
        return digest in self._sizes

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(self._sizes.values())

    def path(self, digest: str) -> Path:
        """Where a file is. Raises KeyError if it is not here."""
        self._sizes[digest] = self._sizes.pop(digest)
        return self.folder / digest

    def new_file(self, digest: str) -> Path:
        """Where to write a file that is received: see `take_received`. Raises StoreError if that is no digest."""
        if not _DIGEST.fullmatch(digest):
            raise StoreError(f"{digest!r:.80} is no digest of a file")
        return self._fresh(digest)

    def _fresh(self, digest: str) -> Path:
        """Where a file is before all of it is there."""
        return self.folder / f"{digest}.{os.urandom(4).hex()}.receiving"

    async def take_received(self, path: Path, digest: str) -> None:
        """Take a file that was written whole. Raises StoreError if it is not what it should be.

        A large one is looked at for seconds: by another thread, so that others are answered meanwhile.
        """
        found, size = await asyncio.to_thread(_looked_at, path)
        if found != digest:
            path.unlink()
            raise StoreError("a file that was sent is not what it was at its origin")
        path.replace(self.folder / digest)
        self._note(digest, size)

    def take(self, path: Path, file: CarriedFile) -> None:
        """Take a file that is there for something else, too. Raises OSError."""
        if file.digest not in self:
            fresh = self._fresh(file.digest)
            try:
                place_file(str(path), str(fresh))
                fresh.replace(self.folder / file.digest)
            finally:
                fresh.unlink(missing_ok=True)  # a second name of a file does not replace that
            self._note(file.digest, file.size)

    def make_room(self, size: int, kept: Collection[str]) -> bool:
        """Remove what was not used for longest, but for `kept`, until so many bytes are free on its disk.

        Returns:
            whether they are.
        """
        oldest = iter([each for each in self._sizes if each not in kept])
        while (free := room.free(self.folder)) is not None and free < size:
            if (old := next(oldest, None)) is None:
                return False
            self._remove(old)
        return True

    def remove_all(self) -> bool:
        """Remove all files. Returns whether there was anything."""
        found = list(self._sizes)
        for digest in found:
            self._remove(digest)
        return bool(found)

    def _remove(self, digest: str) -> None:
        (self.folder / digest).unlink(missing_ok=True)
        del self._sizes[digest]

    def place(self, digest: str, path: Path) -> None:
        """Put a file in a place, if there is none. Raises KeyError if it is not here, else OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            place_file(str(self.path(digest)), str(path))

    def _note(self, digest: str, size: int) -> None:
        self._sizes[digest] = size
        oldest = iter([each for each in self._sizes if each != digest])
        while self.size > self._max_size and (old := next(oldest, None)) is not None:
            self._remove(old)


def _looked_at(path: Path) -> tuple[str, int]:
    """The digest and the size of a file."""
    return digest_of_file(path), path.stat().st_size


def _files(folder: Path) -> Iterator[tuple[float, str, int]]:
    """When each file of a folder was changed, its name and its size."""
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process has just removed it
            state = path.stat()
            yield state.st_mtime, path.name, state.st_size
