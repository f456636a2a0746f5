# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay several images out in one, row by row, with a label below each if you like."""

import math
from typing import Annotated

import bpy
import numpy as np
from mathutils import Color

from background_nodes.script import Pixels, Range, lettering, new_image, progress, scaled_pixels, track


def main(
    images: list[bpy.types.Image],
    columns: Annotated[int, Range(0, 100)] = 0,
    cell_width: Annotated[Pixels, Range(8, 8192)] = 320,
    cell_height: Annotated[Pixels, Range(8, 8192)] = 240,
    margin: Annotated[Pixels, Range(0, 1024)] = 8,
    background: Color = (0.02, 0.02, 0.02),
    transparent: bool = False,
    name: str = "Contact Sheet",
    labels: list[str] | None = None,
    label_height: Annotated[Pixels, Range(6, 512)] = 18,
) -> bpy.types.Image:
    """Make a sheet of `images`.

    Args:
        images: What to show, from the top left on.
        columns: Images in a row. 0 makes the sheet about square.
        cell_width: Width that each image is given; it is fitted in and keeps its proportions.
        cell_height: Height that each image is given.
        margin: Space around and between the images.
        background: Colour of what is not covered.
        transparent: Leave the background out, and keep the alpha of the images: for a sprite sheet, with a margin of 0.
        name: Name of the sheet.
        labels: What stands below each image, in the order of these. None for a sheet without labels.
        label_height: How high these are. One that is too long for its cell is made narrower.

    Returns:
        The sheet, packed.
    """
    if not images:
        raise ValueError("There is nothing to show; link images to Images")
    for image in images:
        if not (image.has_data or image.size[0]):
            raise ValueError(f"{image.name} has no pixels; is its file missing?")
    if labels and len(labels) != len(images):
        raise ValueError(f"There are {len(labels)} labels for {len(images)} images; link one for each")
    row_height = cell_height + (label_height if labels else 0)
    columns = columns or math.ceil(math.sqrt(len(images) * row_height / cell_width))
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    width = margin + columns * (cell_width + margin)
    height = margin + rows * (row_height + margin)

    sheet = np.empty((height, width, 4), np.float32)
    sheet[:] = 0.0 if transparent else (*Color(background).from_scene_linear_to_srgb(), 1.0)
    for index, image in enumerate(track(images, text="Laying out")):
        row, column = divmod(index, columns)
        left = margin + column * (cell_width + margin)
        bottom = height - (row + 1) * (row_height + margin)  # Blender's images start at the bottom
        if labels:
            caption = written(labels[index], cell_width, label_height, dark=sheet[0, 0, :3].mean() > 0.5)
            paste(sheet, caption, left, bottom, cell_width, label_height)
        bottom += row_height - cell_height
        paste(sheet, fitted(image, cell_width, cell_height), left, bottom, cell_width, cell_height)

    progress(0.95, "Packing the image")
    return new_image(sheet, name, alpha=transparent)


def fitted(image: bpy.types.Image, width: int, height: int) -> np.ndarray:
    """The pixels of `image`, scaled to fit, as colours of the screen: rows, columns, RGBA."""
    factor = min(width / image.size[0], height / image.size[1])
    size = [max(1, round(length * factor)) for length in image.size]
    pixels = shown_pixels(image)
    if image.is_float and not image.colorspace_settings.is_data:  # linear, and multiplied by alpha
        pixels = scaled_pixels(pixels, *size, by_alpha=image.alpha_mode == "CHANNEL_PACKED")
        if image.alpha_mode != "CHANNEL_PACKED":
            pixels[..., :3] /= np.maximum(pixels[..., 3:], 1e-6)
        pixels[..., :3] = linear_to_srgb(pixels[..., :3])
        return pixels
    return scaled_pixels(pixels, *size, by_alpha=True)


def shown_pixels(image: bpy.types.Image) -> np.ndarray:
    """Its pixels, of a UDIM image those of the first tile: rows, columns, RGBA."""
    pixels = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(pixels)
    return pixels.reshape(image.size[1], image.size[0], 4)


def written(text: str, width: int, height: int, *, dark: bool) -> np.ndarray:
    """A label as pixels that fit into a cell."""
    covered = lettering(text, height)
    if covered.shape[1] > width:  # each column is the mean of those in its place
        edges = np.arange(width) * covered.shape[1] // width
        covered = np.add.reduceat(covered, edges, axis=1) / np.diff([*edges, covered.shape[1]])
    picture = np.full((*covered.shape, 4), 0.1 if dark else 0.9, np.float32)
    picture[..., 3] = covered
    return picture


def paste(sheet: np.ndarray, picture: np.ndarray, left: int, bottom: int, width: int, height: int) -> None:
    """Put `picture` into the middle of a cell, over what is there."""
    rows, columns = picture.shape[:2]
    left += (width - columns) // 2
    bottom += (height - rows) // 2
    cell = sheet[bottom : bottom + rows, left : left + columns]
    alpha = picture[..., 3:]
    covered = alpha + cell[..., 3:] * (1.0 - alpha)
    colors = picture[..., :3] * alpha + cell[..., :3] * cell[..., 3:] * (1.0 - alpha)
    cell[..., :3] = colors / np.maximum(covered, 1e-6)
    cell[..., 3:] = covered


def linear_to_srgb(colors: np.ndarray) -> np.ndarray:
    colors = np.clip(colors, 0.0, 1.0)
    return np.where(colors <= 0.0031308, colors * 12.92, 1.055 * colors ** (1 / 2.4) - 0.055)
