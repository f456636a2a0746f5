# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulate rigid bodies and give each object keyframes of its way, so that it moves without a simulation.

The simulation is that of the objects that are linked, alone: active and passive ones, and their constraints.
"""

from typing import Annotated, NamedTuple

import bpy
from mathutils import Matrix

from background_nodes.script import Range, editable, log, play_frames, progress


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        baked: The active ones of the objects, with keyframes, and no rigid bodies any more.
        movement: How far the one moves that moves most.
    """

    baked: list[bpy.types.Object]
    movement: float


def main(
    objects: list[bpy.types.Object],
    start: Annotated[int, Range(0)] = 0,
    end: Annotated[int, Range(0)] = 0,
    step: Annotated[int, Range(1)] = 1,
    settings: bpy.types.Scene | None = None,
) -> Output:
    """Bake `objects`.

    Args:
        objects: All that takes part: rigid bodies and rigid body constraints.
        start: First frame with a keyframe, 0 for that of the scene. The simulation begins at the scene's first frame.
        end: Last frame, 0 for that of the scene.
        step: Frames from one keyframe to the next.
        settings: A scene whose gravity and rigid body world count: speed, substeps, iterations. Without one they are
            Blender's own.
    """
    scene = bpy.context.scene
    first, last = start or scene.frame_start, end or scene.frame_end
    if last <= first:
        raise ValueError(f"From frame {first} to {last} there is nothing to bake; set Start and End")
    bodies = [item for item in objects if item.rigid_body]
    moving = [item for item in bodies if item.rigid_body.type == "ACTIVE" and not item.rigid_body.kinematic]
    if not moving:
        raise ValueError("None of the objects is an active rigid body; link some that are, and what they fall on")
    if not all(item.rigid_body.enabled for item in moving):
        log("Objects whose Dynamic is off stay where they are")
    make_world(scene, bodies, [item for item in objects if item.rigid_body_constraint], settings, last)
    frames = [*range(first, last, step), last]
    ways: dict[bpy.types.Object, list[Matrix]] = {item: [] for item in moving}
    for frame in play_frames(scene, frames):
        progress(0.05 + 0.6 * (frame - first) / (last - first), f"Frame {frame}")
        depsgraph = bpy.context.evaluated_depsgraph_get()
        for item, way in ways.items():
            way.append(item.evaluated_get(depsgraph).matrix_world.copy())
    movement = max((place.translation - way[0].translation).length for way in ways.values() for place in way)
    turned = max(way[0].to_quaternion().rotation_difference(way[-1].to_quaternion()).angle for way in ways.values())
    if max(movement, turned) < 1e-6:
        raise ValueError("Nothing moves in these frames; look at gravity, and at what the objects lie on")
    progress(0.7, "Setting keyframes")
    remove_bodies(objects)
    baked = [keyed(item, frames, way) for item, way in ways.items()]
    log(f"{len(baked)} of {len(bodies)} rigid bodies move, by up to {movement:.3g}")
    return Output(baked, movement)


def make_world(
    scene: bpy.types.Scene,
    bodies: list[bpy.types.Object],
    constraints: list[bpy.types.Object],
    settings: bpy.types.Scene | None,
    last: int,
) -> None:
    """A rigid body world with these objects, from the scene's first frame on."""
    if not scene.rigidbody_world:
        bpy.ops.rigidbody.world_add()
    world = scene.rigidbody_world
    if settings:
        scene.gravity, scene.use_gravity = settings.gravity, settings.use_gravity
    if settings and settings.rigidbody_world:
        for name in ("time_scale", "substeps_per_frame", "solver_iterations", "use_split_impulse"):
            setattr(world, name, getattr(settings.rigidbody_world, name))
    world.collection = bpy.data.collections.new("Rigid Bodies")
    world.constraints = bpy.data.collections.new("Rigid Body Constraints")
    for item in bodies:
        item.hide_viewport = False
        world.collection.objects.link(item)
    for item in constraints:
        world.constraints.objects.link(item)
    world.point_cache.frame_start, world.point_cache.frame_end = scene.frame_start, max(last, scene.frame_start + 1)


def remove_bodies(objects: list[bpy.types.Object]) -> None:
    for item in objects:
        if item.rigid_body:
            with bpy.context.temp_override(object=item, active_object=item, selected_objects=[item]):
                bpy.ops.rigidbody.object_remove()
    bpy.ops.rigidbody.world_remove()


def keyed(item: bpy.types.Object, frames: list[int], way: list[Matrix]) -> bpy.types.Object:
    """The object with a keyframe for each place; what moved it before goes."""
    item = editable(item)
    item.animation_data_clear()
    if item.parent:
        log(f"{item.name} is no child of {item.parent.name} any more: a rigid body goes its own way")
        item.parent = None
    for constraint in list(item.constraints):
        item.constraints.remove(constraint)
    rotation = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}.get(
        item.rotation_mode, "rotation_euler"
    )
    turn = None
    for frame, place in zip(frames, way, strict=True):
        item.matrix_world = place
        if rotation == "rotation_euler":  # without jumps of a whole turn
            turn = item.rotation_euler.copy() if turn is None else made_compatible(item, turn)
        elif rotation == "rotation_quaternion":
            if turn is not None:
                item.rotation_quaternion.make_compatible(turn)
            turn = item.rotation_quaternion.copy()
        for path in ("location", rotation):
            item.keyframe_insert(path, frame=frame)
    return item


def made_compatible(item: bpy.types.Object, before):
    turn = item.rotation_euler.copy()
    turn.make_compatible(before)
    item.rotation_euler = turn
    return turn
