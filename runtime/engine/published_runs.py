# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of which other processes of this user can know: how far they are, and which results they are at.

    runs/0123abcd/lock          held by the process of the run for as long as it lives
    runs/0123abcd/run.json      a `PublishedRun`, replaced whole each time, with a line for each task and each item: who
                                looks again and again reads only those lines that have changed, and that it needs
    runs/0123abcd/end           is there once somebody wants the run to be cancelled
    runs/0123abcd/output.txt    what the process printed
    runs/beginning              locked by who looks which runs go on, and begins with another one

The results themselves are in the store. The folder of an ended run stays for a month, so that it is told how it ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import IO, Any, Final, overload

from .. import wire
from ..errors import StoreError
from ..scheduling.records import ItemRecord
from ..scheduling.states import TaskState
from ..scratch import file_locks
from ..store.folder import default_folder
from .active_run import ActiveRun
from .kept_results import subject

#: The bits of a folder's mode that let others write in it.
_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
#: Seconds that a run is told of after it has ended.
_KEPT: Final = 30 * 24 * 3600.0
#: Seconds that a process has to begin with its run.
_PATIENCE: Final = 120.0
#: Seconds that a look at a lock may take, and between two attempts to get it.
_LOOK: Final = 1.0
_LOOK_INTERVAL: Final = 0.01
#: What is locked while a run is begun with, and the seconds that one waits for that.
_BEGINNING: Final = "beginning"
_BEGINNING_TIMEOUT: Final = 30.0
_NAME: Final = re.compile(r"[0-9a-f]{8}")
#: What stands behind the name of a folder in which nothing is told yet.
_NEW: Final = ".new"
_FILE: Final = "run.json"
OUTPUT: Final = "output.txt"
#: The state of a run before its process has begun with it; the others are those of `RunState`.
STARTING: Final = "starting"


@dataclass(frozen=True, slots=True)
class PublishedItem:
    """One item of a task.

    Attributes:
        state: as `TaskState` has it; "running" until the result of one that succeeded is in the store.
        key: of its result in the store, "" while that is unknown, and if there will be none.
        progress, text: what its script told last.
        error, traceback, line: why it failed, as in `TaskError`.
    """

    state: str
    key: str = ""
    progress: float = 0.0
    text: str = ""
    error: str = ""
    traceback: str = ""
    line: int | None = None

    @property
    def is_over(self) -> bool:
        return self.state not in ("ready", "running")


class Items(Sequence[PublishedItem]):
    """Items as they are told of, each of which is read only once somebody asks for it.

    What can't be read, as of another version of Background Nodes, is told to be cancelled: nobody waits for that.
    """

    def __init__(self, lines: Sequence[str], known: dict[str, PublishedItem]) -> None:
        """`known` are items by their lines, which this reads and adds to."""
        self._lines = lines
        self._known = known

    @overload
    def __getitem__(self, index: int) -> PublishedItem: ...
    @overload
    def __getitem__(self, index: slice) -> Items: ...
    def __getitem__(self, index: int | slice) -> PublishedItem | Items:
        if isinstance(index, slice):
            return Items(self._lines[index], self._known)
        line = self._lines[index]
        if line not in self._known:
            self._known[line] = _read_item(line)
        return self._known[line]

    def __len__(self) -> int:
        return len(self._lines)

    def __eq__(self, other: object) -> bool:
        return self._lines == other._lines if isinstance(other, Items) else NotImplemented

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class PublishedTask:
    """A task: the name of its node, its state, and its items, none until their number is known."""

    name: str
    state: str
    items: Sequence[PublishedItem] = ()

    @property
    def is_over(self) -> bool:
        return self.state not in ("waiting", "ready", "running")


@dataclass(frozen=True, slots=True)
class RunHead:
    """A run as others see it, without its tasks.

    Attributes:
        file, tree: of what runs: a path and a name.
        engine: what runs it, as it was chosen.
        started: in seconds since the epoch.
        state: `STARTING`, or as `RunState` has it.
        progress: 0.0 to 1.0.
        error: why it did not succeed, of all its nodes; "" if it did, or is not over.
    """

    file: str
    tree: str
    engine: str
    started: float
    state: str = STARTING
    progress: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class PublishedRun(RunHead):
    """The same with its `tasks`, by their ids."""

    tasks: dict[str, PublishedTask] = field(default_factory=dict)

    @property
    def head(self) -> RunHead:
        return RunHead(**_values_of_head(self))

    @classmethod
    def of(cls, head: RunHead, tasks: dict[str, PublishedTask]) -> PublishedRun:
        return cls(**_values_of_head(head), tasks=tasks)


def _values_of_head(run: RunHead) -> dict[str, Any]:
    return {field.name: getattr(run, field.name) for field in fields(RunHead)}


@dataclass(frozen=True, slots=True)
class _TaskHead:
    """The line before those of the items: what a task is, beside them."""

    uid: str
    name: str
    state: str
    num_items: int


class RunText:
    """How a run is told as text, with what was read of it before: that is not read again."""

    def __init__(self) -> None:
        self._heads: dict[str, _TaskHead] = {}  # by their lines
        self._items: dict[str, PublishedItem] = {}

    def read(self, text: str) -> PublishedRun:
        """Raises ValueError or TypeError if it is of another version of Background Nodes."""
        first, *lines = text.split("\n")
        for known in (self._heads, self._items):
            for line in known.keys() - lines:
                del known[line]
        tasks: dict[str, PublishedTask] = {}
        place = 0
        while place < len(lines):
            head, begin = self._head(lines[place]), place + 1
            place = begin + head.num_items
            if not begin <= place <= len(lines):
                raise ValueError("items are missing")
            tasks[head.uid] = PublishedTask(head.name, head.state, Items(lines[begin:place], self._items))
        return PublishedRun.of(_read_head(first), tasks)

    def _head(self, line: str) -> _TaskHead:
        if line not in self._heads:
            self._heads[line] = wire.decode(_TaskHead, json.loads(line))
        return self._heads[line]


def text_of(run: PublishedRun) -> str:
    """A run as text, for `RunText.read`."""
    lines = [_line(run.head)]
    for uid, task in run.tasks.items():
        lines.append(_line(_TaskHead(uid, task.name, task.state, len(task.items))))
        lines.extend(map(_line, task.items))
    return "\n".join(lines)


def _line(record: RunHead | _TaskHead | PublishedItem) -> str:
    return json.dumps(wire.encode(record), separators=(",", ":"))  # ASCII, with no end of a line in it


def _read_head(line: str) -> RunHead:
    return wire.decode(RunHead, json.loads(line))


def _read_item(line: str) -> PublishedItem:
    try:
        return wire.decode(PublishedItem, json.loads(line))
    except (ValueError, TypeError):
        return PublishedItem("cancelled")


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of a published run."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def output(self) -> Path:
        """The file with what the process printed."""
        return self.path / OUTPUT

    def write(self, run: PublishedRun) -> None:
        """Tell how far the run is. Raises OSError."""
        beside = self.path / f"{_FILE}{_NEW}"
        beside.touch(0o600)
        beside.write_text(text_of(run), encoding="utf-8", newline="\n")
        beside.replace(self.path / _FILE)

    def read(self, text: RunText | None = None) -> PublishedRun | None:
        """How far the run is; None if that was not told, or by another version of Background Nodes.

        `text` is the same each time for who looks again and again.
        """
        try:
            return (text or RunText()).read((self.path / _FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError):
            return None

    def read_head(self) -> RunHead | None:
        """The same without its tasks, however many there are."""
        try:
            with (self.path / _FILE).open(encoding="utf-8") as file:
                return _read_head(file.readline())
        except (OSError, ValueError, TypeError):
            return None

    def told_at(self) -> int:
        """When that was told last, as a number that grows; 0 if it never was."""
        try:
            return (self.path / _FILE).stat().st_mtime_ns
        except OSError:
            return 0

    def hold(self) -> IO[bytes]:
        """Note that the process of the run lives, until what is returned is closed. Raises OSError."""
        held = _locked(self.path / "lock", _LOOK)  # somebody may just be looking whether it is held
        held.truncate(0)
        held.write(str(os.getpid()).encode())
        held.flush()
        return held

    @property
    def is_own(self) -> bool:
        """Whether this process is that of the run."""
        try:
            return (self.path / "lock").read_bytes() == str(os.getpid()).encode()
        except OSError:
            return False

    def is_alive(self) -> bool:
        """Whether the process of the run lives, or has yet to begin."""
        with contextlib.suppress(OSError), (self.path / "lock").open("r+b") as file:
            if not file_locks.lock(file):
                return True
        run = self.read_head()
        return run is not None and run.state == STARTING and time.time() - run.started < _PATIENCE

    def ask_to_end(self) -> None:
        """Let the run be cancelled soon. Raises OSError."""
        (self.path / "end").touch()

    @property
    def is_to_end(self) -> bool:
        """Whether somebody wants the run to be cancelled."""
        return (self.path / "end").exists()

    def remove(self) -> None:
        """Tell of the run no longer."""
        shutil.rmtree(self.path, ignore_errors=True)


def folder() -> Path:
    """Where runs are published: beside this user's kept results. Raises StoreError if there is no place."""
    return default_folder() / "runs"


def new_place(run: PublishedRun) -> Place:
    """Make the folder of a run that a process will begin with. Raises StoreError."""
    name = os.urandom(4).hex()
    beside, path = Place(folder() / f"{name}{_NEW}"), folder() / name
    try:
        beside.path.mkdir(0o700, parents=True)
        beside.write(run)
        beside.path.rename(path)  # who looks meanwhile must not find one that tells nothing, and remove it
    except OSError as error:
        beside.remove()
        raise StoreError(f"nothing can be told of the run in {path}: {error}") from error
    if not _is_of_this_user(path):
        Place(path).remove()
        raise StoreError(f"nothing can be told of the run in {path}: others may write there, whatever its mode says")
    return Place(path)


@contextlib.contextmanager
def beginning() -> Iterator[None]:
    """Within the block no other process looks which runs go on in order to begin with one: so two see each other.

    A process that is killed there keeps nobody waiting: its lock goes with it.

    Raises:
        StoreError: if another process does not come to its end there, or there is no place.
    """
    path = folder() / _BEGINNING
    try:
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        held = _locked(path, _BEGINNING_TIMEOUT)
    except OSError as error:
        raise StoreError(f"it can't be seen which runs go on: {error}") from error
    with held:
        yield


def _locked(path: Path, seconds: float) -> IO[bytes]:
    """A file with its lock, which goes as it is closed. Raises OSError if another process keeps that."""
    held = path.open("ab")  # what another process has written there stays
    try:
        if not file_locks.lock_within(held, seconds, _LOOK_INTERVAL):
            raise BlockingIOError(f"another process keeps the lock {path}")
    except OSError:
        held.close()
        raise
    return held


def places() -> Iterator[Place]:
    """The published runs. Those that ended long ago are removed."""
    found: list[Path] = []
    with contextlib.suppress(OSError, StoreError):
        found = [path for path in folder().iterdir() if _NAME.fullmatch(path.name) and _is_of_this_user(path)]
    for place in map(Place, sorted(found)):
        if time.time() - place.told_at() / 1e9 > _KEPT and not place.is_alive():
            place.remove()
        else:
            yield place


def _is_of_this_user(path: Path) -> bool:
    """Whether nobody else can have written what is told there: the store may be a folder that several people share."""
    try:
        state = path.lstat()
    except OSError:  # it was just removed
        return False
    is_own = os.name != "posix" or (state.st_uid == os.geteuid() and not state.st_mode & _WRITABLE_BY_OTHERS)
    return stat.S_ISDIR(state.st_mode) and is_own


def tasks_of(run: ActiveRun) -> dict[str, PublishedTask]:
    """The tasks of a run as others see them, by their ids."""
    return {
        uid: PublishedTask(
            record.planned.name, str(record.state), tuple(_published(run, uid, item) for item in record.items)
        )
        for uid, record in run.scheduler.tasks.items()
    }


def _published(run: ActiveRun, task: str, item: ItemRecord) -> PublishedItem:
    key = "" if run.cache is None else run.cache.asked_key(task, item.index)
    is_being_kept = run.cache is not None and run.cache.shared.pending[subject(run.tasks[task], item.index)] > 0
    state = "running" if item.state is TaskState.SUCCEEDED and is_being_kept else str(item.state)
    if item.error is None:
        return PublishedItem(state, key, item.progress, item.text)
    error = item.error
    return PublishedItem(state, key, item.progress, item.text, error.message, error.traceback, error.line)
