"""What a script finds in its scene: its inputs and, hidden, the objects that these depend on."""

from __future__ import annotations

import json

import bpy
import pytest

import background_nodes

from . import jobs
from .graphs import link_to_scene, new_tree, quad, script, value

#: What is in the scene, in its view layer, selected; and what a render and an OBJ of everything would hold.
LOOK = """
    def main(item: bpy.types.Object) -> dict:
        scene, layer = bpy.context.scene, bpy.context.view_layer
        bpy.ops.object.select_all(action="SELECT")
        return {
            "scene": sorted(scene.objects.keys()),
            "layer": sorted(layer.objects.keys()),
            "selected": sorted(item.name for item in bpy.context.selected_objects),
            "evaluated": sorted({each.object.name for each in bpy.context.evaluated_depsgraph_get().object_instances}),
        }
"""

EXPORT = """
    import json
    import os
    import addon_utils

    def main(item: bpy.types.Object, path: str, use_selection: bool) -> dict:
        addon_utils.enable("io_scene_gltf2")
        item.select_set(True)
        bpy.ops.export_scene.gltf(filepath=path, export_format="GLTF_SEPARATE", use_selection=use_selection)
        with open(path) as file:
            exported = json.load(file)
        return {node["name"]: node.get("translation") for node in exported.get("nodes", [])}
"""


@pytest.fixture
def tree():
    return new_tree()


def run(tree):
    finished = background_nodes.run(tree)
    errors = {name: task.error.message for name, task in finished.tasks.items() if task.error}
    assert errors == {}


def result(node):
    return node.outputs[0].result


def child_of_a_child() -> bpy.types.Object:
    """An object with a parent and a grandparent; its location in the world is (3, 0, 4)."""
    top = link_to_scene(bpy.data.objects.new("Top", None))
    table, cup = quad("Table"), quad("Cup")
    top.location, table.scale, cup.location = (3.0, 0.0, 0.0), (2.0, 2.0, 2.0), (0.0, 0.0, 2.0)
    table.parent, cup.parent = top, table
    return cup


def with_all_it_can_hang_on() -> bpy.types.Object:
    """An object with a dependency of each sort; the other objects are named after the sort."""
    cup = child_of_a_child()
    targets = {name: quad(name) for name in ("Cutter", "Target", "Bone's Target", "Deformer")}
    cup.modifiers.new("Boolean", "BOOLEAN").object = targets["Cutter"]
    cup.constraints.new("COPY_ROTATION").target = targets["Target"]
    cup.modifiers.new("Shrinkwrap", "SHRINKWRAP").target = targets["Deformer"]
    rig = link_to_scene(bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig")))
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    rig.data.edit_bones.new("Bone").tail = (0.0, 0.0, 1.0)
    bpy.ops.object.mode_set(mode="OBJECT")
    rig.pose.bones["Bone"].constraints.new("TRACK_TO").target = targets["Bone's Target"]
    cup.modifiers.new("Armature", "ARMATURE").object = rig
    path, profile = (bpy.data.curves.new(name, "CURVE") for name in ("Path", "Profile"))
    path.bevel_mode, path.bevel_object = "OBJECT", link_to_scene(bpy.data.objects.new("Profile", profile))
    cup.modifiers.new("Curve", "CURVE").object = link_to_scene(bpy.data.objects.new("Path", path))
    return cup


def test_what_an_input_hangs_on_is_in_the_scene_and_out_of_sight(tree):
    node = script(tree, "Look", LOOK, item=value(tree, "Object", with_all_it_can_hang_on()))
    run(tree)
    hung_on = {"Top", "Table", "Cutter", "Target", "Bone's Target", "Deformer", "Rig", "Path", "Profile"}
    found = dict(result(node))
    assert set(found.pop("scene")) == {"Cup", *hung_on}
    assert found == {"layer": ["Cup"], "selected": ["Cup"], "evaluated": ["Cup"]}


def test_input_that_another_one_hangs_on_is_seen(tree):
    cup = child_of_a_child()
    inputs = value(tree, "Object", [cup, cup.parent], is_list=True)
    source = LOOK.replace("item: bpy.types.Object", "items: list[bpy.types.Object]")
    node = script(tree, "Look", source, items=inputs)
    run(tree)
    assert result(node)["scene"] == ["Cup", "Table", "Top"]
    assert result(node)["layer"] == result(node)["evaluated"] == ["Cup", "Table"]


@pytest.mark.parametrize("use_selection", [True, False])
def test_script_s_own_gltf_holds_the_child_alone_where_it_is(tree, tmp_path, use_selection):
    given = {"path": str(tmp_path / "out.gltf"), "use_selection": use_selection}
    node = script(tree, "Export", EXPORT, item=value(tree, "Object", with_all_it_can_hang_on()), **given)
    run(tree)
    assert result(node) == {"Cup": [3.0, 4.0, 0.0]}
    assert len(json.loads((tmp_path / "out.gltf").read_text())["meshes"]) == 1


def test_script_s_own_gltf_holds_an_override_beside_what_it_is_made_of(tree, tmp_path):
    cup = quad("Cup")
    bpy.data.libraries.write(str(tmp_path / "library.blend"), {cup})
    bpy.data.batch_remove({cup, cup.data})
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_there, wanted):
        wanted.objects = ["Cup"]
    given = {"path": str(tmp_path / "out.gltf"), "use_selection": True}
    override = link_to_scene(wanted.objects[0].override_create())
    node = script(tree, "Export", EXPORT, item=value(tree, "Object", override), **given)
    run(tree)
    assert list(result(node)) == ["Cup"]


def test_modifier_and_constraint_work_with_what_is_out_of_sight(tree):
    cup, target = quad("Cup", size=2.0), quad("Target")
    target.location.x = 5.0
    cup.constraints.new("COPY_LOCATION").target = target
    cup.modifiers.new("Shrinkwrap", "SHRINKWRAP").target = target
    source = """
        def main(item: bpy.types.Object) -> list[float]:
            mesh = item.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
            return [item.matrix_world.translation.x, max(vertex.co.x for vertex in mesh.vertices)]
    """
    node = script(tree, "Where", source, item=value(tree, "Object", cup))
    run(tree)
    assert result(node) == (5.0, 1.0)


def test_objects_of_an_instanced_collection_stay_where_they_are(tree):
    collection = bpy.data.collections.new("Asset")
    part = quad("Part")
    bpy.context.scene.collection.objects.unlink(part)
    collection.objects.link(part)
    instance = link_to_scene(bpy.data.objects.new("Instance", None))
    instance.instance_type, instance.instance_collection = "COLLECTION", collection
    node = script(tree, "Look", LOOK, item=value(tree, "Object", instance))
    run(tree)
    assert result(node)["scene"] == ["Instance"]
    assert result(node)["evaluated"] == ["Instance", "Part"]


def test_nothing_of_it_comes_home(tree):
    source = """
        def main(item: bpy.types.Object) -> bpy.types.Scene:
            assert len(bpy.data.collections) == 1
            return bpy.context.scene
    """
    node = script(tree, "Scene", source, item=value(tree, "Object", child_of_a_child()))
    run(tree)
    assert [item.name.partition(".")[0] for item in result(node).objects] == ["Cup"]
    assert not bpy.data.collections


def test_rig_s_collection_of_that_name_is_left_as_it_was(tree):
    """Blender's glTF importer puts the custom shapes of bones into a collection of that name."""
    shapes = bpy.data.collections.new("glTF_not_exported")
    cup = child_of_a_child()
    cup["shapes"] = shapes
    source = """
        def main(item: bpy.types.Object) -> bpy.types.Object:
            assert "Table" in bpy.context.scene.objects
            assert "Table" not in bpy.context.view_layer.objects
            assert bpy.data.collections.keys() == ["glTF_not_exported"]
            return item
    """
    node = script(tree, "Node", source, item=value(tree, "Object", cup))
    run(tree)
    assert result(node)["shapes"] == shapes
    assert bpy.data.collections[:] == [shapes]
    assert not shapes.objects


def test_script_may_open_another_file(tree):
    source = """
        def main(item: bpy.types.Object) -> int:
            bpy.ops.wm.read_homefile(use_empty=True)
            return len(bpy.data.objects)
    """
    node = script(tree, "Node", source, item=value(tree, "Object", child_of_a_child()))
    run(tree)
    assert result(node) == 0


def test_script_without_main_finds_the_same(manager, write):
    body = "python_data = {'scene': bpy.context.scene.objects.keys(), 'layer': bpy.context.view_layer.objects.keys()}"
    job = jobs.run(manager, write(body), passed_data_blocks=[child_of_a_child()])
    assert job.python_data == {"scene": ["Cup", "Table", "Top"], "layer": ["Cup"]}


def test_objects_whose_meshes_a_script_takes_are_evaluated_in_the_scene():
    """Some are in it already, one is given twice."""
    objects = [quad(f"Quad {number}") for number in range(3)]
    for number, item in enumerate(objects, start=1):
        item.modifiers.new("Array", "ARRAY").count = number
    tree = new_tree()
    given = value(tree, "Object", [*objects, objects[0]], is_list=True)
    count = """
        def main(meshes: list[bpy.types.Mesh], item: bpy.types.Object) -> list[int]:
            return [len(mesh.vertices) for mesh in meshes]
    """
    counted = script(tree, "Count", count, meshes=given, item=objects[1])
    run(tree)
    assert list(result(counted)) == [4, 8, 12, 4]
