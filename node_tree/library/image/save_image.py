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
    log,
    new_image,
    own_file,
    progress,
    read_pixels,
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
#: How many bits a channel has in a file: what is usual for 8 bits and for floats, and what else there may be.
DEPTHS = {"PNG": (8, 16), "TIFF": (8, 16), "OPEN_EXR": (16, 32)}
ENDINGS = {".jpeg": "JPEG", ".tiff": "TIFF", **{ending: name for name, (_, ending) in FORMATS.items()}}


def main(
    image: bpy.types.Image,
    filepath: OutputPath,
    file_format: Literal["From Name", "PNG", "JPEG", "OpenEXR", "TIFF", "Targa", "WebP"] = "From Name",
    quality: Annotated[Percentage, Range(1.0, 100.0)] = 90.0,
    depth: Literal["From Image", "8 Bits", "16 Bits", "32 Bits"] = "From Image",
) -> Path:
    """Save `image`.

    Args:
        image: The image to save.
        filepath: Where to. Folders that don't exist are made; where it ends in a slash, the image's name is added.
            The tiles of a UDIM image get their numbers in place of <UDIM>, or before the ending.
        file_format: From Name goes by the ending, and takes PNG where there is none.
        quality: Of formats that lose quality: JPEG and WebP.
        depth: Bits of each channel. PNG and TIFF have 8 or 16, OpenEXR 16 or 32, others 8. From Image has of these as
            many as the image needs.

    Returns:
        The file that was written; for tiles, their name with <UDIM> in place of the number.
    """
    if not (image.has_data or image.size[0]):
        raise ValueError(f"{image.name} has no pixels; is its file missing?")
    path = own_file(
        lambda item: destination(item["image"], str(item["filepath"]), item["file_format"]),
        image=image.name,
        filepath=filepath,
        file_format=file_format,
    )
    progress(0.1, f"Saving {path.name}")
    file_format = FORMATS[ENDINGS[path.suffix.lower()]][0]
    if image.is_float and image.source == "GENERATED" and not image.packed_file:
        image.pack()  # else Blender writes its colours to an EXR file as a screen shows them
    bits = bits_in_file(image, file_format, depth, path.suffix)
    image = fitted(image, file_format, bits)
    image.file_format = file_format
    if image.source == "TILED":
        path = save_tiles(image, path, round(quality))
    else:
        with written_whole(path) as beside:
            if file_format == "OPEN_EXR" and bits == 16 and image.is_float:
                save_half_floats(image, beside)
            else:
                save_copy(image, beside, round(quality))
    log(f"Saved {path}")
    return path


def bits_in_file(image: bpy.types.Image, file_format: str, depth: str, ending: str) -> int:
    """How many bits a channel gets. Raises ValueError if the format has not so many."""
    few, many = DEPTHS.get(file_format, (8, 8))
    if depth == "From Image":
        needs_floats = image.is_float or (file_format == "OPEN_EXR" and image.colorspace_settings.is_data)
        return many if needs_floats else few
    bits = int(depth.split()[0])
    if bits not in (few, many):
        told = f"{few} or {many}" if few != many else f"{few}"
        raise ValueError(f"A file that ends in {ending} has {told} bits, not {bits}; choose another depth or format")
    return bits


def fitted(image: bpy.types.Image, file_format: str, bits: int) -> bpy.types.Image:
    """An image whose numbers Blender writes as they are to be: the same, or a copy.

    Blender writes an image as deep as it is, and takes 8 bits for a colour as it writes an EXR file, whatever they are,
    which it reads as if they were those of the screen still (5.2). To other files it writes packed colours of floats
    without making them those of the screen, and floats divided by alpha.
    """
    is_data, in_floats = image.colorspace_settings.is_data, file_format == "OPEN_EXR"
    is_right = image.is_float == (in_floats or bits > 8)
    if is_right and (in_floats or not image.is_float or (is_data and image.depth < 128)):
        return image
    if image.source == "TILED":
        what = "data" if is_data else "colours"
        held = f"{what} in {'floats' if image.is_float else '8 bits'}"
        mend = "OpenEXR" if image.is_float else "PNG or TIFF with 8 bits"
        raise ValueError(f"{image.name} holds {held} and has tiles; save it as {mend}")
    pixels, has_alpha = read_pixels(image), image.depth in (32, 128)
    if image.is_float and not is_data:
        if image.alpha_mode != "CHANNEL_PACKED":  # floats hold colours multiplied by alpha
            pixels[..., :3] /= np.maximum(pixels[..., 3:], 1e-6)
        pixels[..., :3] = to_screen(pixels[..., :3])
    elif in_floats and not is_data:
        pixels[..., :3] = to_linear(pixels[..., :3]) * pixels[..., 3:]
    if bits == 16 and not in_floats:
        pixels[..., :3] *= pixels[..., 3:]
    # The numbers are those of the file already: colours in 16 bits count as data.
    counts_as_data = is_data or (bits == 16 and not in_floats)
    return new_image(pixels, image.name, non_color=counts_as_data, floats=bits > 8, alpha=has_alpha)


def to_screen(colors: np.ndarray) -> np.ndarray:
    colors = np.clip(colors, 0.0, 1.0)
    return np.where(colors <= 0.0031308, colors * 12.92, 1.055 * colors ** (1 / 2.4) - 0.055)


def to_linear(colors: np.ndarray) -> np.ndarray:
    return np.where(colors <= 0.04045, colors / 12.92, ((np.maximum(colors, 0.0) + 0.055) / 1.055) ** 2.4)


def save_half_floats(image: bpy.types.Image, path: Path) -> None:
    settings = bpy.context.scene.render.image_settings
    settings.file_format, settings.color_depth = "OPEN_EXR", "16"
    settings.color_mode = "RGBA" if image.depth == 128 else "RGB"
    image.save_render(str(path))


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
