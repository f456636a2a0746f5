# SPDX-License-Identifier: GPL-3.0-or-later
"""Export objects to one USD file, with materials, images, armatures and animation.

A file that is there is replaced only once the new one is complete.
"""

from pathlib import Path
from typing import Literal

import bpy

from background_nodes.script import OutputPath, log, objects_to_export, progress, write_usd, written_whole

#: What Blender must have been built with.
NEEDS = ("usd",)
ENDINGS = (".usdc", ".usda", ".usd", ".usdz")
#: What a file can hold, beside what becomes a mesh.
HELD = {"MESH", "EMPTY", "ARMATURE", "CAMERA", "LIGHT", "CURVES", "POINTCLOUD", "VOLUME"}


def main(
    objects: list[bpy.types.Object],
    filepath: OutputPath,
    animation: bool = False,
    materials: bool = True,
    triangulate: bool = False,
    up: Literal["Z", "Y"] = "Z",
) -> Path:
    """Export `objects`, in metres, with their modifiers applied.

    Args:
        objects: What to export. A mesh that bones deform wants its armature beside it.
        filepath: Where to: .usdc is binary, .usda text, .usdz one archive with the images in it. With the others, the
            images are in a folder name_textures. Folders that don't exist are made, and .usdc is added to a name
            without an ending.
        animation: Export each frame in the frame range of the scene.
        materials: Export the materials, and copy their images.
        triangulate: Divide all faces into triangles.
        up: The axis that points up in the file, which says so: programs that read USD heed that.

    Returns:
        The file that was written.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    if path.suffix.lower() not in ENDINGS:
        path = Path(f"{path}.usdc")

    progress(0.1, f"Exporting {path.name}")
    found = objects_to_export(objects, HELD, "a USD")
    with written_whole(path) as beside:
        write_usd(beside, found, animation=animation, materials=materials, triangulate=triangulate, up=up)
    log(f"Wrote {path}")
    return path
