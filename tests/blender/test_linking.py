"""Output nodes in Link mode: a new collection, results beside their originals, originals out of sight."""

from __future__ import annotations

import bpy
import pytest

import background_nodes

from .graphs import editor, link_to_scene, new_tree, output, quad, script, value

IN_PLACE = """
    def main(source: bpy.types.Object, times: int = 1) -> bpy.types.Object:
        source.data.vertices[0].co.z += times
        return source
"""


@pytest.fixture
def tree():
    return new_tree()


def run(tree) -> None:
    assert background_nodes.run(tree).state == "succeeded"


def places(sources) -> list[float]:
    return [item.location.x for item in sources]


def test_new_collection_is_in_the_scene_and_takes_the_results(tree):
    node = script(tree, "Change", IN_PLACE, source=value(tree, "Object", quad("Cube")))
    take = output(tree, "LINK", node)
    with editor(tree):
        assert bpy.ops.background_nodes.output_collection_new(node_name=take.name) == {"FINISHED"}
    run(tree)
    assert bpy.context.scene.collection.children.keys() == ["Results"]
    assert take.collection.objects.keys() == ["Cube.001"]


def test_results_of_a_list_lie_in_a_row_beside_the_original_and_stay_there(tree):
    cube = quad("Cube")
    cube.location.x = 1
    times = value(tree, "INT", [1, 2, 3], is_list=True)
    node = script(tree, "Change", IN_PLACE, source=value(tree, "Object", cube), times=times)
    take = output(tree, "LINK", node, offset=(2, 0, 0))
    for _ in range(2):
        run(tree)
        assert (places(node.outputs[0].result), cube.location.x) == ([3, 5, 7], 1)
    node.outputs[0].result[1].location.x = 9
    take.offset = 4, 0, 0
    run(tree)
    assert places(node.outputs[0].result) == [5, 9, 13]


def test_results_of_several_originals_lie_each_beside_its_own(tree):
    cubes = [quad(f"Cube {number}") for number in range(3)]
    for number, cube in enumerate(cubes):
        cube.location.x = 10 * number
    node = script(tree, "Change", IN_PLACE, source=value(tree, "Object", cubes, is_list=True))
    output(tree, "LINK", node, offset=(2, 0, 0))
    run(tree)
    assert places(node.outputs[0].result) == [2, 12, 22]


def test_children_go_with_their_parent_and_the_artists_own_stays(tree):
    source = """
        def main(source: bpy.types.Object) -> bpy.types.Collection:
            made = bpy.data.collections.new("Made")
            parent, child = (bpy.data.objects.new(name, None) for name in ("Parent", "Child"))
            child.parent = parent
            for item in (parent, child, source):
                made.objects.link(item)
            return made
    """
    mine = quad("Mine")
    output(tree, "LINK", script(tree, "Make", source, source=value(tree, "Object", mine)), offset=(2, 0, 0))
    run(tree)
    assert places(bpy.data.objects[name] for name in ("Parent", "Child", "Mine")) == [2, 0, 0]


def test_original_is_hidden_in_the_viewport_of_the_scene_and_nowhere_else(tree):
    cube, other = quad("Cube"), quad("Other")
    second = bpy.data.scenes.new("Second")
    second.collection.objects.link(cube)
    node = script(tree, "Change", IN_PLACE, source=value(tree, "Object", cube))
    output(tree, "LINK", node, hide_original=True)
    for _ in range(2):
        run(tree)
        hidden = {item.name: item.hide_get() for item in bpy.context.view_layer.objects}
        assert hidden == {"Cube": True, "Other": False, "Cube.001": False}
        assert not cube.hide_get(view_layer=second.view_layers[0])
        assert not any(item.hide_render for item in (cube, other, node.outputs[0].result))


def test_offset_moves_nothing_that_is_linked_as_it_is(tree):
    cube = link_to_scene(bpy.data.objects.new("Cube", None))
    output(tree, "LINK", value(tree, "Object", cube), offset=(2, 0, 0))
    run(tree)
    assert cube.location.x == 0
