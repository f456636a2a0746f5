# SPDX-License-Identifier: GPL-3.0-or-later
"""Save an image to disk. A file that is there is replaced only once the new one is complete."""

import os
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import bpy

from background_nodes.script import Percentage, Range, log, progress

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
    filepath: Path,
    file_format: Literal["From Name", "PNG", "JPEG", "OpenEXR", "TIFF", "Targa", "WebP"] = "From Name",
    quality: Annotated[Percentage, Range(1.0, 100.0)] = 90.0,
) -> Path:
    """Save `image`.

    Args:
        image: The image to save.
        filepath: Where to. Folders that don't exist are made; where it ends in a slash, the image's name is added.
        file_format: From Name goes by the ending, and takes PNG where there is none.
        quality: Of formats that lose quality: JPEG and WebP.

    Returns:
        The file that was written.
    """
    path, identifier = destination(image, filepath, file_format)
    progress(0.1, f"Saving {path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    image.file_format = identifier
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving-") as folder:
        beside = Path(folder) / path.name
        save_copy(image, beside, round(quality))
        beside.replace(path)
    log(f"Saved {path}")
    return path


def save_copy(image: bpy.types.Image, path: Path, quality: int) -> None:
    """Write the image without making `path` its own file; Blender before 4.5 never does that, and has no option."""
    options = {"save_copy": True} if "save_copy" in image.bl_rna.functions["save"].parameters else {}
    image.save(filepath=str(path), quality=quality, **options)


def destination(image: bpy.types.Image, filepath: Path, format_name: str) -> tuple[Path, str]:
    """The file to write, with an ending, and what Blender calls its format."""
    path = Path(bpy.path.abspath(str(filepath)))
    if str(filepath).endswith(("/", os.sep)) or path.is_dir():
        path /= bpy.path.clean_name(image.name)
    if format_name == "From Name":
        if path.suffix.lower() not in ENDINGS and path.suffix:
            known = ", ".join(ENDINGS)
            raise ValueError(f"No format is known for {path.suffix}; choose one, or a name that ends in {known}")
        format_name = ENDINGS.get(path.suffix.lower(), "PNG")
    identifier, ending = FORMATS[format_name]
    if ENDINGS.get(path.suffix.lower()) != format_name:
        path = path.with_name(path.name + ending)
    return path, identifier
