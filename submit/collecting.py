# SPDX-License-Identifier: GPL-3.0-or-later
"""What `background-nodes collect` does: bring the results of a job into the store at home.

They are kept by what they depend on, so the next run of the same tree finds them as if it had made them. What they tell
of files of the job is made to tell of the files at home (`homeward.py`); where that can't be, a result stays where it
is, and that is said.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from ..runtime.engine import kept_results
from ..runtime.engine.kept_results import KeptResult
from ..runtime.errors import BackgroundNodesError, StoreError
from ..runtime.keys.files import FileDigests
from ..runtime.keys.key import KeyParts
from ..runtime.store.folder import default_folder
from ..runtime.store.records import Record
from ..runtime.store.store import Store
from .homeward import Homeward, StaysError, bring
from .job import FILES, STORE, Job, JobError, places, unneeded
from .saying import say

_EXIT_FAILED: Final = 1
_EXIT_BAD_INPUT: Final = 2


@dataclass
class Collected:
    """What came home.

    Attributes:
        num_results: how many results are kept at home now.
        missing: nodes and items that have no result, and could have one.
        elsewhere: nodes and items whose results tell of paths of the farm.
        files: the files that were copied.
    """

    num_results: int = 0
    missing: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


def carry_out(options: argparse.Namespace) -> int:
    """Do what the options ask for. Returns the exit code."""
    folder = Path(options.folder).absolute()
    try:
        home = Path(options.store).absolute() if options.store else default_folder()
        with contextlib.closing(Store(home, note=say)) as store:
            collected = collect(folder, store, Path(options.into).absolute() if options.into else None)
    except JobError as error:
        say(str(error))
        return _EXIT_BAD_INPUT
    except (BackgroundNodesError, OSError) as error:
        say(str(error))
        return _EXIT_FAILED
    say(f"{collected.num_results} results are kept here now")
    if collected.files:
        say(f"{len(collected.files)} files were copied to {options.into}")
    if collected.elsewhere:
        say(
            "these tell of files in the job's folder, so a run here makes them again: " + ", ".join(collected.elsewhere)
        )
    if collected.missing:
        say("these have no result that is kept: " + ", ".join(collected.missing))
    return _EXIT_FAILED if collected.missing else 0


def collect(folder: Path, home: Store, into: Path | None = None) -> Collected:
    """Keep the results of a job in a store.

    Args:
        folder: the job's.
        home: the store.
        into: where to copy the files that the job wrote, to the same places as in the job; None for nowhere.

    Raises:
        JobError: if it is no job.
        StoreError: if nothing can be kept there.
        OSError: if files can't be copied.
    """
    job = Job.load(folder)
    homeward = Homeward.of(job, [str(folder), *places(folder)])
    collected = Collected()
    with contextlib.closing(Store(folder / STORE, note=say)) as store:
        done_without = {*unneeded(folder), *(task for step in job.steps for task in step.unkept)}
        for step in job.steps:
            for number, task in enumerate(step.tasks):
                name = step.name if len(step.tasks) == 1 else f"{step.name} ({number})"
                records = list(_records(store, task, max(1, step.num_items)))
                if task in done_without:
                    records = [each for each in records if each is not None]
                for item, record in enumerate(records):
                    where = f"{name}, item {item}" if len(records) > 1 else name
                    _take(record, where, (task, item), store, home, homeward, collected)
        if into is not None:
            collected.files += _copy_written(folder, store, job, into)
    return collected


def _records(store: Store, task: str, num_items: int) -> Iterator[Record | None]:
    """The last record of each item of a task; None of those that have none that is whole."""
    item = 0
    while item < num_items:
        last = store.last(kept_results.subject_of(task, item))
        kept = None if last is None else kept_results.read(last)
        if kept is not None:
            num_items = max(num_items, kept.num_items)
        yield None if last is None else store.check(last.key)
        item += 1


def _take(
    record: Record | None,
    name: str,
    place: tuple[str, int],
    store: Store,
    home: Store,
    homeward: Homeward,
    collected: Collected,
) -> None:
    kept = None if record is None else kept_results.read(record)
    if record is None or kept is None or kept.obstacle or not _is_of_its_key(record, kept):
        collected.missing.append(name)
    else:
        try:
            home.set_last(kept_results.subject_of(*place), bring(record, store, home, homeward))
            collected.num_results += 1
        except StaysError:
            collected.elsewhere.append(name)


def _is_of_its_key(record: Record, kept: KeptResult) -> bool:
    """Whether a result is kept under the key of what it says that it depends on: nobody put it in another's place."""
    try:
        return KeyParts.from_json(kept.parts).key() == record.key
    except (TypeError, ValueError):
        return False


def _copy_written(folder: Path, store: Store, job: Job, into: Path) -> Iterator[Path]:
    """Copy what the job's results say that they wrote.

    Raises:
        OSError: if that can't be done.
        StoreError: if a file is not as it was, or lies outside of the job: a link or a path may lead anywhere.
    """
    roots = [Path(place, FILES) for place in (str(folder), *places(folder))]
    digests, inside = FileDigests(), (folder / FILES).resolve()
    for step in job.steps:
        for task in step.tasks:
            for record in filter(None, _records(store, task, max(1, step.num_items))):
                kept = kept_results.read(record)
                for state in kept.written if kept is not None else ():
                    path = Path(os.path.normpath(state.path))
                    root = next((root for root in roots if path.is_relative_to(root)), None)
                    if root is None:
                        continue
                    source = folder / FILES / path.relative_to(root)
                    if source.is_file() and not digests.is_as_it_was(replace(state, path=str(source))):
                        raise StoreError(f"{source} is not as the job has written it: something has changed it since")
                    if not source.exists():
                        raise StoreError(f"{source} was written by the job, and is not there any more")
                    for file in _files(source):
                        _check_inside(file, inside, folder / job.project)
                        target = into / file.relative_to(folder / job.project)
                        target.parent.mkdir(parents=True, exist_ok=True)
                        shutil.copy2(file, target)
                        yield target


def _check_inside(file: Path, inside: Path, project: Path) -> None:
    """Raise StoreError if a file of a job is another one, by a link, or none of its project."""
    if not file.resolve().is_relative_to(inside):
        raise StoreError(f"{file} is a link that leads out of the job, so it is not copied")
    if not file.is_relative_to(project):
        raise StoreError(f"{file} lies outside of what was submitted, so it is not copied")


def _files(path: Path) -> list[Path]:
    """A file; of a folder, all files in it."""
    return [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
