# SPDX-License-Identifier: GPL-3.0-or-later
"""What groups become when a graph is compiled."""

from __future__ import annotations

import pytest

from background_nodes.runtime.errors import CompileError
from background_nodes.runtime.planning.compiler import compile_graph
from background_nodes.runtime.planning.plan import Delivery, Plan, PlannedTask
from background_nodes.runtime.planning.sources import Constant, EachOf, FromGroup, FromTask, Loop, LoopList, Passed
from background_nodes.runtime.script.socket_types import SocketType

from .graph_text import graph, with_parameter

FLOAT, FLOATS, INT = SocketType("FLOAT"), SocketType("FLOAT", is_list=True), SocketType("INT")
OBJECT, OBJECTS = SocketType("Object"), SocketType("Object", is_list=True)


def compiled(nodes: str, links: str = "", **options: object) -> Plan:
    return compile_graph(graph(nodes, links), **options)


def task(plan: Plan, name: str) -> PlannedTask:
    return next(task for task in plan.tasks if task.id == name)


def sources(plan: Plan, name: str) -> list[object]:
    return [source for argument in task(plan, name).arguments for source in argument.sources]


def problems(nodes: str, links: str = "") -> list[str]:
    with pytest.raises(CompileError) as raised:
        compiled(nodes, links)
    return [str(problem) for problem in raised.value.problems]


# A group that is no loop leaves nothing of itself


def test_nodes_in_a_group_are_tasks_with_paths_for_names() -> None:
    plan = compiled("group g: x:FLOAT=2 -> y:FLOAT; g/a: v:FLOAT -> r:FLOAT", "g.x > g/a.v; g/a.r > g.y")
    assert [(each.id, each.name) for each in plan.tasks] == [("g/a", "g / a")]
    assert sources(plan, "g/a") == [Constant(2.0, FLOAT)]


def test_a_link_goes_through_both_borders_of_a_group() -> None:
    nodes = "a: -> r:FLOAT; group g: x:FLOAT -> y:FLOAT; g/b: v:FLOAT -> r:FLOAT; c: v:FLOAT -> r:FLOAT"
    plan = compiled(nodes, "a.r > g.x; g.x > g/b.v; g/b.r > g.y; g.y > c.v")
    assert sources(plan, "g/b") == [FromTask("a", "r", FLOAT)]
    assert sources(plan, "c") == [FromGroup("g", "y", (FromTask("g/b", "r", FLOAT),), FLOAT)]
    assert [each.id for each in plan.tasks] == ["a", "g/b", "c"]


def test_a_group_that_is_used_twice_is_two_sets_of_tasks() -> None:
    inner = "g/a: v:FLOAT -> r:FLOAT; h/a: v:FLOAT -> r:FLOAT"
    plan = compiled(f"group g: x:FLOAT=1 ->; group h: x:FLOAT=2 ->; {inner}", "g.x > g/a.v; h.x > h/a.v")
    assert [sources(plan, name) for name in ("g/a", "h/a")] == [[Constant(1.0, FLOAT)], [Constant(2.0, FLOAT)]]


def test_what_comes_out_of_groups_in_groups_is_no_deeper_nest_than_one() -> None:
    nodes = "group g: -> y:FLOAT; group g/h: -> z:FLOAT; g/h/a: -> r:FLOAT; c: v:FLOAT ->"
    plan = compiled(nodes, "g/h/a.r > g/h.z; g/h.z > g.y; g.y > c.v")
    assert sources(plan, "c") == [FromGroup("g", "y", (FromTask("g/h/a", "r", FLOAT),), FLOAT)]


def test_a_socket_of_another_type_converts_on_the_way() -> None:
    nodes = "a: -> r:INT; group g: x:FLOAT -> ; g/b: v:STRING ->"
    plan = compiled(nodes, "a.r > g.x; g.x > g/b.v")
    assert sources(plan, "g/b") == [Passed((FromTask("a", "r", INT),), FLOAT)]


def test_one_value_that_goes_into_a_list_of_a_group_is_a_list_in_it() -> None:
    nodes = "a: -> r:FLOAT; group g: x:[FLOAT] -> ; g/b: v:FLOAT -> r:FLOAT"
    plan = compiled(nodes, "a.r > g.x; g.x > g/b.v")
    (argument,) = task(plan, "g/b").arguments
    assert argument.is_mapped
    assert argument.sources == (Passed((FromTask("a", "r", FLOAT),), FLOATS),)


def test_a_constant_goes_through_a_group_as_it_is() -> None:
    nodes = "in i: -> v:FLOAT=3.0; group g: x:FLOAT -> y:FLOAT; c: v:FLOAT ->"
    plan = compiled(nodes, "i.v > g.x; g.x > g.y; g.y > c.v")
    assert sources(plan, "c") == [Constant(3.0, FLOAT)]


def test_nodes_of_a_muted_group_do_not_run() -> None:
    nodes = "a: -> r:FLOAT; muted group g: x:FLOAT -> y:FLOAT; c: v:FLOAT ->"
    plan = compiled(nodes, "a.r > g.x; g.y > c.v")
    assert sources(plan, "c") == [FromTask("a", "r", FLOAT)]


def test_until_a_node_in_a_group_runs_what_that_needs_only() -> None:
    nodes = "group g: x:FLOAT=1 -> y:FLOAT; g/a: v:FLOAT -> r:FLOAT; g/b: v:FLOAT -> r:FLOAT"
    plan = compiled(nodes, "g.x > g/a.v; g/a.r > g/b.v; g/b.r > g.y", until="g / a")
    assert [each.id for each in plan.tasks] == ["g/a"]


def test_until_a_group_runs_all_that_is_in_it() -> None:
    nodes = "group g: x:FLOAT=1 -> y:FLOAT; g/a: v:FLOAT -> r:FLOAT; g/save: v:FLOAT ->; other: ->"
    plan = compiled(nodes, "g.x > g/a.v; g/a.r > g.y; g/a.r > g/save.v", until="g")
    assert {each.id for each in plan.tasks} == {"g/a", "g/save"}


# Loops


LOOP = (
    "a: -> r:[FLOAT]; group g: x:FLOAT k:FLOAT=2 -> y:FLOAT;g/b: v:FLOAT w:FLOAT -> r:FLOAT; g/once: w:FLOAT -> r:FLOAT"
)
LOOP_LINKS = "a.r > g.x; g.x > g/b.v; g.k > g/b.w; g.k > g/once.w; g/b.r > g.y"


def test_a_list_where_a_group_takes_one_value_makes_a_loop() -> None:
    plan = compiled(LOOP, LOOP_LINKS)
    loop = Loop("g", "g", (LoopList("x", "X", FromTask("a", "r", FLOATS)),))
    assert task(plan, "g/b").loops == (loop,)
    assert sources(plan, "g/b") == [EachOf("g", "x", FLOAT), Constant(2.0, FLOAT)]
    assert task(plan, "g/b").dependencies == ("a",)


def test_what_does_not_depend_on_the_element_runs_once_for_all() -> None:
    assert task(compiled(LOOP, LOOP_LINKS), "g/once").loops == ()


def test_each_output_of_a_loop_is_a_list_of_what_all_passes_gave() -> None:
    plan = compiled(f"{LOOP}; c: v:[FLOAT] ->", f"{LOOP_LINKS}; g.y > c.v")
    (source,) = sources(plan, "c")
    assert (source.type, source.loop.id) == (FLOATS, "g")
    assert set(task(plan, "c").dependencies) == {"g/b", "a"}


def test_an_inner_loop_whose_list_is_another_in_each_pass_is_in_the_outer_one() -> None:
    nodes = (
        "a: -> r:[FLOAT]; group g: x:FLOAT -> ; g/split: v:FLOAT -> r:[FLOAT];"
        "group g/h: x:FLOAT -> ; g/h/c: v:FLOAT -> r:FLOAT"
    )
    plan = compiled(nodes, "a.r > g.x; g.x > g/split.v; g/split.r > g/h.x; g/h.x > g/h/c.v")
    assert [loop.id for loop in task(plan, "g/h/c").loops] == ["g", "g/h"]


def test_an_inner_loop_over_one_list_for_all_passes_is_in_no_other() -> None:
    nodes = (
        "a: -> r:[FLOAT]; group g: x:FLOAT l:[FLOAT] -> ; group g/h: x:FLOAT k:FLOAT -> ;"
        "g/h/all: v:FLOAT -> r:FLOAT; g/h/both: v:FLOAT w:FLOAT u:FLOAT -> r:FLOAT"
    )
    links = (
        "a.r > g.x; a.r > g.l; g.l > g/h.x; g.x > g/h.k; g/h.x > g/h/all.v;"
        "g/h/all.r > g/h/both.v; g/h.k > g/h/both.w; g/h.x > g/h/both.u"
    )
    plan = compiled(nodes, links)
    assert [loop.id for loop in task(plan, "g/h/all").loops] == ["g/h"]
    assert [loop.id for loop in task(plan, "g/h/both").loops] == ["g", "g/h"]


# What comes home


def test_what_comes_out_of_a_group_and_goes_nowhere_comes_home_at_its_node() -> None:
    nodes = "group g: x:FLOAT=1 -> y:FLOAT o:Object; g/a: v:FLOAT -> r:FLOAT o:Object"
    plan = compiled(nodes, "g.x > g/a.v; g/a.r > g.y; g/a.o > g.o")
    value = FromGroup("g", "y", (FromTask("g/a", "r", FLOAT),), FLOAT)
    data_block = FromGroup("g", "o", (FromTask("g/a", "o", OBJECT),), OBJECT)
    assert plan.deliveries == (Delivery("g", "y", (value,)), Delivery("g", "o", (data_block,), is_offered=True))
    assert plan.source_at("g", "o") == data_block


def test_results_in_a_group_that_do_not_come_out_do_not_come_home() -> None:
    assert compiled("group g: x:FLOAT=1 ->; g/a: v:FLOAT -> r:FLOAT", "g.x > g/a.v").deliveries == ()


def test_what_an_output_node_takes_from_a_group_is_shown_at_the_group() -> None:
    nodes = "group g: -> o:Object; g/a: -> o:Object; out o: data:[ID]?"
    (delivery,) = compiled(nodes, "g/a.o > g.o; g.o > o.data").deliveries
    assert (delivery.node, [source.place for source in delivery.sources]) == ("o", [("g", "o")])
    assert delivery.tasks == ("g/a",)


# Problems name the node by its path


def test_a_problem_in_a_group_names_the_path_of_the_node() -> None:
    (problem,) = problems("group g: ->; g/a: v:FLOAT ->")
    assert problem.startswith('node "g / a", socket "V": nothing is linked and no value is set')


def test_a_group_on_which_nothing_is_set_is_a_problem_of_the_node_that_needs_it() -> None:
    (problem,) = problems("group g: x:Object -> ; g/a: v:Object ->", "g.x > g/a.v")
    assert problem.startswith('node "g / a", socket "V": nothing is set on the linked node')


def test_two_links_into_one_value_of_a_group_are_a_problem_of_the_group() -> None:
    nodes = "a: -> r:FLOAT; group g: x:FLOAT -> ; g/b: v:FLOAT ->"
    (problem,) = problems(nodes, "a.r > g.x; a.r > g.x; g.x > g/b.v")
    assert problem.startswith('node "g", socket "X": 2 links arrive where one value is wanted')


def test_a_type_that_a_group_does_not_take_is_a_problem_of_the_group() -> None:
    nodes = "a: -> r:STRING; group g: x:FLOAT -> ; g/b: v:FLOAT ->"
    assert problems(nodes, "a.r > g.x; g.x > g/b.v")[0].startswith('node "g", socket "X": string can\'t become float')


def test_a_value_out_of_the_range_of_a_group_is_a_problem_of_the_group() -> None:
    found = graph("group g: x:FLOAT=7 -> ; g/b: v:FLOAT ->", "g.x > g/b.v")
    with pytest.raises(CompileError, match='node "g", socket "X"'):
        compile_graph(with_parameter(found, "g.x", maximum=5.0))


def test_lists_of_different_lengths_that_a_group_is_to_run_over_are_a_problem_of_the_group() -> None:
    nodes = (
        "in a: -> v:[FLOAT]=(1.0,2.0); in b: -> v:[FLOAT]=(1.0,); group g: x:FLOAT y:FLOAT -> ; g/c: v:FLOAT w:FLOAT ->"
    )
    (problem,) = problems(nodes, "a.v > g.x; b.v > g.y; g.x > g/c.v; g.y > g/c.w")
    assert problem.startswith('node "g": the lists it runs over are of different lengths: X has 2, Y has 1')


def test_objects_of_a_collection_are_no_list_to_run_over_before_a_worker_has_counted_them() -> None:
    nodes = "in i: -> v:Collection=@C; group g: x:[Object] -> ; g/b: v:Object ->"
    (problem,) = problems(nodes, "i.v > g.x; g.x > g/b.v")
    assert "Put a Split Collection node before the group" in problem


def test_what_only_a_worker_can_convert_does_not_come_home() -> None:
    nodes = "group g: -> m:Mesh; g/a: -> o:Object; out o: data:[ID]?"
    (problem,) = problems(nodes, "g/a.o > g.m; g.m > o.data")
    message = "what comes out is an Object, and only a node could make a Mesh of it"
    assert problem == f'node "g", socket "M": {message}. Let this output of the group be an Object.'


def test_a_circle_through_a_group_is_told() -> None:
    nodes = "a: v:FLOAT -> r:FLOAT; group g: x:FLOAT -> y:FLOAT; g/b: v:FLOAT -> r:FLOAT"
    (problem,) = problems(nodes, "a.r > g.x; g.x > g/b.v; g/b.r > g.y; g.y > a.v")
    assert 'the links go in a circle: "a" > "g" > "a"' in problem


def test_a_list_that_a_loop_passes_on_is_that_list() -> None:
    nodes = (
        "in a: -> v:[FLOAT]=(1.0,2.0); b: -> r:[FLOAT]; group g: x:FLOAT y:FLOAT -> x2:FLOAT y2:FLOAT; c: v:[FLOAT] ->"
    )
    links = "a.v > g.x; b.r > g.y; g.x > g.x2; g.y > g.y2"
    assert sources(compiled(nodes, f"{links}; g.x2 > c.v"), "c") == [Constant((1.0, 2.0), FLOATS)]
    (source,) = sources(compiled(nodes, f"{links}; g.y2 > c.v"), "c")
    assert source == FromGroup("g", "y2", (FromTask("b", "r", FLOATS),), FLOATS)


def test_a_list_that_a_loop_passes_on_through_a_group_in_it_is_that_list() -> None:
    nodes = "in a: -> v:[FLOAT]=(1.0,2.0); group g: x:FLOAT -> y:FLOAT; group g/h: x:FLOAT -> y:FLOAT; c: v:[FLOAT] ->"
    plan = compiled(nodes, "a.v > g.x; g.x > g/h.x; g/h.x > g/h.y; g/h.y > g.y; g.y > c.v")
    assert sources(plan, "c") == [Constant((1.0, 2.0), FLOATS)]
