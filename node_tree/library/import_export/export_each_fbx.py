# SPDX-License-Identifier: GPL-3.0-or-later
"""Export an object to an FBX file of its own name, with the armature that deforms it. A list makes a file of each.

All is in the one file, in metres with Y up: what engines make of it has a scale of 1. Where several would get the same
name, all but the first get a number. A file that is there is replaced only once the new one is complete.
"""

from pathlib import Path
from typing import Literal

import bpy

from background_nodes.script import (
    OutputPath,
    file_name,
    log,
    objects_to_export,
    own_file,
    place_at_origin,
    progress,
    write_fbx,
    written_whole,
)

#: What a file can hold, beside what becomes a mesh.
HELD = {"MESH", "EMPTY", "ARMATURE", "CAMERA", "LIGHT"}


def main(
    source: bpy.types.Object,
    folder: OutputPath,
    name: str = "",
    place: Literal["As in the Scene", "At the Origin", "Not Turned, at the Origin"] = "As in the Scene",
    armature: bool = True,
    apply_modifiers: bool = True,
    animation: bool = True,
    triangulate: bool = False,
    apply_rotation: bool = False,
) -> Path:
    """Export `source`.

    Args:
        source: What to export.
        folder: Where to. It is made if it doesn't exist.
        name: Name of the file without its ending, empty for the object's name.
        place: Where its origin is in the file, and whether it is turned as in the scene. With an armature, the origin
            of that. It keeps its size.
        armature: Export the armature that deforms it, too.
        apply_modifiers: Export what the modifiers make of the mesh.
        animation: Export what moves in the frame range of the scene as one take, or, where an object has NLA strips
            that play, a take for each strip and each action.
        triangulate: Divide all faces into triangles.
        apply_rotation: Turn the mesh itself to Y up, so that the object comes into Unity without a rotation of -90
            degrees. Not for armatures and animation.

    Returns:
        The file that was written.
    """
    path = own_file(
        lambda item: Path(item["folder"]) / (file_name(item["name"] or item["source"]) + ".fbx"),
        source=source.name,
        folder=folder,
        name=name,
    )

    progress(0.1, f"Exporting {path.name}")
    rigs = [each.object for each in source.modifiers if each.type == "ARMATURE" and each.object]
    if rigs and not armature:
        log(f"{source.name} is in the file without its armature")
    found = objects_to_export([*(rigs if armature else ()), source], HELD, "an FBX", apply_modifiers=apply_modifiers)
    if place != "As in the Scene":
        place_at_origin(found, turned=place == "At the Origin", apply_modifiers=apply_modifiers)
    with written_whole(path) as beside:
        write_fbx(
            beside,
            found,
            apply_modifiers=apply_modifiers,
            animation=animation,
            triangulate=triangulate,
            apply_rotation=apply_rotation,
        )
    log(f"Wrote {path}")
    return path
