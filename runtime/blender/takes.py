# SPDX-License-Identifier: GPL-3.0-or-later
"""The takes of an FBX file: one plays on each object, and the importer leaves the others for nobody to find."""

from __future__ import annotations

import math
from collections.abc import Iterable

import bpy


def keep_takes(actions: Iterable[bpy.types.Action]) -> list[str]:
    """Give what each action moves a muted NLA track with it, unless it plays there. So it comes along.

    Args:
        actions: those that an importer of FBX has made.

    Returns:
        the names of those that have a track now.
    """
    moved: list[bpy.types.ID] = [*bpy.data.objects, *bpy.data.shape_keys, *bpy.data.cameras, *bpy.data.materials]
    kept = []
    for action in sorted(actions, key=lambda action: action.name):
        for item in moved:
            slot = _slot_for(action, item)
            playing = item.animation_data.action if item.animation_data else None
            if slot is not None and playing != action:
                _add_track(item, action, slot)
                kept.append(action.name)
    return list(dict.fromkeys(kept))


def _slot_for(action: bpy.types.Action, item: bpy.types.ID) -> bpy.types.ActionSlot | bool | None:
    """The slot of an action that moves an object; True where there are no slots and the action's name says so."""
    if "fbx_import" in dir(bpy.ops.wm):  # from Blender 4.5 on
        wanted = item.id_type, item.name
        return next((slot for slot in action.slots if (slot.target_id_type, slot.name_display) == wanted), None)
    return action.name.startswith(f"{item.name}|") or None


def _add_track(item: bpy.types.ID, action: bpy.types.Action, slot: bpy.types.ActionSlot | bool) -> None:
    track = item.animation_data_create().nla_tracks.new()
    track.name = action.name
    strip = track.strips.new(action.name, math.floor(action.frame_range[0]), action)
    if slot is not True:
        strip.action_slot = slot
    track.mute = True
