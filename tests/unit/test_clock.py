# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock of a run can be stopped."""

from __future__ import annotations

from background_nodes.runtime.scheduling.clock import RunClock


def test_a_clock_that_never_stopped_shows_the_systems_time() -> None:
    clock = RunClock()
    assert (clock.at(7.0), clock.when(7.0), clock.lost, clock.is_running) == (7.0, 7.0, 0.0, True)


def test_a_stopped_clock_shows_when_it_stopped_and_goes_on_from_there() -> None:
    clock = RunClock()
    clock.stop(10.0)
    clock.stop(12.0)
    assert (clock.at(15.0), clock.is_running) == (10.0, False)
    clock.go_on(30.0)
    clock.go_on(40.0)
    assert (clock.at(31.0), clock.lost) == (11.0, 20.0)
    assert clock.at(clock.when(25.0)) == 25.0


def test_each_stop_counts() -> None:
    clock = RunClock()
    for time in (10.0, 20.0):
        clock.stop(time)
        clock.go_on(time + 5.0)
    assert clock.at(100.0) == 90.0
