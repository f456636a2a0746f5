# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene that an artist chose by its name, seen through the camera that they chose."""

from __future__ import annotations

import bpy


def chosen_scene(name: str) -> bpy.types.Scene:
    """As `script.chosen_scene`."""
    if name and name not in bpy.data.scenes:
        raise ValueError(f"There is no scene {name}, but {', '.join(bpy.data.scenes.keys())}; write one of these")
    return bpy.data.scenes[name] if name else bpy.context.scene


def look_through(scene: bpy.types.Scene, camera: str) -> None:
    """As `script.look_through`."""
    if not camera:
        return
    cameras = [item.name for item in scene.objects if item.type == "CAMERA"]
    if camera not in cameras:
        raise ValueError(f"There is no camera {camera} in {scene.name}, but {', '.join(cameras) or 'none'}")
    scene.camera = scene.objects[camera]
    for marker in scene.timeline_markers:  # they would switch to another one
        marker.camera = None
