# SPDX-License-Identifier: GPL-3.0-or-later
"""Import the objects of an Alembic file. Shapes that move go on being read from the file, frame by frame."""

from pathlib import Path
from typing import Annotated

import bpy

from background_nodes.script import Range, imported_objects, progress

#: What Blender must have been built with.
NEEDS = ("alembic",)


def main(
    filepath: Path,
    scale: Annotated[float, Range(0.0001, 10000.0)] = 1.0,
) -> list[bpy.types.Object]:
    """Import `filepath`.

    Args:
        filepath: The .abc file. It stays in use where shapes move.
        scale: Multiplies the size.

    Returns:
        The objects in the file, children after their parents.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    progress(0.1, f"Importing {path.name}")
    with imported_objects(path) as objects:
        bpy.ops.wm.alembic_import(
            filepath=str(path), relative_path=False, scale=scale, set_frame_range=False, as_background_job=False
        )
        for item in bpy.data.objects:
            if [slot.material.name for slot in item.material_slots if slot.material] == ["default"]:
                item.data.materials.clear()  # Blender's name for having none
    return objects
