# SPDX-License-Identifier: GPL-3.0-or-later
"""The time left that is told, for records in given states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from background_nodes.runtime.scheduling.events import RunStarted, TaskProgressed, TaskStarted, TaskSucceeded, Usage
from background_nodes.runtime.scheduling.scheduler import Scheduler
from background_nodes.runtime.scheduling.time_left import Past, TimeLeft

from .plan_text import parse_plan


class Stage:
    """A run and its time left, told what happened at `time`."""

    def __init__(
        self, plan: str, workers: int = 2, scripts: Mapping[str, str] | None = None, **pasts: tuple[float, int]
    ) -> None:
        """All tasks have one script, but those of which another text is given."""
        planned = parse_plan(plan)
        tasks = (
            replace(task, script=replace(task.script, text=(scripts or {}).get(task.id, ""))) for task in planned.tasks
        )
        self.scheduler = Scheduler(replace(planned, tasks=tuple(tasks)), workers)
        known = {task: Past(*past) for task, past in pasts.items()}
        self.time_left = TimeLeft(self.scheduler.tasks.values(), workers, known)
        self.time = 0.0
        self.scheduler.handle(RunStarted(0.0))

    def begin(self, task: str, item: int = 0) -> None:
        self.scheduler.handle(TaskStarted(self.time, task, item, 1))

    def progress(self, fraction: float, task: str, item: int = 0) -> None:
        self.scheduler.handle(TaskProgressed(self.time, task, item, 1, fraction, ""))

    def succeed(self, task: str, item: int = 0, *, seconds: float) -> None:
        self.scheduler.handle(TaskSucceeded(self.time, task, item, 1, {}, Usage(seconds)))

    def task(self, task: str) -> float | None:
        return self.time_left.task(self.scheduler.tasks[task], self.time)

    def run(self) -> float | None:
        return self.time_left.run(self.time)


def test_nothing_is_told_while_nothing_is_known() -> None:
    stage = Stage("a; b: a")
    stage.begin("a")
    stage.time = 3.0
    assert stage.task("a") is stage.run() is None


def test_nothing_is_told_of_a_run_before_each_script_has_run_once() -> None:
    stage = Stage("a; b; c: b; d: c", scripts={"c": "slow", "d": "slow"})
    stage.begin("a")
    stage.begin("b")
    stage.time = 2.0
    stage.succeed("a", seconds=2.0)
    stage.succeed("b", seconds=2.0)
    stage.begin("c")
    assert stage.run() is None, "what others took says nothing of a script that never ran"
    stage.time = 92.0
    stage.succeed("c", seconds=90.0)
    assert stage.run() == pytest.approx(90.0)


def test_what_is_known_of_an_earlier_run_is_enough_for_a_script() -> None:
    stage = Stage("a; b: a", scripts={"b": "slow"}, a=(3.0, 1), b=(90.0, 1))
    assert stage.run() == pytest.approx(93.0)


def test_progress_alone_tells_the_pace() -> None:
    stage = Stage("a")
    stage.begin("a")
    stage.time = 3.0
    stage.progress(0.25, "a")
    assert stage.task("a") == stage.run() == pytest.approx(9.0)


def test_an_earlier_run_alone_tells_what_is_left() -> None:
    stage = Stage("a", a=(10.0, 1))
    stage.begin("a")
    stage.time = 3.0
    assert stage.task("a") == stage.run() == pytest.approx(7.0)
    stage.time = 12.0
    assert stage.task("a") == 0.0


def test_the_further_a_task_is_the_more_its_own_progress_counts() -> None:
    stage = Stage("a", a=(10.0, 1))
    stage.begin("a")
    stage.time = 8.0
    stage.progress(0.5, "a")
    assert stage.task("a") == pytest.approx(0.5 * 8.0 + 0.5 * 2.0)


def test_items_that_are_done_tell_of_those_that_wait() -> None:
    stage = Stage("bake: *6", workers=2)
    stage.begin("bake", 0)
    stage.begin("bake", 1)
    stage.time = 4.0
    stage.succeed("bake", 0, seconds=4.0)
    stage.begin("bake", 2)
    assert stage.task("bake") == pytest.approx((0.0 + 4.0 + 3 * 4.0) / 2)
    assert stage.run() == pytest.approx(8.0)


def test_a_run_takes_as_long_as_its_work_shared_by_its_workers() -> None:
    stage = Stage("a; b; c; d", workers=2, a=(2.0, 1), b=(2.0, 1), c=(2.0, 1), d=(2.0, 1))
    assert stage.run() == pytest.approx(4.0)


def test_a_run_takes_as_long_as_its_longest_chain() -> None:
    stage = Stage("a; b: a; c: b; d", workers=9, a=(2.0, 1), b=(2.0, 1), c=(2.0, 1), d=(1.0, 1))
    assert stage.run() == pytest.approx(6.0)


def test_items_that_cannot_be_counted_yet_are_as_many_as_last_time() -> None:
    stage = Stage("split[]; bake: *split", workers=2, split=(1.0, 1), bake=(3.0, 8))
    assert stage.run() == pytest.approx(1.0 + 12.0)


def test_what_is_unknown_of_a_task_is_guessed_from_the_others() -> None:
    stage = Stage("a; b", workers=1, a=(3.0, 1))
    assert stage.run() == pytest.approx(6.0)
    assert stage.task("b") is None


def test_nothing_is_left_of_a_run_that_is_over() -> None:
    stage = Stage("a")
    stage.succeed("a", seconds=1.0)
    assert stage.run() is stage.task("a") is None
    assert Past.of(stage.scheduler.tasks["a"]) == Past(1.0, 1)
