# SPDX-License-Identifier: GPL-3.0-or-later
"""The pixels of images as arrays, and images of arrays."""

from __future__ import annotations

import bpy
import numpy as np


def read_pixels(image: bpy.types.Image) -> np.ndarray:
    """As `script.read_pixels`."""
    if not (image.has_data or image.size[0]):
        raise ValueError(f"{image.name} has no pixels; is its file missing?")
    if image.source == "TILED" and len(image.tiles) > 1:
        raise ValueError(f"{image.name} has {len(image.tiles)} UDIM tiles; link an image without tiles")
    pixels = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(pixels)
    return pixels.reshape(image.size[1], image.size[0], 4)


def scaled_pixels(pixels: np.ndarray, width: int, height: int, *, by_alpha: bool) -> np.ndarray:
    """As `script.scaled_pixels`."""
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


def to_screen(light: np.ndarray) -> np.ndarray:
    """Linear values as a screen shows them, from 0 to 1 (the sRGB standard, IEC 61966-2-1)."""
    light = np.clip(light, 0.0, 1.0)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def as_shown(image: bpy.types.Image, *, replaces: bool) -> bpy.types.Image:
    """As `script.as_shown`."""
    if not image.is_float or image.colorspace_settings.is_data or image.source == "TILED":
        return image
    pixels = read_pixels(image)
    if image.alpha_mode != "CHANNEL_PACKED":
        pixels[..., :3] /= np.maximum(pixels[..., 3:], 1e-6)
    pixels[..., :3] = to_screen(pixels[..., :3])
    name = image.name
    if replaces and not image.library:
        image.name = f"{name} in Floats"
    shown = new_image(pixels, name, non_color=False, floats=False, alpha=image.depth == 128)
    if replaces:
        image.user_remap(shown)
    return shown


def new_image(pixels: np.ndarray, name: str, *, non_color: bool, floats: bool, alpha: bool) -> bpy.types.Image:
    """As `script.new_image`."""
    height, width = pixels.shape[:2]
    image = bpy.data.images.new(name, width, height, alpha=alpha, float_buffer=floats, is_data=non_color)
    if alpha:
        image.alpha_mode = "CHANNEL_PACKED" if non_color else "PREMUL" if floats else "STRAIGHT"
    else:
        pixels = np.concatenate([pixels[..., :3], np.ones_like(pixels[..., 3:])], axis=2)
    image.pixels.foreach_set(np.ascontiguousarray(pixels, np.float32).ravel())
    image.pack()
    return image
