# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of files and folders by their content, with a shortcut: a file with the same stamp is not read again.

The foreground reads no more than a few bytes: `QuickDigests` say what another thread has to read first.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, TypeVar

from ..errors import BackgroundNodesError

#: The digest of a file that is not there.
MISSING: Final = "missing"
#: Files in a folder that counts by its content.
MAX_FILES: Final = 2_000
_CHUNK: Final = 1024 * 1024
#: Bytes that the foreground reads at once, and what opening a file counts as.
MAX_QUICK: Final = 256 * 1024
_OPENING: Final = 4 * 1024
#: Folders of what is made of other files, or of what they were.
_UNREAD: Final = frozenset({"__pycache__", ".git"})
#: Opening does not block, even if a pipe takes the file's place after the check; nor does reading.
_FLAGS: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
#: A file that was changed less than this before it was read may change again and keep its stamp: clocks have ticks.
_TICK: Final = 2_000_000_000


class UnknownContentError(BackgroundNodesError):
    """What the content of something is can't be told. The message says why."""


class NotReadYetError(BackgroundNodesError):
    """Files have to be read first, on another thread."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        super().__init__(", ".join(paths))
        self.paths = paths


_T = TypeVar("_T")


def each(read: Callable[[str], _T], paths: Iterable[str]) -> list[_T]:
    """What is read at each path. Raises NotReadYetError with the files of all paths, not only of the first."""
    found, unread = list[_T](), list[str]()
    for path in paths:
        try:
            found.append(read(path))
        except NotReadYetError as error:
            unread += error.paths
    if unread:
        raise NotReadYetError(tuple(dict.fromkeys(unread)))
    return found


#: What tells without reading a file that it is the same: where it is, its size, when it was changed.
Stamp = tuple[int, int, int, int, int]


def stamp(status: os.stat_result) -> Stamp:
    """The stamp of a file."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def stamp_of(path: str) -> Stamp | None:
    """The stamp of the file at a path; None if there is none that can be looked at."""
    try:
        return stamp(Path(path).stat())
    except OSError:
        return None


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


class _Reading(NamedTuple):
    """What came of reading a file.

    Attributes:
        number: readings of a session are numbered as they begin.
        stamp: that of the file.
        digest: that of its content.
        is_settled: whether it can't have changed since without another stamp.
        fault: why it can't be read; "" if it could.
    """

    number: int
    stamp: Stamp
    digest: str
    is_settled: bool
    fault: str = ""


class FileDigests:
    """Digests of files, each read once for each stamp. It can be used from several threads."""

    def __init__(self) -> None:
        self._readings: dict[str, _Reading] = {}  # the last ones, by path
        self._numbers = itertools.count(1)

    def file(self, path: str) -> str:
        """The digest of a file's content, `MISSING` if there is none.

        Raises:
            UnknownContentError: if it can't be read, or changes while it is.
        """
        try:
            status = Path(path).stat()
            known = self._readings.get(path)
            if known is not None and known.is_settled and known.stamp == stamp(status):
                return known.digest
            if not stat.S_ISREG(status.st_mode):  # opening a pipe blocks, opening a device may have any effect
                raise UnknownContentError(f"{path} is no file whose content can be read")
            reading = self._reading(path, status)
        except (FileNotFoundError, NotADirectoryError):
            return MISSING
        except (OSError, ValueError) as error:
            raise UnknownContentError(_unreadable(path, error)) from None
        if reading.fault:
            raise UnknownContentError(reading.fault)
        return reading.digest

    def read(self, paths: Iterable[str], is_wanted: Callable[[], bool]) -> None:
        """Read files, so that `QuickDigests` know them, for as long as `is_wanted`."""
        for path in itertools.takewhile(lambda _path: is_wanted(), paths):
            with contextlib.suppress(OSError, ValueError):  # it is gone
                self._read(path, Path(path).stat(), is_wanted)

    def _reading(self, path: str, status: os.stat_result) -> _Reading:
        """What comes of reading a file. Raises OSError or ValueError if it is gone."""
        return self._read(path, status, lambda: True)

    def _read(self, path: str, before: os.stat_result, is_wanted: Callable[[], bool]) -> _Reading:
        number, now = next(self._numbers), time.time_ns()
        digest, fault, after = "", "", before
        try:
            with open(path, "rb", opener=_open) as file:
                digest = _digest_of(file, before.st_size, is_wanted)
                after = os.fstat(file.fileno())
        except (FileNotFoundError, NotADirectoryError):
            raise
        except (OSError, ValueError) as error:
            fault = _unreadable(path, error)
        if not fault and (stamp(after) != stamp(before) or not digest):
            fault = f"{path} is being written"
        reading = _Reading(number, stamp(after), digest, not fault and is_settled(after, now), fault)
        if is_wanted():
            self._readings[path] = reading
        return reading

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
        names.sort()
        digests = each(self.file, (os.path.join(path, name) for name in names))  # noqa: PTH118
        return dict(zip(names, digests, strict=True))

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


class QuickDigests(FileDigests):
    """The same digests for the foreground, which must not wait.

    All of its methods raise NotReadYetError instead of reading more than `MAX_QUICK` bytes after one `begin`.
    """

    def __init__(self, files: FileDigests) -> None:
        self._readings, self._numbers = files._readings, files._numbers
        self._left = self._since = 0

    def mark(self) -> int:
        """Now, for `begin`."""
        return next(self._numbers)

    def begin(self, since: int) -> None:
        """Begin to look at files as they were at any time after a `mark`: they may have been read since."""
        self._left, self._since = MAX_QUICK, since

    def _reading(self, path: str, status: os.stat_result) -> _Reading:
        known = self._readings.get(path)
        if known is not None and known.number > self._since and (known.fault or known.stamp == stamp(status)):
            return known
        self._left -= status.st_size + _OPENING
        if self._left < 0:
            raise NotReadYetError((path,))
        return super()._reading(path, status)


def without(digests: Mapping[str, str], path: str, written: frozenset[str]) -> dict[str, str]:
    """The digests of what is at a path, as `FileDigests.content` gives them, but for files that were `written`."""
    return {name: digest for name, digest in digests.items() if str(Path(path, name)) not in written}


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


def _digest_of(file: BinaryIO, size: int, is_wanted: Callable[[], bool]) -> str:
    """The digest of so many bytes, "" if there are more: some files, such as those of /proc, have no end.

    It is "", too, if it is not wanted any more.
    """
    found = hashlib.blake2b(digest_size=16)
    while data := file.read(_CHUNK):
        found.update(data)
        size -= len(data)
        if size < 0 or not is_wanted():
            return ""
    return found.hexdigest()


def _unreadable(path: str, error: OSError | ValueError) -> str:
    return f"{path} can't be read ({getattr(error, 'strerror', None) or error})"


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
