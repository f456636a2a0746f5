"""The example files open in every Blender as new files, say what they are, and run as they are."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

import background_nodes
from background_nodes.addon.adding import example_files

NAMES = tuple(example_files._EXAMPLES)


@pytest.fixture(params=NAMES)
def opened(request) -> bpy.types.NodeTree:
    assert bpy.ops.background_nodes.example_open(name=request.param) == {"FINISHED"}
    return bpy.data.node_groups[request.param]


def test_example_is_a_new_file(opened):
    assert bpy.data.filepath == ""
    is_dirty = bpy.data.is_dirty
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    assert is_dirty == bpy.data.is_dirty  # new files are, in the background, before 5.2


def test_example_has_a_note_that_explains_it(opened):
    note = opened.nodes["Note"]
    assert note.text.lines[0].body == opened.name.upper()
    assert "Press Run" in note.text.as_string()


def test_links_of_an_example_pass_no_node(opened):
    nodes = [node for node in opened.nodes if node.bl_idname.startswith("Background")]
    assert opened.links
    for link in opened.links:
        left, right = link.from_node.location.x, link.to_node.location.x
        passed = [node for node in nodes if left < node.location.x < right and node != link.to_node]
        is_led_around = link.from_node.bl_idname == link.to_node.bl_idname == "NodeReroute"
        assert not passed or is_led_around, f"{link.from_node.name} to {link.to_node.name}"


def test_example_runs_as_it_is_and_again_it_is_cached(opened, store):
    before = {item.name for item in bpy.data.objects}
    run = background_nodes.run(opened)
    assert {name: task.error for name, task in run.tasks.items() if task.error} == {}
    assert run.state == "succeeded"
    assert run.notes == ()
    made = {item.name for item in bpy.context.scene.objects} - before
    assert len(made) == {"Levels of Detail": 8, "Bake and Export": 3}[opened.name]
    assert not {place(bpy.data.objects[name]) for name in made} & {place(bpy.data.objects[name]) for name in before}
    again = background_nodes.run(opened)
    assert [name for name, task in again.tasks.items() if not task.cached] == []


def place(item: bpy.types.Object) -> tuple[float, ...]:
    return tuple(round(number, 3) for number in item.location)


def test_export_goes_to_a_folder_that_is_there_for_a_file_without_one():
    bpy.ops.background_nodes.example_open(name="Bake and Export")
    folder = Path(bpy.data.node_groups["Bake and Export"].nodes["Folder"].outputs[0].default_value)
    assert folder.is_absolute()
    assert folder.parent.is_dir()


def test_other_file_of_the_same_name_is_left_alone(tmp_path):
    bpy.ops.background_nodes.example_open(name="Bake and Export")
    tree = bpy.data.node_groups["Bake and Export"]
    tree.nodes["Folder"].outputs[0].default_value = "/mine"
    path = str(tmp_path / "mine.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert bpy.data.node_groups["Bake and Export"].nodes["Folder"].outputs[0].default_value == "/mine"
