# SPDX-License-Identifier: GPL-3.0-or-later
"""Save an image to disk.

Where several images would get the same name, all but the first get a number. A file that is there is replaced only once
the new one is complete.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

import bpy
import numpy as np

from background_nodes.script import (
    OutputPath,
    Percentage,
    Range,
    claim,
    file_name,
    items,
    log,
    own_file,
    progress,
    written_whole,
)

#: What each format is called by Blender, and its usual ending.
FORMATS = {
    "PNG": ("PNG", ".png"),
    "JPEG": ("JPEG", ".jpg"),
    "OpenEXR": ("OPEN_EXR", ".exr"),
    "TIFF": ("TIFF", ".tif"),
    "Targa": ("TARGA", ".tga"),
    "WebP": ("WEBP", ".webp"),
}
ENDINGS = {".jpeg": "JPEG", ".tiff": "TIFF", **{ending: name for name, (_, ending) in FORMATS.items()}}


def main(
    image: bpy.types.Image,
    filepath: OutputPath,
    file_format: Literal["From Name", "PNG", "JPEG", "OpenEXR", "TIFF", "Targa", "WebP"] = "From Name",
    quality: Annotated[Percentage, Range(1.0, 100.0)] = 90.0,
) -> Path:
    """Save `image`.

    Args:
        image: The image to save.
        filepath: Where to. Folders that don't exist are made; where it ends in a slash, the image's name is added.
            The tiles of a UDIM image get their numbers in place of <UDIM>, or before the ending.
        file_format: From Name goes by the ending, and takes PNG where there is none.
        quality: Of formats that lose quality: JPEG and WebP.

    Returns:
        The file that was written; for tiles, their name with <UDIM> in place of the number.
    """
    if not (image.has_data or image.size[0]):
        raise ValueError(f"{image.name} has no pixels; is its file missing?")
    each = items(image=image.name, filepath=filepath, file_format=file_format)
    path = own_file([destination(item["image"], str(item["filepath"]), item["file_format"]) for item in each])
    progress(0.1, f"Saving {path.name}")
    image.file_format = FORMATS[ENDINGS[path.suffix.lower()]][0]
    if image.file_format == "OPEN_EXR" and image.colorspace_settings.is_data and not image.is_float:
        image = as_floats(image)
    if image.source == "TILED":
        path = save_tiles(image, path, round(quality))
    else:
        with written_whole(path) as beside:
            save_copy(image, beside, round(quality))
    log(f"Saved {path}")
    return path


def as_floats(image: bpy.types.Image) -> bpy.types.Image:
    """The same in floats: Blender takes 8 bits for a colour as it writes an EXR file, whatever they are."""
    if image.source == "TILED":
        raise ValueError(f"{image.name} holds data in 8 bits, no colours, and has tiles; save it as PNG or TIFF")
    pixels = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(pixels)
    result = bpy.data.images.new(image.name, *image.size, alpha=True, float_buffer=True, is_data=True)
    result.pixels.foreach_set(pixels)
    result.file_format = image.file_format
    return result


def save_tiles(image: bpy.types.Image, path: Path, quality: int) -> Path:
    """Write a file for each tile; their name with <UDIM> in place of the number."""
    if "<UDIM>" not in path.name:
        path = path.with_name(f"{path.stem}.<UDIM>{path.suffix}")
    files = [path.with_name(path.name.replace("<UDIM>", str(tile.number))) for tile in image.tiles]
    for file in files:
        claim(file)
    with written_whole(files[0]) as beside:
        save_copy(image, beside.with_name(path.name), quality)
        lost = [file.name for file in files if not beside.with_name(file.name).exists()]
        if lost:
            raise RuntimeError(f"Blender did not write {', '.join(lost)}; the log may tell why")
    return path


def save_copy(image: bpy.types.Image, path: Path, quality: int) -> None:
    """Write the image without making `path` its own file; Blender before 4.5 never does that, and has no option."""
    options = {"save_copy": True} if "save_copy" in image.bl_rna.functions["save"].parameters else {}
    image.save(filepath=str(path), quality=quality, **options)


def destination(image_name: str, filepath: str, format_name: str) -> Path:
    """The file to write, with an ending."""
    path = Path(filepath)
    if filepath.endswith(("/", os.sep)) or path.is_dir():
        path /= file_name(image_name)
        if path.suffix.lower() not in ENDINGS:  # "Wall v1.2" has none
            path = path.with_name(path.name + (".png" if format_name == "From Name" else FORMATS[format_name][1]))
    if format_name == "From Name":
        if path.suffix.lower() not in ENDINGS and path.suffix:
            known = ", ".join(ENDINGS)
            raise ValueError(f"No format is known for {path.suffix}; choose one, or a name that ends in {known}")
        format_name = ENDINGS.get(path.suffix.lower(), "PNG")
    if ENDINGS.get(path.suffix.lower()) != format_name:
        path = path.with_name(path.name + FORMATS[format_name][1])
    return path
