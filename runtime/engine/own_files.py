# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that scripts write: each item gets its own, no file of the artist is overwritten, and none is half written.

Different workers run the items of a node, at the same time or one after another. So that they don't overwrite each
other's files, each knows what the others are given. Before a task writes to a path it *claims* the path: it makes a
small file for it in the scratch folder, which only one task can make. Then it looks whether another run that goes on
has claimed it (`going_runs`). Claims end with the run: the next run may overwrite the files of this one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import MisfitError
from ..planning import destinations
from ..planning.destinations import FilesInUse, is_same
from . import going_runs, used_files
from .file_names import file_key, numbered
from .going_runs import GoingRun, Mark


@dataclass(frozen=True, slots=True)
class Owner:
    """Who claims a file: an item of a task, and the name of its node for people."""

    task: str = ""
    item: int = 0
    node: str = ""


@dataclass(frozen=True, slots=True)
class TaskContext:
    """What a task knows of the other tasks of its run and of the artist's files. Outside of a worker there are none.

    Attributes:
        owner: the task itself.
        claims: the path that the names of the run's claims are made from, None if there are no other tasks.
        columns: gives what each item of the node is given, for each parameter whose value differs between items.
        given: by parameter, what this item is given.
        in_use: gives the artist's files as they were when the run started, and after each change of them until now.
        paths: the parameters that are paths.
        whole_path: resolves `//` in them.
        position: the number of this item among those of `columns`.
        items_name: that of the file that these are read from.
        going: what the run says of itself to other runs.
        labels: by parameter, how its socket is labelled.
    """

    owner: Owner = field(default_factory=Owner)
    claims: Path | None = None
    columns: Callable[[], Mapping[str, Sequence[Any]]] = dict
    given: Mapping[str, Any] = field(default_factory=dict)
    in_use: Callable[[], Iterable[FilesInUse]] = tuple
    paths: frozenset[str] = frozenset()
    whole_path: Callable[[str], str] = str
    position: int = 0
    items_name: str = ""
    going: GoingRun = field(default_factory=GoingRun)
    labels: Mapping[str, str] = field(default_factory=dict)

    def seen(self, name: str, value: Any) -> Any:
        """What a script sees of the value of a parameter."""
        return self.whole_path(value) if name in self.paths and isinstance(value, str) else value

    def socket_of(self, path: Path) -> str:
        """The label of the socket that the name of a file is made from, "" if that can't be told."""
        texts = {name: self.seen(name, value) for name, value in self.given.items() if isinstance(value, str)}
        found = [name for name, text in texts.items() if Path(text).is_absolute() and str(path).startswith(text)]
        return self.labels.get(max(found, key=lambda name: len(texts[name])), "") if found else ""


#: The clock that Linux takes the times of files from; Python's `time` has no name for it.
_CLOCK_REALTIME_COARSE = 5

#: Windows may note the times of files in steps of 1/64 s, while Python's `time` has finer ones since 3.13.
_LAG = 16_000_000 if sys.platform == "win32" else 0

_context = TaskContext()
_claimed: list[Path] = []
_mark = Mark(GoingRun())


@contextlib.contextmanager
def using(context: TaskContext) -> Iterator[None]:
    """Let the functions of this module use a task's context within the block. If it raises, its claims are removed."""
    global _context, _mark
    _context, _mark = context, Mark(context.going)
    _claimed.clear()
    try:
        yield
    except BaseException:
        for file in _claimed:
            with contextlib.suppress(OSError):
                file.unlink()
        raise
    finally:
        _mark.drop()
        _context, _mark = TaskContext(), Mark(GoingRun())
        _claimed.clear()


class WrittenFiles:
    """Tells which files were written since it was made, by the task that starts now.

    Systems note the times of files in steps. If the task is given a folder, and so may name files that are in it, or a
    text that is the path of a file, this waits for the next step, some milliseconds: no file of before looks like a new
    one then.
    """

    def __init__(self) -> None:
        texts = {name: _context.seen(name, value) for name, value in _context.given.items() if isinstance(value, str)}
        self._given = {text for name, text in texts.items() if name in _context.paths}
        # `Path.exists` raises for a long text that is no path.
        named = {text for text in texts.values() if os.path.isabs(text) and os.path.exists(text)}  # noqa: PTH110, PTH117
        if not named <= self._given or any(map(os.path.isdir, named)):
            _wait_for_next_step()
        self._since = _file_clock()

    def has(self, path: str) -> bool:
        """Whether the file was written, or put in its place, since then, and is not what the task was given."""
        if path in self._given:
            return False
        try:
            state = Path(path).stat()
        except OSError:
            return False
        return stat.S_ISREG(state.st_mode) and max(state.st_mtime_ns, state.st_ctime_ns) >= self._since


def _file_clock() -> int:
    """The time that a file would get that is written now, in nanoseconds; on Windows it may get a later one."""
    return time.clock_gettime_ns(_CLOCK_REALTIME_COARSE) if sys.platform == "linux" else time.time_ns() - _LAG


def _wait_for_next_step() -> None:
    now = time.time_ns()
    while _file_clock() <= now:
        time.sleep(0.0005)


def claim_results(paths: Iterable[str], written: WrittenFiles) -> None:
    """Claim the files that the result of the task names, if the task wrote them.

    Raises:
        ValueError: if another item of the node has written one of them in this run, too, or another run that goes on.
    """
    if _context.claims is None:
        return
    own: dict[str, str] = {}  # paths by what stands for them
    for path in filter(written.has, map(_context.whole_path, paths)):
        _mark.hold(is_task=True)
        stem = stem_of(path)
        file = going_runs.claim_file(_context.claims, stem)
        other = other_owner(file, _context.owner)
        if other is None:
            _claimed.append(file)
            used_files.note_written(Path(path))
            own[stem] = path
        elif other.task == _context.owner.task:
            raise taken(path, other)
    for stem, run in going_runs.other_runs(own, _context.going).items():
        raise _at_socket(taken_elsewhere(own[stem], run.said, is_written=True), Path(own[stem]))


# For scripts


def items(**own: Any) -> list[dict[str, Any]]:
    """What each item of the node is given, in order: this one, and those that other workers run.

    One that is skipped, because what it takes is missing, is not among them. To make a list of thousands of items takes
    its time in each of them: see `own_file`.

    Args:
        own: some of the script's parameters, with what `main` was given.

    Returns:
        a dict of these parameters for each item. Paths are whole texts that end as they were written; data-blocks are
        their names. A node that runs once has one item.
    """
    return _items(_same(own), _context.columns())


def own_file(
    wanted: Callable[[dict[str, Any]], str | os.PathLike[str]] | Sequence[str | os.PathLike[str]], **own: Any
) -> Path:
    """The file that this item may write, and no other task of the run.

    Where several items would write the same file, the first one does, and the others get a number: Wall.glb,
    Wall_2.glb. Names that differ in upper and lower case only are the same here, as they are on most systems.

    Args:
        wanted: gives the path that an item would like to write, for a dict of `items`. It is called for all items, but
            not in each of them. Or these paths themselves, in order.
        own: as in `items`.

    Raises:
        ValueError: as `claim` does.
    """
    if callable(wanted):
        return claim(_path_of_item(wanted, _same(own)))
    return claim(numbered(wanted)[_context.position if len(wanted) > 1 else 0])


def _same(own: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _context.seen(name, _context.given.get(name, value)) for name, value in own.items()}


def _items(same: Mapping[str, Any], columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    return [_item(index, same, columns) for index in range(_num_items(columns))]


def _num_items(columns: Mapping[str, Sequence[Any]]) -> int:
    return len(next(iter(columns.values()), (None,)))


def _item(index: int, same: Mapping[str, Any], columns: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    return {name: _context.seen(name, columns[name][index]) if name in columns else same[name] for name in same}


@dataclass(slots=True)
class _Paths:
    """What the items of a node are given, the paths that they would like to write, and those that they may."""

    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    wanted: list[str] = field(default_factory=list)
    numbered: list[Path] = field(default_factory=list)


@functools.lru_cache(maxsize=4)
def _paths_of(_node: tuple[str, str, str]) -> _Paths:
    """What the items of a node that a worker does one after the other have to find out once."""
    return _Paths()


def _path_of_item(wanted: Callable[[dict[str, Any]], str | os.PathLike[str]], same: Mapping[str, Any]) -> Path:
    paths = _Paths()
    if _context.claims is not None and _context.items_name:
        paths = _paths_of((str(_context.claims), f"{_context.owner.task} {_context.items_name}", repr(same.keys())))
    if not paths.columns:
        paths.columns = _context.columns()
    position = _context.position if _num_items(paths.columns) > 1 else 0
    own = os.fspath(wanted(_item(position, same, paths.columns)))
    # What it gives may depend on more than the items, such as what the script has found out for this one.
    if paths.wanted[position : position + 1] != [own]:
        of_all = [os.fspath(wanted(item)) for item in _items(same, paths.columns)]
        paths.numbered = numbered(of_all)
        paths.wanted = of_all
    return paths.numbered[position]


def claim(path: str | os.PathLike[str]) -> Path:
    """Reserve a file for this task before it writes it, and return its path. To claim it again changes nothing.

    Raises:
        ValueError: if it is not the absolute path of a file, or the artist's scene uses it, or another task writes it,
            of this run or of one that goes on at the same time.
    """
    path = Path(path)
    try:
        destinations.check("" if path == Path() else str(path), FilesInUse())
    except MisfitError as error:
        raise ValueError(str(error)) from None
    if what := _what_it_is(path):
        raise ValueError(f"{path} is {what} and would be overwritten; choose another name")
    if _context.claims is not None:
        _claim(path, _context.claims)
    used_files.note_written(path)
    return path


@contextlib.contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path in a temporary folder; after the block, all files written there are moved to the folder of `path`.

    The file itself is moved last. All of them are claimed first; none is moved if one can't be claimed.

    Raises:
        RuntimeError: if the block did not write the file.
        ValueError: as `claim` does, and if nothing can be written there.
    """
    target = claim(path)
    with _folder_beside(target) as folder:
        beside = Path(folder) / target.name
        yield beside
        if not beside.is_file() or not beside.stat().st_size:
            raise RuntimeError(f"Blender didn't write {target.name}; the log tells why")
        files = sorted((file for file in Path(folder).rglob("*") if file.is_file()), key=beside.__eq__)
        places = [claim(target.parent / file.relative_to(folder)) for file in files]
        for file, place in zip(files, places, strict=True):
            place.parent.mkdir(parents=True, exist_ok=True)
            file.replace(place)


def _folder_beside(target: Path) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder in that of `target`, which is made if it isn't there."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=target.parent, prefix=".writing-")
    except OSError as error:
        reason = error.strerror or str(error)
        raise ValueError(f"nothing can be written to {target.parent} ({reason}); choose another folder") from None


def _what_it_is(path: Path) -> str:
    """What the file at `path` is to the artist's scene, "" if it is nothing."""
    if not path.exists():
        return ""
    for in_use in _context.in_use():
        if is_same(str(path), (in_use.open_file,)):
            return "the open file itself"
        if is_same(str(path), in_use.libraries):
            return "a library that the open file uses"
        if is_same(str(path), in_use.images):
            return "an image that the open file uses"
        if any(str(path) in files for files in in_use.numbered):
            return "a frame or a tile that the open file uses"
        if is_same(str(path), in_use.others):
            return "a file that the open file uses"
    return ""


def _claim(path: Path, claims: Path) -> None:
    file, stem = claim_file(path, claims), stem_of(path)
    _mark.hold(is_task=True)
    end = time.monotonic() + going_runs.PATIENCE
    while True:
        with going_runs.turn():
            is_new = not file.exists()
            if other := other_owner(file, _context.owner):
                raise _at_socket(taken(path, other), path)
            note = going_runs.other_run(stem, _context.going)
            if note is None:
                _claimed.append(file)
                return
            if is_new:
                file.unlink(missing_ok=True)
        if note.is_run or time.monotonic() >= end:
            raise _at_socket(taken_elsewhere(path, note.said), path)
        time.sleep(going_runs.INTERVAL)  # a worker whose run is over is about to end


def taken(path: str | Path, other: Owner) -> ValueError:
    """What is wrong if another task of the run writes to a path."""
    return ValueError(f"{path} is written by {_words(other)} in this run, too; choose another name")


def taken_elsewhere(path: str | os.PathLike[str], run: GoingRun, *, is_written: bool = False) -> MisfitError:
    """What is wrong if another run that goes on at the same time writes to a path; `is_written`: by this one, too."""
    is_over, owner = run.ended is not None, owner_of(claim_file(path, Path(run.claims)))
    told = f"{path} {'was' if is_over else 'is'} written by {_words(owner)} of {run}"
    told += ", and this script has written over it" if is_written else ""
    fix = "Run this once more to write over it" if is_over else "Wait until that is over"
    return MisfitError(told, f"{fix}, or choose another name")


def is_of(run: GoingRun, path: str | os.PathLike[str], owner: Owner) -> bool:
    """Whether another run has claimed a path for the same item of the same task, as far as that is known."""
    other = owner_of(claim_file(path, Path(run.claims)))
    is_unknown = run.ended is not None and not other.task  # its Blender was closed
    return is_unknown or (other.task, other.item) == (owner.task, owner.item)


def _words(owner: Owner) -> str:
    return f'item {owner.item + 1} of "{owner.node}"' if owner.node else "another task"


def _at_socket(error: Exception, path: Path) -> ValueError:
    """The same error, with the socket that names the file, if that can be told."""
    socket = _context.socket_of(path)
    return ValueError(f'socket "{socket}": {error}' if socket else str(error))


def stem_of(path: str | os.PathLike[str]) -> str:
    """What stands for a path in the names of claims."""
    return hashlib.sha256(file_key(path).encode()).hexdigest()[:32]


def claim_file(path: str | os.PathLike[str], claims: Path) -> Path:
    """The small file that stands for the claim to a path; `claims`: as in a `TaskContext`."""
    return going_runs.claim_file(claims, stem_of(path))


def other_owner(file: Path, owner: Owner) -> Owner | None:
    """Make the file of a claim. Returns another owner that has made it before, None if there is none."""
    try:
        with file.open("x", encoding="utf-8") as stream:
            json.dump(dataclasses.asdict(owner), stream)
    except FileExistsError:
        other = owner_of(file)
        return other if (other.task, other.item) != (owner.task, owner.item) else None
    return None


def release(claims: Path, tasks: Collection[str]) -> None:
    """Remove the claims of tasks."""
    for file in claims.parent.glob(f"{claims.stem}.*.claim"):
        if owner_of(file).task in tasks:
            file.unlink(missing_ok=True)


def owner_of(file: Path) -> Owner:
    """Who has made the file of a claim; nobody if that can't be read."""
    try:
        return Owner(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # it is being written
        return Owner()
