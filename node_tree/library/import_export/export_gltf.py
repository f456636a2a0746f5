# SPDX-License-Identifier: GPL-3.0-or-later
"""Export objects to one glTF file, with materials, images, armatures and animation.

A file that is there is replaced only once the new one is complete.
"""

import json
import struct
from pathlib import Path

import addon_utils
import bpy

from background_nodes.script import OutputPath, RigActions, as_shown, convert_to_mesh, log, progress, written_whole

#: What the exporter takes for an instance of itself and writes twice, or leaves out.
CURVES_AND_BALLS = {"CURVE", "SURFACE", "FONT", "META"}
#: What a file can hold, area lights aside.
HELD = {"MESH", "ARMATURE", "EMPTY", "CAMERA", "LIGHT"}


def main(
    objects: list[bpy.types.Object],
    filepath: OutputPath,
    apply_modifiers: bool = True,
    animation: bool = True,
    compress: bool = False,
    actions: RigActions = None,
) -> Path:
    """Export `objects`.

    Args:
        objects: What to export.
        filepath: Where to. A name that ends in .gltf makes a text file with .bin beside it and images in a folder
            name_textures; any other one makes a .glb, with all in one. Folders that don't exist are made.
        apply_modifiers: Export what the modifiers make of the meshes; shape keys are left out then.
        animation: Export actions and shape key animation.
        compress: Compress meshes with Draco: much smaller, but not every program reads it.
        actions: More clips for the armatures, beside those that they use. Empty for all actions of the file that move
            bones of an armature and that only a fake user holds.

    Returns:
        The file that was written.
    """
    if not objects:
        raise ValueError("There is nothing to export; link objects to Objects")
    path = Path(bpy.path.abspath(str(filepath)))
    if path.suffix.lower() not in (".glb", ".gltf"):
        path = Path(f"{path}.glb")

    progress(0.1, f"Exporting {path.name}")
    objects = [mesh_in_place_of(item) if item.type in CURVES_AND_BALLS else item for item in dict.fromkeys(objects)]
    tell_unit()
    enable_add_on()
    for image in list(bpy.data.images):  # the exporter writes the numbers of floats as they are, which is too dark
        as_shown(image, replaces=True)
    select(objects)
    with written_whole(path) as beside:
        bpy.ops.export_scene.gltf(
            filepath=str(beside),
            export_format="GLB" if path.suffix.lower() == ".glb" else "GLTF_SEPARATE",
            export_texture_dir=f"{path.stem}_textures",
            use_selection=True,
            export_cameras=True,
            export_lights=True,
            export_current_frame=True,
            export_apply=apply_modifiers,
            export_gn_mesh=apply_modifiers,
            export_animations=animation,
            export_draco_mesh_compression_enable=compress,
        )
        check(beside, objects, apply_modifiers, compress)
    log(f"Wrote {path}")
    return path


def tell_unit() -> None:
    """A glTF file has metres, and Blender writes the numbers of the scene to it, whatever their unit."""
    unit = bpy.context.scene.unit_settings.scale_length
    if abs(unit - 1.0) > 1e-6:
        log(f"A unit of the scene is {unit:g} m, one of a glTF file 1 m: all is {1.0 / unit:g} times as large there")


def enable_add_on() -> None:
    """Blender writes glTF with an add-on of its own, which may be off."""
    if not addon_utils.check("io_scene_gltf2")[1]:
        addon_utils.enable("io_scene_gltf2")


def mesh_in_place_of(item: bpy.types.Object) -> bpy.types.Object:
    """A mesh object of its name, with its children, in the place of a curve or the like, which others may still use."""
    converted = convert_to_mesh(item if item.type == "META" else item.copy())
    if not item.library:
        name, item.name = item.name, f"{item.name} before"
        converted.name = name
    for child in item.children:
        child.parent = converted
    return converted


def can_hold(item: bpy.types.Object) -> bool:
    """Whether a glTF file can hold it; what has children gives them their place at least."""
    return bool(item.children) or (item.type in HELD and not (item.type == "LIGHT" and item.data.type == "AREA"))


def select(objects: list[bpy.types.Object]) -> None:
    """Select these and nothing else. Hidden ones can't be selected, so they are shown, in this worker's own file."""
    layer, root = bpy.context.view_layer, bpy.context.scene.collection
    there = set(root.objects)
    for item in objects:
        item.hide_viewport = item.hide_select = item.hide_render = False
        if item not in there:  # the collection that it is in may be hidden
            root.objects.link(item)
    layer.update()  # what was linked just now can't be selected before
    chosen = set(filter(can_hold, objects))  # at some of the others, the exporter fails
    for item in layer.objects:
        item.hide_set(False)
        item.select_set(item in chosen)
    layer.objects.active = objects[0]


def check(path: Path, objects: list[bpy.types.Object], apply_modifiers: bool, compress: bool) -> None:
    """Raise ValueError unless the file holds what can be seen of the objects: Blender leaves out without a word."""
    content = read_json(path)
    nodes = content.get("nodes", [])
    shown = [node for node in nodes if "mesh" in node or "camera" in node or "KHR_lights_punctual" in extensions(node)]
    if not shown and not any(item.type == "ARMATURE" for item in objects):
        names = ", ".join(item.name for item in objects)
        raise ValueError(
            f"Nothing of {names} goes into a glTF file; link objects with faces, cameras, or point, spot or sun lights"
        )
    for item in objects:
        if not can_hold(item):
            log(f"{item.name} is not in the file: glTF can't hold it")
    for item, rig in ((each, rig) for each in objects for rig in armatures(each) - set(objects)):
        log(f"{item.name} is in the file without its armature, and not posed; link {rig.name}, too")
    there = {node.get("name") for node in shown}
    missing = [item.name for item in objects if has_faces(item, apply_modifiers) and item.name not in there]
    if missing:
        raise RuntimeError(f"Blender left out {', '.join(missing)}; the log may tell why")
    if compress and content.get("meshes") and "KHR_draco_mesh_compression" not in content.get("extensionsUsed", ()):
        raise RuntimeError("This Blender can't compress with Draco; switch Compress off")


def armatures(item: bpy.types.Object) -> set[bpy.types.Object]:
    """What deforms it with bones."""
    return {modifier.object for modifier in item.modifiers if modifier.type == "ARMATURE" and modifier.object}


def read_json(path: Path) -> dict:
    """What a .gltf file is, and what a .glb file begins with."""
    with path.open("rb") as file:
        if path.suffix.lower() == ".glb":
            _magic, _version, _total, length, _kind = struct.unpack("<4s4I", file.read(20))
            return json.loads(file.read(length))
        return json.load(file)


def extensions(node: dict) -> dict:
    return node.get("extensions", {})


def has_faces(item: bpy.types.Object, apply_modifiers: bool) -> bool:
    """Whether it is a mesh with faces that is exported itself, not only what is instanced on it."""
    if item.type != "MESH" or (item.is_instancer and not item.show_instancer_for_render):
        return False
    depsgraph = bpy.context.evaluated_depsgraph_get()
    return bool((item.evaluated_get(depsgraph) if apply_modifiers else item).data.polygons)
