# SPDX-License-Identifier: GPL-3.0-or-later
"""Change what an image holds: channels, depth, colours or data, and normal maps from one convention to the other."""

from typing import Literal

import bpy
import numpy as np
from mathutils import Color

from background_nodes.script import new_image, progress, read_pixels


def main(
    image: bpy.types.Image,
    channels: Literal["Keep", "RGB", "RGBA", "Grey"] = "Keep",
    depth: Literal["Keep", "8 Bits", "32 Bits"] = "Keep",
    color_space: Literal["Keep", "Colors", "Non-Color"] = "Keep",
    flip_green: bool = False,
    invert: bool = False,
    background: Color = (0.0, 0.0, 0.0),
    suffix: str = "",
) -> bpy.types.Image:
    """Convert `image`.

    Args:
        image: The image to convert.
        channels: RGB leaves the alpha out, RGBA gives it one, Grey makes all colours as bright as they look.
        depth: Bits of each channel; with 32 they are floats.
        color_space: Whether its numbers are colours or data. The numbers stay as they are.
        flip_green: Turn a normal map of OpenGL into one of DirectX, or back.
        invert: Make black white, as from glossiness to roughness. Alpha stays.
        background: Colour behind what is transparent, where the alpha is left out.
        suffix: Added to the image's name.

    Returns:
        A new image, packed.
    """
    progress(0.1, "Converting")
    pixels = read_pixels(image)
    was_data = image.colorspace_settings.is_data
    is_data = was_data if color_space == "Keep" else color_space == "Non-Color"
    is_float = image.is_float if depth == "Keep" else depth == "32 Bits"
    had_alpha = image.depth in (32, 128) or bool((pixels[..., 3] < 1.0).any())  # bits of a pixel
    if image.is_float and not was_data and image.alpha_mode != "CHANNEL_PACKED":
        pixels[..., :3] /= np.maximum(pixels[..., 3:], 1e-6)  # floats hold colours multiplied by alpha
    if is_float != image.is_float and not (was_data or is_data):  # floats are linear, 8 bits are as on the screen
        pixels[..., :3] = to_linear(pixels[..., :3]) if is_float else to_screen(pixels[..., :3])
    has_alpha = had_alpha if channels == "Keep" else channels == "RGBA"
    if had_alpha and not has_alpha:
        behind = Color(background)
        color = np.array(behind if is_float or is_data else behind.from_scene_linear_to_srgb(), np.float32)
        pixels[..., :3] = pixels[..., :3] * pixels[..., 3:] + color * (1.0 - pixels[..., 3:])
    if channels == "Grey":
        pixels[..., :3] = (pixels[..., :3] @ np.array([0.2126, 0.7152, 0.0722], np.float32))[..., None]
    if flip_green:
        pixels[..., 1] = 1.0 - pixels[..., 1]
    if invert:
        pixels[..., :3] = 1.0 - pixels[..., :3]
    if has_alpha and is_float and not is_data:
        pixels[..., :3] *= pixels[..., 3:]
    return new_image(pixels, image.name + suffix, non_color=is_data, floats=is_float, alpha=has_alpha)


def to_screen(colors: np.ndarray) -> np.ndarray:
    colors = np.clip(colors, 0.0, 1.0)
    return np.where(colors <= 0.0031308, colors * 12.92, 1.055 * colors ** (1 / 2.4) - 0.055)


def to_linear(colors: np.ndarray) -> np.ndarray:
    return np.where(colors <= 0.04045, colors / 12.92, ((np.maximum(colors, 0.0) + 0.055) / 1.055) ** 2.4)
