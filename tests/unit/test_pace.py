# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a portion of a homecoming takes after redraws of this or that length, by a clock of the test's own."""

from __future__ import annotations

import pytest

from background_nodes.addon.session.pace import SHOWN_AFTER, Pace

LEAST = 0.004


class Clock:
    """It stands still between two ticks of it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock):
    return Pace(clock)


def tick(pace: Pace, clock: Clock, *, after: float, changes: bool, interval: float | None = 0.01) -> float:
    """A tick, so many seconds after the last one. Returns what a portion in it may take."""
    clock.now += after
    pace.tick_begins()
    portion = pace.portion(LEAST)
    if changes:
        pace.changed()
    pace.tick_ends(interval)
    return portion


def test_portion_after_a_redraw_takes_as_long_as_that(pace, clock):
    assert tick(pace, clock, after=0.0, changes=True) == LEAST
    assert tick(pace, clock, after=0.06, changes=True) == pytest.approx(0.05)
    assert tick(pace, clock, after=0.013, changes=True) == LEAST


def test_no_redraw_however_long_lets_a_portion_hold_the_window_for_long(pace, clock):
    tick(pace, clock, after=0.0, changes=True)
    assert tick(pace, clock, after=30.0, changes=False) == pytest.approx(0.1)
    assert pace.portion(0.0) == 0.0


@pytest.mark.parametrize("interval", [0.01, None])
def test_ticks_that_are_late_after_nothing_came_home_or_asked_for_before_their_time_say_nothing(pace, clock, interval):
    tick(pace, clock, after=0.0, changes=True)
    tick(pace, clock, after=0.03, changes=False, interval=interval)
    assert tick(pace, clock, after=5.0, changes=True, interval=5.0) == pytest.approx(0.02)
    assert tick(pace, clock, after=0.1, changes=False) == pytest.approx(0.02)


def test_run_is_shown_after_a_moment_unless_another_one_goes_on_or_all_are_over(pace, clock):
    pace.run_starts(is_busy=False)
    assert pace.may_show(is_busy=False)
    assert not pace.may_show(is_busy=True)
    clock.now += 0.6 * SHOWN_AFTER
    pace.run_starts(is_busy=True)
    assert not pace.may_show(is_busy=True)
    clock.now += 0.6 * SHOWN_AFTER
    assert pace.may_show(is_busy=True)


def test_short_runs_one_after_the_other_are_shown_after_a_moment_too(pace, clock):
    """1. A run ends, and another one starts in the same tick, so that nothing is told in between. 2. Once more."""
    shown = []
    for _run in range(4):
        pace.run_starts(is_busy=False)
        clock.now += 0.6 * SHOWN_AFTER
        shown.append(pace.may_show(is_busy=True))
    assert shown == [False, True, False, True]
