"""What the tasks of a run are told of each other and of the artist's files. Plans are written as in `plan_text`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from background_nodes.runtime.engine.messages import Execute, SharedFiles
from background_nodes.runtime.engine.own_files import Owner
from background_nodes.runtime.engine.run_files import RunFiles, read_context
from background_nodes.runtime.planning.destinations import FilesInUse
from background_nodes.runtime.planning.graph import SceneSettings
from background_nodes.runtime.planning.plan import PlannedTask
from background_nodes.runtime.scratch.scratch import Scratch

from .plan_text import SCRIPT, parse_plan

IN_USE = FilesInUse("/me.blend", ("/library.blend",), ("/a.png", "/b.png"))


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    made = Scratch(tmp_path)
    yield made
    made.close()


def columns(task: PlannedTask) -> dict[str, list[object]]:
    return {argument.parameter.identifier: [1.0, 2.0] for argument in task.mapped}


def request(shared: SharedFiles, task: str, item: int = 0) -> Execute:
    return Execute(task.title(), SCRIPT, (), (), SceneSettings(), "9.blend", "9.log", (), "", task, item, shared)


def test_a_worker_learns_of_the_artists_files_and_of_the_other_items(scratch: Scratch) -> None:
    files = RunFiles(scratch, IN_USE)
    _, mapped = parse_plan("a[]; b: *a").tasks
    context = read_context(request(files.shared(mapped, 0, columns), "b", 1), scratch.folder)
    assert (context.owner, context.in_use, list(context.columns.values())) == (Owner("b", 1, "B"), IN_USE, [[1.0, 2.0]])


def test_images_are_in_no_request(scratch: Scratch) -> None:
    (task,) = parse_plan("a").tasks
    assert RunFiles(scratch, IN_USE).shared(task, 0, columns).in_use.images == ()


def test_items_are_written_once_and_again_after_a_retry(scratch: Scratch) -> None:
    files = RunFiles(scratch, IN_USE)
    _, mapped = parse_plan("a[]; b: *a").tasks
    first, second, retried = (files.shared(mapped, change, columns) for change in (0, 0, 1))
    assert first is second
    assert first.place == retried.place
    assert first.items != retried.items
