# SPDX-License-Identifier: GPL-3.0-or-later
"""Import the mesh or the points of a PLY file, with colours, UV map and attributes."""

from pathlib import Path
from typing import Annotated, Literal

import bpy

from background_nodes.script import Range, imported_objects, progress


def main(
    filepath: Path,
    up: Literal["Z", "Y"] = "Z",
    scale: Annotated[float, Range(0.0001, 10000.0)] = 1.0,
    colors: Literal["sRGB", "Linear", "None"] = "sRGB",
    merge_vertices: bool = False,
) -> bpy.types.Object:
    """Import `filepath`.

    Args:
        filepath: The .ply file.
        up: The axis that points up in the file.
        scale: Multiplies the size.
        colors: What the colours in the file are. Most programs write sRGB.
        merge_vertices: Merge vertices at the same place.

    Returns:
        An object with the mesh, called like the file.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    progress(0.1, f"Importing {path.name}")
    with imported_objects(path) as objects:
        bpy.ops.wm.ply_import(
            filepath=str(path),
            forward_axis="NEGATIVE_Z" if up == "Y" else "Y",
            up_axis=up,
            global_scale=scale,
            import_colors=colors.upper(),
            merge_verts=merge_vertices,
        )
    return objects[0]
