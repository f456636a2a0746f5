# SPDX-License-Identifier: GPL-3.0-or-later
"""Export objects to one Alembic file: their shapes at each frame, simulations and deformation included, no materials.

A file that is there is replaced only once the new one is complete.
"""

from pathlib import Path
from typing import Annotated

import bpy

from background_nodes.script import OutputPath, Range, log, objects_to_export, progress, write_alembic, written_whole

#: What Blender must have been built with.
NEEDS = ("alembic",)
#: What a file can hold, beside what becomes a mesh.
HELD = {"MESH", "EMPTY", "CAMERA", "CURVES", "POINTCLOUD"}


def main(
    objects: list[bpy.types.Object],
    filepath: OutputPath,
    animation: bool = True,
    triangulate: bool = False,
    scale: Annotated[float, Range(0.0001, 10000.0)] = 1.0,
) -> Path:
    """Export `objects`, with their modifiers applied.

    Args:
        objects: What to export.
        filepath: Where to. Folders that don't exist are made, and .abc is added to a name without it.
        animation: Export each frame in the frame range of the scene, else the current one.
        triangulate: Divide all faces into triangles.
        scale: Multiplies the size.

    Returns:
        The file that was written.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    if path.suffix.lower() != ".abc":
        path = Path(f"{path}.abc")

    progress(0.1, f"Exporting {path.name}")
    objects_to_export(objects, HELD, "an Alembic")
    with written_whole(path) as beside:
        write_alembic(beside, animation=animation, triangulate=triangulate, scale=scale)
    log(f"Wrote {path}")
    return path
