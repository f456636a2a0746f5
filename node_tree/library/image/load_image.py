# SPDX-License-Identifier: GPL-3.0-or-later
"""Load a picture from disk."""

from pathlib import Path

import bpy


def main(filepath: Path, non_color: bool = False, pack: bool = False) -> bpy.types.Image:
    """Load the image at `filepath`.

    Args:
        filepath: The picture's file.
        non_color: The picture holds data rather than colours: normals, roughness, masks.
        pack: Keep the pixels in the .blend file, so that the picture's file isn't needed any more.

    Returns:
        The image.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    if not path.is_file():
        raise ValueError(f"There is no file {path}; choose an existing picture")
    image = bpy.data.images.load(str(path))
    # Blender takes any file for an image; whether it is one shows only when it is read.
    if image.size[0] == 0:
        raise ValueError(f"{path.name} is no picture that Blender can read")
    if non_color:
        image.colorspace_settings.name = "Non-Color"
    if pack:
        image.pack()
    return image
