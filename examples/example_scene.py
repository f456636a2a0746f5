"""The scene of an example file: a row of detailed objects on a floor, with room in front of them, lit and in view."""

import math
from collections.abc import Callable, Sequence

import bpy
import demo_scene
from demo_materials import new_material
from mathutils import Vector

#: From one object to the next, and from the row to what is made of it.
SPACING = 3.0

#: Where the lights stand, how wide they are, in metres, their watts and their colour.
LIGHTS = (
    ("Key", Vector((-7.0, -9.0, 9.0)), 6.0, 1600.0, (1.0, 0.95, 0.88)),
    ("Fill", Vector((10.0, -6.0, 4.0)), 8.0, 600.0, (0.80, 0.90, 1.0)),
    ("Rim", Vector((3.0, 9.0, 7.0)), 6.0, 1400.0, (1.0, 0.98, 0.94)),
)


def build(
    makers: Sequence[Callable[[dict], bpy.types.Object]], num_rows: int, detail: int = 0
) -> list[bpy.types.Object]:
    """Fill the open, empty file.

    Args:
        makers: of `demo_scene`, from left to right.
        num_rows: how many rows of objects there will be; the first is made here, the others are in front of it.
        detail: added to the levels of each subdivision.

    Returns:
        the objects.
    """
    objects = demo_scene.make_objects(makers, detail)
    depth = SPACING * (num_rows - 1)
    for index, item in enumerate(objects):
        item.location.x, item.location.y = (index - (len(objects) - 1) / 2.0) * SPACING, depth / 2.0
    collection = bpy.data.collections.new("Set")
    bpy.context.scene.collection.children.link(collection)
    for item in (floor(), *lights(), camera(SPACING * len(objects), depth)):
        collection.objects.link(item)
    bpy.context.scene.world = world()
    return objects


def floor() -> bpy.types.Object:
    """Wide, matt, and out of the way of the mouse."""
    mesh = bpy.data.meshes.new("Floor")
    mesh.from_pydata([(-40, -40, 0), (40, -40, 0), (40, 40, 0), (-40, 40, 0)], [], [(0, 1, 2, 3)])
    mesh.materials.append(new_material("Floor", [(0.16, 0.17, 0.19), (0.18, 0.19, 0.21)], roughness=(0.7, 0.9)))
    item = bpy.data.objects.new("Floor", mesh)
    item.hide_select = True
    return item


def lights() -> list[bpy.types.Object]:
    """Three soft ones."""
    made = []
    for name, location, size, watts, color in LIGHTS:
        light = bpy.data.lights.new(name, "AREA")
        light.size, light.energy, light.color = size, watts, color
        item = bpy.data.objects.new(name, light)
        item.location, item.rotation_euler = location, location.to_track_quat("Z", "Y").to_euler()
        made.append(item)
    return made


def camera(width: float, depth: float) -> bpy.types.Object:
    """In front and above, with all rows in view."""
    item = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    item.data.lens = 50.0
    direction = Vector((0.0, -math.cos(math.radians(24.0)), math.sin(math.radians(24.0))))
    item.location = direction * (width + depth) * 1.1 + Vector((0.0, 0.0, 0.8))
    item.rotation_euler = direction.to_track_quat("Z", "Y").to_euler()
    bpy.context.scene.camera = item
    return item


def world() -> bpy.types.World:
    """A dim, even sky."""
    made = bpy.data.worlds.new("World")
    if made.node_tree is None:  # from 5.0 on every world has one
        made.use_nodes = True
    background = next(node for node in made.node_tree.nodes if node.type == "BACKGROUND")
    background.inputs["Color"].default_value = (0.30, 0.33, 0.38, 1.0)
    background.inputs["Strength"].default_value = 0.4
    return made
