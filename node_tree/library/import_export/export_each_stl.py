# SPDX-License-Identifier: GPL-3.0-or-later
"""Export an object to an STL file of its own name: bare triangles, for 3D printing and CAD.

A list of objects makes a file of each. Where several would get the same name, all but the first get a number. A file
that is there is replaced only once the new one is complete.
"""

from pathlib import Path
from typing import Annotated, Literal

import bpy

from background_nodes.script import (
    OutputPath,
    Range,
    file_name,
    log,
    objects_to_export,
    own_file,
    place_at_origin,
    progress,
    write_stl,
    written_whole,
)


def main(
    source: bpy.types.Object,
    folder: OutputPath,
    name: str = "",
    place: Literal["As in the Scene", "At the Origin", "Not Turned, at the Origin"] = "As in the Scene",
    apply_modifiers: bool = True,
    up: Literal["Z", "Y"] = "Z",
    scale: Annotated[float, Range(0.0001, 10000.0)] = 1.0,
    as_text: bool = False,
) -> Path:
    """Export `source`.

    Args:
        source: What to export: a mesh, or a curve and the like by the mesh it makes.
        folder: Where to. It is made if it doesn't exist.
        name: Name of the file without its ending, empty for the object's name.
        place: Where its origin is in the file, and whether it is turned as in the scene. It keeps its size.
        apply_modifiers: Export what the modifiers make of the mesh.
        up: The axis that shall point up in the file. Most programs that read STL want Z.
        scale: Multiplies the size. Programs for printing take a unit for a millimetre: 1000 gives them what is in
            metres here.
        as_text: Write text rather than binary data: larger, and some old programs want it.

    Returns:
        The file that was written.
    """
    path = own_file(
        lambda item: Path(item["folder"]) / (file_name(item["name"] or item["source"]) + ".stl"),
        source=source.name,
        folder=folder,
        name=name,
    )

    progress(0.1, f"Exporting {path.name}")
    found = objects_to_export([source], {"MESH"}, "an STL", apply_modifiers=apply_modifiers, one_mesh=True)
    if place != "As in the Scene":
        place_at_origin(found, turned=place == "At the Origin", apply_modifiers=apply_modifiers)
    with written_whole(path) as beside:
        write_stl(beside, apply_modifiers=apply_modifiers, up=up, scale=scale, as_text=as_text)
    log(f"Wrote {path}")
    return path
