# SPDX-License-Identifier: GPL-3.0-or-later
"""Save data-blocks as a .blend file that opens with them: objects and collections in its scene.

Parents, armatures, cutters and the like that they hang on are in a collection of it that is switched off.
A file that is there is replaced only once the new one is complete.
"""

from pathlib import Path

import bpy

from background_nodes.script import OutputPath, RigActions, log, progress, written_whole


def main(data: list[bpy.types.ID], filepath: OutputPath, compress: bool = True, actions: RigActions = None) -> Path:
    """Save `data`.

    Args:
        data: What to save: objects, collections, worlds, materials, images ... All they depend on comes along. Without
            a scene, that of the file has your frame rate and units; all else, such as the view transform, is as in a
            new scene.
        filepath: Where to. Folders that don't exist are made, and .blend is added to a name without it.
        compress: Make the file smaller. Blender 2.9 and earlier can't open it.
        actions: More actions to save if there is an armature, beside those that it uses. Empty for all actions of the
            file that move bones of an armature and that only a fake user holds.

    Returns:
        The file that was written.
    """
    if not data:
        raise ValueError("There is nothing to save; link data-blocks to Data")
    path = Path(bpy.path.abspath(str(filepath)))
    if path.suffix.lower() != ".blend":
        path = Path(f"{path}.blend")

    progress(0.1, f"Saving {path.name}")
    pack_unsaved_pixels()
    scene = show_in_scene(data)
    others = [block for block in data if not isinstance(block, bpy.types.Object | bpy.types.Collection)]
    others += (actions or []) if bpy.data.armatures else []
    with written_whole(path) as beside:
        # What no scene holds gets a fake user, or it would be gone once the file is opened and saved again.
        bpy.data.libraries.write(
            str(beside), {scene, *others}, path_remap="ABSOLUTE", fake_user=bool(others), compress=compress
        )
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
        keep_out_of_sight(scene, objects_used_by(data))
        scene.camera = next((item for item in scene.objects if item.type == "CAMERA"), None)
        scene.world = next((block for block in data if isinstance(block, bpy.types.World)), None)
    return scene


def keep_out_of_sight(scene: bpy.types.Scene, objects: set[bpy.types.Object]) -> None:
    """Have objects in the scene, not seen: those in no scene would be gone once the file is opened and saved again."""
    others = objects - set(scene.objects)
    if not others:
        return
    collection = bpy.data.collections.new("Out of Sight")
    scene.collection.children.link(collection)
    for item in sorted(others, key=lambda item: item.name_full):
        collection.objects.link(item)
    for view_layer in scene.view_layers:
        view_layer.layer_collection.children[collection.name].exclude = True


def objects_used_by(data: list[bpy.types.ID]) -> set[bpy.types.Object]:
    """The objects that these use, but for those in collections that they instance."""
    uses: dict[bpy.types.ID, list[bpy.types.ID]] = {}
    for item, users in bpy.data.user_map().items():
        for user in users:
            uses.setdefault(user, []).append(item)
    found, queue = set(data), list(data)
    while queue:
        new = set(uses.get(queue.pop(), ())) - found
        found |= new
        queue += new
    held = {item for block in found if isinstance(block, bpy.types.Collection) for item in block.all_objects}
    return {block for block in found if isinstance(block, bpy.types.Object)} - held


def clear(scene: bpy.types.Scene) -> None:
    for item in list(scene.collection.objects):
        scene.collection.objects.unlink(item)
    for collection in list(scene.collection.children):
        scene.collection.children.unlink(collection)


def pack_unsaved_pixels() -> None:
    """Pixels that are in no file are lost on saving unless they are packed: all here is of use to `data`."""
    for image in bpy.data.images:
        if image.library is None and (image.is_dirty or image.source == "GENERATED"):
            image.pack()
