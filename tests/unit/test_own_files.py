"""Which files a task may write, beside the other tasks of its run and the artist's own files."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest

from background_nodes.runtime.engine.own_files import (
    Owner,
    TaskContext,
    WrittenFiles,
    claim,
    claim_results,
    items,
    own_file,
    using,
    written_whole,
)
from background_nodes.runtime.planning.destinations import FilesInUse, NumberedFiles


@pytest.fixture
def begin_task(tmp_path):
    """Let this process carry out a task of a run, as a worker does. The task before succeeded."""
    (tmp_path / "store").mkdir()
    with contextlib.ExitStack() as stack:

        def begin(task: str = "task", item: int = 0, columns=(), **context) -> None:
            stack.close()
            owner, place = Owner(task, item, f"Node {task}"), tmp_path / "store" / "000001.claims"
            context = {"position": item, **context}
            stack.enter_context(using(TaskContext(owner, place, lambda: dict(columns), **context)))

        yield begin


def write(path: Path, text: str, **beside: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(text)
        for name, content in beside.items():
            file = temporary.parent / "textures" / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(content)


# Items


def test_script_outside_of_a_run_is_one_item_with_what_it_was_given():
    assert items(source="Wall", name="") == [{"source": "Wall", "name": ""}]


def test_each_item_s_values_are_known_to_all_others(begin_task):
    begin_task(
        item=1, columns={"source": ["A", "B"], "width": [1, 2]}, given={"source": "B", "name": "", "folder": "x/"}
    )
    assert items(source="B", folder=Path("x")) == [{"source": "A", "folder": "x/"}, {"source": "B", "folder": "x/"}]


def test_items_that_differ_in_something_else_are_as_many(begin_task):
    begin_task(columns={"width": [1, 2, 3]})
    assert items(name="level") == [{"name": "level"}] * 3


def test_each_item_gets_a_file_of_its_own(begin_task, tmp_path):
    wanted = [tmp_path / "level.obj"] * 3
    found = []
    for item in range(3):
        begin_task(item=item, columns={"source": ["A", "B", "C"]})
        found.append(own_file(wanted).name)
    assert found == ["level.obj", "level_2.obj", "level_3.obj"]


def test_paths_of_all_items_are_asked_for_once_by_each_worker(begin_task, tmp_path):
    asked, found = [], []

    def wanted(item):
        asked.append(item["source"])
        return tmp_path / f"{item['source']}.obj"

    sources = [f"Part {number % 7}" for number in range(20)]
    for item, source in enumerate(sources):
        begin_task(item=item, columns={"source": sources}, items_name="once.items.json")
        found.append(own_file(wanted, source=source).name)
    assert found == [f"Part {number % 7}{f'_{number // 7 + 1}' * (number > 6)}.obj" for number in range(20)]
    assert len(asked) == 20 + 20  # of all by the first one, and each its own


def test_path_that_depends_on_what_the_script_found_out_for_this_item_is_its_own(begin_task, tmp_path):
    found = []
    for item, size in enumerate((3, 5)):
        begin_task(item=item, columns={"source": ["A", "B"]}, items_name="sized.items.json")
        found.append(own_file(lambda each: tmp_path / f"{each['source']} {size}.obj", source="").name)  # noqa: B023
    assert found == ["A 3.obj", "B 5.obj"]


def test_paths_are_made_anew_when_the_items_are_given_other_values(begin_task, tmp_path):
    found = []
    for name, sources in (("first", ["A", "B"]), ("later", ["A", "A"])):
        begin_task(item=1, columns={"source": sources}, items_name=f"{name}.items.json")
        found.append(own_file(lambda each: tmp_path / f"{each['source']}.obj", source="").name)
    assert found == ["B.obj", "A_2.obj"]


def test_script_outside_of_a_run_gets_the_file_that_it_would_like(tmp_path):
    assert own_file(lambda item: tmp_path / f"{item['source']}.obj", source="Wall") == tmp_path / "Wall.obj"


# Claims


def test_file_of_another_node_is_a_clear_error(begin_task, tmp_path):
    begin_task("first", item=2)
    claim(tmp_path / "a.glb")
    begin_task("second")
    with pytest.raises(ValueError, match=r'A\.glb is written by item 3 of "Node first" in this run, too'):
        claim(tmp_path / "A.glb")


def test_next_attempt_at_the_same_item_has_its_file_again(begin_task, tmp_path):
    for _attempt in range(2):
        begin_task()
        assert claim(tmp_path / "a.glb") == tmp_path / "a.glb"


def test_file_of_an_item_that_failed_is_free(tmp_path):
    place = tmp_path / "000001.claims"
    with contextlib.suppress(ZeroDivisionError), using(TaskContext(Owner("first"), place)):
        claim(tmp_path / "a.glb")
        raise ZeroDivisionError
    with using(TaskContext(Owner("second"), place)):
        claim(tmp_path / "a.glb")


def test_claim_that_is_being_written_counts(begin_task, tmp_path):
    begin_task("first")
    claim(tmp_path / "a.glb")
    next((tmp_path / "store").iterdir()).write_text("")
    begin_task("second")
    with pytest.raises(ValueError, match="by another task in this run"):
        claim(tmp_path / "a.glb")


@pytest.mark.parametrize(
    ("in_use", "what"),
    [
        (lambda path: FilesInUse(open_file=path), "the open file itself"),
        (lambda path: FilesInUse(libraries=(path,)), "a library"),
        (lambda path: FilesInUse(images=("/nowhere.png", path)), "an image"),
        (lambda path: FilesInUse(numbered=(NumberedFiles(str(Path(path).parent), "o.n"),)), "a frame or a tile"),
        (lambda path: FilesInUse(others=("/nowhere.wav", path)), "a file"),
    ],
)
def test_artist_s_own_file_is_never_written(begin_task, tmp_path, in_use, what):
    (tmp_path / "own").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "own")
    begin_task(in_use=lambda: [FilesInUse(), in_use(str(tmp_path / "own"))])
    for name in ("own", "link"):
        with pytest.raises(ValueError, match=f"is {what}.*choose another name"):
            write(tmp_path / name, "theirs")
    assert (tmp_path / "own").read_text() == "mine"


def test_image_whose_file_is_gone_may_be_written(begin_task, tmp_path):
    begin_task(in_use=lambda: [FilesInUse(images=(str(tmp_path / "a.png"),))])
    assert claim(tmp_path / "a.png")


# Whole or not at all


def test_file_comes_with_all_that_was_written_beside_it(tmp_path):
    write(tmp_path / "new" / "a.gltf", "main", diffuse="pixels")
    write(tmp_path / "new" / "a.gltf", "second", diffuse="more pixels")
    found = {path.name: path.read_text() for path in (tmp_path / "new").rglob("*") if path.is_file()}
    assert found == {"a.gltf": "second", "diffuse": "more pixels"}


def test_old_files_stay_where_the_new_ones_are_not_complete(tmp_path):
    write(tmp_path / "a.gltf", "old", diffuse="old pixels")
    with contextlib.suppress(ZeroDivisionError), written_whole(tmp_path / "a.gltf") as temporary:
        temporary.write_text("new")
        raise ZeroDivisionError
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gltf", "textures"]
    assert (tmp_path / "a.gltf").read_text() == "old"


def test_file_that_was_not_written_is_a_clear_error(tmp_path):
    with pytest.raises(RuntimeError, match=r"didn't write a\.gltf"), written_whole(tmp_path / "a.gltf"):
        pass
    with pytest.raises(RuntimeError, match=r"didn't write a\.gltf"):
        write(tmp_path / "a.gltf", "")
    assert not list(tmp_path.iterdir())


def test_file_beside_it_that_another_task_has_claimed_moves_nothing(begin_task, tmp_path):
    begin_task("first")
    claim(tmp_path / "textures" / "diffuse")
    begin_task("second")
    with pytest.raises(ValueError, match="diffuse is written by"):
        write(tmp_path / "a.gltf", "main", diffuse="pixels")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "no file is named; give the path"),
        ("out.blend", "out.blend is no whole path; begin it with //"),
        ("~/out.blend", "~/out.blend is no whole path"),
        ("FOLDER", "is a folder; give the path of a file"),
        ("FOLDER/file.txt/out.blend", "file.txt is no folder, so nothing can be in it"),
    ],
)
def test_path_that_no_file_can_be_written_to_is_a_clear_error(tmp_path, path, message):
    (tmp_path / "file.txt").touch()
    with (
        pytest.raises(ValueError, match=re.escape(message)),
        written_whole(path.replace("FOLDER", str(tmp_path))),
    ):
        raise AssertionError("there is no place to write to")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.txt"]


# Files that a result names


def test_file_made_just_before_in_a_folder_that_is_given_is_not_the_task_s_own(begin_task, tmp_path):
    for number in range(50):  # the times of files go in steps: most were made in the step in which the task began
        file = tmp_path / f"{number}.png"
        file.write_text("of the artist")
        begin_task("list", given={"folder": str(tmp_path)})
        claim_results([str(file)], WrittenFiles())
        begin_task("move")
        assert claim(file) == file


@pytest.mark.parametrize("text", [f"/* {'x' * 300} */", "/\0", f"/{'x/' * 5000}"])
def test_text_that_is_given_need_be_no_path(begin_task, tmp_path, text):
    begin_task("shader", given={"source": text})
    assert not WrittenFiles().has(str(tmp_path / "a.png"))


@pytest.mark.parametrize("given", [{}, {"folder": "."}])
def test_file_that_the_task_wrote_is_its_own(begin_task, tmp_path, given):
    for number in range(50):
        file = tmp_path / f"{number}.png"
        begin_task("first", given={name: str(tmp_path / path) for name, path in given.items()})
        written = WrittenFiles()
        file.write_text("first")
        claim_results([str(file)], written)
        begin_task("second")
        with pytest.raises(ValueError, match='is written by item 1 of "Node first"'):
            claim(file)


def test_path_that_the_task_was_given_as_a_text_is_its_own_if_it_wrote_the_file(begin_task, tmp_path):
    file = tmp_path / "picture.png"
    begin_task("first", given={"target": str(file)})
    written = WrittenFiles()
    file.write_text("first")
    claim_results([str(file)], written)
    begin_task("second")
    with pytest.raises(ValueError, match='is written by item 1 of "Node first"'):
        claim(file)


@pytest.mark.parametrize("text", [f"// a shader\n{'x' * 5000}", f"/{'x' * 300}", "/a\0b"])
def test_text_that_begins_like_a_path_may_be_anything(begin_task, text):
    begin_task("read", given={"text": text})
    claim_results([], WrittenFiles())
