# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files a task reads and writes beside its inputs: its result holds only while these are as they were."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..keys.files import MISSING, FileDigests, FileState, UnknownContentError


@dataclass(slots=True)
class UsedFiles:
    """The files that a task uses.

    Attributes:
        whole_path: resolves `//`.
        read: what the script says that it depends on, as it was then.
        written: the paths that it claimed.
        obstacle: why its result can't be kept, "" if it can.
    """

    whole_path: Callable[[str], str] = str
    read: dict[str, FileState] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    obstacle: str = ""

    def finish(self, named: Iterable[str]) -> tuple[FileState, ...]:
        """Return the files that were written, as they are now, with those that the result names; note what changed.

        Args:
            named: the paths in the result.
        """
        digests = FileDigests()
        changed = next((path for path, state in self.read.items() if not digests.is_as_it_was(state)), None)
        if changed is not None:
            self.obstacle = self.obstacle or f"{changed} changed while the script ran"
        paths = {*self.written, *(path for path in map(self.whole_path, named) if Path(path).is_absolute())}
        try:
            states = [digests.state(path) for path in sorted(paths)]
        except UnknownContentError as error:
            self.obstacle = self.obstacle or str(error)
            return ()
        return tuple(state for state in states if state.digest != MISSING)


_used: UsedFiles | None = None


@contextlib.contextmanager
def noted(whole_path: Callable[[str], str]) -> Iterator[UsedFiles]:
    """Within the block, note which files the task uses."""
    global _used  # noqa: PLW0603 (a process runs one task at a time)
    _used = used = UsedFiles(whole_path)
    try:
        yield used
    finally:
        _used = None


def note_written(path: Path) -> None:
    """Note that the task is about to write a file."""
    if _used is not None:
        _used.written.add(str(path))


def depends_on(path: str | os.PathLike[str]) -> Path:
    """Say that the script reads a file or folder that is none of its inputs, and return its whole path.

    Say it before you read. The result is kept only as long as the file stays as it is, or is not there, if it was not;
    of a folder, all files in it. Of a module next to the script this is known without it. If nobody can tell which file
    is meant or what is in it, the result is not kept.
    """
    if _used is None:
        return Path(path)
    try:
        whole = _whole(_used.whole_path(os.fspath(path)))
        if str(whole) not in _used.read:
            _used.read[str(whole)] = FileDigests().state(str(whole))
    except (UnknownContentError, ValueError) as error:  # // of a file that was never saved
        _used.obstacle = _used.obstacle or str(error)
        return Path(path)
    return whole


def _whole(path: str) -> Path:
    if not Path(path).is_absolute():
        raise UnknownContentError(f"it depends on {path}, which is no whole path")
    return Path(path)
