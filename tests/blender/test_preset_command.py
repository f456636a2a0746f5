"""The command `presets`: libraries are saved to, used, written as text and built of that."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import bpy
import pytest

from background_nodes import cli
from background_nodes.addon.command_line import preset_command
from background_nodes.addon.presets import using
from background_nodes.node_tree import text_modules
from background_nodes.node_tree.text_form.dumping import dump, dump_nodes
from background_nodes.runtime.blend_file.asset_data import Picture
from background_nodes.runtime.presets import png, trust_list
from background_nodes.runtime.presets.library import PresetLibrary, picture_of
from background_nodes.runtime.presets.preset import to_json
from background_nodes.runtime.text_form.digest import digest

from .graphs import new_tree, script, socket_of

pytestmark = pytest.mark.any_blender
DOUBLE = "def main(number: float = 1.0, times: int = 2) -> float:\n    return number * times"
TRIPLE = "def main(number: float = 1.0, factor: int = 3) -> float:\n    return number * factor"


@pytest.fixture
def library(tmp_path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def file(tmp_path) -> Path:
    """A file with a tree of one node."""
    return saved(tmp_path / "file.blend", DOUBLE)


def saved(path: Path, source: str) -> Path:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    tree = new_tree("Tree")
    tree.use_fake_user = True
    script(tree, "Times", source)
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def presets(action: str, library: Path, *arguments: object) -> tuple[int, dict]:
    """Exit code and report."""
    given = ["presets", action, "--library", str(library), "--json", *map(str, arguments)]
    exit_code, text = preset_command.carry_out(cli._parsed(cli._parser("background-nodes", has_file=True), given))
    return exit_code, json.loads(text)


def read(library: Path) -> PresetLibrary:
    found = PresetLibrary(str(library))
    found.read(is_thorough=True)
    return found


def all_files(folder: Path) -> dict[str, bytes]:
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_node_is_saved_used_in_another_file_and_told_outdated(library, file, tmp_path):
    before = file.read_bytes()
    exit_code, report = presets(
        "save", library, file, "--node", "Times", "--author", "Ann", "--tag", "x", "--catalog", "A"
    )
    assert (exit_code, report["notes"]) == (0, [])
    (preset,) = read(library).presets()
    assert (preset.name, preset.author, preset.tags, preset.catalog) == ("Times", "Ann", ("x",), "A")
    other, output = saved(tmp_path / "other.blend", TRIPLE), tmp_path / "out.blend"
    exit_code, report = presets("use", library, "Times", other, "--output", output)
    assert (exit_code, report["output"]) == (0, str(output))
    assert presets("outdated", library, output)[0] == 0
    newer = saved(tmp_path / "newer.blend", TRIPLE)
    options = ("--node", "Times", "--of", "Times", "--change", "Thrice", "--renamed", "times=factor")
    assert presets("save", library, newer, *options)[0] == 0
    exit_code, report = presets("outdated", library, output)
    assert exit_code == 1
    (found,) = report["outdated"]
    assert (found["version"], found["newest"], found["changes"]) == (1, 2, ["2: Thrice"])
    assert found["sockets"] == ['input "Times" becomes "Factor"']
    assert file.read_bytes() == before


def test_dump_and_build_are_the_same_to_the_last_letter(library, tmp_path):
    tree = new_tree("Tree")
    node = script(tree, "Times", f"import tools\n{DOUBLE}", times=7)
    tools = bpy.data.texts.new("tools.py")
    tools.from_string("A = 1")
    text_modules.set_modules(node.script, {"tools.py": tools})
    tree.use_fake_user = True
    file = tmp_path / "file.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    assert (
        presets("save", library, file, "--description", "Two\nlines", "--name", "Ünïcode", "--catalog", "A/B")[0] == 0
    )
    (preset,) = read(library).presets()
    assert presets("dump", library, "Ünïcode", "--output", tmp_path / "text")[0] == 0
    text = all_files(tmp_path / "text")
    assert {"preset.json", "tree.json", "tools.py"} < text.keys()
    assert any(content.endswith(b"return number * times\n") for name, content in text.items() if name.endswith(".py"))
    second = tmp_path / "second"
    exit_code, _report = presets("build", second, tmp_path / "text")
    assert exit_code == 0
    (built,) = read(second).presets()
    assert {**to_json(built), "catalog_id": ""} == {**to_json(preset), "catalog_id": ""}
    assert presets("dump", second, "Ünïcode", "--output", tmp_path / "again")[0] == 0
    assert all_files(tmp_path / "again") == text
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert dump(using.use_tree(preset).tree) == dump(using.use_tree(built).tree)


def test_picture_goes_through_the_text(library, file, tmp_path):
    presets("save", library, file)
    presets("dump", library, "Tree", "--output", tmp_path / "text")
    picture = Picture(2, 2, bytes(range(0, 160, 10)))
    (tmp_path / "text" / "picture.png").write_bytes(png.write(picture))
    second = tmp_path / "second"
    assert presets("build", second, tmp_path / "text")[0] == 0
    assert picture_of(read(second).presets()[0]) == picture


def test_version_that_is_there_is_never_built_over(library, file, tmp_path):
    presets("save", library, file)
    presets("dump", library, "Tree", "--output", tmp_path / "text")
    before = all_files(library)
    exit_code, report = presets("build", library, tmp_path / "text")
    assert (exit_code, len(report["notes"])) == (0, 1)
    (source,) = (tmp_path / "text").glob("*.py")
    source.write_text(source.read_text().replace("number * times", "number + times"))
    exit_code, report = presets("build", library, tmp_path / "text")
    assert exit_code == 1
    assert "which is never changed" in report["notes"][0]
    assert all_files(library) == before


def test_what_is_said_of_a_version_that_is_there_can_not_be_changed_by_building_it_again(library, file, tmp_path):
    presets("save", library, file, "--description", "Times")
    presets("dump", library, "Tree", "--output", tmp_path / "text")
    said = tmp_path / "text" / "preset.json"
    said.write_text(said.read_text().replace('"description": "Times"', '"description": "Divides"'))
    exit_code, report = presets("build", library, tmp_path / "text")
    assert (exit_code, read(library).presets()[0].description) == (1, "Times")
    assert "which is never changed" in report["notes"][0]


def test_inputs_and_add_ons_of_a_preset_that_is_built_are_those_of_its_text(library, file, tmp_path):
    presets("save", library, file, "--node", "Times")
    presets("dump", library, "Times", "--output", tmp_path / "text")
    (source,) = (tmp_path / "text").glob("*.py")
    source.write_text(source.read_text().replace("times: int = 2", "times: int = 2, offset: float = 0.5"))
    tree = tmp_path / "text" / "tree.json"
    tree.write_text(tree.read_text().replace('"settings": {', '"settings": {"addons": "b, a",', 1))
    second = tmp_path / "second"
    assert presets("build", second, tmp_path / "text")[0] == 0
    (built,) = read(second).presets()
    assert built.inputs == ("number|Number|Float", "times|Times|Int", "offset|Offset|Float")
    assert built.addons == ("a", "b")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    used = using.use(built, new_tree())
    assert [socket.identifier for socket in used.node.inputs] == ["number", "times", "offset"]
    assert digest(dump_nodes([used.node])) == built.graph_digest


def test_picture_that_a_version_has_no_more_is_gone_from_its_text(library, file, tmp_path):
    presets("save", library, file)
    presets("dump", library, "Tree", "--output", tmp_path / "text")
    (tmp_path / "text" / "picture.png").write_bytes(png.write(Picture(2, 2, bytes(range(0, 160, 10)))))
    presets("dump", library, "Tree", "--output", tmp_path / "text")
    assert not (tmp_path / "text" / "picture.png").exists()


def test_values_are_set_on_a_node_of_another_file(library, tmp_path):
    tree = new_tree("Tree")
    tree.use_fake_user = True
    script(tree, "Times", DOUBLE, times=9)
    file = tmp_path / "file.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    assert presets("save", library, file, "--node", "Times", "--values", "--name", "Nine")[0] == 0
    other, output = saved(tmp_path / "other.blend", DOUBLE), tmp_path / "out.blend"
    assert presets("use", library, "Nine", other, "--output", output)[0] == 2
    assert presets("use", library, "Nine", other, "--node", "Times", "--output", output)[0] == 0
    bpy.ops.wm.open_mainfile(filepath=str(output))
    assert socket_of(bpy.data.node_groups["Tree"].nodes["Times"].inputs, "times").default_value == 9


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("dump", "Gone", "--output", "x"), "there is no preset"),
        (("build", "gone"), "no preset as text"),
        (("save", "gone.blend"), "there is no such file"),
        (("save", "FILE", "--node", "Gone"), 'there is no node "Gone"'),
        (("use", "Tree", "FILE", "--output", "FILE"), "never written"),
    ],
)
def test_what_can_not_be_done_is_said(library, file, arguments, said):
    presets("save", library, file)
    before = file.read_bytes()
    action, *rest = arguments
    exit_code, report = presets(action, library, *(file if each == "FILE" else each for each in rest))
    assert exit_code in (1, 2)
    assert said in " ".join(report["notes"])
    assert file.read_bytes() == before


def test_list_of_trusted_scripts_has_those_of_the_presets(library, file):
    presets("save", library, file)
    (preset,) = read(library).presets()
    exit_code, report = presets("trust", library, "Tree", "--name", "Studio")
    assert (exit_code, set(report["scripts"])) == (0, set(preset.script_digests))
    found = trust_list.read(library)
    assert (found.name, found.digest) == ("Studio", report["digest"])


def test_hostile_folder_of_text_runs_nothing_and_is_refused(library, file, tmp_path):
    presets("save", library, file)
    text = tmp_path / "text"
    presets("dump", library, "Tree", "--output", text)
    shutil.rmtree(library)
    record = json.loads((text / "tree.json").read_text())
    name = next(iter(record["texts"]))
    record["texts"][name] = {"file": "../file.blend"}
    (text / "tree.json").write_text(json.dumps(record))
    assert presets("build", library, text)[0] == 1
    assert read(library).presets() == ()
