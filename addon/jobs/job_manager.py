# SPDX-License-Identifier: GPL-3.0-or-later
"""`JobManager`: add-ons send scripts to background Blenders. Part of the public Python API.

Its names and their meaning are those of bblanimation's background_processing, which add-ons know; the work is done by
the same workers as that of node trees. docs/job_manager.md lists the differences.
"""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final

import bpy

from ...node_tree import sources
from ...runtime.blender import python_data
from ...runtime.blender.snapshot import Snapshot
from ...runtime.errors import BackgroundNodesError, SignatureError
from ...runtime.planning.graph import WhenChanged
from ...runtime.script.signature import ScriptSource, parse
from ...runtime.script.socket_types import LiveRef
from ...runtime.script.without_main import name_fault
from ..session.current import session
from ..session.faults import Faults
from .job import Job, JobRequest, live_ref
from .retrieved import RetrievedDataBlocks

#: The variable that holds the path of the open file; "" if it was never saved.
_SOURCE_FILE: Final = "source_blend_file"

#: What `add_job` takes for `when_changed`.
_POLICIES: Final = {"keep": WhenChanged.MINE, "take": WhenChanged.RESULT, "both": WhenChanged.BOTH}


class UnknownJobError(BackgroundNodesError, KeyError):
    """There is no job of that name."""

    def __str__(self) -> str:
        return str(self.args[0])


class JobManager:
    """A queue of jobs, at most `max_workers` of which run at a time.

    Jobs are known by their names. Set `max_workers` and `max_attempts` on the class for all managers, or on one of
    them.

    Attributes:
        max_workers: how many of its jobs may run at a time.
        max_attempts: how often a job is tried until it succeeds; one that was killed is not tried again.
        is_behind: whether the last `update` stopped before it had reached all jobs.
    """

    max_workers: int = 5
    max_attempts: int = 1
    _instances: ClassVar[dict[int, JobManager]] = {}

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self.is_behind = False
        self._faults = Faults()
        session.add_job_queue(self)

    @classmethod
    def get_instance(cls, index: int = 0) -> JobManager:
        """The manager with that number. The first call makes it."""
        if index not in JobManager._instances:
            JobManager._instances[index] = cls()
        return JobManager._instances[index]

    # Jobs in

    def add_job(
        self,
        job: str,
        script: str = "",
        timeout: float = 0,
        passed_data: Mapping[str, Any] | None = None,
        passed_data_blocks: Iterable[bpy.types.ID] = (),
        use_blend_file: bool = False,
        overwrite_blend: bool = True,
        *,
        overwrite_data: bool = False,
        when_changed: str = "keep",
        push_undo: bool = True,
        on_complete: Callable[[Job], object] | None = None,
    ) -> tuple[bool, str]:
        """Add a job to the queue. An earlier job of the same name is ended and forgotten.

        The job gets its script and data as they are now: later changes of either don't matter.

        Args:
            job: its name, any text.
            script: path of the script; left out, `job` is the path.
            timeout: seconds it may take, 0 for no limit.
            passed_data: the script's variables by name.
            passed_data_blocks: data-blocks for the script. It finds them by their names, with all that they use.
            use_blend_file: whether the script works on a copy of the open file.
            overwrite_blend: whether to make a new copy. If not, the job may share the copy of another job that is not
                over: that copy lacks changes made since.
            overwrite_data: whether results replace the data-blocks of the open file, and take their names;
                `process_job` can turn this on, too. If another file was opened since, nothing in it is replaced.
            when_changed: what becomes of a data-block that results would replace, if it was changed since the job was
                added: "keep" keeps it, and the result goes; "take" takes the result; "both" keeps both, with the
                result under another name. `Job.kept` has those that stayed.
            push_undo: whether to make an undo step when results come home. Give False if you make one yourself: an
                operator with the option "UNDO" does when it finishes.
            on_complete: called with the `Job` when it has ended, in whatever state, but not if it was forgotten before.
                Its changes are in the undo step of the results. In a Blender with a window, such a job starts and ends
                without calls of `process_jobs`.

        Returns:
            whether it was added, and the reason if it was not.
        """
        try:
            request = JobRequest(
                name=_text(job),
                source=_source(script or job),
                variables=_variables(passed_data or {}),
                passed=tuple(dict.fromkeys(_refs(passed_data_blocks))),
                use_blend_file=use_blend_file,
                timeout=_seconds(timeout),
                overwrite_data=overwrite_data,
                when_changed=_when_changed(when_changed),
                push_undo=push_undo,
                on_complete=_callback(on_complete),
            )
            snapshot = self._snapshot(request, may_share=not overwrite_blend)
            variables, files = session.store_values(request.variables)
            request, snapshot = dataclasses.replace(request, variables=variables), snapshot.with_files(files)
        except (BackgroundNodesError, TypeError, ValueError) as error:
            return False, f"the job {job!r:.80} can't be added: {error}"
        if job in self._jobs:
            self.cleanup_job(job)
        self._jobs[job] = Job(request, self, snapshot)
        self.update()
        return True, ""

    def _snapshot(self, request: JobRequest, *, may_share: bool) -> Snapshot:
        """Write what a job is given to the scratch folder. Raises RunError or StoreError."""
        if request.use_blend_file and may_share:
            for job in self._jobs.values():
                file = job.snapshot.file
                if not job.is_over and file is not None and file.filepath == bpy.data.filepath:
                    return session.take_snapshot(request.passed).with_file_of(job.snapshot)
        return session.take_snapshot(request.passed, with_file=request.use_blend_file)

    def drop_snapshot(self, job: Job) -> None:
        """Remove the blobs that an ended job was given, unless other jobs need them. For jobs."""
        wanted = {blob for other in self._jobs.values() if not other.is_over for blob in other.snapshot.blobs}
        session.remove_blobs(blob for blob in job.snapshot.blobs if blob not in wanted)

    # Jobs on their way

    def start_job(self, job: str, debug_level: int = 0) -> None:
        """Start a job that waits, even if `max_workers` jobs run already."""
        found = self.get_job(job)
        if found.wants_worker:
            session.start_job(found)
        if debug_level:
            found.print_log()

    def process_job(self, job: str, debug_level: int = 0, overwrite_data: bool = False) -> None:
        """Carry a job on: start it if there is room, bring its results home if it is done. Call this often.

        Args:
            job: its name.
            debug_level: if not 0, print what the script has printed since the last call.
            overwrite_data: whether results replace the data-blocks of the open file, and take their names.
        """
        found = self.get_job(job)
        found.overwrite_data = found.overwrite_data or overwrite_data
        session.update_jobs()
        self._advance(found)
        if debug_level:
            found.print_log()

    def process_jobs(self) -> None:
        """Carry all jobs on, in the order in which they were added. Call this often."""
        session.update_jobs()
        for job in tuple(self._jobs.values()):
            self._advance(job)

    def update(self, deadline: float = math.inf) -> None:
        """Carry on the jobs that have `on_complete`; a job that raises is dropped. The session's timer calls this.

        Args:
            deadline: when `time.monotonic()` has passed this and a job has ended, the rest waits for the next call.
        """
        self.is_behind = False
        for job in tuple(self._jobs.values()):
            if job.request.on_complete is None or job.is_over:
                continue
            if error := self._faults.guard(self._advance, job):
                self._faults.guard(job.fail, error)
            if job.is_over and time.monotonic() > deadline:
                self.is_behind = True
                return

    def wait_for(self, job: Job, seconds: float) -> None:
        """Carry a job on; wait for news at most `seconds`. See `Job.wait`."""
        self._advance(job)
        if not job.is_over:
            session.update_jobs(seconds)
            self._advance(job)
            self.update()

    def _advance(self, job: Job) -> None:
        if job.wants_worker and self.num_available_workers() > 0:
            session.start_job(job)
        job.settle()

    def kill_job(self, job: str) -> None:
        """End a job, with its background Blender; its state is "DROPPED" then. Results that are home stay."""
        self.get_job(job).kill()

    def cleanup_job(self, job: str) -> None:
        """End a job, and forget it with its results. Data-blocks that came home stay."""
        found = self.get_job(job)
        del self._jobs[job]
        found.forget()

    def kill_all(self) -> None:
        """End and forget all jobs."""
        for job in tuple(self._jobs):
            self.cleanup_job(job)

    @property
    def is_waiting(self) -> bool:
        """Whether a job with `on_complete` has results that wait for the artist. For the session."""
        return any(job.is_arriving and job.request.on_complete is not None for job in self._jobs.values())

    def lose_file(self) -> None:
        """Another file was opened: no job may replace anything in it. For the session."""
        for job in self._jobs.values():
            job.lose_file()

    def abandon(self, reason: str) -> None:
        """Drop the jobs that are not over, because nothing can carry them on any more. For the session."""
        for job in self._jobs.values():
            job.abandon(reason)

    # What they are, and what they gave

    def get_job(self, job: str) -> Job:
        """The job of that name. Raises UnknownJobError, a KeyError, if there is none."""
        if job not in self._jobs:
            raise UnknownJobError(f"there is no job {job!r:.80}: add it with add_job")
        return self._jobs[job]

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs, in the order in which they were added."""
        return tuple(self._jobs.values())

    def get_job_names(self) -> list[str]:
        return list(self._jobs)

    def get_queued_job_names(self) -> list[str]:
        return self._names("QUEUED")

    def get_active_job_names(self) -> list[str]:
        return self._names("ACTIVE")

    def get_completed_job_names(self) -> list[str]:
        return self._names("COMPLETED")

    def get_dropped_job_names(self) -> list[str]:
        return self._names("DROPPED")

    def _names(self, state: str) -> list[str]:
        return [name for name, job in self._jobs.items() if job.state == state]

    def get_job_state(self, job: str) -> str:
        """One of "QUEUED", "ACTIVE", "COMPLETED" (its results are home), "DROPPED" (killed, timed out or failed)."""
        return self.get_job(job).state

    def get_job_progress(self, job: str) -> float:
        """0.0 to 1.0, what the script reported last with `update_job_progress`."""
        return self.get_job(job).progress

    def get_retrieved_python_data(self, job: str) -> dict[Any, Any] | None:
        """The script's `python_data`; None unless the job is completed."""
        return self.get_job(job).python_data

    def get_retrieved_data_blocks(self, job: str) -> RetrievedDataBlocks | None:
        """The data-blocks that came home, `.objects`, `.meshes`, ...; None unless the job is completed."""
        return self.get_job(job).data_blocks

    def get_issue_string(self, job: str) -> str:
        """Why a job was dropped, with the traceback and what the script printed last; "" if it was not."""
        return self.get_job(job).issue

    def job_started(self, job: str) -> bool:
        return self.get_job(job).num_attempts > 0

    def job_complete(self, job: str) -> bool:
        """Whether it succeeded and its results are home."""
        return self.get_job(job).state == "COMPLETED"

    def job_dropped(self, job: str) -> bool:
        """Whether it was killed, timed out, or failed in its last attempt."""
        return self.get_job(job).state == "DROPPED"

    def job_killed(self, job: str) -> bool:
        """Whether its background Blender was ended: by `kill_job`, or because its time was over."""
        found = self.get_job(job)
        return found.was_killed or found.has_timed_out

    def job_timed_out(self, job: str) -> bool:
        return self.get_job(job).has_timed_out

    def jobs_complete(self) -> bool:
        """Whether all jobs succeeded."""
        return all(job.state == "COMPLETED" for job in self._jobs.values())

    def num_available_workers(self) -> int:
        return self.max_workers - self.num_running_jobs()

    def num_pending_jobs(self) -> int:
        return len(self.get_queued_job_names())

    def num_running_jobs(self) -> int:
        return sum(job.is_running for job in self._jobs.values())

    def num_completed_jobs(self) -> int:
        return len(self.get_completed_job_names())

    def num_dropped_jobs(self) -> int:
        return len(self.get_dropped_job_names())


# What a job is given


def _text(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a job's name is a text, not {name!r:.40}")
    return name


def _when_changed(policy: object) -> WhenChanged:
    if policy not in _POLICIES:
        known = ", ".join(map(repr, _POLICIES))
        raise ValueError(f"when_changed is {policy!r:.40}: give one of {known}")
    return _POLICIES[policy]


def _seconds(timeout: object) -> float:
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 <= timeout < math.inf:
        raise TypeError(f"timeout is {timeout!r:.40}: give seconds, or 0 for no limit")
    return float(timeout)


def _callback(on_complete: Callable[[Job], object] | None) -> Callable[[Job], object] | None:
    if on_complete is not None and not callable(on_complete):
        raise TypeError(f"on_complete is {on_complete!r:.40}: give a function that takes the job")
    return on_complete


def _source(script: object) -> ScriptSource:
    """The script, if it can be read. Raises SignatureError, TypeError or ValueError."""
    if not isinstance(script, str | os.PathLike):
        raise TypeError(f"script is {script!r:.40}: give the path of a Python file")
    source = sources.from_file(os.fspath(script))
    try:
        parse(source)
    except (SignatureError, RecursionError, MemoryError) as error:
        raise ValueError(f"{source.filename} is no Python: {error}") from None
    return dataclasses.replace(source, is_without_main=True)


def _variables(passed: object) -> dict[str, Any]:
    """The variables in wire form. Raises TypeError or ValueError."""
    if not isinstance(passed, Mapping):
        raise TypeError(f"passed_data is of type {type(passed).__name__}: give a dict of variables")
    for name in passed:
        if fault := name_fault(name):
            raise ValueError(f"passed_data: {fault}")
    values = {name: python_data.encode(value, f"passed_data[{name!r}]") for name, value in passed.items()}
    return {_SOURCE_FILE: bpy.data.filepath, **values}


def _refs(passed: object) -> Iterator[LiveRef]:
    if isinstance(passed, bpy.types.ID | str | Mapping) or not isinstance(passed, Iterable):
        raise TypeError(f"passed_data_blocks is of type {type(passed).__name__}: give a set of data-blocks")
    for data_block in passed:
        try:
            yield live_ref(data_block)
        except TypeError as error:
            raise TypeError(f"passed_data_blocks: {error}") from None
