# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files that tell the tasks of a run about each other: the foreground writes them, workers read them.

Their names start with PLACE, the name of a blob that is kept free for them. There are

    PLACE.N.in_use.json   the artist's files, which no task may write over: when the run started (N is 0), and after
                          each change of them
    PLACE.N.items.json    what the items of a task are given: {parameter: [value of each item]}
    PLACE.HASH.claim      who writes to a path: see `own_files`
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import wire
from ..errors import CompileError, Problem, StoreError
from ..planning.destinations import FilesInUse
from ..planning.plan import PlannedTask
from ..planning.sources import Constant, leaves
from ..scratch import room, value_files
from ..scratch.scratch import Scratch, ScratchFolder
from ..script.signature import Parameter
from . import going_runs, own_files
from .going_runs import GoingRun, Mark
from .messages import Execute, SharedFiles
from .own_files import Owner, TaskContext


class RunFiles:
    """The files of one run, written when they are first needed."""

    def __init__(self, scratch: Scratch, in_use: FilesInUse, name: str = "") -> None:
        """`in_use`: the artist's files when the run starts; `name`: of its tree or job."""
        self._scratch = scratch
        self._in_use = [in_use]  # and after each change of them
        self._name = name
        self._mark: Mark | None = None
        self._for_all = SharedFiles()  # what a task without items is told
        self._mapped: dict[tuple[str, int], SharedFiles] = {}

    def shared(
        self, task: PlannedTask, change: int, columns: Callable[[PlannedTask], Mapping[str, Sequence[Any]]]
    ) -> SharedFiles:
        """What each item of a task is told of the files.

        Args:
            task: the task.
            change: a number that changes whenever the items may be given other values.
            columns: gives, for a task, the values of each item by parameter. Data-blocks are given as their names.

        Raises:
            StoreError: if a file can't be written.
        """
        for_all = self._begun()
        if not task.has_items:
            return for_all
        key = task.id, change
        if key not in self._mapped:
            name = f"{Path(for_all.place).stem}.{len(self._mapped)}.items.json"
            _write(self._scratch.file(name), columns(task))
            self._mapped[key] = dataclasses.replace(for_all, items=name)
        return self._mapped[key]

    def _begun(self) -> SharedFiles:
        """What a task without items is told, once the first files are written. Raises StoreError."""
        if not self._for_all.place:
            place = self._scratch.new_blob()
            for number in range(len(self._in_use)):
                self._write_in_use(place, number)
            open_file = self._in_use[0].open_file
            claims = str(self._scratch.file(place))
            self._mark = Mark(GoingRun(os.urandom(8).hex(), self._name, open_file, claims))
            self._for_all = SharedFiles(place, open_file=open_file)
            self.go_on()
        return self._for_all

    def go_on(self) -> None:
        """Note that the run goes on: when it begins, and when it is tried again."""
        if self._mark is not None:
            self._mark.hold()
            self._for_all = dataclasses.replace(self._for_all, going=dataclasses.replace(self._mark.said, claims=""))

    def end(self) -> None:
        """Note that the run is over: runs that begin from now on may write over its files."""
        if self._mark is not None:
            self._mark.release()

    def protect(self, in_use: FilesInUse) -> None:
        """Let tasks spare these files of the artist, too: the open file has got another name, or another was opened.

        Raises:
            StoreError: if a file can't be written.
        """
        if in_use not in self._in_use:
            self._in_use.append(in_use)
            if self._for_all.place:
                self._write_in_use(self._for_all.place, len(self._in_use) - 1)

    def _write_in_use(self, place: str, number: int) -> None:
        file = _in_use_file(self._scratch.file(place), number)
        unfinished = file.with_suffix(".unfinished")  # a task may look for it at any time
        _write(unfinished, wire.encode(self._in_use[number]))
        unfinished.rename(file)

    def claim(self, owner: Owner, paths: Iterable[str]) -> bool:
        """Claim files for a task that has written them in an earlier run, as its result is used again.

        Returns:
            whether it has all of them. If not, another task writes one, of this run or of one that goes on; then it has
            none. What another run claimed for the same item is what this one uses: it may follow that run.

        Raises:
            StoreError: if a file can't be written.
        """
        place = self._scratch.file(self._begun().place)
        stems = {own_files.stem_of(path): path for path in paths}
        made: list[Path] = []
        try:
            for stem in stems:
                file = going_runs.claim_file(place, stem)
                if own_files.other_owner(file, owner) is not None:
                    break
                made.append(file)
            if len(made) == len(stems) and not self._is_taken_elsewhere(owner, stems):
                return True
            for file in made:
                file.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{place.parent} can't be written to: {error}") from error
        return False

    def _is_taken_elsewhere(self, owner: Owner, stems: Mapping[str, str]) -> bool:
        """Whether another run writes one of these paths, which are claimed, by what stands for them."""
        assert self._mark is not None  # a claim was made
        others = going_runs.other_runs(stems, self._mark.said)
        return not all(own_files.is_of(other.said, stems[stem], owner) for stem, other in others.items())

    def release(self, tasks: Collection[str]) -> None:
        """Let others write what these tasks have written, whose items run again under other numbers."""
        if self._for_all.place:
            own_files.release(self._scratch.file(self._for_all.place), tasks)

    def names(self) -> tuple[str, ...]:
        """PLACE as a tuple, empty if no file was written yet."""
        return (self._for_all.place,) if self._for_all.place else ()


def check_free(tasks: Iterable[PlannedTask]) -> None:
    """Check before a run that no other one that goes on writes the files that its tasks are given to write to.

    What another run writes for the same task is left to the task: it may be found there, and taken over.

    Raises:
        CompileError: if another one does.
    """
    problems = []
    places = [(own_files.stem_of(path), task, each, path) for task, each, path in _constant_destinations(tasks)]
    notes = going_runs.other_runs((stem for stem, *_place in places), GoingRun())
    for stem, task, parameter, path in places:
        note = notes.get(stem)
        if note is not None and own_files.owner_of(going_runs.claim_file(Path(note.said.claims), stem)).task != task.id:
            error = own_files.taken_elsewhere(path, note.said)
            problems.append(Problem(task.name, parameter.label, error.message, error.fix, task.id))
    if problems:
        raise CompileError(problems)


def _constant_destinations(tasks: Iterable[PlannedTask]) -> Iterator[tuple[PlannedTask, Parameter, str]]:
    for task in tasks:
        for argument in task.arguments:
            for leaf in leaves(argument.sources) if argument.parameter.is_output_path else ():
                if isinstance(leaf, Constant):
                    paths = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
                    yield from ((task, argument.parameter, path) for path in paths if isinstance(path, str) and path)


def read_context(request: Execute, folder: ScratchFolder, whole_path: Callable[[str], str] = str) -> TaskContext:
    """The context of a worker's task; `whole_path` resolves `//`, once the script runs.

    Raises:
        StoreError: if a file can't be read.
    """
    given = {
        argument.identifier: value_files.named(argument.pieces[0].value, folder)[0]
        for argument in request.arguments
        if len(argument.pieces) == 1 and not argument.pieces[0].value.type.is_list and not argument.type.is_list
    }
    paths = frozenset(argument.identifier for argument in request.arguments if argument.type.kind == "PATH")
    shared = request.shared
    if not shared.place:
        return TaskContext(given=given, paths=paths, whole_path=whole_path)
    place = folder.file(shared.place)
    labels = {argument.identifier: argument.label for argument in request.arguments}
    return TaskContext(
        Owner(request.task, request.item, request.node),
        place,
        functools.partial(_read, folder.file(shared.items)) if shared.items else dict,
        given,
        lambda: _read_in_use(place),
        paths,
        whole_path,
        request.position,
        shared.items,
        dataclasses.replace(shared.going, claims=str(place)),
        labels,
    )


def _in_use_file(place: Path, number: int) -> Path:
    return place.with_name(f"{place.stem}.{number}.in_use.json")


def _read_in_use(place: Path) -> Iterator[FilesInUse]:
    """The artist's files when the run started, and after each change of them until now."""
    for number in itertools.count():
        file = _in_use_file(place, number)
        if number and not file.exists():
            return
        yield wire.decode(FilesInUse, _read(file))


def _write(file: Path, content: Any) -> None:
    try:
        file.write_text(json.dumps(content), encoding="utf-8")
    except OSError as error:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)
        raise room.unwritten("what tasks are told of each other", file, error) from error


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{file} can't be read: {error}") from error
