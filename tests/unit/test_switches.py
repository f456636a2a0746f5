# SPDX-License-Identifier: GPL-3.0-or-later
"""What only an input of a switch needs that is not taken does not run: it is not planned, or skipped with a word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from background_nodes.runtime.errors import CompileError
from background_nodes.runtime.planning.compiler import compile_graph
from background_nodes.runtime.planning.plan import Plan
from background_nodes.runtime.planning.sources import Constant, FromTask
from background_nodes.runtime.scheduling.events import (
    FinishRun,
    RetryRequested,
    RunStarted,
    StartTask,
    TaskError,
    TaskFailed,
    TaskSucceeded,
)
from background_nodes.runtime.scheduling.scheduler import Scheduler
from background_nodes.runtime.scheduling.states import RunState, TaskState
from background_nodes.runtime.scratch.scratch import Scratch
from background_nodes.runtime.script.socket_types import SocketType

from .graph_text import graph
from .random_groups import called, decided
from .test_loops import Simulation, simulate

TEXT = SocketType("STRING")


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    made = Scratch(tmp_path / "scratch")
    yield made
    made.close()


def compiled(nodes: str, links: str = "", **options: object) -> Plan:
    return compile_graph(graph(nodes, links), **options)


def ids(plan: Plan) -> list[str]:
    return [task.id for task in plan.tasks]


def name_that_decides(answer: bool) -> str:
    """The name of a script without inputs that gives this boolean."""
    names = (f"d{number}" for number in range(100))
    return next(name for name in names if decided(str(called(name, [], 0, is_list=False))) is answer)


def simulate_switch(answer: bool, scratch: Scratch, more: str = "", links: str = "") -> Simulation:
    name = name_that_decides(answer)
    nodes = (
        f"{name}: -> r:BOOLEAN; a: -> r:STRING; a2: v:STRING -> r:STRING; b: -> r:STRING;"
        f"switch s: switch:BOOLEAN no:STRING yes:STRING -> r:STRING; use: v:STRING -> r:STRING; {more}"
    )
    wired = f"{name}.r > s.switch; a.r > a2.v; a2.r > s.no; b.r > s.yes; s.r > use.v; {links}"
    return simulate(nodes, wired, scratch)


# What is known before the run


@pytest.mark.parametrize(("value", "expected"), [("False", "a"), ("True", "b")])
def test_a_switch_with_a_constant_plans_only_what_it_takes(value: str, expected: str) -> None:
    nodes = (
        f"a: -> r:STRING; b: -> r:STRING; switch s: switch:BOOLEAN={value} no:STRING yes:STRING -> r:STRING;"
        "use: v:STRING -> r:STRING"
    )
    plan = compiled(nodes, "a.r > s.no; b.r > s.yes; s.r > use.v")
    assert ids(plan) == [expected, "use"]
    assert list(plan.tasks[1].sources()) == [FromTask(expected, "r", TEXT)]


def test_problems_of_what_is_not_taken_stop_nothing() -> None:
    nodes = (
        "a: v:STRING -> r:STRING; a2: v:STRING -> r:STRING; in c: -> v:BOOLEAN=True; reroute r: x:BOOLEAN -> y:BOOLEAN;"
        "switch s: switch:BOOLEAN no:STRING yes:STRING='b' -> r:STRING; use: v:STRING ->"
    )
    links = "a.r > a2.v; a2.r > s.no; c.v > r.x; r.y > s.switch; s.r > use.v"
    plan = compiled(nodes, links)
    assert ids(plan) == ["use"]
    assert list(plan.tasks[0].sources()) == [Constant("b", TEXT)]


def test_what_something_else_needs_runs_whatever_a_switch_takes() -> None:
    nodes = (
        "a: -> r:STRING; other: v:STRING ->; switch s: switch:BOOLEAN=True no:STRING yes:STRING='b' -> r:STRING;"
        "use: v:STRING ->"
    )
    assert ids(compiled(nodes, "a.r > s.no; a.r > other.v; s.r > use.v")) == ["a", "other", "use"]


def test_what_is_asked_for_by_name_runs_whatever_a_switch_takes() -> None:
    nodes = (
        "a: -> r:STRING; switch s: switch:BOOLEAN=True no:STRING yes:STRING='b' -> r:STRING; use: v:STRING -> r:STRING"
    )
    links = "a.r > s.no; s.r > use.v"
    assert ids(compiled(nodes, links, until=["a", "use"])) == ["a", "use"]


def test_an_index_beyond_the_inputs_is_a_problem_of_the_switch() -> None:
    nodes = "index_switch s: switch:INT=3 x:STRING='a' y:STRING='b' z:STRING='c' -> r:STRING; use: v:STRING ->"
    with pytest.raises(CompileError, match='node "s", socket "Switch": it is 3, and should be one of 0 to 2'):
        compiled(nodes, "s.r > use.v")


def test_a_list_of_booleans_switches_in_a_group_only() -> None:
    nodes = "a: -> r:[BOOLEAN]; switch s: switch:BOOLEAN no:STRING='a' yes:STRING='b' -> r:STRING; use: v:STRING ->"
    with pytest.raises(CompileError, match="a list of boolean arrives where one value decides"):
        compiled(nodes, "a.r > s.switch; s.r > use.v")


# What the run finds out


@pytest.mark.parametrize("answer", [False, True])
def test_what_is_not_taken_is_skipped_and_the_run_succeeds(answer: bool, scratch: Scratch) -> None:
    simulation = simulate_switch(answer, scratch)
    records = simulation.scheduler.tasks
    assert simulation.scheduler.state is RunState.SUCCEEDED
    skipped = {"b"} if not answer else {"a", "a2"}
    assert {name for name, record in records.items() if record.state is TaskState.SKIPPED} == skipped
    assert all(records[name].is_unneeded for name in skipped)
    assert {records[name].error.message for name in skipped} == {"not needed: a switch takes another input"}
    assert simulation.shown("use", "r") == ("use.0(b.0())" if answer else "use.0(a2.0(a.0()))")


def test_what_a_switch_may_not_take_runs_if_another_node_needs_it(scratch: Scratch) -> None:
    simulation = simulate_switch(True, scratch, "other: v:STRING ->", "a.r > other.v")
    assert simulation.num_calls["a"] == 1
    assert simulation.num_calls["a2"] == 0


def test_what_decides_may_be_made_of_what_the_switch_takes(scratch: Scratch) -> None:
    """x > switch: whether x or y is taken hangs on x, so x waits for nothing."""
    nodes = (
        "x: -> r:STRING; y: -> r:STRING; test: v:STRING -> r:BOOLEAN;"
        "switch s: switch:BOOLEAN no:STRING yes:STRING -> r:STRING; use: v:STRING -> r:STRING"
    )
    simulation = simulate(nodes, "x.r > test.v; test.r > s.switch; x.r > s.no; y.r > s.yes; s.r > use.v", scratch)
    assert simulation.scheduler.state is RunState.SUCCEEDED
    assert simulation.num_calls["x"] == 1
    takes_y = decided(str(called("test", ["x.0()"], 0, is_list=False)))
    assert simulation.num_calls["y"] == takes_y


def test_a_switch_in_a_loop_takes_in_each_pass_what_that_says(scratch: Scratch) -> None:
    nodes = (
        "in three: -> v:[STRING]=('a','b','c','d','e','f'); group g: x:STRING -> y:STRING;"
        "g/test: v:STRING -> r:BOOLEAN; g/no: v:STRING -> r:STRING; use: v:STRING -> r:STRING;"
        "switch g/s: switch:BOOLEAN no:STRING yes:STRING='skip' -> r:STRING"
    )
    links = (
        "three.v > g.x; g.x > g/test.v; g.x > g/no.v; g/test.r > g/s.switch; g/no.r > g/s.no; g/s.r > g.y; g.y > use.v"
    )
    simulation = simulate(nodes, links, scratch)
    taken = [letter for letter in "abcdef" if not decided(str(called("g/test", [letter], 0, is_list=False)))]
    assert 0 < len(taken) < 6
    assert simulation.scheduler.state is RunState.SUCCEEDED
    assert simulation.num_calls["g/no"] == len(taken)
    expected = [f"g/no.0({letter})" if letter in taken else "skip" for letter in "abcdef"]
    assert simulation.shown("use", "r") == [f"use.0({each})" for each in expected]


def test_switches_in_inputs_of_switches_run_one_way_only(scratch: Scratch) -> None:
    yes, no = name_that_decides(True), name_that_decides(False)
    nodes = (
        f"{yes}: -> r:BOOLEAN; {no}: -> r:BOOLEAN; a: -> r:STRING; b: -> r:STRING; c: -> r:STRING;"
        "use: v:STRING -> r:STRING;"
        "switch s: switch:BOOLEAN no:STRING yes:STRING -> r:STRING;"
        "switch t: switch:BOOLEAN no:STRING yes:STRING -> r:STRING"
    )
    links = f"{yes}.r > s.switch; {no}.r > t.switch; a.r > s.no; t.r > s.yes; b.r > t.no; c.r > t.yes; s.r > use.v"
    simulation = simulate(nodes, links, scratch)
    assert {name for name in "abc" if simulation.num_calls[name]} == {"b"}
    assert simulation.shown("use", "r") == "use.0(b.0())"


def test_what_decides_for_what_is_not_needed_is_not_needed_either(scratch: Scratch) -> None:
    """The inner switch is not taken at all, so neither is what decides it."""
    no = name_that_decides(False)
    nodes = (
        f"{no}: -> r:BOOLEAN; inner: -> r:BOOLEAN; a: -> r:STRING; b: -> r:STRING; c: -> r:STRING;"
        "use: v:STRING -> r:STRING;"
        "switch s: switch:BOOLEAN no:STRING yes:STRING -> r:STRING;"
        "switch t: switch:BOOLEAN no:STRING yes:STRING -> r:STRING"
    )
    links = f"{no}.r > s.switch; inner.r > t.switch; a.r > s.no; t.r > s.yes; b.r > t.no; c.r > t.yes; s.r > use.v"
    simulation = simulate(nodes, links, scratch)
    assert simulation.scheduler.state is RunState.SUCCEEDED
    assert [name for name, count in simulation.num_calls.items() if count] == [no, "a", "use"]


@pytest.mark.parametrize("value", ["'x'", "('x','y')"])
def test_what_comes_out_of_a_group_that_was_not_needed_is_no_result(value: str, scratch: Scratch) -> None:
    no, kind = name_that_decides(False), "[STRING]" if "," in value else "STRING"
    nodes = (
        f"{no}: -> r:BOOLEAN; in x: -> v:{kind}={value}; group g: x:STRING -> y:STRING; g/use: v:STRING -> r:STRING;"
        "after: v:[STRING] -> r:STRING; switch s: switch:BOOLEAN no:STRING='n' yes:STRING -> r:STRING;"
        "use: v:STRING -> r:STRING"
    )
    links = f"x.v > g.x; g.x > g/use.v; g/use.r > g.y; g.y > after.v; after.r > s.yes; {no}.r > s.switch; s.r > use.v"
    simulation = simulate(nodes, links, scratch)
    assert simulation.scheduler.state is RunState.SUCCEEDED
    assert simulation.gives("use", "r")
    assert not any(simulation.gives(*place) for place in (("g", "y"), ("g/use", "r"), ("after", "r")))


def test_a_list_that_is_not_taken_is_not_counted(scratch: Scratch) -> None:
    no = name_that_decides(False)
    nodes = (
        f"{no}: -> r:BOOLEAN; many: -> r:[STRING]; each: v:STRING -> r:STRING; use: v:STRING -> r:STRING;"
        "in two: -> v:[STRING]=('x','y'); switch s: switch:BOOLEAN no:[STRING] yes:[STRING] -> r:[STRING]"
    )
    links = f"{no}.r > s.switch; many.r > each.v; each.r > s.yes; two.v > s.no; s.r > use.v"
    simulation = simulate(nodes, links, scratch)
    assert simulation.num_calls["each"] == 0
    assert simulation.shown("use", "r") == ["use.0(x)", "use.0(y)"]


def test_what_decides_runs_first_and_a_retry_of_it_decides_anew() -> None:
    """1. What decides fails: all is skipped, and that is a failure. 2. It is tried again, and says what is needed."""
    nodes = (
        "d: -> r:BOOLEAN; a: -> r:STRING; b: -> r:STRING; switch s: switch:BOOLEAN no:STRING yes:STRING -> r:STRING;"
        "use: v:STRING ->"
    )
    scheduler = Scheduler(compiled(nodes, "d.r > s.switch; a.r > s.no; b.r > s.yes; s.r > use.v"), 3)
    assert scheduler.handle(RunStarted(0.0)) == [StartTask("d", 0, 1)]
    assert scheduler.handle(TaskFailed(1.0, "d", 0, 1, TaskError("no"))) == [FinishRun(RunState.FAILED)]
    assert {record.state for record in scheduler.tasks.values()} == {TaskState.FAILED, TaskState.SKIPPED}
    assert not any(record.is_unneeded for record in scheduler.tasks.values())
    assert scheduler.handle(RetryRequested(2.0)) == [StartTask("d", 0, 2)]
    succeeded = TaskSucceeded(3.0, "d", 0, 2, {}, values={"r": (True,)})
    assert scheduler.handle(succeeded) == [StartTask("b", 0, 1)]
    assert scheduler.tasks["a"].is_unneeded
    scheduler.validate()


def test_lists_of_different_lengths_that_only_the_run_knows_are_told_with_the_name_of_the_node(
    scratch: Scratch,
) -> None:
    counts = {len(called(f"l{number}", [], 0, is_list=True)): f"l{number}" for number in range(100)}
    one, two = counts[1], counts[2]
    nodes = f"{one}: -> r:[STRING]; {two}: -> r:[STRING]; zip z: a:[STRING] b:[STRING] -> a2:[STRING] b2:[STRING]"
    simulation = simulate(nodes, f"{one}.r > z.a; {two}.r > z.b", scratch)
    assert simulation.scheduler.state is RunState.FAILED
    assert simulation.scheduler.error.message.startswith('"z": the lists differ in length: "A" has 1, "B" has 2')
    simulation = simulate(f"{nodes}; use: v:STRING ->", f"{one}.r > z.a; {two}.r > z.b; z.a2 > use.v", scratch)
    assert simulation.scheduler.tasks["use"].error.message.startswith('"z": the lists differ in length')
