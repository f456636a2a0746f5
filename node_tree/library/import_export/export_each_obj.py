# SPDX-License-Identifier: GPL-3.0-or-later
"""Export an object to an OBJ file of its own name. A list of objects makes a file of each.

Its materials go into an .mtl file beside it, their images into a folder name_textures. Where several objects would get
the same name, all but the first get a number. A file that is there is replaced only once the new one is complete.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import bpy

from background_nodes.script import (
    OutputPath,
    Range,
    convert_to_mesh,
    file_name,
    image_files,
    log,
    own_file,
    progress,
    written_whole,
)


def main(
    source: bpy.types.Object,
    folder: OutputPath,
    name: str = "",
    apply_modifiers: bool = True,
    materials: bool = True,
    triangulate: bool = False,
    up: Literal["Y", "Z"] = "Y",
    scale: Annotated[float, Range(0.0001, 10000.0)] = 1.0,
) -> Path:
    """Export `source`.

    Args:
        source: What to export: a mesh, or a curve and the like by the mesh it makes.
        folder: Where to. It is made if it doesn't exist.
        name: Name of the file without its ending, empty for the object's name.
        apply_modifiers: Export what the modifiers make of the mesh.
        materials: Write the materials, and copy their images.
        triangulate: Divide all faces into triangles.
        up: The axis that shall point up in the file. Most programs read Y.
        scale: Multiplies the size.

    Returns:
        The file that was written.
    """
    path = own_file(
        lambda item: Path(item["folder"]) / (file_name(item["name"] or item["source"]) + ".obj"),
        source=source.name,
        folder=folder,
        name=name,
    )

    progress(0.1, f"Exporting {path.name}")
    if source.type == "CURVE":
        source = mesh_in_place_of(source)
    select(source)
    with written_whole(path) as beside:
        textures = beside.parent / f"{path.stem}_textures"
        if materials:
            image_files([source], textures)
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
        check(beside, [source], apply_modifiers)
    log(f"Wrote {path}")
    return path


def mesh_in_place_of(curve: bpy.types.Object) -> bpy.types.Object:
    """A mesh object of its name: the exporter writes a curve with a bevel twice."""
    converted = convert_to_mesh(curve.copy())
    if not curve.library:
        name, curve.name = curve.name, f"{curve.name} before"
        converted.name = name
    return converted


def select(source: bpy.types.Object) -> None:
    """Select it and nothing else. A hidden one can't be selected, so it is shown, in this worker's own file."""
    layer, root = bpy.context.view_layer, bpy.context.scene.collection
    source.hide_viewport = source.hide_select = False
    if source not in set(root.objects):  # the collection that it is in may be hidden
        root.objects.link(source)
    layer.update()  # what was linked just now can't be selected before
    for item in layer.objects:
        item.hide_set(False)
        item.select_set(item == source)
    layer.objects.active = source


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
