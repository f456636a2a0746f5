# SPDX-License-Identifier: GPL-3.0-or-later
"""Export an object to a USD file of its own name, with the armature that deforms it. A list makes a file of each.

Where several would get the same name, all but the first get a number. A file that is there is replaced only once the
new one is complete.
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
    write_usd,
    written_whole,
)

#: What Blender must have been built with.
NEEDS = ("usd",)
ENDINGS = {"USD Binary": ".usdc", "USD Text": ".usda", "USD Archive": ".usdz"}
#: What a file can hold, beside what becomes a mesh.
HELD = {"MESH", "EMPTY", "ARMATURE", "CAMERA", "LIGHT", "CURVES", "POINTCLOUD", "VOLUME"}


def main(
    source: bpy.types.Object,
    folder: OutputPath,
    name: str = "",
    file_format: Literal["USD Binary", "USD Text", "USD Archive"] = "USD Binary",
    place: Literal["As in the Scene", "At the Origin", "Not Turned, at the Origin"] = "As in the Scene",
    armature: bool = True,
    animation: bool = False,
    materials: bool = True,
    triangulate: bool = False,
    up: Literal["Z", "Y"] = "Z",
) -> Path:
    """Export `source`, in metres, with its modifiers applied.

    Args:
        source: What to export.
        folder: Where to. It is made if it doesn't exist.
        name: Name of the file without its ending, empty for the object's name.
        file_format: Binary is a .usdc file, Text .usda, Archive one .usdz file with the images in it. With the others,
            the images are in a folder name_textures.
        place: Where its origin is in the file, and whether it is turned as in the scene. With an armature, the origin
            of that. It keeps its size.
        armature: Export the armature that deforms it, too.
        animation: Export each frame in the frame range of the scene.
        materials: Export the materials, and copy their images.
        triangulate: Divide all faces into triangles.
        up: The axis that points up in the file, which says so: programs that read USD heed that.

    Returns:
        The file that was written.
    """
    path = own_file(
        lambda item: Path(item["folder"]) / (file_name(item["name"] or item["source"]) + ENDINGS[item["file_format"]]),
        source=source.name,
        folder=folder,
        name=name,
        file_format=file_format,
    )

    progress(0.1, f"Exporting {path.name}")
    rigs = [each.object for each in source.modifiers if each.type == "ARMATURE" and each.object]
    if rigs and not armature:
        log(f"{source.name} is in the file without its armature")
    found = objects_to_export([*(rigs if armature else ()), source], HELD, "a USD")
    if place != "As in the Scene":
        place_at_origin(found, turned=place == "At the Origin")
    with written_whole(path) as beside:
        write_usd(beside, found, animation=animation, materials=materials, triangulate=triangulate, up=up)
    log(f"Wrote {path}")
    return path
