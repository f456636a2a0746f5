# SPDX-License-Identifier: GPL-3.0-or-later
"""Repeated groups: so many passes, or until an output says so; what comes after the last pass does not run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from background_nodes.runtime.errors import CompileError
from background_nodes.runtime.planning.compiler import compile_graph
from background_nodes.runtime.planning.graph import Graph, Repeat
from background_nodes.runtime.planning.unrolling import MAX_PASSES
from background_nodes.runtime.scheduling.states import RunState, TaskState
from background_nodes.runtime.scratch.scratch import Scratch

from .graph_text import graph, with_node
from .random_groups import called, decided
from .test_loops import Simulation

#: A group that works on a text, and asks after each pass whether that was enough.
NODES = (
    "group g: x:STRING='a' n:INT=2 number:INT=0 -> y:STRING stop:BOOLEAN all:STRING;"
    "g/work: v:STRING -> r:STRING; g/ask: v:STRING -> r:BOOLEAN; g/save: v:STRING ->; use: v:STRING -> r:STRING"
)
LINKS = "g.x > g/work.v; g/work.r > g.y; g/work.r > g/ask.v; g/ask.r > g.stop; g/work.r > g/save.v; g.y > use.v"


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    made = Scratch(tmp_path / "scratch")
    yield made
    made.close()


def repeated(
    nodes: str, links: str, iterations: int, node: str = "g", state: str = "y", into: str = "X", **options: str
) -> Graph:
    """The graph with a repeated group, whose output `state` goes into the input `into` of the next pass."""
    found = graph(nodes, links)
    group = next(each for each in found.nodes if each.id == node)
    outputs = tuple(replace(each, label=into) if each.identifier == state else each for each in group.outputs)
    return with_node(found, node, outputs=outputs, repeat=Repeat(iterations, **options))


def simulate(found: Graph, scratch: Scratch, **options: object) -> Simulation:
    simulation = Simulation(compile_graph(found, **options), scratch)
    simulation.run()
    return simulation


def worked(num_passes: int) -> str:
    text = "a"
    for number in range(1, num_passes + 1):
        text = str(called(f"g/#{number}/work", [text], 0, is_list=False))
    return text


def last_pass(maximum: int) -> int:
    """After which pass the group says that it was enough."""
    stops = (decided(str(called(f"g/#{n}/ask", [worked(n)], 0, is_list=False))) for n in range(1, maximum + 1))
    return next((number for number, is_last in enumerate(stops, start=1) if is_last), maximum)


def problems(found: Graph) -> list[str]:
    with pytest.raises(CompileError) as raised:
        compile_graph(found)
    return [str(problem) for problem in raised.value.problems]


# So many times


def test_what_comes_out_of_a_pass_goes_into_the_next_one(scratch: Scratch) -> None:
    simulation = simulate(repeated(NODES, LINKS, 3), scratch)
    assert simulation.shown("use", "r") == called("use", [worked(3)], 0, is_list=False)
    assert [task.name for task in simulation.plan.tasks if task.id.endswith("work")] == [
        "g / 1 / work",
        "g / 2 / work",
        "g / 3 / work",
    ]


def test_an_input_of_another_name_is_the_same_in_each_pass() -> None:
    nodes = "group g: x:STRING='a' other:STRING='o' -> y:STRING; g/work: v:STRING w:STRING -> r:STRING"
    plan = compile_graph(repeated(nodes, "g.x > g/work.v; g.other > g/work.w; g/work.r > g.y", 2))
    assert [task.arguments[1].sources[0].value for task in plan.tasks] == ["o", "o"]


def test_an_input_may_take_the_number_of_the_pass() -> None:
    nodes = "group g: x:STRING='a' number:INT=7 -> y:STRING; g/work: v:STRING n:INT -> r:STRING"
    links = "g.x > g/work.v; g.number > g/work.n; g/work.r > g.y"
    plan = compile_graph(repeated(nodes, links, 3, number_input="number"))
    assert [task.arguments[1].sources[0].value for task in plan.tasks] == [0, 1, 2]


def test_a_repeated_group_in_a_loop_repeats_in_each_pass_of_it(scratch: Scratch) -> None:
    nodes = (
        "in two: -> v:[STRING]=('a','b'); group g: x:STRING -> y:STRING; g/work: v:STRING -> r:STRING;"
        "use: v:[STRING] -> r:STRING"
    )
    found = repeated(nodes, "two.v > g.x; g.x > g/work.v; g/work.r > g.y; g.y > use.v", 2)
    simulation = simulate(found, scratch)
    assert simulation.shown("use", "r") == "use.0([g/#2/work.0(g/#1/work.0(a)), g/#2/work.0(g/#1/work.0(b))])"


def test_a_repeated_group_in_a_repeated_one(scratch: Scratch) -> None:
    nodes = (
        "group g: x:STRING='a' -> y:STRING; group g/h: x:STRING -> y:STRING; g/h/w: v:STRING -> r:STRING;"
        "use: v:STRING -> r:STRING"
    )
    links = "g.x > g/h.x; g/h.x > g/h/w.v; g/h/w.r > g/h.y; g/h.y > g.y; g.y > use.v"
    found = repeated(nodes, links, 2)
    inner = next(each for each in found.nodes if each.id == "g/h")
    found = with_node(found, "g/h", outputs=(replace(inner.outputs[0], label="X"),), repeat=Repeat(2))
    simulation = simulate(found, scratch)
    path, text = [f"g/#{outer}/h/#{inner}/w" for outer in (1, 2) for inner in (1, 2)], "a"
    for name in path:
        text = str(called(name, [text], 0, is_list=False))
    assert simulation.num_calls.keys() == {*path, "use"}
    assert simulation.shown("use", "r") == called("use", [text], 0, is_list=False)


@pytest.mark.parametrize("number", [0, MAX_PASSES + 1])
def test_too_many_or_too_few_passes_are_a_problem_of_the_group(number: int) -> None:
    (problem,) = problems(repeated(NODES, LINKS, number))
    assert problem == f'node "g", socket "Iterations": it can\'t be repeated {number} times. Choose 1 to 256 passes.'


def test_repeated_groups_in_each_other_that_are_too_many_nodes_are_a_problem() -> None:
    nodes = "group g: x:STRING='a' -> y:STRING; group g/h: x:STRING -> y:STRING; g/h/w: v:STRING -> r:STRING"
    found = repeated(nodes, "g.x > g/h.x; g/h.x > g/h/w.v; g/h/w.r > g/h.y; g/h.y > g.y", MAX_PASSES)
    (problem,) = problems(with_node(found, "g/h", repeat=Repeat(MAX_PASSES)))
    assert problem.startswith('node "g / h", socket "Iterations": all passes together are more than 20,000 nodes')


def test_a_problem_in_a_repeated_group_is_told_once_by_the_name_of_its_node() -> None:
    nodes = "group g: x:STRING='a' -> y:STRING; g/work: v:STRING w:Object -> r:STRING"
    (problem,) = problems(repeated(nodes, "g.x > g/work.v; g/work.r > g.y", 3))
    assert problem.startswith('node "g / work", socket "W": nothing is linked and no value is set')


def test_a_node_in_a_repeated_group_is_asked_for_by_its_name_in_all_passes(scratch: Scratch) -> None:
    simulation = simulate(repeated(NODES, LINKS, 2), scratch, until="g / work")
    assert list(simulation.num_calls) == ["g/#1/work", "g/#2/work"]


# Until


def test_passes_after_the_stop_are_skipped_and_what_comes_out_is_of_the_last_one(scratch: Scratch) -> None:
    maximum = 9
    last = last_pass(maximum)
    assert 1 < last < maximum
    simulation = simulate(repeated(NODES, LINKS, maximum, stop_output="stop"), scratch)
    assert simulation.scheduler.state is RunState.SUCCEEDED
    assert simulation.shown("use", "r") == called("use", [worked(last)], 0, is_list=False)
    for name in ("work", "ask", "save"):
        ran = [n for n in range(1, maximum + 1) if simulation.num_calls[f"g/#{n}/{name}"]]
        assert ran == list(range(1, last + 1)), name
    skipped = simulation.scheduler.tasks[f"g/#{last + 1}/save"]
    assert (skipped.state, skipped.is_unneeded) == (TaskState.SKIPPED, True)


def test_a_group_that_never_stops_ends_at_the_maximum(scratch: Scratch) -> None:
    last = last_pass(9)
    simulation = simulate(repeated(NODES, LINKS, last - 1, stop_output="stop"), scratch)
    assert simulation.shown("use", "r") == called("use", [worked(last - 1)], 0, is_list=False)


def test_a_node_that_is_asked_for_by_its_name_runs_until_the_stop(scratch: Scratch) -> None:
    last = last_pass(9)
    simulation = simulate(repeated(NODES, LINKS, 9, stop_output="stop"), scratch, until="g / save")
    assert [n for n in range(1, 10) if simulation.num_calls[f"g/#{n}/save"]] == list(range(1, last + 1))


#: The same with a list that is made in each pass, and a group that runs once for each of its elements.
LISTS = (
    "group g: x:STRING='a' -> y:STRING stop:BOOLEAN; g/work: v:STRING -> r:STRING; g/ask: v:STRING -> r:BOOLEAN;"
    "g/split: v:STRING -> r:[STRING]; group g/each: x:STRING -> y:STRING; g/each/do: v:STRING -> r:STRING;"
    "g/join: v:[STRING] w:STRING -> r:STRING; use: v:STRING -> r:STRING"
)
LIST_LINKS = (
    "g.x > g/work.v; g/work.r > g/ask.v; g/ask.r > g.stop; g/work.r > g/split.v; g/split.r > g/each.x; g.y > use.v;"
    "g/each.x > g/each/do.v; g/each/do.r > g/each.y; g/each.y > g/join.v; g/work.r > g/join.w; g/join.r > g.y"
)


@pytest.mark.parametrize("until", [None, "g", "g / split", "g / each / do"])
def test_no_list_is_made_after_the_stop_for_a_group_that_would_run_over_it(until: str | None, scratch: Scratch) -> None:
    simulation = simulate(repeated(LISTS, LIST_LINKS, 8, stop_output="stop"), scratch, until=until)
    assert simulation.scheduler.state is RunState.SUCCEEDED
    num_passes = {
        name: sum(simulation.num_calls[f"g/#{number}/{name}"] > 0 for number in range(1, 9))
        for name in ("work", "ask", "split")
    }
    assert 0 < num_passes["ask"] < 8
    assert len(set(num_passes.values())) == 1


def test_a_stop_that_is_known_before_the_run_leaves_the_passes_after_it_out() -> None:
    nodes = NODES.replace("g/ask: v:STRING -> r:BOOLEAN", "in g/yes: -> v:BOOLEAN=True")
    links = LINKS.replace("g/work.r > g/ask.v; g/ask.r > g.stop", "g/yes.v > g.stop")
    plan = compile_graph(repeated(nodes, links, 5, stop_output="stop"))
    assert [task.id for task in plan.tasks] == ["g/#1/work", "g/#1/save", "use"]


def test_a_repeat_until_in_a_loop_stops_where_each_pass_says(scratch: Scratch) -> None:
    nodes = (
        "in many: -> v:[STRING]=('a','b','c','d'); group g: x:STRING -> y:STRING stop:BOOLEAN;"
        "g/work: v:STRING -> r:STRING; g/ask: v:STRING -> r:BOOLEAN; each: v:STRING -> r:STRING"
    )
    links = "many.v > g.x; g.x > g/work.v; g/work.r > g.y; g/work.r > g/ask.v; g/ask.r > g.stop; g.y > each.v"
    simulation = simulate(repeated(nodes, links, 6, stop_output="stop"), scratch)
    expected = []
    for letter in "abcd":
        text = letter
        for number in range(1, 7):
            text = str(called(f"g/#{number}/work", [text], 0, is_list=False))
            if decided(str(called(f"g/#{number}/ask", [text], 0, is_list=False))):
                break
        expected.append(called("each", [text], 0, is_list=False))
    assert simulation.shown("each", "r") == expected


# As often as a number says that is linked


@pytest.mark.parametrize("number", [1, 3])
def test_a_number_that_is_linked_says_how_many_passes_there_are(number: int, scratch: Scratch) -> None:
    nodes = f"in count: -> v:INT={number}; {NODES}"
    found = repeated(nodes, f"count.v > g.n; {LINKS}", 4, count_input="n")
    plan = compile_graph(found)
    assert sum(task.id.endswith("work") for task in plan.tasks) == number
    assert simulate(found, scratch).shown("use", "r") == called("use", [worked(number)], 0, is_list=False)


def test_a_number_that_the_run_finds_out_says_how_many_passes_there_are(scratch: Scratch) -> None:
    lists = {len(called(f"l{number}", [], 0, is_list=True)): f"l{number}" for number in range(100)}
    nodes = f"{lists[2]}: -> r:[STRING]; count n: v:[STRING] -> r:INT; {NODES}"
    found = repeated(nodes, f"{lists[2]}.r > n.v; n.r > g.n; {LINKS}", 4, count_input="n")
    simulation = simulate(found, scratch)
    assert simulation.shown("use", "r") == called("use", [worked(2)], 0, is_list=False)
    assert [n for n in range(1, 5) if simulation.num_calls[f"g/#{n}/save"]] == [1, 2]


def test_a_number_beyond_the_maximum_is_told(scratch: Scratch) -> None:
    nodes = f"in count: -> v:INT=5; {NODES}"
    found = problems(repeated(nodes, f"count.v > g.n; {LINKS}", 4, count_input="n"))
    assert 'node "g", socket "Iterations": it is 5, and should be one of 1 to 4. Give one of these.' in found


def test_as_many_passes_as_there_may_be_are_compiled_in_little_time() -> None:
    begun = time.process_time()
    plan = compile_graph(repeated(NODES, LINKS, MAX_PASSES, stop_output="stop"))
    assert len(plan.tasks) == 3 * MAX_PASSES + 1
    assert time.process_time() - begun < 20.0
