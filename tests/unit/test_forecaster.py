# SPDX-License-Identifier: GPL-3.0-or-later
"""Forecasts: they say what the next run then does, and neither start nor write anything."""

from __future__ import annotations

import dataclasses
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from background_nodes.runtime.engine.active_run import ActiveRun
from background_nodes.runtime.engine.forecast import Forecast, Outlook
from background_nodes.runtime.engine.forecaster import Forecaster
from background_nodes.runtime.planning.compiler import compile_graph
from background_nodes.runtime.planning.plan import Argument, Plan, PlannedTask
from background_nodes.runtime.planning.sources import Constant
from background_nodes.runtime.script.signature import Parameter

from .graph_text import graph
from .plan_text import FLOAT, parse_plan
from .test_run_cache import Stage

GRAPHS = {
    "a chain": "a; b: a; c: b; d: c",
    "a diamond": "a; b: a; c: a; d: b c; e: d",
    "two trees": "a; b: a; c: b; x; y: x; z: y c",
    "lists": "a[]; b: *a; c: b; d: *3; e: *d a; f: e",
    "a fan": "a; b: a; c: a; d: a; e: a; f: b; g: c",
}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.runner.close()
    made.cache.store.close()


def foresee(stage: Stage, plan: Plan, num_workers: int = 2, *, is_forced: bool = False) -> Forecast:
    forecaster = Forecaster(plan, stage.cache, stage.runner.scratch, {}, (), num_workers, is_forced=is_forced)
    try:
        while not forecaster.update():
            stage.runner.update()
    finally:
        forecaster.close()
    assert forecaster.result is not None
    return forecaster.result


def told(forecast: Forecast) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {task.node_id: (task.state.value, task.reasons) for task in forecast.tasks.values()}


# What is done to a task before the next run


def with_value(task: PlannedTask) -> PlannedTask:
    *others, size = task.arguments
    changed = dataclasses.replace(size, sources=(Constant(7.0, FLOAT),))
    return dataclasses.replace(task, arguments=(*others, changed))


def with_script(task: PlannedTask) -> PlannedTask:
    return dataclasses.replace(task, script=dataclasses.replace(task.script, text="other = 1"))


def with_another_name(task: PlannedTask) -> PlannedTask:
    return dataclasses.replace(task, name=f"{task.name} Two")


def never(task: PlannedTask) -> PlannedTask:
    return dataclasses.replace(task, settings=dataclasses.replace(task.settings, is_never_cached=True))


CHANGES: tuple[Callable[[PlannedTask], PlannedTask], ...] = (with_value, with_script, with_another_name, never)


def sized(text: str) -> Plan:
    """A plan whose tasks each have a value of their own, too."""
    plan = parse_plan(text)
    size = Argument(Parameter("size", "Size", FLOAT), (Constant(2.0, FLOAT),))
    tasks = tuple(dataclasses.replace(task, arguments=(*task.arguments, size)) for task in plan.tasks)
    return dataclasses.replace(plan, tasks=tasks)


def changed(plan: Plan, changes: dict[str, Callable[[PlannedTask], PlannedTask]]) -> Plan:
    return dataclasses.replace(plan, tasks=tuple(changes.get(task.id, lambda same: same)(task) for task in plan.tasks))


def check(forecast: Forecast, run: ActiveRun) -> None:
    """What was told is what the run did."""
    assert run.cache is not None
    for task in forecast.tasks.values():
        record = run.scheduler.tasks[task.node_id]
        is_cached = record.num_cached == len(record.items)
        reasons = [run.cache.reasons.get((task.node_id, item.index), ()) for item in record.items]
        given = tuple(dict.fromkeys(str(reason) for each in reasons for reason in each))
        if task.state is Outlook.CACHED:
            assert is_cached, task
        elif task.is_sure_to_run:
            assert not is_cached, task
            assert set(task.reasons) <= set(given), task
            assert task.num_run <= len(record.items) - record.num_cached
        else:
            assert task.state is Outlook.WAITS
            assert task.waits_for
        if task.num_items is not None:
            assert task.num_items == len(record.items)


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
@pytest.mark.parametrize("seed", range(6))
def test_what_is_told_is_what_the_run_does(stage: Stage, graph: str, seed: int) -> None:
    dice = random.Random(seed)
    plan = sized(graph)
    check(foresee(stage, plan), stage.run(plan))
    for _round in range(3):
        tasks = dice.sample(plan.tasks, dice.randint(0, 2))
        plan = changed(plan, {task.id: dice.choice(CHANGES) for task in tasks})
        gives = {task.id: dice.choice([0.5, 0.6]) for task in plan.tasks if not task.outputs[0].type.is_list}
        check(foresee(stage, plan), stage.run(plan, **gives))


def test_what_was_changed_runs_and_what_takes_it_waits(stage: Stage) -> None:
    plan = sized("a; b: a; c: b; x")
    stage.run(plan)
    assert set(told(foresee(stage, plan)).values()) == {("cached", ())}
    plan = changed(plan, {"a": with_value})
    forecast = foresee(stage, plan)
    assert told(forecast) == {
        "a": ("runs", ('"Size" 2 → 7',)),
        "b": ("waits", ()),
        "c": ("waits", ()),
        "x": ("cached", ()),
    }
    assert [task.waits_for for task in forecast.waiting] == [("A",), ("B",)]


def test_what_was_changed_itself_runs_whatever_it_takes(stage: Stage) -> None:
    plan = sized("a; b: a; c: b")
    stage.run(plan)
    plan = changed(plan, {"a": with_value, "c": with_script})
    assert told(foresee(stage, plan)) == {
        "a": ("runs", ('"Size" 2 → 7',)),
        "b": ("waits", ()),
        "c": ("runs", ("script changed (line 1)",)),
    }


def test_what_never_ran_or_was_removed_runs(stage: Stage) -> None:
    stage.run("a; b: a")
    record = stage.cache.store.last("b 0")
    assert record is not None
    stage.cache.store.remove(record.key)
    plan = changed(parse_plan("a; b: a; new: b"), {"a": with_script})
    assert told(foresee(stage, plan)) == {
        "a": ("runs", ("script changed (line 1)",)),
        "b": ("runs", ("result was removed to make room",)),
        "new": ("runs", ("never ran",)),
    }


def test_what_always_runs_is_told_apart_and_what_takes_it_waits(stage: Stage) -> None:
    plan = changed(parse_plan("a; b: a"), {"a": never})
    stage.run(plan)
    assert told(foresee(stage, plan)) == {"a": ("never_cached", ("set to never cache",)), "b": ("waits", ())}


def test_all_runs_that_is_forced_or_has_no_store(stage: Stage) -> None:
    stage.run("a; b: a")
    plan = parse_plan("a; b: a")
    assert told(foresee(stage, plan, is_forced=True)) == {"a": ("runs", ("forced",)), "b": ("runs", ("forced",))}
    forecaster = Forecaster(plan, None, stage.runner.scratch, {}, (), 2)
    assert forecaster.update()
    assert forecaster.result is not None
    assert told(forecaster.result) == {"a": ("runs", ()), "b": ("runs", ())}
    forecaster.close()


def test_lists_that_do_not_fit_are_told_to_fail(stage: Stage) -> None:
    plan = parse_plan("a: *2 *3; b: a")
    forecast = foresee(stage, plan)
    assert [task.state for task in forecast.tasks.values()] == [Outlook.FAILS] * 2
    assert "differ in length" in forecast.tasks["A"].reasons[0]


def test_seconds_are_those_of_the_last_run_and_unknown_where_nothing_ran(stage: Stage) -> None:
    stage.run("a; b: a; c: *4")
    plan = changed(parse_plan("a; b: a; c: *4"), {"a": with_script})
    forecast = foresee(stage, plan)
    assert (forecast.seconds, forecast.most_seconds) == (1.0, 2.0)
    forecast = foresee(stage, changed(plan, {"c": with_script}))
    assert (forecast.tasks["C"].seconds, forecast.tasks["C"].num_run) == (4.0, 4)
    assert forecast.seconds == pytest.approx(2.5)
    assert foresee(stage, parse_plan("a; b: a; new: b")).seconds is None


def test_nothing_is_started_and_nothing_is_written(stage: Stage, tmp_path: Path) -> None:
    stage.run("a; b: a; c: *3")
    num_submitted = len(stage.engine.submitted)
    files = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    for path in files:
        os.utime(path, (1.0, 1.0))  # so long ago that a run would mark it as used

    def scratch_files() -> set[Path]:
        stage.runner.scratch.wait_for_removals()
        return {path for path in stage.runner.scratch.path.rglob("*") if path.is_file()}

    def state() -> list[Any]:
        found = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
        return [sorted(found), *((path.stat().st_mtime_ns, path.read_bytes()) for path in found)]

    before, scratch_before = state(), scratch_files()
    foresee(stage, parse_plan("a; b: a; c: *3"))
    foresee(stage, changed(parse_plan("a; b: a; c: *3"), {"a": with_script}))
    assert state() == before
    assert len(stage.engine.submitted) == num_submitted
    assert scratch_files() == scratch_before


def test_a_forecast_can_be_made_in_small_steps(stage: Stage) -> None:
    stage.run("a; b: a; c: b")
    forecaster = Forecaster(parse_plan("a; b: a; c: b"), stage.cache, stage.runner.scratch, {}, (), 2)
    num_steps = 1
    while not forecaster.update(until=0.0):
        num_steps += 1
    assert num_steps > 5
    forecaster.close()


def test_an_item_that_sees_the_others_and_waits_for_something_else_is_foreseen(stage: Stage) -> None:
    script = "from background_nodes.script import items, own_file\n\ndef main(): ..."

    def seeing(task: PlannedTask) -> PlannedTask:
        return dataclasses.replace(task, script=dataclasses.replace(task.script, text=script))

    plan = changed(sized("a; b: *3 a"), {"b": seeing})
    stage.run(plan)
    forecast = foresee(stage, changed(plan, {"a": with_value}))
    assert told(forecast)["b"] == ("waits", ())


def test_what_is_in_a_loop_and_waits_is_foreseen(stage: Stage) -> None:
    nodes = (
        "a: n:FLOAT={a} -> r:FLOAT; in three: -> v:[FLOAT]=(1.0,2.0,3.0); in none: -> v:[FLOAT]=(); "
        "group g: x:FLOAT -> ; g/b: v:FLOAT w:FLOAT n:FLOAT={b} -> r:FLOAT; g/c: v:FLOAT w:FLOAT m:FLOAT -> r:FLOAT"
    )
    links = "three.v > g.x; g.x > g/b.v; a.r > g/b.w; g.x > g/c.v; a.r > g/c.w; none.v > g/c.m"

    def plan(**values: float) -> Plan:
        return compile_graph(graph(nodes.format(**values), links))

    stage.run(plan(a=1.0, b=2.0))
    forecast = told(foresee(stage, plan(a=1.5, b=2.0)))
    assert forecast["a"][0] == "runs"
    assert forecast["g/b"] == ("waits", ())
    assert told(foresee(stage, plan(a=1.5, b=2.5)))["g/b"] == ("runs", ('"N" 2 → 2.5',))
