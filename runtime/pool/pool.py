# SPDX-License-Identifier: GPL-3.0-or-later
"""The pool, the engine of this machine: background Blenders that are started when they are needed and kept warm.

A request waits in the pool's queue until a worker is idle, then is that worker's until the worker reports its end or
dies. `poll` takes what the workers said and returns it as reports on requests; it is the only place where a request
ends. Only `close` waits: what takes time is checked again by the next `poll`.

    submit -> queue -> worker -> Started, Progressed ..., an outcome | Lost -> reset -> idle

A worker that resets itself is given its next request already: it need not wait for the next `poll` then.

A worker has what its kind has from its start, such as add-ons, and does requests of that kind only. All kinds together
have no more workers than the pool has room for: one that nobody has use for ends where another kind needs its place.
"""

from __future__ import annotations

import enum
import os
import platform
import time
from collections import Counter, deque
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..engine import messages
from ..engine.interface import Lost, NoWorker, Report, Request
from ..engine.workers import WorkerInfo, WorkerSettings
from ..errors import LaunchError, StoreError, TransportError
from ..planning.needs import Offer, own_memory, parsed
from ..scratch.logs import TaskLog
from ..scratch.scratch import Scratch
from .launcher import WORKER_LOG, Launcher, describe_exit, read_tail
from .memory import memory_with_children, resident_memory
from .priority import set_priority
from .process import Process
from .spawner import Spawner
from .transport import Channel

#: The pool gives up after this many workers in a row that died before they were ready.
_MAX_FAILED_LAUNCHES = 3
#: A task is lost after this many of its workers ended before they started it.
_MAX_FAILED_STARTS = 3
#: The most workers that start at once: each keeps a processor busy meanwhile, and one processor is the artist's.
_MAX_STARTING = max(1, (os.cpu_count() or 2) - 1)
#: Seconds after which a worker that still starts keeps no other from starting.
_USUAL_START = 2.0
#: Seconds that a request waits while workers of other kinds serve those that came after it. To make way for it, one of
#: them has to end, and a Blender to start.
_PATIENCE = 5.0
#: Seconds between two checks for workers that ended unnoticed, and for ended processes that still have to be reaped.
_LOOK_INTERVAL = 1.0
_EXIT_INTERVAL = 0.01
#: Seconds between two checks of the workers' memory, if it is limited.
_MEMORY_INTERVAL = 1.0
#: Seconds between two looks at the length of a task's log.
_LOG_INTERVAL = 0.05
#: Seconds that all workers together have to leave the process table when the pool is closed.
_CLOSE_TIMEOUT = 2.0


class _State(enum.Enum):
    STARTING = "starting"
    IDLE = "idle"
    ASSIGNED = "assigned"  # it has a request and did not start with it yet
    BUSY = "busy"  # it works on its request
    RESETTING = "resetting"  # its request has ended, it is not clean yet; it may have the next one
    RETIRING = "retiring"  # it said that it ends
    LEAVING = "leaving"  # its channel is closed; its process may still write its crash report


_WORDS = {
    _State.STARTING: "starting",
    _State.IDLE: "idle",
    _State.ASSIGNED: "working",
    _State.BUSY: "working",
    _State.RESETTING: "cleaning up",
    _State.RETIRING: "ending",
    _State.LEAVING: "ending",
}

#: Seconds a worker may stay in a temporary state; after that it hangs and is killed.
_STATE_TIMEOUTS = {
    _State.STARTING: 120.0,
    _State.ASSIGNED: 60.0,
    _State.RESETTING: 60.0,
    _State.RETIRING: 20.0,
    _State.LEAVING: 2.0,
}

#: The states of a worker that has started successfully.
_STARTED = frozenset({_State.IDLE, _State.ASSIGNED, _State.BUSY, _State.RESETTING})


class _Worker:
    """A worker process as the pool sees it."""

    def __init__(
        self, launcher: Launcher, kind: messages.WorkerKind, process: Process, channel: Channel, folder: Path
    ) -> None:
        self.launcher = launcher
        self.kind = kind
        self.process = process
        self.channel = channel
        self.folder = folder
        self.enter(_State.STARTING)
        self.is_fresh = True
        self.is_low = False
        self.frozen: float | None = None  # when its process was frozen
        self.request: Request | None = None
        self.task_log: TaskLog | None = None
        self.was = _State.STARTING  # its state before it was leaving

    def enter(self, state: _State) -> None:
        self.state = state
        self.deadline = time.monotonic() + _STATE_TIMEOUTS[state] if state in _STATE_TIMEOUTS else None

    def info(self) -> WorkerInfo:
        task = None if self.request is None or self.state is _State.RESETTING else self.request.task
        name = task.node if isinstance(task, messages.Execute) else ""
        state = _WORDS[self.state] if self.frozen is None else "paused"
        process_id = self.process.process_id
        memory = 0 if process_id is None else resident_memory(process_id)
        return WorkerInfo(process_id or 0, state, name, memory)

    @property
    def has_just_started(self) -> bool:
        """Whether it is about to start, as it has done for no longer than usual."""
        if self.state is not _State.STARTING or self.deadline is None:
            return False
        return self.deadline - time.monotonic() > _STATE_TIMEOUTS[_State.STARTING] - _USUAL_START

    def is_overdue(self, now: float) -> bool:
        """Whether it has been in a temporary state for too long."""
        return self.deadline is not None and self.deadline < now and self.frozen is None

    def freeze(self) -> None:
        """Freeze the process and those its scripts started. Its deadline moves on by that time."""
        if self.frozen is None and self.process.suspend():
            self.frozen = time.monotonic()

    def thaw(self) -> None:
        if self.frozen is None:
            return
        self.process.resume()
        if self.deadline is not None:
            self.deadline += time.monotonic() - self.frozen
        self.frozen = None

    def bound_log(self) -> None:
        """Cut the log of its task if it is too long. The process is frozen meanwhile: no output is lost."""
        if self.task_log is None or not self.task_log.is_too_long:
            return
        is_still = self.frozen is None and self.process.suspend()
        self.task_log.bound()
        if is_still:
            self.process.resume()

    def leave(self) -> None:
        """Note that its channel is closed. How its process ended is checked later."""
        self.was = self.state
        self.enter(_State.LEAVING)

    def end(self) -> None:
        """Kill the process, if it still runs, with those its scripts started. It is reaped later."""
        self.process.kill()
        self.frozen = None
        self.channel.close()


class Pool:
    """Up to `capacity` workers, each made by the launcher.

    Attributes:
        capacity: how many workers there may be.
        is_low: whether workers are to have lower priority than other programs.
        memory_limit: bytes that a worker may hold while it does a task, 0 for no limit.
    """

    def __init__(self, launcher: Launcher, scratch: Scratch, capacity: int) -> None:
        self.capacity = capacity
        self.is_low = False
        self.memory_limit = 0
        self._launcher = launcher
        self._spawner = Spawner()
        self._scratch = scratch
        self._queue: deque[Request] = deque()
        self._frozen: set[Hashable] = set()  # keys of the requests that are frozen
        self._workers: list[_Worker] = []
        self._ended: list[_Worker] = []  # killed, but not reaped yet
        self._reports: deque[tuple[Hashable, Report]] = deque()
        self._next_look_at_memory = self._next_look_at_logs = 0.0
        self._num_failed_launches: Counter[messages.WorkerKind] = Counter()
        self._arrivals: dict[Hashable, float] = {}  # when the queued requests were submitted, by their keys
        self._num_failed_starts: Counter[Hashable] = Counter()  # by the request's key
        self._may_start = True  # no worker was started since the last poll
        self._blender = ""  # its version
        self._is_short = False  # more workers are to be started

    @property
    def num_workers(self) -> int:
        return len(self._workers)

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The processes of the workers, as far as they are started."""
        return tuple(self._by_process_id())

    def _by_process_id(self) -> dict[int, _Worker]:
        started = ((worker.process.process_id, worker) for worker in self._workers)
        return {process_id: worker for process_id, worker in started if process_id is not None}

    def usual_capacity(self, here: int) -> int:
        return here

    def why_not(self, needs: str, addons: Collection[str] = ()) -> str:  # noqa: ARG002 (those here are here)
        gpus = float(len(self._launcher.devices.ids))
        offer = Offer(platform.system(), own_memory(), self._blender, {"GPU": gpus})
        lacking = offer.lacks(parsed(needs))
        return f"this machine has not {lacking}" if lacking else ""

    def infos(self) -> tuple[WorkerInfo, ...]:
        """What each worker does now."""
        return tuple(worker.info() for worker in self._workers)

    def submit(self, request: Request) -> None:
        """Queue a task; its reports come out of `poll` with the request's key."""
        self._queue.append(request)
        self._arrivals[request.key] = time.monotonic()
        self._serve()

    def stop(self, key: Hashable) -> None:
        """Withdraw a request: remove it from the queue, or kill its worker. It gets no more reports."""
        self._queue = deque(request for request in self._queue if request.key != key)
        self._arrivals.pop(key, None)
        self._reports = deque(entry for entry in self._reports if entry[0] != key)
        for worker in self._workers_of(key):
            worker.request = None
            self._remove(worker)
        self._frozen.discard(key)
        self._serve()

    def use_settings(self, settings: WorkerSettings) -> None:
        """Use other settings from now on; see `workers.ManagedEngine`."""
        self.memory_limit, self._blender = settings.memory_limit, settings.blender
        self._launcher = replace(
            self._launcher,
            limits=settings.limits_of_each,
            devices=settings.devices,
            places=settings.places,
            is_online=settings.is_online,
        )
        for worker in [worker for worker in self._workers if worker.state is _State.IDLE]:
            self._end_if_outdated(worker)

    def _end_if_outdated(self, worker: _Worker) -> None:
        if worker.launcher != self._launcher:
            self._remove(worker)

    def freeze(self, key: Hashable) -> None:
        """Freeze a request, whether it is in the queue, with a worker or not submitted yet.

        Where the system can't freeze a process, a task that has started runs to its end.
        """
        self._frozen.add(key)
        for worker in self._workers_of(key):
            worker.freeze()

    def thaw(self, key: Hashable) -> None:
        """Let a frozen request continue."""
        self._frozen.discard(key)
        for worker in self._workers_of(key):
            worker.thaw()
        self._serve()

    def _workers_of(self, key: Hashable) -> list[_Worker]:
        return [worker for worker in self._workers if worker.request is not None and worker.request.key == key]

    def end_used(self) -> None:
        """End the used workers that have no request, so that the next tasks get fresh ones."""
        for worker in [worker for worker in self._workers if worker.request is None and not worker.is_fresh]:
            self._remove(worker)

    def poll(self, until: float | None = None) -> list[tuple[Hashable, Report]]:
        """Return the reports that have arrived, in order of arrival; see `interface.Engine`."""
        self._may_start = True
        self._serve()
        self._listen_to_all(until)
        self._bound_logs()
        self._end_dead_workers()
        self._end_hung_workers()
        self._end_oversized_workers()
        self._set_priorities()
        self._serve()
        self._let_ended_leave()
        reports = list(self._reports)
        self._reports.clear()
        return reports

    def wakers(self) -> Sequence[Any]:
        return [worker.channel.connection for worker in self._workers if worker.state is not _State.LEAVING]

    def next_look(self) -> float | None:
        """When to poll again even if no worker sends anything: one may hang, or have ended unnoticed."""
        if self._reports or self._is_short:
            return 0.0
        now = time.monotonic()
        if self._ended or any(worker.state is _State.LEAVING for worker in self._workers):
            return now + _EXIT_INTERVAL
        deadlines = [worker.deadline for worker in self._workers if worker.deadline is not None and not worker.frozen]
        return min([*deadlines, now + _LOOK_INTERVAL]) if self._workers else None

    def close(self) -> None:
        """End all workers, now."""
        self._queue.clear()
        self._reports.clear()
        for worker in list(self._workers):
            self._remove(worker)
        deadline = time.monotonic() + _CLOSE_TIMEOUT
        for worker in self._ended:
            worker.process.wait(deadline)
        self._let_ended_leave()
        self._spawner.close()

    # From the queue to a worker

    def _serve(self) -> None:
        """Give queued tasks to idle workers of their kind, and start workers for the rest, as far as there is room."""
        left: deque[Request] = deque()
        waiting: Counter[messages.WorkerKind] = Counter()  # what waits for a worker, in order of arrival
        while self._queue:
            request = self._queue.popleft()
            is_frozen = request.key in self._frozen
            worker = None
            if not is_frozen and not self._must_make_way(request, left):
                worker = self._idle_worker(request)
                if worker is None and not (request.is_fresh or waiting[request.kind]):
                    worker = self._coming_worker(request.kind)
            if worker is None or not self._assign(worker, request):
                left.append(request)
                waiting[request.kind] += not is_frozen
        self._queue = left
        self._start_workers(+waiting)

    def _must_make_way(self, request: Request, earlier: Sequence[Request]) -> bool:
        """Whether a free worker has to end instead, because an earlier request of another kind waits for too long."""
        if not earlier or len(self._workers) < self.capacity:
            return False
        longest = next((each for each in earlier if each.key not in self._frozen), None)
        if longest is None or longest.kind == request.kind:
            return False
        if self._num_failed_launches[longest.kind] or self._num_starting(longest.kind):
            return False
        return time.monotonic() - self._arrivals[longest.key] > _PATIENCE

    def _idle_worker(self, request: Request) -> _Worker | None:
        idle = [worker for worker in self._workers if worker.state is _State.IDLE and worker.kind == request.kind]
        if request.is_fresh:
            idle = [worker for worker in idle if worker.is_fresh]
        while idle:
            worker = idle.pop()  # the one used last is the one whose memory is warm
            if worker.folder.exists():
                return worker
            self._remove(worker)  # the folder was removed from outside, with the folder for temporary files
        return None

    def _coming_worker(self, kind: messages.WorkerKind) -> _Worker | None:
        """A worker that resets itself. It is for the first of its kind that waits: no other one may overtake that."""
        found = (worker for worker in self._coming_workers(kind) if worker.launcher == self._launcher)
        return next(found, None)

    def _coming_workers(self, kind: messages.WorkerKind) -> list[_Worker]:
        """The workers of a kind that reset themselves and have no next request."""
        return [
            worker
            for worker in self._workers
            if worker.state is _State.RESETTING and worker.request is None and worker.kind == kind
        ]

    def _assign(self, worker: _Worker, request: Request) -> bool:
        try:
            worker.channel.post(request.task)
        except OSError:
            self._remove(worker)
            return False
        except TransportError as error:
            self._arrivals.pop(request.key, None)
            self._reports.append((request.key, messages.Failed(str(error))))
            return True
        if worker.state is _State.IDLE:
            worker.enter(_State.ASSIGNED)
        worker.request = request
        worker.is_fresh = False
        self._arrivals.pop(request.key, None)
        if isinstance(request.task, messages.Execute):
            worker.task_log = TaskLog(self._scratch.folder.inner(request.task.folder).file(request.task.log))
        self._workers.remove(worker)
        self._workers.append(worker)
        return True

    def _start_workers(self, waiting: Mapping[messages.WorkerKind, int]) -> None:
        """Start workers for the waiting tasks, except those that starting or resetting workers will take.

        One a poll: each takes about 1 ms.
        """
        self._is_short = False
        for kind, num_waiting in waiting.items():
            num_wanted = self._num_wanted(kind, num_waiting)
            if num_wanted > 0 and self._may_start and self._has_room():
                self._may_start = False
                num_wanted -= 1
                try:
                    self._start_worker(kind)
                except (LaunchError, StoreError) as error:
                    self._give_up_starting(kind, str(error))
                    return
            self._is_short = self._is_short or (num_wanted > 0 and self._has_room())

    def _num_wanted(self, kind: messages.WorkerKind, num_waiting: int) -> int:
        """How many workers of a kind are to be started now."""
        if self._num_failed_launches[kind] >= _MAX_FAILED_LAUNCHES and self._has_started_workers(kind):
            return 0
        num_coming = self._num_starting(kind) + len(self._coming_workers(kind))
        num_free = _MAX_STARTING - sum(worker.has_just_started for worker in self._workers)
        return min(num_waiting - num_coming, num_free)

    def _num_starting(self, kind: messages.WorkerKind) -> int:
        return sum(worker.state is _State.STARTING and worker.kind == kind for worker in self._workers)

    def _has_room(self) -> bool:
        """Whether another worker may start. If not, an idle one ends: no request that waits can use one that is."""
        if len(self._workers) >= self.capacity:
            idle = (worker for worker in self._workers if worker.state is _State.IDLE)
            if (longest_unused := next(idle, None)) is not None:
                self._remove(longest_unused)
        return len(self._workers) < self.capacity

    def _start_worker(self, kind: messages.WorkerKind) -> None:
        folder = self._scratch.new_folder()
        try:
            process, channel = self._launcher.launch(folder, self._scratch.folder, self._spawner, kind)
        except LaunchError:
            self._scratch.remove_folder(folder)
            raise
        self._workers.append(_Worker(self._launcher, kind, process, channel, folder))

    def _has_started_workers(self, kind: messages.WorkerKind) -> bool:
        return any(worker.state in _STARTED and worker.kind == kind for worker in self._workers)

    # From the workers to the reports

    def _listen_to_all(self, until: float | None) -> None:
        """Handle the workers' messages, one of each in turn, until there are no more or the time is over."""
        talking = [worker for worker in self._workers if worker.state is not _State.LEAVING]
        while talking:
            for worker in list(talking):
                if until is not None and time.monotonic() >= until:
                    return
                if not self._listen(worker):
                    talking.remove(worker)

    def _listen(self, worker: _Worker) -> bool:
        """Handle a worker's next message. Returns False if there is none; at the end of its channel, it leaves."""
        if worker not in self._workers or worker.state is _State.LEAVING:
            return False
        try:
            message = worker.channel.take()
            if message is not None:
                self._handle(worker, message)
            return message is not None
        except EOFError:
            worker.leave()
        except TransportError as error:
            self._handle_loss(worker, f"what came from it is {error}")
        return False

    def _end_dead_workers(self) -> None:
        """Handle the loss of workers whose process has ended.

        A process that a script left behind may hold such a worker's channel open, so that its end does not show.
        """
        for worker in [worker for worker in self._workers if worker.process.has_ended()]:
            if (error := worker.process.error) is not None:
                self._remove(worker)
                self._give_up_starting(worker.kind, worker.launcher.failure(error))
                continue
            while self._listen(worker):
                pass
            if worker in self._workers:
                self._handle_loss(worker, describe_exit(worker.process.returncode))

    def _let_ended_leave(self) -> None:
        """Reap the processes of ended workers, and remove their folders."""
        for worker in [worker for worker in self._ended if worker.process.has_ended()]:
            self._ended.remove(worker)
            self._scratch.remove_folder(worker.folder)

    def _handle(self, worker: _Worker, message: messages.Message) -> None:
        match message:
            case messages.Idle() if worker.state in {_State.STARTING, _State.RESETTING}:
                del self._num_failed_launches[worker.kind]
                if worker.request is not None:
                    worker.enter(_State.ASSIGNED)
                    return
                worker.enter(_State.IDLE)
                self._end_if_outdated(worker)
            case messages.Retiring():
                worker.enter(_State.RETIRING)
            case messages.Started() if worker.state is _State.ASSIGNED:
                worker.enter(_State.BUSY)
                self._report(worker, message)
            case messages.Progressed() if worker.state is _State.BUSY:
                self._report(worker, message)
            case messages.Succeeded() | messages.Gathered() | messages.Copied() | messages.Failed() if (
                worker.state is _State.BUSY
            ):
                self._report(worker, message)
                if worker.request is not None:
                    self._frozen.discard(worker.request.key)
                self._release(worker)
                worker.enter(_State.RESETTING)
            case _:
                raise TransportError(f"{type(message).__name__} from a worker that was {worker.state.value}")

    def _report(self, worker: _Worker, report: Report) -> None:
        if worker.request is not None:
            self._num_failed_starts.pop(worker.request.key, None)
            self._reports.append((worker.request.key, report))

    def _release(self, worker: _Worker) -> None:
        if worker.task_log is not None:
            worker.task_log.bound()
        worker.request = worker.task_log = None
        worker.thaw()

    def _handle_loss(self, worker: _Worker, reason: str) -> None:
        """Remove a worker that has ended or is of no use. Its request is lost if it was started, else queued again."""
        state = worker.was if worker.state is _State.LEAVING else worker.state
        if state is _State.STARTING:
            self._count_failed_launch(worker, reason)
        request = worker.request
        self._remove(worker)
        if request is None:
            return
        if state is _State.BUSY or self._failed_to_start_too_often(request, state):
            self._frozen.discard(request.key)
            self._reports.append((request.key, Lost(reason)))
        else:
            self._queue.appendleft(request)
            self._arrivals[request.key] = time.monotonic()

    def _failed_to_start_too_often(self, request: Request, state: _State) -> bool:
        """Count a worker that ended before it started a request. Returns whether that has happened too often.

        A worker that was retiring or resetting does not count, because its end has nothing to do with the request.
        """
        self._num_failed_starts[request.key] += state not in {_State.RETIRING, _State.RESETTING}
        return self._num_failed_starts[request.key] >= _MAX_FAILED_STARTS

    def _end_hung_workers(self) -> None:
        now = time.monotonic()
        for worker in [worker for worker in self._workers if worker.is_overdue(now)]:
            if worker.state is _State.LEAVING:
                self._handle_loss(worker, describe_exit(None))
            else:
                self._handle_loss(worker, f"it was {worker.state.value} for {_STATE_TIMEOUTS[worker.state]:.0f} s")

    def _end_oversized_workers(self) -> None:
        """End workers that hold too much memory, before the system runs out of it and kills the artist's Blender."""
        now = time.monotonic()
        if not self.memory_limit or now < self._next_look_at_memory:
            return
        self._next_look_at_memory = now + _MEMORY_INTERVAL
        busy = {id_: worker for id_, worker in self._by_process_id().items() if worker.state is _State.BUSY}
        memory = memory_with_children(busy)
        for process_id, worker in busy.items():
            held = memory[process_id]
            if held > self.memory_limit and worker.request is not None:
                self._reports.append((worker.request.key, messages.Failed(_too_much(held, self.memory_limit))))
                self._frozen.discard(worker.request.key)
                self._remove(worker)

    def _bound_logs(self) -> None:
        now = time.monotonic()
        if now >= self._next_look_at_logs:
            self._next_look_at_logs = now + _LOG_INTERVAL
            for worker in self._workers:
                worker.bound_log()

    def _set_priorities(self) -> None:
        for process_id, worker in self._by_process_id().items():
            if worker.is_low is not self.is_low and set_priority(process_id, is_low=self.is_low):
                worker.is_low = self.is_low

    def _count_failed_launch(self, worker: _Worker, reason: str) -> None:
        self._num_failed_launches[worker.kind] += 1
        if self._num_failed_launches[worker.kind] >= _MAX_FAILED_LAUNCHES:
            addons = f" with the add-ons {', '.join(worker.kind.addons)}" if worker.kind.addons else ""
            preferences = " with your preferences" if worker.kind.preferences else ""
            told = f"background Blender{preferences}{addons} does not start: {reason}"
            self._give_up(worker.kind, "\n".join(filter(None, (told, read_tail(worker.folder / WORKER_LOG)))))

    def _give_up_starting(self, kind: messages.WorkerKind, reason: str) -> None:
        """Give up at once: to try again would be of no use."""
        self._num_failed_launches[kind] = _MAX_FAILED_LAUNCHES
        self._give_up(kind, reason)

    def _give_up(self, kind: messages.WorkerKind, reason: str) -> None:
        """Fail all queued requests of a kind, unless a worker can take them. The next one tries again to start some."""
        if self._has_started_workers(kind):
            return
        del self._num_failed_launches[kind]
        for request in [request for request in self._queue if request.kind == kind]:
            self._reports.append((request.key, NoWorker(reason)))
            self._queue.remove(request)
            self._arrivals.pop(request.key, None)

    def _remove(self, worker: _Worker) -> None:
        worker.end()
        self._release(worker)
        self._workers.remove(worker)
        self._ended.append(worker)


def _too_much(held: int, limit: int) -> str:
    gigabytes = 1024**3
    return (
        f"the task was ended because its background Blender held {held / gigabytes:.1f} GB of memory, and "
        f'{limit / gigabytes:.1f} GB are allowed: see "Memory Limit" in the preferences of Background Nodes'
    )
