# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the pictures that were baked of several objects into one: where an object lies in the atlas, its own picture.

The objects have a UV map of *Pack Atlas*. Each is baked to it by a task of its own, so they are baked in parallel, and
one that changed is baked alone.
"""

from typing import Annotated

import bpy
import numpy as np

from background_nodes.script import Pixels, Range, new_image, read_pixels, track, uv_coverage

#: How much of an object may lie on another one: what rounding leaves at its borders.
SLACK = 0.005


def main(
    objects: list[bpy.types.Object],
    images: list[bpy.types.Image],
    uv_map: str = "Atlas",
    margin: Annotated[Pixels, Range(0, 256)] = 8,
    name: str = "Atlas",
) -> bpy.types.Image:
    """Combine `images`.

    Args:
        objects: The objects, as they were baked.
        images: What was baked to each, in the same order and of one size.
        uv_map: The UV map that they were baked to, empty for that which renders use.
        margin: How far each picture counts beyond the islands of its object. Where several would, the nearer does.
        name: Name of the image.

    Returns:
        The image, packed.
    """
    check(objects, images)
    sizes = {image.name: tuple(image.size) for image in images}
    width, height = images[0].size
    if width != height or len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} {size[0]} x {size[1]}" for name, size in sizes.items())
        raise ValueError(f"The images are not squares of one size ({told}); bake them with one resolution")
    owner = np.full((height, width), -1, np.int16 if len(objects) < 30000 else np.int32)
    for index, item in enumerate(track(objects, text="Looking for islands")):
        take_pixels(owner, index, item, objects, uv_map)
    grow(owner, margin)
    result = read_pixels(images[0])  # with what is between islands
    for index, image in enumerate(track(images, text="Combining")):
        is_here = owner == index
        result[is_here] = read_pixels(image)[is_here]
    is_data = images[0].colorspace_settings.is_data
    return new_image(result, name, non_color=is_data, floats=images[0].is_float, alpha=False)


def check(objects: list[bpy.types.Object], images: list[bpy.types.Image]) -> None:
    if not images or len(objects) != len(images):
        linked = f"{len(objects)} objects and {len(images)} images are linked"
        raise ValueError(f"{linked}; link the list of what was baked of each object")
    kinds = {(image.colorspace_settings.is_data, image.is_float) for image in images}
    if len(kinds) > 1:
        raise ValueError("Some of the images hold colours and some data, or some floats; bake all of them alike")


def take_pixels(
    owner: np.ndarray, index: int, item: bpy.types.Object, objects: list[bpy.types.Object], uv_map: str
) -> None:
    """Note which pixels an object lies on. Raises ValueError if these are those of another one."""
    layers = getattr(item.data, "uv_layers", None)
    if not layers or (uv_map and uv_map not in layers):
        raise ValueError(f"{item.name} has no UV map {uv_map}; link the objects that Pack Atlas gave")
    layer = layers[uv_map] if uv_map else next((each for each in layers if each.active_render), layers[0])
    covered = uv_coverage(item.data, layer, owner.shape[0]) > 0
    others = owner[covered & (owner >= 0)]
    if len(others) > SLACK * max(1, covered.sum()):
        both = f"{item.name} and {objects[others[0]].name}"
        mend = "link the objects that Pack Atlas gave, and write the name of its UV map"
        raise ValueError(f"{both} lie on each other in their UV map {layer.name}; {mend}")
    if not covered.any():
        raise ValueError(f"{item.name} covers no pixel of the atlas; unwrap it, or bake a larger one")
    owner[covered & (owner < 0)] = index


def grow(owner: np.ndarray, margin: int) -> None:
    """Let each object have the pixels around its own, as far as the margin goes."""
    for step in range(max(1, margin)):  # one at least: what lies on the border of an island is half its own
        sides = [(0, 1), (0, -1), (1, 0), (-1, 0)]
        corners = [(1, 1), (1, -1), (-1, 1), (-1, -1)] if step % 2 else []  # every other time: that is nearly round
        before = np.pad(owner, 1, constant_values=-1)
        for up, right in sides + corners:
            beside = before[1 + up : 1 + up + owner.shape[0], 1 + right : 1 + right + owner.shape[1]]
            np.copyto(owner, beside, where=(owner < 0) & (beside >= 0))
