# SPDX-License-Identifier: GPL-3.0-or-later
"""Import the mesh of an STL file."""

from pathlib import Path
from typing import Annotated, Literal

import bpy

from background_nodes.script import Range, imported_objects, progress


def main(
    filepath: Path,
    up: Literal["Z", "Y"] = "Z",
    scale: Annotated[float, Range(0.0001, 10000.0)] = 1.0,
) -> bpy.types.Object:
    """Import `filepath`.

    Args:
        filepath: The .stl file.
        up: The axis that points up in the file. Most programs write Z.
        scale: Multiplies the size: 0.001 for a file in millimetres.

    Returns:
        An object with the mesh, called like the file.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    progress(0.1, f"Importing {path.name}")
    with imported_objects(path) as objects:
        bpy.ops.wm.stl_import(
            filepath=str(path), forward_axis="NEGATIVE_Z" if up == "Y" else "Y", up_axis=up, global_scale=scale
        )
    return objects[0]
