# SPDX-License-Identifier: GPL-3.0-or-later
"""Export objects to one OBJ file, with their materials in an .mtl file and their images beside it.

A file that is there is replaced only once the new one is complete.
"""

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import bpy

from background_nodes.script import Range, log, progress


def main(
    objects: list[bpy.types.Object],
    filepath: Path,
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
        path = path.with_name(path.name + ".obj")

    progress(0.1, f"Exporting {path.name}")
    select(objects)
    with written_whole(path) as beside:
        if materials:
            unpack_images(objects, beside.parent)
        bpy.ops.wm.obj_export(
            filepath=str(beside),
            export_selected_objects=True,
            apply_modifiers=apply_modifiers,
            export_materials=materials,
            export_triangulated_mesh=triangulate,
            path_mode="COPY",
            forward_axis="NEGATIVE_Z" if up == "Y" else "Y",
            up_axis=up,
            global_scale=scale,
        )
    log(f"Wrote {path}")
    return path


def unpack_images(objects: list[bpy.types.Object], folder: Path) -> None:
    """Write packed images into `folder`: Blender's exporter copies images that are files and forgets the others."""
    materials = {slot.material for item in objects for slot in item.material_slots if slot.material}
    nodes = [node for material in materials if material.node_tree for node in material.node_tree.nodes]
    for image in {node.image for node in nodes if node.type == "TEX_IMAGE" and node.image and node.image.packed_file}:
        image.file_format = "PNG"
        path = folder / (bpy.path.clean_name(image.name) + ".png")
        image.save(filepath=str(path))
        image.filepath_raw = str(path)


def select(objects: list[bpy.types.Object]) -> None:
    """Select these and nothing else. Hidden ones can't be selected, so they are shown, in this worker's own file."""
    layer = bpy.context.view_layer
    for item in objects:
        item.hide_viewport = item.hide_select = False
        if item.name not in bpy.context.scene.objects:
            bpy.context.scene.collection.objects.link(item)
    layer.update()  # what was linked just now can't be selected before
    for item in layer.objects:
        item.select_set(item in objects)
    layer.objects.active = objects[0]


@contextmanager
def written_whole(path: Path):
    """Yield a path in a folder beside `path`; then move all that was written there into place, the main file last."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".exporting-") as folder:
        beside = Path(folder) / path.name
        yield beside
        if not beside.exists():
            raise RuntimeError(f"Blender didn't write {path.name}; the log tells why")
        for written in sorted(Path(folder).iterdir(), key=beside.__eq__):
            written.replace(path.with_name(written.name))
