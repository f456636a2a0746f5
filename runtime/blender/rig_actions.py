# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions of rigs that come along with none: only a fake user holds them, as all clips but the one shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import bpy

_BONE = re.compile(r'pose\.bones\["((?:[^"\\]|\\.)*)"\]')


def unused() -> list[bpy.types.Action]:
    """The actions that move a bone of a rig in the open file, and that only a fake user holds."""
    found = [action for action in bpy.data.actions if action.use_fake_user and action.users == 1]
    bones = {bone.name for armature in bpy.data.armatures for bone in armature.bones} if found else set()
    return [action for action in found if any(_bone(curve) in bones for curve in _curves(action))]


def _bone(curve: bpy.types.FCurve) -> str:
    found = _BONE.match(curve.data_path)
    return bpy.utils.unescape_identifier(found[1]) if found else ""


def _curves(action: bpy.types.Action) -> Iterator[Any]:
    if bpy.app.version < (4, 4, 0):
        yield from action.fcurves
        return
    for layer in action.layers:
        for strip in layer.strips:
            for bag in strip.channelbags:
                yield from bag.fcurves
