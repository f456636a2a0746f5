# SPDX-License-Identifier: GPL-3.0-or-later
"""Render a picture of some objects.

Without a camera one is placed so that all objects fill the picture; without lights and world there is a small studio.
"""

import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import bpy
import numpy as np
from mathutils import Vector

from background_nodes.script import Pixels, Range, progress

#: Where the camera and the lights of the studio stand, seen from the objects, and how bright each light is.
CAMERA = Vector((0.9, -1.2, 0.6))
KEY, FILL, RIM = (Vector((1.5, -1.5, 1.5)), 1.0), (Vector((-2.0, -1.0, 0.5)), 0.25), (Vector((-0.5, 2.0, 1.5)), 0.8)

#: Cycles sends progress every 30 seconds in background mode, and after each tile: about so many make a bar move.
NUM_TILES = 16


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
    check_visible(scene, objects)
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.render.film_transparent = transparent
    scene.camera = camera or scene.camera or framing_camera(scene)
    if not (scene.world or any(item.type == "LIGHT" for item in objects)):
        add_studio(scene)
    if engine == "Cycles":
        set_up_cycles(scene, samples, denoise)
    else:
        set_up_workbench(scene)
    return render(scene, name)


def stage(
    objects: list[bpy.types.Object], world: bpy.types.World | None, settings: bpy.types.Scene | None
) -> bpy.types.Scene:
    """A scene with these objects alone. What was hidden is shown: it was linked to be seen."""
    scene = emptied_copy(settings) if settings else bpy.data.scenes.new("Render")
    scene.frame_set(bpy.context.scene.frame_current)
    scene.world = world or scene.world
    for item in dict.fromkeys(objects):
        item.hide_render = item.hide_viewport = False
        scene.collection.objects.link(item)
    return scene


def emptied_copy(settings: bpy.types.Scene) -> bpy.types.Scene:
    scene = settings.copy()
    for item in list(scene.collection.objects):
        scene.collection.objects.unlink(item)
    for collection in list(scene.collection.children):
        scene.collection.children.unlink(collection)
    render = scene.render
    render.use_border = render.use_compositing = render.use_sequencer = False  # they are of pictures of that scene
    return scene


def check_visible(scene: bpy.types.Scene, objects: list[bpy.types.Object]) -> None:
    """Raise ValueError if there is nothing to see, whatever the camera looks at."""
    depsgraph = evaluated_scene(scene)
    if any(instance.show_self and is_seen(instance.object.data) for instance in depsgraph.object_instances):
        return
    names = ", ".join(item.name for item in objects)
    raise ValueError(f"There is nothing to see of {names}; link objects that have a surface")


def is_seen(data: bpy.types.ID | None) -> bool:
    """Whether there is something of it in a picture. Curves, texts and metaballs are meshes to a renderer."""
    if isinstance(data, bpy.types.Mesh):
        return bool(data.polygons)
    if isinstance(data, bpy.types.Volume):
        return data.grids.load() and bool(data.grids)
    if isinstance(data, bpy.types.Curves | bpy.types.PointCloud):
        return bool(data.points)
    # Grease Pencils, whose class has had several names. A frame has strokes or, since 4.3, a drawing of them.
    frames = [frame for layer in getattr(data, "layers", ()) for frame in layer.frames]
    return any(getattr(frame, "drawing", frame).strokes for frame in frames)


def framing_camera(scene: bpy.types.Scene) -> bpy.types.Object:
    """A camera that sees all objects from the front right."""
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.rotation_euler = CAMERA.to_track_quat("Z", "Y").to_euler()
    scene.collection.objects.link(camera)
    points = world_points(scene)
    centre, radius = bounding_sphere(points)
    # With some air, and seen from the centre: Blender's numbers are too coarse far from the world's origin.
    around = (points - np.array(centre)) * 1.1
    offset, _ = camera.camera_fit_coords(evaluated_scene(scene), around.ravel().tolist())
    camera.location = centre + offset
    camera.data.clip_start, camera.data.clip_end = radius * 0.01, radius * 100.0
    return camera


def evaluated_scene(scene: bpy.types.Scene) -> bpy.types.Depsgraph:
    scene.view_layers[0].update()
    return scene.view_layers[0].depsgraph


def world_points(scene: bpy.types.Scene) -> np.ndarray:
    """Points of all that is seen: the vertices of meshes with their modifiers, of all else the bounding box."""
    points = []
    for instance in evaluated_scene(scene).object_instances:
        if instance.show_self and instance.object.type not in ("LIGHT", "CAMERA", "EMPTY"):
            matrix = np.array(instance.matrix_world)
            points.append(own_points(instance.object, instance.is_instance) @ matrix[:3, :3].T + matrix[:3, 3])
    return np.concatenate(points or [np.array([(-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)])])


def own_points(evaluated: bpy.types.Object, is_instance: bool) -> np.ndarray:
    mesh = evaluated.data if evaluated.type == "MESH" else None
    if mesh is not None and not mesh.vertices:
        return np.empty((0, 3))
    if mesh is None or is_instance:  # of which there may be very many
        return np.array([tuple(corner) for corner in evaluated.bound_box])
    points = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", points)
    return points.reshape(-1, 3).astype(np.float64)


def bounding_sphere(points: np.ndarray) -> tuple[Vector, float]:
    low, high = points.min(axis=0), points.max(axis=0)
    return Vector((low + high) / 2.0), max(float(np.linalg.norm(high - low)) / 2.0, 1e-3)


def add_studio(scene: bpy.types.Scene) -> None:
    """Three area lights and a grey world, as large as what they light."""
    centre, radius = bounding_sphere(world_points(scene))
    for position, brightness in (KEY, FILL, RIM):
        light = bpy.data.lights.new("Studio", "AREA")
        light.size = radius * 1.5
        light.energy = 80.0 * brightness * radius**2  # light falls off with the square of the distance
        item = bpy.data.objects.new("Studio", light)
        item.location = centre + position * radius * 1.5
        item.rotation_euler = position.to_track_quat("Z", "Y").to_euler()
        scene.collection.objects.link(item)
    scene.world = bpy.data.worlds.new("Studio")
    if scene.world.node_tree is None:  # from 5.0 on every world has one
        scene.world.use_nodes = True
    backdrop = next(node for node in scene.world.node_tree.nodes if node.type == "BACKGROUND")
    backdrop.inputs["Color"].default_value = (0.1, 0.1, 0.1, 1.0)


def set_up_cycles(scene: bpy.types.Scene, samples: int, denoise: bool) -> None:
    scene.render.engine = "CYCLES"
    scene.cycles.samples = samples
    scene.cycles.use_denoising = denoise
    pixels = scene.render.resolution_x * scene.render.resolution_y
    scene.cycles.use_auto_tile = True
    scene.cycles.tile_size = max(128, round((pixels / NUM_TILES) ** 0.5))


def set_up_workbench(scene: bpy.types.Scene) -> None:
    scene.render.engine = "BLENDER_WORKBENCH"
    shading = scene.display.shading
    shading.light, shading.color_type = "STUDIO", "MATERIAL"
    shading.show_cavity = True


def render(scene: bpy.types.Scene, name: str) -> bpy.types.Image:
    """Render, and bring the picture in as an image with its pixels packed."""
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA" if scene.render.film_transparent else "RGB"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "render.png"
        scene.render.filepath = str(path)
        with shown_progress():
            bpy.ops.render.render(write_still=True, scene=scene.name)
        if not path.exists():
            raise RuntimeError("Blender rendered no picture; the log tells why")
        image = bpy.data.images.load(str(path))
        image.pack()
    image.name = name
    image.filepath_raw = ""  # the plain property would look for the file, which is gone
    return image


@contextmanager
def shown_progress():
    """Show what Cycles says about its progress, as in "Rendered 3/16 Tiles, Sample 8/32"."""

    def show(text: str, _unused) -> None:
        tiles, samples = (re.search(word + r" (\d+)/(\d+)", text) for word in ("Rendered", "Sample"))
        counter = tiles or samples
        if counter:
            progress(0.05 + 0.9 * int(counter[1]) / max(1, int(counter[2])), counter[0])

    bpy.app.handlers.render_stats.append(show)
    try:
        yield
    finally:
        bpy.app.handlers.render_stats.remove(show)
