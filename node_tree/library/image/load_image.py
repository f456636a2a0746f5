# SPDX-License-Identifier: GPL-3.0-or-later
"""Load a picture from disk, or all tiles of one."""

import glob
from pathlib import Path

import bpy

from background_nodes.script import depends_on


def main(filepath: Path, non_color: bool = False, pack: bool = False) -> bpy.types.Image:
    """Load the image at `filepath`.

    Args:
        filepath: The picture's file. With <UDIM> in place of the number, all tiles: wall.<UDIM>.png.
        non_color: The picture holds data rather than colours: normals, roughness, masks.
        pack: Keep the pixels in the .blend file, so that the picture's file isn't needed any more.

    Returns:
        The image.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    is_tiled = "<UDIM>" in path.name
    if is_tiled and path.parent.is_dir():
        depends_on(path.parent)  # a tile may come
    files = tiles(path) if is_tiled else [path]
    if not files or not files[0].is_file():
        raise ValueError(f"There is no file {path}; choose an existing picture")
    image = bpy.data.images.load(str(files[0]))
    if is_tiled:
        image.source, image.filepath = "TILED", str(path)
    # Blender takes any file for an image; whether it is one shows only when it is read.
    if image.size[0] == 0:
        raise ValueError(f"{path.name} is no picture that Blender can read")
    if non_color:
        image.colorspace_settings.name = "Non-Color"
    if pack:
        image.pack()
    return image


def tiles(path: Path) -> list[Path]:
    """The files of the tiles that are there, by their numbers."""
    start, _, end = path.name.partition("<UDIM>")
    pattern = f"{glob.escape(start)}[1-9][0-9][0-9][0-9]{glob.escape(end)}"
    return sorted(path.parent.glob(pattern))
