# SPDX-License-Identifier: GPL-3.0-or-later
"""Import the objects of an FBX file, with materials, armatures and animation."""

from pathlib import Path
from typing import Annotated

import addon_utils
import bpy

from background_nodes.script import Range, imported_objects, progress


def main(
    filepath: Path,
    scale: Annotated[float, Range(0.0001, 10000.0)] = 1.0,
    animation: bool = True,
    leaf_bones: bool = False,
) -> list[bpy.types.Object]:
    """Import `filepath`.

    Args:
        filepath: The .fbx file.
        scale: Multiplies the size, which is in the unit that the file names.
        animation: Import the animation, too, at the frames that the file has it at.
        leaf_bones: Import the bones that some programs add at the end of each chain.

    Returns:
        The objects in the file, children after their parents.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    progress(0.1, f"Importing {path.name}")
    with imported_objects(path) as objects:
        options = {
            "filepath": str(path),
            "global_scale": scale,
            "use_anim": animation,
            "anim_offset": 0.0,  # Blender would be one frame later than the file
            "ignore_leaf_bones": not leaf_bones,
        }
        if "fbx_import" in dir(bpy.ops.wm):  # from Blender 4.5 on
            bpy.ops.wm.fbx_import(**options)
        else:
            if not addon_utils.check("io_scene_fbx")[1]:
                addon_utils.enable("io_scene_fbx")
            bpy.ops.import_scene.fbx(**options)
    return objects
