# SPDX-License-Identifier: GPL-3.0-or-later
"""Export objects to one STL file: bare triangles, for 3D printing and CAD.

A file that is there is replaced only once the new one is complete.
"""

from pathlib import Path
from typing import Annotated, Literal

import bpy

from background_nodes.script import OutputPath, Range, log, objects_to_export, progress, write_stl, written_whole


def main(
    objects: list[bpy.types.Object],
    filepath: OutputPath,
    apply_modifiers: bool = True,
    up: Literal["Z", "Y"] = "Z",
    scale: Annotated[float, Range(0.0001, 10000.0)] = 1.0,
    as_text: bool = False,
) -> Path:
    """Export `objects`.

    Args:
        objects: What to export: meshes, and curves and the like by the mesh they make. All become one mesh.
        filepath: Where to. Folders that don't exist are made, and .stl is added to a name without it.
        apply_modifiers: Export what the modifiers make of the meshes.
        up: The axis that shall point up in the file. Most programs that read STL want Z.
        scale: Multiplies the size. Programs for printing take a unit for a millimetre: 1000 gives them what is in
            metres here.
        as_text: Write text rather than binary data: larger, and some old programs want it.

    Returns:
        The file that was written.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    if path.suffix.lower() != ".stl":
        path = Path(f"{path}.stl")

    progress(0.1, f"Exporting {path.name}")
    objects_to_export(objects, {"MESH"}, "an STL", apply_modifiers=apply_modifiers, one_mesh=True)
    with written_whole(path) as beside:
        write_stl(beside, apply_modifiers=apply_modifiers, up=up, scale=scale, as_text=as_text)
    log(f"Wrote {path}")
    return path
