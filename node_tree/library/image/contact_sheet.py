# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay several images out in one, row by row."""

import math
from typing import Annotated

import bpy
import numpy as np
from mathutils import Color

from background_nodes.script import Pixels, Range, progress, track


def main(
    images: list[bpy.types.Image],
    columns: Annotated[int, Range(0, 100)] = 0,
    cell_width: Annotated[Pixels, Range(8, 8192)] = 320,
    cell_height: Annotated[Pixels, Range(8, 8192)] = 240,
    margin: Annotated[Pixels, Range(0, 1024)] = 8,
    background: Color = (0.02, 0.02, 0.02),
    name: str = "Contact Sheet",
) -> bpy.types.Image:
    """Make a sheet of `images`.

    Args:
        images: What to show, from the top left on.
        columns: Images in a row. 0 makes the sheet about square.
        cell_width: Width that each image is given; it is fitted in and keeps its proportions.
        cell_height: Height that each image is given.
        margin: Space around and between the images.
        background: Colour of what is not covered.
        name: Name of the sheet.

    Returns:
        The sheet, packed.
    """
    if not images:
        raise ValueError("There is nothing to show; link images to Images")
    for image in images:
        if not (image.has_data or image.size[0]):
            raise ValueError(f"{image.name} has no pixels; is its file missing?")
    columns = columns or math.ceil(math.sqrt(len(images) * cell_height / cell_width))
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    width = margin + columns * (cell_width + margin)
    height = margin + rows * (cell_height + margin)

    sheet = np.empty((height, width, 4), np.float32)
    sheet[:] = (*Color(background).from_scene_linear_to_srgb(), 1.0)
    for index, image in enumerate(track(images, text="Laying out")):
        row, column = divmod(index, columns)
        left = margin + column * (cell_width + margin)
        bottom = height - (row + 1) * (cell_height + margin)  # Blender's images start at the bottom
        paste(sheet, fitted(image, cell_width, cell_height), left, bottom, cell_width, cell_height)

    progress(0.95, "Packing the image")
    result = bpy.data.images.new(name, width, height, alpha=False)
    result.pixels.foreach_set(sheet.ravel())
    result.pack()
    return result


def fitted(image: bpy.types.Image, width: int, height: int) -> np.ndarray:
    """The pixels of `image`, scaled to fit, as colours of the screen: rows, columns, RGBA."""
    # A copy of the data-block would lose pixels that are in no file, so the pixels are copied.
    scaled = bpy.data.images.new(image.name, *image.size, alpha=True, float_buffer=image.is_float)
    scaled.pixels.foreach_set(read_pixels(image))
    factor = min(width / image.size[0], height / image.size[1])
    scaled.scale(*(max(1, round(length * factor)) for length in image.size))
    columns, rows = scaled.size
    pixels = read_pixels(scaled).reshape(rows, columns, 4)
    bpy.data.images.remove(scaled)
    if image.is_float and not image.colorspace_settings.is_data:
        pixels[..., :3] = linear_to_srgb(pixels[..., :3])
    return pixels


def read_pixels(image: bpy.types.Image) -> np.ndarray:
    pixels = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(pixels)
    return pixels


def paste(sheet: np.ndarray, picture: np.ndarray, left: int, bottom: int, width: int, height: int) -> None:
    """Put `picture` into the middle of a cell, over what is there."""
    rows, columns = picture.shape[:2]
    left += (width - columns) // 2
    bottom += (height - rows) // 2
    cell = sheet[bottom : bottom + rows, left : left + columns]
    alpha = picture[..., 3:]
    cell[..., :3] = picture[..., :3] * alpha + cell[..., :3] * (1.0 - alpha)


def linear_to_srgb(colors: np.ndarray) -> np.ndarray:
    colors = np.clip(colors, 0.0, 1.0)
    return np.where(colors <= 0.0031308, colors * 12.92, 1.055 * colors ** (1 / 2.4) - 0.055)
