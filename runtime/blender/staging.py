# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of some objects alone: a scene of their own, a camera that sees all of them, light, and the render."""

from __future__ import annotations

import contextlib
import math
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import bpy
import numpy as np
from mathutils import Euler, Matrix, Vector

#: Where the lights of the studio stand, seen from the objects, and how bright each is.
_STUDIO = ((Vector((1.5, -1.5, 1.5)), 1.0), (Vector((-2.0, -1.0, 0.5)), 0.25), (Vector((-0.5, 2.0, 1.5)), 0.8))
#: Cycles sends progress every 30 seconds in background mode, and after each tile: about so many make a bar move.
_NUM_TILES = 16
#: Into so many places each point is turned to be seen wherever it turns to.
_NUM_TURNS = 32


def stage(
    shown: Iterable[bpy.types.Object | bpy.types.Collection],
    world: bpy.types.World | None = None,
    settings: bpy.types.Scene | None = None,
) -> bpy.types.Scene:
    """As `script.stage`."""
    scene = _emptied_copy(settings) if settings else bpy.data.scenes.new("Render")
    scene.frame_set(bpy.context.scene.frame_current)
    scene.world = world or scene.world
    items = list(dict.fromkeys(shown))
    for item in items:
        item.hide_render = item.hide_viewport = False
        if isinstance(item, bpy.types.Collection):  # what the camera is placed by is what viewports show
            for inner in (*item.all_objects, *item.children_recursive):
                inner.hide_viewport = inner.hide_render
        root = scene.collection
        (root.children if isinstance(item, bpy.types.Collection) else root.objects).link(item)
    depsgraph = _evaluated(scene)
    if not any(instance.show_self and _is_seen(instance.object.data) for instance in depsgraph.object_instances):
        names = ", ".join(item.name for item in items)
        raise ValueError(f"There is nothing to see of {names}; link objects that have a surface")
    return scene


def _emptied_copy(settings: bpy.types.Scene) -> bpy.types.Scene:
    scene = settings.copy()
    for item in list(scene.collection.objects):
        scene.collection.objects.unlink(item)
    for collection in list(scene.collection.children):
        scene.collection.children.unlink(collection)
    render = scene.render
    render.use_border = render.use_compositing = render.use_sequencer = False  # they are of pictures of that scene
    return scene


def _evaluated(scene: bpy.types.Scene) -> bpy.types.Depsgraph:
    scene.view_layers[0].update()
    return scene.view_layers[0].depsgraph


def _is_seen(data: bpy.types.ID | None) -> bool:
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


# The camera


def frame_camera(
    scene: bpy.types.Scene, direction: Sequence[float], *, turns: bool = False, angle: float = 0.0
) -> bpy.types.Object:
    """As `script.frame_camera`."""
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    points = _world_points(scene)
    centre, radius = _bounding_sphere(points)
    around = (points - np.array(centre)) * 1.1  # with some air
    if turns:
        around = _turned(around)
        radius = max(radius, float(np.linalg.norm(around, axis=1).max()))
    turn = Matrix.Rotation(angle, 3, "Z")
    camera.rotation_euler = _looking_from(Vector(direction).normalized())
    if turns:
        offset = _offset_in_the_middle(camera, around, scene)
    else:  # seen from the centre: Blender's numbers are too coarse far from the world's origin
        offset, _ = camera.camera_fit_coords(_evaluated(scene), around.ravel().tolist())
    camera.location = centre + turn @ offset
    camera.rotation_euler = (turn @ camera.rotation_euler.to_matrix()).to_euler()
    camera.data.clip_start, camera.data.clip_end = radius * 0.01, radius * 100.0
    scene.camera = camera
    return camera


def _looking_from(direction: Vector) -> Euler:
    """How a camera is turned that looks from there; straight down or up, +Y is at the top of the picture."""
    if abs(direction.z) < 0.999:
        return direction.to_track_quat("Z", "Y").to_euler()
    return Euler((0.0 if direction.z > 0.0 else math.pi, 0.0, 0.0 if direction.z > 0.0 else math.pi))


def _offset_in_the_middle(camera: bpy.types.Object, points: np.ndarray, scene: bpy.types.Scene) -> Vector:
    """Where a camera that looks at the origin sees all points, so that the origin is in the middle of the picture."""
    axes = np.array(camera.rotation_euler.to_matrix())
    right, up, back = (points @ axes).T
    frame = [corner / -corner.z for corner in camera.data.view_frame(scene=scene)]
    width, height = (max(abs(corner[axis]) for corner in frame) for axis in (0, 1))
    distance = max((back + np.abs(right) / width).max(), (back + np.abs(up) / height).max())
    return Vector(axes[:, 2]) * float(distance)


def _turned(points: np.ndarray) -> np.ndarray:
    """The places that points come to as they turn around the vertical axis, of the outermost at each height."""
    distances = np.hypot(points[:, 0], points[:, 1])
    heights = np.linspace(points[:, 2].min(), points[:, 2].max(), 65)
    bands = np.clip(np.searchsorted(heights, points[:, 2], side="right") - 1, 0, 63)
    rims = []
    for band in np.unique(bands):
        is_here = bands == band
        rims += [(distances[is_here].max(), height) for height in (heights[band], heights[band + 1])]
    turns = np.linspace(0.0, 2.0 * math.pi, _NUM_TURNS, endpoint=False)
    circle = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    return np.concatenate([np.column_stack([circle * far, np.full(_NUM_TURNS, height)]) for far, height in rims])


def _world_points(scene: bpy.types.Scene) -> np.ndarray:
    """Points of all that is seen: the vertices of meshes with their modifiers, of all else the bounding box."""
    points = []
    for instance in _evaluated(scene).object_instances:
        if instance.show_self and instance.object.type not in ("LIGHT", "CAMERA", "EMPTY"):
            matrix = np.array(instance.matrix_world)
            points.append(_own_points(instance.object, instance.is_instance) @ matrix[:3, :3].T + matrix[:3, 3])
    return np.concatenate(points or [np.array([(-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)])])


def _own_points(evaluated: bpy.types.Object, is_instance: bool) -> np.ndarray:
    mesh = evaluated.data if evaluated.type == "MESH" else None
    if mesh is not None and not mesh.vertices:
        return np.empty((0, 3))
    if mesh is None or is_instance:  # of which there may be very many
        return np.array([tuple(corner) for corner in evaluated.bound_box])
    points = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", points)
    return points.reshape(-1, 3).astype(np.float64)


def _bounding_sphere(points: np.ndarray) -> tuple[Vector, float]:
    low, high = points.min(axis=0), points.max(axis=0)
    return Vector((low + high) / 2.0), max(float(np.linalg.norm(high - low)) / 2.0, 1e-3)


# Light


def light_studio(scene: bpy.types.Scene, *, angle: float = 0.0) -> None:
    """As `script.light_studio`."""
    if scene.world or any(item.type == "LIGHT" for item in scene.objects):
        return
    centre, radius = _bounding_sphere(_world_points(scene))
    turn = Matrix.Rotation(angle, 3, "Z")
    for position, brightness in _STUDIO:
        light = bpy.data.lights.new("Studio", "AREA")
        light.size = radius * 1.5
        light.energy = 80.0 * brightness * radius**2  # light falls off with the square of the distance
        item = bpy.data.objects.new("Studio", light)
        item.location = centre + turn @ position * radius * 1.5
        item.rotation_euler = (turn @ position).to_track_quat("Z", "Y").to_euler()
        scene.collection.objects.link(item)
    scene.world = bpy.data.worlds.new("Studio")
    if scene.world.node_tree is None:  # from 5.0 on every world has one
        scene.world.use_nodes = True
    backdrop = next(node for node in scene.world.node_tree.nodes if node.type == "BACKGROUND")
    backdrop.inputs["Color"].default_value = (0.1, 0.1, 0.1, 1.0)


# The render


def use_cycles(scene: bpy.types.Scene, samples: int, *, denoise: bool = True) -> None:
    """As `script.use_cycles`."""
    scene.render.engine = "CYCLES"
    scene.cycles.samples = samples
    scene.cycles.use_denoising = denoise
    pixels = scene.render.resolution_x * scene.render.resolution_y
    scene.cycles.use_auto_tile = True
    scene.cycles.tile_size = max(128, round((pixels / _NUM_TILES) ** 0.5))


def use_workbench(scene: bpy.types.Scene) -> None:
    """As `script.use_workbench`."""
    scene.render.engine = "BLENDER_WORKBENCH"
    shading = scene.display.shading
    shading.light, shading.color_type = "STUDIO", "MATERIAL"
    shading.show_cavity = True


def render_image(scene: bpy.types.Scene, name: str, progress: Callable[[float, str], None]) -> bpy.types.Image:
    """As `script.render_image`. `progress` is told how far it is, and a few words."""
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA" if scene.render.film_transparent else "RGB"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "render.png"
        scene.render.filepath = str(path)
        with _shown(progress):
            bpy.ops.render.render(write_still=True, scene=scene.name)
        if not path.exists():
            raise RuntimeError("Blender rendered no picture; the log tells why")
        image = bpy.data.images.load(str(path))
        image.pack()
    image.name = name
    image.filepath_raw = ""  # the plain property would look for the file, which is gone
    return image


@contextlib.contextmanager
def _shown(progress: Callable[[float, str], None]) -> Iterator[None]:
    """Show what Cycles says about its progress, as in "Rendered 3/16 Tiles, Sample 8/32"."""

    def show(text: str, _unused: object) -> None:
        tiles, samples = (re.search(word + r" (\d+)/(\d+)", text) for word in ("Rendered", "Sample"))
        counter = tiles or samples
        if counter:
            progress(0.05 + 0.9 * int(counter[1]) / max(1, int(counter[2])), counter[0])

    bpy.app.handlers.render_stats.append(show)
    try:
        yield
    finally:
        bpy.app.handlers.render_stats.remove(show)
