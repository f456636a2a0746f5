# SPDX-License-Identifier: GPL-3.0-or-later
"""Export objects to one glTF file, with materials, images, armatures and animation.

A file that is there is replaced only once the new one is complete.
"""

import tempfile
from contextlib import contextmanager
from pathlib import Path

import addon_utils
import bpy

from background_nodes.script import log, progress


def main(
    objects: list[bpy.types.Object],
    filepath: Path,
    apply_modifiers: bool = True,
    animation: bool = True,
    compress: bool = False,
) -> Path:
    """Export `objects`.

    Args:
        objects: What to export.
        filepath: Where to. A name that ends in .gltf makes a text file with .bin and images beside it; any other one
            makes a .glb, with all in one. Folders that don't exist are made.
        apply_modifiers: Export what the modifiers make of the meshes; shape keys are left out then.
        animation: Export actions and shape key animation.
        compress: Compress meshes with Draco: much smaller, but not every program reads it.

    Returns:
        The file that was written.
    """
    if not objects:
        raise ValueError("There is nothing to export; link objects to Objects")
    path = Path(bpy.path.abspath(str(filepath)))
    if path.suffix.lower() not in (".glb", ".gltf"):
        path = path.with_name(path.name + ".glb")

    progress(0.1, f"Exporting {path.name}")
    enable_add_on()
    select(objects)
    with written_whole(path) as beside:
        bpy.ops.export_scene.gltf(
            filepath=str(beside),
            export_format="GLB" if path.suffix.lower() == ".glb" else "GLTF_SEPARATE",
            use_selection=True,
            export_apply=apply_modifiers,
            export_animations=animation,
            export_draco_mesh_compression_enable=compress,
        )
    log(f"Wrote {path}")
    return path


def enable_add_on() -> None:
    """Blender writes glTF with an add-on of its own, which may be off."""
    if not addon_utils.check("io_scene_gltf2")[1]:
        addon_utils.enable("io_scene_gltf2")


def select(objects: list[bpy.types.Object]) -> None:
    """Select these and nothing else. Hidden ones can't be selected, so they are shown, in this worker's own file."""
    layer = bpy.context.view_layer
    for item in objects:
        item.hide_viewport = item.hide_select = item.hide_render = False
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
