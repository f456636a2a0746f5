# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare two images: a picture of where they differ, and by how much. As a check, a difference can be an error."""

from typing import NamedTuple

import bpy
import numpy as np

from background_nodes.script import Factor, log, new_image, progress, read_pixels


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        difference: A picture, black where they are the same.
        is_same: Whether no pixel differs by more than Tolerance.
        maximum: The largest difference of a channel of a pixel: 1 is from black to white.
        mean: The mean difference of all channels of all pixels.
        share: How many of the pixels differ by more than Tolerance, from 0 to 1.
    """

    difference: bpy.types.Image
    is_same: bool
    maximum: float
    mean: float
    share: float


def main(
    first: bpy.types.Image,
    second: bpy.types.Image,
    tolerance: Factor = 0.01,
    amplify: float = 1.0,
    fail: bool = False,
    allowed: Factor = 0.0,
    name: str = "Difference",
) -> Output:
    """Compare `first` with `second`. Alpha counts, and colours by how much of them is seen.

    Args:
        first: An image.
        second: The image that it should look like, of the same size.
        tolerance: Smaller differences of a channel don't count: noise, or what compression makes.
        amplify: Make the picture brighter by this factor.
        fail: Make it an error if they differ.
        allowed: Share of the pixels that may differ before that is an error.
        name: Name of the picture.
    """
    progress(0.1, "Comparing")
    one, other = as_seen(first), as_seen(second)
    if one.shape != other.shape:
        sizes = " and ".join(f"{image.name} has {image.size[0]} x {image.size[1]} pixels" for image in (first, second))
        raise ValueError(f"{sizes}; resize one of them before")
    apart = np.abs(one - other)
    apart[~np.isfinite(apart)] = 1.0  # what is no number, or infinite, is like nothing else
    apart[one == other] = 0.0
    largest = apart.max(axis=2)
    share = float((largest > tolerance).mean())
    log(f"{share:.2%} of the pixels differ, by {float(apart.max()):.4f} at most")
    if fail and share > allowed:
        raise ValueError(
            f"{share:.2%} of the pixels of {first.name} differ from {second.name}, "
            f"by {float(apart.max()):.3f} at most; look at both, or raise Tolerance or Allowed"
        )
    shown = np.clip(
        np.concatenate([np.maximum(apart[..., :3], apart[..., 3:]), apart[..., 3:]], axis=2) * amplify, 0, 1
    )
    return Output(
        new_image(shown, name, non_color=True, alpha=False),
        share == 0.0,
        float(apart.max()),
        float(apart.mean()),
        share,
    )


def as_seen(image: bpy.types.Image) -> np.ndarray:
    """Its pixels, colours multiplied by alpha: nothing is seen of the colour of what is transparent."""
    pixels = read_pixels(image)
    if image.is_float and not image.colorspace_settings.is_data:
        if image.alpha_mode != "CHANNEL_PACKED":
            pixels[..., :3] /= np.maximum(pixels[..., 3:], 1e-6)  # floats hold colours multiplied by alpha
        pixels[..., :3] = linear_to_srgb(pixels[..., :3])
    pixels[..., :3] *= pixels[..., 3:]
    return pixels


def linear_to_srgb(colors: np.ndarray) -> np.ndarray:
    """As the screen has them; brighter than white goes on straight."""
    low = np.maximum(colors, 0.0)
    curve = np.where(low <= 0.0031308, low * 12.92, 1.055 * np.minimum(low, 1.0) ** (1 / 2.4) - 0.055)
    return np.where(low > 1.0, low, curve)
