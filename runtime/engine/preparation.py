# SPDX-License-Identifier: GPL-3.0-or-later
"""Preparation: what a worker has to do before an item of a task can start, or before results come home.

To know whether it must start at all, the content of its data-blocks and files may have to be found out first.

A .blend file that a task works on is copied once in a run. So all tasks see the same state of it, whatever is saved
meanwhile, and none of them has the file itself open. Data-blocks that are spread over many blobs are gathered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from ..scheduling.events import Errand
from ..script.blend_files import FileCopy
from ..script.socket_types import StoredRef
from . import gathering
from .messages import CopyFile, Gather

#: Seconds that reading a file or gathering may take. Large files on a slow disk take minutes.
_COPY_TIMEOUT: Final = 1800.0
_GATHER_TIMEOUT: Final = 600.0


@dataclass(frozen=True, slots=True)
class Copying:
    """A .blend file is copied into a blob."""

    path: str

    def errand(self, identifier: str) -> Errand:
        return Errand(identifier, f"Copying {PurePath(self.path).name}", is_needed=True, timeout=_COPY_TIMEOUT)

    def task(self, blob: str) -> CopyFile:
        """What a worker is asked to do."""
        return CopyFile(self.path, blob)

    def copy(self, blob: str) -> FileCopy:
        return FileCopy(blob, self.path)


@dataclass(frozen=True, slots=True)
class Gathering:
    """Data-blocks of several blobs are written into one. If that fails, they are loaded from the blobs they are in."""

    refs: tuple[StoredRef, ...]

    def errand(self, identifier: str) -> Errand:
        return Errand(identifier, "Gathering data-blocks", is_needed=False, timeout=_GATHER_TIMEOUT)

    def task(self, blob: str) -> Gather:
        """What a worker is asked to do."""
        return Gather(self.refs, blob)


@dataclass(frozen=True, slots=True)
class Digesting:
    """The content of a blob's data-blocks is found out; not by a worker, as no Blender is needed for it."""

    blob: str

    def errand(self, identifier: str) -> Errand:
        return Errand(identifier, "Looking for changes", is_needed=False, timeout=_GATHER_TIMEOUT)


@dataclass(frozen=True, slots=True)
class Reading:
    """Files are read, of which the content counts."""

    paths: tuple[str, ...]

    def errand(self, identifier: str) -> Errand:
        return Errand(identifier, f"Reading {PurePath(self.paths[0]).name}", is_needed=False, timeout=_COPY_TIMEOUT)


@dataclass(frozen=True, slots=True)
class Keeping:
    """A result is being kept: whoever looks for it waits until that is done. `name` is its key or its subject."""

    name: str

    def errand(self, identifier: str) -> Errand:
        return Errand(identifier, "Waiting for a result to be kept", is_needed=False, timeout=_GATHER_TIMEOUT)


@dataclass(frozen=True, slots=True)
class Checking:
    """The files of a large kept result are read, to see whether they are as they were written."""

    key: str

    def errand(self, identifier: str) -> Errand:
        return Errand(identifier, "Reading a kept result", is_needed=False, timeout=_GATHER_TIMEOUT)


#: What a worker does, and what is done without one before a result can be looked for.
WorkerWork = Copying | Gathering
LookupWork = Digesting | Reading | Keeping | Checking
Work = WorkerWork | LookupWork


class Works:
    """What had to be prepared in one run, by the ids of the errands that do it."""

    def __init__(self) -> None:
        self._ids: dict[Work, str] = {}
        self._works: dict[str, Work] = {}
        self._blobs: dict[str, str] = {}
        self._failed: set[str] = set()
        self._old: list[str] = []  # blobs of failed attempts

    def __getitem__(self, errand: str) -> Work:
        return self._works[errand]

    @property
    def blobs(self) -> Iterable[str]:
        """Names of the blobs that were written, wholly or in part."""
        return [*self._blobs.values(), *self._old]

    def blob(self, errand: str) -> str:
        return self._blobs[errand]

    def task(self, errand: str, work: WorkerWork, new_blob: Callable[[], str]) -> CopyFile | Gather:
        """What a worker is asked to do for an errand."""
        self._blobs[errand] = new_blob()
        return work.task(self._blobs[errand])

    def give_up(self, errand: str) -> list[str]:
        """Note that an attempt failed or was stopped. Returns the names of the blobs it wrote.

        A gathering that failed is not asked for again: see `gatherings`.
        """
        if isinstance(self._works[errand], Gathering):
            self._failed.add(errand)
        blobs = [self._blobs.pop(errand)] if errand in self._blobs else []
        self._old += blobs
        return blobs

    def errands(self, works: Iterable[Work]) -> tuple[Errand, ...]:
        return tuple(work.errand(self._id(work)) for work in works)

    def gatherings(self, refs: Iterable[StoredRef], many: int) -> Iterator[Gathering]:
        """What to gather of data-blocks that are in `many` blobs or more, without what failed to be gathered before."""
        for chunk in gathering.chunks(refs, many):
            work = Gathering(chunk)
            if self._id(work) not in self._failed:
                yield work

    def _id(self, work: Work) -> str:
        if work not in self._ids:
            self._ids[work] = f"{type(work).__name__} {len(self._ids)}"
            self._works[self._ids[work]] = work
        return self._ids[work]
