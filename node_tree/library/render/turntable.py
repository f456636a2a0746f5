# SPDX-License-Identifier: GPL-3.0-or-later
"""Render a picture of objects on a turntable, at an angle. With the list of *Turntable Angles* it renders each frame.

The objects are as large in each picture, however they turn. The camera and the lights of the studio go around them.
"""

import math
from typing import Annotated, Literal

import bpy

from background_nodes.script import (
    Angle,
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


def main(
    objects: list[bpy.types.Object],
    angle: Angle = 0.0,
    elevation: Annotated[Angle, Range(-1.5, 1.5)] = 0.38,
    engine: Literal["Cycles", "Workbench"] = "Cycles",
    width: Annotated[Pixels, Range(4, 16384)] = 512,
    height: Annotated[Pixels, Range(4, 16384)] = 512,
    samples: Annotated[int, Range(1, 65536)] = 32,
    denoise: bool = True,
    transparent: bool = False,
    name: str = "Turntable",
    world: bpy.types.World | None = None,
    settings: bpy.types.Scene | None = None,
) -> bpy.types.Image:
    """Render `objects`.

    Args:
        objects: What is on the turntable.
        angle: How far it has turned. Link the list of Turntable Angles for a picture at each.
        elevation: How steeply the camera looks down.
        engine: Cycles for a real render, Workbench for a quick picture of the shapes.
        width: Width of the picture.
        height: Height of the picture.
        samples: Cycles only: light paths in each pixel. More are less noisy.
        denoise: Cycles only: remove the noise that is left.
        transparent: Leave the background out.
        name: Name of the image; the angle in degrees is added.
        world: The world around the objects, in place of the studio. It stays where it is.
        settings: A scene. What no other input sets is as in this scene. Without one it is as in a new scene.

    Returns:
        The picture, packed.
    """
    if not objects:
        raise ValueError("There is nothing to render; link objects to Objects")
    progress(0.0, "Preparing")
    scene = stage(objects, world, settings)
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.render.film_transparent = transparent
    frame_camera(scene, (0.0, -math.cos(elevation), math.sin(elevation)), turns=True, angle=-angle)
    light_studio(scene, angle=-angle)
    if engine == "Cycles":
        use_cycles(scene, samples, denoise=denoise)
    else:
        use_workbench(scene)
    return render_image(scene, f"{name} {math.degrees(angle):05.1f}")
