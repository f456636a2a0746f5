# SPDX-License-Identifier: GPL-3.0-or-later
"""Put channels of several images into one: occlusion, roughness and metallic for a game engine, a mask into alpha."""

from typing import Annotated, Literal

import bpy
import numpy as np

from background_nodes.script import Factor, Pixels, Range, new_image, progress, read_pixels, scaled_pixels

CHANNELS = ("Red", "Green", "Blue", "Alpha")


def main(
    red: bpy.types.Image | None = None,
    green: bpy.types.Image | None = None,
    blue: bpy.types.Image | None = None,
    alpha: bpy.types.Image | None = None,
    red_from: Literal["Red", "Green", "Blue", "Alpha", "Brightness"] = "Red",
    green_from: Literal["Red", "Green", "Blue", "Alpha", "Brightness"] = "Green",
    blue_from: Literal["Red", "Green", "Blue", "Alpha", "Brightness"] = "Blue",
    alpha_from: Literal["Red", "Green", "Blue", "Alpha", "Brightness"] = "Alpha",
    red_value: Factor = 0.0,
    green_value: Factor = 0.0,
    blue_value: Factor = 0.0,
    alpha_value: Factor = 1.0,
    size: Annotated[Pixels, Range(0, 16384)] = 0,
    non_color: bool = True,
    name: str = "Packed",
) -> bpy.types.Image:
    """Pack channels.

    Args:
        red: The image that gives the red channel.
        green: The image that gives the green channel.
        blue: The image that gives the blue channel.
        alpha: The image that gives the alpha channel.
        red_from: Which of its channels becomes red.
        green_from: Which channel becomes green.
        blue_from: Which channel becomes blue.
        alpha_from: Which channel becomes alpha.
        red_value: What red is where no image is linked.
        green_value: What green is where no image is linked.
        blue_value: What blue is where no image is linked.
        alpha_value: What alpha is where no image is linked.
        size: Width and height of the result: images of other sizes are scaled. 0 is the size of the images, which must
            be of one.
        non_color: The result holds data, no colours.
        name: Name of the image.

    Returns:
        The image, packed. It has floats if one of the images has.
    """
    images = (red, green, blue, alpha)
    sources = (red_from, green_from, blue_from, alpha_from)
    values = (red_value, green_value, blue_value, alpha_value)
    linked = [image for image in images if image]
    if not linked:
        raise ValueError("There is nothing to pack; link an image to Red, Green, Blue or Alpha")
    progress(0.1, "Packing")
    read = {image: scaled(image, size) for image in linked}
    shapes = {image.name: pixels.shape for image, pixels in read.items()}
    if len(set(shapes.values())) > 1:
        told = ", ".join(f"{name} {width} x {height}" for name, (height, width, _) in shapes.items())
        raise ValueError(f"The images are of several sizes ({told}); set Size")
    result = np.empty_like(read[linked[0]])
    for index, (image, source, value) in enumerate(zip(images, sources, values, strict=True)):
        result[..., index] = channel(read[image], source) if image else value
    has_alpha = alpha is not None or alpha_value < 1.0
    floats = any(image.is_float for image in linked)
    if floats and not non_color:
        result[..., :3] *= result[..., 3:]  # as floats hold colours
    return new_image(result, name, non_color=non_color, floats=floats, alpha=has_alpha)


def channel(pixels: np.ndarray, source: str) -> np.ndarray:
    if source == "Brightness":
        return pixels[..., :3] @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    return pixels[..., CHANNELS.index(source)]


def scaled(image: bpy.types.Image, size: int) -> np.ndarray:
    """The pixels of an image in a size; 0 leaves it as it is."""
    pixels = read_pixels(image)
    return scaled_pixels(pixels, size, size) if size else pixels
