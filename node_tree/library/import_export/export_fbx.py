# SPDX-License-Identifier: GPL-3.0-or-later
"""Export objects to one FBX file for game engines and other programs, with materials, images, armatures and animation.

All is in the one file, in metres with Y up: what engines make of it has a scale of 1. A file that is there is replaced
only once the new one is complete.
"""

from pathlib import Path

import bpy

from background_nodes.script import OutputPath, log, objects_to_export, progress, write_fbx, written_whole

#: What a file can hold, beside what becomes a mesh.
HELD = {"MESH", "EMPTY", "ARMATURE", "CAMERA", "LIGHT"}


def main(
    objects: list[bpy.types.Object],
    filepath: OutputPath,
    apply_modifiers: bool = True,
    animation: bool = True,
    triangulate: bool = False,
    apply_rotation: bool = False,
) -> Path:
    """Export `objects`.

    Args:
        objects: What to export. A mesh that bones deform wants its armature beside it.
        filepath: Where to. Folders that don't exist are made, and .fbx is added to a name without it.
        apply_modifiers: Export what the modifiers make of the meshes.
        animation: Export what moves in the frame range of the scene as one take, or, where an object has NLA strips
            that play, a take for each strip and each action.
        triangulate: Divide all faces into triangles.
        apply_rotation: Turn the meshes themselves to Y up, so that objects come into Unity without a rotation of -90
            degrees. Not for armatures and animation.

    Returns:
        The file that was written.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    if path.suffix.lower() != ".fbx":
        path = Path(f"{path}.fbx")

    progress(0.1, f"Exporting {path.name}")
    found = objects_to_export(objects, HELD, "an FBX", apply_modifiers=apply_modifiers)
    with written_whole(path) as beside:
        write_fbx(
            beside,
            found,
            apply_modifiers=apply_modifiers,
            animation=animation,
            triangulate=triangulate,
            apply_rotation=apply_rotation,
        )
    tell_armatures(found)
    log(f"Wrote {path}")
    return path


def tell_armatures(objects: list[bpy.types.Object]) -> None:
    """Log whose armature is not in the file."""
    for item in objects:
        rigs = {modifier.object for modifier in item.modifiers if modifier.type == "ARMATURE" and modifier.object}
        for rig in rigs - set(objects):
            log(f"{item.name} is in the file without its armature; link {rig.name}, too")
