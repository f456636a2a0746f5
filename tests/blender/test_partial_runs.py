"""One item of many fails: the others go on through the nodes that follow, and come home as they would have."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import pytest

import background_nodes

from .graphs import add, link, new_tree, output, script, value
from .test_group_runs import new_group, use

pytestmark = pytest.mark.any_blender

READ = """
import pathlib

def main(filepath: pathlib.Path) -> bpy.types.Object:
    name = filepath.read_text()
    if not name:
        raise ValueError("the file is empty")
    return bpy.data.objects.new(name, bpy.data.meshes.new(name))
"""
#: As many objects as the file has words.
READ_ALL = """
import pathlib

def main(filepath: pathlib.Path) -> list[bpy.types.Object]:
    found = filepath.read_text().split()
    if not found:
        raise ValueError("the file is empty")
    return [bpy.data.objects.new(name, None) for name in found]
"""
MARK = """
def main(source: bpy.types.Object, number: int = 1) -> bpy.types.Object:
    print("marked", source.name)
    source["number"] = number
    return source
"""
SAVE = """
import pathlib
from background_nodes.script import items, own_file, written_whole

def main(source: bpy.types.Object, folder: pathlib.Path) -> pathlib.Path:
    path = own_file([folder / f"{item['source']}.txt" for item in items(source=source.name)])
    with written_whole(path) as file:
        file.write_text(source.name)
    return path
"""
COUNT = "def main(sources: list[bpy.types.Object]) -> int: return len(sources)"


def write(folder: Path, contents: list[str]) -> list[str]:
    paths = [folder / f"{number}.txt" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_text(content)
    return [str(path) for path in paths]


def objects() -> list[str]:
    return sorted(each.name for each in bpy.data.objects)


def item_states(task) -> str:
    return "".join(str(item.state)[0:2] + " " for item in task.items).strip()


def chain(tmp_path: Path, contents: list[str]) -> bpy.types.NodeTree:
    (tmp_path / "saved").mkdir()
    tree = new_tree()
    files = value(tree, "PATH", write(tmp_path, contents), is_list=True, name="Files")
    read = script(tree, "Read", READ, filepath=files)
    mark = script(tree, "Mark", MARK, source=read)
    script(tree, "Save", SAVE, source=mark, folder=str(tmp_path / "saved"))
    script(tree, "Count", COUNT, sources=[mark])
    output(tree, "LINK", mark)
    return tree


def saved(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "saved").iterdir())


def test_a_broken_file_of_many_is_told_at_each_node_and_the_others_are_done(store, tmp_path):
    tree = chain(tmp_path, ["A", "", "B", "A"])
    run = background_nodes.run(tree)
    read, mark, save, count = (run.tasks[name] for name in ("Read", "Mark", "Save", "Count"))
    assert run.state == "failed"
    assert read.error.message == f'1 of 4 items failed; "{tmp_path / "1.txt"}": ValueError: the file is empty'
    assert [item_states(task) for task in (read, mark, save)] == ["su fa su su", "su sk su su", "su sk su su"]
    for task in (mark, save):
        assert task.error.message == f'1 of 4 items skipped: "{tmp_path / "1.txt"}" of "Read" failed'
        assert task.error is task.error, "code that draws asks often"
        assert (task.num_done, task.num_items) == (3, 4)
    assert (str(count.state), count.error.message) == ("skipped", 'skipped because "Read" failed')
    assert saved(tmp_path) == ["A.txt", "A_2.txt", "B.txt"]
    assert [name.partition(".")[0] for name in objects()] == ["A", "A", "B"]

    (tmp_path / "1.txt").write_text("A")
    mended = background_nodes.run(tree)
    assert mended.state == "succeeded"
    assert [mended.tasks[name].num_cached for name in ("Read", "Mark")] == [3, 4], "it gives what the first file gives"
    assert mended.tasks["Save"].num_cached == 0, "the names are others: A_2 is that of the second file now"
    assert [Path(path).name for path in tree.nodes["Save"].outputs[0].result] == [
        "A.txt",
        "A_2.txt",
        "B.txt",
        "A_3.txt",
    ]
    assert tree.nodes["Count"].outputs[0].result == 4
    assert len(bpy.data.objects) == 4


def test_a_retry_carries_only_the_mended_file_through_the_nodes(session, tmp_path):
    tree = chain(tmp_path, ["A", "", "B", "C"])
    run = background_nodes.run(tree)
    assert run.state == "failed"
    assert saved(tmp_path) == ["A.txt", "B.txt", "C.txt"]
    (tmp_path / "1.txt").write_text("D")
    run.retry()
    assert run.wait() == "succeeded"
    assert saved(tmp_path) == ["A.txt", "B.txt", "C.txt", "D.txt"]
    assert [Path(path).name[0] for path in tree.nodes["Save"].outputs[0].result] == list("ADBC")
    assert run.tasks["Mark"].items[1].log == "marked D\n"


def test_a_retry_with_another_value_mixes_no_items_of_both(session):
    """Of a script that was fixed, what succeeded stays; but no list is half of one value and half of another."""
    tree = new_tree()
    numbers = value(tree, "INT", [0, 1, 2, 3], is_list=True)
    source = """
def main(number: int, by: int = 10, bad: int = 2) -> int:
    if number == bad: raise ValueError("bad")
    return number * by
"""
    times = script(tree, "Times", source, number=numbers)
    script(tree, "Plus", "def main(number: int) -> int: return number + 1", number=times)
    run = background_nodes.run(tree)
    assert item_states(run.tasks["Plus"]) == "su su sk su"
    times.inputs["By"].default_value, times.inputs["Bad"].default_value = 100, 99
    run.retry()
    assert run.wait() == "succeeded"
    assert list(tree.nodes["Plus"].outputs[0].result) == [1, 101, 201, 301]


READ_PATH = """
import pathlib

def main(path: pathlib.Path) -> str:
    return f"{path.name}: {path.read_text()}"
"""


def test_what_a_list_node_spared_the_gap_is_done_again_where_a_retry_names_its_files_anew(session, tmp_path):
    """1. "A_2.txt" is the second file that is there. 2. Retry: it is that of the mended file, which is first."""
    tree = chain(tmp_path, ["A", "", "A", "B"])
    keep = value(tree, "BOOLEAN", [True, False, True, True], is_list=True)
    kept = add(tree, "BackgroundNodeFilter", "Kept", list=tree.nodes["Save"], keep=keep)
    script(tree, "Upload", READ_PATH, path=kept)
    run = background_nodes.run(tree)
    assert (str(run.tasks["Save"].state), str(run.tasks["Upload"].state)) == ("skipped", "succeeded")
    assert list(tree.nodes["Upload"].outputs[0].result) == ["A.txt: A", "A_2.txt: A", "B.txt: B"]
    (tmp_path / "1.txt").write_text("A")
    run.retry()
    assert run.wait() == "succeeded"
    assert [Path(path).name for path in run.fetch("Save", "result")] == ["A.txt", "A_2.txt", "A_3.txt", "B.txt"]
    assert list(tree.nodes["Upload"].outputs[0].result) == ["A.txt: A", "A_3.txt: A", "B.txt: B"]


def test_what_list_nodes_make_of_what_succeeded_comes_home(session, tmp_path):
    """What can't be told does not: the second half of a list of which nobody knows how long it is."""
    (tmp_path / "saved").mkdir()
    tree = new_tree()
    files = value(tree, "PATH", write(tmp_path, ["A", "", "B", "C"]), is_list=True)
    read = script(tree, "Read", READ, filepath=files)
    read_all = script(tree, "Read All", READ_ALL, filepath=files)
    keep = value(tree, "BOOLEAN", [True, True, True, False], is_list=True)
    output(tree, "LINK", add(tree, "BackgroundNodeFilter", "Kept", list=read, keep=keep), name="Two")
    output(tree, "LINK", add(tree, "BackgroundNodeFlatten", "All", list=[read, read_all]), name="All of Both")
    output(tree, "LINK", add(tree, "BackgroundNodeSlice", "Last", list=read_all, position=1), name="None")
    script(tree, "Count", COUNT, sources=[read])
    run = background_nodes.run(tree)
    assert run.state == "failed"
    assert run.notes == ()
    assert [name.partition(".")[0] for name in objects()] == list("AABBCC")
    (tmp_path / "1.txt").write_text("D")
    run.retry()
    assert run.wait() == "succeeded"
    assert [name.partition(".")[0] for name in objects()] == list("AABBCCDD")


def grouped(tmp_path: Path, contents: list[str], out: str = "ObjectList") -> bpy.types.NodeTree:
    """Each file's objects are marked, one by one, within a group that runs once for each file."""
    (tmp_path / "saved").mkdir()
    group = new_group("Each File", {"File": "Path"}, {"Objects": out, "Count": "Int"})
    read = script(group, "Read", READ_ALL, filepath=group.nodes["In"].outputs["File"])
    mark = script(group, "Mark", MARK, source=read)
    save = script(group, "Save", SAVE, source=mark, folder=str(tmp_path / "saved"))
    count = script(group, "Count", COUNT, sources=[mark])
    link(mark, group.nodes["Out"].inputs["Objects"])
    link(count, group.nodes["Out"].inputs["Count"])
    assert save
    tree = new_tree()
    node = use(tree, group, "Each")
    link(value(tree, "PATH", write(tmp_path, contents), is_list=True), node.inputs["File"])
    script(tree, "After", MARK, source=node.outputs["Objects"], number=3)
    script(tree, "Double", "def main(number: int) -> int: return 2 * number", number=node.outputs["Count"])
    output(tree, "LINK", tree.nodes["After"])
    return tree


def test_a_broken_file_in_a_group_that_runs_for_each_skips_that_pass(session, tmp_path):
    """How many objects it would have given is unknown: once it is read, later ones get other numbers."""
    tree = grouped(tmp_path, ["A B", "", "C D E"])
    run = background_nodes.run(tree)
    tasks = run.tasks
    assert item_states(tasks["Each / Read"]) == "su fa su"
    for name in ("Each / Mark", "Each / Save", "After"):
        assert item_states(tasks[name]) == "su su sk su su su", name
    assert item_states(tasks["Each / Count"]) == item_states(tasks["Double"]) == "su sk su"
    assert run.fetch("Double", "result", item=2) == 6
    assert str(run.groups["Each"].state) == "failed"
    assert objects() == list("ABCDE")
    assert saved(tmp_path) == [f"{name}.txt" for name in "ABCDE"]

    (tmp_path / "1.txt").write_text("F G")
    run.retry()
    assert run.wait() == "succeeded", [task.error for task in tasks.values()]
    assert [each.name for each in tree.nodes["After"].outputs[0].result] == list("ABFGCDE")
    assert tree.nodes["Double"].outputs[0].result == (4, 4, 6)
    assert objects() == list("ABCDEFG")
    assert saved(tmp_path) == [f"{name}.txt" for name in "ABCDEFG"]


@pytest.mark.parametrize("way", ["list of lists", "group", "flatten"])
def test_what_uses_results_keeps_them_while_a_file_before_theirs_is_broken(session, tmp_path, way):
    """All are called the same, and nobody knows how many the broken file would give: places say which is which."""
    files = value(tree := new_tree(), "PATH", write(tmp_path, ["A B", "F G", "C D E"]), is_list=True)
    if way == "group":
        group = new_group("Each File", {"File": "Path"}, {"Objects": "ObjectList"})
        read = script(group, "Read", READ_ALL, filepath=group.nodes["In"].outputs["File"])
        link(script(group, "Mark", MARK, source=read), group.nodes["Out"].inputs["Objects"])
        node = use(tree, group, "Each")
        link(files, node.inputs["File"])
        given = node.outputs["Objects"]
    else:
        given = script(tree, "Read", READ_ALL, filepath=files)
        if way == "flatten":
            given = add(tree, "BackgroundNodeFlatten", "All", list=[given])
    source = """
def main(source: bpy.types.Object) -> bpy.types.Object:
    made = bpy.data.objects.new("Made", None)
    made["of"] = source.name
    return made
"""
    made = script(tree, "Make", source, source=given)
    output(tree, "LINK", made)
    assert background_nodes.run(tree).state == "succeeded"
    users = {each["of"]: bpy.data.objects.new(f"User {each['of']}", None) for each in made.outputs[0].result}
    for each in made.outputs[0].result:
        users[each["of"]].parent = each
    assert "".join(users) == "ABFGCDE"

    def used() -> str:
        return "".join(user.parent["of"] for user in users.values())

    (tmp_path / "1.txt").write_text("")
    assert background_nodes.run(tree).state == "failed"
    assert used() == "ABFGCDE", "what the broken file gave stays, too"
    (tmp_path / "1.txt").write_text("F G")
    assert background_nodes.run(tree).state == "succeeded"
    assert used() == "ABFGCDE"
    (tmp_path / "1.txt").write_text("F")
    assert background_nodes.run(tree).state == "succeeded"
    assert used() == "ABFGCDE", "what its file does not give any more stays as it is used: no other takes its place"
    assert [each["of"] for each in made.outputs[0].result] == list("ABFCDE")


def test_a_mended_file_of_a_group_runs_what_is_missing_and_gives_what_a_new_run_gives(store, tmp_path):
    tree = grouped(tmp_path, ["A B", "", "C D E"])
    assert background_nodes.run(tree).state == "failed"
    (tmp_path / "1.txt").write_text("F G H I")
    mended = background_nodes.run(tree)
    assert mended.state == "succeeded"
    cached = {name: (task.num_cached, task.num_items) for name, task in mended.tasks.items()}
    assert cached == {
        "Each / Read": (2, 3),
        "Each / Mark": (5, 9),
        "Each / Save": (0, 9),  # each knows what the others are called
        "Each / Count": (2, 3),
        "After": (5, 9),
        "Double": (2, 3),
    }
    after, double = (list(tree.nodes[name].outputs[0].result) for name in ("After", "Double"))
    assert [each.name for each in after] == list("ABFGHICDE")
    again = background_nodes.run(tree, force=True)
    assert again.state == "succeeded"
    assert [each.name for each in tree.nodes["After"].outputs[0].result] == list("ABFGHICDE")
    assert list(tree.nodes["Double"].outputs[0].result) == double == [4, 8, 6]


def test_the_report_of_a_command_tells_the_items_that_are_missing(session, tmp_path):
    from background_nodes.addon.command_line.report import Report

    tree = chain(tmp_path, ["A", "", "B", "C"])
    run = background_nodes.run(tree)
    report = Report()
    report.take(tree, run)
    told = json.loads(report.as_json())
    assert (told["exit_code"], told["state"]) == (1, "failed")
    mark = told["tasks"]["Mark"]
    assert mark["state"] == "skipped"
    assert mark["items"]["total"] == 4
    assert mark["items"]["done"] == 3
    (missing,) = mark["items"]["not_succeeded"]
    assert (missing["index"], missing["state"]) == (1, "skipped")
    assert missing["error"]["message"] == 'skipped because item 1 of "Read" failed'
