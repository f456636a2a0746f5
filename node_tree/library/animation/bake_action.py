# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake what constraints, parents, drivers and NLA strips do to an object, or to the bones of a rig, into keyframes."""

from typing import Annotated, Literal, NamedTuple

import bpy
import numpy as np
from bpy_extras import anim_utils

from background_nodes.script import Range, editable, log, play_frames, progress


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        baked: The object, with an action that moves it as it moved before, and nothing else that does.
        action: The action.
        keyframes: How many frames have keyframes.
    """

    baked: bpy.types.Object
    action: bpy.types.Action
    keyframes: int


def main(
    source: bpy.types.Object,
    bakes: Literal["Object", "Bones", "Both"] = "Both",
    start: Annotated[int, Range(0)] = 0,
    end: Annotated[int, Range(0)] = 0,
    step: Annotated[int, Range(1)] = 1,
    clear_parent: bool = False,
    clean_curves: bool = False,
    suffix: str = "_Baked",
) -> Output:
    """Bake `source`.

    Args:
        source: The object, of any type. Of a rig, all bones.
        bakes: Whether the object itself gets keyframes, or the bones of a rig, or both.
        start: First frame, 0 for that of the scene.
        end: Last frame, 0 for that of the scene.
        step: Frames from one keyframe to the next.
        clear_parent: Leave the parent, where the object goes with it. Off, it stays the child of it.
        clean_curves: Leave out keyframes that change nothing.
        suffix: Added to the names of object and action.
    """
    scene, name = bpy.context.scene, source.name
    first, last = start or scene.frame_start, end or scene.frame_end
    if last < first:
        raise ValueError(f"From frame {first} to {last} there is nothing to bake; set Start and End")
    if bakes == "Bones" and source.type != "ARMATURE":
        raise ValueError(f"{name} is no armature; link a rig, or bake the Object")
    does_bones = bakes != "Object" and source.type == "ARMATURE"
    frames = [*range(first, last, step), last]
    source = editable(source)
    source.hide_viewport = False
    before = places(source, frames)
    progress(0.3, "Baking")
    bpy.context.view_layer.objects.active = source
    options = anim_utils.BakeOptions(
        only_selected=False,
        do_pose=does_bones,
        do_object=bakes != "Bones",
        do_visual_keying=True,
        do_constraint_clear=True,
        do_parents_clear=clear_parent,
        do_clean=clean_curves,
        do_location=True,
        do_rotation=True,
        do_scale=True,
        do_bbone=does_bones,
        do_custom_props=False,
    )
    action = anim_utils.bake_action(source, action=None, frames=frames, bake_options=options)
    if action is None:
        raise RuntimeError(f"Blender made no action of {name}; the log may tell why")
    remove_others(source, bakes)
    progress(0.8, "Comparing")
    compare(before, places(source, frames), frames, name)
    source.name, action.name = name + suffix, name + suffix
    log(f"{name} has keyframes at {len(frames)} frames from {first} to {last}")
    return Output(source, action, len(frames))


def places(source: bpy.types.Object, frames: list[int]) -> list[np.ndarray]:
    """At each frame, the matrices in the world of the object and its bones."""
    found = []
    for _frame in play_frames(bpy.context.scene, frames):
        item = source.evaluated_get(bpy.context.evaluated_depsgraph_get())
        bones = [item.matrix_world @ bone.matrix for bone in item.pose.bones] if item.pose else []
        found.append(np.array([item.matrix_world, *bones]))
    return found


def remove_others(source: bpy.types.Object, bakes: str) -> None:
    """Take away what would move it beside the action: NLA tracks, and drivers of what has keyframes now."""
    data = source.animation_data
    for track in list(data.nla_tracks):
        data.nla_tracks.remove(track)
    moves = ("location", "rotation", "scale", "delta_location", "delta_rotation", "delta_scale")
    for driver in list(data.drivers):
        of_bone, last = driver.data_path.startswith("pose.bones"), driver.data_path.rpartition(".")[2]
        if last.startswith(moves) and bakes != ("Object" if of_bone else "Bones"):
            data.drivers.remove(driver)


def compare(before: list[np.ndarray], after: list[np.ndarray], frames: list[int], name: str) -> None:
    """Log where something is not where it was: a scaled parent may shear, which no keyframe can."""
    size = max(1.0, *(float(np.abs(each).max()) for each in before))
    apart = np.array([np.abs(one - other).max() for one, other in zip(before, after, strict=True)])
    wrong = np.flatnonzero(apart > 1e-3 * size)
    if len(wrong):
        where = f"at {len(wrong)} of {len(frames)} frames, first at {frames[wrong[0]]}, by up to {apart.max():.3g}"
        log(f"{name} is not where it was {where}: keyframes hold no shear, as of a child of what is scaled unevenly")
