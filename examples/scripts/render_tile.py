"""Render an object and two levels of detail of it in one picture, side by side, with their triangles counted.

The high-poly object stands on the left, its first level of detail, with baked normals, in the middle, and the second
one on the right, with its edges drawn.
"""

import tempfile
from pathlib import Path
from typing import Annotated

import bpy
import numpy as np
from mathutils import Color, Matrix, Vector

from background_nodes.script import Pixels, Range, log, progress

#: Where the camera stands, seen from the objects.
VIEW = Vector((0.0, -1.0, 0.34))
#: Lights: where they stand and how wide they are, in radii of an object, how bright they are, and their colour.
LIGHTS = (
    (Vector((-3.2, -3.4, 4.2)), 3.0, 360.0, (1.0, 0.95, 0.88)),
    (Vector((4.5, -2.2, 1.6)), 3.5, 110.0, (0.80, 0.90, 1.0)),
    (Vector((1.2, 4.2, 3.6)), 3.0, 330.0, (1.0, 0.98, 0.94)),
)
INK = (0.93, 0.92, 0.89)
#: Space between neighbours, a share of their width.
GAP = 0.16


def main(
    high: bpy.types.Object,
    first: bpy.types.Object,
    second: bpy.types.Object,
    backdrop: Color = (0.3, 0.35, 0.4),
    width: Annotated[Pixels, Range(16, 8192)] = 640,
    height: Annotated[Pixels, Range(16, 8192)] = 320,
    samples: Annotated[int, Range(1, 4096)] = 8,
) -> bpy.types.Image:
    """Render the tile.

    Args:
        high: The high-poly object.
        first: Its first level of detail, with baked normals.
        second: Its second level of detail.
        backdrop: Colour of what is behind.
        width: Width of the picture.
        height: Height of the picture.
        samples: Light paths in each pixel.

    Returns:
        The picture, packed.
    """
    progress(0.0, "Building the set")
    scene = bpy.context.scene
    set_up(scene, width, height, samples)
    row = (high, first, second)
    points = line_up(row)
    camera = add_camera(scene, points, height / width)
    add_studio(scene, points, backdrop)
    draw_edges(second)
    counts = [f"{count_triangles(item):,}" for item in row]
    add_captions(camera, high, row, counts, height / width)
    with tempfile.TemporaryDirectory() as folder:
        progress(0.2, "Rendering")
        image = render(scene, Path(folder) / "tile.png")
    image.name = f"{high.name} Tile"
    log(f"{high.name}: {' -> '.join(counts)} triangles")
    return image


def line_up(row: tuple[bpy.types.Object, ...]) -> np.ndarray:
    """Stand the objects side by side on the floor, the middle one in the middle; the points of all of them."""
    bpy.context.view_layer.update()
    points = world_points(row[0])
    low, high = points.min(axis=0), points.max(axis=0)
    step = max(high[0] - low[0], 0.45 * (high[2] - low[2])) * (1.0 + GAP)
    foot = np.array(((low[0] + high[0]) / 2.0, (low[1] + high[1]) / 2.0, low[2]))
    moves = [np.array((step * place, 0.0, 0.0)) - foot for place in (-1, 0, 1)]
    for item, move in zip(row, moves, strict=True):
        item.matrix_world = Matrix.Translation(move) @ item.matrix_world
    return np.concatenate([points + move for move in moves])


def world_points(item: bpy.types.Object) -> np.ndarray:
    """The points of an object in the world, modifiers included: rows of x, y, z."""
    evaluated = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = np.empty(len(evaluated.data.vertices) * 3, np.float32)
    evaluated.data.vertices.foreach_get("co", points)
    matrix = np.array(evaluated.matrix_world)
    return points.reshape(-1, 3).astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]


def count_triangles(item: bpy.types.Object) -> int:
    """How many triangles the faces of an object make, modifiers included."""
    mesh = item.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    return len(mesh.loops) - 2 * len(mesh.polygons)


def set_up(scene: bpy.types.Scene, width: int, height: int, samples: int) -> None:
    """Cycles, quick: few samples, denoised."""
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = True
    scene.cycles.denoising_prefilter = "FAST"
    scene.cycles.max_bounces = 3
    scene.cycles.use_light_tree = False  # three lights are few
    scene.cycles.use_auto_tile = False
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    scene.view_settings.look = "AgX - Medium High Contrast"


def add_camera(scene: bpy.types.Scene, points: np.ndarray, aspect: float) -> bpy.types.Object:
    """A camera that has all points in view, with room above and below for the captions."""
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.lens = 85.0
    camera.rotation_euler = VIEW.to_track_quat("Z", "Y").to_euler()
    scene.collection.objects.link(camera)
    scene.camera = camera
    bpy.context.view_layer.update()
    middle = (points.min(axis=0) + points.max(axis=0)) / 2.0
    around = middle + (points - middle) * (1.08, 1.0, 1.62)
    camera.location, _ = camera.camera_fit_coords(bpy.context.evaluated_depsgraph_get(), around.ravel().tolist())
    camera.data.shift_y = -0.02 * aspect
    bpy.context.view_layer.update()
    return camera


def add_studio(scene: bpy.types.Scene, points: np.ndarray, backdrop: Color) -> None:
    """A floor that bends up into a wall, three lights, and a world in the colour of the wall."""
    radius = float(np.linalg.norm(np.ptp(points, axis=0) / (3.0, 1.0, 1.0))) / 2.0
    profile = [(-60.0, 0.0), (4.0, 0.0)]
    profile += [(4.0 + 4.0 * np.sin(t), 4.0 - 4.0 * np.cos(t)) for t in np.linspace(0.1, np.pi / 2, 24)]
    profile += [(8.0, 60.0)]
    corners = [(side * 80.0 * radius, y * radius, z * radius) for y, z in profile for side in (-1.0, 1.0)]
    faces = [(2 * row, 2 * row + 1, 2 * row + 3, 2 * row + 2) for row in range(len(profile) - 1)]
    mesh = bpy.data.meshes.new("Backdrop")
    mesh.from_pydata(corners, [], faces)
    mesh.shade_smooth()
    mesh.materials.append(plain_material("Backdrop", backdrop))
    scene.collection.objects.link(bpy.data.objects.new("Backdrop", mesh))
    centre = Vector((0.0, 0.0, float(points[:, 2].max()) / 2.0))
    for position, size, brightness, color in LIGHTS:
        light = bpy.data.objects.new("Light", bpy.data.lights.new("Light", "AREA"))
        light.data.size, light.data.color = size * radius, color
        light.data.energy = brightness * radius**2  # light falls off with the square of the distance
        light.location = centre + position * radius
        light.rotation_euler = position.to_track_quat("Z", "Y").to_euler()
        scene.collection.objects.link(light)
    scene.world = bpy.data.worlds.new("World")
    if scene.world.node_tree is None:  # from 5.0 on every world has one
        scene.world.use_nodes = True
    background = next(node for node in scene.world.node_tree.nodes if node.type == "BACKGROUND")
    background.inputs["Color"].default_value = (*(0.25 + 0.5 * channel for channel in backdrop), 1.0)
    background.inputs["Strength"].default_value = 0.35
    scene.world.cycles.sampling_method = "NONE"  # it is of one colour


def plain_material(name: str, color: Color) -> bpy.types.Material:
    """A matt material of one colour."""
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # from 5.0 on every material has one
        material.use_nodes = True
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = (*color, 1.0)
    shader.inputs["Roughness"].default_value = 0.9
    return material


def draw_edges(item: bpy.types.Object) -> None:
    """Let each material of `item` show the edges of its triangles."""
    for material in {slot.material for slot in item.material_slots if slot.material}:
        tree = material.node_tree
        output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL" and node.is_active_output)
        wire = tree.nodes.new("ShaderNodeWireframe")
        wire.use_pixel_size = True
        wire.inputs["Size"].default_value = 0.7
        faint = tree.nodes.new("ShaderNodeMath")
        faint.operation = "MULTIPLY"
        faint.inputs[1].default_value = 0.5
        ink = tree.nodes.new("ShaderNodeEmission")
        ink.inputs["Color"].default_value = (*INK, 1.0)
        mix = tree.nodes.new("ShaderNodeMixShader")
        surface = output.inputs["Surface"].links[0].from_socket
        tree.links.new(wire.outputs[0], faint.inputs[0])
        tree.links.new(faint.outputs[0], mix.inputs[0])
        tree.links.new(surface, mix.inputs[1])
        tree.links.new(ink.outputs[0], mix.inputs[2])
        tree.links.new(mix.outputs[0], output.inputs["Surface"])


def add_captions(
    camera: bpy.types.Object,
    high: bpy.types.Object,
    row: tuple[bpy.types.Object, ...],
    counts: list[str],
    aspect: float,
) -> None:
    """The object's name, and below each of the row what it is and its number of triangles."""
    add_text(camera, high.name.upper(), -0.475, 0.43 * aspect, 0.034, "LEFT")
    for item, title, count in zip(row, ("HIGH-POLY", "LOD 1", "LOD 2"), counts, strict=True):
        middle = camera_view(camera, item)
        add_text(camera, title, middle, -0.375 * aspect, 0.020)
        add_text(camera, count, middle, -0.435 * aspect, 0.028)


def camera_view(camera: bpy.types.Object, item: bpy.types.Object) -> float:
    """How far right of the picture's middle the middle of `item` is, a share of the picture's width."""
    middle = (np.min(world_points(item), axis=0) + np.max(world_points(item), axis=0)) / 2.0
    seen = camera.matrix_world.inverted() @ Vector(middle)
    return seen.x / -seen.z * camera.data.lens / camera.data.sensor_width


def add_text(camera: bpy.types.Object, body: str, x: float, y: float, size: float, align: str = "CENTER") -> None:
    """Write in front of the camera. Places and sizes are shares of the picture's width, from its middle."""
    curve = bpy.data.curves.new("Text", "FONT")
    curve.body, curve.align_x, curve.align_y = body, align, "CENTER"
    curve.materials.append(ink_material())
    text = bpy.data.objects.new("Text", curve)
    bpy.context.scene.collection.objects.link(text)
    distance = camera.data.clip_start * 2.0
    wide = distance * camera.data.sensor_width / camera.data.lens
    place = Matrix.Translation((x * wide, (y + camera.data.shift_y) * wide, -distance))
    text.matrix_world = camera.matrix_world @ place @ Matrix.Scale(size * wide, 4)
    text.visible_shadow = text.visible_diffuse = text.visible_glossy = False


def ink_material() -> bpy.types.Material:
    """What the captions are written in: it shines by itself."""
    material = bpy.data.materials.get("Ink")
    if material is None:
        material = plain_material("Ink", (0.0, 0.0, 0.0))
        shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
        shader.inputs["Emission Color"].default_value = (*INK, 1.0)
        shader.inputs["Emission Strength"].default_value = 1.6
    return material


def render(scene: bpy.types.Scene, path: Path) -> bpy.types.Image:
    """Render, and bring the picture in as an image with its pixels packed."""
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    image.pack()
    image.filepath_raw = ""  # the plain property would look for the file, which is gone
    return image
