"""The demo's input: a dozen detailed objects with modifiers and shared materials, laid out in rows.

Nothing is random: each run makes the same file.
"""

import math
from collections.abc import Callable, Sequence

import bpy
import demo_shapes as shapes
import numpy as np
from demo_materials import all_materials
from demo_shapes import at

COLUMNS = 4
SPACING = 3.2

#: The colour behind each object on the contact sheet.
BACKDROPS = (
    (0.22, 0.30, 0.32), (0.33, 0.22, 0.14), (0.16, 0.22, 0.32), (0.33, 0.27, 0.17),
    (0.29, 0.17, 0.16), (0.19, 0.26, 0.20), (0.29, 0.29, 0.27), (0.16, 0.24, 0.27),
    (0.20, 0.22, 0.30), (0.17, 0.29, 0.29), (0.30, 0.23, 0.24), (0.23, 0.27, 0.19),
)  # fmt: skip


def build(count: int | None = None, detail: int = 0) -> list[bpy.types.Object]:
    """Fill the open, empty file.

    Args:
        count: how many of the objects to make, None for all twelve.
        detail: added to the levels of each subdivision; -1 makes about a quarter of the faces.

    Returns:
        the objects.
    """
    objects = make_objects(MAKERS[:count], detail)
    for index, item in enumerate(objects):
        row, column = divmod(index, COLUMNS)
        item.location.x, item.location.y = (column - (COLUMNS - 1) / 2.0) * SPACING, (1 - row) * SPACING
    add_camera_and_lights()
    return objects


def make_objects(makers: Sequence[Callable[[dict], bpy.types.Object]], detail: int = 0) -> list[bpy.types.Object]:
    """Make objects, in the same place, on the ground, in a collection "High-Poly"; `detail` as for `build`."""
    collection = bpy.data.collections.new("High-Poly")
    bpy.context.scene.collection.children.link(collection)
    materials = all_materials()
    objects = [make(materials) for make in makers]
    for item in objects:
        collection.objects.link(item)
        for modifier in item.modifiers:
            if modifier.type == "SUBSURF":
                modifier.levels = modifier.render_levels = max(0, modifier.levels + detail)
    stand_on_ground(objects)
    for material in materials.values():
        if material.users == 0:
            bpy.data.materials.remove(material)
    return objects


def num_faces(objects: Sequence[bpy.types.Object]) -> int:
    """How many faces the modifiers make, in all."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    return sum(len(item.evaluated_get(depsgraph).data.polygons) for item in objects)


def stand_on_ground(objects: Sequence[bpy.types.Object]) -> None:
    """Move each object up or down until its lowest point is at zero."""
    bpy.context.view_layer.update()
    depsgraph = bpy.context.evaluated_depsgraph_get()
    for item in objects:
        item.location.z -= min(corner[2] for corner in item.evaluated_get(depsgraph).bound_box)
    bpy.context.view_layer.update()


def add_camera_and_lights() -> None:
    """For whoever opens the file and presses F12."""
    scene = bpy.context.scene
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location, camera.rotation_euler = (0.0, -24.0, 13.0), (math.radians(65.0), 0.0, 0.0)
    camera.data.lens = 50.0
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy, sun.data.angle = 3.0, math.radians(8.0)
    sun.rotation_euler = (math.radians(40.0), math.radians(-25.0), 0.0)
    for item in (camera, sun):
        scene.collection.objects.link(item)
    scene.camera = camera
    scene.world = bpy.data.worlds.new("World")


# Objects


def new_object(mesh: bpy.types.Mesh, slots: Sequence[bpy.types.Material]) -> bpy.types.Object:
    """An object of the mesh's name with a slot for each material."""
    for material in slots:
        mesh.materials.append(material)
    return bpy.data.objects.new(mesh.name, mesh)


def subdivide(item: bpy.types.Object, levels: int) -> None:
    """Subdivision, in viewports as in renders."""
    modifier = item.modifiers.new("Subdivision", "SUBSURF")
    modifier.levels = modifier.render_levels = levels


def bevel(item: bpy.types.Object, width: float, segments: int = 2) -> None:
    """Round edges that are sharper than 30 degrees."""
    modifier = item.modifiers.new("Bevel", "BEVEL")
    modifier.width, modifier.segments = width, segments
    modifier.limit_method, modifier.angle_limit = "ANGLE", math.radians(30.0)


def displace(item: bpy.types.Object, kind: str, scale: float, strength: float, **settings: object) -> None:
    """Move the surface by one of Blender's textures, in the object's own space."""
    texture = bpy.data.textures.new(f"{item.name} {kind.title()}", kind)
    texture.noise_scale = scale
    for name, value in settings.items():
        setattr(texture, name, value)
    modifier = item.modifiers.new("Displace", "DISPLACE")
    modifier.texture, modifier.strength, modifier.mid_level = texture, strength, 0.5
    modifier.texture_coords = "LOCAL"


def make_suzanne(materials: dict) -> bpy.types.Object:
    """Hammered terracotta, with glazed eyes."""
    mesh = shapes.monkey("Suzanne")
    item = new_object(mesh, [materials["terracotta"], materials["jade"]])
    subdivide(item, 3)
    displace(item, "VORONOI", 0.12, 0.035)
    return item


def make_amphora(materials: dict) -> bpy.types.Object:
    """A glazed vase with bands and two handles."""
    corners = [(0.0, 0.0), (0.34, 0.0), (0.30, 0.10), (0.46, 0.30), (0.74, 0.80), (0.72, 1.22), (0.40, 1.62),
               (0.24, 1.84), (0.24, 2.06), (0.38, 2.20), (0.36, 2.24), (0.20, 2.06), (0.18, 1.84)]  # fmt: skip
    body = shapes.lathe("Body", shapes.smooth_profile(corners, 72), 64)
    bands = ((0.02, 0.16), (0.56, 0.64), (1.20, 1.34), (2.10, 2.30))
    shapes.paint(body, lambda centre: sum((centre[:, 2] > low) & (centre[:, 2] < high) for low, high in bands))
    t = np.linspace(0.0, math.tau, 48, endpoint=False)
    path = np.stack((0.46 + 0.26 * np.cos(t), np.zeros_like(t), 1.66 + 0.34 * np.sin(t)), axis=-1)
    sides = np.full((48, 14), 0.055)
    handles = [
        (shapes.tube("Handle", path, sides, (0.0, 1.0, 0.0)), at(turn=(degrees, "Z")), 1) for degrees in (0, 180)
    ]
    mesh = shapes.joined("Amphora", [(body, at(), None), *handles])
    item = new_object(mesh, [materials["indigo"], materials["cream"]])
    subdivide(item, 1)
    displace(item, "CLOUDS", 0.35, 0.02)
    return item


def make_boulder(materials: dict) -> bpy.types.Object:
    """Slate, with moss on what looks up."""
    mesh = shapes.sphere("Boulder", 5, (1.15, 1.0, 0.85))
    shapes.paint(
        mesh, lambda centre: centre[:, 2] + 0.16 * np.sin(7.0 * centre[:, 0]) * np.cos(6.0 * centre[:, 1]) > 0.4
    )
    item = new_object(mesh, [materials["slate"], materials["moss"]])
    subdivide(item, 1)
    displace(item, "VORONOI", 0.75, 0.55, distance_metric="DISTANCE")
    displace(item, "CLOUDS", 0.35, 0.16, noise_depth=4)
    return item


def make_column(materials: dict) -> bpy.types.Object:
    """A fluted column on a base, with gilded rings."""

    def flutes(angles: np.ndarray, heights: np.ndarray) -> np.ndarray:
        shaft = np.clip(np.minimum(heights - 0.42, 2.02 - heights) * 8.0, 0.0, 1.0)
        return 1.0 - 0.09 * shaft * np.abs(np.cos(10.0 * angles)) ** 0.6

    corners = [(0.0, 0.0), (0.62, 0.0), (0.62, 0.14), (0.58, 0.18), (0.64, 0.26), (0.54, 0.34), (0.47, 0.40)]
    corners += [(0.46 - 0.05 * (z - 0.46), z) for z in np.linspace(0.46, 2.02, 24)]
    corners += [(0.44, 2.08), (0.42, 2.14), (0.56, 2.26), (0.64, 2.32), (0.64, 2.44), (0.0, 2.44)]
    mesh = shapes.lathe("Column", corners, 200, flutes)
    shapes.paint(mesh, lambda centre: np.isin(np.digitize(centre[:, 2], (0.20, 0.36, 2.03, 2.14)), (1, 3)))
    item = new_object(mesh, [materials["marble"], materials["gold"]])
    bevel(item, 0.012)
    subdivide(item, 1)
    displace(item, "CLOUDS", 0.10, 0.008)
    return item


def make_knot(materials: dict) -> bpy.types.Object:
    """A trefoil knot of twisted strands, every other one gilded."""
    t = np.linspace(0.0, math.tau, 240, endpoint=False)
    path = np.stack((np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t), -np.sin(3 * t)), axis=-1) * 0.38
    angles = np.linspace(0.0, math.tau, 36, endpoint=False)
    strands = np.abs(np.sin(3.0 * angles[None, :] + 24.0 * t[:, None] / 2.0))
    mesh = shapes.tube("Knot", path, 0.20 + 0.09 * np.sqrt(strands))
    index = np.arange(240 * 36)
    strand = ((3.0 * angles[index % 36] + 12.0 * t[index // 36]) / math.pi).astype(int)
    mesh.polygons.foreach_set("material_index", (strand % 2).astype(np.int32))
    item = new_object(mesh, [materials["jade"], materials["gold"]])
    item.rotation_euler = (math.radians(62.0), 0.0, math.radians(18.0))
    subdivide(item, 1)
    return item


def make_toadstool(materials: dict) -> bpy.types.Object:
    """A lacquered cap with cream spots on a ribbed stem."""
    cap_corners = [
        (0.14, 1.02),
        (0.55, 0.98),
        (0.96, 0.92),
        (1.08, 0.96),
        (1.02, 1.20),
        (0.72, 1.55),
        (0.34, 1.72),
        (0.0, 1.76),
    ]
    cap = shapes.lathe("Cap", shapes.smooth_profile(cap_corners, 60), 140)
    count = 26
    golden = math.pi * (3.0 - math.sqrt(5.0))
    height = 1.0 - (np.arange(count) + 0.5) / count
    side = np.sqrt(1.0 - height**2)
    turns = golden * np.arange(count)
    spots = np.stack((side * np.cos(turns), side * np.sin(turns), height), axis=-1)
    sizes = 0.10 + 0.05 * np.sin(np.arange(count) * 2.4)

    def is_spot(centre: np.ndarray) -> np.ndarray:
        directions = (centre - (0.0, 0.0, 0.95)) / (1.05, 1.05, 0.80)
        distances = np.linalg.norm(directions[:, None] - spots[None], axis=-1)
        return (distances < sizes).any(axis=1) & (centre[:, 2] > 1.0)

    shapes.paint(cap, is_spot)
    stem_corners = [(0.0, 0.0), (0.36, 0.0), (0.40, 0.12), (0.28, 0.40), (0.22, 0.80), (0.26, 1.08)]
    stem = shapes.lathe(
        "Stem", shapes.smooth_profile(stem_corners, 40), 72, lambda angles, _heights: 1.0 + 0.04 * np.cos(18.0 * angles)
    )
    mesh = shapes.joined("Toadstool", [(cap, at(), None), (stem, at(), 1)])
    item = new_object(mesh, [materials["lacquer"], materials["cream"]])
    displace(item, "CLOUDS", 0.25, 0.05)
    subdivide(item, 1)
    return item


def make_gear(materials: dict) -> bpy.types.Object:
    """A brass gear wheel with a dark hub, standing."""
    mesh = shapes.gear("Gear", 22, 1.12, 0.90, 0.22, 0.34)
    shapes.paint(mesh, lambda centre: np.linalg.norm(centre[:, :2], axis=1) < 0.42)
    item = new_object(mesh, [materials["brass"], materials["iron"]])
    item.rotation_euler = (math.radians(78.0), 0.0, math.radians(24.0))
    bevel(item, 0.02, 3)
    subdivide(item, 1)
    displace(item, "CLOUDS", 0.06, 0.008)
    return item


def make_crate(materials: dict) -> bpy.types.Object:
    """Oak planks held by iron."""
    parts = []
    for side in range(4):
        turn = at(turn=(90.0 * side, "Z"))
        for row in range(4):
            plank = shapes.box("Plank", (1.50, 0.10, 0.36), 5)
            parts.append((plank, turn @ at(0.0, -0.76, 0.21 + 0.39 * row), 0))
        corner = shapes.box("Corner", (0.20, 0.20, 1.68), 5)
        parts.append((corner, turn @ at(0.76, -0.76, 0.80), 1))
        brace = shapes.box("Brace", (1.86, 0.06, 0.20), 5)
        parts.append((brace, turn @ at(0.0, -0.83, 0.80, turn=(42.0, "Y")), 1))
    parts += [
        (shapes.box("Lid", (0.36, 1.50, 0.08), 5), at(0.39 * (column - 1.5), 0.0, 1.58), 0) for column in range(4)
    ]
    mesh = shapes.joined("Crate", parts)
    item = new_object(mesh, [materials["oak"], materials["rust"]])
    item.rotation_euler.z = math.radians(28.0)
    bevel(item, 0.018)
    subdivide(item, 2)
    displace(item, "CLOUDS", 0.16, 0.03)
    return item


def make_brain_coral(materials: dict) -> bpy.types.Object:
    """A coral of ridges, on a foot of slate."""
    mesh = shapes.sphere("Brain Coral", 5, (1.05, 1.05, 0.80))
    shapes.paint(mesh, lambda centre: centre[:, 2] < -0.52)
    item = new_object(mesh, [materials["coral"], materials["slate"]])
    subdivide(item, 1)
    displace(item, "WOOD", 0.55, 0.16, wood_type="BANDNOISE", turbulence=14.0)
    displace(item, "CLOUDS", 0.6, 0.20)
    return item


def make_chain(materials: dict) -> bpy.types.Object:
    """Links of weathered iron, hanging, made of two by an array."""
    t = np.linspace(0.0, math.tau, 40, endpoint=False)
    path = np.stack((0.26 * np.cos(t), np.zeros_like(t), 0.26 * np.sin(t) + 0.20 * np.sign(np.sin(t))), axis=-1)
    parts = [
        (
            shapes.tube("Link", path, np.full((40, 14), 0.095), (0.0, 1.0, 0.0)),
            at(0.0, 0.0, 0.66 * index, turn=(90.0 * index, "Z")),
            index,
        )
        for index in range(2)
    ]
    item = new_object(shapes.joined("Chain", parts), [materials["rust"], materials["brass"]])
    item.rotation_euler.z = math.radians(35.0)
    array = item.modifiers.new("Array", "ARRAY")
    array.count, array.use_relative_offset, array.use_constant_offset = 2, False, True
    array.constant_offset_displace = (0.0, 0.0, 1.32)
    subdivide(item, 2)
    displace(item, "CLOUDS", 0.08, 0.03)
    return item


def make_pumpkin(materials: dict) -> bpy.types.Object:
    """Ribs around a crooked stem."""

    def ribs(angles: np.ndarray, _heights: np.ndarray) -> np.ndarray:
        return 1.0 - 0.16 * (1.0 - np.abs(np.sin(6.0 * angles))) ** 1.6

    corners = [
        (0.0, 0.16),
        (0.30, 0.04),
        (0.75, 0.10),
        (1.08, 0.50),
        (1.06, 0.92),
        (0.72, 1.28),
        (0.30, 1.34),
        (0.10, 1.22),
    ]
    skin = shapes.lathe("Skin", shapes.smooth_profile(corners, 64), 168, ribs)
    stem_corners = [(0.26, 1.20), (0.14, 1.32), (0.10, 1.52), (0.13, 1.66), (0.0, 1.68)]
    stem = shapes.lathe(
        "Stem", shapes.smooth_profile(stem_corners, 24), 48, lambda angles, _heights: 1.0 + 0.16 * np.cos(6.0 * angles)
    )
    for vertex in stem.vertices:
        vertex.co.x += 0.5 * max(0.0, vertex.co.z - 1.3) ** 1.4
    item = new_object(
        shapes.joined("Pumpkin", [(skin, at(), 0), (stem, at(), 1)]), [materials["pumpkin"], materials["moss"]]
    )
    subdivide(item, 1)
    displace(item, "CLOUDS", 0.5, 0.06)
    displace(item, "VORONOI", 0.05, 0.008)
    return item


def make_candlestick(materials: dict) -> bpy.types.Object:
    """Red lacquer, twisted, between brass."""

    def spiral(angles: np.ndarray, heights: np.ndarray) -> np.ndarray:
        twisted = np.clip(np.minimum(heights - 0.50, 1.72 - heights) * 10.0, 0.0, 1.0)
        return 1.0 + 0.30 * twisted * np.cos(3.0 * angles)

    corners = [(0.0, 0.0), (0.62, 0.0), (0.64, 0.06), (0.52, 0.14), (0.26, 0.22), (0.20, 0.34), (0.32, 0.42)]
    corners += [(0.22, z) for z in np.linspace(0.50, 1.72, 10)]
    corners += [(0.32, 1.80), (0.18, 1.90), (0.34, 2.04), (0.46, 2.10), (0.46, 2.16), (0.20, 2.14), (0.18, 2.02)]
    mesh = shapes.lathe("Candlestick", shapes.smooth_profile(corners, 120), 96, spiral)
    shapes.paint(mesh, lambda centre: (centre[:, 2] < 0.47) | (centre[:, 2] > 1.75))
    item = new_object(mesh, [materials["lacquer"], materials["brass"]])
    twist = item.modifiers.new("Twist", "SIMPLE_DEFORM")
    twist.deform_method, twist.deform_axis, twist.angle = "TWIST", "Z", math.radians(420.0)
    subdivide(item, 1)
    displace(item, "CLOUDS", 0.12, 0.006)
    return item


MAKERS: tuple[Callable[[dict], bpy.types.Object], ...] = (
    make_suzanne,
    make_amphora,
    make_boulder,
    make_column,
    make_knot,
    make_toadstool,
    make_gear,
    make_crate,
    make_brain_coral,
    make_chain,
    make_pumpkin,
    make_candlestick,
)
