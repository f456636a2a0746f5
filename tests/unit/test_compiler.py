# SPDX-License-Identifier: GPL-3.0-or-later
"""Graph -> plan."""

from __future__ import annotations

import os
import random
import time
from dataclasses import replace
from pathlib import Path

import pytest

from background_nodes.runtime.errors import CompileError, Problem, RunError
from background_nodes.runtime.planning.compiler import compile_graph
from background_nodes.runtime.planning.graph import Graph, GraphLink, OutputAction, OutputMode
from background_nodes.runtime.planning.plan import Delivery, Plan, PlannedTask
from background_nodes.runtime.planning.sources import Constant, FromTask, Source
from background_nodes.runtime.script.socket_types import LiveRef, SocketType, Value

from .graph_text import KEEP, graph, with_node, with_parameter

#: Far above what it takes, far below what the square of ten thousand would.
SECONDS = 4.0

FLOAT = SocketType("FLOAT")
FLOATS = SocketType("FLOAT", is_list=True)


def names(plan: Plan) -> str:
    return " ".join(task.name for task in plan.tasks)


def task(plan: Plan, name: str) -> PlannedTask:
    return next(task for task in plan.tasks if task.id == name)


def sources(plan: Plan, socket: str) -> tuple[Source, ...]:
    """What arrives at an input: `sources(plan, "b.v")`."""
    name, identifier = socket.split(".")
    return next(
        argument.sources for argument in task(plan, name).arguments if argument.parameter.identifier == identifier
    )


def deliveries(plan: Plan) -> list[str]:
    return [f"{delivery.node}.{delivery.socket}" for delivery in plan.deliveries]


def problems(graph: Graph, **options: object) -> list[Problem]:
    with pytest.raises(CompileError) as caught:
        compile_graph(graph, **options)
    return list(caught.value.problems)


def only_problem(graph: Graph, **options: object) -> Problem:
    found = problems(graph, **options)
    assert len(found) == 1, found
    return found[0]


# Order.


def test_diamond_comes_in_an_order_in_which_each_task_follows_what_it_needs() -> None:
    plan = compile_graph(
        graph(
            "d: x:INT y:INT -> ; c: x:INT -> x:INT ; b: x:INT -> x:INT ; a: -> x:INT",
            "a.x > b.x ; a.x > c.x ; b.x > d.x ; c.x > d.y",
        )
    )
    assert names(plan) == "a c b d"
    assert [item.rank for item in plan.tasks] == [2, 1, 1, 0]
    assert task(plan, "d").dependencies == ("b", "c")


def test_tasks_that_may_go_in_any_order_keep_that_of_the_nodes() -> None:
    plan = compile_graph(graph("c: x:INT -> x:INT ; z: -> ; a: -> x:INT ; m: ->", "a.x > c.x"))
    assert names(plan) == "z a c m"


def test_rank_counts_the_longest_way_to_an_end() -> None:
    plan = compile_graph(
        graph(
            "a: -> x:INT ; b: x:INT -> x:INT ; c: x:INT -> x:INT ; d: x:INT y:INT ->",
            "a.x > d.x ; a.x > b.x ; b.x > c.x ; c.x > d.y",
        )
    )
    assert {item.name: item.rank for item in plan.tasks} == {"a": 3, "b": 2, "c": 1, "d": 0}


def test_plan_carries_name_scene_script_and_settings() -> None:
    source = graph("keep a: ->")
    source = replace(source, scene=replace(source.scene, fps=30))
    plan = compile_graph(source)
    assert (plan.name, plan.scene) == (source.name, source.scene)
    assert (plan.tasks[0].script, plan.tasks[0].settings) == (source.nodes[0].script, source.nodes[0].settings)


# What is needed.


UNTIL = graph(
    "a: -> x:INT ; b: x:INT -> x:INT ; c: x:INT -> ; other: -> x:INT ; broken: x:INT -> ; out o: v:INT",
    "a.x > b.x ; b.x > c.x ; b.x > o.v",
)


@pytest.mark.parametrize(
    ("until", "tasks", "home"),
    [
        ("b", "a b", ["b.x"]),
        ("o", "a b", ["o.v"]),
        (["other", "c"], "a b c other", ["other.x"]),
        (("o", "a", "a"), "a b", ["o.v"]),
    ],
)
def test_until_leaves_what_the_asked_for_nodes_need(until: str, tasks: str, home: list[str]) -> None:
    plan = compile_graph(UNTIL, until=until)
    assert names(plan) == tasks
    assert deliveries(plan) == home


def test_without_until_a_problem_anywhere_stops_the_run() -> None:
    assert only_problem(UNTIL).node == "broken"


def test_until_an_unknown_name_lists_close_ones() -> None:
    assert only_problem(UNTIL, until=["brokn", "a"]) == Problem(
        "", "", 'there is no node "brokn"', 'Did you mean "broken"?'
    )
    assert only_problem(UNTIL, until="?").fix == "Give the name of a node in the tree"


@pytest.mark.parametrize(
    "text", ["", "frame f:", "muted a: ->", "in i: -> x:INT=1", "reroute r:", "muted out o: v:INT"]
)
def test_graph_without_work_has_nothing_to_run(text: str) -> None:
    assert only_problem(graph(text)).message == "there is nothing to run"


def test_until_a_node_that_does_no_work_has_nothing_to_run() -> None:
    assert only_problem(graph("a: -> ; muted m: -> x:INT"), until="m").message == "there is nothing to run"
    assert only_problem(graph("a: ->"), until=[]).message == "there is nothing to run"


def test_until_a_reroute_runs_what_is_behind_it() -> None:
    assert names(compile_graph(graph("a: -> x:INT ; reroute r: ; b: ->", "a.x > r.in"), until="r")) == "a"


# Reroutes, frames, mutes.


@pytest.mark.parametrize(
    ("nodes", "links"),
    [
        ("reroute r:", "a.x > r.in ; r.out > b.v"),
        ("reroute r: ; reroute s:", "a.x > r.in ; r.out > s.in ; s.out > b.v"),
        ("muted reroute r:", "a.x > r.in ; r.out > b.v"),
        ("muted m: v:FLOAT -> x:FLOAT", "a.x > m.v ; m.x > b.v"),
        ("muted m: n:INT v:FLOAT -> x:FLOAT", "a.x > m.v ; m.x > b.v"),
        ("muted m: v:FLOAT -> x:VECTOR y:FLOAT", "a.x > m.v ; m.x > b.v"),
        ("muted m: s:STRING v:FLOAT -> x:FLOAT ; reroute r:", "a.x > r.in ; r.out > m.v ; m.x > b.v"),
        ("frame f:", "a.x > b.v"),
    ],
)
def test_nodes_that_only_pass_on_are_gone_from_the_plan(nodes: str, links: str) -> None:
    plan = compile_graph(graph(f"a: -> x:FLOAT ; b: v:FLOAT=0.5 -> ; {nodes}", links))
    assert names(plan) == "a b"
    assert sources(plan, "b.v") == (FromTask("a", "x", FLOAT),)


@pytest.mark.parametrize(
    ("nodes", "links"),
    [
        ("reroute r:", "r.out > b.v"),
        ("reroute r: ; muted m: -> x:FLOAT", "m.x > r.in ; r.out > b.v"),
        ("muted m: v:FLOAT -> x:FLOAT", "m.x > b.v"),
        ("muted m: v:STRING='a' o:Object=@Cube -> x:FLOAT", "m.x > b.v"),
        ("muted in i: -> x:FLOAT=2.0", "i.x > b.v"),
    ],
)
def test_passing_on_nothing_is_like_no_link(nodes: str, links: str) -> None:
    assert sources(compile_graph(graph(f"b: v:FLOAT=0.5 -> ; {nodes}", links)), "b.v") == (Constant(0.5, FLOAT),)


def test_muted_node_passes_on_the_value_of_its_input() -> None:
    plan = compile_graph(graph("muted m: s:STRING='a' v:FLOAT=2.0 -> x:FLOAT ; b: v:FLOAT ->", "m.x > b.v"))
    assert sources(plan, "b.v") == (Constant(2.0, FLOAT),)


def test_muted_node_with_a_broken_script_is_no_problem() -> None:
    source = graph("a: -> ; muted m: v:FLOAT ->")
    assert names(compile_graph(with_node(source, "m", script=None))) == "a"


def test_muted_node_breaks_the_circle_its_inner_links_do_not_close() -> None:
    plan = compile_graph(
        graph("a: v:INT -> x:INT ; muted m: v:INT=1 w:INT -> x:INT ; c: v:INT ->", "a.x > m.w ; m.x > a.v ; a.x > c.v")
    )
    assert names(plan) == "a c"


# Circles.


@pytest.mark.parametrize(
    ("nodes", "links", "expected"),
    [
        ("a: v:INT -> x:INT", "a.x > a.v", ['"a" > "a"']),
        ("b: v:INT -> x:INT ; a: v:INT -> x:INT", "a.x > b.v ; b.x > a.v", ['"b" > "a" > "b"']),
        ("a: v:INT -> x:INT ; reroute r:", "a.x > r.in ; r.out > a.v", ['"a" > "a"']),
        ("reroute r: ; reroute s: ; a: v:INT=1 ->", "r.x > s.x ; s.x > r.x ; r.x > a.v", ['"r" > "s" > "r"']),
        (
            "a: v:INT w:INT -> x:INT ; b: v:INT -> x:INT ; c: v:INT -> x:INT",
            "a.x > b.v ; b.x > a.v ; a.x > c.v ; c.x > a.w",
            ['"a" > "b" > "a"', '"a" > "c" > "a"'],
        ),
        ("a: v:INT -> x:INT ; b: v:INT ->", "a.x > a.v ; a.x > b.v", ['"a" > "a"']),
    ],
)
def test_each_circle_is_reported_once_with_its_nodes_in_order(nodes: str, links: str, expected: list[str]) -> None:
    found = problems(graph(nodes, links))
    assert [problem.message.removeprefix("the links go in a circle: ") for problem in found] == expected


def test_circle_that_is_not_needed_does_not_stop_the_run() -> None:
    source = graph("a: -> ; b: v:INT -> x:INT", "b.x > b.v")
    assert names(compile_graph(source, until="a")) == "a"


def test_other_problems_are_reported_beside_a_circle() -> None:
    found = problems(graph("a: v:INT w:INT -> x:INT", "a.x > a.v"))
    assert [(problem.node, problem.socket) for problem in found] == [("a", ""), ("a", "W")]


def test_long_circle_is_told_with_its_middle_left_out() -> None:
    source = graph(
        ";".join(f"n{i}: v:INT -> x:INT" for i in range(100)),
        ";".join(f"n{i}.x > n{(i + 1) % 100}.v" for i in range(100)),
    )
    message = only_problem(source).message
    assert '"n7" > ... > "n93"' in message
    assert message.endswith('"n99" > "n0"')


# Inputs that nothing is linked to.


@pytest.mark.parametrize(
    ("socket", "fix"),
    [
        ("v:FLOAT", "Link a float or set one"),
        ("v:INT", "Link an int or set one"),
        ("v:[FLOAT]", "Link a list of float or set one"),
        ("v:[FLOAT]=()", "Link a list of float or set one"),
        ("v:ANY", "Link a value or set one"),
        ("v:[ANY]", "Link a list or set one"),
        ("v:Object", "Link an Object or choose one"),
        ("v:Mesh", "Link a Mesh or choose one"),
        ("v:ID", "Link a data-block or choose one"),
        ("v:[Object]", "Link or choose data-blocks of type Object"),
        ("v:[ID]=()", "Link or choose data-blocks"),
    ],
)
def test_required_input_with_nothing_set_is_a_problem(socket: str, fix: str) -> None:
    problem = only_problem(graph(f"b: {socket} ->"))
    assert problem == Problem("b", "V", "nothing is linked and no value is set", fix, "b")


def test_fix_of_a_missing_menu_lists_its_choices() -> None:
    source = with_parameter(graph("b: v:MENU ->"), "b.v", choices=("A", "B"))
    assert only_problem(source).fix == "Link a value or choose one of A, B"


@pytest.mark.parametrize(
    ("socket", "changes", "expected"),
    [
        ("v:FLOAT=1", {}, 1.0),
        ("v:FLOAT?", {}, None),
        ("v:Object?", {}, None),
        ("v:Object=@Cube", {}, LiveRef("Object", "Cube", 1)),
        ("v:ID=@Cube", {"type": SocketType("ID")}, LiveRef("ID", "Cube", 1)),
        ("v:[Object]=@A,@B", {}, (LiveRef("Object", "A", 1), LiveRef("Object", "B", 2))),
        ("v:[FLOAT]=()", {"default": ()}, ()),
        ("v:[FLOAT]?=()", {}, ()),
        ("v:FLOAT", {"default": 0.5}, 0.5),
        ("v:MENU='A'", {"choices": ("A", "B")}, "A"),
        ("v:FLOAT=1.0", {"minimum": 0.0, "maximum": 1.0}, 1.0),
    ],
)
def test_unlinked_input_gives_its_value(socket: str, changes: dict[str, object], expected: Value) -> None:
    source = with_parameter(graph(f"b: {socket} ->"), "b.v", **changes)
    [constant] = sources(compile_graph(source), "b.v")
    assert constant == Constant(expected, source.nodes[0].inputs[0].parameter.type)


@pytest.mark.parametrize(
    ("socket", "changes", "message", "fix"),
    [
        ("v:FLOAT=2.0", {"maximum": 1.0}, "2.0 is above the maximum 1", "Give at most 1"),
        ("v:INT=-1", {"minimum": 0}, "-1 is below the minimum 0", "Give at least 0"),
        ("v:[INT]=(1,5)", {"minimum": 0, "maximum": 3}, "5 is above the maximum 3", "Give a number from 0 to 3"),
        ("v:FLOAT=1e999", {}, "inf is no finite number", "Give a finite number"),
        ("v:FLOAT=1" + "0" * 400, {}, "inf is no finite number", "Give a finite number"),
        ("v:STRING=0x1" + "0" * 5_000, {}, "the number is no text", "Give a text"),
        ("v:ANY={1}", {}, "{1} can't be written as JSON", "Give texts, numbers, lists and dicts of them"),
        ("v:ANY=(1e999,)", {}, "inf is no finite number", "Give a finite number"),
        ("v:Object=5", {}, "5 is no Object", "Choose an Object"),
        ("v:VECTOR=(0,0)", {}, "(0, 0) is not 3 numbers", "Give 3 numbers"),
        ("v:MATRIX=(0,0)", {}, "(0, 0) is not 16 numbers", "Give 16 numbers"),
        ("v:MENU='C'", {"choices": ("A", "B")}, "'C' is no choice of the menu", "Choose one of 'A', 'B'"),
        ("v:INT='a'", {}, "'a' is no whole number", "Give a whole number"),
        ("v:[Object]=(None,)", {}, "item 1: the Object is missing or was deleted", "Choose another Object"),
        ("v:Object=@Cube", {"type": SocketType("Mesh")}, '"Cube" is of type Object, not Mesh', "Choose a Mesh"),
    ],
)
def test_value_that_does_not_fit_is_a_problem(socket: str, changes: dict[str, object], message: str, fix: str) -> None:
    source = with_parameter(graph(f"b: {socket} ->"), "b.v", **changes)
    assert only_problem(source) == Problem("b", "V", message, fix, "b")


# Links.


@pytest.mark.parametrize(
    ("source", "target", "message", "fix"),
    [
        ("FLOAT", "INT", "float can't become int", "Round it in a script, or link an Integer"),
        ("Collection", "Object", "Collection can't become Object", "Put a Split Collection node between them"),
        ("Object", "Material", "Object can't become Material", "Link an output that gives a Material"),
        ("FLOAT", "ID", "float can't become ID", "Link an output that gives a data-block"),
        (
            "Object",
            "FLOAT",
            "Object can't become float",
            "Link an output that gives a float, or work it out from the Object in a script",
        ),
        ("[FLOAT]", "[INT]", "list of float can't become list of int", "Round it in a script, or link an Integer"),
    ],
)
def test_link_that_can_not_convert_is_a_problem(source: str, target: str, message: str, fix: str) -> None:
    problem = only_problem(graph(f"a: -> x:{source} ; b: v:{target} ->", "a.x > b.v"))
    assert problem == Problem("b", "V", message, fix, "b")


def test_link_wins_over_the_value_of_the_socket() -> None:
    plan = compile_graph(graph("a: -> x:INT ; b: v:FLOAT=0.5 ->", "a.x > b.v"))
    assert sources(plan, "b.v") == (FromTask("a", "x", SocketType("INT")),)


def test_list_takes_several_links_in_their_order() -> None:
    plan = compile_graph(
        graph(
            "a: -> x:FLOAT y:[FLOAT] ; in i: -> x:INT=3 ; b: v:[FLOAT] -> ; c: v:[Object] -> ; d: -> x:Collection",
            "a.y > b.v ; i.x > b.v ; a.x > b.v ; d.x > c.v",
        )
    )
    assert sources(plan, "b.v") == (
        FromTask("a", "y", FLOATS),
        Constant(3, SocketType("INT")),
        FromTask("a", "x", FLOAT),
    )
    assert not task(plan, "b").mapped
    assert not task(plan, "c").mapped


def test_several_links_into_a_single_value_are_a_problem() -> None:
    problem = only_problem(graph("a: -> x:INT y:INT ; b: v:INT ->", "a.x > b.v ; a.y > b.v"))
    assert problem.message == "2 links arrive where one value is wanted"
    assert (problem.node, problem.socket) == ("b", "V")


@pytest.mark.parametrize(
    ("links", "socket", "message"),
    [
        ("a.x > b.gone", "gone", "the socket is gone, but still linked"),
        ("a.gone > b.v", "V", 'the output "gone" of "a" it is linked to is gone'),
        ("lost.x > b.v", "V", "the node it is linked to is gone"),
    ],
)
def test_link_to_a_socket_that_is_gone_is_a_problem(links: str, socket: str, message: str) -> None:
    value = "=1" if socket == "gone" else ""
    problem = only_problem(graph(f"a: -> x:INT ; b: v:INT{value} ->", links))
    assert (problem.node, problem.socket, problem.message, problem.fix) == ("b", socket, message, "Remove the link")


@pytest.mark.parametrize(
    ("output", "target", "changes", "message"),
    [
        ("FLOAT=2.0", "FLOAT", {"maximum": 1.0}, "2.0 is above the maximum 1"),
        ("INT=2", "FLOAT", {"maximum": 1.0}, "2.0 is above the maximum 1"),
        ("[INT]=(0,2)", "FLOAT", {"maximum": 1.0}, "2.0 is above the maximum 1"),
        ("STRING='C'", "MENU", {"choices": ("A", "B")}, "'C' is no choice of the menu"),
        ("ANY='C'", "FLOAT", {}, "'C' is no number"),
        ("ID=@Cube", "Object", {}, '"Cube" is of type ID, not Object'),
        ("VECTOR=(0,)", "COLOR", {}, "(0,) is not 3 numbers"),
    ],
)
def test_linked_constant_is_checked_like_a_value(
    output: str, target: str, changes: dict[str, object], message: str
) -> None:
    source = with_parameter(graph(f"in i: -> x:{output} ; b: v:{target} ->", "i.x > b.v"), "b.v", **changes)
    problem = only_problem(source)
    assert problem.message == f"the linked value does not fit: {message}"
    assert (problem.node, problem.socket) == ("b", "V")


@pytest.mark.parametrize(
    ("output", "fix"),
    [("Object", "Choose an Object there"), ("ID", "Choose a data-block there"), ("PATH", "Set a path there")],
)
def test_linked_constant_of_none_is_a_problem_where_none_is_not_fine(output: str, fix: str) -> None:
    problem = only_problem(graph(f"in i: -> x:{output} ; b: v:{output} ->", "i.x > b.v"))
    assert problem == Problem("b", "V", "nothing is set on the linked node", fix, "b")


def test_linked_constant_of_none_is_fine_where_none_is() -> None:
    plan = compile_graph(graph("in i: -> x:Object ; b: v:Object? ->", "i.x > b.v"))
    assert sources(plan, "b.v") == (Constant(None, SocketType("Object")),)


def test_linked_constant_whose_conversion_happens_in_the_worker_travels_as_it_is() -> None:
    plan = compile_graph(graph("in i: -> x:FLOAT=1 ; b: v:VECTOR ->", "i.x > b.v"))
    assert sources(plan, "b.v") == (Constant(1.0, FLOAT),)


# Whole files.


@pytest.fixture
def blend_file(tmp_path: Path) -> str:
    path = tmp_path / "a.blend"
    path.write_bytes(b"BLENDER-v402" + bytes(100) + b"ENDB" + bytes(20))
    return str(path)


@pytest.mark.parametrize("kind", ["PATH", "STRING", "BLEND_FILE"])
def test_path_of_a_blend_file_becomes_one(blend_file: str, kind: str) -> None:
    plan = compile_graph(graph(f"in i: -> x:{kind}={blend_file!r} ; b: v:BLEND_FILE ->", "i.x > b.v"))
    assert sources(plan, "b.v") == (Constant(blend_file, SocketType(kind)),)
    assert not plan.takes_open_file


def test_empty_blend_file_is_the_open_one() -> None:
    assert compile_graph(graph("b: v:BLEND_FILE='' ->")).takes_open_file
    assert compile_graph(graph("in i: -> x:BLEND_FILE='' ; b: v:BLEND_FILE ->", "i.x > b.v")).takes_open_file


def test_list_of_files_maps_the_node(blend_file: str) -> None:
    text = f"in i: -> x:[BLEND_FILE]=({blend_file!r},'') ; b: v:BLEND_FILE ->"
    plan = compile_graph(graph(text, "i.x > b.v"))
    assert plan.tasks[0].mapped
    assert plan.takes_open_file


@pytest.mark.parametrize(
    ("content", "message", "fix"),
    [
        (None, "the file {path} is missing", "Choose another .blend file"),
        (b"", "{path} is no .blend file", "Choose a .blend file"),
        (b"BLENDER-v402" + bytes(100), "{path} is cut off: its end is missing", "Choose a whole .blend file"),
    ],
)
@pytest.mark.parametrize("kind", ["PATH", "BLEND_FILE", ""])
def test_file_that_is_none_is_a_problem_of_the_socket(
    tmp_path: Path, content: bytes | None, message: str, fix: str, kind: str
) -> None:
    path = tmp_path / "b.blend"
    if content is not None:
        path.write_bytes(content)
    linked = graph(f"in i: -> x:{kind}={str(path)!r} ; b: v:BLEND_FILE ->", "i.x > b.v") if kind else None
    problem = only_problem(linked or graph(f"b: v:BLEND_FILE={str(path)!r} ->"))
    assert problem.message.endswith(message.format(path=path))
    assert problem.fix.startswith(fix)
    assert (problem.node, problem.socket) == ("b", "V")


def test_empty_path_is_no_blend_file() -> None:
    problem = only_problem(graph("in i: -> x:STRING='' ; b: v:BLEND_FILE ->", "i.x > b.v"))
    assert problem.message == "the linked value does not fit: the path of the .blend file is empty"


def test_second_blend_file_of_a_script_is_a_problem() -> None:
    problem = only_problem(graph("b: v:BLEND_FILE='' w:BLEND_FILE='' ->"))
    assert problem.message == 'a script works on one Blend File, and "V" is one already'
    assert problem.socket == "W"


def reading_and_writing(
    read: Path, written: Path, links: str = "load.image > change.image ; change.image > save.image"
) -> Graph:
    nodes = f"""
        load: path:PATH={str(read)!r} -> image:Image ; change: image:Image? -> image:Image
        ; save: image:Image? path:PATH={str(written)!r}
    """
    return with_parameter(graph(nodes, links), "save.path", is_output_path=True)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    (tmp_path / "a.png").touch()
    return tmp_path / "a.png"


@pytest.mark.parametrize(
    ("path", "message", "fix"),
    [
        ("FOLDER/a.png/b.png", "a.png is no folder, so nothing can be in it", "Give another name"),
        ("FOLDER/a.png/deep/b.png", "a.png is no folder, so nothing can be in it", "Give another name"),
        ("FOLDER/nowhere/b.png", "nowhere is no folder, so nothing can be in it", "Give another name"),
        ("FOLDER/locked/b.png", "nothing can be written to FOLDER/locked", "Choose another folder"),
        ("FOLDER/locked/deep/b.png", "nothing can be written to FOLDER/locked", "Choose another folder"),
        ("FOLDER/locked", "nothing can be written to FOLDER/locked", "Choose another folder"),
        ("~other/b.png", "~other/b.png is no whole path", "Begin it with // for the folder of the open file"),
        ("$NOWHERE/b.png", "$NOWHERE/b.png is no whole path", "Begin it with // for the folder of the open file"),
        ("b.png", "b.png is no whole path", "Begin it with // for the folder of the open file"),
    ],
)
def test_place_where_nothing_can_be_written_is_a_problem(picture: Path, path: str, message: str, fix: str) -> None:
    folder = picture.parent
    (folder / "nowhere").symlink_to(folder / "gone")
    (folder / "locked").mkdir(0o555)
    locked = [each for each in (folder / "locked", Path("/proc/1")) if not os.access(each, os.W_OK)]
    if not locked:
        pytest.skip("nothing is locked for this user")
    path, message = (
        text.replace("FOLDER/locked", str(locked[0])).replace("FOLDER", str(folder)) for text in (path, message)
    )
    save = with_parameter(graph(f"save: path:PATH={path!r}"), "save.path", is_output_path=True)
    problem = only_problem(save)
    assert (problem.node, problem.socket) == ("save", "Path")
    assert message in problem.message
    assert problem.fix.startswith(fix)


@pytest.mark.parametrize("path", ["a.png", "b.png", "deep/deeper/b.png", "deep/", ""])
def test_place_where_a_file_or_folder_is_or_can_be_made_is_no_problem(picture: Path, path: str) -> None:
    path = f"{picture.parent}/{path}"
    compile_graph(with_parameter(graph(f"save: path:PATH={path!r}"), "save.path", is_output_path=True))


def test_file_that_is_read_and_written_over_by_what_is_made_of_it_is_a_problem(picture: Path) -> None:
    problem = only_problem(reading_and_writing(picture, picture))
    assert (problem.node, problem.socket) == ("save", "Path")
    assert problem.message == f'{picture} would be written over, though "load" reads it'


def test_other_file_and_folder_may_be_written(picture: Path) -> None:
    for read, written in ((picture, picture.with_name("b.png")), (picture.parent, picture.parent)):
        compile_graph(reading_and_writing(read, written))


def test_file_that_is_read_after_it_was_written_is_no_problem(picture: Path) -> None:
    nodes = f"save: path:PATH={str(picture)!r} -> image:Image ; load: image:Image? path:PATH={str(picture)!r}"
    for links in ("save.image > load.image", ""):
        compile_graph(with_parameter(graph(nodes, links), "save.path", is_output_path=True))


def test_node_may_write_over_the_file_that_it_reads(picture: Path) -> None:
    update = graph(f"update: source:PATH={str(picture)!r} target:PATH={str(picture)!r}")
    compile_graph(with_parameter(update, "update.target", is_output_path=True))


@pytest.mark.parametrize("kind", ["FLOAT", "ANY", "Object"])
def test_optional_list_without_a_link_is_empty(kind: str) -> None:
    (source,) = sources(compile_graph(graph(f"a: v:[{kind}]? -> x:FLOAT ; out o: w:FLOAT", "a.x > o.w")), "a.v")
    assert source == Constant((), SocketType(kind, is_list=True))


def test_empty_linked_list_is_a_problem_for_a_required_list() -> None:
    source = graph("in i: -> x:[INT]=() ; b: v:[INT] ->", "i.x > b.v")
    assert only_problem(source).message == "the linked list is empty"
    assert sources(compile_graph(with_parameter(source, "b.v", default=())), "b.v")[0].value == ()


# Mapped nodes.


@pytest.mark.parametrize(
    ("output", "target"), [("FLOAT", "FLOAT"), ("INT", "FLOAT"), ("Object", "ID"), ("INT", "ANY"), ("ANY", "ANY")]
)
def test_list_into_a_single_value_maps_the_node_and_all_behind_it(output: str, target: str) -> None:
    plan = compile_graph(
        graph(
            f"a: -> x:[{output}] ; b: v:{target} w:INT=1 -> y:INT z:[INT] ; c: v:INT -> ; d: v:[INT] -> ",
            "a.x > b.v ; b.y > c.v ; b.z > d.v",
        )
    )
    assert [argument.parameter.identifier for argument in task(plan, "b").mapped] == ["v"]
    integers = SocketType("INT", is_list=True)
    assert sources(plan, "c.v") == (FromTask("b", "y", integers),)
    assert task(plan, "c").mapped
    assert sources(plan, "d.v") == (FromTask("b", "z", integers),)
    assert not task(plan, "d").mapped


def test_result_of_a_mapped_node_comes_home_as_a_list() -> None:
    plan = compile_graph(graph("in i: -> x:[FLOAT]=(1.0,2.0) ; b: v:FLOAT -> y:INT", "i.x > b.v"))
    assert task(plan, "b").outputs[0].type == SocketType("INT")
    integers = SocketType("INT", is_list=True)
    assert plan.deliveries == (Delivery("b", "y", (FromTask("b", "y", integers),)),)


def test_mapped_lists_of_known_and_different_lengths_are_a_problem() -> None:
    source = graph(
        "in i: -> x:[INT]=(1,2) y:[INT]=(1,2,3) ; a: -> x:[INT] ; b: v:INT w:INT u:INT ->",
        "i.x > b.v ; i.y > b.w ; a.x > b.u",
    )
    problem = only_problem(source)
    assert problem.message == "the lists it runs over are of different lengths: V has 2, W has 3"


# What comes home.


def test_output_node_takes_a_result_home_and_consumes_it() -> None:
    plan = compile_graph(graph("a: -> x:INT y:INT ; out o: v:ANY", "a.x > o.v"))
    assert plan.deliveries == (
        Delivery("a", "y", (FromTask("a", "y", SocketType("INT")),)),
        Delivery("o", "v", (FromTask("a", "x", SocketType("INT")),), KEEP),
    )


def test_kept_result_comes_home_although_it_is_consumed() -> None:
    links = "a.x > b.v"
    assert deliveries(compile_graph(graph("keep a: -> x:INT ; b: v:INT -> y:INT", links))) == ["a.x", "b.y"]
    assert deliveries(compile_graph(graph("a: -> x:INT ; b: v:INT -> y:INT", links))) == ["b.y"]


def test_consumer_that_is_not_needed_consumes_nothing() -> None:
    source = graph("a: -> x:INT ; b: v:INT -> y:INT", "a.x > b.v")
    assert deliveries(compile_graph(source, until="a")) == ["a.x"]


def test_muted_output_node_leaves_the_result_to_its_node() -> None:
    assert deliveries(compile_graph(graph("a: -> x:INT ; muted out o: v:INT", "a.x > o.v"))) == ["a.x"]


def test_constant_linked_straight_to_an_output_node_comes_home() -> None:
    plan = compile_graph(graph("in i: -> x:Object=@Cube ; out o: v:ID", "i.x > o.v"))
    assert plan.tasks == ()
    constant = Constant(LiveRef("Object", "Cube", 1), SocketType("Object"))
    assert plan.deliveries == (Delivery("o", "v", (constant,), KEEP),)


def test_part_for_a_result_is_what_brings_that_home_and_no_more() -> None:
    nodes = "a: -> x:Object ; b: v:Object -> y:Object ; c: -> z:Object ; out o: v:ID ; out p: v:ID"
    plan = compile_graph(graph(nodes, "a.x > b.v ; b.y > o.v ; c.z > p.v"))
    part = plan.part_for("b", "y")
    assert (names(part), deliveries(part)) == ("a b", ["o.v"])
    part = plan.part_for("a", "x")
    assert (names(part), deliveries(part), part.deliveries[0].action) == ("a", ["a.x"], OutputAction(OutputMode.LINK))
    with pytest.raises(RunError, match="Run the node tree again"):
        plan.part_for("a", "other")


@pytest.mark.parametrize("links", ["", "r.out > o.v"])
def test_output_node_with_nothing_linked_is_a_problem(links: str) -> None:
    problem = only_problem(graph("a: -> ; reroute r: ; out o: v:ID", links))
    assert (problem.node, problem.message) == ("o", "nothing is linked to it")


def test_output_node_refuses_what_it_can_not_take_home() -> None:
    problem = only_problem(graph("a: -> x:FLOAT ; out o: v:ID", "a.x > o.v"))
    assert (problem.node, problem.socket, problem.message) == ("o", "V", "float can't become ID")


# The nodes' own problems.


def test_problems_of_the_reader_are_reported_for_needed_nodes_only() -> None:
    problem = Problem("a", "", "syntax error: invalid syntax", "Correct the script", "a", 3)
    source = with_node(graph("a: -> ; b: ->"), "a", problems=(problem,))
    assert only_problem(source) == problem
    assert names(compile_graph(source, until="b")) == "b"


def test_node_without_script_is_a_problem_and_what_it_feeds_is_none() -> None:
    source = with_node(graph("a: -> x:INT ; b: v:INT ->", "a.x > b.v"), "a", script=None)
    assert only_problem(source).message == "there is no script"


def test_node_without_script_whose_reader_said_so_is_one_problem() -> None:
    problem = Problem("a", "", "its text was deleted", "Choose a text", "a")
    source = with_node(graph("a: -> x:INT"), "a", script=None, problems=(problem,))
    assert only_problem(source) == problem


def test_nodes_with_the_same_id_are_a_problem() -> None:
    found = problems(graph("a: -> ; a: ->"))
    assert [problem.message for problem in found] == ["another node has the same id"] * 2


def test_all_problems_come_at_once_in_the_order_of_the_nodes() -> None:
    found = problems(
        graph(
            "d: v:INT -> ; c: v:INT w:INT='a' -> ; a: -> x:FLOAT ; out o: v:ID ; e: v:VECTOR=(1,) ->",
            "a.x > c.v",
        )
    )
    assert [(problem.node, problem.socket) for problem in found] == [
        ("d", "V"),
        ("c", "V"),
        ("c", "W"),
        ("o", ""),
        ("e", "V"),
    ]
    assert all(problem.fix and problem.node_id == problem.node for problem in found)


def test_constant_that_does_not_fit_two_inputs_is_a_problem_at_each() -> None:
    found = problems(graph("in i: -> x:Object ; b: v:Object -> ; c: v:Object ->", "i.x > b.v ; i.x > c.v"))
    assert [problem.node for problem in found] == ["b", "c"]


# Size.


def chain(length: int, words: str = "") -> Graph:
    template = graph(f"a: -> x:INT ; {words} n: v:INT -> x:INT")
    first, rest = template.nodes
    nodes = (first, *(replace(rest, id=f"n{i}", name=f"n{i}") for i in range(length)))
    links = (GraphLink(nodes[i].id, "x", nodes[i + 1].id, "v") for i in range(length))
    return replace(template, nodes=nodes, links=tuple(links))


@pytest.mark.parametrize("words", ["", "muted", "reroute"])
@pytest.mark.parametrize("is_reversed", [False, True])
def test_chain_of_ten_thousand_nodes_compiles_in_a_moment(words: str, is_reversed: bool) -> None:
    source = chain(10_000, words)
    if is_reversed:
        source = replace(source, nodes=source.nodes[::-1], links=source.links[::-1])
    start = time.process_time()
    plan = compile_graph(source)
    assert time.process_time() - start < SECONDS
    assert len(plan.tasks) == (1 if words else 10_001)
    assert plan.tasks[0].rank == len(plan.tasks) - 1


def test_tangle_of_ten_thousand_nodes_is_refused_in_a_moment() -> None:
    chance = random.Random(1)
    nodes = chain(10_000).nodes
    links = tuple(GraphLink(chance.choice(nodes).id, "x", node.id, "v") for node in nodes[1:] for _ in range(3))
    start = time.process_time()
    found = problems(Graph("tangle", nodes, links))
    assert time.process_time() - start < SECONDS
    assert any("circle" in problem.message for problem in found)


def test_star_of_ten_thousand_nodes_compiles_in_a_moment() -> None:
    center, leaf = graph("a: v:[INT] -> x:INT ; n: v:INT=1 -> x:INT").nodes
    leaves = [replace(leaf, id=f"n{i}", name=f"n{i}") for i in range(10_000)]
    links = tuple(GraphLink(node.id, "x", "a", "v") for node in leaves)
    start = time.process_time()
    plan = compile_graph(Graph("star", (center, *leaves), links))
    assert time.process_time() - start < SECONDS
    assert plan.tasks[-1].id == "a"
    assert len(plan.tasks[-1].dependencies) == 10_000
