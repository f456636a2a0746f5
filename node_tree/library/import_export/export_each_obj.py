# SPDX-License-Identifier: GPL-3.0-or-later
"""Export an object to an OBJ file of its own name. A list of objects makes a file of each.

Its materials go into an .mtl file and their images beside it. A file that is there is replaced only once the new one
is complete.
"""

import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import bpy

from background_nodes.script import Range, log, progress


def main(
    source: bpy.types.Object,
    folder: Path,
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
    path = Path(bpy.path.abspath(str(folder))) / (safe_name(name or source.name) + ".obj")

    progress(0.1, f"Exporting {path.name}")
    select(source)
    with written_whole(path) as beside:
        if materials:
            unpack_images(source, beside.parent)
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


def unpack_images(source: bpy.types.Object, folder: Path) -> None:
    """Write packed images into `folder`: Blender's exporter copies images that are files and forgets the others."""
    materials = {slot.material for slot in source.material_slots if slot.material}
    nodes = [node for material in materials if material.node_tree for node in material.node_tree.nodes]
    for image in {node.image for node in nodes if node.type == "TEX_IMAGE" and node.image and node.image.packed_file}:
        image.file_format = "PNG"
        path = folder / (bpy.path.clean_name(image.name) + ".png")
        image.save(filepath=str(path))
        image.filepath_raw = str(path)


def safe_name(name: str) -> str:
    """`name` without what Windows, macOS or Linux don't allow in the name of a file."""
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name).strip(" .") or "Unnamed"


def select(source: bpy.types.Object) -> None:
    """Select it and nothing else. A hidden one can't be selected, so it is shown, in this worker's own file."""
    layer = bpy.context.view_layer
    source.hide_viewport = source.hide_select = False
    if source.name not in bpy.context.scene.objects:
        bpy.context.scene.collection.objects.link(source)
    layer.update()  # what was linked just now can't be selected before
    for item in layer.objects:
        item.select_set(item == source)
    layer.objects.active = source


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
