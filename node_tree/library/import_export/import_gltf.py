# SPDX-License-Identifier: GPL-3.0-or-later
"""Import the objects of a glTF file (.glb or .gltf), with materials, armatures and animation."""

import json
from pathlib import Path
from urllib.parse import unquote

import addon_utils
import bpy

from background_nodes.script import depends_on, log, progress


def main(filepath: Path, merge_vertices: bool = False) -> list[bpy.types.Object]:
    """Import `filepath`.

    Args:
        filepath: The .glb or .gltf file.
        merge_vertices: Merge vertices that the file holds several times for their normals or UV coordinates.

    Returns:
        The objects in the file, children after their parents.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    if not path.is_file():
        raise ValueError(f"There is no file {path}; choose an existing .glb or .gltf file")

    progress(0.1, f"Importing {path.name}")
    enable_add_on()
    for name in other_files(path):
        depends_on(path.parent / name)
    before = set(bpy.data.objects)
    try:
        # Else an object that is not in the file comes along: the shape in which bones are drawn.
        bpy.ops.import_scene.gltf(filepath=str(path), merge_vertices=merge_vertices, disable_bone_shape=True)
    except RuntimeError as error:
        raise ValueError(f"{path.name} can't be imported: {error}") from None
    objects = [item for item in bpy.data.objects if item not in before]
    if not objects:
        raise ValueError(f"{path.name} holds no object")
    log(f"Imported {len(objects)} objects from {path}")
    return sorted(objects, key=depth)


def other_files(path: Path) -> list[str]:
    """The names of the files with meshes and images that it uses. A .glb file has most in it, but may use some, too."""
    try:
        with path.open("rb") as file:
            start = file.read(20)
            if start.startswith(b"glTF"):
                text = file.read(int.from_bytes(start[12:16], "little"))
            else:
                text = start + file.read()
        content = json.loads(text)
        parts = [*(content.get("buffers") or ()), *(content.get("images") or ())]
        names = [part["uri"] for part in parts if part.get("uri")]
        return [unquote(name.replace("\\", "/")) for name in names if not name.startswith("data:")]
    except (ValueError, AttributeError, TypeError):
        return []  # the import tells what is wrong with it


def depth(item: bpy.types.Object) -> int:
    """How many parents are above an object."""
    return 1 + depth(item.parent) if item.parent else 0


def enable_add_on() -> None:
    """Blender reads glTF with an add-on of its own, which may be off."""
    if not addon_utils.check("io_scene_gltf2")[1]:
        addon_utils.enable("io_scene_gltf2")
