# SPDX-License-Identifier: GPL-3.0-or-later
"""Export an object to a glTF file of its own name. A list of objects makes a file of each.

A file that is there is replaced only once the new one is complete.
"""

import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import addon_utils
import bpy

from background_nodes.script import log, progress


def main(
    source: bpy.types.Object,
    folder: Path,
    name: str = "",
    file_format: Literal["glTF Binary", "glTF Separate"] = "glTF Binary",
    apply_modifiers: bool = True,
    animation: bool = True,
    compress: bool = False,
) -> Path:
    """Export `source`.

    Args:
        source: What to export.
        folder: Where to. It is made if it doesn't exist.
        name: Name of the file without its ending, empty for the object's name.
        file_format: Binary is one .glb file with all in it, Separate a .gltf file with .bin and images beside it.
        apply_modifiers: Export what the modifiers make of the meshes; shape keys are left out then.
        animation: Export actions and shape key animation.
        compress: Compress meshes with Draco: much smaller, but not every program reads it.

    Returns:
        The file that was written.
    """
    ending = ".glb" if file_format == "glTF Binary" else ".gltf"
    path = Path(bpy.path.abspath(str(folder))) / (safe_name(name or source.name) + ending)

    progress(0.1, f"Exporting {path.name}")
    enable_add_on()
    select(source)
    with written_whole(path) as beside:
        bpy.ops.export_scene.gltf(
            filepath=str(beside),
            export_format="GLB" if ending == ".glb" else "GLTF_SEPARATE",
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


def safe_name(name: str) -> str:
    """`name` without what Windows, macOS or Linux don't allow in the name of a file."""
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name).strip(" .") or "Unnamed"


def select(source: bpy.types.Object) -> None:
    """Select it and nothing else. A hidden one can't be selected, so it is shown, in this worker's own file."""
    layer = bpy.context.view_layer
    source.hide_viewport = source.hide_select = source.hide_render = False
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
