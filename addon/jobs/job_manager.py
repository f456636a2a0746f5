# SPDX-License-Identifier: GPL-3.0-or-later
"""`JobManager`: add-ons send scripts to background Blenders. Part of the public Python API.

Its names and their meaning are those of bblanimation's background_processing, which add-ons know; the work is done by
the same workers as that of node trees. docs/job_manager.md lists the differences.
"""

from __future__ import annotations

import dataclasses
import heapq
import inspect
import itertools
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

import bpy

from ...runtime.blender.snapshot import Snapshot
from ...runtime.errors import BackgroundNodesError
from ..session.current import session
from ..session.faults import Faults
from . import given
from .batch import Batch, Group, JobRefusedError
from .job import Job
from .request import JobRequest
from .retrieved import RetrievedDataBlocks
from .work import Work

#: What a job can be given by name.
_ARGUMENTS: Final = frozenset(inspect.signature(given.request).parameters) - {"job_of"}
#: Of batches without a name.
_numbers: Final = itertools.count(1)


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
        is_behind: whether the last `update` stopped before it had reached all jobs, or what some bring is being read.
    """

    max_workers: int = 5
    max_attempts: int = 1
    _instances: ClassVar[dict[int | str, JobManager]] = {}

    def __init__(self) -> None:
        self._works: dict[str, Work] = {}
        self._left: dict[Work, int] = {}  # those that are not over, and the number of each
        self._begun: dict[Work, None] = {}  # those of them that were started
        self._news: dict[Work, None] = {}  # those that may be able to start now, or never
        self._ready: list[tuple[float, int, Work]] = []  # a heap of those that may start, by priority and number
        self._work_numbers = itertools.count()
        self._needs: Counter[str] = Counter()  # how many of these were given each blob
        self.is_behind = False
        self._faults = Faults()
        session.add_job_queue(self)

    @classmethod
    def get_instance(cls, index: int | str = 0) -> JobManager:
        """The manager with that number, or that name. The first call makes it.

        Numbers are shared by all add-ons that ask for them: `get_instance(__package__)` is one of your own, and
        `get_instance(__name__)` in an add-on of one file, whose `__package__` is empty.

        Raises:
            TypeError: if it is neither a whole number nor a text, or is empty.
        """
        if isinstance(index, bool) or not isinstance(index, int | str) or index == "":
            raise TypeError(
                f"a manager has a number or a name, not {index!r:.40}: get_instance(__package__), "
                "or get_instance(__name__) in an add-on of one file"
            )
        if index not in JobManager._instances:
            JobManager._instances[index] = cls()
        return JobManager._instances[index]

    # Jobs in

    def add_job(
        self,
        job: str,
        script: str | os.PathLike[str] | bpy.types.Text = "",
        timeout: float = 0,
        passed_data: Mapping[str, Any] | None = None,
        passed_data_blocks: Iterable[bpy.types.ID] = (),
        use_blend_file: bool = False,
        overwrite_blend: bool = True,
        *,
        overwrite_data: bool = False,
        when_changed: str = "keep",
        push_undo: bool = True,
        other_file: str = "drop",
        priority: float = 0,
        after: Iterable[str | Job] = (),
        passed_results: Mapping[str, str | Job] | None = None,
        addons: Iterable[str] = (),
        preferences: str = "factory",
        cache: bool = False,
        on_complete: Callable[[Job], object] | None = None,
        on_progress: Callable[[Job], object] | None = None,
    ) -> tuple[bool, str]:
        """Add a job to the queue. An earlier job of that name is ended and forgotten; not one of another add-on.

        The job gets its script and data as they are now: later changes of either don't matter.

        Args:
            job: its name, any text.
            script: path of the script; left out, `job` is the path. Or a text data-block, or source of several lines.
            timeout: seconds it may take, 0 for no limit.
            passed_data: the script's variables by name: values, or data-blocks.
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
            other_file: what becomes of the job if it gives data-blocks, and another file was opened: "drop" drops it;
                "wait" lets them wait until its file is open again, in which they replace nothing.
            priority: of the jobs of this manager that wait, those with a higher one start first.
            after: jobs that must be completed before this one starts, or their names; if one is dropped, so is this.
            passed_results: variables of the script that hold the `python_data` of other jobs, after which it starts: by
                the name of each variable the job, or its name.
            addons: modules of add-ons that the background Blender has enabled, as the preferences name them; of an
                extension the last part is enough.
            preferences: those that it has: "factory" for Blender's own, "artist" for those of this Blender, with all
                add-ons that are enabled in it.
            cache: whether a kept result of the same script, data and Blender is taken, and this one kept.
            on_complete: called with the `Job` when it has ended, in whatever state, but not if it was forgotten before.
                Its changes are in the undo step of the results, if these have data-blocks. In a Blender with a window,
                such a job starts and ends without calls of `process_jobs`.
            on_progress: called with the `Job` when its `progress` or `text` has changed; as for `on_complete`.

        Returns:
            whether it was added, and the reason if it was not.
        """
        entry = {
            "job": job,
            "script": script,
            "timeout": timeout,
            "passed_data": passed_data,
            "passed_data_blocks": passed_data_blocks,
            "use_blend_file": use_blend_file,
            "overwrite_data": overwrite_data,
            "when_changed": when_changed,
            "push_undo": push_undo,
            "other_file": other_file,
            "priority": priority,
            "after": after,
            "passed_results": passed_results,
            "addons": addons,
            "preferences": preferences,
            "cache": cache,
            "on_complete": on_complete,
            "on_progress": on_progress,
        }
        try:
            self._add([entry], may_share=not overwrite_blend)
        except JobRefusedError as error:
            return False, str(error)
        return True, ""

    def add_jobs(
        self,
        jobs: Iterable[Mapping[str, Any]],
        *,
        name: str = "",
        push_undo: bool = True,
        on_complete: Callable[[Batch], object] | None = None,
        on_progress: Callable[[Batch], object] | None = None,
    ) -> Batch:
        """Add jobs that belong together. They start by themselves, as those with `on_complete` do.

        Args:
            jobs: what `add_job` takes of each, by name: `{"job": "a", "script": path, "passed_data": {"n": 1}}`; but no
                `overwrite_blend`, as they share one copy of the file. They may come after, and have results of, those
                before them.
            name: what the batch and its undo step are called.
            push_undo: whether to make an undo step when the results of all of them are home.
            on_complete: called with the `Batch` when all of its jobs are over.
            on_progress: called with it when one of them has got further, or has ended.

        Raises:
            JobRefusedError: if one of them can't be added. None is, then.
        """
        group = Group(name, push_undo=push_undo, on_complete=on_complete, on_progress=on_progress)
        self._add(list(jobs), group)
        return group.batch

    def map(
        self,
        script: str | os.PathLike[str] | bpy.types.Text,
        items: Iterable[Any],
        *,
        name: str = "",
        passed_data: Mapping[str, Any] | None = None,
        push_undo: bool = True,
        on_complete: Callable[[Batch], object] | None = None,
        on_progress: Callable[[Batch], object] | None = None,
        **options: Any,
    ) -> Batch:
        """Add a job for each item: a dict of variables, or else what the script finds as its variable `item`.

        Args:
            script: as for `add_job`.
            items: what differs between the jobs.
            name: what the batch is called; its jobs are "NAME 1", "NAME 2" ... Left out, it is made from the script.
            passed_data: variables that all of them have.
            push_undo: as for `add_jobs`.
            on_complete: as for `add_jobs`.
            on_progress: as for `add_jobs`.
            options: what else `add_job` takes, the same for all.

        Raises:
            JobRefusedError: if one of them can't be added. None is, then.
        """
        name = name or f"batch {next(_numbers)}"
        jobs = [
            options
            | {
                "job": f"{name} {number}",
                "script": script,
                "passed_data": {**(passed_data or {}), **(item if isinstance(item, Mapping) else {"item": item})},
            }
            for number, item in enumerate(items, start=1)
        ]
        return self.add_jobs(jobs, name=name, push_undo=push_undo, on_complete=on_complete, on_progress=on_progress)

    def _add(
        self, entries: Sequence[Mapping[str, Any]], group: Group | None = None, *, may_share: bool = False
    ) -> None:
        """Add jobs, all or none. Raises JobRefusedError."""
        requests: list[JobRequest] = []
        added_before: set[str] = set()
        for entry in entries:
            requests.append(self._request(entry, added_before))
            added_before.add(requests[-1].name)
        names = Counter(request.name for request in requests)
        if twice := next((name for name, count in names.items() if count > 1), None):
            raise JobRefusedError(f"the job {twice!r:.80} can't be added: it is there twice")
        try:
            snapshot = self._snapshot(requests, may_share=may_share)
            works: dict[str, Work] = {}
            for request in self._with_preferences(requests):
                works[request.name] = self._new_work(request, snapshot, group, works)
        except BackgroundNodesError as error:
            raise JobRefusedError(f"the job {requests[0].name!r:.80} can't be added: {error}") from None
        self._keep(works, group)
        for keeper in {other.keeper for work in works.values() for other in work.earlier}:
            keeper.update()
        self.update()

    def _request(self, entry: Mapping[str, Any], added_before: Collection[str]) -> JobRequest:
        """What a job is to do, which is added with others. Raises JobRefusedError."""
        if not isinstance(entry, Mapping):
            raise JobRefusedError(f"{entry!r:.80} is no job: give a dict of what add_job takes")
        job = entry.get("job", "")
        if unknown := [name for name in entry if name not in _ARGUMENTS]:
            raise JobRefusedError(f"the job {job!r:.80} can't be added: add_job takes no {unknown[0]!r:.40}")
        if reason := self._refusal(job):
            raise JobRefusedError(f"the job {job!r:.80} can't be added: {reason}")
        try:
            return given.request(**{**entry, "job_of": lambda job: job if job in added_before else self._work_of(job)})
        except (BackgroundNodesError, TypeError, ValueError) as error:
            raise JobRefusedError(f"the job {job!r:.80} can't be added: {error}") from None

    def _keep(self, works: Mapping[str, Work], group: Group | None) -> None:
        """Take new jobs on, in place of earlier ones of their names."""
        if group is not None and group.name:
            self._forget_batch(group.name)
        for name, work in works.items():
            if name in self._works:
                self.cleanup_job(name)
            self._works[name] = work
            self._left[work] = next(self._work_numbers)
            self.note_news(work)
            self._needs.update(work.snapshot.blobs)
            if work.request.preferences:
                session.share_file(work.request.preferences)
        if group is not None:
            group.begin(works.values())

    def _forget_batch(self, name: str) -> None:
        """End and forget the jobs of the caller's earlier batch of that name: there may be more of them than now."""
        owner = given.caller()
        earlier = [job for job, work in self._works.items() if work.batch_name == name and work.request.owner == owner]
        for job in earlier:
            if job in self._works:  # what hears of one may forget others
                self.cleanup_job(job)

    def _with_preferences(self, requests: Sequence[JobRequest]) -> list[JobRequest]:
        """The requests, with the artist's preferences as they are now. Raises RunError or StoreError."""
        if not any(request.uses_artists_preferences for request in requests):
            return list(requests)
        name = session.take_preferences()
        return [
            dataclasses.replace(request, preferences=name) if request.uses_artists_preferences else request
            for request in requests
        ]

    def _work_of(self, job: str | Job) -> Work:
        return job._work if isinstance(job, Job) else self._work(job)

    def _new_work(
        self, request: JobRequest, snapshot: Snapshot, group: Group | None, added_before: Mapping[str, Work]
    ) -> Work:
        """Raises StoreError if its variables can't be written."""
        variables, files = session.store_values(request.variables)
        request = dataclasses.replace(request, variables=variables)
        work = Work(request, self, snapshot.with_files(files), group, added_before)
        work.job = Job(work)
        return work

    def _refusal(self, job: str) -> str:
        """Why no job of that name can be added now, "" if one can."""
        if not session.is_open:
            return "Background Nodes is not enabled. Enable it in the preferences"
        taken = self._works.get(job) if isinstance(job, str) else None
        if taken is None or taken.request.owner == given.caller():
            return ""
        return (
            f"{taken.request.owner!r:.80} has a job of that name here. "
            "Take a manager of your own: JobManager.get_instance(__package__)"
        )

    def _snapshot(self, requests: Sequence[JobRequest], *, may_share: bool) -> Snapshot:
        """Write what jobs are given to the scratch folder. Raises RunError or StoreError."""
        groups = [request.refs for request in requests]
        with_file = any(request.use_blend_file for request in requests)
        if with_file and may_share:
            for work in self._left:
                file = work.snapshot.file
                if file is not None and file.filepath == bpy.data.filepath:
                    return session.take_snapshot(groups).with_file_of(work.snapshot)
        overwrites = any(request.overwrite_data for request in requests)
        return session.take_snapshot(groups, with_file=with_file, notes_moment=overwrites)

    def note_end(self, work: Work) -> None:
        """A job is over: remove the blobs that it was given, unless other jobs need them. For jobs."""
        for kept in (self._left, self._begun, self._news):
            kept.pop(work, None)
        self._needs.subtract(work.snapshot.blobs)
        unused = [blob for blob in work.snapshot.blobs if self._needs[blob] <= 0]
        session.remove_blobs(unused)
        for blob in unused:
            del self._needs[blob]
        if work.request.preferences:
            session.remove_blobs([work.request.preferences])

    # Jobs on their way

    def start_job(self, job: str, debug_level: int = 0) -> None:
        """Start a job that waits, even if `max_workers` jobs run already."""
        found = self._work(job)
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
        found = self._work(job)
        if overwrite_data:
            found.overwrite()
        session.update_jobs()
        self.advance(found)
        session.bring_jobs_home()
        if debug_level:
            found.print_log()

    def process_jobs(self) -> None:
        """Carry all jobs on, in the order in which they were added. Call this often."""
        session.update_jobs()
        self._look_at_news()
        self._start_waiting()
        for work in tuple(self._left):
            work.settle()
        session.bring_jobs_home()

    def update(self, deadline: float = math.inf) -> None:
        """Carry on the jobs that nobody polls; a job that raises is dropped. The session's timer calls this.

        Args:
            deadline: when `time.monotonic()` has passed this and a job has ended, the rest waits for the next call.
        """
        self.is_behind = False
        self._look_at_news()
        works = [work for work in self._begun if work.is_driven]
        for work in works:
            if error := self._faults.guard(work.settle):
                self._faults.guard(work.fail, error)
            if work.is_over and time.monotonic() > deadline:
                self.is_behind = True
                break
        self.is_behind = self.is_behind or any(work.is_preparing for work in works)
        self._look_at_news()
        self._start_waiting(is_polled=False)

    def note_news(self, work: Work) -> None:
        """A job may be able to start now, or never: what it comes after has got further. For jobs."""
        if work in self._left:
            self._news[work] = None

    def note_start(self, work: Work) -> None:
        """A job has started. For jobs."""
        self._begun[work] = None

    def _look_at_news(self) -> None:
        """Drop those that can't start any more, and put those in line that can."""
        while self._news:
            work = next(iter(self._news))
            del self._news[work]
            if work.is_driven and (error := self._faults.guard(work.settle)):
                self._faults.guard(work.fail, error)
            if work.wants_worker:
                heapq.heappush(self._ready, (-work.request.priority, self._left[work], work))

    def _start_waiting(self, *, is_polled: bool = True) -> None:
        """Start those that wait, as many as there is room for: those of a higher priority first.

        Args:
            is_polled: whether somebody polls, so that those are started, too, that are not carried on otherwise.
        """
        room = self.num_available_workers()
        if room <= 0:
            return
        again = [(-work.request.priority, self._left[work], work) for work in self._begun if work.wants_worker]
        waiting = {entry: None for entry in again if is_polled or entry[2].is_driven}
        later: list[tuple[float, int, Work]] = []
        while self._ready and len(waiting) < room + len(again):
            entry = heapq.heappop(self._ready)
            if entry[2].wants_worker:
                if is_polled or entry[2].is_driven:
                    waiting[entry] = None
                else:
                    later.append(entry)
        in_order = sorted(waiting)
        for entry in (*later, *in_order[room:]):
            heapq.heappush(self._ready, entry)
        for _priority, _number, work in in_order[:room]:
            if error := self._faults.guard(session.start_job, work):
                self._faults.guard(work.fail, error)

    def advance(self, work: Work) -> None:
        """Carry a job on. For jobs."""
        if work.wants_worker and self.num_available_workers() > 0:
            session.start_job(work)
        work.settle()

    def kill_job(self, job: str) -> None:
        """End a job, with its background Blender; its state is "DROPPED" then. Results that are home stay."""
        self._work(job).kill()

    def cleanup_job(self, job: str) -> None:
        """End a job, and forget it with its results. Data-blocks that came home stay."""
        found = self._work(job)
        del self._works[job]
        found.forget()

    def kill_all(self) -> None:
        """End and forget all jobs."""
        for job in tuple(self._works):
            self.cleanup_job(job)

    @property
    def is_waiting(self) -> bool:
        """Whether a job with `on_complete` has results that wait for the artist. For the session."""
        return any(work.is_arriving and work.is_driven for work in self._begun)

    def lose_file(self) -> None:
        """Another file was opened: the results of jobs have no place in it. For the session."""
        for work in tuple(self._works.values()):
            work.lose_file()

    def abandon(self, reason: str) -> None:
        """Drop the jobs that are not over, because nothing can carry them on any more. For the session."""
        for work in tuple(self._left):
            work.abandon(reason)

    # What they are, and what they gave

    def get_job(self, job: str) -> Job:
        """The job of that name. Raises UnknownJobError, a KeyError, if there is none."""
        return self._work(job).job

    def _work(self, job: str) -> Work:
        if job not in self._works:
            raise UnknownJobError(f"there is no job {job!r:.80}: add it with add_job")
        return self._works[job]

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs, in the order in which they were added."""
        return tuple(work.job for work in self._works.values())

    def get_job_names(self) -> list[str]:
        return list(self._works)

    def get_queued_job_names(self) -> list[str]:
        return self._names("QUEUED")

    def get_active_job_names(self) -> list[str]:
        return self._names("ACTIVE")

    def get_completed_job_names(self) -> list[str]:
        return self._names("COMPLETED")

    def get_dropped_job_names(self) -> list[str]:
        return self._names("DROPPED")

    def _names(self, state: str) -> list[str]:
        return [name for name, work in self._works.items() if work.state == state]

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
        found = self._work(job)
        return found.was_killed or found.has_timed_out

    def job_timed_out(self, job: str) -> bool:
        return self.get_job(job).has_timed_out

    def jobs_complete(self) -> bool:
        """Whether all jobs succeeded."""
        return all(work.state == "COMPLETED" for work in self._works.values())

    def num_available_workers(self) -> int:
        return self.max_workers - self.num_running_jobs()

    def num_pending_jobs(self) -> int:
        return len(self.get_queued_job_names())

    def num_running_jobs(self) -> int:
        return sum(work.is_running for work in self._begun)

    def num_completed_jobs(self) -> int:
        return len(self.get_completed_job_names())

    def num_dropped_jobs(self) -> int:
        return len(self.get_dropped_job_names())
