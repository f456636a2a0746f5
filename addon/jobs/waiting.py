# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for jobs. While somebody waits, no timer fires, so jobs are carried on here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ..session.current import session
from .work import Work, WorkKeeper

#: Longest wait for news in one go, in seconds.
_MAX_WAIT: Final = 1.0


def wait_for(
    works: Sequence[Work], timeout: float | None = None, is_enough: Callable[[], bool] = lambda: False
) -> None:
    """Carry jobs on until all are over or wait for the artist, for `timeout` seconds, or until it `is_enough`."""
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    keepers = {work.keeper for work in _with_earlier(works)}
    while not is_enough():
        left = [work for work in works if not work.is_over]
        seconds = min(_MAX_WAIT, deadline - time.monotonic())
        if not left or seconds <= 0.0:
            return
        if _do_all_await_artist(left):
            _bring_home(left, keepers)
            if not any(work.is_over for work in left):
                return
        _carry_on(left, keepers, seconds, is_enough)


def _with_earlier(works: Sequence[Work]) -> list[Work]:
    """Those of these that are not over, after those that must be completed before they start."""
    found: dict[Work, None] = {}
    waiting = [(work, False) for work in reversed(works)]
    while waiting:
        work, are_earlier_found = waiting.pop()
        if are_earlier_found:
            found[work] = None
        elif not work.is_over and work not in found:
            waiting.append((work, True))
            waiting += [(other, False) for other in reversed(work.earlier)]
    return list(found)


def _do_all_await_artist(works: Sequence[Work]) -> bool:
    """Whether all of these wait for the artist, or have to come after a job that does."""
    if any(work.is_running for work in works):
        return False
    awaiting: set[Work] = set()
    for work in _with_earlier(works):
        if work.awaits_artist or (work.state == "QUEUED" and not awaiting.isdisjoint(work.earlier)):
            awaiting.add(work)
    return awaiting.issuperset(works)


def _carry_on(
    works: Sequence[Work], keepers: Iterable[WorkKeeper], seconds: float, is_enough: Callable[[], bool]
) -> None:
    _bring_home(works, keepers)
    if is_enough() or all(work.is_over for work in works):
        return
    session.update_jobs(seconds)
    _bring_home(works, keepers)


def _bring_home(works: Sequence[Work], keepers: Iterable[WorkKeeper]) -> None:
    """Let results come home that can, those of earlier jobs first.

    `keepers`: those of these jobs, and of the jobs that they come after.
    """
    for work in _with_earlier([work for work in works if not work.is_driven]):
        work.keeper.advance(work)
    for keeper in keepers:
        keeper.update()
    session.bring_jobs_home(math.inf)
