# SPDX-License-Identifier: GPL-3.0-or-later
"""Scale an image to another size."""

from collections.abc import Sequence
from typing import Annotated

import bpy
import numpy as np

from background_nodes.script import Pixels, Range, progress, read_pixels, scaled_pixels


def main(
    image: bpy.types.Image,
    width: Annotated[Pixels, Range(0, 65536)] = 512,
    height: Annotated[Pixels, Range(0, 65536)] = 0,
    keep_aspect: bool = True,
    only_smaller: bool = False,
) -> bpy.types.Image:
    """Scale `image`.

    Args:
        image: The image to scale.
        width: New width. 0 is as the height demands.
        height: New height. 0 is as the width demands.
        keep_aspect: Where both are given, take the largest size that fits into them and isn't distorted.
        only_smaller: Leave an image alone that would become larger: for textures that shall be 1024 pixels at most.

    Returns:
        The same image in its new size, packed; of a linked one, a copy. Of a UDIM image, each tile gets that size.
    """
    if not (image.has_data or image.size[0]):
        raise ValueError(f"{image.name} has no pixels; is its file missing?")
    if not (width or height):
        raise ValueError("Give Resize Image a width, a height or both")

    progress(0.1, "Scaling")
    if not image.is_editable:  # it is linked, so all its pixels are in a file
        image = image.copy()
    if image.source == "TILED":
        for index, tile in enumerate(image.tiles):
            image.scale(*new_size(tile.size, width, height, keep_aspect, only_smaller), tile_index=index)
    else:
        scale(image, *new_size(image.size, width, height, keep_aspect, only_smaller))
    image.pack()
    return image


def scale(image: bpy.types.Image, width: int, height: int) -> None:
    """Scale it. Blender would give edges a part of the colour of what is transparent beside them: a dark rim."""
    is_color = not (image.is_float or image.colorspace_settings.is_data or image.alpha_mode == "CHANNEL_PACKED")
    has_alpha = is_color and image.depth == 32
    pixels = scaled_pixels(read_pixels(image), width, height, by_alpha=True) if has_alpha else None
    image.scale(width, height)
    if pixels is not None and (pixels[..., 3] < 1.0).any():
        image.pixels.foreach_set(np.ascontiguousarray(pixels, np.float32).ravel())


def new_size(old: Sequence[int], width: int, height: int, keep_aspect: bool, only_smaller: bool) -> tuple[int, int]:
    old_width, old_height = old
    if width and height and not keep_aspect:
        return (min(width, old_width), min(height, old_height)) if only_smaller else (width, height)
    factors = [new / old for new, old in ((width, old_width), (height, old_height)) if new]
    factor = min(*factors, 1.0) if only_smaller else min(factors)
    return max(1, round(old_width * factor)), max(1, round(old_height * factor))
