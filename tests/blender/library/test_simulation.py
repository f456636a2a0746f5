# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the categories Simulation and Animation, by where things are at each frame."""

from __future__ import annotations

import itertools
import math
import struct
from pathlib import Path

import bpy
import mathutils
import numpy as np
import pytest

import background_nodes

from ..graphs import add, give, new_tree, output
from .scenes import cube, grid, link, mesh_object, run, subdivided

KINDS = ("Shape Keys", "PC2 File", "Alembic File")
needs_alembic = pytest.mark.skipif(not bpy.app.build_options.alembic, reason="this Blender has no Alembic")
EACH_KIND = [*KINDS[:2], pytest.param(KINDS[2], marks=needs_alembic)]


@pytest.fixture(autouse=True)
def ten_frames():
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 1, 10


def points_at(item: bpy.types.Object, frame: int) -> np.ndarray:
    bpy.context.scene.frame_set(frame)
    mesh = item.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    points = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", points)
    return points.reshape(-1, 3)


def place_at(item: bpy.types.Object, frame: int) -> mathutils.Matrix:
    bpy.context.scene.frame_set(frame)
    return item.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world.copy()


def cloth(name: str = "Cloth", height: float = 2.0) -> bpy.types.Object:
    item = grid(name, cells=4, height=lambda x, y: height)
    item.modifiers.new("Cloth", "CLOTH")
    return item


def played(item: bpy.types.Object) -> dict[int, np.ndarray]:
    """What Blender itself makes of a simulation, played from its beginning."""
    return {frame: points_at(item, frame) for frame in range(1, 11)}


def raising(offset: float = 0.1, *, extrudes: bool = False) -> bpy.types.NodeTree:
    """Geometry Nodes that move all points up in each frame, or extrude the faces, so that there are more of them."""
    tree = bpy.data.node_groups.new("Raise", "GeometryNodeTree")
    for in_out in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=in_out, socket_type="NodeSocketGeometry")
    given, result = tree.nodes.new("NodeGroupInput"), tree.nodes.new("NodeGroupOutput")
    begin, end = tree.nodes.new("GeometryNodeSimulationInput"), tree.nodes.new("GeometryNodeSimulationOutput")
    begin.pair_with_output(end)
    change = tree.nodes.new("GeometryNodeExtrudeMesh" if extrudes else "GeometryNodeSetPosition")
    if not extrudes:
        change.inputs["Offset"].default_value = (0.0, 0.0, offset)
    tree.links.new(given.outputs[0], begin.inputs["Geometry"])
    tree.links.new(begin.outputs["Geometry"], change.inputs[0])
    tree.links.new(change.outputs[0], end.inputs["Geometry"])
    tree.links.new(end.outputs["Geometry"], result.inputs[0])
    return tree


def baked(source: bpy.types.Object, kind: str, folder: Path, **options):
    endings = {"PC2 File": "pc2", "Alembic File": "abc"}
    path = {"filepath": folder / f"cache.{endings[kind]}"} if kind in endings else {}
    return run("simulation/bake_simulation", source, kind, **path, **options)


class TestBakeSimulation:
    @pytest.mark.parametrize("kind", EACH_KIND)
    def test_each_frame_is_as_blender_plays_it_in_whatever_order_they_are_asked_for(self, kind, awkward_path):
        wanted = played(cloth())
        item = cloth("Same")
        result = baked(item, kind, awkward_path)
        assert result.baked == item
        assert item.name == "Same_Baked"
        assert not [each for each in item.modifiers if each.type == "CLOTH"]
        for frame in (10, 3, 7, 1, 9):
            assert points_at(item, frame) == pytest.approx(wanted[frame], abs=1e-4), frame
        heights = [points_at(item, frame)[:, 2].mean() for frame in range(1, 11)]
        assert heights == sorted(heights, reverse=True)
        assert result.movement == pytest.approx(2.0 - heights[-1], rel=0.05)
        assert (result.file is None) is (kind == "Shape Keys")
        assert result.file is None or result.file.stat().st_size > 1000

    def test_cache_file_holds_the_points_of_each_frame(self, tmp_path):
        wanted = played(cloth())
        path = baked(cloth("Same"), "PC2 File", tmp_path, start=3, end=8).file
        head, data = struct.unpack("<12siiffi", path.read_bytes()[:32]), path.read_bytes()[32:]
        assert head == (b"POINTCACHE2\0", 1, 25, 3.0, 1.0, 6)
        points = np.frombuffer(data, "<f4").reshape(6, 25, 3)
        assert points == pytest.approx(np.array([wanted[frame] for frame in range(3, 9)]), abs=1e-5)

    @pytest.mark.parametrize("kind", KINDS[:2])
    def test_before_and_behind_the_baked_frames_the_shape_stands_still(self, kind, tmp_path):
        item = baked(cloth(), kind, tmp_path, start=3, end=8).baked
        assert points_at(item, 1) == pytest.approx(points_at(item, 3), abs=1e-5)
        assert points_at(item, 20) == pytest.approx(points_at(item, 8), abs=1e-5)

    def test_what_acts_on_it_counts_and_so_does_gravity(self, tmp_path):
        bpy.context.scene.frame_end = 30
        floor = grid("Floor", cells=1, height=lambda x, y: 1.5)
        floor.scale = (3.0, 3.0, 1.0)
        floor.modifiers.new("Collision", "COLLISION")
        bpy.context.view_layer.update()
        on_floor = points_at(baked(cloth(), "Shape Keys", tmp_path, acting=[floor]).baked, 30)
        assert on_floor[:, 2].min() > 1.4
        bpy.context.scene.collection.objects.unlink(floor)
        assert points_at(baked(cloth("Free"), "Shape Keys", tmp_path).baked, 30)[:, 2].max() < 1.0
        settings = bpy.data.scenes.new("Settings")
        settings.gravity = (0.0, 0.0, 9.81)
        up = baked(cloth("Up"), "Shape Keys", tmp_path, settings=settings).baked
        assert points_at(up, 30)[:, 2].min() > 3.0
        settings.use_gravity = False
        with pytest.raises(ValueError, match="Nothing of Still moves in these frames"):
            baked(cloth("Still"), "Shape Keys", tmp_path, settings=settings)

    def test_what_was_simulated_before_with_other_settings_does_not_count(self, tmp_path):
        item = cloth()
        played(item)
        bpy.context.scene.gravity = (0.0, 0.0, 9.81)
        assert points_at(baked(item, "Shape Keys", tmp_path).baked, 10)[:, 2].min() > 2.0

    @pytest.mark.parametrize("kind", EACH_KIND)
    def test_simulation_of_geometry_nodes_begins_at_its_beginning(self, kind, tmp_path):
        item = grid("Nodes", cells=1)
        item.modifiers.new("Raise", "NODES").node_group = raising()
        result = baked(item, kind, tmp_path, start=5, end=8)
        assert [points_at(item, frame)[0, 2] for frame in (5, 8, 6)] == pytest.approx([0.5, 0.8, 0.6], abs=1e-5)
        assert result.movement == pytest.approx(0.3, abs=1e-5)

    def test_modifiers_behind_stay_and_those_before_are_in_the_mesh(self, tmp_path):
        item = grid("Both", cells=2)
        item.data["kept"] = 7
        subdivided(item, levels=1)
        item.modifiers.new("Raise", "NODES").node_group = raising()
        item.modifiers.new("Solid", "SOLIDIFY").thickness = 0.5
        wanted = played(item)
        baked(item, "PC2 File", tmp_path)
        assert [each.type for each in item.modifiers] == ["MESH_CACHE", "SOLIDIFY"]
        assert item.modifiers["Solid"].show_viewport
        assert len(item.data.vertices) == 25
        assert (item.data.name, item.data["kept"]) == ("Both", 7)
        assert points_at(item, 6) == pytest.approx(wanted[6], abs=1e-5)

    def test_deformation_without_a_simulation_is_baked_too(self, tmp_path):
        item = grid("Wave", cells=4)
        item.modifiers.new("Wave", "WAVE").height = 0.5
        wanted = played(item)
        baked(item, "Shape Keys", tmp_path)
        assert points_at(item, 7) == pytest.approx(wanted[7], abs=1e-5)
        assert np.ptp(points_at(item, 7)[:, 2]) > 0.01

    def test_faces_that_change_are_a_clear_error_unless_alembic_keeps_them(self, tmp_path):
        def growing(name: str) -> bpy.types.Object:
            item = grid(name, cells=1)
            item.modifiers.new("Grow", "NODES").node_group = raising(extrudes=True)
            return item

        with pytest.raises(ValueError, match=r"faces of Keys change at frame 2 \(8 points before, 28 then\); keep an"):
            baked(growing("Keys"), "Shape Keys", tmp_path, end=4)
        if bpy.app.build_options.alembic:
            twin = growing("Twin")
            wanted = [len(points_at(twin, frame)) for frame in range(1, 5)]
            item = baked(growing("Alembic"), "Alembic File", tmp_path, end=4).baked
            assert [len(points_at(item, frame)) for frame in (4, 1, 3)] == [wanted[3], wanted[0], wanted[2]]

    def test_what_cannot_be_baked_is_a_clear_error(self, tmp_path):
        with pytest.raises(ValueError, match="Nothing changes the shape of Plain"):
            baked(cube("Plain"), "Shape Keys", tmp_path)
        with pytest.raises(ValueError, match="Text is no mesh; Apply Modifiers makes one"):
            baked(link("Text", bpy.data.curves.new("Text", "FONT")), "Shape Keys", tmp_path)
        with pytest.raises(ValueError, match=r"choose one that ends in \.pc2"):
            run("simulation/bake_simulation", cloth(), "PC2 File")
        with pytest.raises(ValueError, match=r"out\.abc does not end in \.pc2"):
            run("simulation/bake_simulation", cloth(), "PC2 File", tmp_path / "out.abc")
        with pytest.raises(ValueError, match="From frame 9 to 3 there is nothing to bake"):
            baked(cloth(), "Shape Keys", tmp_path, start=9, end=3)
        if not bpy.app.build_options.alembic:
            with pytest.raises(ValueError, match="built without Alembic"):
                baked(cloth(), "Alembic File", tmp_path)

    @pytest.mark.parametrize("kind", EACH_KIND)
    def test_what_a_worker_baked_plays_in_the_artist_s_file(self, kind, tmp_path):
        wanted = played(cloth())
        source = cloth("Source")
        tree = new_tree()
        node = add(tree, "BackgroundNodeScript", "Bake")
        node.source, node.library_script = "LIBRARY", "simulation/bake_simulation"
        give(node, source=source, keep_as=kind)
        if kind != "Shape Keys":
            give(node, filepath=str(tmp_path / f"cache.{'abc' if 'Alembic' in kind else 'pc2'}"))
        output(tree, "LINK", node.outputs["Baked"])
        run_of_tree = background_nodes.run(tree)
        assert {task.error for task in run_of_tree.tasks.values()} <= {"", None}
        item = bpy.data.objects["Source_Baked"]
        for frame in (8, 2, 10):
            assert points_at(item, frame) == pytest.approx(wanted[frame], abs=1e-4), frame


def body(item: bpy.types.Object, kind: str = "ACTIVE") -> bpy.types.Object:
    with bpy.context.temp_override(object=item, active_object=item, selected_objects=[item]):
        bpy.ops.rigidbody.object_add(type=kind)
    return item


class TestBakeRigidBodies:
    def test_bodies_fall_as_gravity_says_and_lie_on_what_is_below(self):
        bpy.context.scene.frame_end = 60
        falling, floor = cube("Falling", size=1.0), cube("Floor", size=8.0, centre=(0.0, 0.0, -4.0))
        falling.location.z = 5.0
        falling.rotation_euler = (0.3, 0.2, 0.1)
        for item, kind in ((falling, "ACTIVE"), (floor, "PASSIVE")):
            body(item, kind)
        bpy.context.view_layer.update()
        bpy.context.scene.rigidbody_world.point_cache.frame_end = 60
        wanted = {frame: place_at(falling, frame) for frame in range(1, 61)}
        result = run("simulation/bake_rigid_bodies", [falling, floor])
        assert result.baked == [falling]
        assert (falling.rigid_body, floor.rigid_body, bpy.context.scene.rigidbody_world) == (None, None, None)
        for frame in (60, 20, 1, 35):
            assert np.array(place_at(falling, frame)) == pytest.approx(np.array(wanted[frame]), abs=1e-3), frame
        fallen = 5.0 - place_at(falling, 13).translation.z
        assert fallen == pytest.approx(9.81 / 2.0 * (12 / 24) ** 2, rel=0.1)
        assert place_at(falling, 60).translation.z == pytest.approx(0.5, abs=0.1)
        assert result.movement == pytest.approx(4.5, abs=0.2)

    @pytest.mark.parametrize("mode", ["XYZ", "QUATERNION", "AXIS_ANGLE"])
    def test_turns_go_on_between_keyframes_whatever_they_are_in(self, mode):
        bpy.context.scene.frame_end = 40
        item = cube("Wheel", size=1.0)
        item.rotation_mode = mode
        slope = cube("Slope", size=20.0, centre=(0.0, 0.0, -10.0))
        slope.rotation_euler.y = 0.6
        item.location = (-3.0, 0.0, 4.0)
        for each, kind in ((item, "ACTIVE"), (slope, "PASSIVE")):
            body(each, kind).rigid_body.friction = 1.0
        bpy.context.view_layer.update()
        run("simulation/bake_rigid_bodies", [item, slope], step=2)
        turns = [place_at(item, frame).to_quaternion() for frame in range(1, 41)]
        steps = [one.rotation_difference(other).angle for one, other in itertools.pairwise(turns)]
        assert max(min(step, 2.0 * math.pi - step) for step in steps) < 0.6

    def test_frames_of_the_scene_s_speed_and_gravity_count(self):
        item = body(cube("Up"))
        settings = bpy.data.scenes.new("Settings")
        settings.gravity = (0.0, 0.0, 9.81)
        run("simulation/bake_rigid_bodies", [item], settings=settings)
        assert place_at(item, 10).translation.z > 0.4

    def test_what_does_not_move_is_a_clear_error(self):
        floor = body(cube("Floor"), "PASSIVE")
        with pytest.raises(ValueError, match="None of the objects is an active rigid body"):
            run("simulation/bake_rigid_bodies", [floor, cube("Plain")])
        settings = bpy.data.scenes.new("Settings")
        settings.use_gravity = False
        with pytest.raises(ValueError, match="Nothing moves in these frames"):
            run("simulation/bake_rigid_bodies", [body(cube("Still"))], settings=settings)


class TestBakeAction:
    def test_object_is_where_its_constraint_and_its_parent_put_it(self):
        target, parent, item = cube("Target"), cube("Parent"), cube("Item")
        for frame, x in ((1, 0.0), (10, 9.0)):
            target.location.x = x
            target.keyframe_insert("location", frame=frame)
            parent.location.z = x / 3.0
            parent.keyframe_insert("location", frame=frame)
        item.parent = parent
        item.constraints.new("COPY_LOCATION").target = target
        item.constraints[0].use_z = False
        wanted = {frame: place_at(item, frame) for frame in range(1, 11)}
        assert tuple(wanted[10].translation) == pytest.approx((9.0, 0.0, 3.0))
        result = run("animation/bake_action", item)
        target.animation_data_clear()
        assert not item.constraints
        assert item.parent == parent
        for frame in (10, 4, 1):
            assert np.array(place_at(item, frame)) == pytest.approx(np.array(wanted[frame]), abs=1e-4)
        assert (result.keyframes, result.action.name, item.name) == (10, "Item_Baked", "Item_Baked")

    def test_child_that_leaves_its_parent_stays_where_it_was(self):
        parent, item = cube("Parent"), cube("Item")
        item.parent = parent
        for frame, x in ((1, 0.0), (10, 9.0)):
            parent.location.x = x
            parent.keyframe_insert("location", frame=frame)
        run("animation/bake_action", item, clear_parent=True)
        assert item.parent is None
        assert place_at(item, 10).translation.x == pytest.approx(9.0, abs=1e-4)

    @pytest.mark.parametrize("bakes", ["Bones", "Both"])
    def test_bones_are_where_inverse_kinematics_put_them(self, bakes):
        rig = link("Rig", bpy.data.armatures.new("Rig"))
        bpy.context.view_layer.objects.active = rig
        bpy.ops.object.mode_set(mode="EDIT")
        parent = None
        for index in range(3):
            bone = rig.data.edit_bones.new(f"Bone {index}")
            bone.head, bone.tail, bone.parent = (0, 0, index), (0.1 * index, 0.05, index + 1), parent
            parent = bone
        bpy.ops.object.mode_set(mode="OBJECT")
        target = link("Target", None)
        for frame, x in ((1, 0.0), (10, 2.0)):
            target.location = (x, 0.3, 2.0)
            target.keyframe_insert("location", frame=frame)
        rig.pose.bones["Bone 2"].constraints.new("IK").target = target
        bpy.context.view_layer.update()

        def bones(frame: int) -> np.ndarray:
            place_at(rig, frame)
            item = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
            return np.array([bone.matrix for bone in item.pose.bones])

        wanted = {frame: bones(frame) for frame in (1, 5, 10)}
        assert np.abs(wanted[10] - wanted[1]).max() > 0.3
        run("animation/bake_action", rig, bakes)
        bpy.data.objects.remove(target)
        for frame in (10, 1, 5):
            assert bones(frame) == pytest.approx(wanted[frame], abs=1e-3)

    def test_strips_and_drivers_do_not_move_it_twice(self):
        item = cube("Item")
        item.keyframe_insert("location", index=0, frame=1)
        item.location.x = 4.0
        item.keyframe_insert("location", index=0, frame=10)
        track = item.animation_data.nla_tracks.new()
        track.strips.new("Strip", 1, item.animation_data.action)
        item.animation_data.action = None
        driver = item.driver_add("location", 2).driver
        driver.expression = "frame * 0.5"
        wanted = {frame: place_at(item, frame) for frame in (1, 5, 10)}
        run("animation/bake_action", item)
        for frame in (10, 1, 5):
            assert np.array(place_at(item, frame)) == pytest.approx(np.array(wanted[frame]), abs=1e-4)
        assert not item.animation_data.drivers
        assert not item.animation_data.nla_tracks

    def test_what_cannot_be_a_keyframe_is_told(self, capsys):
        parent, item = cube("Parent"), mesh_object("Item", [(0, 0, 0)], [])
        parent.scale = (1.0, 1.0, 5.0)
        item.parent = parent
        item.rotation_euler.x = 0.8
        bpy.context.view_layer.update()
        run("animation/bake_action", item, clear_parent=True)
        assert "Item is not where it was at 10 of 10 frames, first at 1" in capsys.readouterr().out
        with pytest.raises(ValueError, match="Parent is no armature; link a rig, or bake the Object"):
            run("animation/bake_action", parent, "Bones")
