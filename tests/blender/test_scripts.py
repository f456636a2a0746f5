"""The operators that make, open and reload scripts."""

from __future__ import annotations

import os

import bpy
import pytest

import background_nodes
from background_nodes.addon.scripts import texts
from background_nodes.node_tree import sources

from .graphs import add, editor, identifiers, link, new_tree, output, quad, script, value

operators = bpy.ops.background_nodes


@pytest.fixture
def tree():
    tree = new_tree()
    with editor(tree):
        yield tree


@pytest.fixture
def of_file(tree, awkward_path):
    """A node of a file."""
    (awkward_path / "script.py").write_text("def main(count: int = 1): ...")
    node = add(tree, "BackgroundNodeScript", "File")
    node.filepath = str(awkward_path / "script.py")
    tree.nodes.active = node
    return node


@pytest.fixture
def of_library(tree):
    node = add(tree, "BackgroundNodeScript", "Library")
    node.library_script = "mesh/decimate"
    tree.nodes.active = node
    return node


# New


def test_new_script_is_a_node_at_the_cursor_that_runs(tree):
    bpy.context.space_data.cursor_location = (30, 40)
    assert operators.script_new() == {"FINISHED"}
    node = tree.nodes.active
    assert (node.source_error, tuple(node.location)) == ("", (30, 40))
    source = value(tree, "Object", quad())
    link(source, node.inputs[0])
    output(tree, "KEEP", node)
    run = background_nodes.run(tree)
    assert [str(task.state) for task in run.tasks.values()] == ["succeeded"]
    result = node.outputs[0].result
    assert [modifier.type for modifier in result.modifiers] == ["SOLIDIFY"]


def test_new_script_on_a_node_is_that_nodes(tree):
    node = add(tree, "BackgroundNodeScript", "Empty")
    assert operators.script_new(node_name="Empty") == {"FINISHED"}
    assert list(tree.nodes) == [node]
    assert node.script == bpy.data.texts["Script"]


def test_each_new_script_has_a_text_of_its_own(tree):
    operators.script_new()
    operators.script_new()
    assert len({node.script.name for node in tree.nodes}) == 2


def test_opened_file_is_the_nodes(tree, awkward_path):
    path = awkward_path / "script.py"
    path.write_text("def main(count: int = 1): ...")
    node = add(tree, "BackgroundNodeScript", "Empty")
    assert operators.script_open("EXEC_DEFAULT", node_name="Empty", filepath=str(path)) == {"FINISHED"}
    assert (node.filepath, identifiers(node.inputs)) == (str(path), ["count"])


def test_opened_file_is_named_relative_to_a_saved_file(tree, awkward_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(awkward_path / "tree.blend"))
    (awkward_path / "script.py").write_text("def main(count: int = 1): ...")
    with editor(new_tree("Other")):
        node = add(bpy.context.space_data.edit_tree, "BackgroundNodeScript", "Empty")
        operators.script_open("EXEC_DEFAULT", node_name="Empty", filepath=str(awkward_path / "script.py"))
        assert (node.filepath, node.source_error) == ("//script.py", "")


# Edit


def test_text_is_opened_at_the_line_of_its_error(tree):
    node = script(tree, "Node", "def main(count: int): ...")
    node.script.from_string("import bpy\n\ndef main(:\n")
    node.sync()
    assert operators.script_error_show(node_name="Node") == {"FINISHED"}
    assert node.script.current_line_index == 2
    assert (node.script.current_line_index, node.script.select_end_character) == (2, len("def main(:"))


def test_text_is_opened_at_the_line_in_which_it_failed(tree):
    node = script(tree, "Node", "def main(count: int = 0) -> float:\n    print()\n    return 1 / count")
    background_nodes.run(tree)
    operators.script_edit(node_name="Node")
    assert node.script.lines[node.script.current_line_index].body == "    return 1 / count"


def test_file_is_opened_as_its_text_once(of_file):
    assert operators.script_edit() == {"FINISHED"}
    operators.script_edit()
    assert [text.filepath for text in bpy.data.texts] == [of_file.filepath]
    assert of_file.filepath
    assert of_file.script is None


def test_file_that_has_changed_is_opened_as_it_is_now(of_file):
    operators.script_edit()
    write(of_file, "def main(count: int = 2): ...")
    operators.script_edit()
    assert [text.as_string() for text in bpy.data.texts] == ["def main(count: int = 2): ..."]


def test_file_that_is_gone_is_reported(of_file):
    texts.absolute(of_file.filepath).unlink()
    with pytest.raises(RuntimeError):
        operators.script_edit()
    with pytest.raises(RuntimeError):
        operators.script_make_local()


def test_shipped_script_is_opened_as_a_copy_that_is_not_saved(of_library, tmp_path):
    operators.script_edit()
    operators.script_edit()
    (text,) = bpy.data.texts
    assert text.as_string() == sources.from_library("mesh/decimate").text
    assert texts.library_script(text) == of_library.library_script == "mesh/decimate"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "tree.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "tree.blend"))
    assert not len(bpy.data.texts)


def test_node_without_a_script_and_no_node_are_reported(tree):
    assert operators.script_edit() == {"CANCELLED"}
    add(tree, "BackgroundNodeScript", "Empty")
    for operator in (operators.script_edit, operators.script_make_local):
        assert operator(node_name="Empty") == {"CANCELLED"}


def test_external_editor_must_be_chosen(of_file):
    assert bpy.context.preferences.filepaths.text_editor == ""
    assert not operators.script_edit_externally.poll()


# Reload


def write(node, source: str) -> None:
    path = texts.absolute(node.filepath)
    path.write_text(source)
    os.utime(path, (2e9, 2e9))  # Blender looks at the second only


def test_reload_lets_sockets_follow_the_file(of_file):
    write(of_file, "def main(count: int = 1, factor: float = 0.5): ...")
    assert operators.script_reload() == {"FINISHED"}
    assert identifiers(of_file.inputs) == ["count", "factor"]


def test_reload_reads_the_open_text_too(of_file):
    operators.script_edit()
    write(of_file, "def main(factor: float = 0.5): ...")
    operators.script_reload()
    (text,) = bpy.data.texts
    assert text.as_string() == "def main(factor: float = 0.5): ..."
    assert not text.is_dirty


def test_reload_of_a_text_with_a_file_keeps_the_node_on_it(tree, of_file):
    node = add(tree, "BackgroundNodeScript", "Text")
    node.script = bpy.data.texts.load(of_file.filepath)
    write(of_file, "def main(factor: float = 0.5): ...")
    operators.script_reload(node_name="Text")
    assert node.script == bpy.data.texts["script.py"]
    assert identifiers(node.inputs) == ["factor"]


def test_reload_tells_an_error_of_the_file(of_file):
    write(of_file, "def main(")
    operators.script_reload()
    assert of_file.source_error_line == 1


# A copy


def test_local_copy_keeps_links_and_values(tree, of_library):
    link(value(tree, "Object", quad()), of_library.inputs["Source"])
    of_library.inputs["Ratio"].default_value = 0.125
    assert operators.script_make_local() == {"FINISHED"}
    assert of_library.library_script == ""
    assert of_library.script.as_string() == sources.from_library("mesh/decimate").text
    assert of_library.inputs["Ratio"].default_value == 0.125
    assert [tree_link.to_socket.name for tree_link in tree.links] == ["Source"]
    assert of_library.draw_label() == "Decimate"


def test_local_copy_of_a_file_is_named_after_it(of_file):
    operators.script_make_local()
    assert (of_file.filepath, of_file.script.name) == ("", "Script")


def test_text_editor_makes_a_copy_for_a_node_by_its_id(of_library):
    area = bpy.context.window_manager.windows[0].screen.areas[1]
    area.type = "TEXT_EDITOR"
    with bpy.context.temp_override(area=area):
        assert operators.script_make_local(node_id=of_library.uid) == {"FINISHED"}
    assert of_library.script.name == "Decimate"


def test_tree_of_another_file_is_left_alone(tmp_path):
    new_tree("Linked").use_fake_user = True
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, loaded):
        loaded.node_groups = ["Linked"]
    with editor(bpy.data.node_groups["Linked"]):
        assert operators.script_edit.poll()
        for operator in (operators.script_new, operators.script_make_local, operators.script_reload):
            assert not operator.poll()
