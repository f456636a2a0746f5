# SPDX-License-Identifier: GPL-3.0-or-later
"""Export an object to a glTF file of its own name. A list of objects makes a file of each.

Where several would get the same name, all but the first get a number. A file that is there is replaced only once the
new one is complete.
"""

import json
import struct
from pathlib import Path
from typing import Literal

import addon_utils
import bpy

from background_nodes.script import (
    OutputPath,
    RigActions,
    as_shown,
    convert_to_mesh,
    file_name,
    log,
    own_file,
    progress,
    written_whole,
)

#: What the exporter takes for an instance of itself and writes twice, or leaves out.
CURVES_AND_BALLS = {"CURVE", "SURFACE", "FONT", "META"}
#: What a file can hold, area lights aside.
HELD = {"MESH", "ARMATURE", "EMPTY", "CAMERA", "LIGHT"}
ENDINGS = {"glTF Binary": ".glb", "glTF Separate": ".gltf"}


def main(
    source: bpy.types.Object,
    folder: OutputPath,
    name: str = "",
    file_format: Literal["glTF Binary", "glTF Separate"] = "glTF Binary",
    apply_modifiers: bool = True,
    animation: bool = True,
    compress: bool = False,
    actions: RigActions = None,
) -> Path:
    """Export `source`.

    Args:
        source: What to export.
        folder: Where to. It is made if it doesn't exist.
        name: Name of the file without its ending, empty for the object's name.
        file_format: Binary is one .glb file with all in it, Separate a .gltf file with .bin beside it and images in a
            folder name_textures.
        apply_modifiers: Export what the modifiers make of the meshes; shape keys are left out then.
        animation: Export actions and shape key animation.
        compress: Compress meshes with Draco: much smaller, but not every program reads it.
        actions: More clips for an armature, beside those that it uses. Empty for all actions of the file that move
            bones of an armature and that only a fake user holds.

    Returns:
        The file that was written.
    """
    path = own_file(
        lambda item: Path(item["folder"]) / (file_name(item["name"] or item["source"]) + ENDINGS[item["file_format"]]),
        source=source.name,
        folder=folder,
        name=name,
        file_format=file_format,
    )

    progress(0.1, f"Exporting {path.name}")
    if source.type in CURVES_AND_BALLS:
        source = mesh_in_place_of(source)
    tell_unit()
    enable_add_on()
    for image in list(bpy.data.images):  # the exporter writes the numbers of floats as they are, which is too dark
        as_shown(image, replaces=True)
    select(source)
    with written_whole(path) as beside:
        bpy.ops.export_scene.gltf(
            filepath=str(beside),
            export_format="GLB" if path.suffix == ".glb" else "GLTF_SEPARATE",
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
        check(beside, [source], apply_modifiers, compress)
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


def select(source: bpy.types.Object) -> None:
    """Select it and nothing else. A hidden one can't be selected, so it is shown, in this worker's own file."""
    layer, root = bpy.context.view_layer, bpy.context.scene.collection
    source.hide_viewport = source.hide_select = source.hide_render = False
    if source not in set(root.objects):  # the collection that it is in may be hidden
        root.objects.link(source)
    layer.update()  # what was linked just now can't be selected before
    for item in layer.objects:
        item.hide_set(False)
        item.select_set(item == source and can_hold(item))  # at some others, the exporter fails
    layer.objects.active = source


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
