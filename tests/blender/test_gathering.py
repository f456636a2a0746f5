# SPDX-License-Identifier: GPL-3.0-or-later
"""Results strewn over many blobs, and a snapshot of several blobs: nothing is doubled, lost or mistaken for another."""

import bpy
import pytest

import background_nodes

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
