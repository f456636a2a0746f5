"""Clips of a rig that only a fake user holds go where rigs go: into exported and saved files."""

from __future__ import annotations

import json

import bpy
import pytest

import background_nodes
from background_nodes.runtime.blender import rig_actions

from .graphs import give, link_to_scene, new_tree, output, value


@pytest.fixture
def rig() -> bpy.types.Object:
    """A rig that uses one of its three clips."""
    item = link_to_scene(bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig")))
    bpy.context.view_layer.objects.active = item
    bpy.ops.object.mode_set(mode="EDIT")
    item.data.edit_bones.new('Bone "1"').tail = (0.0, 0.0, 1.0)
    bpy.ops.object.mode_set(mode="OBJECT")
    for name in ("Jump", "Run", "Walk"):
        clip(item, name, item.pose.bones[0]).use_fake_user = name != "Walk"
    return item


def clip(item: bpy.types.Object, name: str, moved) -> bpy.types.Action:
    """A new action of `item`, which uses it from now on."""
    item.animation_data_create().action = bpy.data.actions.new(name)
    for frame in (1, 10):
        moved.location.x = frame
        moved.keyframe_insert("location", frame=frame)
    return item.animation_data.action


def names(actions) -> list[str]:
    return sorted(action.name for action in actions)


def clips_in(path) -> list[str]:
    return sorted(each["name"] for each in json.loads(path.read_text())["animations"])


def shipped(tree: bpy.types.NodeTree, script: str, **inputs) -> bpy.types.Node:
    node = tree.nodes.new("BackgroundNodeScript")
    node.library_script = script
    give(node, **inputs)
    return node


def run(tree):
    finished = background_nodes.run(tree)
    assert {name: task.error.message for name, task in finished.tasks.items() if task.error} == {}


def test_actions_that_another_user_has_or_that_move_no_bone_of_a_rig_are_left_out(rig):
    empty = link_to_scene(bpy.data.objects.new("Empty", None))
    clip(empty, "Slide", empty).use_fake_user = True
    empty.animation_data.action = None
    other = rig.copy()
    other.animation_data.action = bpy.data.actions["Run"]
    assert names(rig_actions.unused()) == ["Jump"]
    rig.data.bones[0].name = "Renamed"  # the actions follow only where they are used
    assert names(rig_actions.unused()) == []


@pytest.mark.parametrize("script", ["import_export/export_gltf", "import_export/export_each_gltf"])
def test_exported_rig_has_all_its_clips(rig, tmp_path, script):
    tree = new_tree()
    place = {"objects": value(tree, "Object", rig), "filepath": str(tmp_path / "out.gltf")}
    if "each" in script:
        place = {
            "source": value(tree, "Object", rig),
            "folder": str(tmp_path),
            "name": "out",
            "file_format": "glTF Separate",
        }
    node = shipped(tree, script, **place)
    run(tree)
    assert clips_in(tmp_path / "out.gltf") == ["Jump", "Run", "Walk"]
    give(node, actions=value(tree, "Action", bpy.data.actions["Run"]))
    run(tree)
    assert clips_in(tmp_path / "out.gltf") == ["Run", "Walk"]


def test_clip_that_was_changed_is_exported_anew(rig, tmp_path, store):
    tree = new_tree()
    shipped(tree, "import_export/export_gltf", objects=value(tree, "Object", rig), filepath=str(tmp_path / "out.gltf"))
    run(tree)
    bpy.data.actions["Run"].name = "Sprint"
    run(tree)
    assert clips_in(tmp_path / "out.gltf") == ["Jump", "Sprint", "Walk"]


@pytest.mark.parametrize("is_output", [False, True])
def test_saved_rig_has_all_its_clips(rig, tmp_path, is_output):
    path = tmp_path / "out.blend"
    tree = new_tree()
    source = value(tree, "Object", rig)
    if is_output:
        output(tree, "SAVE", source, filepath=str(path))
    else:
        shipped(tree, "import_export/save_blend_file", data=source, filepath=str(path))
    run(tree)
    bpy.ops.wm.open_mainfile(filepath=str(path))
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(path))
    assert names(bpy.data.actions) == ["Jump", "Run", "Walk"]
