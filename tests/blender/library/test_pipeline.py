# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the category Pipeline, by what they make of files and texts."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import bpy
import pytest

import background_nodes

from ..graphs import give, new_tree, script
from .scenes import LIBRARY, files_in, run


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")
    return folder


def library_node(tree: bpy.types.NodeTree, name: str, **inputs) -> bpy.types.Node:
    node = tree.nodes.new("BackgroundNodeScript")
    node.name, node.library_script = name, name
    give(node, **inputs)
    return node


class TestListFiles:
    def test_files_that_fit_come_in_the_order_people_expect(self, tmp_path):
        touch(tmp_path, "rock10.obj", "rock2.obj", "Rock1.OBJ", "sub/rock3.obj", "notes.txt", ".hidden.obj", "a.glb")
        found = run("pipeline/list_files", tmp_path, "*.obj; *.GLB")
        assert [path.name for path in found] == ["a.glb", "Rock1.OBJ", "rock2.obj", "rock10.obj"]
        everything = run("pipeline/list_files", tmp_path, "rock?.obj", recursive=True)
        assert [path.relative_to(tmp_path).as_posix() for path in everything] == [
            "Rock1.OBJ",
            "rock2.obj",
            "sub/rock3.obj",
        ]
        assert [path.name for path in run("pipeline/list_files", tmp_path, ".*.obj")] == [".hidden.obj"]

    def test_brackets_in_a_pattern_stand_for_themselves(self, tmp_path):
        touch(tmp_path, "rock [old].obj", "rock o.obj")
        found = run("pipeline/list_files", tmp_path, "*[old].obj")
        assert [path.name for path in found] == ["rock [old].obj"]

    def test_name_in_another_form_of_unicode_fits(self, tmp_path):
        touch(tmp_path, "Ka\u0308fer.obj")
        assert len(run("pipeline/list_files", tmp_path, "Käfer*")) == 1

    def test_folder_that_is_not_there_is_a_clear_error(self, tmp_path):
        with pytest.raises(ValueError, match=r"There is no folder .*gone; choose one that is there"):
            run("pipeline/list_files", tmp_path / "gone")

    def test_no_file_is_an_error_unless_allowed(self, tmp_path):
        with pytest.raises(ValueError, match=r"No file in .* fits \*\.obj; write another pattern"):
            run("pipeline/list_files", tmp_path, "*.obj")
        assert run("pipeline/list_files", tmp_path, "*.obj", allow_none=True) == []

    @pytest.mark.any_blender
    def test_folder_with_a_new_file_is_listed_anew_and_otherwise_not(self, tmp_path, store):
        touch(tmp_path / "in", "a.txt", "sub/b.txt")
        tree = new_tree()
        node = library_node(tree, "pipeline/list_files", folder=str(tmp_path / "in"), pattern="*.txt", recursive=True)
        script(tree, "Count", "def main(paths: list[str]) -> int: return len(paths)", paths=node)

        def outcome():
            finished = background_nodes.run(tree, workers=1)
            return tree.nodes["Count"].outputs[0].result, finished.tasks[node.name].cached

        assert outcome() == (2, False)
        assert outcome() == (2, True)
        touch(tmp_path / "in", "sub/c.txt")
        assert outcome() == (3, False)
        (tmp_path / "in" / "a.txt").unlink()
        assert outcome() == (2, False)


class TestFileInfo:
    def test_path_is_taken_apart(self, tmp_path):
        touch(tmp_path, "models/rock.v2.OBJ")
        found = run("pipeline/file_info", tmp_path / "models" / "rock.v2.OBJ")
        assert found == ("rock.v2", ".obj", str(tmp_path / "models"), True, False, len("models/rock.v2.OBJ"))

    def test_folder_and_what_is_not_there_are_told(self, tmp_path):
        touch(tmp_path, "models.v1/a", "models.v1/b/c")
        found = run("pipeline/file_info", tmp_path / "models.v1")
        assert (found.name, found.ending, found.is_folder, found.size) == ("models.v1", "", True, 11 + 13)
        assert run("pipeline/file_info", tmp_path / "gone.png")[3:] == (False, False, 0)


class TestCopyFile:
    def test_copies_of_one_name_get_numbers(self, tmp_path, item_of):
        touch(tmp_path, "a/wood.png", "b/wood.png")
        sources = [str(tmp_path / each / "wood.png") for each in "ab"]
        for index, source in enumerate(sources):
            item_of(sources, index, parameter="source")
            run("pipeline/copy_file", Path(source), f"{tmp_path}/to/")
        assert (tmp_path / "to" / "wood.png").read_text() == "a/wood.png"
        assert (tmp_path / "to" / "wood_2.png").read_text() == "b/wood.png"

    def test_another_file_in_its_place_is_left_alone(self, tmp_path):
        touch(tmp_path, "new", "old")
        with pytest.raises(ValueError, match="old is there already, and is not the same"):
            run("pipeline/copy_file", tmp_path / "new", tmp_path / "old")
        assert (tmp_path / "old").read_text() == "old"
        assert run("pipeline/copy_file", tmp_path / "new", tmp_path / "old", "Number").name == "old_2"
        assert run("pipeline/copy_file", tmp_path / "new", tmp_path / "old", "Number").name == "old_2"
        run("pipeline/copy_file", tmp_path / "new", tmp_path / "old", "Replace")
        assert (tmp_path / "old").read_text() == "new"
        assert files_in(tmp_path) == ["new", "old", "old_2"]

    def test_same_content_counts_as_the_copy(self, tmp_path):
        touch(tmp_path, "new")
        for _ in range(2):
            assert run("pipeline/copy_file", tmp_path / "new", tmp_path / "to" / "copy") == tmp_path / "to" / "copy"

    def test_empty_file_is_copied_too(self, tmp_path):
        (tmp_path / "empty").touch()
        assert run("pipeline/copy_file", tmp_path / "empty", tmp_path / "to" / "copy").read_bytes() == b""

    def test_file_is_not_copied_over_itself(self, tmp_path):
        touch(tmp_path, "new")
        os.link(tmp_path / "new", tmp_path / "hard link")
        (tmp_path / "link").symlink_to(tmp_path / "new")
        with pytest.raises(ValueError, match="its own destination"):
            run("pipeline/copy_file", tmp_path / "new", tmp_path / "link", "Replace")
        assert (tmp_path / "new").read_text() == "new"


class TestJSON:
    def test_what_is_written_is_read_again(self, tmp_path):
        content = [{"ä": [1, 2.5, None, True]}, "text", 3]
        path = run("pipeline/write_json", content, tmp_path / "to" / "data")
        assert path == tmp_path / "to" / "data.json"
        assert json.loads(path.read_text(encoding="utf-8")) == content
        assert run("pipeline/read_json", path) == content
        assert run("pipeline/read_json", path, "0/ä/1") == 2.5

    def test_single_value_stands_alone_if_asked(self, tmp_path):
        assert run("pipeline/read_json", run("pipeline/write_json", [3], tmp_path / "a.json", as_list=False)) == 3
        assert run("pipeline/read_json", run("pipeline/write_json", [3], tmp_path / "a.json")) == [3]
        with pytest.raises(ValueError, match="2 values are linked to Data"):
            run("pipeline/write_json", [3, 4], tmp_path / "a.json", as_list=False)

    def test_what_json_has_not_is_refused_and_nothing_is_written(self, tmp_path):
        with pytest.raises(ValueError, match="infinite number or none"):
            run("pipeline/write_json", [float("nan")], tmp_path / "a.json")
        assert files_in(tmp_path) == []

    @pytest.mark.parametrize(
        ("text", "part", "message"),
        [
            ("{", "", "is no JSON: .* line 1"),
            ("[NaN]", "", "no number of JSON"),
            ('{"a": [1]}', "a/1", "has no a/1: where 1 should be, there is 1 items"),
            ('{"a": 1}', "b", "where b should be, there is a;"),
        ],
    )
    def test_what_cannot_be_read_is_a_clear_error(self, text, part, message, tmp_path):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(ValueError, match=message):
            run("pipeline/read_json", tmp_path / "a.json", part)


class TestCSV:
    def test_columns_and_rows_are_written_as_other_programs_read_them(self, tmp_path):
        path = run(
            "pipeline/write_csv",
            tmp_path / "report",
            "Name, Faces",
            ['Wall, "A"', "Käfer\n2"],
            [6, 24],
            rows=[{"size": [1, 2], "ok": True}, {"ok": False}],
        )
        with path.open(encoding="utf-8-sig", newline="") as file:
            assert list(csv.DictReader(file)) == [
                {"Name": 'Wall, "A"', "Faces": "6", "size": "[1, 2]", "ok": "True"},
                {"Name": "Käfer\n2", "Faces": "24", "size": "", "ok": "False"},
            ]
        read = run("pipeline/read_csv", path, "Faces")
        assert (read.values, read.columns) == ([6, 24], ["Name", "Faces", "size", "ok"])
        assert read.rows[1]["Name"] == "Käfer\n2"

    def test_columns_without_names_are_called_as_their_inputs(self, tmp_path):
        path = run("pipeline/write_csv", tmp_path / "a.csv", "", [1], column_3=[2])
        assert path.read_text(encoding="utf-8-sig").split() == ["Column", "1,Column", "3", "1,2"]

    def test_a_report_of_nothing_has_its_head(self, tmp_path):
        path = run("pipeline/write_csv", tmp_path / "a.csv", "Name, Faces", [], [])
        assert path.read_text(encoding="utf-8-sig").split() == ["Name,Faces"]

    @pytest.mark.parametrize(
        ("arguments", "options", "message"),
        [
            (("A", [1], []), {"rows": [{"B": 1}, {"B": 2}]}, "A has 1, B has 2"),
            (("B",), {"rows": [{"B": 1}]}, "1 names for 0 columns"),
            (("A", [1], [2]), {}, "1 names for 2 columns"),
            (("A, B", [1], [2, 3]), {}, "A has 1, B has 2"),
            (("A, A", [1], [2]), {}, "a name twice"),
            (("A", [1]), {"rows": [{"A": 2}]}, "The column A is linked, and in Rows, too"),
            (("",), {"rows": [3]}, "Rows holds 3, which is no JSON object"),
            ((), {}, "nothing to write"),
        ],
    )
    def test_what_is_no_table_is_a_clear_error(self, arguments, options, message, tmp_path):
        with pytest.raises(ValueError, match=message):
            run("pipeline/write_csv", tmp_path / "report.csv", *arguments, **options)
        assert files_in(tmp_path) == []

    def test_numbers_and_separators_are_recognised(self, tmp_path):
        (tmp_path / "a.csv").write_text("id;x\n\n007; 1.5e3\n1_0;-\n12345678901234567890;nan\n", encoding="utf-8")
        read = run("pipeline/read_csv", tmp_path / "a.csv", "x")
        assert read.values == [1500.0, "-", "nan"]
        assert [row["id"] for row in read.rows] == [7, "1_0", "12345678901234567890"]
        assert run("pipeline/read_csv", tmp_path / "a.csv", "id", numbers=False).values[0] == "007"

    @pytest.mark.parametrize(
        ("text", "message"),
        [("a,b\n1\n", "Row 1 of a.csv has 1 values for 2 columns"), ("a,a\n", "two columns named a"), ("", "is empty")],
    )
    def test_broken_table_is_a_clear_error(self, text, message, tmp_path):
        (tmp_path / "a.csv").write_text(text)
        with pytest.raises(ValueError, match=message):
            run("pipeline/read_csv", tmp_path / "a.csv")


class TestTextTemplate:
    def test_fields_are_filled(self):
        values = {"size": [2, 3.14159], "name": "Rock"}
        template = "{name}_{number:03d} {{x}} {size/1:.2f} {value}"
        assert run("pipeline/text_template", template, "Ä", 7, 0.5, values) == "Rock_007 {x} 3.14 0.5"

    @pytest.mark.parametrize(
        ("template", "message"),
        [
            ("{size}", "Nothing is called {size}; there are {name}, {number}, {value}"),
            ("{name.__class__}", "Nothing is called {name.__class__}"),
            ("{name", "stands alone"),
            ("{name:03d}", "can't be written as 03d"),
            ("", "is empty"),
        ],
    )
    def test_what_cannot_be_filled_is_a_clear_error(self, template, message):
        with pytest.raises(ValueError, match=message):
            run("pipeline/text_template", template)


class TestWedge:
    def test_all_combinations_come_in_order_with_labels(self):
        found = run("pipeline/wedge", "Count = 1..3; Radius = 0.5..2 / 2; Style = Flat")
        assert found.settings[:3] == [
            {"Count": 1, "Radius": 0.5, "Style": "Flat"},
            {"Count": 1, "Radius": 2.0, "Style": "Flat"},
            {"Count": 2, "Radius": 0.5, "Style": "Flat"},
        ]
        assert len(found.settings) == len(found.labels) == 6
        assert found.labels[0] == "Count 1, Radius 0.5, Style Flat"
        assert (found.parameter_1, found.parameter_2, found.parameter_3) == (
            [1, 1, 2, 2, 3, 3],
            [0.5, 2.0] * 3,
            ["Flat"] * 6,
        )
        assert found.parameter_4 == []

    def test_side_by_side_takes_one_of_each(self):
        found = run("pipeline/wedge", "A = 1, 2; B = on, off", way="Side by Side")
        assert found.settings == [{"A": 1, "B": True}, {"A": 2, "B": False}]
        assert found.labels == ["A 1, B on", "A 2, B off"]

    def test_random_ones_are_in_their_ranges_and_hang_on_the_seed_alone(self):
        given = "Radius = 0.5..2; Count = 3..5; Style = Flat, Round"
        one, same, other = (run("pipeline/wedge", given, "Random", 200, seed) for seed in (1, 1, 2))
        assert one == same
        assert one.settings != other.settings
        assert all(0.5 <= each <= 2.0 for each in one.parameter_1)
        assert len(set(one.parameter_1)) == 200
        assert set(one.parameter_2) == {3, 4, 5}
        assert set(one.parameter_3) == {"Flat", "Round"}

    def test_ends_are_among_the_steps_and_numbers_are_what_was_written(self):
        found = run("pipeline/wedge", "A = -1..1 / 5; B = 1e-3")
        assert found.parameter_1 == [-1.0, -0.5, 0.0, 0.5, 1.0]
        assert found.parameter_2[0] == 0.001
        assert run("pipeline/wedge", "A = 0.1..0.7 / 7").parameter_1[2] == 0.3
        assert run("pipeline/wedge", "A = 5..9 / 1").parameter_1 == [5.0]

    @pytest.mark.parametrize(
        ("parameters", "way", "message"),
        [
            ("", "Random", "There are no parameters"),
            ("Radius", "Random", "Radius has no name and values"),
            ("A = 1; A = 2", "Random", "A is there twice"),
            ("A = 0.5..2", "All Combinations", "A has no end of values; write how many: 0.5..2 / 4"),
            ("A = 2..1", "Random", "write the smaller number first"),
            ("A = 1, 2; B = 1, 2, 3", "Side by Side", r"A has 2, B has 3"),
            ("A = 1..200; B = 1..200", "All Combinations", "40,000 combinations, more than 10,000"),
            ("A = 1..900000", "All Combinations", "more than 10000 values"),
        ],
    )
    def test_what_cannot_be_read_is_a_clear_error(self, parameters, way, message):
        with pytest.raises(ValueError, match=message):
            run("pipeline/wedge", parameters, way)

    @pytest.mark.any_blender
    def test_settings_run_a_node_once_for_each(self):
        tree = new_tree()
        wedge = library_node(tree, "pipeline/wedge", parameters="Count = 1..3; Radius = 0.5, 2")
        source = "def main(count: int, radius: float) -> float: return count * radius"
        script(tree, "Area", source, count=wedge.outputs["Parameter 1"], radius=wedge.outputs["Parameter 2"])
        finished = background_nodes.run(tree)
        assert {name: task.error for name, task in finished.tasks.items() if task.error} == {}
        assert list(tree.nodes["Area"].outputs[0].result) == [0.5, 2.0, 1.0, 4.0, 1.5, 6.0]


@pytest.mark.any_python
def test_scripts_of_this_category_do_not_see_the_scene():
    assert not [path.name for path in (LIBRARY / "pipeline").glob("*.py") if "bpy" in path.read_text(encoding="utf-8")]


@pytest.mark.any_blender
def test_report_on_many_objects_is_one_table(tmp_path):
    tree = new_tree()
    names = script(tree, "Names", "def main() -> list[str]: return ['A', 'B']")
    faces = script(tree, "Faces", "def main(name: str) -> int: return ord(name)", name=names)
    library_node(
        tree,
        "pipeline/write_csv",
        filepath=str(tmp_path / "out.csv"),
        names="Name, Faces",
        column_1=names,
        column_2=faces,
    )
    finished = background_nodes.run(tree, workers=1)
    assert {name: task.error for name, task in finished.tasks.items() if task.error} == {}
    assert (tmp_path / "out.csv").read_text(encoding="utf-8-sig").split() == ["Name,Faces", "A,65", "B,66"]
