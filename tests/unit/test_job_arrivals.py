"""Jobs come home one after the other, whatever their results do."""

from __future__ import annotations

import math

import pytest

from background_nodes.addon.session.job_arrivals import JobArrivals

pytestmark = pytest.mark.any_python


class Job:
    """One whose results come in so many portions."""

    def __init__(self, name: str, num_portions: int, home: list[str]) -> None:
        self.name, self.left, self.num_portions, self.home = name, num_portions, num_portions, home
        self.waits = False
        self.error: Exception | None = None
        self.failed: list[Exception] = []

    @property
    def is_coming_home(self) -> bool:
        return 0 < self.left < self.num_portions and not self.failed

    def bring_home(self, seconds: float) -> None:
        if self.error is not None:
            raise self.error
        if self.left and not self.waits:
            count = self.left if math.isinf(seconds) else 1
            self.left -= count
            self.home.extend([self.name] * count)

    def fail(self, error: Exception) -> None:
        self.failed.append(error)


def test_jobs_come_home_one_after_the_other() -> None:
    home: list[str] = []
    arrivals = JobArrivals()
    for job in (Job("a", 2, home), Job("b", 1, home)):
        arrivals.add(job)
        arrivals.add(job)  # asked for at each tick
    assert [arrivals.carry_on(0.0) or arrivals.is_under_way for _ in range(3)] == [True, False, False]
    assert home == ["a", "a", "b"]
    assert not arrivals


def test_job_that_waits_for_the_artist_lets_the_next_one_pass() -> None:
    home: list[str] = []
    arrivals = JobArrivals()
    waiting, other = Job("a", 1, home), Job("b", 1, home)
    waiting.waits = True
    for job in (waiting, other):
        arrivals.add(job)
    arrivals.carry_on(0.0)
    arrivals.carry_on(0.0)
    assert (home, bool(arrivals)) == (["b"], False)


def test_what_is_under_way_is_finished_and_what_is_not_waits() -> None:
    home: list[str] = []
    arrivals = JobArrivals()
    for job in (Job("a", 5, home), Job("b", 5, home)):
        arrivals.add(job)
    arrivals.finish_first()
    assert home == []
    arrivals.carry_on(0.0)
    arrivals.finish_first()
    assert home == ["a"] * 5
    assert arrivals
    assert not arrivals.is_under_way


def test_job_that_raises_is_dropped_and_the_next_one_comes(capsys: pytest.CaptureFixture[str]) -> None:
    home: list[str] = []
    arrivals = JobArrivals()
    bad, good = Job("a", 2, home), Job("b", 1, home)
    bad.error = RuntimeError("ours")
    for job in (bad, good):
        arrivals.add(job)
    arrivals.carry_on(0.0)
    arrivals.carry_on(0.0)
    assert bad.failed == [bad.error]
    assert home == ["b"]
    assert "RuntimeError: ours" in capsys.readouterr().err
