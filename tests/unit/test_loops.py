# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups in groups, mapped over lists, and list nodes give what they mean: random trees against an interpreter."""

from __future__ import annotations

import contextlib
import random
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from background_nodes.runtime.engine.active_run import ActiveRun
from background_nodes.runtime.engine.results import decisive_values, list_lengths
from background_nodes.runtime.planning.compiler import compile_graph
from background_nodes.runtime.planning.graph import SceneSettings
from background_nodes.runtime.planning.lists import ListError
from background_nodes.runtime.planning.plan import Delivery, Plan
from background_nodes.runtime.planning.sources import Shown
from background_nodes.runtime.scheduling.events import (
    CancelRequested,
    Event,
    FinishCurrentRequested,
    FinishRun,
    FreezeTask,
    PauseRequested,
    ResumeRequested,
    RetryRequested,
    RunStarted,
    StartTask,
    StopTask,
    TaskError,
    TaskFailed,
    TaskStarted,
    TaskSucceeded,
    ThawTask,
    WorkerDied,
)
from background_nodes.runtime.scheduling.states import RunState
from background_nodes.runtime.scratch.scratch import Scratch
from background_nodes.runtime.scratch.typed_values import HOLE, TypedValue
from background_nodes.runtime.script.socket_types import PLAIN_CONVERSIONS, steps

from . import random_groups
from .graph_text import graph
from .random_groups import Given, Maker, as_graph, called, decided, evaluated


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    made = Scratch(tmp_path / "scratch")
    yield made
    made.close()


class Simulation:
    """A run whose scripts are carried out on the spot: see `random_groups.called`."""

    def __init__(self, plan: Plan, scratch: Scratch) -> None:
        self.plan = plan
        self.active = ActiveRun(
            1, plan, scratch, 3, None, {}, None, {}, None, is_forced=False, takes_kept_only=False
        )  # fmt: skip
        self.tasks = self.active.tasks
        self.scheduler = self.active.scheduler
        self.results = self.active.results
        self.folder = scratch.folder
        self.num_calls: Counter[str] = Counter()
        self.num_failures = 0
        self.dying = self.interrupted = 0.0  # how likely a worker is killed, and people step in
        self.num_fails_of_ten = 0  # how many of ten calls fail, the same whenever they are made
        self.tainted: set[str] | None = (
            None  # what calls gave that should have failed, or took of such; None: they fail
        )
        self.calls: Counter[tuple[str, str]] = Counter()  # with their arguments, those that took nothing tainted
        self.num_failed: Counter[str] = Counter()
        self.remade: set[str] = set()  # the tasks whose items a retry made anew

    def run(self, chance: random.Random | None = None, failing: float = 0.0) -> None:
        """Run to the end; with a `chance` in any order, and a part of all items is `failing`."""
        self._handle_all(RunStarted(0.0), chance, failing)

    def retry(self, chance: random.Random, failing: float) -> None:
        anew = self.active.change(())
        self.remade |= anew
        self._handle_all(RetryRequested(3.0, (), anew), chance, failing)

    def _handle_all(self, event: Event, chance: random.Random | None, failing: float) -> None:
        waiting = self.scheduler.handle(event)
        while waiting or self.scheduler.is_paused:
            if chance is not None and (interruption := self._interruption(chance)) is not None:
                waiting += self.scheduler.handle(interruption)
                self.scheduler.validate()
                continue
            match waiting.pop(0 if chance is None else chance.randrange(len(waiting))):
                case StartTask(task, item, attempt) if not self.active.is_awaited(task, item, attempt):
                    continue  # it was cancelled meanwhile
                case StartTask(task, item, attempt):
                    self.scheduler.handle(TaskStarted(4.0, task, item, attempt))
                    if chance is not None and chance.random() < self.dying:
                        self.num_failures += 1
                        died = WorkerDied(4.0, task, item, attempt, "killed")
                        waiting += self.scheduler.handle(died)
                        continue
                    if chance is not None and chance.random() < failing:
                        self.num_failures += 1
                        waiting += self.scheduler.handle(TaskFailed(4.0, task, item, attempt, TaskError("chance")))
                        continue
                    values = self._call(task, item)
                    if values is None:
                        waiting += self.scheduler.handle(
                            TaskFailed(4.0, task, item, attempt, TaskError("its arguments"))
                        )
                        continue
                    decisive = decisive_values(self.tasks[task], values, self.folder)
                    lengths = list_lengths(values)
                    waiting += self.scheduler.handle(TaskSucceeded(4.0, task, item, attempt, lengths, values=decisive))
                case FinishRun() | StopTask() | FreezeTask() | ThawTask():
                    pass
                case instruction:
                    raise AssertionError(instruction)
            self.scheduler.validate()

    def _interruption(self, chance: random.Random) -> Event | None:
        """What somebody does in the middle, mostly nothing. A run that is paused goes on."""
        if self.scheduler.is_paused:
            return ResumeRequested(4.0)
        if self.scheduler.state.is_final or chance.random() >= self.interrupted:
            return None
        self.num_failures += 1
        task = chance.choice(list(self.tasks))
        requests = [PauseRequested(4.0), CancelRequested(4.0, task), CancelRequested(4.0, None)]
        return chance.choice([*requests, FinishCurrentRequested(4.0)])

    def _call(self, task: str, item: int) -> dict[str, TypedValue] | None:
        """What a script gives, None if it fails."""
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
            assert HOLE not in texts
        fails = zlib.crc32(f"fails? {task} {arguments}".encode()) % 10 < self.num_fails_of_ten
        is_tainted = any(str(text) in (self.tainted or ()) for given in arguments for text in _texts(given))
        self.calls[task, str(arguments)] += not is_tainted
        if fails and self.tainted is None:
            self.num_failed[task] += 1
            return None
        values = {}
        for number, output in enumerate(planned.outputs):
            given = called(task, arguments, number, is_list=output.type.is_list)
            given = decided(str(given)) if output.type.kind == "BOOLEAN" else given
            values[output.identifier] = TypedValue(output.type, tuple(given) if output.type.is_list else given)
            if self.tainted is not None and (fails or is_tainted):
                self.tainted |= set(map(str, _texts(given)))
        self.results.put(task, item, values)
        return values

    def gives(self, node: str, output: str) -> bool:
        """Whether an output of a node, at any depth, has a result."""
        source = self.active.source_at(node, output)
        return source is not None and self.active.has_given(Delivery(node, output, (source,)))

    def shown(self, node: str, output: str) -> Given:
        """What an output of a node gives."""
        source = self.active.source_at(node, output)
        assert source is not None
        return self._value(source)

    def _value(self, source: Shown) -> Given:
        value = self.results.source(source, self.tasks)
        placed = list(self.results.placed(source, self.tasks))
        assert [element for _place, element in placed] == list(value.elements())
        assert len({place for place, _element in placed}) == len(placed)
        if value.type.kind == "INT":
            return str(value.content)
        return list(value.elements()) if value.type.is_list else value.content


def _texts(given: Given) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _converted(piece: Any) -> list[Any]:
    found = list(piece.value.elements())
    for name in steps(piece.conversion):
        found = [PLAIN_CONVERSIONS[name](each) for each in found]
    return found


def simulated(tree: random_groups.Tree, scratch: Scratch) -> Simulation:
    simulation = Simulation(compile_graph(as_graph(tree)), scratch)
    simulation.run()
    return simulation


def compare(tree: random_groups.Tree, simulation: Simulation) -> None:
    """Whatever has a result has the one that is meant."""
    _outputs, found = evaluated(tree, [])
    for node in tree.nodes:
        for number, expected in enumerate(found[node.name]):
            if simulation.gives(node.name, f"out{number}"):
                assert simulation.shown(node.name, f"out{number}") == expected, (node.name, number)


def check(seed: int, scratch: Scratch) -> None:
    tree = Maker(seed).tree()
    simulation = simulated(tree, scratch)
    assert simulation.scheduler.state is RunState.SUCCEEDED
    compare(tree, simulation)
    for task in simulation.plan.tasks:
        for output in task.outputs:
            is_needed = not simulation.scheduler.tasks[task.id].is_unneeded
            assert simulation.gives(task.id, output.identifier) is is_needed
            assert not is_needed or simulation.shown(task.id, output.identifier) is not None


def check_retries(seed: int, scratch: Scratch) -> None:
    """A run in which items fail by chance, is retried until all succeed: none of them runs again."""
    tree, chance = Maker(seed).tree(), random.Random(seed)
    simulation = Simulation(compile_graph(as_graph(tree)), scratch)
    simulation.run(chance, failing := 0.2)
    while simulation.scheduler.state is not RunState.SUCCEEDED:
        assert simulation.scheduler.state is RunState.FAILED
        assert simulation.num_failures
        compare(tree, simulation)
        failing, simulation.num_failures = failing / 2, 0
        simulation.retry(chance, failing)
    assert not simulation.num_failures
    compare(tree, simulation)
    expected = simulated(tree, scratch).num_calls
    assert {task: num for task, num in simulation.num_calls.items() if task not in simulation.remade} == {
        task: num for task, num in expected.items() if task not in simulation.remade
    }


def check_interruptions(seed: int, scratch: Scratch) -> None:
    """The same, while workers are killed, and somebody pauses, cancels all or a node, or lets only what runs finish."""
    tree, chance = Maker(seed).tree(), random.Random(seed)
    simulation = Simulation(compile_graph(as_graph(tree)), scratch)
    failing, simulation.dying, simulation.interrupted = 0.2, 0.2, 0.1
    simulation.run(chance, failing)
    for _round in range(20):
        if simulation.scheduler.state is RunState.SUCCEEDED:
            break
        compare(tree, simulation)
        failing, simulation.dying, simulation.interrupted = (
            each / 2 for each in (failing, simulation.dying, simulation.interrupted)
        )
        simulation.retry(chance, failing)
    assert simulation.scheduler.state is RunState.SUCCEEDED
    compare(tree, simulation)
    expected = simulated(tree, scratch).num_calls
    for task, number in expected.items():
        assert task in simulation.remade or simulation.num_calls[task] == number, (seed, task)


def check_gaps(seed: int, scratch: Scratch) -> tuple[int, int]:
    """Some calls fail, always the same. Returns how many were made of those that need nothing of them, and of how many.

    All that were made are those of a run in which none fails: whoever got an element in the place of another would make
    others. The run then goes on with scripts that are mended, and gives what it would have given without a failure.
    """
    tree, chance = Maker(seed).tree(), random.Random(seed)
    plan = compile_graph(as_graph(tree))
    whole = Simulation(plan, scratch)
    whole.num_fails_of_ten, whole.tainted = 2, set()
    whole.run()
    simulation = Simulation(plan, scratch)
    simulation.num_fails_of_ten = 2
    simulation.run(chance)
    assert not simulation.calls - whole.calls, seed
    made, possible = simulation.calls.total(), whole.calls.total()
    has_gap = (any(item.gap for item in record.items) for record in simulation.scheduler.tasks.values())
    if simulation.scheduler.state is RunState.SUCCEEDED:
        assert not any(has_gap)
        return made, possible
    compare(tree, simulation)
    simulation.num_fails_of_ten = 0
    simulation.retry(chance, 0.0)
    assert simulation.scheduler.state is RunState.SUCCEEDED
    compare(tree, simulation)
    for task, number in simulated(tree, scratch).num_calls.items():
        assert task in simulation.remade or simulation.num_calls[task] == number + simulation.num_failed[task]
    return made, possible


@pytest.mark.parametrize("first", range(0, 100, 25))
def test_random_trees_with_groups_give_what_they_mean(first: int, scratch: Scratch) -> None:
    for seed in range(first, first + 25):
        check(seed, scratch)


@pytest.mark.parametrize("first", range(20, 40, 10))
def test_each_node_of_random_trees_that_is_asked_for_gives_what_it_means(first: int, scratch: Scratch) -> None:
    for seed in range(first, first + 10):
        tree = Maker(seed).tree()
        found = as_graph(tree)
        with_tasks = {task.id.partition("/")[0] for task in compile_graph(found).tasks}
        for node in (each for each in tree.nodes if each.name in with_tasks):
            simulation = Simulation(compile_graph(found, until=node.name), scratch)
            simulation.run()
            assert simulation.scheduler.state is RunState.SUCCEEDED, (seed, node.name)
            compare(tree, simulation)


@pytest.mark.parametrize("first", range(0, 40, 20))
def test_random_trees_give_what_they_mean_after_failures_and_retries(first: int, scratch: Scratch) -> None:
    for seed in range(first, first + 20):
        check_retries(seed, scratch)


@pytest.mark.parametrize("first", range(0, 40, 20))
def test_random_trees_with_failures_do_what_needs_nothing_of_these_and_nothing_else(
    first: int, scratch: Scratch
) -> None:
    found = [check_gaps(seed, scratch) for seed in range(first, first + 20)]
    assert sum(made for made, _possible in found) > 0.4 * sum(possible for _made, possible in found)


@pytest.mark.parametrize("first", range(0, 40, 20))
def test_random_trees_that_are_interrupted_give_what_they_mean_in_the_end(first: int, scratch: Scratch) -> None:
    for seed in range(first, first + 20):
        check_interruptions(seed, scratch)


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


def test_what_is_repeated_twice_has_a_place_of_its_own_each_time(scratch: Scratch) -> None:
    """Of data-blocks only one would come home where two had the same place."""
    two = name_of_one_that_gives(2)
    nodes = (
        f"{two}: -> r:[STRING]; in letters: -> v:[STRING]=('a','b');"
        "cross c: v:[STRING] w:[STRING] -> x:[STRING] y:[STRING];"
        "cross d: v:[STRING] w:[STRING] -> x:[STRING] y:[STRING]"
    )
    simulation = simulate(nodes, f"{two}.r > c.v; letters.v > c.w; c.x > d.v; letters.v > d.w", scratch)
    source = simulation.plan.source_at("d", "x")
    places = [place for place, _text in simulation.results.placed(source, simulation.tasks)]
    assert places == ["0", "0.2", "0.1", "0.1.1", "1", "1.2", "1.1", "1.1.1"]


def test_what_a_node_gives_in_all_passes_of_a_loop_is_there_to_be_shown(scratch: Scratch) -> None:
    nodes = "in two: -> v:[STRING]=('a','b'); group g: x:STRING -> ; g/use: v:STRING -> r:STRING l:[STRING]"
    simulation = simulate(nodes, "two.v > g.x; g.x > g/use.v", scratch)
    assert simulation.gives("g/use", "r")
    assert simulation.shown("g/use", "r") == ["g/use.0(a)", "g/use.0(b)"]
    assert simulation.shown("g/use", "l") == [
        text for letter in "ab" for text in called("g/use", [letter], 1, is_list=True)
    ]


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


def test_what_comes_out_of_a_loop_over_lists_of_different_lengths_is_nothing(scratch: Scratch) -> None:
    two, one = map(name_of_one_that_gives, (2, 1))
    nodes = (
        f"{two}: -> r:[STRING]; {one}: -> r:[STRING]; group g: x:STRING y:STRING -> z:STRING;"
        "g/use: v:STRING w:STRING -> r:STRING; out home: v:[STRING] ->"
    )
    links = f"{two}.r > g.x; {one}.r > g.y; g.x > g/use.v; g.y > g/use.w; g/use.r > g.z; g.z > home.v"
    simulation = simulate(nodes, links, scratch)
    assert simulation.scheduler.state is RunState.FAILED
    assert not [each for each in simulation.active.new_deliveries() if each.node == "home"]


def test_item_that_takes_nothing_of_a_switch_goes_by_its_number(scratch: Scratch) -> None:
    nodes = (
        "in which: -> v:[INT]=(0,7); group g: x:INT -> ; g/use: v:STRING -> r:STRING;"
        "index_switch g/s: a:STRING='a' b:STRING='b' c:STRING='c' switch:INT -> o:STRING"
    )
    simulation = Simulation(compile_graph(graph(nodes, "which.v > g.x; g.x > g/s.switch; g/s.o > g/use.v")), scratch)
    with contextlib.suppress(ListError):
        simulation.run()
    where = 1.0, "g/use", 1, 1
    simulation.scheduler.handle(TaskFailed(*where, TaskError("no such input")))
    assert simulation.active.named_error("g/use").message == "1 of 2 items failed; item 1: no such input"
