# SPDX-License-Identifier: GPL-3.0-or-later
"""Which runs of this machine go on, so that no two that do write the same file.

A run notes that it goes on, in a file that its process keeps locked: the system frees the lock however the process
ends. Which files it writes is not noted here: its claims say that (`own_files`). Whoever claims a file looks at those
of all others that go on.

    running/HOST/ID.going       of a run, from its first task on until it is over; locked by the foreground
    running/HOST/ID.N.going     of one of its tasks that has claimed a file; locked by the worker, which may take a
                                moment to end after its run is over, or serve a run of another machine
    running/HOST/ID.over        of a run that is over, as long as one goes on that began before its end: what both write
                                would be lost at one of them, too. After what the run says of itself come the names of
                                its claims, each on a line, sorted: so one is found without reading all
    running/HOST/turn           locked while a worker claims a file

All of it is this user's, on this machine. Where files can't be written or locked there, runs know nothing of each
other.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import IO, Final

from .. import wire
from ..errors import StoreError
from ..scratch import file_locks
from ..store.folder import user_folder
from .file_names import file_name

_GOING, _OVER, _TURN = ".going", ".over", "turn"
#: Seconds that a worker waits for others that claim a file; one of them may be frozen.
_TURN_TIMEOUT: Final = 5.0
#: Seconds that a task waits for a worker whose run is over already, and so is about to end.
PATIENCE: Final = 20.0
INTERVAL: Final = 0.005
#: How often a lock is tried: somebody else may just be looking whether it is free.
_TRIES: Final = 3
#: Seconds after which a note that says nothing is left over.
_UNFINISHED: Final = 3600.0

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class GoingRun:
    """What a run notes of itself.

    Attributes:
        run: its id, "" if it is unknown.
        name: that of its tree or job.
        file: path of the .blend file that was open at its start, "" if that was never saved.
        claims: the path that the names of its claims are made from.
        started: when it began, in seconds since the epoch; of a retry, when that did.
        ended: when it was over, None as long as it goes on.
    """

    run: str = ""
    name: str = ""
    file: str = ""
    claims: str = ""
    started: float = 0.0
    ended: float | None = None

    def __str__(self) -> str:
        """It for people, with a verb."""
        name = f'"{self.name}"' + (f" of {PurePath(self.file).name}" if self.file else "")
        return f"{name}, which {'runs' if self.ended is None else 'ran'} at the same time"


def claim_file(claims: Path, stem: str) -> Path:
    """The small file that stands for the claim to a path, which `stem` stands for."""
    return claims.with_name(f"{claims.stem}.{stem}.claim")


def stems(claims: Path) -> Iterator[str]:
    """What stands for the paths that a run has claimed."""
    for file in claims.parent.glob(f"{claims.stem}.*.claim"):
        yield file.name.removeprefix(f"{claims.stem}.").removesuffix(".claim")


def folder() -> Path:
    """Where runs of this machine note that they go on. Raises StoreError if there is no place."""
    # A home may be on a network. macOS calls a machine by what network it is in; its homes are on its own disk.
    host = "this Mac" if sys.platform == "darwin" else platform.node()
    return user_folder() / "running" / file_name(host)


class Mark:
    """Says that a run goes on, as long as it is held; nothing at all where that can't be said."""

    def __init__(self, said: GoingRun) -> None:
        """`said`: what the run says of itself, without its times if it has not begun."""
        self.said = said
        self._file: IO[bytes] | None = None
        self._path: Path | None = None

    def hold(self, *, is_task: bool = False) -> None:
        """Say that the run goes on, or that one of its tasks does. What it said of its end is forgotten."""
        if self._file is not None:
            return
        with contextlib.suppress(OSError, StoreError):
            place = folder()
            if not place.is_dir():
                place.mkdir(0o700, parents=True, exist_ok=True)
            if not is_task:
                self.said = replace(self.said, started=time.time())
            number = f".{os.getpid()}-{next(_numbers)}" if is_task else ""
            path = place / f"{self.said.run}{number}{_GOING}"
            if not is_task:
                _tidy(place)
            file = path.open("wb", buffering=0)
            try:
                _lock(file)
                file.write(_encoded(self.said))
            except OSError:  # no locks here, or no space
                file.close()
                path.unlink(missing_ok=True)
                raise
            self._file, self._path = file, path
            if not is_task:
                path.with_suffix(_OVER).unlink(missing_ok=True)

    def release(self) -> None:
        """Say that it is over."""
        if self._file is None or self._path is None:
            return
        with contextlib.suppress(OSError):
            if any(each.is_run for each in _notes(self._path.parent, but=self._path)):
                found = sorted(stems(Path(self.said.claims)))
                over = replace(self.said, ended=time.time())
                if found:
                    new = self._path.with_suffix(".new")
                    new.write_bytes(b"\n".join((_encoded(over), *(stem.encode() for stem in found), b"")))
                    new.replace(self._path.with_suffix(_OVER))
        self.drop()

    def drop(self) -> None:
        """Say nothing any more."""
        file, path = self._file, self._path
        self._file = self._path = None
        if file is not None and path is not None:
            file.close()
            with contextlib.suppress(OSError):  # on Windows somebody may have it open; it is removed at the next look
                path.unlink()


@dataclass(frozen=True, slots=True)
class Note:
    """A file here.

    Attributes:
        path: where it is.
        said: what it says.
        is_run: whether it is of a run, not of a task.
    """

    path: Path
    said: GoingRun
    is_run: bool

    def has(self, stem: str) -> bool:
        """Whether the run has claimed a path that `stem` stands for. Raises OSError if that can't be read."""
        if self.said.ended is None:
            return claim_file(Path(self.said.claims), stem).exists()
        with self.path.open("rb") as file:
            return _has_line(file, stem.encode())


def other_run(stem: str, own: GoingRun) -> Note | None:
    """As `other_runs`, of one path; None if there is none."""
    return other_runs([stem], own).get(stem)


def other_runs(stems: Iterable[str], own: GoingRun) -> dict[str, Note]:
    """By path, what another run has noted that has claimed it and goes on, or that went on when `own` began.

    Args:
        stems: stand for the paths.
        own: what the run that asks says of itself; without an id it has not begun.
    """
    found: dict[str, Note] = {}
    wanted = tuple(stems)
    with contextlib.suppress(OSError, StoreError):
        for note in _notes(folder()) if wanted else ():
            for stem in _claimed(note, wanted, own):
                if stem not in found or note.is_run:
                    found[stem] = note
    return found


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """Claim a file within the block while no other process does: make the claim first, then ask for `other_run`.

    So of two that claim at the same time at least one finds the other, even where the lock can't be had: whoever has it
    may be frozen, so it is waited for a while only.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, StoreError):
            file = stack.enter_context((folder() / _TURN).open("ab"))
            file_locks.lock_within(file, _TURN_TIMEOUT, INTERVAL)
        yield


def _claimed(note: Note, stems: Sequence[str], own: GoingRun) -> list[str]:
    """Those of some paths that another run has claimed which goes on, or did when `own` began."""
    said = note.said
    if said.run == own.run or (said.ended is not None and not (own.run and said.ended > own.started)):
        return []
    with contextlib.suppress(OSError):  # it was just removed
        found = [stem for stem in stems if note.has(stem)]
        return found if found and (said.ended is not None or _is_held(note.path)) else []
    return []


def _has_line(file: IO[bytes], line: bytes) -> bool:
    """Whether a file has a line. Those after the first one are sorted, and all as long as this one."""
    start, length = len(file.readline()), len(line) + 1
    first, last = 0, (file.seek(0, os.SEEK_END) - start) // length
    while first < last:
        middle = (first + last) // 2
        file.seek(start + middle * length)
        found = file.read(length - 1)
        if found == line:
            return True
        first, last = (middle + 1, last) if found < line else (first, middle)
    return False


def _notes(place: Path, *, but: Path | None = None) -> Iterator[Note]:
    """What is noted here, by whomever; of runs that are over, too, and by processes that are gone."""
    for path in place.iterdir():
        if path.suffix not in (_GOING, _OVER) or path == but:
            continue
        with contextlib.suppress(OSError, ValueError, TypeError):  # it is being written, or was just removed
            yield Note(path, wire.decode(GoingRun, json.loads(_first_line(path))), "." not in path.stem)


def _first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline()


def _tidy(place: Path) -> None:
    """Remove what processes that are gone have left, and what no run that goes on has to know."""
    notes = list(_notes(place))
    for path in {*place.iterdir()} - {note.path for note in notes}:
        with contextlib.suppress(OSError):
            if path.name != _TURN and time.time() - path.stat().st_mtime > _UNFINISHED:
                path.unlink()
    oldest = min((note.said.started for note in notes if note.said.ended is None and _is_held(note.path)), default=None)
    for note in notes:
        if note.said.ended is not None and (oldest is None or note.said.ended <= oldest):
            with contextlib.suppress(OSError):
                note.path.unlink()


def _is_held(path: Path) -> bool:
    """Whether the process that wrote a note lives. If not, the note is removed."""
    for _ in range(_TRIES):
        try:
            with path.open("rb+") as file:
                if file_locks.lock(file):
                    break
        except FileNotFoundError:
            return False
        time.sleep(INTERVAL)
    else:
        return True
    with contextlib.suppress(OSError):
        path.unlink()
    return False


def _lock(file: IO[bytes]) -> None:
    """Lock a file that says nothing yet, so that nobody looks at it who has not seen it before. Raises OSError."""
    for _ in range(_TRIES):
        if file_locks.lock(file):
            return
        time.sleep(INTERVAL)
    raise BlockingIOError("somebody else has the lock")


def _encoded(said: GoingRun) -> bytes:
    return json.dumps(wire.encode(said), separators=(",", ":")).encode()
