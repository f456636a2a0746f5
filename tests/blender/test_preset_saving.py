"""Presets are saved whole or not at all, under the name and version that they are to have, wherever they come from."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

from background_nodes.addon.presets import saving, using
from background_nodes.addon.presets.libraries import libraries, presets_of_file
from background_nodes.addon.presets.saving import Details
from background_nodes.addon.presets.subject import Subject, subject_of
from background_nodes.node_tree.text_form.dumping import dump_nodes
from background_nodes.runtime.errors import PresetError
from background_nodes.runtime.presets import library as library_module
from background_nodes.runtime.presets import mirror
from background_nodes.runtime.presets.library import PresetLibrary
from background_nodes.runtime.presets.preset import Kind

from .graphs import add, new_tree, script, socket_of
from .test_presets import DOUBLE, group_in, names, names_of_all, new_file, save
from .test_presets import folder as folder


def read(folder: str) -> PresetLibrary:
    library = PresetLibrary(folder)
    library.read()
    return library


# Names


def test_tree_may_have_the_name_of_a_group_in_it(folder):
    tree = new_tree("Pipeline")
    group_in(tree, "Rocks")
    group_in(tree, "Rocks 2")
    before = names_of_all()
    preset = save(tree, folder, name="Rocks")
    assert names_of_all() == before
    assert (preset.name, read(folder).findings()) == ("Rocks", ())
    new_file()
    used = using.use_tree(preset)
    assert (used.tree.name, names(bpy.data.node_groups)) == ("Rocks", ["Rocks", "Rocks 2", "Rocks 3"])
    assert sorted(node.name for node in used.tree.nodes) == ["Rocks", "Rocks 2"]


def test_version_of_somebody_else_that_nobody_has_read_yet_is_the_one_before(folder):
    node = script(new_tree(), "Double", DOUBLE)
    first = save(node, folder)
    library = libraries.library(folder)
    library.read()
    libraries.use_only(PresetLibrary(folder))  # another Blender
    second = save(script(new_tree(), "Double", DOUBLE.replace("times", "factor")), folder, uuid=first.uuid)
    libraries.use_only(None)
    assert (second.version, library.find(first.uuid).version) == (2, 1)
    third = save(script(new_tree(), "Double", DOUBLE.replace("times", "ratio")), folder, uuid=first.uuid)
    assert (third.version, second.renamed, third.renamed) == (3, ("times=factor",), ("factor=ratio",))


# Whole or not at all


def test_disk_that_is_full_leaves_no_file(folder, monkeypatch):
    node = group_in(new_tree())

    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(PresetError, match="No space left"):
        save(node, folder)
    assert list(Path(folder).iterdir()) == []


def test_list_of_presets_that_can_not_be_written_leaves_no_file(folder, monkeypatch):
    node = group_in(new_tree())
    first = save(node, folder)
    said = Path(folder, mirror.FILE_NAME).read_bytes()

    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", fail)
        with pytest.raises(PresetError, match="No space left"):
            save(node, folder, uuid=first.uuid)
    assert sorted(each.name for each in Path(folder).iterdir()) == sorted([mirror.FILE_NAME, Path(first.file).name])
    assert Path(folder, mirror.FILE_NAME).read_bytes() == said
    assert save(node, folder, uuid=first.uuid).version == 2


def test_version_that_another_blender_saves_meanwhile_is_not_made_twice(folder, monkeypatch):
    """1. This Blender sees version 1. 2. Another one saves version 2. 3. This one saves: it is version 3."""
    node = group_in(new_tree())
    first = save(node, folder)
    second = save(node, folder, uuid=first.uuid)
    before = Path(second.file).read_bytes()
    monkeypatch.setattr(saving, "_version_before", lambda *_arguments, **_options: first)
    third = save(node, folder, uuid=first.uuid)
    assert third.version == 3
    assert Path(second.file).read_bytes() == before
    library = read(folder)
    assert (library.findings(), [preset.version for preset in library.presets()]) == ((), [1, 2, 3])


def test_saving_to_a_library_that_was_read_looks_at_no_other_file_and_waits_for_no_reader(folder, monkeypatch):
    node = group_in(new_tree())
    first = save(node, folder)
    others = [save(script(new_tree(), "Other", DOUBLE), folder) for _ in range(3)]
    library = libraries.library(folder)
    library.read()
    looked_at: list[str] = []
    content_of = library_module.content_of
    monkeypatch.setattr(library_module, "content_of", lambda file: looked_at.append(file.name) or content_of(file))
    with library._lock, monkeypatch.context() as patched:  # a thread is reading it
        patched.setattr(PresetLibrary, "read", None)
        second = save(node, folder, uuid=first.uuid)
    assert (second.version, set(looked_at)) == (2, {Path(second.file).name})
    assert library.find(first.uuid) == second
    library.read()
    assert {preset.uuid for preset in library.presets()} == {first.uuid, *(other.uuid for other in others)}
    assert library.find(first.uuid) == second


# From a linked tree


def linked_tree(tmp_path: Path, make) -> bpy.types.NodeTree:
    """The tree of a file in another folder, linked to a file that is saved in a folder of its own."""
    there, here = tmp_path / "there", tmp_path / "here"
    for number, each in enumerate((there, here), 1):
        each.mkdir()
        (each / "number.py").write_text(f"def main() -> int:\n    return {number}\n")
    tree = new_tree("Linked")
    tree.use_fake_user = True
    file = str(there / "file.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    make(tree)
    bpy.ops.wm.save_as_mainfile(filepath=file)
    new_file()
    bpy.ops.wm.save_as_mainfile(filepath=str(here / "file.blend"))
    with bpy.data.libraries.load(file, link=True) as (_found, wanted):
        wanted.node_groups = ["Linked"]
    return wanted.node_groups[0]


@pytest.mark.parametrize("kind", [Kind.NODE, Kind.TREE])
def test_script_beside_the_file_of_a_linked_tree_comes_along_and_not_one_of_that_name_here(folder, tmp_path, kind):
    def make(tree: bpy.types.NodeTree) -> None:
        add(tree, "BackgroundNodeScript", "Number").filepath = "//number.py"

    tree = linked_tree(tmp_path, make)
    preset = save(tree.nodes["Number"] if kind is Kind.NODE else tree, folder)
    new_file()
    used = using.use(preset, new_tree())
    nodes = [used.node] if kind is Kind.NODE else used.tree.nodes
    assert [node.script.as_string() for node in nodes] == ["def main() -> int:\n    return 1\n"]


def test_linked_tree_can_be_no_asset_of_this_file_and_its_node_can(folder, tmp_path):
    tree = linked_tree(tmp_path, lambda tree: script(tree, "Double", DOUBLE))
    before = names_of_all()
    with pytest.raises(PresetError, match=r"linked from another file.*Save it to a library"):
        save(tree, "")
    assert (names_of_all(), list(presets_of_file())) == (before, [])
    assert save(tree.nodes["Double"], "").name == "Double"


# This file


def test_next_version_of_a_node_in_this_file_has_its_name(folder):
    node = script(new_tree(), "Double", DOUBLE)
    first = save(node, "")
    socket_of(node.inputs, "times").default_value = 9
    second = save(node, "", uuid=first.uuid)
    assert (second.version, second.name, libraries.find(first.uuid)) == (2, "Double", second)
    assert socket_of(using.use(second, new_tree("Other")).node.inputs, "times").default_value == 9
    assert socket_of(using.use(libraries.find(first.uuid, 1), new_tree()).node.inputs, "times").default_value == 2


def test_name_that_another_tree_of_this_file_has_is_refused(folder):
    tree = new_tree("Mine")
    node = group_in(tree)
    for what in (node, script(tree, "Double", DOUBLE)):
        with pytest.raises(PresetError, match='another node tree "Mine"'):
            save(what, "", name="Mine")
    assert list(presets_of_file()) == []
    assert save(node, "", name="Other").name == node.node_tree.name == "Other"


def test_preset_whose_file_is_open_can_be_used_in_it(folder):
    preset = save(group_in(new_tree()), folder)
    bpy.ops.wm.open_mainfile(filepath=preset.file)
    tree = new_tree()
    used = using.use(preset, tree)
    assert used.tree.nodes["Double"].script.name == "Double.py"
    bpy.data.node_groups.remove(used.tree)
    with pytest.raises(PresetError, match="not in this file any more"):
        using.use(preset, tree)


# What is told


def test_path_of_this_machine_that_is_the_default_of_an_input_is_named(folder):
    group = group_in(new_tree()).node_tree
    panel = group.interface.new_panel("Files")
    for name, path in (("Here", "/home/ann/rock.png"), ("Gone", "//rock.png"), ("None", "")):
        item = group.interface.new_socket(name, in_out="INPUT", socket_type="BackgroundNodeSocketPath", parent=panel)
        item.default_value = path
    found = [finding.message for finding in saving.check(Subject(Kind.GROUP, group))]
    assert found == [
        '"Here" is the path /home/ann/rock.png, which only this machine has',
        '"Gone" is the file //rock.png, which is missing here',
    ]


# Values

OPTIONAL = "def main(number: float | None = 1.0, times: int = 2, file: str = 'a') -> float:\n    return 1.0"


def test_value_that_was_taken_away_is_no_value_again(folder):
    node = script(new_tree(), "Double", OPTIONAL, times=7)
    node.inputs[0].unset_value()
    preset = saving.save(subject_of(node, only_values=True), Details(name="None"), folder)
    new_file()
    node = script(new_tree(), "Double", OPTIONAL, number=5.0, times=3, file="b")
    using.apply_values(preset, node)
    assert [socket.get_value() for socket in node.inputs] == [None, 7, "a"]


def test_script_without_main_comes_back_with_its_declared_inputs_and_their_values(folder):
    node = script(new_tree(), "Old", "python_data = size\n")
    entry = node.declared_inputs.add()
    entry.name, entry.data_type, entry.identifier = "size", "FLOAT", "size_of_it"
    node.sync()
    node.inputs[0].default_value = 2.5
    wanted = dump_nodes([node])
    preset = save(node, folder)
    preset_of_values = saving.save(subject_of(node, only_values=True), Details(name="Values"), folder)
    new_file()
    node = using.use(preset, new_tree()).node
    node.location = (0.0, 0.0)
    assert dump_nodes([node]) == wanted
    node.inputs[0].default_value = 0.5
    using.apply_values(preset_of_values, node)
    assert node.inputs[0].default_value == 2.5


def test_values_leave_the_data_blocks_that_are_chosen_here_alone(folder):
    source = "def main(first: bpy.types.Object, rest: list[bpy.types.Object], number: int = 1) -> int: return number"
    first, second = (bpy.data.objects.new(name, None) for name in ("First", "Second"))
    node = script(new_tree(), "Use", source, first=first, number=5)
    preset = saving.save(subject_of(node, only_values=True), Details(name="Five"), folder)
    node.inputs[0].default_value, node.inputs[2].default_value = second, 2
    item = node.inputs[1].items_of_list.add()
    item.value = second
    assert using.apply_values(preset, node).applied == ["number"]
    assert [socket.get_value() for socket in node.inputs] == [second, (second,), 5]


def test_values_of_a_group_are_for_that_group(folder):
    tree = new_tree()
    node = group_in(tree, "Doubled")
    node.inputs[0].default_value = 9.0
    preset = saving.save(subject_of(node, only_values=True), Details(name="Nine"), folder)
    same, other = group_in(tree, "Doubled"), group_in(tree, "Other")
    assert same.node_tree.name == "Doubled.001"
    assert [saving.target_of(each) == preset.target for each in (node, same, other)] == [True, True, False]
    assert preset.target_name == "Doubled"
    using.apply_values(preset, same)
    assert same.inputs[0].default_value == 9.0


def test_values_fit_a_node_whose_script_has_changed_since_its_file_was_saved(folder):
    preset = saving.save(
        subject_of(script(new_tree(), "Double", DOUBLE, times=7), only_values=True), Details(name="Fast"), folder
    )
    node = script(new_tree(), "Double", DOUBLE.replace("times", "count"))
    node.script.from_string(node.script.as_string().replace("count", "times"))
    used = using.apply_values(preset, node)
    assert (used.left, node.inputs["Times"].default_value) == ([], 7)


def test_values_that_a_node_has_no_input_for_are_told(folder):
    node = script(new_tree(), "Double", DOUBLE, number=2.5, times=7)
    preset = saving.save(subject_of(node, only_values=True), Details(name="Fast"), folder)
    other = script(new_tree(), "Other", "def main(number: float = 1.0, times: str = '') -> float: return number")
    used = using.apply_values(preset, other)
    assert (used.applied, used.left) == (["number"], ["times"])
    assert [socket.default_value for socket in other.inputs] == [2.5, ""]


# Versions


def test_what_came_from_a_library_that_is_still_being_read_is_saved_as_its_next_version(folder):
    first = save(group_in(new_tree()), folder)
    new_file()
    node = using.use(first, new_tree()).node
    libraries._libraries.clear()  # as when Blender has just started
    try:
        details = saving.suggested(subject_of(node))
    finally:
        assert libraries.wait(20.0)
    assert (details.uuid, details.name) == (first.uuid, "Doubled")
    assert saving.save(subject_of(node), details, folder).version == 2


def test_next_version_is_later_than_the_one_that_it_was_made_of_in_another_library_too(folder, tmp_path):
    node = group_in(new_tree())
    first = save(node, folder)
    second = save(node, folder, uuid=first.uuid)
    new_file()
    node = using.use(second, new_tree()).node
    for file in (first.file, second.file):
        Path(file).unlink()
    assert save(node, str(tmp_path / "other"), uuid=first.uuid).version == 3
