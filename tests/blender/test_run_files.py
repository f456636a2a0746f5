"""Files that the tasks of a run write: none over another one's, none over the artist's."""

from __future__ import annotations

import textwrap
import time

import bpy
import numpy as np
import pytest

import background_nodes
from tests.blender.jobs import PATIENCE
from tests.blender.jobs import add as add_job

from .graphs import add, give, new_tree, quad, script, value

WRITE = """
    from background_nodes.script import claim

    def main(path: str, text: str) -> str:
        with open(claim(path), "w") as file:
            file.write(text)
        return path
"""


@pytest.fixture
def tree():
    return new_tree()


def library(tree, name: str, path: str, **inputs):
    node = add(tree, "BackgroundNodeScript", name)
    node.library_script = path
    give(node, **inputs)
    return node


def errors(run) -> dict[str, str]:
    return {name: task.error.message for name, task in run.tasks.items() if task.error}


def saved_image(path, color=(1.0, 0.0, 0.0, 1.0)) -> bpy.types.Image:
    image = bpy.data.images.new("Image", 4, 4)
    image.pixels.foreach_set(np.tile(np.float32(color), 16))
    image.file_format = "PNG"
    image.filepath_raw = str(path)
    image.save()
    return image


def test_names_that_meet_get_files_of_their_own_in_each_run(tree, tmp_path):
    sources = value(tree, "Object", [quad("Wall/A"), quad("Wall:A"), quad("wall_a")], is_list=True)
    folder = str(tmp_path / "out") + "/"
    node = library(tree, "Export", "import_export/export_each_obj", source=sources, folder=folder, materials=False)
    for _run in range(2):
        assert errors(background_nodes.run(tree, workers=2)) == {}
        assert [path.rpartition("/")[2] for path in node.outputs[0].result] == [
            "Wall_A.obj",
            "Wall_A_2.obj",
            "wall_a_3.obj",
        ]
        assert len(list((tmp_path / "out").iterdir())) == 3


def test_items_know_what_the_others_are_given(tree, tmp_path):
    source = """
        from background_nodes.script import items

        def main(item: bpy.types.Object, text: str, count: int, path: Path = Path("a/")) -> list[str]:
            return [f"{each}" for each in items(item=item.name, count=count, path=path)]
    """
    inputs = {
        "item": value(tree, "Object", [quad("A"), quad("B")], is_list=True),
        "text": value(tree, "STRING", ["x", "y"], is_list=True),
    }
    node = script(tree, "Node", "from pathlib import Path\n" + source.replace("\n        ", "\n"), count=3, **inputs)
    node.inputs["Path"].default_value = "//b/"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "own.blend"))
    assert errors(background_nodes.run(tree)) == {}
    each = [str({"item": name, "count": 3, "path": f"{tmp_path}/b/"}) for name in "AB"]
    assert node.outputs[0].result == (*each, *each)


def test_two_nodes_with_one_path_are_an_error_at_one_of_them(tree, tmp_path):
    path = str(tmp_path / "out.txt")
    for name in ("First", "Second"):
        script(tree, name, WRITE, path=path, text=name)
    found = errors(background_nodes.run(tree, workers=1))
    ((failed, message),) = found.items()
    other = {"First": "Second", "Second": "First"}[failed]
    assert f'{path} is written by item 1 of "{other}" in this run, too; choose another name' in message
    assert (tmp_path / "out.txt").read_text() == other


def test_file_of_a_cached_node_is_not_written_over(tree, tmp_path, store):
    path = tmp_path / "first.txt"
    script(tree, "First", WRITE, path=str(path), text="First")
    second = script(tree, "Second", WRITE, path=str(tmp_path / "second.txt"), text="Second")
    assert errors(background_nodes.run(tree, workers=1)) == {}
    second.inputs["Path"].default_value = str(path)
    for _ in range(2):
        run = background_nodes.run(tree, workers=1)
        assert run.tasks["First"].cached
        assert f'{path} is written by item 1 of "First" in this run, too' in errors(run)["Second"]
        assert path.read_text() == "First"


def test_file_of_a_cached_item_is_not_written_over(tree, tmp_path, store):
    numbers = value(tree, "INT", [1, 2], is_list=True)
    source = """
        from background_nodes.script import claim

        def main(number: int, folder: str) -> str:
            claim(f"{folder}/{min(number, 2)}.txt").write_text(str(number))
            return ""
    """
    script(tree, "Node", source, number=numbers, folder=str(tmp_path))
    assert errors(background_nodes.run(tree, workers=1)) == {}
    numbers.outputs[0].default_value = [3, 2]
    run = background_nodes.run(tree, workers=1)
    assert [item.cached for item in run.tasks["Node"].items] == [False, True]
    assert 'is written by item 2 of "Node" in this run, too' in errors(run)["Node"]
    assert (tmp_path / "2.txt").read_text() == "2"


RETURN = """
    from pathlib import Path

    def main(number: int, folder: str) -> Path:
        file = Path(folder) / f"{number % 2}.txt"
        if number:
            file.write_text(str(number))
        return file
"""


@pytest.mark.parametrize("is_kept", [False, True])
def test_items_that_write_and_return_one_file_are_an_error(tree, tmp_path, store, is_kept):
    numbers = value(tree, "INT", [1, 2], is_list=True)
    script(tree, "Node", RETURN, number=numbers, folder=str(tmp_path))
    if is_kept:
        assert errors(background_nodes.run(tree, workers=1)) == {}
    numbers.outputs[0].default_value = [1, 3]
    run = background_nodes.run(tree, workers=1)
    assert 'is written by item 1 of "Node" in this run, too' in errors(run)["Node"]
    assert run.tasks["Node"].items[0].cached == is_kept


def test_items_may_return_one_file_that_was_there_before(tree, tmp_path):
    (tmp_path / "0.txt").write_text("before")
    while time.time() < (tmp_path / "0.txt").stat().st_mtime + 0.1:
        time.sleep(0.01)
    numbers = value(tree, "INT", [0, 0], is_list=True)
    node = script(tree, "Node", RETURN, number=numbers, folder=str(tmp_path))
    assert errors(background_nodes.run(tree, workers=1)) == {}
    assert node.outputs[0].result == (str(tmp_path / "0.txt"),) * 2


def test_items_may_return_what_they_were_given(tree, tmp_path):
    source = """
        from pathlib import Path

        def main(number: int, path: Path) -> Path:
            path.write_text(str(number))
            return path
    """
    numbers = value(tree, "INT", [0, 1], is_list=True)
    script(tree, "Node", source, number=numbers, path=str(tmp_path / "log.txt"))
    assert errors(background_nodes.run(tree, workers=1)) == {}


def test_item_whose_worker_died_writes_its_file_again(tree, tmp_path):
    source = """
        import os
        from background_nodes.script import claim

        def main(path: str) -> bool:
            if not os.path.exists(claim(path)):
                open(path, "w").close()
                os._exit(1)
            return True
    """
    node = script(tree, "Node", source, path=str(tmp_path / "out.txt"))
    assert errors(background_nodes.run(tree)) == {}
    assert node.outputs[0].result is True


def test_file_of_an_item_that_failed_is_free_for_the_next(tree, tmp_path):
    source = """
        from background_nodes.script import claim

        def main(number: int, path: str) -> int:
            claim(path)
            if not number:
                raise ValueError("not yet")
            return number
    """
    numbers = value(tree, "INT", [0, 1], is_list=True)
    script(tree, "Node", source, number=numbers, path=str(tmp_path / "out.txt"))
    run = background_nodes.run(tree, workers=1)
    assert [item.error and item.error.message for item in run.tasks["Node"].items] == [
        "ValueError: not yet",
        None,
    ]


@pytest.mark.parametrize("is_packed", [False, True])
def test_image_of_the_scene_is_not_written_over_unless_it_is_packed(tree, tmp_path, is_packed):
    path = tmp_path / "own.png"
    image = saved_image(path)
    before = path.read_bytes()
    if is_packed:
        image.pack()
    other = saved_image(tmp_path / "other.png", (0.0, 1.0, 0.0, 1.0))
    library(tree, "Save", "image/save_image", image=value(tree, "Image", other), filepath=str(path))
    found = errors(background_nodes.run(tree))
    if is_packed:
        assert found == {}
        assert path.read_bytes() != before
    else:
        assert (
            "own.png is an image that the open file uses and would be overwritten; choose another name" in found["Save"]
        )
        assert path.read_bytes() == before


def test_library_and_open_file_are_not_written_over(tree, tmp_path):
    theirs, own = tmp_path / "theirs.blend", tmp_path / "own.blend"
    bpy.data.libraries.write(str(theirs), {bpy.data.materials.new("Theirs")})
    with bpy.data.libraries.load(str(theirs), link=True) as (_there, wanted):
        wanted.materials = ["Theirs"]
    tree.use_fake_user = True
    bpy.ops.wm.save_as_mainfile(filepath=str(own))
    item = value(tree, "Object", quad())
    for path in (theirs, own):
        library(tree, path.stem, "import_export/save_blend_file", data=item, filepath=str(path))
    before = [path.read_bytes() for path in (theirs, own)]
    found = errors(background_nodes.run(tree))
    assert "theirs.blend is a library that the open file uses" in found["theirs"]
    assert "own.blend is the open file itself" in found["own"]
    assert [path.read_bytes() for path in (theirs, own)] == before


@pytest.mark.parametrize("does", ["save as", "open"])
def test_file_that_becomes_the_open_one_while_a_task_works_is_not_written_over(manager, write, tmp_path, does):
    """1. A job starts, 2. the artist saves the file under another name, or opens another, 3. the job would write it."""
    other, flag = tmp_path / "other.blend", tmp_path / "flag"
    bpy.ops.wm.save_as_mainfile(filepath=str(other), copy=True)
    source = """
        import os, time
        from background_nodes.script import claim
        update_job_progress(0.5)
        while not os.path.exists(flag): time.sleep(0.01)
        claim(path)
    """
    add_job(manager, "job", write(textwrap.dedent(source)), passed_data={"flag": str(flag), "path": str(other)})
    job = manager.get_job("job")
    while job.progress < 0.5 and not job.is_over:
        job.wait(0.1)
    if does == "open":
        bpy.ops.wm.open_mainfile(filepath=str(other))
    else:
        bpy.ops.wm.save_as_mainfile(filepath=str(other))
    flag.touch()
    job.wait(PATIENCE)
    assert "other.blend is the open file itself and would be overwritten" in job.issue


def test_claims_go_with_the_run(tree, tmp_path, session):
    script(tree, "Node", WRITE, path=str(tmp_path / "out.txt"), text="")
    run = background_nodes.run(tree)
    assert errors(run) == {}
    scratch = session._runner.scratch
    assert len(list(scratch.path.rglob("*.claim"))) == 1
    run.forget()
    scratch.wait_for_removals()
    assert list(scratch.path.rglob("*.claim")) == list(scratch.path.rglob("*.in_use.json")) == []
