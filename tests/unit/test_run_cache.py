# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run takes over from an earlier one, with an engine that the test drives by hand (`fake_engine`)."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from background_nodes.runtime.engine.active_run import ActiveRun
from background_nodes.runtime.engine.cache import Cache
from background_nodes.runtime.engine.interface import Kept
from background_nodes.runtime.engine.pasts import find_pasts
from background_nodes.runtime.engine.run_cache import RunCache
from background_nodes.runtime.engine.runner import Runner
from background_nodes.runtime.errors import RunError
from background_nodes.runtime.keys.key import Environment, KeyParts
from background_nodes.runtime.keys.reasons import Cause
from background_nodes.runtime.planning.compiler import compile_graph
from background_nodes.runtime.planning.plan import Argument, Plan, PlannedTask
from background_nodes.runtime.planning.sources import Constant, FromTask
from background_nodes.runtime.scheduling.events import TaskError
from background_nodes.runtime.scheduling.states import RunState
from background_nodes.runtime.scheduling.time_left import Past
from background_nodes.runtime.scratch.scratch import Scratch
from background_nodes.runtime.script.signature import Parameter
from background_nodes.runtime.script.socket_types import SocketType
from background_nodes.runtime.store import upkeep
from background_nodes.runtime.store.folder import StoreFolder
from background_nodes.runtime.store.limits import Limits
from background_nodes.runtime.store.records import Record
from background_nodes.runtime.store.store import Store

from .fake_engine import FakeEngine
from .graph_text import graph
from .plan_text import parse_plan, parse_task, with_ranks

NUM_TASKS, WIDTH = 1000, 50
NUMBER = SocketType("FLOAT")


class Stage:
    """A runner with a store."""

    def __init__(self, folder: Path, note: Callable[[str], None] = print) -> None:
        self.engine = FakeEngine()
        self.cache = Cache(Store(folder / "store"), lambda _plan: Environment("5.2.2", "abc Linux"))
        self.runner = Runner(self.engine, Scratch(folder), self.cache, note)

    def run(self, plan: str | Plan, *, is_forced: bool = False, **gives: object) -> ActiveRun:
        """Run a plan to its end, until all of it is kept and the store is in order. `gives`: what tasks give."""
        planned = parse_plan(plan) if isinstance(plan, str) else plan
        run = self.runner.start(planned, {}, 2, use_cache=True, is_forced=is_forced)
        while self.runner.is_active:
            for name in self.engine.waiting():
                given = {"result": gives[name]} if name in gives else {}
                self.engine.succeed(name, **given)
            self.runner.update()
        while self.runner.is_keeping_house:
            self.runner.update(30.0)
        assert run.state is RunState.SUCCEEDED
        return run

    def close(self) -> None:
        self.runner.close()
        self.cache.store.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


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


def test_lists_that_do_not_fit_together_fail_who_takes_them_and_nothing_else(stage: Stage) -> None:
    nodes = (
        "a: -> r:INT; in three: -> v:[FLOAT]=(1.0,2.0,3.0); b: v:[FLOAT] -> r:FLOAT; c: n:INT -> r:FLOAT;"
        "slice s: v:[FLOAT] position:INT=0 length:INT=1 step:INT=1 -> o:[FLOAT]"
    )
    plan = compile_graph(graph(nodes, "three.v > s.v; a.r > s.step; s.o > b.v; a.r > c.n"))
    run = stage.runner.start(plan, {}, 1, use_cache=True)
    while stage.runner.is_active:
        for name in stage.engine.waiting():
            stage.engine.succeed(name, **({"r": 0} if name == "a" else {}))
        stage.runner.update()
    states = {name: str(record.state) for name, record in run.scheduler.tasks.items()}
    assert states == {"a": "succeeded", "b": "failed", "c": "succeeded"}
    assert run.scheduler.tasks["b"].error == TaskError('"s": the step must be 1 or more, not 0')


def test_an_item_for_which_lists_do_not_fit_together_fails_alone(stage: Stage) -> None:
    nodes = (
        "in which: -> v:[INT]=(0,7,1); group g: x:INT -> ; g/use: v:FLOAT -> r:FLOAT;"
        "index_switch g/s: a:FLOAT=1.0 b:FLOAT=2.0 c:FLOAT=3.0 switch:INT -> o:FLOAT"
    )
    plan = compile_graph(graph(nodes, "which.v > g.x; g.x > g/s.switch; g/s.o > g/use.v"))
    run = stage.runner.start(plan, {}, 3, use_cache=True)
    while stage.runner.is_active:
        stage.engine.succeed_all()
        stage.runner.update()
    record = run.scheduler.tasks["g/use"]
    assert [str(item.state) for item in record.items] == ["succeeded", "failed", "succeeded"]
    message = '1 of 3 items failed; item 1: "g / s": it is 7, and should be one of 0 to 2'
    assert record.error == TaskError(message, item=1)


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


# What stays in the store


def full_again(stage: Stage, plan: str) -> set[str]:
    """Make room as another Blender does whose store may have no byte. The tasks that then run again."""
    with contextlib.closing(Store(stage.cache.store.folder.path.parent, Limits(max_size=0, min_free=0))) as other:
        upkeep.prune(other)
    run = stage.run(plan)
    return {task for task, record in run.scheduler.tasks.items() if record.num_cached < record.num_items}


def test_what_the_nodes_of_an_open_file_show_stays_in_the_store(stage: Stage) -> None:
    stage.run("a; b: *3")
    stage.run("c")
    assert full_again(stage, "a; b: *3; c") == set()
    stage.cache.show_last([])
    assert full_again(stage, "a; b: *3; c") == {"a", "b", "c"}


def test_what_a_node_showed_before_may_go(stage: Stage) -> None:
    stage.run("a: *2; b: a")
    stage.run("a: *3; b: a")
    assert full_again(stage, "a: *3; b: a") == set()
    assert "b" in full_again(stage, "a: *2; b: a")


def test_what_the_nodes_of_a_file_showed_stays_when_it_is_opened_again(stage: Stage, tmp_path: Path) -> None:
    stage.run("a; b: *3; c: *4")
    stage.close()
    reopened = Stage(tmp_path)
    reopened.cache.show_last(["a", "b", "new"])
    assert full_again(reopened, "a; b: *3; c: *4") == {"c"}
    reopened.close()


# A tree of a thousand nodes


def run_adding(stage: Stage, plan: Plan) -> list[str]:
    """Run a plan whose tasks add what they are given. Those that were not cached."""
    run = stage.runner.start(plan, {}, WIDTH, use_cache=True)
    while stage.runner.is_active:
        for name in stage.engine.waiting():
            given = [piece.value.content for each in stage.engine.task(name).arguments for piece in each.pieces]
            stage.engine.succeed(name, result=sum(given))
        stage.runner.update()
    while stage.runner.is_keeping_house:
        stage.runner.update(30.0)
    assert run.state is RunState.SUCCEEDED
    return [task for task, record in run.scheduler.tasks.items() if not record.is_cached]


def layers(num_tasks: int = NUM_TASKS) -> Plan:
    """Tasks in layers. Each adds a number of its own to what two of the layer before gave."""
    tasks: dict[str, PlannedTask] = {}
    for index in range(num_tasks):
        first = index - WIDTH - index % WIDTH
        places = [] if first < 0 else [first + (index + step) % WIDTH for step in range(2)]
        sources = [Constant(float(index), NUMBER), *(FromTask(f"t{place}", "result", NUMBER) for place in places)]
        arguments = [Argument(Parameter(f"n{place}", "", NUMBER), (each,)) for place, each in enumerate(sources)]
        task = parse_task(f"t{index}", [], tasks)
        tasks[task.id] = dataclasses.replace(task, arguments=tuple(arguments))
    return Plan("Layers", tuple(with_ranks(tasks)))


def changed(plan: Plan, name: str, number: object) -> tuple[Plan, set[str]]:
    """The plan with another number for one task; and that task with all that depend on it."""
    tasks, dependents = list(plan.tasks), {name}
    for place, task in enumerate(tasks):
        if task.id == name:
            own = dataclasses.replace(task.arguments[0], sources=(Constant(number, NUMBER),))
            tasks[place] = dataclasses.replace(task, arguments=(own, *task.arguments[1:]))
        if dependents.intersection(task.dependencies):
            dependents.add(task.id)
    return dataclasses.replace(plan, tasks=tuple(tasks)), dependents


def test_a_thousand_tasks_are_all_cached_in_a_second_run_and_in_a_new_session(
    stage: Stage, tmp_path: Path, reads: Counter[str], keys: Counter[str]
) -> None:
    plan = layers()
    assert len(run_adding(stage, plan)) == NUM_TASKS
    stage.close()
    reads.clear()
    keys.clear()
    reopened = Stage(tmp_path)
    assert run_adding(reopened, layers()) == []
    assert len(keys) == NUM_TASKS
    assert reads == keys == dict.fromkeys(keys, 1), "each is read, and each key made, once"
    assert run_adding(reopened, layers()) == []
    assert reads == dict.fromkeys(keys, 1), "nothing is read again"
    assert reopened.engine.submitted == []
    reopened.close()


def test_one_changed_value_runs_just_what_depends_on_it(stage: Stage) -> None:
    plan = layers(6 * WIDTH)
    run_adding(stage, plan)
    assert run_adding(stage, plan) == []
    other, dependents = changed(plan, "t30", 0.5)
    assert set(run_adding(stage, other)) == dependents
    assert len(dependents) == sum(range(1, 7))  # one, and one more in each layer
    assert run_adding(stage, other) == run_adding(stage, plan) == []


@pytest.mark.parametrize(("number", "equal"), [(1.0, 1), (1.0, True), (0.0, -0.0)])
def test_a_value_that_is_only_equal_is_another_one(stage: Stage, number: object, equal: object) -> None:
    plan, _all = changed(layers(1), "t0", number)
    other, _all = changed(plan, "t0", equal)
    assert plan == other
    for each in (plan, other):
        assert run_adding(stage, each) == ["t0"]
        assert run_adding(stage, each) == []


# Runs that meet a store in trouble


@pytest.fixture
def slow_keeping(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Nothing is kept before the event is set."""
    may_keep, keep = threading.Event(), Store.keep

    def kept(*arguments: Any, **options: Any) -> Record:
        may_keep.wait(60.0)
        return keep(*arguments, **options)

    monkeypatch.setattr(Store, "keep", kept)
    yield may_keep
    may_keep.set()


def start_twice(stage: Stage, plan: str) -> ActiveRun:
    """Run a plan whose results are not kept yet, and start it again: it waits for them."""
    stage.runner.start(parse_plan(plan), {}, 2, use_cache=True)
    while stage.runner.is_active:
        stage.engine.succeed_all()
        stage.runner.update()
    run = stage.runner.start(parse_plan(plan), {}, 2, use_cache=True)
    stage.runner.update()
    assert run.state is RunState.RUNNING
    return run


def finish(stage: Stage, run: ActiveRun) -> list[bool]:
    """Let a run end without a worker. Whether its tasks were cached."""
    while stage.runner.is_active:
        stage.runner.update(10.0)
    assert len(stage.engine.submitted) == len(run.tasks), "those of the first run"
    return [record.is_cached for record in run.scheduler.tasks.values()]


def test_a_run_that_waits_for_results_to_be_kept_can_be_paused(stage: Stage, slow_keeping: threading.Event) -> None:
    run = start_twice(stage, "a: 2; b: 3")
    stage.runner.pause(run)
    slow_keeping.set()
    while stage.runner.is_keeping_house:
        stage.runner.update(10.0)
    assert run.state is RunState.RUNNING
    stage.runner.resume(run)
    assert finish(stage, run) == [True, True]


def test_a_run_that_waits_for_results_to_be_kept_ends_when_it_is_cancelled(
    stage: Stage, slow_keeping: threading.Event
) -> None:
    run = start_twice(stage, "a: 2; b: 3")
    stage.runner.cancel(run)
    assert run.state is RunState.CANCELLED
    slow_keeping.set()
    stage.runner.retry(run)
    assert finish(stage, run) == [True, True]


def test_what_is_being_kept_when_blender_ends_is_kept(
    stage: Stage, tmp_path: Path, slow_keeping: threading.Event
) -> None:
    start_twice(stage, "a: 2; b: 3")
    threading.Timer(0.05, slow_keeping.set).start()
    stage.close()
    reopened = Stage(tmp_path)
    run = reopened.run("a: 2; b: 3")
    assert all(record.is_cached for record in run.scheduler.tasks.values())
    reopened.close()


def test_of_what_takes_too_long_when_blender_ends_only_what_was_begun_is_kept(
    stage: Stage, tmp_path: Path, slow_keeping: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("background_nodes.runtime.engine.runner._KEEPING_TIMEOUT", 0.01)
    begun = threading.Event()
    keep = Store.keep
    monkeypatch.setattr(Store, "keep", lambda *arguments, **options: (begun.set(), keep(*arguments, **options))[1])
    start_twice(stage, "a: 2; b: 3")
    assert begun.wait(60.0)

    def keep_when_it_takes_too_long() -> None:
        while not stage.runner._chores._is_late:
            time.sleep(0.005)
        slow_keeping.set()

    threading.Thread(target=keep_when_it_takes_too_long).start()
    stage.close()
    reopened = Stage(tmp_path)
    run = reopened.run("a: 2; b: 3")
    assert [record.is_cached for record in run.scheduler.tasks.values()] == [True, False]
    reopened.close()


@pytest.mark.parametrize(
    ("owner", "step", "fault"),
    [(StoreFolder, "make", errno.EROFS), (Path, "write_bytes", errno.ENOSPC), (Path, "replace", errno.EIO)],
)
def test_a_run_goes_on_where_nothing_can_be_written_to_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: type, step: str, fault: int
) -> None:
    notes: list[str] = []
    stage = Stage(tmp_path, notes.append)

    def refuse(_self: object, *_arguments: object, **_options: object) -> None:
        raise OSError(fault, os.strerror(fault))

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, refuse)
        stage.run("a; b: a", a=0.5)
    assert {note.partition(":")[0] for note in notes} == {"Results are not kept for later runs"}
    assert os.strerror(fault) in notes[0]
    run = stage.run("a; b: a", a=0.5)
    assert not any(record.is_cached for record in run.scheduler.tasks.values()), "nothing was kept"
    run = stage.run("a; b: a", a=0.5)
    assert all(record.is_cached for record in run.scheduler.tasks.values()), "there is room again"
    stage.close()


def test_large_results_on_another_disk_are_copied_on_another_thread(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.runner.start(parse_plan("a: *2"), {}, 2, use_cache=True)
    large = bytes(2 * 1024**2)
    for name in ("a", "a 1"):
        stage.runner.scratch.file(stage.engine.task(name).blob).with_suffix(".0.value").write_bytes(large)
    while stage.runner.is_active:
        stage.engine.succeed_all()
        stage.runner.update()
    threads: set[str] = set()
    copy, link = shutil.copyfileobj, os.link

    def noted(*arguments: Any) -> None:
        threads.add(threading.current_thread().name)
        copy(*arguments)

    def from_another_disk(source: str, target: str) -> None:
        if str(stage.cache.store.folder.path) in str(source):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        link(source, target)

    monkeypatch.setattr(shutil, "copyfileobj", noted)
    monkeypatch.setattr(os, "link", from_another_disk)
    monkeypatch.setattr(RunCache, "_is_on_one_disk", False)
    for _ in range(2):
        threads.clear()
        run = stage.run("a: *2")
        assert run.scheduler.tasks["a"].is_cached
        assert threads == {"Background Nodes chores"}
        values = [stage.runner.scratch.file(name).with_suffix(".0.value") for name in run.results.files]
        assert len(values) == 3, "a copy, and a second name of it for each item"
        assert {value.read_bytes() for value in values} == {large}


def test_a_store_that_is_removed_during_a_run_costs_what_was_in_it(stage: Stage) -> None:
    run = stage.runner.start(parse_plan("a; b: a; c: b"), {}, 2, use_cache=True)
    stage.engine.succeed("a")
    while not stage.engine.waiting() or stage.cache.pending.total():
        stage.runner.update(1.0)
    shutil.rmtree(stage.cache.store.folder.path.parent)
    while stage.runner.is_active:
        stage.engine.succeed_all()
        stage.runner.update()
    assert run.state is RunState.SUCCEEDED
    again = stage.run("a; b: a; c: b")
    assert [record.is_cached for record in again.scheduler.tasks.values()] == [False, True, True]


def test_result_that_another_process_kept_is_taken_from_the_store(stage: Stage, tmp_path: Path) -> None:
    """1. Two processes look for it, and it is not there. 2. One does it and keeps it. 3. The other is told so."""
    run = stage.runner.start(parse_plan("a; b: a"), {}, 2, use_cache=True)
    stage.runner.update()
    assert stage.engine.request("a").kept_as
    other = Stage(tmp_path)
    other.run("a; b: a", a=2.5)
    other.close()
    stage.engine.start("a")
    for name in ("a", "b"):
        stage.engine.report(name, Kept()) if name in stage.engine.waiting() else None
        stage.runner.update()
        stage.runner.update()
    assert run.state is RunState.SUCCEEDED
    assert (run.results.item("a", 0) or {})["result"].content == 2.5
    assert [record.is_cached for record in run.scheduler.tasks.values()] == [False, True]


def test_task_whose_result_was_kept_by_another_process_but_is_gone_is_submitted_without_its_key(stage: Stage) -> None:
    run = stage.runner.start(parse_plan("a"), {}, 2, use_cache=True)
    stage.runner.update()
    stage.engine.start("a")
    stage.engine.report("a", Kept())
    stage.runner.update()
    stage.runner.update()
    assert stage.engine.waiting() == ["a"]
    assert [bool(request.kept_as) for request in stage.engine.submitted] == [True, False]
    stage.engine.succeed("a")
    stage.runner.update()
    stage.runner.update()
    assert run.state is RunState.SUCCEEDED


def test_engine_that_tells_of_a_store_where_there_is_none_fails_the_task(stage: Stage) -> None:
    run = stage.runner.start(parse_plan("a"), {}, 2)
    stage.runner.update()
    stage.engine.report("a", Kept())
    stage.runner.update()
    assert run.scheduler.tasks["a"].error == TaskError("the worker answered with Kept")
