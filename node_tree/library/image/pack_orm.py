# SPDX-License-Identifier: GPL-3.0-or-later
"""Put occlusion, roughness and metallic into red, green and blue of one image, as glTF and engines read them."""

import bpy
import numpy as np

from background_nodes.script import Factor, new_image, progress, read_pixels


def main(
    occlusion: bpy.types.Image | None = None,
    roughness: bpy.types.Image | None = None,
    metallic: bpy.types.Image | None = None,
    roughness_value: Factor = 0.5,
    metallic_value: Factor = 0.0,
    name: str = "ORM",
) -> bpy.types.Image:
    """Pack the three.

    Args:
        occlusion: The ambient occlusion. Without it all is lit.
        roughness: The roughness, a grey image.
        metallic: The metallic map, a grey image.
        roughness_value: The roughness where no image is linked.
        metallic_value: The metallic where no image is linked.
        name: Name of the image.

    Returns:
        The image, packed, as data.
    """
    images = (occlusion, roughness, metallic)
    linked = [image for image in images if image]
    if not linked:
        raise ValueError("There is nothing to pack; link an image to Occlusion, Roughness or Metallic")
    progress(0.1, "Packing")
    read = {image: read_pixels(image) for image in linked}
    shapes = {image.name: pixels.shape for image, pixels in read.items()}
    if len(set(shapes.values())) > 1:
        told = ", ".join(f"{name} {width} x {height}" for name, (height, width, _) in shapes.items())
        raise ValueError(f"The images are of several sizes ({told}); bake or resize them to one")
    colored = [image for image in linked if not image.colorspace_settings.is_data]
    if colored:
        raise ValueError(f"{colored[0].name} holds colours, no data; set its colour space to Non-Color")
    result = np.ones_like(read[linked[0]])
    for index, (image, value) in enumerate(zip(images, (1.0, roughness_value, metallic_value), strict=True)):
        result[..., index] = read[image][..., 0] if image else value
    return new_image(result, name, non_color=True, floats=any(image.is_float for image in linked), alpha=False)
