"""Whole .blend files as inputs, end to end: the open one, and files on disk."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

import background_nodes
from background_nodes.runtime.errors import CompileError

from .graphs import names, new_material, new_tree, quad, script, value

#: What a script finds in its file.
LOOK = """
    from background_nodes.script import BlendFile

    def main(file: BlendFile) -> Any:
        return {
            "filepath": file.filepath,
            "objects": sorted(item.name for item in bpy.data.objects),
            "scene": bpy.context.scene.name,
            "view_layer": bpy.context.view_layer.name,
            "frame": bpy.context.scene.frame_current,
            "output": bpy.context.scene.render.filepath,
        }
"""


@pytest.fixture
def tree():
    return new_tree()


def run(tree, **options):
    finished = background_nodes.run(tree, **options)
    assert finished.state == "succeeded", [(name, task.error) for name, task in finished.tasks.items() if task.error]
    return finished


def result(node, index: int = 0):
    return node.outputs[index].result


def save(path: Path) -> str:
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return str(path)


def file_on_disk(path: Path, *object_names: str, **settings) -> str:
    """Save a file with objects of these names, and leave an empty file open that was never saved."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    for name in object_names:
        quad(name)
    for name, setting in settings.items():
        setattr(bpy.context.scene, name, setting)
    path.parent.mkdir(parents=True, exist_ok=True)
    save(path)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return str(path)


# The open file


def test_open_file_that_was_never_saved_is_there_as_it_is(tree):
    quad("Cube")
    look = script(tree, "Look", LOOK)
    bpy.context.scene.frame_current = 7
    run(tree)
    found = result(look)
    assert (found["filepath"], found["objects"], found["frame"]) == ("", ["Cube"], 7)


def test_open_file_with_unsaved_changes_is_there_as_it_is_now(tree, awkward_path):
    look = script(tree, "Look", LOOK)
    path = save(awkward_path / "scene.blend")
    quad("Unsaved")
    bpy.context.scene.render.filepath = "//out/"
    run(tree)
    found = result(look)
    assert (found["filepath"], found["objects"]) == (path, ["Unsaved"])
    assert Path(found["output"]) == awkward_path / "out"


def test_active_scene_and_view_layer_are_the_artists(tree):
    look = script(tree, "Look", LOOK)
    bpy.data.scenes.new("A first one")
    layer = bpy.context.scene.view_layers.new("Second")
    bpy.context.scene.name = "Shown"
    window = bpy.context.window_manager.windows[0]
    window.view_layer = layer
    run(tree)
    found = result(look)
    assert (found["scene"], found["view_layer"]) == ("Shown", "Second")


def test_two_nodes_share_one_copy(tree, session):
    quad("Cube")
    nodes = [script(tree, name, LOOK) for name in ("A", "B")]
    finished = run(tree)
    assert result(nodes[0]) == result(nodes[1])
    assert len(finished._snapshot.blobs) == 1
    assert session._runner.store.path.exists()


def test_artists_file_is_left_as_it_is(tree, tmp_path):
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> None:
            assert "Cube" in bpy.data.objects
    """
    script(tree, "Look", source)
    quad("Cube")
    path = save(tmp_path / "scene.blend")
    content, time = Path(path).read_bytes(), Path(path).stat().st_mtime_ns
    called = []

    def note(*_arguments):
        called.append(1)

    handlers = [bpy.app.handlers.save_pre, bpy.app.handlers.save_post, bpy.app.handlers.load_pre]
    for functions in handlers:
        functions.append(note)
    before, is_dirty = names(), bpy.data.is_dirty
    try:
        run(tree)
    finally:
        for functions in handlers:
            functions.remove(note)
    assert (bpy.data.filepath, bpy.data.is_dirty, called) == (path, is_dirty, [])
    assert names() == before
    assert (Path(path).read_bytes(), Path(path).stat().st_mtime_ns) == (content, time)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["scene.blend"]


# Files on disk


def test_file_on_disk_is_opened_with_its_own_settings(tree, tmp_path):
    path = file_on_disk(tmp_path / "shot.blend", "Hero", frame_current=42)
    tree = new_tree()
    look = script(tree, "Look", LOOK, file=path)
    run(tree)
    found = result(look)
    assert (found["filepath"], found["objects"], found["frame"]) == (path, ["Hero"], 42)


def test_list_of_files_maps_the_node(tmp_path):
    paths = [file_on_disk(tmp_path / f"{name}.blend", name) for name in "abc"]
    tree = new_tree()
    look = script(tree, "Look", LOOK, file=value(tree, "PATH", paths, is_list=True))
    run(tree)
    assert [found["objects"] for found in result(look)] == [["a"], ["b"], ["c"]]


# Results


def test_result_brings_no_doubles_of_what_the_script_left_alone(tree):
    material = new_material("Paint")
    quad("Cube", material=material)
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> bpy.types.Object:
            new = bpy.data.objects["Cube"].copy()
            new.name = "Copy"
            new.data = new.data.copy()
            return new
    """
    make = script(tree, "Make", source)
    run(tree)
    made = result(make)
    assert made.name == "Copy"
    assert made.data.materials[0] == material
    assert [item.name for item in bpy.data.materials] == ["Paint"]


def test_result_that_the_script_changed_comes_as_a_new_one(tree):
    material = new_material("Paint")
    quad("Cube", material=material)
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> bpy.types.Object:
            cube = bpy.data.objects["Cube"]
            cube.data.materials[0].diffuse_color = (1, 0, 0, 1)
            return cube
    """
    make = script(tree, "Make", source)
    run(tree)
    made = result(make)
    assert made.data.materials[0] != material
    assert tuple(made.data.materials[0].diffuse_color) == (1, 0, 0, 1)
    assert tuple(material.diffuse_color) != (1, 0, 0, 1)


# What can't be


def test_missing_file_is_a_problem_before_the_run(tree, tmp_path):
    script(tree, "Look", LOOK, file=str(tmp_path / "gone.blend"))
    with pytest.raises(CompileError) as caught:
        background_nodes.run(tree)
    (problem,) = caught.value.problems
    assert (problem.node, problem.socket) == ("Look", "File")
    assert "is missing" in problem.message
    assert problem.mend == "Choose another .blend file"
