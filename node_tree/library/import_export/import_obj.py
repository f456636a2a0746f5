# SPDX-License-Identifier: GPL-3.0-or-later
"""Import the objects of an OBJ file, with the materials of the .mtl file beside it."""

from pathlib import Path
from typing import Annotated, Literal

import bpy

from background_nodes.script import Range, depends_on, log, progress


def main(
    filepath: Path,
    up: Literal["Y", "Z"] = "Y",
    scale: Annotated[float, Range(0.0001, 10000.0)] = 1.0,
    split_by_group: bool = False,
) -> list[bpy.types.Object]:
    """Import `filepath`.

    Args:
        filepath: The .obj file.
        up: The axis that points up in the file. Most programs write Y.
        scale: Multiplies the size.
        split_by_group: Make an object of each group, too.

    Returns:
        The objects in the file.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    if not path.is_file():
        raise ValueError(f"There is no file {path}; choose an existing .obj file")

    progress(0.1, f"Importing {path.name}")
    for name in material_files(path):
        depends_on(path.parent / name)
    before = set(bpy.data.objects)
    bpy.ops.wm.obj_import(
        filepath=str(path),
        forward_axis="NEGATIVE_Z" if up == "Y" else "Y",
        up_axis=up,
        global_scale=scale,
        use_split_groups=split_by_group,
    )
    objects = [item for item in bpy.data.objects if item not in before]
    if not objects:
        raise ValueError(f"{path.name} holds no object that Blender can read")
    for image in bpy.data.images:
        if image.filepath and not image.packed_file:
            depends_on(image.filepath)
    log(f"Imported {len(objects)} objects from {path}")
    return objects


def material_files(path: Path) -> list[str]:
    """The names of the .mtl files that it uses."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return [line.split(maxsplit=1)[1].strip() for line in file if line.startswith("mtllib ") and line[7:].strip()]
