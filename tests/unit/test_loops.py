# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups in groups, mapped over lists, give what their meaning says: random trees against an interpreter of them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from background_nodes.runtime.engine.results import Results, list_lengths
from background_nodes.runtime.planning.compiler import compile_graph
from background_nodes.runtime.planning.graph import SceneSettings
from background_nodes.runtime.planning.plan import Plan
from background_nodes.runtime.scheduling.events import FinishRun, RunStarted, StartTask, TaskStarted, TaskSucceeded
from background_nodes.runtime.scheduling.scheduler import Scheduler
from background_nodes.runtime.scheduling.states import RunState
from background_nodes.runtime.scratch.scratch import Scratch
from background_nodes.runtime.scratch.typed_values import TypedValue
from background_nodes.runtime.script.socket_types import PLAIN_CONVERSIONS, steps

from . import random_groups
from .graph_text import graph
from .random_groups import Given, Maker, as_graph, called, evaluated


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    made = Scratch(tmp_path / "scratch")
    yield made
    made.close()


class Simulation:
    """A run whose scripts are carried out on the spot: see `random_groups.called`."""

    def __init__(self, plan: Plan, scratch: Scratch) -> None:
        self.plan = plan
        self.tasks = {task.id: task for task in plan.tasks}
        self.scheduler = Scheduler(plan, 3)
        self.results = Results(scratch, {}, layout_of=lambda task: self.scheduler.tasks[task].layout)
        self.num_calls: Counter[str] = Counter()

    def run(self) -> None:
        waiting = deque(self.scheduler.handle(RunStarted(0.0)))
        while waiting:
            match waiting.popleft():
                case StartTask(task, item, attempt):
                    self.scheduler.handle(TaskStarted(1.0, task, item, attempt))
                    lengths = list_lengths(self._call(task, item))
                    waiting += self.scheduler.handle(TaskSucceeded(2.0, task, item, attempt, lengths))
                case FinishRun():
                    pass
                case instruction:
                    raise AssertionError(instruction)
            self.scheduler.validate()

    def _call(self, task: str, item: int) -> dict[str, TypedValue]:
        self.num_calls[task] += 1
        planned = self.tasks[task]
        request = self.results.request(
            planned, item, self.tasks, SceneSettings(), "blob", "log", None, is_digested=False
        )
        arguments = []
        for argument in request.arguments:
            texts = [text for piece in argument.pieces for text in _converted(piece)]
            arguments.append(texts if argument.type.is_list else texts[0])
            assert argument.type.is_list or len(texts) == 1
        values = {}
        for number, output in enumerate(planned.outputs):
            given = called(task, arguments, number, is_list=output.type.is_list)
            values[output.identifier] = TypedValue(output.type, tuple(given) if output.type.is_list else given)
        self.results.put(task, item, values)
        return values

    def shown(self, node: str, output: str) -> Given:
        """What an output of a node of the outer tree gives."""
        source = self.plan.source_at(node, output)
        assert source is not None
        value = self.results.source(source, self.tasks)
        placed = list(self.results.placed(source, self.tasks))
        assert [element for _place, element in placed] == list(value.elements())
        assert len({place for place, _element in placed}) == len(placed)
        return list(value.elements()) if value.type.is_list else value.content


def _converted(piece: Any) -> list[Any]:
    found = list(piece.value.elements())
    for name in steps(piece.conversion):
        found = [PLAIN_CONVERSIONS[name](each) for each in found]
    return found


def simulated(tree: random_groups.Tree, scratch: Scratch) -> Simulation:
    simulation = Simulation(compile_graph(as_graph(tree)), scratch)
    simulation.run()
    return simulation


def check(seed: int, scratch: Scratch) -> None:
    tree = Maker(seed).tree()
    simulation = simulated(tree, scratch)
    assert simulation.scheduler.state is RunState.SUCCEEDED
    _outputs, found = evaluated(tree, [])
    for node in tree.nodes:
        for number, expected in enumerate(found[node.name]):
            if simulation.plan.source_at(node.name, f"out{number}") is not None:
                assert simulation.shown(node.name, f"out{number}") == expected, (seed, node.name, number)


@pytest.mark.parametrize("first", range(0, 100, 25))
def test_random_trees_with_groups_give_what_they_mean(first: int, scratch: Scratch) -> None:
    for seed in range(first, first + 25):
        check(seed, scratch)


def simulate(nodes: str, links: str, scratch: Scratch) -> Simulation:
    simulation = Simulation(compile_graph(graph(nodes, links)), scratch)
    simulation.run()
    return simulation


def name_of_one_that_gives(count: int) -> str:
    """The name of a script without inputs that gives as many texts."""
    names = (f"s{number}" for number in range(100))
    return next(name for name in names if len(called(name, [], 0, is_list=True)) == count)


def test_what_does_not_depend_on_the_element_runs_once_and_is_given_to_each_pass(scratch: Scratch) -> None:
    nodes = (
        "in three: -> v:[STRING]=('a','b','c'); group g: x:STRING -> both:STRING one:STRING;"
        "g/same: -> r:STRING; g/use: v:STRING w:STRING -> r:STRING"
    )
    links = "three.v > g.x; g.x > g/use.v; g/same.r > g/use.w; g/use.r > g.both; g/same.r > g.one"
    simulation = simulate(nodes, links, scratch)
    assert simulation.num_calls == {"g/same": 1, "g/use": 3}
    assert simulation.shown("g", "one") == ["g/same.0()"] * 3
    assert simulation.shown("g", "both") == [f"g/use.0({each}, g/same.0())" for each in "abc"]


def test_a_loop_over_nothing_gives_empty_lists(scratch: Scratch) -> None:
    none = name_of_one_that_gives(0)
    nodes = f"{none}: -> r:[STRING]; group g: x:STRING -> y:STRING; g/use: v:STRING -> r:STRING"
    simulation = simulate(nodes, f"{none}.r > g.x; g.x > g/use.v; g/use.r > g.y", scratch)
    assert simulation.shown("g", "y") == []
    assert simulation.num_calls == {none: 1}


def test_lists_of_different_lengths_fail_what_is_in_the_loop_and_name_the_group(scratch: Scratch) -> None:
    one, two = map(name_of_one_that_gives, (1, 2))
    nodes = f"{one}: -> r:[STRING]; {two}: -> r:[STRING]; group g: x:STRING y:STRING -> ; g/use: v:STRING w:STRING ->"
    simulation = simulate(nodes, f"{one}.r > g.x; {two}.r > g.y; g.x > g/use.v; g.y > g/use.w", scratch)
    assert simulation.scheduler.state is RunState.FAILED
    message = simulation.scheduler.tasks["g/use"].error.message
    assert message == 'the lists that the group "g" runs over differ in length: "X" has 1, "Y" has 2'


def test_a_long_row_of_loops_over_several_lists_is_compiled_and_carried_out_step_by_step(scratch: Scratch) -> None:
    """Each list is made of both before it: who followed all ways there would never come to an end."""
    num_steps = 40
    nodes, links = ["in g: -> a:[STRING]=('a','b') b:[STRING]=('a','b')"], []
    for step in range(num_steps):
        group, before = f"g{step}", f"g{step - 1}" if step else "g"
        nodes.append(f"group {group}: x:STRING y:STRING -> a:STRING b:STRING; {group}/s: v:STRING w:STRING -> r:STRING")
        links += [f"{before}.a > {group}.x", f"{before}.b > {group}.y"]
        links += [f"{group}.x > {group}/s.v", f"{group}.y > {group}/s.w"]
        links += [f"{group}/s.r > {group}.a", f"{group}/s.r > {group}.b"]
    simulation = simulate("; ".join(nodes), "; ".join(links), scratch)
    assert simulation.scheduler.state is RunState.SUCCEEDED
    assert simulation.num_calls == {f"g{step}/s": 2 for step in range(num_steps)}
