# SPDX-License-Identifier: GPL-3.0-or-later
"""Export objects to one PLY file, as scans have it: a mesh with normals, colours, a UV map and attributes, or points.

A file that is there is replaced only once the new one is complete.
"""

from pathlib import Path
from typing import Annotated, Literal

import bpy

from background_nodes.script import OutputPath, Range, log, objects_to_export, progress, write_ply, written_whole


def main(
    objects: list[bpy.types.Object],
    filepath: OutputPath,
    apply_modifiers: bool = True,
    triangulate: bool = False,
    up: Literal["Z", "Y"] = "Z",
    scale: Annotated[float, Range(0.0001, 10000.0)] = 1.0,
    colors: Literal["sRGB", "Linear", "None"] = "sRGB",
    as_text: bool = False,
) -> Path:
    """Export `objects`.

    Args:
        objects: What to export: meshes, and curves and the like by the mesh they make. All become one mesh.
        filepath: Where to. Folders that don't exist are made, and .ply is added to a name without it.
        apply_modifiers: Export what the modifiers make of the meshes.
        triangulate: Divide all faces into triangles.
        up: The axis that shall point up in the file.
        scale: Multiplies the size.
        colors: How the active colour attribute is written. Most programs read sRGB.
        as_text: Write text rather than binary data.

    Returns:
        The file that was written.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    if path.suffix.lower() != ".ply":
        path = Path(f"{path}.ply")

    progress(0.1, f"Exporting {path.name}")
    (mesh,) = objects_to_export(objects, {"MESH"}, "a PLY", apply_modifiers=apply_modifiers, one_mesh=True)
    with written_whole(path) as beside:
        write_ply(
            beside,
            mesh,
            apply_modifiers=apply_modifiers,
            triangulate=triangulate,
            up=up,
            scale=scale,
            colors=colors,
            as_text=as_text,
        )
    log(f"Wrote {path}")
    return path
