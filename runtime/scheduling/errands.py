# SPDX-License-Identifier: GPL-3.0-or-later
"""The errands of one run that are under way, and what waits for them. Part of the scheduler, with no clock or file."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from .events import Errand, TaskError

#: An errand whose worker dies is tried again, but no more often than this in total.
MAX_ATTEMPTS: Final = 2

#: What waits for errands: an item, as (order of its task, index of the item); or None, the end of the run.
Waiter = tuple[int, int] | None


@dataclass(slots=True, eq=False)
class ErrandRecord:
    """An errand that is under way: its current attempt, and what waits for it, in the order of arrival.

    Attempts are numbered over all records of the same errand, so that a late report of an old one matches no new one.
    """

    errand: Errand
    attempt: int
    num_tries: int = 1
    waiters: dict[Waiter, None] = field(default_factory=dict)

    def lost(self, reason: str) -> TaskError:
        """The error of an errand whose worker ended in the last attempt."""
        return TaskError(f"{self.errand.text} failed: the background Blender ended ({reason})")

    def overdue(self) -> TaskError:
        """The error of an errand that took too long."""
        return TaskError(f"{self.errand.text} failed: it took longer than {self.errand.timeout:g} s")


class Errands:
    """The errands that are under way, by id."""

    def __init__(self) -> None:
        self._records: dict[str, ErrandRecord] = {}
        self._errors: dict[str, TaskError] = {}  # by id, of errands that failed
        self._num_attempts: Counter[str] = Counter()  # by id, of all errands of the run
        self._missing: dict[Waiter, set[str]] = {}
        self._deadlines: list[tuple[float, str, int]] = []  # heap: time, id, attempt

    def __iter__(self) -> Iterator[ErrandRecord]:
        return iter(self._records.values())

    def find(self, errand: str, attempt: int) -> ErrandRecord | None:
        """The record of an errand; None if the errand has ended, or `attempt` is not its current one."""
        record = self._records.get(errand)
        return record if record is not None and record.attempt == attempt else None

    def waits(self, waiter: Waiter) -> bool:
        return waiter in self._missing

    def add(self, waiter: Waiter, errands: Iterable[Errand]) -> list[ErrandRecord]:
        """Let `waiter` wait for errands. Returns the records of those that are new: they must be started."""
        new = []
        for errand in errands:
            if errand.id not in self._records:
                self._records[errand.id] = ErrandRecord(errand, self._next_attempt(errand.id))
                new.append(self._records[errand.id])
            self._records[errand.id].waiters[waiter] = None
            self._missing.setdefault(waiter, set()).add(errand.id)
        return new

    def try_again(self, record: ErrandRecord) -> None:
        """Count one more attempt."""
        record.attempt = self._next_attempt(record.errand.id)
        record.num_tries += 1

    def fail(self, record: ErrandRecord, error: TaskError) -> list[Waiter]:
        """Remove an errand that failed and keep its error. Returns the waiters that wait for no errand now."""
        self._errors[record.errand.id] = error
        return self.end(record)

    def error(self, errands: Iterable[Errand]) -> TaskError | None:
        """The error of the first of these errands that is needed and has failed; None if there is none."""
        return next(
            (self._errors[errand.id] for errand in errands if errand.is_needed and errand.id in self._errors), None
        )

    def forget_errors(self) -> None:
        """Let errands that failed be tried again."""
        self._errors.clear()

    def end(self, record: ErrandRecord) -> list[Waiter]:
        """Remove an errand that is over. Returns the waiters that wait for no errand now."""
        del self._records[record.errand.id]
        free = []
        for waiter in record.waiters:
            missing = self._missing[waiter]
            missing.discard(record.errand.id)
            if not missing:
                del self._missing[waiter]
                free.append(waiter)
        return free

    def drop(self, waiter: Waiter) -> list[ErrandRecord]:
        """Remove a waiter. Returns the errands that nothing waits for now: they must be stopped."""
        unwanted = []
        for errand in sorted(self._missing.pop(waiter, ())):
            record = self._records[errand]
            del record.waiters[waiter]
            if not record.waiters:
                del self._records[errand]
                unwanted.append(record)
        return unwanted

    def next_deadline(self) -> float | None:
        while self._deadlines and self.find(*self._deadlines[0][1:]) is None:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def pop_overdue(self, now: float) -> ErrandRecord | None:
        """Return an errand whose time is over, None if there is none left."""
        deadline = self.next_deadline()
        if deadline is None or deadline > now:
            return None
        _, errand, attempt = heapq.heappop(self._deadlines)
        return self.find(errand, attempt)

    def start_clock(self, record: ErrandRecord, now: float) -> None:
        """Start an errand's timeout when a worker has started it: the time it waited for a worker does not count."""
        heapq.heappush(self._deadlines, (now + record.errand.timeout, record.errand.id, record.attempt))

    def _next_attempt(self, errand: str) -> int:
        self._num_attempts[errand] += 1
        return self._num_attempts[errand]
