# SPDX-License-Identifier: GPL-3.0-or-later
"""`Job`: a script that a `JobManager` sends to a background Blender. Part of the public Python API."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import bpy

from ...node_tree import reader
from ...node_tree.meanwhile import Originals
from ...runtime.blender import data_block_kinds, modes, python_data, sendable
from ...runtime.blender.edits import edits
from ...runtime.blender.homecoming import Homecoming, Targets
from ...runtime.blender.paths import files_in_use
from ...runtime.blender.snapshot import Snapshot
from ...runtime.engine.active_run import ActiveRun
from ...runtime.engine.runner import Runner
from ...runtime.errors import BackgroundNodesError, StoreError
from ...runtime.planning.graph import NodeSettings, WhenChanged
from ...runtime.planning.plan import Argument, Plan, PlannedTask, TaskOutput
from ...runtime.planning.sources import Constant
from ...runtime.scheduling.events import TaskError
from ...runtime.scheduling.states import TaskState
from ...runtime.scratch import value_files
from ...runtime.scratch.logs import read_log
from ...runtime.scratch.typed_values import TypedValue
from ...runtime.script.signature import Parameter, ScriptSource
from ...runtime.script.socket_types import ANY_DATA_BLOCK, OPEN_FILE, LiveRef, SocketType, StoredRef
from ...runtime.script.without_main import DATA_BLOCKS, PASSED_DATA_BLOCKS, PYTHON_DATA
from ..session import gestures
from ..session.current import session
from ..session.undo import push_undo
from .retrieved import RetrievedDataBlocks

_ANY = SocketType("ANY")
_DATA_BLOCKS = SocketType(ANY_DATA_BLOCK, is_list=True)
#: The argument that holds a copy of the open file. No passed variable can have this name.
_BLEND_FILE = "__blend_file__"
#: The id of the one task of a job's plan.
_TASK = "job"
#: The `session_uid`s of what jobs brought home.
_brought: Final[set[int]] = set()
#: How many characters of the log's end `Job.issue` shows.
_MAX_LOG = 10_000
#: Longest wait for news in one go, in seconds.
_MAX_WAIT = 1.0


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a job is to do.

    Attributes:
        name: any text.
        source: its script.
        variables: the script's variables by name, in wire form; a `ValueFile` for one that is large.
        passed: the data-blocks it is given.
        use_blend_file: whether it works on a copy of the open file.
        timeout: seconds it may take, 0 for no limit.
        overwrite_data: whether its results replace data-blocks of the open file.
        when_changed: what becomes of those that were changed since the job was added.
        push_undo: whether to make an undo step when its results come home.
        on_complete: called with the job when it has ended. A job with it needs no calls of `process_jobs`.
    """

    name: str
    source: ScriptSource
    variables: Mapping[str, Any]
    passed: tuple[LiveRef, ...] = ()
    use_blend_file: bool = False
    timeout: float = 0.0
    overwrite_data: bool = False
    when_changed: WhenChanged = WhenChanged.MINE
    push_undo: bool = True
    on_complete: Callable[[Job], object] | None = field(default=None, compare=False)

    def plan(self) -> Plan:
        arguments = [_argument(name, value, _ANY) for name, value in self.variables.items()]
        if self.passed:
            arguments.append(_argument(PASSED_DATA_BLOCKS, self.passed, _DATA_BLOCKS))
        if self.use_blend_file:
            arguments.append(_argument(_BLEND_FILE, OPEN_FILE, SocketType("BLEND_FILE")))
        outputs = (TaskOutput(PYTHON_DATA, PYTHON_DATA, _ANY), TaskOutput(DATA_BLOCKS, DATA_BLOCKS, _DATA_BLOCKS))
        settings = NodeSettings(self.timeout, retries=0)
        task = PlannedTask(_TASK, self.name, self.source, tuple(arguments), outputs, settings)
        return Plan(self.name, (task,), files=files_in_use())


def _argument(name: str, value: Any, socket_type: SocketType) -> Argument:
    return Argument(Parameter(name, name, socket_type, is_optional=True), (Constant(value, socket_type),))


class JobKeeper(Protocol):
    """What a job knows of the `JobManager` that keeps it."""

    max_attempts: int

    def drop_snapshot(self, job: Job) -> None:
        """Remove the blobs that an ended job was given, unless other jobs need them."""
        ...

    def wait_for(self, job: Job, seconds: float) -> None:
        """Carry a job on; wait for news at most `seconds`."""
        ...


class Job:
    """A script that runs, or is to run, in a background Blender.

    Attributes:
        request: what it is to do.
        snapshot: what it is given; empty once it is over.
        num_attempts: how often it was started.
        was_killed: whether `kill` ended it.
        overwrite_data: whether its results replace data-blocks of the open file.
    """

    def __init__(self, request: JobRequest, keeper: JobKeeper, snapshot: Snapshot) -> None:
        self.request = request
        self.num_attempts = 0
        self.was_killed = False
        self.overwrite_data = request.overwrite_data
        self._keeper = keeper
        self.snapshot = snapshot
        self._runner: Runner | None = None
        self._active: ActiveRun | None = None
        self._error: TaskError | None = None  # what went wrong outside the script
        self._is_over = False
        self._is_forgotten = False
        self._has_lost_file = False  # another file was opened since it was added
        self._has_changed_file = False
        self._python_data: dict[Any, Any] | None = None
        self._data_blocks: RetrievedDataBlocks | None = None
        self._kept: RetrievedDataBlocks | None = None
        self._newest = data_block_kinds.newest_uid()
        self._overwritten: Targets | None = None
        self._num_printed = 0

    # What it tells

    @property
    def name(self) -> str:
        return self.request.name

    @property
    def state(self) -> str:
        """One of "QUEUED", "ACTIVE", "COMPLETED", "DROPPED"."""
        if self._is_over:
            return "DROPPED" if self._python_data is None else "COMPLETED"
        return "QUEUED" if self._active is None else "ACTIVE"

    @property
    def progress(self) -> float:
        """0.0 to 1.0, as the script reported it."""
        return 0.0 if self._active is None else self._record.progress

    @property
    def is_over(self) -> bool:
        """Whether it is completed or dropped."""
        return self._is_over

    @property
    def is_running(self) -> bool:
        """Whether it runs in a background Blender, or is queued for one."""
        return self._active is not None and not self._active.state.is_final and not self._is_over

    @property
    def is_arriving(self) -> bool:
        """Whether it succeeded, and its results wait for the artist to leave a mode or to end a stroke."""
        return self._active is not None and self._active.state.is_final and not self._is_over and not self._has_failed

    @property
    def has_timed_out(self) -> bool:
        return self._is_over and self._active is not None and self._record.state is TaskState.TIMED_OUT

    @property
    def error(self) -> TaskError | None:
        """Why it was dropped: `message`, `traceback` and the script's `line`."""
        if not self._is_over or self._python_data is not None:
            return None
        if self.was_killed:
            return TaskError("it was killed")
        return self._error or (None if self._active is None else self._record.error)

    @property
    def issue(self) -> str:
        """Why it was dropped, as a text of several lines; "" if it was not."""
        error = self.error
        if error is None:
            return ""
        parts = [f"The job {self.name!r} was dropped: {error.message}"]
        parts += [error.traceback.rstrip()] if error.traceback else []
        log = self.log.rstrip()
        parts += [f"What was printed last:\n{log[-_MAX_LOG:]}"] if log else []
        return "\n\n".join(parts) + "\n"

    @property
    def seconds(self) -> float:
        """For how many seconds it has run so far, or ran."""
        return 0.0 if self._active is None else self._active.seconds

    @property
    def log(self) -> str:
        """What the script and Blender printed, in the last attempt; "" once it is forgotten."""
        if self._active is None or self._is_forgotten:  # another thread removes the file
            return ""
        path = self._active.log_file(_TASK, 0)
        return "" if path is None else read_log(path)

    @property
    def python_data(self) -> dict[Any, Any] | None:
        """The script's `python_data`; None unless the job is completed."""
        return self._python_data

    @property
    def data_blocks(self) -> RetrievedDataBlocks | None:
        """The script's `data_blocks` as they are in the open file; None unless the job is completed."""
        return self._data_blocks

    @property
    def kept(self) -> RetrievedDataBlocks | None:
        """The open file's data-blocks that no result took the place of, because they were changed, or made, meanwhile.

        None unless the job is completed and `overwrite_data` was on.
        """
        return self._kept

    def __repr__(self) -> str:
        return f"<Job {self.name!r} {self.state}>"

    @property
    def _record(self) -> Any:
        assert self._active is not None
        return self._active.scheduler.tasks[_TASK]

    # What can be done with it

    def start(self, runner: Runner) -> None:
        """Start its next attempt, or queue it for a worker. For the manager, which limits how many jobs run."""
        self.num_attempts += 1
        self._num_printed = 0
        if self._active is not None:
            runner.retry(self._active)
            return
        self._runner = runner
        snapshot = self.snapshot
        self._active = runner.start(self.request.plan(), snapshot.stored, num_workers=1, open_file=snapshot.file)

    @property
    def wants_worker(self) -> bool:
        """Whether it has not started yet, or failed and may be tried again."""
        if self._is_over:
            return False
        return self._active is None or (self._has_failed and self.num_attempts < self._keeper.max_attempts)

    @property
    def _has_failed(self) -> bool:
        return (
            self._active is not None and self._active.state.is_final and self._record.state is not TaskState.SUCCEEDED
        )

    def settle(self) -> None:
        """Bring its results home if it has succeeded; drop it if it has failed for the last time."""
        if self._is_over or self._active is None or not self._active.state.is_final or self.wants_worker:
            return
        if self._has_failed:
            self._end()
        elif not self._waits_for_artist():
            self._bring_home()

    def kill(self) -> None:
        """End it, with its background Blender if it has one. Results that are home stay."""
        if self._is_over:
            return
        self.was_killed = True
        if self._active is not None and self._runner is not None:
            self._runner.cancel(self._active)
        self._end()

    def wait(self, timeout: float | None = None) -> str:
        """Carry it on until it has ended, or for `timeout` seconds. Returns its state.

        The state is "ACTIVE", too, if its results wait for the artist to leave a mode: that can't happen meanwhile.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._is_over:
            left = _MAX_WAIT if deadline is None else min(_MAX_WAIT, deadline - time.monotonic())
            if left <= 0.0:
                break
            self._keeper.wait_for(self, left)
            if self.is_arriving:
                break
        return self.state

    def abandon(self, reason: str) -> None:
        """Drop it because nothing can carry it on any more."""
        if not self._is_over:
            self._error = TaskError(reason)
            self._is_over = True

    def fail(self, error: Exception) -> None:
        """Drop it because of an error in Background Nodes or Blender, not in its script."""
        self._error = TaskError(f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error)))
        self._is_over = True
        if self._active is not None and self._runner is not None:
            self._runner.cancel(self._active)
        self._end()

    def lose_file(self) -> None:
        """Another file was opened: its results must replace nothing in that file."""
        self._has_lost_file = True

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

    # Its end

    @property
    def _overwrites(self) -> bool:
        return self.overwrite_data and not self._has_lost_file

    def _waits_for_artist(self) -> bool:
        """Whether the artist is in the middle of something that its results would disturb."""
        if not self._refs():
            return False
        try:
            return gestures.is_going_on() or (self._overwrites and bool(modes.awaited_end(self._targets())))
        except StoreError:  # reported when they are brought home
            return False

    def _targets(self) -> Targets:
        """What its results will replace. Raises StoreError."""
        if self._overwritten is None:
            self._overwritten = Homecoming(self.snapshot).overwritten(self._refs())
        return self._overwritten

    def _value(self, output: str) -> TypedValue:
        assert self._active is not None
        values = self._active.results.item(_TASK, 0)
        assert values is not None
        return value_files.loaded(values[output], self.snapshot.folder)

    def _refs(self) -> Sequence[StoredRef]:
        return tuple(self._value(DATA_BLOCKS).refs())

    def _bring_home(self) -> None:
        try:
            session.finish_homecomings()  # what it replaces, or `on_complete` changes, may be among them
            python_values = python_data.decode(self._value(PYTHON_DATA).content)
            self._data_blocks = self._arrive()
            self._python_data = python_values
        except BackgroundNodesError as error:
            self._error = TaskError(f"its results can't be brought home: {error}")
        except Exception as error:  # noqa: BLE001 (the timer and other jobs go on, whatever Blender refuses here)
            message = f"not all of its results could be brought home: {type(error).__name__}: {error}"
            self._error = TaskError(message, traceback.format_exc())
        self._end()

    def _arrive(self) -> RetrievedDataBlocks:
        home = Homecoming(self.snapshot)
        refs = self._refs()
        self._has_changed_file = bool(refs)
        changed = self._changed_meanwhile(home) if self._overwrites else set()  # before Blender changes more of them
        found = home.bring(refs)
        results = [found[ref] for ref in refs if ref in found]
        newcomers = {item.session_uid for item in home.newcomers()}
        retrieved = (
            self._overwrite(home, results, changed) if self._overwrites else RetrievedDataBlocks(home.family(results))
        )
        _brought.update(newcomers)
        return retrieved

    def _changed_meanwhile(self, home: Homecoming) -> set[int]:
        """By their uids, what results would replace that was changed since the job was sent."""
        if self.request.when_changed is WhenChanged.RESULT:
            return set()
        sent = home.overwritten(self._refs()).uids - {None}
        there = [item for _kind, item in data_block_kinds.all_data_blocks() if item.session_uid in sent]
        with edits.own():
            originals = Originals(home, one_by_one=True)
            originals.compare(dict.fromkeys(there))
        return {item.session_uid for item in originals.edited(there)}

    def _overwrite(self, home: Homecoming, results: Sequence[bpy.types.ID], changed: set[int]) -> RetrievedDataBlocks:
        """Replace data-blocks of the open file, but for what the artist changed or made meanwhile."""
        counterparts = home.counterparts(results)
        kept = {item for item in counterparts if item.session_uid in changed}
        beside = set()
        if self.request.when_changed is not WhenChanged.RESULT:
            # What other jobs brought home since was not made by the artist.
            made = [item for item in counterparts if item.session_uid > self._newest]
            beside = {item for item in made if item.session_uid not in _brought}
        if self.request.when_changed is WhenChanged.BOTH:
            kept, beside = set(), kept | beside
        self._kept = RetrievedDataBlocks(kept | beside)
        stays_for = {counterparts[item]: item for item in kept}
        retrieved = RetrievedDataBlocks(stays_for.get(item, item) for item in home.family(results))
        home.overwrite(results, counterparts, kept=kept, beside=beside)
        return retrieved

    def _end(self) -> None:
        self._is_over = True
        if self._runner is not None and self._active is not None:
            self._runner.scratch.remove(self._active.blobs())
        self._keeper.drop_snapshot(self)
        self.snapshot = Snapshot(self.snapshot.folder)
        self._tell_end()
        if self._has_changed_file and self.request.push_undo:
            push_undo(f"Job: {self.name}")

    def _tell_end(self) -> None:
        if self.request.on_complete is not None and not self._is_forgotten:
            try:
                self.request.on_complete(self)
            except Exception:  # noqa: BLE001 (somebody else's code)
                traceback.print_exc()


def live_ref(data_block: object) -> LiveRef:
    """A reference to a data-block that a job is given. Raises TypeError if it can't be sent; the message says why."""
    if not isinstance(data_block, bpy.types.ID):
        raise TypeError(f"{data_block!r:.80} is no data-block")
    if (found := sendable.obstacle(data_block)) is not None:
        raise TypeError(found.with_fix(found.message))
    return reader.live_ref(data_block)
