# SPDX-License-Identifier: GPL-3.0-or-later
"""What list nodes become when a graph is compiled, and what they give."""

from __future__ import annotations

import pytest

from background_nodes.runtime.errors import CompileError
from background_nodes.runtime.planning.compiler import compile_graph
from background_nodes.runtime.planning.lists import MAX_ELEMENTS, Lengths, ListAction, ListError, ListOperation, picked
from background_nodes.runtime.planning.plan import Plan
from background_nodes.runtime.planning.sources import Constant, FromList, FromTask
from background_nodes.runtime.script.socket_types import SocketType

from .graph_text import graph

FLOAT, FLOATS, INT = SocketType("FLOAT"), SocketType("FLOAT", is_list=True), SocketType("INT")
ROCKS = "in rocks: -> v:[STRING]=('a','b','c'); in ratios: -> v:[FLOAT]=(0.5,0.1)"


def compiled(nodes: str, links: str = "", **options: object) -> Plan:
    return compile_graph(graph(nodes, links), **options)


def sources(plan: Plan, name: str) -> list[object]:
    found = next(task for task in plan.tasks if task.id == name)
    return [source for argument in found.arguments for source in argument.sources]


def problems(nodes: str, links: str = "") -> list[str]:
    with pytest.raises(CompileError) as raised:
        compiled(nodes, links)
    return [str(problem) for problem in raised.value.problems]


def values(plan: Plan, name: str) -> list[object]:
    return [source.value for source in sources(plan, name)]


# What each node gives


def test_a_cross_product_has_each_element_with_each_of_the_other_list() -> None:
    nodes = f"{ROCKS}; cross c: a:[STRING] b:[FLOAT] -> a2:[STRING] b2:[FLOAT]; use: rock:STRING ratio:FLOAT ->"
    plan = compiled(nodes, "rocks.v > c.a; ratios.v > c.b; c.a2 > use.rock; c.b2 > use.ratio")
    assert values(plan, "use") == [("a", "a", "b", "b", "c", "c"), (0.5, 0.1, 0.5, 0.1, 0.5, 0.1)]
    assert all(argument.is_mapped for argument in plan.tasks[0].arguments)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("zip_shortest", [("a", "b"), (0.5, 0.1)]),
        ("zip_last", [("a", "b", "c"), (0.5, 0.1, 0.1)]),
        ("zip_cycle", [("a", "b", "c"), (0.5, 0.1, 0.5)]),
    ],
)
def test_zip_pairs_lists_of_different_lengths_as_it_is_told_to(word: str, expected: list[object]) -> None:
    nodes = f"{ROCKS}; {word} z: a:[STRING] b:[FLOAT] -> a2:[STRING] b2:[FLOAT]; use: rock:STRING ratio:FLOAT ->"
    plan = compiled(nodes, "rocks.v > z.a; ratios.v > z.b; z.a2 > use.rock; z.b2 > use.ratio")
    assert values(plan, "use") == expected


def test_zip_that_wants_one_length_names_both_lists_and_their_lengths() -> None:
    nodes = f"{ROCKS}; zip z: a:[STRING] b:[FLOAT] -> a2:[STRING] b2:[FLOAT]; use: rock:STRING ratio:FLOAT ->"
    (problem,) = problems(nodes, "rocks.v > z.a; ratios.v > z.b; z.a2 > use.rock; z.b2 > use.ratio")
    assert problem.startswith('node "z": the lists differ in length: "A" has 3, "B" has 2')


@pytest.mark.parametrize(
    ("position", "length", "step", "expected"),
    [
        (0, -1, 1, "abcde"),
        (1, 2, 1, "bc"),
        (-2, -1, 1, "de"),
        (0, -1, 2, "ace"),
        (1, 2, 2, "bd"),
        (9, 2, 1, ""),
        (-9, 2, 1, "ab"),
        (0, 0, 1, ""),
    ],
)
def test_slice_takes_elements_by_position_length_and_step(position: int, length: int, step: int, expected: str) -> None:
    operation = ListOperation(ListAction.SLICE, ("list",), ("position", "length", "step"))
    indices = picked(operation, 0, ["List"], [5], [[position], [length], [step]])
    assert "".join("abcde"[index] for index in indices) == expected


def test_slice_with_a_step_of_nothing_is_a_problem_of_the_node() -> None:
    nodes = f"{ROCKS}; slice s: v:[STRING] position:INT=0 length:INT=2 step:INT=0 -> r:[STRING]; use: v:STRING ->"
    (problem,) = problems(nodes, "rocks.v > s.v; s.r > use.v")
    assert problem.startswith('node "s": the step must be 1 or more, not 0')


def test_flatten_makes_one_list_of_all_that_is_linked() -> None:
    nodes = f"{ROCKS}; in one: -> v:STRING='d'; flatten f: v:[STRING] -> r:[STRING]; use: v:[STRING] ->"
    plan = compiled(nodes, "rocks.v > f.v; one.v > f.v; f.r > use.v")
    assert values(plan, "use") == [("a", "b", "c", "d")]


def test_count_gives_a_number() -> None:
    nodes = f"{ROCKS}; count n: v:[STRING] -> r:INT; use: v:INT ->"
    assert sources(compiled(nodes, "rocks.v > n.v; n.r > use.v"), "use") == [Constant(3, INT)]


def test_filter_gives_those_to_keep_and_the_others() -> None:
    nodes = (
        f"{ROCKS}; in keep: -> v:[BOOLEAN]=(True,False,True);"
        "filter f: v:[STRING] keep:[BOOLEAN] -> kept:[STRING] others:[STRING]; use: v:[STRING] w:[STRING] ->"
    )
    plan = compiled(nodes, "rocks.v > f.v; keep.v > f.keep; f.kept > use.v; f.others > use.w")
    assert values(plan, "use") == [("a", "c"), ("b",)]


def sorted_by(keys: list[object], *, is_descending: bool = False) -> list[int]:
    operation = ListOperation(ListAction.SORT, ("list",), ("keys",), is_descending=is_descending)
    return list(picked(operation, 0, ["List"], [len(keys)], [keys]))


def test_sort_goes_by_keys_and_leaves_equal_ones_in_their_order() -> None:
    assert sorted_by([3, 1, 2, 1]) == [1, 3, 2, 0]
    assert sorted_by([3, 1, 2, 1], is_descending=True) == [0, 2, 1, 3]


def test_sort_goes_by_names_as_blender_lists_them() -> None:
    names = ["Rock 10", "rock 2", "Rock", "Ape"]
    assert [names[index] for index in sorted_by(names)] == ["Ape", "Rock", "rock 2", "Rock 10"]


def test_what_has_no_key_is_last_in_any_order() -> None:
    assert sorted_by([None, 2.0, 1.0]) == [2, 1, 0]
    assert sorted_by([None, 2.0, 1.0], is_descending=True) == [1, 2, 0]
    assert sorted_by([float("nan"), 2.0, 1.0]) == [2, 1, 0]
    assert sorted_by([float("nan"), None, 2.0, 1.0], is_descending=True) == [2, 3, 0, 1]
    assert sorted_by([None, "b", "a"]) == [2, 1, 0]
    assert sorted_by([None, "b", "a"], is_descending=True) == [1, 2, 0]


def test_numbers_in_names_may_be_of_any_length() -> None:
    """Python makes no number of more than 4,300 digits unless it is told to."""
    names = ["Rock 1" + "0" * 5000, "Rock 0" + "9" * 5000, "Rock 20"]
    assert sorted_by(names) == [2, 1, 0]


@pytest.mark.parametrize("action", [ListAction.FILTER, ListAction.SORT])
def test_what_decides_must_have_as_many_elements_as_the_list(action: ListAction) -> None:
    with pytest.raises(ListError, match=r'"List" has 3, ".*" has 2'):
        picked(ListOperation(action, ("list",), ("by",)), 0, ["List"], [3], [[True, False]])


def test_zip_repeats_no_element_of_an_empty_list() -> None:
    with pytest.raises(ListError, match='"B" is empty'):
        picked(ListOperation(ListAction.ZIP, ("a", "b"), lengths=Lengths.LAST), 1, ["A", "B"], [2, 0], [])


def test_a_product_that_no_machine_can_hold_is_an_error() -> None:
    with pytest.raises(ListError, match="1000 x 1001 are 1,001,000 elements"):
        picked(ListOperation(ListAction.CROSS_PRODUCT, ("a", "b")), 0, ["A", "B"], [1000, 1001], [])
    assert MAX_ELEMENTS == 1_000_000


# Plans


def test_a_list_that_a_task_gives_is_no_constant() -> None:
    nodes = "a: -> r:[FLOAT]; slice s: v:[FLOAT] position:INT=0 length:INT=2 step:INT=1 -> r:[FLOAT]; use: v:FLOAT ->"
    (source,) = sources(compiled(nodes, "a.r > s.v; s.r > use.v"), "use")
    assert isinstance(source, FromList)
    assert source.lists == (FromTask("a", "r", FLOATS),)
    assert source.type == FLOATS


def test_values_that_decide_are_noted_at_the_task_that_gives_them() -> None:
    nodes = (
        "a: -> n:INT r:[FLOAT]; slice s: v:[FLOAT] position:INT=0 length:INT step:INT=1 -> r:[FLOAT]; use: v:FLOAT ->"
    )
    plan = compiled(nodes, "a.r > s.v; a.n > s.length; s.r > use.v")
    assert [task.decisive for task in plan.tasks] == [frozenset({"n"}), frozenset()]


def test_what_a_list_node_gives_that_goes_nowhere_comes_home_at_the_node() -> None:
    plan = compiled("a: -> r:[FLOAT]; count n: v:[FLOAT] -> r:INT", "a.r > n.v")
    (delivery,) = plan.deliveries
    assert (delivery.node, delivery.socket, delivery.is_offered) == ("n", "r", False)
    assert plan.source_at("n", "r") == delivery.sources[0]


def test_a_muted_list_node_hands_on_its_lists() -> None:
    nodes = f"{ROCKS}; muted cross c: a:[STRING] b:[STRING] -> a2:[STRING] b2:[STRING]; use: v:[STRING] w:[STRING] ->"
    plan = compiled(nodes, "rocks.v > c.a; ratios.v > c.b; c.a2 > use.v; c.b2 > use.w")
    assert values(plan, "use") == [("a", "b", "c"), (0.5, 0.1)]


def test_the_kind_of_a_list_is_that_of_what_is_linked() -> None:
    nodes = "in i: -> v:[INT]=(1,2); flatten f: v:[Object] -> r:[Object]; use: v:[INT] ->"
    assert sources(compiled(nodes, "i.v > f.v; f.r > use.v"), "use") == [Constant((1, 2), SocketType("INT", True))]


# Problems


def test_a_list_node_to_which_nothing_is_linked_is_a_problem() -> None:
    (problem,) = problems("count n: v:[Object] -> r:INT")
    assert problem.startswith('node "n", socket "V": nothing is linked and nothing is set')


def test_things_that_make_no_list_together_are_a_problem_of_the_socket() -> None:
    nodes = f"{ROCKS}; in o: -> v:Object=@Cube; flatten f: v:[STRING] -> r:[STRING]; use: v:[STRING] ->"
    (problem,) = problems(nodes, "rocks.v > f.v; o.v > f.v; f.r > use.v")
    assert problem.startswith('node "f", socket "V": Object can\'t become list of string')


def test_a_list_where_one_value_decides_is_a_problem_with_a_mend() -> None:
    nodes = "a: -> r:[INT]; slice s: v:[INT] position:INT length:INT=1 step:INT=1 -> r:[INT]"
    (problem,) = problems(nodes, "a.r > s.v; a.r > s.position")
    assert "a list of int arrives where one value decides. Put the node into a group" in problem


def test_objects_are_nothing_to_sort_by() -> None:
    nodes = "a: -> o:[Object]; sort s: v:[Object] keys:[FLOAT] -> r:[Object]"
    (problem,) = problems(nodes, "a.o > s.v; a.o > s.keys")
    assert problem.startswith('node "s", socket "Keys": a list of Object is nothing to sort by')


def test_objects_of_a_collection_are_no_list_before_a_worker_has_counted_them() -> None:
    nodes = "in o: -> v:Object=@A; in c: -> v:Collection=@C; flatten f: v:[Object] -> r:[Object]; use: v:Object ->"
    (problem,) = problems(nodes, "o.v > f.v; c.v > f.v; f.r > use.v")
    assert "has no known number of items to run over" in problem


def test_what_is_in_the_file_already_is_no_result_of_a_list_node() -> None:
    nodes = (
        "in o: -> v:[Object]=@A,@B; a: -> keep:[BOOLEAN]; out home: data:[ID]?;"
        "filter f: v:[Object] keep:[BOOLEAN] -> kept:[Object] others:[Object]"
    )
    (problem,) = problems(nodes, "o.v > f.v; a.keep > f.keep; f.kept > home.data")
    assert problem.startswith('node "f", socket "Kept": what comes out are data-blocks that are in this file already')


@pytest.mark.parametrize("links", ["unset.v > f.v; b.v > f.v", "unset.v > f.v; a.o > f.v"])
def test_a_data_block_that_is_not_set_is_no_element_that_is_left_out(links: str) -> None:
    nodes = (
        "in unset: -> v:Object; in b: -> v:Object=@B; a: -> o:Object; flatten f: v:[Object] -> r:[Object];"
        "use: v:Object ->"
    )
    (problem,) = problems(nodes, f"{links}; f.r > use.v")
    assert problem == 'node "f", socket "V": nothing is set on the linked node. Choose an Object there.'


def test_a_switch_takes_no_data_block_that_is_not_set() -> None:
    nodes = (
        "in unset: -> v:Object; a: -> o:Object k:BOOLEAN; use: v:Object ->;"
        "switch s: switch:BOOLEAN no:Object yes:Object -> r:Object"
    )
    (problem,) = problems(nodes, "unset.v > s.no; a.o > s.yes; a.k > s.switch; s.r > use.v")
    assert problem.startswith('node "s", socket "No": nothing is set on the linked node')


def test_a_switch_between_nothing_and_nothing_leaves_it_to_whoever_takes_it() -> None:
    nodes = (
        "in unset: -> v:Object; a: -> k:BOOLEAN; use: v:Object ->; may: v:Object? ->;"
        "switch s: switch:BOOLEAN no:Object yes:Object -> r:Object"
    )
    links = "unset.v > s.no; unset.v > s.yes; a.k > s.switch; s.r > use.v; s.r > may.v"
    (problem,) = problems(nodes, links)
    assert problem.startswith('node "use", socket "V": nothing is set on the linked node')


@pytest.mark.parametrize("is_known", [True, False])
def test_a_list_that_a_list_node_leaves_empty_is_given_as_it_is(is_known: bool) -> None:
    """It is the same whether that is known before the run, or found out by it."""
    rocks = "in rocks: -> v:[STRING]=('a','b')" if is_known else "rocks: -> v:[STRING]"
    nodes = f"{rocks}; slice s: v:[STRING] position:INT=2 length:INT=-1 step:INT=1 -> r:[STRING]; use: v:[STRING] ->"
    (source,) = sources(compiled(nodes, "rocks.v > s.v; s.r > use.v"), "use")
    assert source.type == SocketType("STRING", is_list=True)
