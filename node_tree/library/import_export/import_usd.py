# SPDX-License-Identifier: GPL-3.0-or-later
"""Import the objects of a USD file, with materials, armatures and animation."""

from pathlib import Path
from typing import Annotated

import bpy

from background_nodes.script import Range, depends_on, imported_objects, progress

#: What Blender must have been built with.
NEEDS = ("usd",)


def main(
    filepath: Path,
    scale: Annotated[float, Range(0.0001, 10000.0)] = 1.0,
    materials: bool = True,
) -> list[bpy.types.Object]:
    """Import `filepath`. What *Export USD* has written gets the names back that USD can't hold, such as Wall.001.

    Args:
        filepath: The .usd, .usdc, .usda or .usdz file.
        scale: Multiplies the size.
        materials: Import the materials, too.

    Returns:
        The objects in the file, children after their parents.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    progress(0.1, f"Importing {path.name}")
    with imported_objects(path) as objects:
        if path.suffix.lower() != ".usdz":
            depends_on(path.parent)  # nothing here can tell which layers and images it is made of
        bpy.ops.wm.usd_import(filepath=str(path), scale=scale, import_materials=materials, set_frame_range=False)
        for item in [item for item in bpy.data.objects if is_list_of_materials(item)]:
            bpy.data.objects.remove(item)
        give_names_back([*bpy.data.objects, *bpy.data.meshes, *bpy.data.materials])
    return objects


def is_list_of_materials(item: bpy.types.Object) -> bool:
    """Whether it is what Blender makes of the place in the file where the materials are."""
    return item.type == "EMPTY" and item.name.startswith("_materials") and not item.children


def give_names_back(blocks: list[bpy.types.ID]) -> None:
    """What *Export USD* noted: USD holds no spaces, dots and the like in names."""
    for block in blocks:
        name = block.get("blender_name")
        if isinstance(name, str):
            del block["blender_name"]
            block.name = name
