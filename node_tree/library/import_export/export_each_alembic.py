# SPDX-License-Identifier: GPL-3.0-or-later
"""Export an object to an Alembic file of its own name: its shape at each frame, simulations included, no materials.

A list of objects makes a file of each. Where several would get the same name, all but the first get a number. A file
that is there is replaced only once the new one is complete.
"""

from pathlib import Path
from typing import Annotated

import bpy

from background_nodes.script import (
    OutputPath,
    Range,
    file_name,
    log,
    objects_to_export,
    own_file,
    progress,
    write_alembic,
    written_whole,
)

#: What Blender must have been built with.
NEEDS = ("alembic",)
#: What a file can hold, beside what becomes a mesh.
HELD = {"MESH", "EMPTY", "CAMERA", "CURVES", "POINTCLOUD"}


def main(
    source: bpy.types.Object,
    folder: OutputPath,
    name: str = "",
    animation: bool = True,
    triangulate: bool = False,
    scale: Annotated[float, Range(0.0001, 10000.0)] = 1.0,
) -> Path:
    """Export `source`, with its modifiers applied, where it is in the scene.

    Args:
        source: What to export.
        folder: Where to. It is made if it doesn't exist.
        name: Name of the file without its ending, empty for the object's name.
        animation: Export each frame in the frame range of the scene, else the current one.
        triangulate: Divide all faces into triangles.
        scale: Multiplies the size.

    Returns:
        The file that was written.
    """
    path = own_file(
        lambda item: Path(item["folder"]) / (file_name(item["name"] or item["source"]) + ".abc"),
        source=source.name,
        folder=folder,
        name=name,
    )

    progress(0.1, f"Exporting {path.name}")
    objects_to_export([source], HELD, "an Alembic")
    with written_whole(path) as beside:
        write_alembic(beside, animation=animation, triangulate=triangulate, scale=scale)
    log(f"Wrote {path}")
    return path
