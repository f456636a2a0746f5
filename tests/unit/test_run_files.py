"""What the tasks of a run are told of each other and of the artist's files. Plans are written as in `plan_text`."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from background_nodes.runtime.engine.messages import Execute, GivenArgument, Piece, SharedFiles
from background_nodes.runtime.engine.own_files import Owner, claim, items, using
from background_nodes.runtime.engine.run_files import RunFiles, read_context
from background_nodes.runtime.errors import StoreError
from background_nodes.runtime.planning.destinations import FilesInUse, NumberedFiles
from background_nodes.runtime.planning.graph import SceneSettings
from background_nodes.runtime.planning.plan import PlannedTask
from background_nodes.runtime.scratch.scratch import Scratch
from background_nodes.runtime.scratch.typed_values import TypedValue
from background_nodes.runtime.script.socket_types import SocketType

from .plan_text import SCRIPT, parse_plan

IN_USE = FilesInUse(
    "/me.blend", ("/library.blend",), ("/a.png", "/b.png"), (NumberedFiles("/shot", r"(\d+)\.png"),), ("/a.wav",)
)

Begin = Callable[[], RunFiles]


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    made = Scratch(tmp_path)
    yield made
    made.close()


@pytest.fixture
def begin(scratch: Scratch) -> Iterator[Begin]:
    """Begins a run that has files; it ends with the test."""
    with contextlib.ExitStack() as ends:

        def begun() -> RunFiles:
            files = RunFiles(scratch, IN_USE)
            ends.callback(files.end)
            return files

        yield begun


def columns(task: PlannedTask) -> dict[str, list[object]]:
    return {argument.parameter.identifier: [1.0, 2.0] for argument in task.mapped}


def request(shared: SharedFiles, task: str, item: int = 0) -> Execute:
    return Execute(task.title(), SCRIPT, (), (), SceneSettings(), "9.blend", "9.log", (), "", task, item, shared)


def test_a_worker_learns_of_the_artists_files_and_of_the_other_items(scratch: Scratch, begin: Begin) -> None:
    files = begin()
    _, mapped = parse_plan("a[]; b: *a").tasks
    context = read_context(request(files.shared(mapped, 0, columns), "b", 1), scratch.folder)
    assert (context.owner, list(context.columns().values())) == (Owner("b", 1, "B"), [[1.0, 2.0]])
    assert list(context.in_use()) == [IN_USE]


@pytest.mark.parametrize("annotation", ["Path", ""], ids=["main", "without main"])
def test_paths_are_whole_for_scripts_of_both_kinds(scratch: Scratch, annotation: str) -> None:
    path = SocketType("PATH")
    given = GivenArgument("to", "To", path, (Piece(TypedValue(path, "//a")),), annotation)
    asked = dataclasses.replace(request(SharedFiles(), "a"), arguments=(given,))
    with using(read_context(asked, scratch.folder, lambda text: text.replace("//", "/mine/"))):
        assert items(to="//a") == [{"to": "/mine/a"}]


def test_a_worker_learns_of_files_that_become_the_artists_while_it_works(scratch: Scratch, begin: Begin) -> None:
    """1. The open file is saved as b.blend before a task starts, 2. as c.blend after that, 3. and twice more."""
    files = begin()
    (task,) = parse_plan("a").tasks
    second, third = (dataclasses.replace(IN_USE, open_file=name) for name in ("/b.blend", "/c.blend"))
    files.protect(second)
    context = read_context(request(files.shared(task, 0, columns), "a"), scratch.folder)
    assert list(context.in_use()) == [IN_USE, second]
    for in_use in (third, second, third):
        files.protect(in_use)
    assert list(context.in_use()) == [IN_USE, second, third]


def test_files_that_can_not_be_read_stop_a_task_from_writing(scratch: Scratch, begin: Begin, tmp_path: Path) -> None:
    files = begin()
    (task,) = parse_plan("a").tasks
    context = read_context(request(files.shared(task, 0, columns), "a"), scratch.folder)
    scratch.file(files.names()[0]).with_suffix(".0.in_use.json").unlink()
    (tmp_path / "a.txt").touch()
    with using(context), pytest.raises(StoreError, match="can't be read"):
        claim(tmp_path / "a.txt")


def test_what_the_other_items_are_given_is_read_if_a_script_asks_for_it(scratch: Scratch, begin: Begin) -> None:
    """Else each of ten thousand items would read what all of them are given."""
    _, mapped = parse_plan("a[]; b: *a").tasks
    shared = begin().shared(mapped, 0, columns)
    scratch.file(shared.items).unlink()
    with using(read_context(request(shared, "b", 1), scratch.folder)), pytest.raises(StoreError, match="can't be read"):
        items()


def test_items_are_written_once_and_again_after_a_retry(begin: Begin) -> None:
    files = begin()
    _, mapped = parse_plan("a[]; b: *a").tasks
    first, second, retried = (files.shared(mapped, change, columns) for change in (0, 0, 1))
    assert first is second
    assert first.place == retried.place
    assert first.items != retried.items
