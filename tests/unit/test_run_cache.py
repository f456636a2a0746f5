# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run takes over from an earlier one, with an engine that the test drives by hand (`fake_engine`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from background_nodes.runtime.engine.active_run import ActiveRun
from background_nodes.runtime.engine.run_cache import Cache
from background_nodes.runtime.engine.runner import Runner
from background_nodes.runtime.errors import RunError
from background_nodes.runtime.keys.key import Environment, KeyParts
from background_nodes.runtime.scheduling.states import RunState
from background_nodes.runtime.scratch.scratch import Scratch
from background_nodes.runtime.store.records import Record
from background_nodes.runtime.store.store import Store

from .fake_engine import FakeEngine
from .plan_text import parse_plan

NUM_TASKS = 40


class Stage:
    """A runner with a store."""

    def __init__(self, folder: Path) -> None:
        self.engine = FakeEngine()
        self.cache = Cache(Store(folder / "store"), lambda _plan: Environment("5.2.2", "abc Linux"))
        self.runner = Runner(self.engine, Scratch(folder), self.cache)

    def run(self, plan: str) -> ActiveRun:
        """Run a plan to its end, until all of it is kept and the store is in order."""
        run = self.runner.start(parse_plan(plan), {}, 2, use_cache=True)
        while self.runner.is_active:
            self.engine.succeed_all()
            self.runner.update()
        while self.cache.pending.total() or self.cache.info is None:
            self.runner.update(30.0)
        assert run.state is RunState.SUCCEEDED
        return run


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.runner.close()
    made.cache.store.close()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each record is read, by its key."""
    counts: Counter[str] = Counter()
    decode = Record.decode

    def counted(data: bytes) -> Record:
        record = decode(data)
        counts[record.key] += 1
        return record

    monkeypatch.setattr(Record, "decode", staticmethod(counted))
    return counts


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each key is made."""
    counts: Counter[str] = Counter()
    make = KeyParts.key

    def counted(parts: KeyParts) -> str:
        key = make(parts)
        counts[key] += 1
        return key

    monkeypatch.setattr(KeyParts, "key", counted)
    return counts


def test_a_second_run_submits_nothing_and_reads_and_makes_all_once(
    stage: Stage, reads: Counter[str], keys: Counter[str]
) -> None:
    plan = "t0;" + ";".join(f"t{index}: t{index - 1}" for index in range(1, NUM_TASKS))
    stage.run(plan)
    assert len(stage.engine.submitted) == NUM_TASKS
    reads.clear()
    keys.clear()
    run = stage.run(plan)
    assert all(record.is_cached for record in run.scheduler.tasks.values())
    assert len(stage.engine.submitted) == NUM_TASKS
    assert len(keys) == NUM_TASKS
    assert reads == keys == dict.fromkeys(keys, 1)


def test_a_run_that_takes_only_what_is_kept_asks_the_engine_for_nothing(stage: Stage) -> None:
    stage.run("a; b: a")
    num_submitted = len(stage.engine.submitted)
    run = stage.runner.start(parse_plan("a; b: a; c: b; d: c; e: b"), {}, 2, use_cache=True, takes_kept_only=True)
    while stage.runner.is_active:
        stage.runner.update()
    states = {name: str(record.state) for name, record in run.scheduler.tasks.items()}
    assert states == {"a": "succeeded", "b": "succeeded", "c": "cancelled", "d": "skipped", "e": "cancelled"}
    assert len(stage.engine.submitted) == num_submitted


def test_a_run_that_takes_only_what_is_kept_does_not_start_without_a_store(stage: Stage) -> None:
    with pytest.raises(RunError, match="no results are kept"):
        stage.runner.start(parse_plan("a"), {}, 2, use_cache=False, takes_kept_only=True)
