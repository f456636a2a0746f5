"""Data-blocks that nobody asked for stay away: their outputs offer them, and they come home when somebody asks."""

from __future__ import annotations

import bpy
import pytest

import background_nodes

from .graphs import SCALE, names, new_tree, output, quad, script, socket_of, value

MAKE = """
    def main(name: str = "Made") -> bpy.types.Object:
        mesh = bpy.data.meshes.new(name)
        mesh.materials.append(bpy.data.materials.new("Shared"))
        return bpy.data.objects.new(name, mesh)
"""


@pytest.fixture
def tree():
    return new_tree()


def run(tree):
    finished = background_nodes.run(tree)
    assert finished.state == "succeeded"
    return finished


def test_run_leaves_nothing_in_the_file_that_nobody_asked_for(tree):
    node = script(tree, "Make", MAKE)
    before = names()
    run(tree)
    assert names() == before
    socket = node.outputs[0]
    assert (socket.shows_result, socket.offered_label, socket.result_data_blocks) == (True, "Made", [])


def test_images_that_were_baked_for_an_export_stay_away(tree):
    bake = """
        class Output(NamedTuple):
            item: bpy.types.Object
            image: bpy.types.Image

        def main(source: bpy.types.Object) -> Output: return Output(source, bpy.data.images.new("Baked", 4, 4))
    """
    baked = script(tree, "Bake", bake, source=value(tree, "Object", [quad("A"), quad("B")], is_list=True))
    export = "def main(sources: list[bpy.types.Object]) -> str: return sources[0].name"
    exported = script(tree, "Export", export, sources=baked.outputs["Item"])
    before = names()
    run(tree)
    assert names() == before
    assert (exported.outputs[0].result, baked.outputs["Image"].offered_label) == ("A", "2")


def test_result_comes_home_when_python_asks_for_it_and_only_once(tree):
    node = script(tree, "Make", MAKE)
    run(tree)
    made = node.outputs[0].result
    assert made == bpy.data.objects["Made"] == node.outputs[0].result
    run(tree)
    assert node.outputs[0].offered_label == "Made"
    assert node.outputs[0].result == bpy.data.objects["Made"]
    assert len(bpy.data.objects) == len(bpy.data.meshes) == len(bpy.data.materials) == 1


def test_what_two_results_share_comes_home_once_though_they_are_asked_for_one_by_one(tree):
    source = """
        class Output(NamedTuple):
            first: bpy.types.Mesh
            second: bpy.types.Mesh

        def main() -> Output:
            shared = bpy.data.materials.new("Shared")
            made = [bpy.data.meshes.new(name) for name in Output._fields]
            for mesh in made:
                mesh.materials.append(shared)
            return Output(*made)
    """
    first, second = script(tree, "Make", source).outputs
    for sockets in ((first, second), (second, first)):
        run(tree)
        assert len({socket.result.materials[0] for socket in sockets}) == 1
        assert len(bpy.data.materials) == 1
        assert bpy.data.meshes.keys() == ["first", "second"]


def test_object_and_its_mesh_belong_together_though_they_are_asked_for_one_by_one(tree):
    source = """
        class Output(NamedTuple):
            item: bpy.types.Object
            mesh: bpy.types.Mesh
            both: list[bpy.types.ID]

        def main() -> Output:
            item = bpy.data.objects.new("Made", bpy.data.meshes.new("Made"))
            return Output(item, item.data, [item, item.data])
    """
    item, mesh, both = script(tree, "Make", source).outputs
    for _ in range(2):
        finished = run(tree)
        assert item.result.data == mesh.result
        assert both.result == (item.result, mesh.result)
        assert finished.fetch("Make", "item") == item.result
        assert len(bpy.data.objects) == len(bpy.data.meshes) == 1


def test_kept_result_comes_home_unasked(tree):
    node = script(tree, "Make", MAKE)
    node.keep_result = True
    run(tree)
    assert bpy.data.objects.keys() == ["Made"]


def test_nothing_is_offered_after_reload(tree, tmp_path):
    script(tree, "Make", MAKE)
    run(tree)
    file = str(tmp_path / "file.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    socket = bpy.data.node_groups["Tree"].nodes["Make"].outputs[0]
    assert (socket.shows_result, socket.result) == (False, None)


def test_offer_of_an_earlier_run_is_its_own_after_undo(tree):
    node = script(tree, "Make", MAKE)
    for name in ("First", "Second"):
        socket_of(node.inputs, "name").default_value = name
        bpy.ops.ed.undo_push(message=name)
        run(tree)
    bpy.ops.ed.undo()
    bpy.ops.ed.undo()
    assert bpy.data.node_groups["Tree"].nodes["Make"].outputs[0].result.name == "First"


def test_result_that_is_not_kept_any_more_says_so(tree, session):
    node = script(tree, "Make", MAKE)
    run(tree).forget()
    with pytest.raises(background_nodes.RunError, match="not kept any more"):
        _ = node.outputs[0].result
    assert node.outputs[0].offered_label == "Made"


def test_result_can_not_come_home_while_the_earlier_one_is_edited(tree):
    node = script(tree, "Make", MAKE)
    run(tree)
    bpy.context.scene.collection.objects.link(node.outputs[0].result)
    run(tree)
    bpy.context.view_layer.objects.active = bpy.data.objects["Made"]
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(background_nodes.RunError, match='until "Made" leaves Edit Mode'):
        _ = node.outputs[0].result
    bpy.ops.object.mode_set(mode="OBJECT")
    assert node.outputs[0].result == bpy.data.objects["Made"]


def test_copied_node_and_tree_offer_nothing(tree):
    script(tree, "Make", MAKE)
    run(tree)
    copied = tree.copy().nodes["Make"].outputs[0]
    assert (copied.shows_result, copied.result) == (False, None)


def test_output_node_takes_a_result_home_as_before(tree):
    node = script(tree, "Make", MAKE)
    output(tree, "KEEP", node)
    run(tree)
    assert bpy.data.objects.keys() == ["Made"]
    assert node.outputs[0].offered_by == 0


@pytest.mark.parametrize("is_cached", [False, True])
def test_each_result_of_a_chain_is_fetched_as_it_was_when_the_next_task_took_it(tree, store, is_cached):
    """A script changes what it is given in place, and two tasks take the same."""
    make = """
        def main() -> bpy.types.Object:
            mesh = bpy.data.meshes.new("Item")
            mesh.from_pydata([(1, 0, 0)], [], [])
            mesh.materials.append(bpy.data.materials.new("Stone"))
            return bpy.data.objects.new("Item", mesh)
    """
    nodes = [script(tree, "Make", make)]
    for number in range(1, 5):
        nodes.append(script(tree, f"Scale {number}", SCALE, source=nodes[-1]))
    script(tree, "Beside", SCALE, source=nodes[1], size=3.0)
    for _time in range(1 + is_cached):
        finished = run(tree)
    assert all(task.cached == is_cached for task in finished.tasks.values())
    for power, node in [*enumerate(nodes)][::-1]:
        fetched = finished.fetch(node.name, node.outputs[0].identifier)
        assert fetched.data.vertices[0].co.x == 2.0**power
        assert [material.name for material in fetched.data.materials] == ["Stone"]
    assert finished.fetch("Beside", "result").data.vertices[0].co.x == 6.0
    assert len(bpy.data.materials) == 1, "what a result shares with another is there once"
