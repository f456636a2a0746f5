# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks gave, and what items are given of it. Plans are written as in `plan_text`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from background_nodes.runtime.engine.messages import Execute, SharedFiles
from background_nodes.runtime.engine.results import Results
from background_nodes.runtime.errors import MisfitError
from background_nodes.runtime.planning.graph import SceneSettings
from background_nodes.runtime.planning.plan import Argument, Plan, PlannedTask
from background_nodes.runtime.planning.sources import Constant, FromTask
from background_nodes.runtime.scratch.scratch import Scratch
from background_nodes.runtime.scratch.typed_values import TypedValue
from background_nodes.runtime.script.blend_files import FileCopy
from background_nodes.runtime.script.signature import Parameter
from background_nodes.runtime.script.socket_types import OPEN_FILE, LiveRef, SocketType, StoredRef

from .plan_text import FLOAT, FLOATS, SCRIPT, of_meshes, parse_plan

MESH = SocketType("Mesh")
MESHES = SocketType("Mesh", is_list=True)
FILE = SocketType("BLEND_FILE")


Made = Callable[..., Results]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """Makes results whose values are in a scratch folder."""
    scratch = Scratch(tmp_path / "stores")
    yield functools.partial(Results, scratch)
    scratch.close()


def tasks_of(plan: Plan) -> dict[str, PlannedTask]:
    return {task.id: task for task in plan.tasks}


def ref(name: str, blob: str = "1.blend") -> StoredRef:
    return StoredRef("Mesh", name, "", blob)


def given(results: Results, tasks: dict[str, PlannedTask], task: str, item: int = 0) -> list[list[object]]:
    """The values of the pieces of each argument that an item is given."""
    return [[piece.value.content for piece in each.pieces] for each in request(results, tasks, task, item).arguments]


def request(results: Results, tasks: dict[str, PlannedTask], task: str, item: int = 0) -> Execute:
    return results.request(
        tasks[task], item, tasks, SceneSettings(), "9.blend", "9.log", SharedFiles(), is_digested=False
    )


def with_argument(value: object, kind: SocketType, name: str = "a") -> PlannedTask:
    argument = Argument(Parameter("value", "Value", kind), (Constant(value, kind),))
    return PlannedTask(name, name.title(), SCRIPT, (argument,))


# What comes out of a task


def test_a_result_is_there_once_its_item_succeeded(made: Made) -> None:
    results = made({})
    assert results.item("a", 0) is None
    results.put("a", 0, {"result": TypedValue(FLOAT, 0.5)})
    assert results.item("a", 0) == {"result": TypedValue(FLOAT, 0.5)}
    assert results.item("a", 1) is None


def test_the_output_of_a_mapped_task_is_in_the_order_of_its_items(made: Made) -> None:
    results, tasks = made({}), tasks_of(parse_plan("a: *3"))
    for item in (2, 0, 1):
        results.put("a", item, {"result": TypedValue(FLOAT, float(item))})
    assert results.output(tasks["a"], "result") == TypedValue(FLOATS, (0.0, 1.0, 2.0))


def test_lists_of_the_items_of_a_mapped_task_are_joined(made: Made) -> None:
    results, tasks = made({}), tasks_of(parse_plan("a[]: *3"))
    for item, floats in enumerate([(1.0, 2.0), (), (3.0,)]):
        results.put("a", item, {"result": TypedValue(FLOATS, floats)})
    assert results.output(tasks["a"], "result") == TypedValue(FLOATS, (1.0, 2.0, 3.0))


# What goes into one


def test_a_mapped_argument_gives_each_item_its_own_and_others_give_all(made: Made) -> None:
    results, tasks = made({}), tasks_of(parse_plan("a[]; b: *a; c: b *a"))
    results.put("a", 0, {"result": TypedValue(FLOATS, (1.0, 2.0))})
    assert [given(results, tasks, "b", item) for item in (0, 1)] == [[[1.0]], [[2.0]]]
    for item in (0, 1):
        results.put("b", item, {"result": TypedValue(FLOAT, item + 0.5)})
    assert given(results, tasks, "c", 1) == [[(0.5, 1.5)], [2.0]]


def test_each_source_of_an_argument_is_a_piece_with_its_conversion(made: Made) -> None:
    sources = Constant(1, SocketType("INT")), FromTask("a", "result", FLOAT)
    taking = PlannedTask("b", "B", SCRIPT, (Argument(Parameter("values", "Values", FLOATS), sources),))
    results, tasks = made({}), {**tasks_of(parse_plan("a")), "b": taking}
    results.put("a", 0, {"result": TypedValue(FLOAT, 0.5)})
    (argument,) = request(results, tasks, "b").arguments
    assert [(piece.value, piece.conversion) for piece in argument.pieces] == [
        (TypedValue(SocketType("INT"), 1), "float"),
        (TypedValue(FLOAT, 0.5), ""),
    ]


@pytest.mark.parametrize(
    ("value", "kind", "sent"),
    [
        (LiveRef("Mesh", "m", 1), MESH, ref("m")),
        (None, MESH, None),
        ((LiveRef("Mesh", "n", 2), None), MESHES, (ref("n"), None)),
        ((0.5, (1.0, 2.0)), SocketType("ANY"), (0.5, (1.0, 2.0))),
    ],
)
def test_the_open_files_data_blocks_come_from_the_snapshot(
    made: Made, value: object, kind: SocketType, sent: object
) -> None:
    results = made({LiveRef("Mesh", "m", 1): ref("m"), LiveRef("Mesh", "n", 2): ref("n")})
    assert given(results, {"a": with_argument(value, kind)}, "a") == [[sent]]


def test_a_value_that_changed_is_sent_however_often_it_changes(made: Made) -> None:
    """Constants were keyed by `id()`, which a new one may share with an old one: some requests had an old value."""
    results = made({})
    for number in range(100):
        task = with_argument(float(f"{number}.5"), FLOAT)
        results.forget_inputs()
        assert given(results, {"a": task}, "a") == [[number + 0.5]]
        del task


# Where data-blocks are


def test_gathered_data_blocks_come_from_where_they_are_now(made: Made) -> None:
    results, tasks = made({}), tasks_of(of_meshes("a[]; b: a"))
    results.put("a", 0, {"result": TypedValue(MESHES, (ref("x", "1.blend"), None, ref("y", "2.blend")))})
    assert given(results, tasks, "b") == [[(ref("x", "1.blend"), None, ref("y", "2.blend"))]]
    results.move([ref("x", "1.blend"), ref("y", "2.blend")], [ref("x", "3.blend"), ref("y", "3.blend")])
    moved = (ref("x", "3.blend"), None, ref("y", "3.blend"))
    assert given(results, tasks, "b") == [[moved]]
    assert results.item("a", 0) == {"result": TypedValue(MESHES, moved)}
    assert results.output(tasks["a"], "result") == TypedValue(MESHES, moved)
    assert list(results.shared_refs(tasks["b"], tasks)) == [moved[0], moved[2]]


def test_what_was_gathered_and_gathered_again_comes_from_the_last_place(made: Made) -> None:
    results = made({})
    results.put("a", 0, {"result": TypedValue(MESH, ref("x", "1.blend"))})
    results.move([ref("x", "1.blend")], [ref("x", "2.blend")])
    results.move([ref("x", "2.blend")], [ref("x.001", "3.blend")])
    assert results.item("a", 0) == {"result": TypedValue(MESH, ref("x.001", "3.blend"))}


def test_data_blocks_of_the_snapshot_are_gathered_too(made: Made) -> None:
    results = made({LiveRef("Mesh", "m", 1): ref("m")})
    results.move([ref("m")], [ref("m", "2.blend")])
    assert given(results, {"a": with_argument(LiveRef("Mesh", "m", 1), MESH)}, "a") == [[ref("m", "2.blend")]]


# Whole files


@pytest.fixture
def blend_file(tmp_path: Path) -> str:
    path = tmp_path / "scene.blend"
    path.write_bytes(b"BLENDER-v502" + b"\0" * 64 + b"ENDB")
    return str(path)


def test_a_task_on_a_file_is_given_its_copy_and_its_path(made: Made, blend_file: str) -> None:
    results, tasks = made({}), {"a": with_argument(blend_file, FILE)}
    assert results.blend_file(tasks["a"], 0, tasks) == blend_file
    results.copies[blend_file] = FileCopy("7.blend", blend_file)
    sent = request(results, tasks, "a")
    assert (sent.file_copy, [piece.value.content for piece in sent.arguments[0].pieces]) == ("7.blend", [blend_file])


def test_a_task_on_the_open_file_is_given_its_copy(made: Made) -> None:
    tasks = {"a": with_argument(OPEN_FILE, FILE)}
    results = made({}, FileCopy("7.blend", "/home/me/me.blend"))
    assert results.blend_file(tasks["a"], 0, tasks) == OPEN_FILE
    assert request(results, tasks, "a").file_copy == "7.blend"


def test_a_task_on_no_file_has_none(made: Made) -> None:
    tasks = tasks_of(parse_plan("a"))
    assert made({}).blend_file(tasks["a"], 0, tasks) is None
    assert request(made({}), tasks, "a").file_copy == ""


@pytest.mark.parametrize(("value", "told"), [("", "is empty"), ("me.blend", "no whole path"), (3, "3 is no path")])
def test_what_is_linked_to_a_file_and_names_none_is_refused_and_the_socket_named(
    made: Made, value: object, told: str
) -> None:
    """An empty path on a socket means the open file; an empty text from another task does not."""
    argument = Argument(Parameter("file", "File", FILE), (FromTask("a", "result", SocketType("ANY")),))
    tasks = {**tasks_of(parse_plan("a")), "b": PlannedTask("b", "B", SCRIPT, (argument,))}
    results = made({}, FileCopy("7.blend", ""))
    results.put("a", 0, {"result": TypedValue(SocketType("ANY"), value)})
    with pytest.raises(MisfitError, match=rf'socket "File": .*{told}'):
        results.blend_file(tasks["b"], 0, tasks)


def test_a_file_that_was_copied_is_not_looked_at_again(made: Made, blend_file: str) -> None:
    """The file may be removed or half saved by then; all items get the same copy."""
    results, tasks = made({}), {"a": with_argument(blend_file, FILE)}
    results.copies[blend_file] = FileCopy("7.blend", blend_file)
    Path(blend_file).unlink()
    assert results.blend_file(tasks["a"], 0, tasks) == blend_file


# No more work than there are items


def test_what_many_items_take_is_made_once(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapped task that also takes the whole list walked it once an item: 2,000 items took 9.8 s."""
    asked: list[Any] = []
    output = Results.output

    def counted(self: Results, task: PlannedTask, identifier: str) -> TypedValue:
        asked.append(identifier)
        return output(self, task, identifier)

    monkeypatch.setattr(Results, "output", counted)
    (many, _) = of_meshes("a[]; b: *a").tasks
    each, whole = (
        Argument(
            Parameter(name, name, MESH if name == "each" else MESHES),
            (FromTask("a", "result", MESHES),),
            name == "each",
        )
        for name in ("each", "whole")
    )
    tasks = {"a": many, "b": PlannedTask("b", "B", SCRIPT, (each, whole))}
    results = made({})
    results.put("a", 0, {"result": TypedValue(MESHES, tuple(ref(str(number)) for number in range(500)))})
    for item in range(500):
        list(results.own_refs(tasks["b"], item, tasks))
        request(results, tasks, "b", item)
    assert len(asked) == 2
    assert given(results, tasks, "b", 499)[0] == [ref("499")]
    assert len(results.files) == 1, "the whole list is written once"


# Places


def test_place_of_an_element_is_the_same_whichever_items_succeeded(made: Made) -> None:
    (task,) = of_meshes("a *2").tasks
    results = made({})

    def placed() -> list[tuple[str, object]]:
        return list(results.placed(FromTask("a", "result", MESHES), {"a": task}))

    results.put("a", 1, {"result": TypedValue(MESH, ref("B"))})
    assert placed() == [("1", ref("B"))]
    results.put("a", 0, {"result": TypedValue(MESH, ref("A"))})
    assert placed() == [("0", ref("A")), ("1", ref("B"))]
    results.put("a", 1, {"result": TypedValue(MESHES, (ref("B"), ref("C")))})
    assert placed() == [("0", ref("A")), ("1.0", ref("B")), ("1.1", ref("C"))]
