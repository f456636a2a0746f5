# SPDX-License-Identifier: GPL-3.0-or-later
"""Export objects to one OBJ file, with their materials in an .mtl file and their images in a folder name_textures.

A file that is there is replaced only once the new one is complete.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import bpy

from background_nodes.script import OutputPath, Range, convert_to_mesh, image_files, log, progress, written_whole

#: What a file can hold, beside what is instanced.
HELD = {"MESH", "CURVE", "SURFACE", "FONT", "META"}


def main(
    objects: list[bpy.types.Object],
    filepath: OutputPath,
    apply_modifiers: bool = True,
    materials: bool = True,
    triangulate: bool = False,
    up: Literal["Y", "Z"] = "Y",
    scale: Annotated[float, Range(0.0001, 10000.0)] = 1.0,
) -> Path:
    """Export `objects`.

    Args:
        objects: What to export: meshes, and curves and the like by the mesh they make.
        filepath: Where to. Folders that don't exist are made, and .obj is added to a name without it.
        apply_modifiers: Export what the modifiers make of the meshes.
        materials: Write the materials, and copy their images.
        triangulate: Divide all faces into triangles.
        up: The axis that shall point up in the file. Most programs read Y.
        scale: Multiplies the size.

    Returns:
        The file that was written.
    """
    if not objects:
        raise ValueError("There is nothing to export; link objects to Objects")
    path = Path(bpy.path.abspath(str(filepath)))
    if path.suffix.lower() != ".obj":
        path = Path(f"{path}.obj")

    progress(0.1, f"Exporting {path.name}")
    objects = [mesh_in_place_of(item) if item.type == "CURVE" else item for item in dict.fromkeys(objects)]
    select(objects)
    with written_whole(path) as beside:
        textures = beside.parent / f"{path.stem}_textures"
        if materials:
            image_files(objects, textures)
        bpy.ops.wm.obj_export(
            filepath=str(beside),
            export_selected_objects=True,
            apply_modifiers=apply_modifiers,
            export_materials=materials,
            export_triangulated_mesh=triangulate,
            path_mode="RELATIVE",
            forward_axis="NEGATIVE_Z" if up == "Y" else "Y",
            up_axis=up,
            global_scale=scale,
        )
        remove_unused(textures, beside.with_suffix(".mtl"))
        check(beside, objects, apply_modifiers)
    log(f"Wrote {path}")
    return path


def mesh_in_place_of(curve: bpy.types.Object) -> bpy.types.Object:
    """A mesh object of its name: the exporter writes a curve with a bevel twice."""
    converted = convert_to_mesh(curve.copy())
    if not curve.library:
        name, curve.name = curve.name, f"{curve.name} before"
        converted.name = name
    return converted


def select(objects: list[bpy.types.Object]) -> None:
    """Select these and nothing else. Hidden ones can't be selected, so they are shown, in this worker's own file."""
    layer, root = bpy.context.view_layer, bpy.context.scene.collection
    there = set(root.objects)
    for item in objects:
        item.hide_viewport = item.hide_select = False
        if item not in there:  # the collection that it is in may be hidden
            root.objects.link(item)
    layer.update()  # what was linked just now can't be selected before
    chosen = set(objects)
    for item in layer.objects:
        item.hide_set(False)
        item.select_set(item in chosen)
    layer.objects.active = objects[0]


def check(path: Path, objects: list[bpy.types.Object], apply_modifiers: bool) -> None:
    """Raise ValueError unless the file holds all meshes: Blender leaves out without a word."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    meshes = [item for item in objects if item.type == "MESH"]
    wanted = [item for item in meshes if (item.evaluated_get(depsgraph) if apply_modifiers else item).data.vertices]
    starts = Counter()
    if path.exists():
        with path.open("rb") as file:
            starts = Counter(line[:2] for line in file if line[:2] in (b"o ", b"v "))
    if not starts[b"v "]:
        names = ", ".join(item.name for item in objects)
        raise ValueError(f"Nothing of {names} goes into an OBJ file; link meshes, or curves and the like")
    for item in objects:
        if item.type not in HELD and not item.is_instancer:
            log(f"{item.name} is not in the file: OBJ can't hold it")
    if starts[b"o "] < len(wanted):
        raise RuntimeError(
            f"Blender left out {len(wanted) - starts[b'o ']} of {len(wanted)} meshes; the log may tell why"
        )


def remove_unused(folder: Path, materials: Path) -> None:
    """Remove the images that the .mtl file does not name: what a shader has no use for in this format."""
    text = materials.read_text(encoding="utf-8", errors="replace") if materials.exists() else ""
    for file in list(folder.iterdir()) if folder.is_dir() else ():
        numbers = re.finditer(r"\d{4}", file.name)
        names = [file.name, *(f"{file.name[: each.start()]}<UDIM>{file.name[each.end() :]}" for each in numbers)]
        if not any(name in text for name in names):
            file.unlink()
