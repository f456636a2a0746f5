# SPDX-License-Identifier: GPL-3.0-or-later
"""Save data-blocks as a .blend file that opens with them: objects and collections in its scene.

A file that is there is replaced only once the new one is complete.
"""

import tempfile
from pathlib import Path

import bpy

from background_nodes.script import log, progress


def main(data: list[bpy.types.ID], filepath: Path, compress: bool = True) -> Path:
    """Save `data`.

    Args:
        data: What to save: objects, collections, worlds, materials, images ... All they depend on comes along.
        filepath: Where to. Folders that don't exist are made, and .blend is added to a name without it.
        compress: Make the file smaller. Blender 2.9 and earlier can't open it.

    Returns:
        The file that was written.
    """
    if not data:
        raise ValueError("There is nothing to save; link data-blocks to Data")
    path = Path(bpy.path.abspath(str(filepath)))
    if path.suffix.lower() != ".blend":
        path = path.with_name(path.name + ".blend")

    progress(0.1, f"Saving {path.name}")
    for block in data:
        pack_unsaved_pixels(block)
    scene = show_in_scene(data)
    others = [block for block in data if not isinstance(block, bpy.types.Object | bpy.types.Collection)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving-") as folder:
        beside = Path(folder) / path.name
        # What no scene holds gets a fake user, or it would be gone once the file is opened and saved again.
        bpy.data.libraries.write(
            str(beside), {scene, *others}, path_remap="ABSOLUTE", fake_user=bool(others), compress=compress
        )
        beside.replace(path)
    log(f"Saved {len(data)} data-blocks to {path}")
    return path


def show_in_scene(data: list[bpy.types.ID]) -> bpy.types.Scene:
    """Put `data` into a scene: the first one in it, else the current one with the artist's frame rate and units."""
    scenes = [block for block in data if isinstance(block, bpy.types.Scene)]
    scene = scenes[0] if scenes else bpy.context.scene
    if not scenes:
        clear(scene)
    for block in dict.fromkeys(data):
        if isinstance(block, bpy.types.Collection) and block not in scene.collection.children_recursive:
            scene.collection.children.link(block)
    for block in dict.fromkeys(data):
        if isinstance(block, bpy.types.Object) and block.name not in scene.objects:
            scene.collection.objects.link(block)
    if not scenes:
        scene.camera = next((item for item in scene.objects if item.type == "CAMERA"), None)
        scene.world = next((block for block in data if isinstance(block, bpy.types.World)), None)
    return scene


def clear(scene: bpy.types.Scene) -> None:
    for item in list(scene.collection.objects):
        scene.collection.objects.unlink(item)
    for collection in list(scene.collection.children):
        scene.collection.children.unlink(collection)


def pack_unsaved_pixels(block: bpy.types.ID) -> None:
    """Pixels that are in no file are lost on saving unless they are packed."""
    if isinstance(block, bpy.types.Image) and (block.is_dirty or block.source == "GENERATED"):
        block.pack()
