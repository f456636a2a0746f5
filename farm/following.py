# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow a detached run: what it is at is not done twice, its bars go on here, its results are taken from the store.

    submit -> a detached run is at it? -- no --> the engine
                     | yes
                     +--> Started, Progressed ... --> Kept: it is in the store | Failed: its script raised an error
                     +--> the detached run is gone, left it out, or is far behind --> the engine

What is meant are tasks with the same key, so whatever a detached run does, nothing wrong comes of it. While that key is
not known there yet, a task with the same id waits for it, but not for long if that has no items there: then it takes
what is not made there, but is here, so it is given something else. A process that tells of a run of its own follows
none: two would wait for each other.
"""

from __future__ import annotations

import enum
import time
from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

from ..runtime.engine import messages
from ..runtime.engine.interface import Kept, Report, Request
from ..runtime.engine.passing_engine import PassingEngine
from ..runtime.engine.published_runs import Place, PublishedItem, PublishedRun, PublishedTask, RunText, places
from ..runtime.engine.workers import ManagedEngine
from ..runtime.scheduling.states import TaskState

#: Seconds between two looks at runs that are followed, and at whether there are others.
_INTERVAL: Final = 0.2
_SEARCH_INTERVAL: Final = 1.0
#: Seconds within which a detached run has told of the items of a task, once all that these take is in the store.
_LAG: Final = 10.0


class _Answer(enum.Enum):
    """What a detached run means for a request."""

    WAIT = enum.auto()
    NOTHING = enum.auto()
    KEPT = enum.auto()
    FAILED = enum.auto()


@dataclass
class _Held:
    """A request that waits for a detached run, `since` a time of `time.monotonic`."""

    request: Request
    since: float
    has_started: bool = False
    told: tuple[float, str] = (0.0, "")


@dataclass
class _Followed:
    """A detached run as it was told of last. Once its process `is_gone`, it is looked at once more."""

    place: Place
    run: PublishedRun
    text: RunText
    told_at: int = 0
    is_gone: bool = False

    def look(self) -> bool:
        """Read what is told of it. Returns whether that is something else now."""
        is_alive = self.place.is_alive()  # before that is read which it told last
        told_at, before = self.place.told_at(), self.run
        if told_at != self.told_at and (run := self.place.read(self.text)) is not None:
            self.told_at, self.run = told_at, run
        self.is_gone = not is_alive
        return self.run is not before or self.is_gone


class Following(PassingEngine):
    """A `ManagedEngine` that gives another one what no detached run of this user is at.

    A request that waits is not submitted there yet, and starts frozen if it will be. The detached run is not paused.
    """

    def __init__(self, engine: ManagedEngine) -> None:
        super().__init__(engine)
        self._held: dict[Hashable, _Held] = {}
        self._runs: dict[str, _Followed] = {}
        self._next_look = self._next_search = 0.0
        self._failures: set[tuple[str, str, int]] = set()  # told already: of runs, tasks and items
        self._started: set[Hashable] = set()  # requests that have started here, and then went to the engine
        self._to_tell: deque[Hashable] = deque()  # requests that wait, and of which there may be news
        self._reports: deque[tuple[Hashable, Report]] = deque()

    def submit(self, request: Request) -> None:
        self._look()
        answer, _item, _name = self._answer(request)
        if answer is _Answer.NOTHING:
            self._engine.submit(request)
        else:
            self._held[request.key] = _Held(request, time.monotonic())
            self._to_tell.append(request.key)

    def stop(self, key: Hashable) -> None:
        self._reports = deque(entry for entry in self._reports if entry[0] != key)
        self._started.discard(key)
        self._held.pop(key, None)
        self._engine.stop(key)

    def poll(self, until: float | None = None) -> list[tuple[Hashable, Report]]:
        if self._held:
            self._look()
            while self._to_tell and (until is None or time.monotonic() < until):
                if (held := self._held.get(self._to_tell.popleft())) is not None:
                    self._tell(held)
        for key, report in self._engine.poll(until):
            if key not in self._started or not isinstance(report, messages.Started):
                self._reports.append((key, report))
            if not isinstance(report, messages.Started | messages.Progressed):
                self._started.discard(key)
        reports = list(self._reports)
        self._reports.clear()
        return reports

    def next_look(self) -> float | None:
        theirs = self._engine.next_look()
        if not self._held:
            return theirs
        if self._to_tell:
            return 0.0
        return self._next_look if theirs is None else min(theirs, self._next_look)

    def close(self) -> None:
        """As in `Engine`. Detached runs go on."""
        self._held.clear()
        self._to_tell.clear()
        self._started.clear()
        self._reports.clear()
        self._engine.close()

    def _tell(self, held: _Held) -> None:
        """Tell what is new of a request that waits."""
        request = held.request
        answer, item, name = self._answer(request)
        is_behind = answer is _Answer.WAIT and item is None and time.monotonic() >= held.since + _LAG
        if answer is _Answer.NOTHING or is_behind:
            del self._held[request.key]
            if held.has_started:
                self._started.add(request.key)
            self._engine.submit(request)
            return
        if item is None:
            return
        if item.state != "ready" and not held.has_started:
            held.has_started = True
            self._reports.append((request.key, messages.Started()))
        if held.has_started and (item.progress, item.text) != held.told:
            held.told = item.progress, item.text
            self._reports.append((request.key, messages.Progressed(item.progress, item.text)))
        if answer is _Answer.WAIT:
            return
        del self._held[request.key]
        if answer is _Answer.KEPT:
            self._reports.append((request.key, Kept()))
        else:
            assert isinstance(request.task, messages.Execute)
            self._failures.add((name, request.task.task, request.task.item))
            self._reports.append((request.key, messages.Failed(item.error, item.traceback, item.line)))

    def _answer(self, request: Request) -> tuple[_Answer, PublishedItem | None, str]:
        """What the detached runs mean for a request, the item that decides that, and the name of its run."""
        task = request.task
        if not isinstance(task, messages.Execute) or not task.task:
            return _Answer.NOTHING, None, ""
        for name, followed in self._runs.items():
            published = followed.run.tasks.get(task.task)
            if published is None:
                continue
            item = published.items[task.item] if task.item < len(published.items) else None
            answer = _meaning(request, published, item, is_gone=followed.is_gone)
            is_told = answer is _Answer.FAILED and (name, task.task, task.item) in self._failures
            if answer is not _Answer.NOTHING and not is_told:
                return answer, item, name
        return _Answer.NOTHING, None, ""

    def _look(self) -> None:
        """Read how far the detached runs are, unless that was done just now."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _INTERVAL
        gone = [name for name, followed in self._runs.items() if followed.is_gone]
        for name in gone:
            del self._runs[name]
        is_search = now >= self._next_search
        if is_search:
            self._next_search = now + _SEARCH_INTERVAL
            self._search([place for place in places() if place.is_alive()])
        has_news = [followed.look() for followed in self._runs.values()]
        if gone or is_search or any(has_news):
            self._to_tell.extend(self._held.keys() - set(self._to_tell))

    def _search(self, alive: Sequence[Place]) -> None:
        if any(place.is_own for place in alive):
            self._runs.clear()
            return
        for place in alive:
            text = RunText()
            if place.name not in self._runs and (run := place.read(text)) is not None:
                self._runs[place.name] = _Followed(place, run, text)


def _meaning(request: Request, task: PublishedTask, item: PublishedItem | None, *, is_gone: bool) -> _Answer:
    """What the task of a detached run, with the same id, means for a request; `item` is the one that is like it.

    If the process of the run is gone, what was not over is not done by it any more.
    """
    if item is None:
        return _Answer.NOTHING if task.is_over or is_gone else _Answer.WAIT
    if item.key and request.kept_as and item.key != request.kept_as:
        return _Answer.NOTHING
    if not item.is_over:
        return _Answer.NOTHING if is_gone else _Answer.WAIT
    if not item.key or not request.kept_as:
        return _Answer.NOTHING
    if item.state == TaskState.SUCCEEDED:
        return _Answer.KEPT
    # What its worker, its machine or its time did to it need not happen here.
    return _Answer.FAILED if item.state == TaskState.FAILED and item.traceback else _Answer.NOTHING
