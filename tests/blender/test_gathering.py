# SPDX-License-Identifier: GPL-3.0-or-later
"""Results strewn over many blobs, and a snapshot of several blobs: nothing is doubled, lost or mistaken for another."""

import bpy
import pytest

import background_nodes
from background_nodes.runtime.blender import blobs
from background_nodes.runtime.scratch.contents import Contents, DataBlockName, Origin
from background_nodes.runtime.scratch.scratch import ScratchFolder
from background_nodes.runtime.script.socket_types import StoredRef
from background_nodes.runtime.worker.inputs import Inputs

from . import graphs

COUNT = 70  # more than a snapshot's blob holds, and enough blobs for a gathering

MOVE = """
    def main(thing: bpy.types.Object) -> bpy.types.Object:
        for vertex in thing.data.vertices:
            vertex.co.z += 1.0
        return thing
"""


@pytest.fixture
def quads():
    material = bpy.data.materials.new("Steel")
    return [graphs.quad(f"Quad {index:02d}", index + 1.0, material) for index in range(COUNT)]


def test_many_results_come_home_in_order_with_the_material_they_went_out_with(quads):
    tree = graphs.new_tree()
    source = graphs.value(tree, "Object", quads, is_list=True)
    move = graphs.script(tree, "Move", MOVE, thing=source)
    run = background_nodes.run(tree)
    assert (run.state, run.notes) == ("succeeded", ())
    results = move.outputs[0].result
    assert [result.data.vertices[1].co.x for result in results] == [index + 1.0 for index in range(COUNT)]
    assert all(result.data.vertices[0].co.z == 1.0 for result in results)
    assert [material.name for material in bpy.data.materials] == ["Steel"]
    assert len(bpy.data.objects) == len(bpy.data.meshes) == 2 * COUNT
    assert not bpy.data.libraries


def test_many_results_replace_their_own_originals(quads):
    tree = graphs.new_tree()
    source = graphs.value(tree, "Object", quads, is_list=True)
    graphs.output(tree, "REPLACE", graphs.script(tree, "Move", MOVE, thing=source))
    assert background_nodes.run(tree).state == "succeeded"
    assert len(bpy.data.objects) == len(bpy.data.meshes) == COUNT
    for index, quad in enumerate(quads):
        assert tuple(quad.data.vertices[1].co) == (index + 1.0, 0.0, 1.0)


def test_a_task_that_takes_many_results_gets_them_in_order(quads):
    tree = graphs.new_tree()
    source = graphs.value(tree, "Object", quads, is_list=True)
    move = graphs.script(tree, "Move", MOVE, thing=source)
    measure = graphs.script(
        tree,
        "Measure",
        """
        class Output(NamedTuple):
            sizes: list[float]
            materials: int

        def main(sources: list[bpy.types.Object]) -> Output:
            sizes = [source.data.vertices[1].co.x for source in sources]
            return Output(sizes, len(bpy.data.materials))
        """,
        sources=move,
    )
    run = background_nodes.run(tree)
    assert run.state == "succeeded", run.tasks["Measure"].error
    assert measure.outputs["Sizes"].result == tuple(index + 1.0 for index in range(COUNT))
    assert measure.outputs["Materials"].result == 1


def test_a_list_from_several_snapshot_blobs_has_shared_data_once(quads):
    tree = graphs.new_tree()
    source = graphs.value(tree, "Object", quads, is_list=True)
    count = graphs.script(
        tree,
        "Count",
        "def main(sources: list[bpy.types.Object]) -> int: return len(bpy.data.materials)",
        sources=source,
    )
    assert background_nodes.run(tree).state == "succeeded"
    assert count.outputs[0].result == 1


def test_results_of_tasks_are_opened_once_each_and_have_the_names_that_they_were_given(tmp_path, monkeypatch):
    """All have the same name, as what a script makes often has: none may get that of another."""
    folder = ScratchFolder(tmp_path)
    folder.file("000001.blend").parent.mkdir()
    refs = [StoredRef("Object", "Part", "", f"{number:06d}.blend") for number in range(1, 6)]
    for size, ref in enumerate(refs):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        part = graphs.quad("Part", size + 1.0)
        names = [DataBlockName("Object", "Part", ""), DataBlockName("Mesh", part.data.name, "")]
        origins = {name: Origin(StoredRef(*name, ref.blob), True) for name in names}
        blobs.write(folder.file(ref.blob), [part], Contents(origins=origins))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    opened, open_blob = [], blobs._opened
    monkeypatch.setattr(blobs, "_opened", lambda path, **options: opened.append(path) or open_blob(path, **options))
    inputs = Inputs(folder, refs, may_change=False)
    assert [inputs[ref].data.vertices[1].co.x for ref in refs] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert opened == [str(folder.file(ref.blob)) for ref in refs[1:]]  # the first one became the open file
    assert not bpy.data.libraries
