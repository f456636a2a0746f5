# SPDX-License-Identifier: GPL-3.0-or-later
"""Render a thumbnail of an object, a collection or a material. A list makes a picture of each, in parallel.

Each is alone in its picture, in a small studio, seen as large as it fits; a material is shown on a ball.
"""

from typing import Annotated, Literal

import bmesh
import bpy

from background_nodes.script import (
    Pixels,
    Range,
    frame_camera,
    light_studio,
    log,
    progress,
    read_pixels,
    render_image,
    stage,
    use_cycles,
    use_workbench,
)

#: From where the camera looks, seen from the object.
VIEWS = {
    "Front Right": (0.9, -1.2, 0.6),
    "Front Left": (-0.9, -1.2, 0.6),
    "Front": (0.0, -1.0, 0.0),
    "Right": (1.0, 0.0, 0.0),
    "Back": (0.0, 1.0, 0.0),
    "Left": (-1.0, 0.0, 0.0),
    "Top": (0.0, 0.0, 1.0),
}


def main(
    source: bpy.types.ID,
    view: Literal["Front Right", "Front Left", "Front", "Right", "Back", "Left", "Top"] = "Front Right",
    engine: Literal["Cycles", "Workbench"] = "Cycles",
    width: Annotated[Pixels, Range(4, 16384)] = 256,
    height: Annotated[Pixels, Range(4, 16384)] = 256,
    samples: Annotated[int, Range(1, 65536)] = 32,
    denoise: bool = True,
    transparent: bool = True,
    world: bpy.types.World | None = None,
    settings: bpy.types.Scene | None = None,
) -> bpy.types.Image:
    """Render `source`.

    Args:
        source: An object, a collection or a material.
        view: From where it is looked at.
        engine: Cycles for a real render, Workbench for a quick picture of the shapes.
        width: Width of the picture.
        height: Height of the picture.
        samples: Cycles only: light paths in each pixel. More are less noisy.
        denoise: Cycles only: remove the noise that is left.
        transparent: Leave the background out.
        world: The world around it, in place of the studio.
        settings: A scene. What no other input sets is as in this scene: colour management, Simplify, light paths ...
            Without one it is as in a new scene.

    Returns:
        The picture, packed. It has the name of what is in it.
    """
    progress(0.0, "Preparing")
    scene = stage([shown(source)], world, settings)
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.render.film_transparent = transparent
    frame_camera(scene, VIEWS[view])
    light_studio(scene)
    if engine == "Cycles":
        use_cycles(scene, samples, denoise=denoise)
    else:
        use_workbench(scene)
    image = render_image(scene, source.name)
    if transparent and not read_pixels(image)[..., 3].any():
        tell_empty(source, view)
    return image


def tell_empty(source: bpy.types.ID, view: str) -> None:
    """Raise ValueError for what is flat and seen from its edge. A material may well be clear, and a volume thin."""
    message = f"Nothing of {source.name} is seen from the {view}; choose another View"
    if isinstance(source, bpy.types.Material) or getattr(source, "type", "") == "VOLUME":
        log(message)
        return
    raise ValueError(message)


def shown(source: bpy.types.ID) -> bpy.types.Object | bpy.types.Collection:
    """What goes into the scene."""
    if isinstance(source, bpy.types.Object | bpy.types.Collection):
        return source
    kind = "Grease Pencil material" if getattr(source, "is_grease_pencil", False) else type(source).__name__
    if kind != "Material":
        raise ValueError(f"{source.name} ({kind}) can't be seen alone; link objects, collections or materials")
    mesh = bpy.data.meshes.new(source.name)
    mesh.uv_layers.new(name="UVMap")
    shape = bmesh.new()
    shape.from_mesh(mesh)
    bmesh.ops.create_uvsphere(shape, u_segments=64, v_segments=32, radius=1.0, calc_uvs=True)
    for face in shape.faces:
        face.smooth = True
    shape.to_mesh(mesh)
    shape.free()
    mesh.materials.append(source)
    return bpy.data.objects.new(source.name, mesh)
