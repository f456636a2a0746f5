"""Data-blocks that can't be sent are told before the run, with node, socket and mend."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

import background_nodes
from background_nodes.addon import problems
from background_nodes.runtime.errors import CompileError

from .data_block_cases import images, linked, use_folder
from .graphs import new_tree, script, value


@pytest.fixture
def tree():
    return new_tree()


def taking(tree, kind: str, data_block: bpy.types.ID) -> None:
    source = f"def main(its_input: bpy.types.{kind}) -> str: return its_input.name"
    script(tree, "Node", source, its_input=value(tree, kind, data_block))


def assert_told(tree, message: str, mend: str) -> None:
    (problem,) = problems.find(tree)
    assert (problem.node, problem.socket) == ("Node", "Its Input")
    assert message in problem.message
    assert mend in problem.mend
    with pytest.raises(CompileError, match=r'node "Node", socket "Its Input": (Image|Object) "'):
        background_nodes.run(tree)


@pytest.mark.parametrize("name", ["Render Result", "Viewer Node"])
def test_what_was_rendered_is_told_with_its_mend(name):
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    if name not in bpy.data.images:
        pytest.skip("5.0 starts without it")
    tree = new_tree()
    taking(tree, "Image", bpy.data.images[name])
    assert_told(tree, "what this Blender renders", "Save it to a file")


def test_painted_frame_of_a_sequence_is_told_with_its_mend(tree, tmp_path):
    use_folder(tmp_path)
    paths = [images.picture(tmp_path, f"frame_{number}.png") for number in range(3)]
    image = bpy.data.images.load(str(paths[0]))
    image.source = "SEQUENCE"
    image.pixels[0] = 0.5
    image.update()
    assert image.is_dirty
    taking(tree, "Image", image)
    assert_told(tree, "is a sequence with unsaved changes", "Save or pack")


def test_painted_image_of_several_views_is_told_with_its_mend(tree):
    image = images.painted(bpy.data.images.new("Stereo", 4, 2, stereo3d=True))
    taking(tree, "Image", image)
    assert_told(tree, "has several views with unsaved changes", "Save or pack")


def lose_library(tmp_path, data_block: bpy.types.ID) -> None:
    """Save the file, remove the library of a data-block, and open the file."""
    path = bpy.path.abspath(data_block.library.filepath)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    Path(path).unlink()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "file.blend"))


def test_object_of_a_library_that_is_gone_is_told_with_its_mend(tmp_path):
    use_folder(tmp_path)
    item = linked.linked_object()
    bpy.context.scene.collection.objects.link(item)
    lose_library(tmp_path, item)
    tree = new_tree()
    taking(tree, "Object", bpy.data.objects["Linked"])
    assert_told(tree, "is missing in its library", "Bring that file back")


def test_object_whose_material_is_gone_with_its_library_runs_and_keeps_it(tmp_path):
    use_folder(tmp_path)
    item = linked.object_with_linked_material()
    bpy.context.scene.collection.objects.link(item)
    lose_library(tmp_path, item.data.materials[0])
    item = bpy.data.objects["With Their Material"]
    tree = new_tree()
    source = """
        def main(item: bpy.types.Object) -> bpy.types.Object:
            item.location.x = 3
            return item
    """
    node = script(tree, "Node", source, item=value(tree, "Object", item))
    run = background_nodes.run(tree)
    assert run.tasks["Node"].error is None
    assert node.outputs[0].result.data.materials[0] == item.data.materials[0]
    assert len(bpy.data.libraries) == 1


def test_image_whose_file_is_gone_runs(tree, tmp_path):
    use_folder(tmp_path)
    taking(tree, "Image", images.image_file_missing())
    assert background_nodes.run(tree).state == "succeeded"
