# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run takes over from an earlier one, with an engine that the test drives by hand (`fake_engine`)."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from background_nodes.runtime.engine.active_run import ActiveRun
from background_nodes.runtime.engine.pasts import find_pasts
from background_nodes.runtime.engine.run_cache import Cache
from background_nodes.runtime.engine.runner import Runner
from background_nodes.runtime.errors import RunError
from background_nodes.runtime.keys.key import Environment, KeyParts
from background_nodes.runtime.keys.reasons import Cause
from background_nodes.runtime.planning.plan import Plan
from background_nodes.runtime.scheduling.states import RunState
from background_nodes.runtime.scheduling.time_left import Past
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

    def run(self, plan: str | Plan, *, is_forced: bool = False, **gives: object) -> ActiveRun:
        """Run a plan to its end, until all of it is kept and the store is in order. `gives`: what tasks give."""
        planned = parse_plan(plan) if isinstance(plan, str) else plan
        run = self.runner.start(planned, {}, 2, use_cache=True, is_forced=is_forced)
        while self.runner.is_active:
            for name in self.engine.waiting():
                given = {"result": gives[name]} if name in gives else {}
                self.engine.succeed(name, **given)
            self.runner.update()
        while self.cache.pending.total() or (run.cache.has_kept and self.cache.info is None):
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


def same(run: ActiveRun) -> list[str]:
    """The tasks that ran and gave what they gave the last time."""
    return [task for task in run.tasks if run.gave_the_same(task, 0)]


def never_cached(plan: str) -> Plan:
    parsed = parse_plan(plan)
    settings = [dataclasses.replace(task.settings, is_never_cached=True) for task in parsed.tasks]
    pairs = zip(parsed.tasks, settings, strict=True)
    return dataclasses.replace(parsed, tasks=tuple(dataclasses.replace(task, settings=new) for task, new in pairs))


def test_a_task_that_gives_what_it_gave_is_told_and_another_is_not(stage: Stage) -> None:
    assert same(stage.run("a; b", a=0.5, b=0.5)) == []
    assert same(stage.run("a; b", is_forced=True, a=0.5, b=0.7)) == ["a"]
    assert same(stage.run("a; b", is_forced=True, a=0.6, b=0.7)) == ["b"]
    assert same(stage.run("a; b")) == [], "what is cached did not run"


def test_a_task_that_is_never_cached_is_told_to_give_the_same_too(stage: Stage) -> None:
    plan = never_cached("a")
    assert same(stage.run(plan, a=0.5)) == []
    assert same(stage.run(plan, a=0.5)) == ["a"]
    assert same(stage.run(plan, a=0.7)) == []


def test_what_is_noted_of_a_result_that_is_not_kept_hides_no_reason(stage: Stage) -> None:
    stage.run("a: 2")
    stage.run(never_cached("a: 2"))
    run = stage.run("a: 3")
    assert [reason.cause for reason in run.cache.reasons["a", 0]] == [Cause.SOCKETS_CHANGED]


def test_what_tasks_took_is_known_in_the_next_session(stage: Stage, tmp_path: Path) -> None:
    stage.run("a; b: *3")
    stage.run(never_cached("c"))
    store = Store(tmp_path / "store")
    tasks = [*parse_plan("a; b: *3; new").tasks, *never_cached("c").tasks]
    assert find_pasts(store, tasks) == {"a": Past(1.0, 1), "b": Past(1.0, 3), "c": Past(1.0, 1)}
    for path in (tmp_path / "store").rglob("*"):
        if path.is_file() and "lasts" in path.parts:
            path.chmod(0o600)
            path.write_bytes(b"damaged")
    store.note = lambda _message: None
    assert find_pasts(store, tasks) == {}
    store.close()


def test_the_first_run_of_a_session_knows_what_earlier_ones_took(stage: Stage, tmp_path: Path) -> None:
    stage.run("a; b: a", a=0.5)
    with contextlib.closing(Runner(FakeEngine(), Scratch(tmp_path), stage.cache)) as runner:
        run = runner.start(parse_plan("a; b: a"), {}, 2, use_cache=True, is_forced=True)
        while not run.pasts:
            runner.update(30.0)
        assert run.time_left.run(run.now) == pytest.approx(2.0, abs=0.5)


def test_a_run_that_is_all_cached_reads_no_history(stage: Stage) -> None:
    stage.run("a; b: a")
    assert not stage.run("a; b: a").asked_pasts


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
