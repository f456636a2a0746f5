# SPDX-License-Identifier: GPL-3.0-or-later
"""The pixels of images as arrays, and images of arrays."""

from __future__ import annotations

import bpy
import numpy as np


def read_pixels(image: bpy.types.Image) -> np.ndarray:
    """The pixels of an image: rows from the bottom up, columns, RGBA, as floats of 32 bits.

    They are as the image holds them: in the colours of the screen where it has 8 bits a channel, linear and multiplied
    by alpha where it has floats, and data as it is.

    Raises:
        ValueError: if it has none, or several tiles.
    """
    if not (image.has_data or image.size[0]):
        raise ValueError(f"{image.name} has no pixels; is its file missing?")
    if image.source == "TILED" and len(image.tiles) > 1:
        raise ValueError(f"{image.name} has {len(image.tiles)} UDIM tiles; link an image without tiles")
    pixels = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(pixels)
    return pixels.reshape(image.size[1], image.size[0], 4)


def scaled_pixels(pixels: np.ndarray, width: int, height: int, *, by_alpha: bool) -> np.ndarray:
    """Pixels in another size, by Blender's filter for images.

    Args:
        pixels: rows, columns, RGBA.
        width: of the result.
        height: of the result.
        by_alpha: colours count by how much of them is seen, so that what is transparent has no part in the colour of an
            edge. For colours that are not multiplied by alpha. What is transparent whole keeps its colour.

    Returns:
        rows, columns, RGBA.
    """
    if pixels.shape[:2] == (height, width):
        return pixels
    plain = _filtered(pixels, width, height)
    alpha = pixels[..., 3:]
    if not by_alpha or (alpha >= 1.0).all():
        return plain
    seen = _filtered(np.concatenate([pixels[..., :3] * alpha, alpha], axis=2), width, height)
    is_seen = seen[..., 3:] > 1e-3
    colors = np.where(is_seen, seen[..., :3] / np.maximum(seen[..., 3:], 1e-3), plain[..., :3])
    return np.concatenate([colors, plain[..., 3:]], axis=2)


def _filtered(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Each channel by itself."""
    copy = bpy.data.images.new("Scaled", *pixels.shape[1::-1], alpha=True, float_buffer=True, is_data=True)
    copy.alpha_mode = "CHANNEL_PACKED"  # else what is transparent would lose its colour
    copy.pixels.foreach_set(np.ascontiguousarray(pixels, np.float32).ravel())
    copy.scale(width, height)
    result = read_pixels(copy)
    bpy.data.images.remove(copy)
    return result


def as_shown(image: bpy.types.Image, *, replaces: bool) -> bpy.types.Image:
    """The image, or if it holds colours as floats, a new one with 8 bits a channel that looks the same, packed.

    Blender writes packed floats to PNG files as they are, linear and multiplied by alpha, which is far too dark there.
    An image of several tiles is left as it is.

    Args:
        image: an image.
        replaces: all that uses the image uses the new one, under the same name.
    """
    if not image.is_float or image.colorspace_settings.is_data or image.source == "TILED":
        return image
    pixels = read_pixels(image)
    if image.alpha_mode != "CHANNEL_PACKED":
        pixels[..., :3] /= np.maximum(pixels[..., 3:], 1e-6)
    colors = np.clip(pixels[..., :3], 0.0, 1.0)
    pixels[..., :3] = np.where(colors <= 0.0031308, colors * 12.92, 1.055 * colors ** (1 / 2.4) - 0.055)
    name = image.name
    if replaces and not image.library:
        image.name = f"{name} in Floats"
    shown = new_image(pixels, name, non_color=False, floats=False, alpha=image.depth == 128)
    if replaces:
        image.user_remap(shown)
    return shown


def new_image(pixels: np.ndarray, name: str, *, non_color: bool, floats: bool, alpha: bool) -> bpy.types.Image:
    """A new image with these pixels, packed.

    Args:
        pixels: rows from the bottom up, columns, RGBA, as the image shall hold them: see `read_pixels`.
        name: its name.
        non_color: they are data, no colours.
        floats: keep floats of 32 bits rather than 8 bits a channel.
        alpha: the fourth channel counts. Without it, it is 1.
    """
    height, width = pixels.shape[:2]
    image = bpy.data.images.new(name, width, height, alpha=alpha, float_buffer=floats, is_data=non_color)
    if alpha:
        image.alpha_mode = "CHANNEL_PACKED" if non_color else "PREMUL" if floats else "STRAIGHT"
    else:
        pixels = np.concatenate([pixels[..., :3], np.ones_like(pixels[..., 3:])], axis=2)
    image.pixels.foreach_set(np.ascontiguousarray(pixels, np.float32).ravel())
    image.pack()
    return image
