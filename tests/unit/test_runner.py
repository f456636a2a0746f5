# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner with an engine that the test drives by hand (`fake_engine`). Plans are written as in `plan_text`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from background_nodes.runtime.active_run import ActiveRun
from background_nodes.runtime.plan import Plan
from background_nodes.runtime.runner import Runner
from background_nodes.runtime.states import RunState
from background_nodes.runtime.store import Store

from .fake_engine import FakeEngine
from .plan_text import parse_plan


class Stage:
    """A runner with its engine and store, and what its runs' listeners heard."""

    def __init__(self, folder: Path) -> None:
        self.engine = FakeEngine()
        self.store = Store(folder)
        self.runner = Runner(self.engine, self.store)
        self.runs: list[ActiveRun] = []
        self.heard: list[str] = []

    def start(self, plan: str | Plan, workers: int = 2, listener: Callable[..., None] | None = None) -> ActiveRun:
        """Start a run. A listener is called with the run and the task, and hears of nothing before it has started."""
        parsed = parse_plan(plan) if isinstance(plan, str) else plan
        run = self.runner.start(parsed, {}, workers, listener=lambda task: self._hear(run, task, listener))
        self.runs.append(run)
        return run

    def _hear(self, run: ActiveRun, task: str | None, listener: Callable[..., None] | None) -> None:
        self.heard.append(f"{task or 'run'} {run.scheduler.tasks[task].state if task else run.state}")
        if listener is not None:
            listener(run, task)

    def succeed(self, *names: str) -> None:
        """These succeed, and the runner takes it."""
        for name in names:
            self.engine.succeed(name)
        self.runner.update()

    def fail(self, *names: str) -> None:
        for name in names:
            self.engine.fail(name)
        self.runner.update()


def states(run: ActiveRun) -> dict[str, str]:
    return {name: record.state.value for name, record in run.scheduler.tasks.items()}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage. At the end of the test each run must still hold its invariants."""
    made = Stage(tmp_path)
    yield made
    for run in made.runs:
        run.scheduler.validate()
    made.runner.close()


def test_a_chain_is_given_to_the_engine_in_order(stage: Stage) -> None:
    run = stage.start("a; b: a")
    assert stage.engine.waiting() == ["a"]
    stage.succeed("a")
    assert stage.engine.waiting() == ["b"]
    stage.succeed("b")
    assert run.state is RunState.SUCCEEDED
    assert not stage.runner.is_active
    assert [request.task.node for request in stage.engine.submitted] == ["A", "B"]


def test_a_run_cancelled_by_who_hears_of_its_first_failure_ends(stage: Stage) -> None:
    """1. `a` fails, 2. the listener hears of it, 3. and cancels the run, while `b` is under way."""

    def cancel_at_first_failure(run: ActiveRun, task: str | None) -> None:
        if task == "a" and run.scheduler.tasks["a"].state == "failed":
            stage.runner.cancel(run)

    run = stage.start("a; b", workers=1, listener=cancel_at_first_failure)
    stage.fail("a")
    assert run.state is RunState.CANCELLED
    assert states(run) == {"a": "failed", "b": "cancelled"}
    assert stage.engine.calls == ["submit a", "submit b", "stop b"]
    assert not stage.runner.is_active
