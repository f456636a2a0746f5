# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels, and pictures of objects alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .telling import progress

if TYPE_CHECKING:
    import bpy
    import numpy as np


def read_pixels(image: bpy.types.Image) -> np.ndarray:
    """The pixels of an image: rows from the bottom up, columns, RGBA, as floats of 32 bits.

    They are as the image holds them: in the colours of the screen where it has 8 bits a channel, linear and multiplied
    by alpha where it has floats, and data as it is.

    Raises:
        ValueError: if it has none, or several tiles.
    """
    from ..runtime.blender import image_pixels

    return image_pixels.read_pixels(image)


def scaled_pixels(pixels: np.ndarray, width: int, height: int, *, by_alpha: bool = False) -> np.ndarray:
    """Pixels in another size, by Blender's filter for images.

    Args:
        pixels: rows, columns, RGBA, as of `read_pixels`.
        width: of the result, in pixels.
        height: of the result.
        by_alpha: colours count by how much of them is seen, so that the colour of what is transparent has no part in
            that of an edge. For colours that are not multiplied by alpha: of images with 8 bits a channel. What is
            transparent whole keeps its colour.

    Returns:
        rows, columns, RGBA.
    """
    from ..runtime.blender import image_pixels

    return image_pixels.scaled_pixels(pixels, width, height, by_alpha=by_alpha)


def as_shown(image: bpy.types.Image, *, replaces: bool = False) -> bpy.types.Image:
    """The image, or if it holds colours as floats, a new one with 8 bits a channel that looks the same, packed.

    Blender writes packed floats to PNG files as they are, linear and multiplied by alpha, which is far too dark there.
    An image of several tiles is left as it is.

    Args:
        image: an image.
        replaces: all that uses the image uses the new one, under the same name.
    """
    from ..runtime.blender import image_pixels

    return image_pixels.as_shown(image, replaces=replaces)


def new_image(
    pixels: np.ndarray, name: str, *, non_color: bool = False, floats: bool = False, alpha: bool = True
) -> bpy.types.Image:
    """A new image with these pixels, packed.

    Args:
        pixels: rows from the bottom up, columns, RGBA, as the image shall hold them: see `read_pixels`.
        name: its name.
        non_color: they are data, no colours.
        floats: keep floats of 32 bits rather than 8 bits a channel.
        alpha: the fourth channel counts. Without it, it is 1.
    """
    from ..runtime.blender import image_pixels

    return image_pixels.new_image(pixels, name, non_color=non_color, floats=floats, alpha=alpha)


def lettering(text: str, height: int) -> np.ndarray:
    """A line of text in Blender's own font: how far its letters cover each pixel, rows from the bottom up, columns.

    Args:
        text: what it says.
        height: of the line, in pixels. How wide it is follows from the text; it may be 0.
    """
    from ..runtime.blender import lettering as module

    return module.lettering(text, height)


def stage(
    shown: Iterable[bpy.types.Object | bpy.types.Collection],
    world: bpy.types.World | None = None,
    settings: bpy.types.Scene | None = None,
) -> bpy.types.Scene:
    """A new scene with these objects and collections alone, shown even if they were hidden, at the artist's frame.

    What is hidden within a collection stays hidden.

    Args:
        shown: what is in it.
        world: its world, else that of `settings`.
        settings: a scene whose other settings it has: Simplify, colour management, those of renders, but for what is of
            pictures of that scene alone: a border, its compositor and its sequencer.

    Raises:
        ValueError: if there is nothing to see of them, whatever a camera looks at.
    """
    from ..runtime.blender import staging

    return staging.stage(shown, world, settings)


def frame_camera(
    scene: bpy.types.Scene, direction: Sequence[float], *, turns: bool = False, angle: float = 0.0
) -> bpy.types.Object:
    """Add a camera to a scene that sees all of its objects, and make it the scene's.

    Args:
        scene: one of `stage`, whose picture has its size already.
        direction: from where it looks, seen from the objects: (0, -1, 0) is the front.
        turns: keep as far away as is needed to see them from all sides, for pictures that go around them.
        angle: how far to go around them, in radians.
    """
    from ..runtime.blender import staging

    return staging.frame_camera(scene, direction, turns=turns, angle=angle)


def light_studio(scene: bpy.types.Scene, *, angle: float = 0.0) -> None:
    """Add three area lights, as large as what they light, and a grey world, unless the scene has lights or a world.

    Args:
        scene: one of `stage`.
        angle: how far to turn the lights around the objects, in radians.
    """
    from ..runtime.blender import staging

    staging.light_studio(scene, angle=angle)


def use_cycles(scene: bpy.types.Scene, samples: int, *, denoise: bool = True) -> None:
    """Have a scene whose picture has its size already rendered by Cycles, in tiles that show progress."""
    from ..runtime.blender import staging

    staging.use_cycles(scene, samples, denoise=denoise)


def use_workbench(scene: bpy.types.Scene) -> None:
    """Have a scene rendered by Workbench: shapes in the colours of their materials, quickly."""
    from ..runtime.blender import staging

    staging.use_workbench(scene)


def render_image(scene: bpy.types.Scene, name: str) -> bpy.types.Image:
    """Render a scene, and return the picture as a packed image. Raises RuntimeError if there is none."""
    from ..runtime.blender import staging

    return staging.render_image(scene, name, progress)
