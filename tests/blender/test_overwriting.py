"""Results that take the place of what is in the file: what the artist sees of that stays as it was."""

import bpy
import pytest

from background_nodes.runtime.blender import data_block_kinds
from tests.blender.graphs import link_to_scene, names, new_material, quad
from tests.blender.jobs import PATIENCE, add, process, run

CHANGE = "obj = bpy.data.objects[name]\nobj.location.x = 3\nobj.data['changed'] = 1\ndata_blocks = [obj]"


def overwrite(manager, write, scene_object):
    given = {"passed_data": {"name": scene_object.name}, "passed_data_blocks": {scene_object}}
    return run(manager, write(CHANGE), **given, overwrite_data=True).data_blocks.objects[0]


def shown_as(scene_object, view_layer) -> dict[str, bool]:
    return {
        "selected": scene_object.select_get(view_layer=view_layer),
        "active": view_layer.objects.active == scene_object,
        "hidden": scene_object.hide_get(view_layer=view_layer),
        "visible": scene_object.visible_get(view_layer=view_layer),
    }


@pytest.mark.parametrize("is_selected", [True, False])
@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("is_hidden", [True, False])
def test_selection_active_object_and_visibility_stay_in_each_scene(manager, write, is_selected, is_active, is_hidden):
    plate, other = quad("Plate"), quad("Other")
    second = bpy.data.scenes.new("Second")
    second.collection.objects.link(plate)
    layers = [bpy.context.view_layer, second.view_layers[0]]
    for layer in layers:
        layer.objects.active = plate if is_active else other if layer == layers[0] else None
        plate.select_set(is_selected, view_layer=layer)
        plate.hide_set(is_hidden, view_layer=layer)
    before = [shown_as(plate, layer) for layer in layers]
    result = overwrite(manager, write, plate)
    assert result.name == "Plate"
    assert result.location.x == 3
    assert [shown_as(result, layer) for layer in layers] == before
    assert sorted(bpy.data.objects.keys()) == ["Other", "Plate"]


@pytest.mark.parametrize("setting", ["hide_viewport", "hide_render", "hide_select"])
def test_restrictions_of_an_object_stay(manager, write, setting):
    plate = quad("Plate")
    setattr(plate, setting, True)
    assert getattr(overwrite(manager, write, plate), setting) is True


def test_object_in_several_collections_stays_in_them_in_their_order(manager, write):
    plate = quad("Plate")
    collections = [bpy.data.collections.new(name) for name in "ab"]
    for collection in collections:
        bpy.context.scene.collection.children.link(collection)
        collection.objects.link(bpy.data.objects.new("Before", None))
        collection.objects.link(plate)
        collection.objects.link(bpy.data.objects.new("After", None))
    layer = bpy.context.view_layer
    layer.layer_collection.children["b"].exclude = True
    before = [collection.objects.keys() for collection in collections]
    result = overwrite(manager, write, plate)
    assert [collection.objects.keys() for collection in collections] == before
    assert {*result.users_collection} == {bpy.context.scene.collection, *collections}
    assert layer.layer_collection.children["b"].exclude is True


@pytest.mark.parametrize("mode", ["SCULPT", "WEIGHT_PAINT", "VERTEX_PAINT", "TEXTURE_PAINT"])
def test_what_is_sculpted_or_painted_is_replaced_when_the_mode_ends(manager, write, mode):
    plate = quad("Plate")
    # What these modes make of a mesh by themselves is a change, too.
    add(manager, "job", write(CHANGE), 0, {"name": "Plate"}, {plate}, overwrite_data=True, when_changed="take")
    bpy.context.view_layer.objects.active = plate
    bpy.ops.object.mode_set(mode=mode)
    process(manager, lambda: manager.num_running_jobs() == 0 and manager.job_started("job"))
    assert manager.get_job("job").wait(0.1) == "ACTIVE"
    bpy.ops.object.mode_set(mode="OBJECT")
    assert manager.get_job("job").wait(PATIENCE) == "COMPLETED"
    assert bpy.data.objects["Plate"].data["changed"] == 1


def test_new_object_takes_the_place_of_one_of_its_name_when_that_leaves_its_mode(manager, write):
    plate, helper = quad("Plate"), quad("Helper")
    script = write(
        """
        plate = bpy.data.objects["Plate"]
        plate.parent = bpy.data.objects.new("Helper", None)
        data_blocks = [plate]
        """
    )
    add(manager, "job", script, 0, {}, {plate}, overwrite_data=True)
    bpy.context.view_layer.objects.active = helper
    bpy.ops.object.mode_set(mode="SCULPT")
    process(manager, lambda: manager.num_running_jobs() == 0 and manager.job_started("job"))
    assert manager.get_job("job").wait(0.1) == "ACTIVE"
    bpy.ops.object.mode_set(mode="OBJECT")
    assert manager.get_job("job").wait(PATIENCE) == "COMPLETED"
    assert bpy.data.objects["Helper"].type == "EMPTY"


def test_collection_is_replaced_when_what_is_sculpted_in_it_leaves_its_mode(manager, write):
    collection = bpy.data.collections.new("Group")
    bpy.context.scene.collection.children.link(collection)
    plate = quad("Plate")
    bpy.context.scene.collection.objects.unlink(plate)
    collection.objects.link(plate)
    script = write(
        "group = bpy.data.collections['Group']\ngroup.objects.unlink(group.objects[0])\ndata_blocks = [group]"
    )
    add(manager, "job", script, 0, {}, {collection}, overwrite_data=True)
    bpy.context.view_layer.objects.active = plate
    bpy.ops.object.mode_set(mode="SCULPT")
    process(manager, lambda: manager.num_running_jobs() == 0 and manager.job_started("job"))
    assert manager.get_job("job").wait(0.1) == "ACTIVE"
    bpy.ops.object.mode_set(mode="OBJECT")
    assert manager.get_job("job").wait(PATIENCE) == "COMPLETED"
    assert not bpy.data.collections["Group"].objects


def test_mesh_that_is_edited_in_another_object_is_replaced_when_the_mode_ends(manager, write):
    plate = quad("Plate")
    twin = link_to_scene(bpy.data.objects.new("Twin", plate.data))
    add(manager, "job", write(CHANGE), 0, {"name": "Plate"}, {plate}, overwrite_data=True)
    bpy.context.view_layer.objects.active = twin
    bpy.ops.object.mode_set(mode="EDIT")
    process(manager, lambda: manager.num_running_jobs() == 0 and manager.job_started("job"))
    assert manager.get_job("job").wait(0.1) == "ACTIVE"
    bpy.ops.object.mode_set(mode="OBJECT")
    assert manager.get_job("job").wait(PATIENCE) == "COMPLETED"
    assert twin.data == bpy.data.objects["Plate"].data
    assert twin.data["changed"] == 1


def test_another_object_in_edit_mode_holds_nothing_up(manager, write):
    plate, other = quad("Plate"), quad("Other")
    bpy.context.view_layer.objects.active = other
    bpy.ops.object.mode_set(mode="EDIT")
    overwrite(manager, write, plate)
    assert other.mode == "EDIT"
    bpy.ops.object.mode_set(mode="OBJECT")


@pytest.mark.parametrize("names", [("Shape", "Shape.001"), ("Shape.001", "Shape")])
def test_two_results_do_not_take_each_others_place(manager, write, names):
    user = bpy.data.objects.new("User", bpy.data.meshes.new("Shape"))
    script = write(
        """
        for name in names:
            bpy.data.meshes.new(name)["made as"] = name
        data_blocks = [bpy.data.meshes[name] for name in names]
        """
    )
    job = run(manager, script, passed_data={"names": names}, overwrite_data=True)
    assert [mesh["made as"] for mesh in job.data_blocks.meshes] == list(names)
    assert {mesh.name: mesh["made as"] for mesh in bpy.data.meshes} == {name: name for name in names}
    assert user.data["made as"] == "Shape"


def test_nothing_of_another_file_is_overwritten(manager, write, tmp_path):
    gate = tmp_path / "gate"
    wait = "import os, time\nwhile not os.path.exists(gate): time.sleep(0.01)\n"
    add(manager, "job", write(wait + CHANGE), 0, {"name": "Plate", "gate": str(gate)}, {quad("Plate")},
        overwrite_data=True)  # fmt: skip
    process(manager, lambda: manager.num_running_jobs() == 1)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    plate = quad("Plate")
    gate.touch()
    process(manager)
    assert bpy.data.objects["Plate"] == plate
    assert "changed" not in plate.data
    assert bpy.data.objects[:] == [plate]
    assert manager.get_job_state("job") == "DROPPED"


def test_undo_brings_back_what_was_replaced_and_redo_the_result(manager, write):
    plate = quad("Plate")
    bpy.ops.ed.undo_push(message="Before")
    overwrite(manager, write, plate)
    bpy.ops.ed.undo()
    assert bpy.data.objects.keys() == ["Plate"]
    assert bpy.data.objects["Plate"].location.x == 0
    assert "changed" not in bpy.data.meshes["Plate"]
    bpy.ops.ed.redo()
    assert bpy.data.objects.keys() == ["Plate"]
    assert bpy.data.objects["Plate"].location.x == 3
    assert bpy.data.objects["Plate"].data["changed"] == 1


# Kinds


def _world():
    bpy.context.scene.world = bpy.data.worlds.new("World")
    return bpy.context.scene.world


def _armature_with_a_child():
    bpy.ops.object.armature_add()
    plate = bpy.data.objects["Plate"]
    plate.parent, plate.parent_type, plate.parent_bone = bpy.context.object, "BONE", "Bone"
    return bpy.context.object


def _camera_of_the_scene():
    bpy.ops.object.camera_add()
    bpy.context.scene.camera = bpy.context.object
    return bpy.context.object


def _action():
    plate = bpy.data.objects["Plate"]
    plate.keyframe_insert("location")
    return plate.animation_data.action


def _node_group():
    modifier = bpy.data.objects["Plate"].modifiers.new("Nodes", "NODES")
    modifier.node_group = bpy.data.node_groups.new("Group", "GeometryNodeTree")
    return modifier.node_group


def _instance():
    collection = bpy.data.collections.new("Instanced")
    collection.objects.link(bpy.data.objects["Plate"])
    item = link_to_scene(bpy.data.objects.new("Instance", None))
    item.instance_type, item.instance_collection = "COLLECTION", collection
    return item


def _object_with_shape_keys():
    plate = bpy.data.objects["Plate"]
    for name in ("Basis", "Key"):
        plate.shape_key_add(name=name)
    return plate


def _parent():
    link_to_scene(bpy.data.objects.new("Child", None)).parent = bpy.data.objects["Plate"]
    bpy.context.scene.collection["pointer"] = bpy.data.objects["Plate"]
    return bpy.data.objects["Plate"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: bpy.context.scene,
        lambda: bpy.data.materials["Paint"],
        lambda: bpy.data.texts.new("Text"),
        _world,
        _armature_with_a_child,
        _camera_of_the_scene,
        _action,
        _node_group,
        _instance,
        _object_with_shape_keys,
        _parent,
    ],
)
def test_what_is_overwritten_is_used_by_the_same_and_leaves_no_double(manager, write, make):
    quad("Plate", material=new_material("Paint"))
    item = make()
    collection = data_block_kinds.collections()[data_block_kinds.kind_of(item)]
    before = names()
    script = write(f"item = bpy.data.{collection}[name]\nitem['changed'] = 1\ndata_blocks = [item]")
    given = {"passed_data": {"name": item.name}, "passed_data_blocks": {item}}
    name = item.name
    job = run(manager, script, **given, overwrite_data=True)
    result = getattr(bpy.data, collection)[name]
    assert result["changed"] == 1
    assert getattr(job.data_blocks, collection)[0] == result
    assert names() == before, "the same data-blocks, with as many users"


def test_shape_keys_come_home_with_their_object(manager, write):
    quad("Plate")
    plate = _object_with_shape_keys()
    script = write("obj = bpy.data.objects['Plate']\nobj['changed'] = 1\ndata_blocks = [obj]")
    retrieved = run(manager, script, passed_data_blocks={plate}).data_blocks
    assert retrieved.objects[0].data.shape_keys.key_blocks.keys() == ["Basis", "Key"]
    assert retrieved.shape_keys == [retrieved.objects[0].data.shape_keys]


@pytest.mark.parametrize("setting", ["exclude", "hide_viewport", "holdout", "indirect_only"])
def test_collection_that_is_overwritten_is_shown_as_it_was(manager, write, setting):
    outer, inner = (bpy.data.collections.new(name) for name in ("Outer", "Inner"))
    bpy.context.scene.collection.children.link(outer)
    outer.children.link(inner)
    plate = quad("Plate")
    bpy.context.scene.collection.objects.unlink(plate)
    inner.objects.link(plate)
    layer = bpy.context.view_layer
    inner_layer = layer.layer_collection.children["Outer"].children["Inner"]
    setattr(inner_layer, setting, True)
    if setting != "exclude":
        layer.active_layer_collection = inner_layer
        layer.objects.active = plate
        plate.select_set(False)
    script = write("item = bpy.data.collections['Outer']\nitem['changed'] = 1\ndata_blocks = [item]")
    run(manager, script, passed_data_blocks={outer}, overwrite_data=True)
    assert bpy.data.collections["Outer"]["changed"] == 1
    assert sorted(bpy.data.collections.keys()) == ["Inner", "Outer"]
    inner_layer = layer.layer_collection.children["Outer"].children["Inner"]
    found = {name: getattr(inner_layer, name) for name in ("exclude", "hide_viewport", "holdout", "indirect_only")}
    assert found == {name: name == setting for name in found}
    if setting not in {"exclude", "hide_viewport"}:  # Blender lets no hidden one be active for long
        assert layer.active_layer_collection == inner_layer
    if setting != "exclude":
        assert layer.objects.active == bpy.data.objects["Plate"]
        assert not bpy.data.objects["Plate"].select_get()
