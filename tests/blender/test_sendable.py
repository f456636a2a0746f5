"""Data-blocks that can't be sent are told before the run, with node, socket and fix."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

import background_nodes
from background_nodes.addon.session import problems
from background_nodes.runtime.errors import CompileError

from .data_block_cases import images, linked, use_folder
from .graphs import new_tree, quad, script, value


@pytest.fixture
def tree():
    return new_tree()


def taking(tree, kind: str, data_block: bpy.types.ID) -> None:
    source = f"def main(its_input: bpy.types.{kind}) -> str: return its_input.name"
    script(tree, "Node", source, its_input=value(tree, kind, data_block))


def assert_told(tree, message: str, fix: str) -> None:
    (problem,) = problems.find(tree)
    assert (problem.node, problem.socket) == ("Node", "Its Input")
    assert message in problem.message
    assert fix in problem.fix
    with pytest.raises(CompileError, match=r'node "Node", socket "Its Input": (Image|Object|Collection) "'):
        background_nodes.run(tree)


@pytest.mark.parametrize("name", ["Render Result", "Viewer Node"])
def test_what_was_rendered_is_told_with_its_fix(name):
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    if name not in bpy.data.images:
        pytest.skip("5.0 starts without it")
    tree = new_tree()
    taking(tree, "Image", bpy.data.images[name])
    assert_told(tree, "what this Blender renders", "Save it to a file")


def test_painted_frame_of_a_sequence_is_told_with_its_fix(tree, tmp_path):
    use_folder(tmp_path)
    paths = [images.picture(tmp_path, f"frame_{number}.png") for number in range(3)]
    image = bpy.data.images.load(str(paths[0]))
    image.source = "SEQUENCE"
    image.pixels[0] = 0.5
    image.update()
    assert image.is_dirty
    taking(tree, "Image", image)
    assert_told(tree, "is a sequence with unsaved changes", "Save or pack")


def test_painted_image_of_several_views_is_told_with_its_fix(tree):
    image = images.painted(bpy.data.images.new("Stereo", 4, 2, stereo3d=True))
    taking(tree, "Image", image)
    assert_told(tree, "has several views with unsaved changes", "Save or pack")


def lose_library(tmp_path, data_block: bpy.types.ID) -> None:
    """Save the file, remove the library of a data-block, and open the file."""
    path = bpy.path.abspath(data_block.library.filepath)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    Path(path).unlink()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "file.blend"))


def test_object_of_a_library_that_is_gone_is_told_with_its_fix(tmp_path):
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
    run = background_nodes.run(tree, allow_scripts=True)  # 4.2 does not tell whether the text came with the library
    assert run.tasks["Node"].error is None
    assert node.outputs[0].result.data.materials[0] == item.data.materials[0]
    assert len(bpy.data.libraries) == 1


def test_image_whose_file_is_gone_runs(tree, tmp_path):
    use_folder(tmp_path)
    taking(tree, "Image", images.image_file_missing())
    assert background_nodes.run(tree).state == "succeeded"


def baked_cloth(*, on_disk: bool = False) -> bpy.types.Object:
    item = quad("Flag")
    cache = item.modifiers.new("Cloth", "CLOTH").point_cache
    cache.frame_start, cache.frame_end, cache.use_disk_cache = 1, 3, on_disk
    with bpy.context.temp_override(scene=bpy.context.scene, active_object=item, point_cache=cache):
        bpy.ops.ptcache.bake(bake=True)
    assert cache.is_baked
    return item


@pytest.mark.skipif(bpy.app.version < (4, 5, 0), reason="4.2 takes it along: see data_block_cases")
def test_cache_that_is_baked_into_memory_is_told_with_its_fix(tree):
    taking(tree, "Object", baked_cloth())
    assert_told(tree, 'has a baked cache of "Cloth", which stays where it is', "converted to a mesh")


def test_cache_that_is_baked_beside_the_file_is_told_with_its_fix(tree, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    tree = bpy.data.node_groups[tree.name]
    collection = bpy.data.collections.new("Set")
    collection.objects.link(baked_cloth(on_disk=True))
    taking(tree, "Collection", collection)
    assert_told(tree, 'Object "Flag" has a baked cache of "Cloth", which stays where it is', "converted to a mesh")


def test_external_cache_is_sent_by_its_whole_path_only(tree, tmp_path):
    item = quad("Flag")
    cache = item.modifiers.new("Cloth", "CLOTH").point_cache
    cache.use_external, cache.filepath = True, "//caches"
    taking(tree, "Object", item)
    assert_told(tree, 'reads the cache of "Cloth" from //caches', "whole path")
    cache.filepath = str(tmp_path)
    assert not problems.find(tree)


def test_object_with_physics_that_is_not_baked_is_sent(tree):
    item = quad("Flag")
    item.modifiers.new("Cloth", "CLOTH")
    item.modifiers.new("Dust", "PARTICLE_SYSTEM")
    taking(tree, "Object", item)
    assert background_nodes.run(tree).state == "succeeded"


def test_job_is_refused_what_cant_be_sent(registered_extension, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    path = tmp_path / "script.py"
    path.write_text("x = 1")
    added, reason = registered_extension.JobManager().add_job(
        "job", str(path), passed_data_blocks={baked_cloth(on_disk=True)}
    )
    assert not added
    assert 'has a baked cache of "Cloth"' in reason


# On the way back


def fault_of_result(tree, source: str) -> str:
    """The error of a node whose script returns a data-block."""
    script(tree, "Node", source)
    run = background_nodes.run(tree)
    assert run.state == "failed"
    return run.tasks["Node"].error.message


@pytest.mark.parametrize(
    ("kind", "socket", "part", "name"),
    [
        ("Collection", "Collection", "bpy.context.scene.collection", "Scene Collection"),
        ("NodeTree", "Node Group", "bpy.data.materials.new('Steel').node_tree", "Shader Nodetree"),
    ],
)
def test_part_of_a_data_block_that_is_returned_is_told_and_not_dropped(tree, kind, socket, part, name):
    if kind == "NodeTree" and bpy.app.version < (5, 0, 0):
        part = "[m := bpy.data.materials.new('Steel'), setattr(m, 'use_nodes', True)][0].node_tree"
    fault = fault_of_result(tree, f"def main() -> bpy.types.{kind}: return {part}")
    assert f'socket "{socket}": {kind} "{name}" is a part of another data-block. Pass that one' in fault


@pytest.mark.skipif(bpy.app.version < (4, 5, 0), reason="4.2 takes it along: see data_block_cases")
def test_cache_that_a_script_bakes_is_told_and_not_dropped(tree):
    source = """
        def main() -> bpy.types.Object:
            item = bpy.data.objects.new("Flag", bpy.data.meshes.new("Flag"))
            bpy.context.scene.collection.objects.link(item)
            cache = item.modifiers.new("Cloth", "CLOTH").point_cache
            cache.frame_end = 3
            with bpy.context.temp_override(scene=bpy.context.scene, active_object=item, point_cache=cache):
                bpy.ops.ptcache.bake(bake=True)
            return item
    """
    fault = fault_of_result(tree, source)
    assert 'socket "Object": Object "Flag" has a baked cache of "Cloth", which stays where it is' in fault


def test_what_cant_travel_is_told_by_jobs_in_the_same_words(manager, write):
    collection = bpy.context.scene.collection
    reason = 'Collection "Scene Collection" is a part of another data-block. Pass that one, or a copy of its part'
    assert manager.add_job("in", write("x = 1"), passed_data_blocks={collection}) == (
        False,
        f"the job 'in' can't be added: passed_data_blocks: {reason}",
    )
    assert manager.add_job("out", write("data_blocks = [bpy.context.scene.collection]")) == (True, "")
    assert manager.get_job("out").wait(60.0) == "DROPPED"
    reason = reason.replace(" is a part", ", which is a part")
    assert f"data_blocks[0] is {reason}" in manager.get_issue_string("out")
