# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine without a process: it shows what it was asked for, and reports what the test says.

    engine = FakeEngine()
    runner = Runner(engine, scratch)
    runner.start(plan, {}, 2)       engine.waiting() == ["a", "b"]
    engine.succeed("a")             the next `runner.update()` gets the report

A request has a name: "a" for a task's only or first item, "a 3" for its item 3, "Gathering 0" for an errand. What a
test says is about the last request of that name.
"""

from __future__ import annotations

import platform
import time
from collections import deque
from collections.abc import Collection, Hashable, Iterable
from typing import Any

from background_nodes.runtime.engine import messages
from background_nodes.runtime.engine.interface import Kept, Lost, NoWorker, Report, Request
from background_nodes.runtime.engine.workers import WorkerInfo, WorkerSettings
from background_nodes.runtime.planning.needs import Offer, parsed
from background_nodes.runtime.planning.plan import TaskOutput
from background_nodes.runtime.scratch.typed_values import TypedValue
from background_nodes.runtime.script.socket_types import SocketType, StoredRef

#: What a task gives for an output, by kind; for a data-block, a place in the blob that it was told to write.
_CONTENTS = {"FLOAT": 0.5, "INT": 1, "BOOLEAN": True, "ANY": None, "VECTOR": (0.0, 0.0, 0.0), "COLOR": (0.0,) * 4}
_ENDS = (messages.Succeeded, messages.Gathered, messages.Copied, messages.Failed, Lost, NoWorker, Kept)


class FakeEngine:
    """A `ManagedEngine` that does nothing by itself.

    Attributes:
        submitted: all requests that were ever submitted, in their order.
        stopped: keys of the requests that were taken back, in that order.
        frozen: keys of those that are to stand still.
        calls: all that was asked of it: "submit a", "stop a", "freeze a", "thaw a", "end used", "close".
        faults: what to raise instead of doing something, by the name of the method.
        num_polls: how often it was asked for reports.
        is_closed: whether `close` was called.
        capacity, is_low: as the session has set them.
        settings: the last ones it was given.
        workers: what it says of its workers.
    """

    def __init__(self) -> None:
        self.submitted: list[Request] = []
        self.stopped: list[Hashable] = []
        self.frozen: set[Hashable] = set()
        self.calls: list[str] = []
        self.faults: dict[str, Exception] = {}
        self.num_polls = 0
        self.is_closed = False
        self.capacity = 1
        self.is_low = False
        self.settings = WorkerSettings()
        self.workers: tuple[WorkerInfo, ...] = ()
        self._open: dict[Hashable, Request] = {}  # requests that have not ended
        self._started: set[Hashable] = set()
        self._reports: deque[tuple[Hashable, Report]] = deque()

    # What the runner calls

    def submit(self, request: Request) -> None:
        self._note("submit", request.key)
        assert request.key not in self._open, f"it is under way already: {request.key}"
        self.submitted.append(request)
        self._open[request.key] = request

    def stop(self, key: Hashable) -> None:
        self._note("stop", key)
        self.stopped.append(key)
        self._open.pop(key, None)
        self.frozen.discard(key)
        self._reports = deque(entry for entry in self._reports if entry[0] != key)

    def freeze(self, key: Hashable) -> None:
        self._note("freeze", key)
        self.frozen.add(key)

    def thaw(self, key: Hashable) -> None:
        self._note("thaw", key)
        self.frozen.discard(key)

    def poll(self, until: float | None = None) -> list[tuple[Hashable, Report]]:
        self.num_polls += 1
        if "poll" in self.faults:
            raise self.faults["poll"]
        reports: list[tuple[Hashable, Report]] = []
        while self._reports and (until is None or time.monotonic() < until):
            reports.append(self._reports.popleft())
        return reports

    def wakers(self) -> list[Any]:
        return []

    def next_look(self) -> float | None:
        return 0.0 if self._reports else None

    def close(self) -> None:
        self._note("close")
        self.is_closed = True
        self._open.clear()
        self._reports.clear()

    # What the session calls

    @property
    def num_workers(self) -> int:
        return len(self.workers)

    def usual_capacity(self, here: int) -> int:
        return here

    def why_not(self, needs: str, addons: Collection[str] = ()) -> str:
        lacking = Offer(platform.system(), memory=1024.0**3).lacks(parsed(needs))
        return f"the fake one has not {lacking}" if lacking else ""

    def infos(self) -> tuple[WorkerInfo, ...]:
        return self.workers

    def use_settings(self, settings: WorkerSettings) -> None:
        self.settings = settings

    def end_used(self) -> None:
        self._note("end used")

    # What a test sees

    def waiting(self, run: int | None = None) -> list[str]:
        """Names of the requests that have not ended, in their order; of one run only, by its number."""
        return [_name(key) for key in self._open if run is None or _attribute(key, "run") == run]

    def request(self, name: str, run: int | None = None) -> Request:
        """The last request of a name, be it under way or over. Raises LookupError if there was none."""
        for request in reversed(self.submitted):
            if _name(request.key) == name and run in (None, _attribute(request.key, "run")):
                return request
        raise LookupError(f"nothing called {name!r} was submitted, but {[_name(each.key) for each in self.submitted]}")

    def open_requests(self) -> tuple[Request, ...]:
        """The requests that have not ended, in their order."""
        return tuple(self._open.values())

    def task(self, name: str, run: int | None = None) -> Any:
        """What a worker would be told: the message of the last request of a name."""
        return self.request(name, run).task

    # What a test says

    def report(self, name: str, *reports: Report, run: int | None = None) -> None:
        """Let the last request of a name report something, even what no real engine would report."""
        self.report_on(self.request(name, run).key, *reports)

    def report_on(self, key: Hashable, *reports: Report) -> None:
        """The same for the request of a key."""
        for report in reports:
            if isinstance(report, messages.Started):
                self._started.add(key)
            if isinstance(report, _ENDS):
                self._open.pop(key, None)
            self._reports.append((key, report))

    def start(self, name: str, run: int | None = None) -> None:
        """A worker starts with it."""
        self.report(name, messages.Started(), run=run)

    def succeed(self, name: str, run: int | None = None, **contents: object) -> None:
        """It does what it was asked for. What a task gives can be said by the identifiers of its outputs."""
        self.succeed_with(self.request(name, run), **contents)

    def succeed_with(self, request: Request, **contents: object) -> None:
        """The same, for a request."""
        self._end(request, answer(request, **contents))

    def fail(self, name: str, message: str = "no faces", run: int | None = None) -> None:
        """It raises an error."""
        self._end(self.request(name, run), messages.Failed(message, "Traceback ...", 7))

    def lose(self, name: str, reason: str = "killed by signal 9", run: int | None = None) -> None:
        """Its worker dies."""
        self._end(self.request(name, run), Lost(reason))

    def succeed_all(self) -> None:
        """All that has not ended does what it was asked for."""
        for request in list(self._open.values()):
            self._end(request, answer(request))

    def _end(self, request: Request, end: Report) -> None:
        if request.key not in self._started:
            self.report_on(request.key, messages.Started())
        self.report_on(request.key, end)

    def _note(self, call: str, key: Hashable = None) -> None:
        self.calls.append(call if key is None else f"{call} {_name(key)}")
        if call in self.faults:
            raise self.faults[call]


def answer(request: Request, **contents: object) -> messages.Outcome:
    """The outcome of a worker that did all it was asked for."""
    task = request.task
    if isinstance(task, messages.Gather):
        names = (f"{ref.name}.{index:03d}" for index, ref in enumerate(task.refs))  # all are in one blob now
        return messages.Gathered(
            tuple(StoredRef(ref.kind, name, "", task.blob) for ref, name in zip(task.refs, names, strict=True))
        )
    if isinstance(task, messages.CopyFile):
        return messages.Copied()
    values = {output.identifier: _value(output, task.blob, contents) for output in task.outputs}
    return messages.Succeeded(values, seconds=1.0)


def placed(kind: str, blob: str, names: Iterable[str]) -> TypedValue:
    """A list of data-blocks in a blob."""
    return TypedValue(SocketType(kind, is_list=True), tuple(StoredRef(kind, name, "", blob) for name in names))


def _value(output: TaskOutput, blob: str, contents: dict[str, object]) -> TypedValue:
    if output.identifier in contents:
        return TypedValue(output.type, contents[output.identifier])
    if output.type.is_data_block:
        content: object = StoredRef(output.type.kind, output.label, "", blob)
    else:
        content = _CONTENTS.get(output.type.kind, "")
    return TypedValue(output.type, (content,) * 2 if output.type.is_list else content)


def _name(key: Hashable) -> str:
    """What tests call a request: by the fields of the runner's keys."""
    task, item = _attribute(key, "task"), _attribute(key, "item")
    if task is None:
        return str(_attribute(key, "errand"))
    return f"{task} {item}" if item else str(task)


def _attribute(key: Hashable, name: str) -> Any:
    return getattr(key, name, None)
