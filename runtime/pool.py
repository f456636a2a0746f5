# SPDX-License-Identifier: GPL-3.0-or-later
"""The pool: background Blenders that are started when they are needed and kept warm.

A task asks for a *lease*: it waits in the pool's queue until a worker is idle, then is that worker's until the worker
reports its end or dies. `poll` takes what the workers said and returns it as reports on leases; it is the only place
where a lease ends, and it never waits longer than it is told to.

    submit -> queue -> lease -> Started, Progressed ..., Succeeded | Failed | Lost -> reset -> idle
"""

from __future__ import annotations

import contextlib
import enum
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

from . import messages, transport
from .errors import LaunchError, StoreError, TransportError
from .launcher import WORKER_LOG, Launcher, describe_exit, read_tail
from .logs import TaskLog
from .store import Store
from .transport import Channel

#: Workers that die one after the other before they are ready: after so many the pool gives up.
_MAX_FAILED_LAUNCHES = 3
#: Seconds an ended worker has to leave the process table.
_EXIT_TIMEOUT = 2.0


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker of a lease is gone before it reported an end."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoWorker:
    """No worker can be started, so the lease can't be served."""

    reason: str


Report = messages.Started | messages.Progressed | messages.Succeeded | messages.Failed | Lost | NoWorker


@dataclass(frozen=True, slots=True)
class Request:
    """What a lease is asked for: a task, and whether it wants a worker in which nothing ran before."""

    key: Hashable
    task: messages.Execute | messages.Gather
    is_fresh: bool = False


class _State(enum.Enum):
    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"  # it has a lease
    RESETTING = "resetting"  # its lease has ended, it is not clean yet
    RETIRING = "retiring"  # it said that it ends


#: Seconds a worker may stay in a state that is only a passage; then it hangs and is ended.
_PASSAGES = {_State.STARTING: 120.0, _State.RESETTING: 60.0, _State.RETIRING: 20.0}


class _Worker:
    """A worker process as the pool sees it."""

    def __init__(self, process: subprocess.Popen[bytes], channel: Channel, folder: Path) -> None:
        self.process = process
        self.channel = channel
        self.folder = folder
        self.enter(_State.STARTING)
        self.is_fresh = True
        self.has_started = False  # whether its task has begun
        self.request: Request | None = None
        self.task_log: TaskLog | None = None

    def enter(self, state: _State) -> None:
        self.state = state
        self.deadline = time.monotonic() + _PASSAGES[state] if state in _PASSAGES else None

    def end(self) -> int | None:
        """Kill the process, if it is still there, and return its exit code."""
        with contextlib.suppress(OSError):
            self.process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_EXIT_TIMEOUT)
        self.channel.close()
        return self.process.returncode

    def wait_for_exit(self) -> int | None:
        """The exit code of a process whose channel is closed; it may need a moment to write its crash report."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_EXIT_TIMEOUT)
        return self.end()


class Pool:
    """Up to `capacity` workers, each made by `launcher`."""

    def __init__(self, launcher: Launcher, store: Store, capacity: int) -> None:
        self.capacity = capacity
        self._launcher = launcher
        self._store = store
        self._queue: deque[Request] = deque()
        self._workers: list[_Worker] = []
        self._reports: deque[tuple[Hashable, Report]] = deque()
        self._num_failed_launches = 0

    @property
    def num_workers(self) -> int:
        return len(self._workers)

    @property
    def process_ids(self) -> tuple[int, ...]:
        return tuple(worker.process.pid for worker in self._workers)

    def submit(self, request: Request) -> None:
        """Queue a task; its reports come out of `poll` with the request's key."""
        self._queue.append(request)
        self._serve()

    def stop(self, key: Hashable) -> None:
        """Take a request back: out of the queue, or with its worker's life. Nothing more is reported of it."""
        self._queue = deque(request for request in self._queue if request.key != key)
        self._reports = deque(entry for entry in self._reports if entry[0] != key)
        for worker in self._workers:
            if worker.request is not None and worker.request.key == key:
                worker.request = None
                self._remove(worker)
                break
        self._serve()

    def poll(self, timeout: float | None = 0.0) -> list[tuple[Hashable, Report]]:
        """What the workers said, waiting for it at most `timeout` seconds (None: until one says something)."""
        self._serve()
        if self._reports:
            timeout = 0.0
        by_channel = {worker.channel: worker for worker in self._workers}
        if by_channel:
            for channel in transport.wait(list(by_channel), self._limit(timeout)):
                self._listen(by_channel[channel])
        for worker in self._workers:
            if worker.task_log is not None:
                worker.task_log.bound()
        self._end_hung_workers()
        self._serve()
        reports = list(self._reports)
        self._reports.clear()
        return reports

    def close(self) -> None:
        """End all workers, now."""
        self._queue.clear()
        for worker in self._workers:
            with contextlib.suppress(OSError):
                worker.process.kill()
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._reports.clear()

    # From the queue to a worker

    def _serve(self) -> None:
        """Give queued tasks to idle workers, and start workers for the rest, as far as there is room."""
        waiting: deque[Request] = deque()
        while self._queue:
            request = self._queue.popleft()
            worker = self._idle_worker(request)
            if worker is None or not self._assign(worker, request):
                waiting.append(request)
        self._queue = waiting
        self._start_workers(len(waiting))

    def _idle_worker(self, request: Request) -> _Worker | None:
        idle = [worker for worker in self._workers if worker.state is _State.IDLE]
        if request.is_fresh:
            idle = [worker for worker in idle if worker.is_fresh]
            if not idle:
                self._make_room()
        # The one used last is the one whose memory is warm.
        return idle[-1] if idle else None

    def _make_room(self) -> None:
        """A task that wants a fresh worker must not wait for ever behind used ones."""
        if len(self._workers) >= self.capacity and not any(worker.is_fresh for worker in self._workers):
            for worker in self._workers:
                if worker.state is _State.IDLE:
                    self._remove(worker)
                    return

    def _assign(self, worker: _Worker, request: Request) -> bool:
        try:
            worker.channel.send(request.task)
        except OSError:
            self._remove(worker)
            return False
        worker.enter(_State.BUSY)
        worker.request = request
        worker.is_fresh = worker.has_started = False
        if isinstance(request.task, messages.Execute):
            worker.task_log = TaskLog(Path(request.task.log))
        self._workers.remove(worker)
        self._workers.append(worker)
        return True

    def _start_workers(self, num_waiting: int) -> None:
        """Start workers for the waiting tasks that no worker on its way will take."""
        num_coming = sum(worker.state in (_State.STARTING, _State.RESETTING) for worker in self._workers)
        for _ in range(min(num_waiting - num_coming, self.capacity - len(self._workers))):
            try:
                folder = self._store.new_folder()
                process, channel = self._launcher.launch(folder)
            except (LaunchError, StoreError) as error:
                self._give_up(str(error))
                return
            self._workers.append(_Worker(process, channel, folder))

    # From the workers to the reports

    def _limit(self, timeout: float | None) -> float | None:
        """A worker that hangs says nothing, so it must not be waited for without an end."""
        deadlines = [worker.deadline for worker in self._workers if worker.deadline is not None]
        if not deadlines:
            return timeout
        left = max(0.0, min(deadlines) - time.monotonic())
        return left if timeout is None else min(timeout, left)

    def _listen(self, worker: _Worker) -> None:
        """Take every message that is there. The end of the channel is a message too: the worker is gone."""
        while worker in self._workers and worker.channel.has_message():
            try:
                self._handle(worker, worker.channel.receive())
            except EOFError:
                self._handle_exit(worker, worker.wait_for_exit())
            except TransportError as error:
                worker.end()
                self._handle_loss(worker, str(error))

    def _handle(self, worker: _Worker, message: messages.Message) -> None:
        match message:
            case messages.Idle():
                worker.enter(_State.IDLE)
                self._num_failed_launches = 0
            case messages.Retiring():
                worker.enter(_State.RETIRING)
            case messages.Started():
                worker.has_started = True
                self._report(worker, message)
            case messages.Progressed():
                self._report(worker, message)
            case messages.Succeeded() | messages.Failed():
                self._report(worker, message)
                self._release(worker)
                worker.enter(_State.RESETTING)
            case _:
                raise TransportError(f"a worker sent {type(message).__name__}, which only a foreground sends")

    def _report(self, worker: _Worker, report: Report) -> None:
        if worker.request is not None:
            self._reports.append((worker.request.key, report))

    def _release(self, worker: _Worker) -> None:
        if worker.task_log is not None:
            worker.task_log.bound()
        worker.request = worker.task_log = None

    def _handle_exit(self, worker: _Worker, returncode: int | None) -> None:
        if worker.state is _State.STARTING:
            self._count_failed_launch(worker, describe_exit(returncode))
        self._handle_loss(worker, describe_exit(returncode))

    def _handle_loss(self, worker: _Worker, reason: str) -> None:
        """A worker that had not begun with its task (it was about to retire) is no loss to the task."""
        request, has_started = worker.request, worker.has_started
        self._remove(worker)
        if request is not None and has_started:
            self._reports.append((request.key, Lost(reason)))
        elif request is not None:
            self._queue.appendleft(request)

    def _end_hung_workers(self) -> None:
        now = time.monotonic()
        for worker in [worker for worker in self._workers if worker.deadline is not None and worker.deadline < now]:
            if worker.state is _State.STARTING:
                self._count_failed_launch(worker, f"it was not ready after {_PASSAGES[worker.state]:.0f} s")
            self._remove(worker)

    def _count_failed_launch(self, worker: _Worker, reason: str) -> None:
        self._num_failed_launches += 1
        if self._num_failed_launches >= _MAX_FAILED_LAUNCHES:
            self._give_up(
                "\n".join(
                    filter(
                        None, (f"background Blender does not start: {reason}", read_tail(worker.folder / WORKER_LOG))
                    )
                )
            )

    def _give_up(self, reason: str) -> None:
        """Fail whatever waits. The next task that is submitted tries again."""
        self._num_failed_launches = 0
        self._reports.extend((request.key, NoWorker(reason)) for request in self._queue)
        self._queue.clear()

    def _remove(self, worker: _Worker) -> None:
        worker.end()
        self._release(worker)
        self._workers.remove(worker)
        shutil.rmtree(worker.folder, ignore_errors=True)
