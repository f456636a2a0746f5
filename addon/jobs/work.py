# SPDX-License-Identifier: GPL-3.0-or-later
"""The work on one job, from the queue to its end: `Job` is what add-ons see of it."""

from __future__ import annotations

import dataclasses
import functools
import math
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

import bpy

from ...runtime.blender import data_block_kinds, modes, python_data
from ...runtime.blender.edits import edits
from ...runtime.blender.snapshot import Snapshot
from ...runtime.engine.active_run import ActiveRun
from ...runtime.engine.runner import Runner
from ...runtime.errors import BackgroundNodesError
from ...runtime.scheduling.events import TaskError
from ...runtime.scheduling.states import TaskState
from ...runtime.scratch import value_files
from ...runtime.scratch.logs import read_log
from ...runtime.scratch.partial_data import PartialDataFile
from ...runtime.scratch.typed_values import TypedValue
from ...runtime.script.socket_types import StoredRef
from ...runtime.script.without_main import DATA_BLOCKS, PYTHON_DATA
from ..session import gestures
from ..session.current import session
from ..session.undo import push_undo
from .arriving import JobArrival
from .preparing import Preparation
from .request import TASK, JobRequest
from .retrieved import RetrievedDataBlocks

if TYPE_CHECKING:
    from .job import Job

#: What is read of more results than these is read on another thread.
_MANY: Final = 64


class WorkKeeper(Protocol):
    """What the work on a job knows of the `JobManager` that keeps it."""

    max_attempts: int
    is_behind: bool

    def advance(self, work: Work) -> None:
        """Start it if there is room, and let its results come home if it has succeeded."""
        ...

    def update(self) -> None:
        """Carry on the jobs that nobody polls."""
        ...

    def note_news(self, work: Work) -> None:
        """A job may be able to start now, or never: what it comes after has got further."""
        ...

    def note_start(self, work: Work) -> None:
        """A job has started."""
        ...

    def note_end(self, work: Work) -> None:
        """A job is over: remove the blobs that it was given, unless other jobs need them."""
        ...


class WorkBatch(Protocol):
    """What the work on a job knows of the batch that it is in."""

    @property
    def are_all_done(self) -> bool:
        """Whether nothing of it runs, or is to run: data-blocks may come home."""
        ...

    def note_progress(self) -> None:
        """A job of it has got further."""
        ...

    @property
    def name(self) -> str: ...

    def note_end(self, *, has_changed_file: bool, is_forgotten: bool) -> None:
        """A job of it is over, perhaps as it was forgotten."""
        ...


class Work:
    """The work on one job.

    Attributes:
        request: what it is to do.
        snapshot: what it is given; empty once it is over.
        job: what add-ons see of it.
        num_attempts: how often it was started.
        is_over: whether it is completed or dropped.
        keeper: the manager that keeps it.
        was_killed: whether `kill` ended it.
        was_cancelled: whether its script was asked to end.
        overwrite_data: whether its results replace data-blocks of the open file.
        python_data: the script's; None unless the job is completed.
        data_blocks: what came home; None unless the job is completed.
        kept: what stayed though results would have taken its place; None unless some would have.
    """

    def __init__(
        self,
        request: JobRequest,
        keeper: WorkKeeper,
        snapshot: Snapshot,
        batch: WorkBatch | None = None,
        added_before: Mapping[str, Work] = MappingProxyType({}),
    ) -> None:
        """`added_before` has the jobs by their names that are added with it, and that it may come after."""
        self.request = request
        self.snapshot = snapshot
        self._folder = snapshot.folder
        self.job: Job
        self.num_attempts = 0
        self.is_over = False
        self.was_killed = False
        self.was_cancelled = False
        self.overwrite_data = request.overwrite_data
        self.python_data: Any = None
        self.data_blocks: RetrievedDataBlocks | None = None
        self.kept: RetrievedDataBlocks | None = None
        self.keeper = keeper
        self._batch = batch
        self._after = [_found(job, added_before) for job in request.after]
        self._givers = {name: _found(job, added_before) for name, job in request.results.items()}
        self._end_of_grace = math.inf  # when a script that was asked to end is ended
        self._told: tuple[float, str, int] = (0.0, "", 0)  # the progress that was told last
        self._partial: tuple[str, int, Any] = ("", 0, None)  # what was read of it last: its log, its number, the data
        self._runner: Runner | None = None
        self._active: ActiveRun | None = None
        self._error: TaskError | None = None  # what went wrong outside the script
        self._is_completed = False
        self._is_forgotten = False
        self._has_lost_file = False  # another file was opened since it was added
        self._has_changed_file = False
        self._newest = data_block_kinds.newest_uid()
        self._refs: tuple[StoredRef, ...] | None = None  # its results, once they are asked for
        self._preparation: Preparation | None = None  # of its arrival
        self._arrival: JobArrival | None = None
        self._num_printed = 0
        self._is_wanted = False  # by a job that comes after it and is carried on by itself
        self._later: list[Work] = []  # the jobs that come after it
        self._has_told_batch = False  # those of them in its batch that its results are there
        for other in self._after:
            other.precede(self)

    # What it is like

    @property
    def state(self) -> str:
        """One of "QUEUED", "ACTIVE", "COMPLETED", "DROPPED"."""
        if self.is_over:
            return "COMPLETED" if self._is_completed else "DROPPED"
        return "QUEUED" if self._active is None else "ACTIVE"

    @property
    def progress(self) -> float:
        return 0.0 if self._active is None else self._record.progress

    @property
    def text(self) -> str:
        return "" if self._active is None else self._record.text

    @property
    def batch_name(self) -> str:
        """The name of the batch that it is in, "" if it is in none."""
        return "" if self._batch is None else self._batch.name

    @property
    def is_driven(self) -> bool:
        """Whether it is carried on though nobody polls it."""
        return bool(self._is_wanted or self._batch or self.request.on_complete or self.request.on_progress)

    @property
    def earlier(self) -> list[Work]:
        """The jobs that it comes after."""
        return self._after

    def precede(self, later: Work) -> None:
        """Note a job that comes after it. If that is carried on by itself, so is this."""
        self._later.append(later)
        if later.is_driven:
            self._drive()

    def _drive(self) -> None:
        waiting = [self]
        while waiting:
            work = waiting.pop()
            if not work._is_wanted:  # else those before it are, too
                work._is_wanted = True
                work.keeper.note_news(work)
                waiting += work._after

    @property
    def is_running(self) -> bool:
        """Whether it runs in a background Blender, or is queued for one."""
        return self._active is not None and not self._active.state.is_final and not self.is_over

    @property
    def is_arriving(self) -> bool:
        """Whether it succeeded, and its results are not home yet."""
        return self._active is not None and self._active.state.is_final and not self.is_over and not self._has_failed

    @property
    def awaits_artist(self) -> bool:
        """Whether all that is left to be done waits for the artist. For one that was not started, see `waiting`."""
        is_ready = self._preparation is None or self._preparation.is_done
        return self.is_arriving and is_ready and (self._batch is None or self._batch.are_all_done)

    @property
    def is_preparing(self) -> bool:
        """Whether what it brings home is being read."""
        return not self.is_over and self._preparation is not None and not self._preparation.is_done

    @property
    def is_coming_home(self) -> bool:
        """Whether some of its results are home, and some are not."""
        return not self.is_over and self._arrival is not None and self._arrival.has_begun

    @property
    def has_timed_out(self) -> bool:
        return self.is_over and self._active is not None and self._record.state is TaskState.TIMED_OUT

    @property
    def error(self) -> TaskError | None:
        """Why it was dropped."""
        if not self.is_over or self._is_completed:
            return None
        if self.was_killed:
            return TaskError("it was killed")
        error = self._error or (None if self._active is None else self._record.error)
        if error is not None and self.num_attempts > 1:
            return dataclasses.replace(error, message=f"{error.message} (in the last of {self.num_attempts} attempts)")
        return error

    @property
    def seconds(self) -> float:
        return 0.0 if self._active is None else self._active.seconds

    @property
    def log(self) -> str:
        if self._active is None or self._is_forgotten:  # another thread removes the file
            return ""
        path = self._active.log_file(TASK, 0)
        return "" if path is None else read_log(path)

    @property
    def folder(self) -> Path | None:
        if self._active is None or self._is_forgotten:
            return None
        name = self._log_name
        return None if name is None else self._folder.files_of(name)

    def partial_data(self) -> Any:
        """What its script has handed over last, in this attempt. Raises StoreError if that can't be read."""
        name = self._log_name
        if name is None or self._is_forgotten:
            return None
        file = PartialDataFile(self._folder.partial_data_of(name))
        if self._partial[:2] != (name, file.number()):
            number, content = file.read()
            self._partial = (name, number, python_data.decode(content))
        return self._partial[2]

    @property
    def _num_partial(self) -> int:
        """A number that grows when its script hands something over."""
        name = self._log_name
        return 0 if name is None else PartialDataFile(self._folder.partial_data_of(name)).number()

    @property
    def _log_name(self) -> str | None:
        """The name of the log of this attempt, None before it runs."""
        return None if self._active is None else self._active.logs.get(TASK, {}).get(0)

    @property
    def _record(self) -> Any:
        assert self._active is not None
        return self._active.scheduler.tasks[TASK]

    @property
    def wants_worker(self) -> bool:
        """Whether it may start, or failed and may be tried again."""
        if self.is_over or self.was_cancelled:
            return False
        if self._active is None:
            return all(other.state == "COMPLETED" or self._is_served_by(other) for other in self._after)
        return self._has_failed and self.num_attempts < self.keeper.max_attempts

    @property
    def _has_failed(self) -> bool:
        return (
            self._active is not None and self._active.state.is_final and self._record.state is not TaskState.SUCCEEDED
        )

    # On its way

    def start(self, runner: Runner) -> None:
        """Start its next attempt, or queue it for a worker. For the manager, which limits how many jobs run."""
        self.num_attempts += 1
        self._num_printed = 0
        self.keeper.note_start(self)
        if self._active is not None:
            runner.retry(self._active)
            return
        self._runner = runner
        self._take_results()
        snapshot = self.snapshot
        use_cache = self.request.uses_cache and session.settings.uses_store
        self._active = runner.start(
            self.request.plan(), snapshot.stored, num_workers=1, open_file=snapshot.file, use_cache=use_cache
        )

    def _is_served_by(self, other: Work) -> bool:
        """Whether another job of its batch has given all that it waits for: data-blocks come home with its own."""
        return other.is_arriving and self._batch is not None and other._batch is self._batch

    def _take_results(self) -> None:
        """Let its script have what other jobs have given. Raises StoreError if that can't be written."""
        given = {name: python_data.encode(other.result(), name) for name, other in self._givers.items()}
        variables, files = session.store_values(given)
        self.request = dataclasses.replace(self.request, variables={**self.request.variables, **variables})
        self.snapshot = self.snapshot.with_files(files)

    def result(self) -> Any:
        """The `python_data` of one that has succeeded. Raises StoreError if it can't be read."""
        return self.python_data if self.is_over else python_data.decode(self._value(PYTHON_DATA).content)

    def settle(self) -> None:
        """Let its results come home if it has succeeded; drop it if it has failed for the last time, or can't start."""
        if not self.is_over and self._active is None:
            self._look_at_others()
        if self.is_running:
            self._look_at_script()
        if self.is_over or self._active is None or not self._active.state.is_final or self.wants_worker:
            return
        if self._has_failed:
            self._end()
        elif not self._results():
            self._complete(RetrievedDataBlocks())
        elif self._batch is not None and not self._batch.are_all_done:
            if not self._has_told_batch:
                self._has_told_batch = True
                self._tell_later()
        elif not self._is_in_other_file() and self._prepare() and not self._waits_for_artist():
            session.add_arrival(self)

    def _tell_later(self) -> None:
        """Those that come after it may be able to start now, or never."""
        for other in self._later:
            if other._active is None:
                other.keeper.note_news(other)

    def _look_at_others(self) -> None:
        """Drop it if one of the jobs that it comes after was dropped."""
        dropped = next((other for other in self._after if other.state == "DROPPED"), None)
        if dropped is not None:
            self._drop(TaskError(f"the job {dropped.request.name!r}, after which it comes, was dropped"))

    def _look_at_script(self) -> None:
        """Tell its progress if anybody listens; end it if it was asked to end a while ago."""
        if self.request.on_progress is not None or self._batch is not None:
            self._look_at_progress()
        if time.monotonic() > self._end_of_grace:
            self.kill()

    def _look_at_progress(self) -> None:
        """Tell its progress if it is another one. A file is opened for that."""
        now = (self.progress, self.text, self._num_partial)
        if now != self._told:
            self._told = now
            if self.request.on_progress is not None:
                self._call(self.request.on_progress)
            if self._batch is not None:
                self._batch.note_progress()

    def cancel(self, grace: float) -> None:
        """Ask its script to end, and end it after so many seconds. One that has not started is dropped."""
        log = self._log_name
        if not self.is_running or log is None:
            self.kill()
        elif not self.was_cancelled:
            self.was_cancelled = True
            self._end_of_grace = time.monotonic() + grace
            try:
                self._folder.cancellation_of(log).touch()
            except OSError:  # it can't be asked
                self.kill()

    def overwrite(self) -> None:
        """Let its results replace data-blocks of the open file, if none is home yet."""
        if not self.overwrite_data and self._arrival is None:
            self.overwrite_data, self._preparation = True, None

    def kill(self) -> None:
        """End it, with its background Blender if it has one. What has begun to come home does so."""
        if self.is_coming_home:
            self.bring_home(math.inf)
        if self.is_over:
            return
        self.was_killed = True
        self._cancel()
        self._end()

    def abandon(self, reason: str) -> None:
        """Drop it because nothing can carry it on any more."""
        if not self.is_over:
            self._drop(TaskError(reason))

    def fail(self, error: Exception) -> None:
        """Drop it because of an error in Background Nodes or Blender, not in its script."""
        self._cancel()
        self._drop(TaskError(f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error))))

    def lose_file(self) -> None:
        """Another file was opened, in which its results have no place."""
        self._has_lost_file = True
        self._preparation = None
        if self.is_coming_home:
            self._drop(TaskError("another file was opened while its results came home"))

    def forget(self) -> None:
        """Remove all that the scratch folder holds for it. If this ends the job, `on_complete` is not called."""
        self._is_forgotten = True
        self.kill()
        if self._active is not None and self._runner is not None:
            self._runner.forget(self._active)

    def print_log(self) -> None:
        """Print what the script has printed since the last call."""
        new = self.log[self._num_printed :]
        self._num_printed += len(new)
        if new:
            sys.stdout.write(new if new.endswith("\n") else f"{new}\n")

    def _cancel(self) -> None:
        if self._active is not None and self._runner is not None:
            self._runner.cancel(self._active)

    # Its end

    @property
    def _overwrites(self) -> bool:
        return self.overwrite_data and not self._has_lost_file

    def _is_in_other_file(self) -> bool:
        """Whether another file than its own is open. Its data-blocks wait for that, or it is dropped."""
        if not self._has_lost_file:
            return False
        filepath = self.request.filepath
        if self.request.waits_for_file and filepath:
            return bpy.data.filepath != filepath
        self._drop(TaskError(f"another file was opened: its data-blocks belong to {filepath or 'one never saved'}"))
        return True

    def _prepare(self) -> bool:
        """Read what its results are, and what they would replace. Returns whether that is done."""
        if self._preparation is None:
            arguments = {
                "overwrites": self._overwrites,
                "when_changed": self.request.when_changed,
                "newest": self._newest,
            }
            make = functools.partial(JobArrival, self.snapshot, self._results(), **arguments)
            since = self.snapshot.since
            self._preparation = Preparation(make, compares=edits.is_all_in_doubt(since) or edits.has_told(since))
            if len(self._results()) > _MANY:
                assert self._runner is not None
                self._runner.do_aside(self._preparation.do)
            else:
                self._preparation.do()
        return self._preparation.is_done

    def _waits_for_artist(self) -> bool:
        """Whether the artist is in the middle of something that its results would disturb."""
        arrival = None if self._preparation is None else self._preparation.arrival
        return gestures.is_going_on() or (arrival is not None and bool(modes.awaited_end(arrival.targets)))

    def bring_home(self, seconds: float) -> None:
        """Bring results home for about so long, and some at least; nothing while the artist must not be disturbed."""
        if self.is_over or (self._arrival is None and (not self._prepare() or self._waits_for_artist())):
            return
        try:
            if self._arrival is None:
                assert self._preparation is not None
                self._arrival = self._preparation.taken()
                self._has_changed_file = True
            if not self._arrival.carry_on(seconds):
                return
            self.kept = self._arrival.kept()
            self._complete(self._arrival.retrieved())
        except BackgroundNodesError as error:
            self._drop(TaskError(f"its results can't be brought home: {error}"))
        except Exception as error:  # noqa: BLE001 (the timer and other jobs go on, whatever Blender refuses here)
            message = f"not all of its results could be brought home: {type(error).__name__}: {error}"
            self._drop(TaskError(message, traceback.format_exc()))

    def _value(self, output: str) -> TypedValue:
        assert self._active is not None
        values = self._active.results.item(TASK, 0)
        assert values is not None
        return value_files.loaded(values[output], self._folder)

    def _results(self) -> tuple[StoredRef, ...]:
        if self._refs is None:
            self._refs = tuple(self._value(DATA_BLOCKS).refs())
        return self._refs

    def _complete(self, data_blocks: RetrievedDataBlocks) -> None:
        try:
            self.python_data = python_data.decode(self._value(PYTHON_DATA).content)
        except BackgroundNodesError as error:
            self._drop(TaskError(f"its results can't be brought home: {error}"))
            return
        self.data_blocks = data_blocks
        self._is_completed = True
        self._end()

    def _drop(self, error: TaskError) -> None:
        self._error = error
        self._end()

    def _end(self) -> None:
        if self.is_over:
            return
        self.is_over = True
        self._arrival = self._preparation = None
        if self._runner is not None and self._active is not None:
            self._runner.remove_results(self._active)
        self.keeper.note_end(self)
        self.snapshot = Snapshot(self._folder)
        self._tell_later()
        for other in self._later:
            other.keeper.is_behind = True
        self._later.clear()
        if self.request.on_complete is not None and not self._is_forgotten:
            self._call(self.request.on_complete)
        if self._batch is not None:
            self._batch.note_end(has_changed_file=self._has_changed_file, is_forgotten=self._is_forgotten)
        elif self._has_changed_file and self.request.push_undo:
            push_undo(f"Job: {self.request.name}")

    def _call(self, function: Callable[[Job], object]) -> None:
        try:
            function(self.job)
        except Exception:  # noqa: BLE001 (somebody else's code)
            traceback.print_exc()


def _found(job: Work | str, added_before: Mapping[str, Work]) -> Work:
    return added_before[job] if isinstance(job, str) else job
