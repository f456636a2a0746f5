# SPDX-License-Identifier: GPL-3.0-or-later
"""Render a picture of some objects.

Without a camera one is placed so that all objects fill the picture; without lights and world there is a small studio.
"""

from typing import Annotated, Literal

import bpy

from background_nodes.script import (
    Pixels,
    Range,
    frame_camera,
    light_studio,
    progress,
    render_image,
    stage,
    use_cycles,
    use_workbench,
)

#: From where the camera looks, seen from the objects.
FRONT_RIGHT = (0.9, -1.2, 0.6)


def main(
    objects: list[bpy.types.Object],
    camera: bpy.types.Object | None = None,
    world: bpy.types.World | None = None,
    engine: Literal["Cycles", "Workbench"] = "Cycles",
    width: Annotated[Pixels, Range(4, 16384)] = 640,
    height: Annotated[Pixels, Range(4, 16384)] = 480,
    samples: Annotated[int, Range(1, 65536)] = 32,
    denoise: bool = True,
    transparent: bool = False,
    name: str = "Render",
    settings: bpy.types.Scene | None = None,
) -> bpy.types.Image:
    """Render `objects`.

    Args:
        objects: What to render, with their lights.
        camera: The camera to look through. Without one it is that of Settings, else the objects are looked at from the
            front right.
        world: The world around the objects. Without one it is that of Settings.
        engine: Cycles for a real render, Workbench for a quick picture of the shapes.
        width: Width of the picture.
        height: Height of the picture.
        samples: Cycles only: light paths in each pixel. More are less noisy.
        denoise: Cycles only: remove the noise that is left.
        transparent: Leave the background out.
        name: Name of the image.
        settings: A scene. What no other input sets is as in this scene: Simplify, colour management, light paths ...
            Without one it is as in a new scene.

    Returns:
        The rendered picture, packed.
    """
    if not objects:
        raise ValueError("There is nothing to render; link objects to Objects")
    if camera and camera.type != "CAMERA":
        raise ValueError(f"{camera.name} is a {camera.type.lower()}, not a camera; link a camera to Camera")

    progress(0.0, "Preparing")
    scene = stage(objects, world, settings)
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.render.film_transparent = transparent
    scene.camera = camera or scene.camera or frame_camera(scene, FRONT_RIGHT)
    light_studio(scene)
    if engine == "Cycles":
        use_cycles(scene, samples, denoise=denoise)
    else:
        use_workbench(scene)
    return render_image(scene, name)
