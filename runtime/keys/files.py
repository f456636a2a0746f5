# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of files and folders by their content, with a shortcut: a file with the same stamp is not read again."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from ..errors import BackgroundNodesError

#: The digest of a file that is not there.
MISSING: Final = "missing"
#: Files in a folder that counts by its content.
MAX_FILES: Final = 2_000
_CHUNK: Final = 1024 * 1024
#: Folders of what is made of other files, or of what they were.
_UNREAD: Final = frozenset({"__pycache__", ".git"})
#: Opening does not block, even if a pipe takes the file's place after the check; nor does reading.
_FLAGS: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
#: A file that was changed less than this before it was read may change again and keep its stamp: clocks have ticks.
_TICK: Final = 2_000_000_000


class UnknownContentError(BackgroundNodesError):
    """What the content of something is can't be told. The message says why."""


#: What tells without reading a file that it is the same: where it is, its size, when it was changed.
Stamp = tuple[int, int, int, int, int]


def stamp(status: os.stat_result) -> Stamp:
    """The stamp of a file."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def is_settled(status: os.stat_result, now: int) -> bool:
    """Whether a file, as it was read at a time (ns), can't have changed since without another stamp."""
    return max(status.st_mtime_ns, status.st_ctime_ns) < now - _TICK


@dataclass(frozen=True, slots=True)
class FileState:
    """A file or folder as it was: its path and digest; of a file its size and times (ns), 0 of anything else.

    Attributes:
        modified: when its content changed, which copying and unpacking set to what they like.
        changed: when anything of it changed (on Windows, when it was made): the system alone sets that.
    """

    path: str
    digest: str
    size: int = 0
    modified: int = 0
    changed: int = 0


class FileDigests:
    """Digests of files, each read once for each stamp. It can be used from several threads."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Stamp, str]] = {}

    def file(self, path: str) -> str:
        """The digest of a file's content, `MISSING` if there is none.

        Raises:
            UnknownContentError: if it can't be read, or changes while it is.
        """
        try:
            before = Path(path).stat()
            known = self._known.get(path)
            if known is not None and known[0] == stamp(before):
                return known[1]
            if not stat.S_ISREG(before.st_mode):  # opening a pipe blocks, opening a device may have any effect
                raise UnknownContentError(f"{path} is no file whose content can be read")
            now = time.time_ns()
            with open(path, "rb", opener=_open) as file:
                digest = _digest_of(file, before.st_size)
                after = os.fstat(file.fileno())
        except (FileNotFoundError, NotADirectoryError):
            return MISSING
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UnknownContentError(f"{path} can't be read ({reason})") from None
        if stamp(after) != stamp(before) or not digest:
            raise UnknownContentError(f"{path} is being written")
        if is_settled(after, now):
            self._known[path] = stamp(after), digest
        return digest

    def folder(self, path: str) -> dict[str, str]:
        """The digests of all files in a folder and in those in it, by their names from there on, in order.

        Raises:
            UnknownContentError: if there are too many, or one can't be read.
        """
        names = []
        for name in _names(Path(path)):
            names.append(name)
            if len(names) > MAX_FILES:
                raise UnknownContentError(f"{path} holds more than {MAX_FILES:,} files")
        return {name: self.file(os.path.join(path, name)) for name in sorted(names)}  # noqa: PTH118

    def content(self, path: str) -> dict[str, str]:
        """What is at a path: of a file its digest under the name "", of a folder as `folder` gives it.

        Raises:
            UnknownContentError: as `file` and `folder` do.
        """
        return self.folder(path) if os.path.isdir(path) else {"": self.file(path)}  # noqa: PTH112 (it never raises)

    def state(self, path: str) -> FileState:
        """A file or folder as it is now. Raises UnknownContentError as `file` and `folder` do."""
        found = self.content(path)
        if "" not in found:
            return FileState(path, combined(found))
        try:
            status = Path(path).stat()
        except OSError:
            return FileState(path, MISSING)
        return FileState(path, found[""], status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def is_as_it_was(self, state: FileState) -> bool:
        """Whether a file or folder is as it was; False also where that can't be told. An equal stamp is enough."""
        try:
            status = Path(state.path).stat()
            if stat.S_ISREG(status.st_mode) and state.modified:
                if status.st_size != state.size:
                    return False
                if (status.st_mtime_ns, status.st_ctime_ns) == (state.modified, state.changed):
                    return True
            return self.state(state.path).digest == state.digest
        except (FileNotFoundError, NotADirectoryError):
            return state.digest == MISSING
        except (OSError, ValueError, UnknownContentError):
            return False


def combined(digests: dict[str, str]) -> str:
    """One digest for the files of a folder."""
    found = hashlib.blake2b(digest_size=16)
    for name, digest in digests.items():
        found.update(f"{len(name)} {name} {digest}\n".encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def outline(path: Path) -> str:
    """A digest of the names, sizes and times of a file or of all files in a folder, which are not read."""
    found = hashlib.blake2b(digest_size=16)
    folders = sorted(os.walk(path)) if path.is_dir() else [(str(path.parent), [], [path.name])]
    for folder, _folders, names in folders:
        if not _UNREAD.isdisjoint(Path(folder).parts):
            continue
        for name in sorted(names):
            with contextlib.suppress(OSError):  # a link that leads nowhere
                file = Path(folder, name)
                found.update(f"{file.relative_to(path.parent)} {stamp(file.stat())}\n".encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def _digest_of(file: BinaryIO, size: int) -> str:
    """The digest of so many bytes, "" if there are more: some files, such as those of /proc, have no end."""
    found = hashlib.blake2b(digest_size=16)
    while data := file.read(_CHUNK):
        found.update(data)
        size -= len(data)
        if size < 0:
            return ""
    return found.hexdigest()


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | _FLAGS)


def _names(folder: Path) -> Iterator[str]:
    """The files in a folder and in those in it. Links to folders are not followed: they may lead in a circle."""
    waiting = [""]
    while waiting:
        inner = waiting.pop()
        try:
            with os.scandir(folder / inner) as entries:
                for entry in entries:
                    name = f"{inner}{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{name}/")
                    else:
                        yield name
        except OSError as error:
            raise UnknownContentError(f"{folder / inner} can't be read ({error.strerror})") from None
