# SPDX-License-Identifier: GPL-3.0-or-later
"""A file as productions have them, made by a script: each kind of object, collection and image that nodes may be given.

`make` saves it, with a library beside it. `OBJECTS`, `IMAGES` and `COLLECTIONS` name what of it stands for which kind.
"""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from .scenes import (
    cube,
    grid,
    link,
    material,
    mesh_object,
    open_empty_file,
    picture,
    saved_picture,
    scattered,
    textured,
    tiled_picture,
)

#: As long as Blender lets a name be.
LONG_NAME = "Prop with a name of sixty-three bytes, which is the most of them"[:63]

#: The kind of an object: its name in the file. The names are as odd as artists', and Windows' worst.
OBJECTS = {
    "mesh": "Crate",
    "mesh with modifiers": "Wall/A",
    "mesh with shape keys": " Face ",
    "mesh of a rig": "Körper",
    "mirrored mesh with a parent": "con",
    "mesh with hair and physics": "Fur: long",
    "mesh with UV tiles": "Rock.001",
    "mesh with driven values": "Wheel 日本",
    "hidden mesh": LONG_NAME,
    "mesh that can't be selected": "Wall:A",
    "mesh in an excluded collection": "Wall*A",
    "mesh in another scene": "Elsewhere",
    "linked mesh": "Tree",
    "override of a linked mesh": "Bush",
    "object with a linked mesh": "Stump",
    "mesh that only modifiers make": "Tube",
    "mesh without faces": "Wire",
    "mesh without vertices": "Nothing",
    "instances by Geometry Nodes": "Pebbles",
    "points by Geometry Nodes": "Dust",
    "collection instance": "Street",
    "instance of instances": "City",
    "curve": "Cable",
    "text": "Sign",
    "surface": "Sail",
    "metaball": "Drop",
    "hair curves": "Grass",
    "point cloud": "Rain",
    "Grease Pencil": "Sketch",
    "volume": "Smoke",
    "armature": "Rig",
    "lattice": "Cage",
    "empty": "Pivot",
    "camera": "Camera",
    "light": "Lamp",
    "light probe": "Probe",
    "speaker": "Noise",
}
IMAGES = {
    "image of a file": "wood.png",
    "packed image": "packed",
    "generated image": "Generated",
    "painted image": "painted.png",
    "UDIM image": "stone.1001.png",
    "packed UDIM image": "clay.1001.png",
    "image of floats": "Glow",
    "linked image": "bark.png",
    "image without its file": "lost.png",
}
COLLECTIONS = {
    "collection": "Set",
    "hidden collection": "Hidden",
    "excluded collection": "Excluded",
    "collection in no scene": "Houses",
    "linked collection": "Woods",
    "empty collection": "Nobody",
}


def make(folder: Path) -> Path:
    """Write the file, its library and its pictures into `folder`. Returns the file; an empty one is open."""
    library = _library(folder)
    open_empty_file()
    scene = bpy.context.scene
    scene.name = "Shot/010"
    scene.frame_set(7)
    _pictures(folder)
    _meshes(folder)
    _rig()
    _instances()
    _without_surface()
    _linked(library)
    _arranged(scene)
    path = folder / "production.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    open_empty_file()
    return path


def _library(folder: Path) -> Path:
    open_empty_file()
    for name in ("Tree", "Bush", "Stump"):
        item = grid(name, cells=4)
        item.data.name = f"{name} mesh"
        item.data.materials.append(textured(material(f"{name} bark"), saved_picture(folder / "bark.png", (0, 1, 0, 1))))
        item.modifiers.new("Subdivision", "SUBSURF")
    woods = bpy.data.collections.new("Woods")
    for item in (cube("Oak"), cube("Ash", centre=(3, 0, 0))):
        woods.objects.link(item)
    path = folder / "library.blend"
    bpy.data.libraries.write(str(path), {*bpy.data.objects, woods})
    return path


def _linked(path: Path) -> None:
    with bpy.data.libraries.load(str(path), link=True, relative=False) as (_there, wanted):
        wanted.objects, wanted.meshes, wanted.collections = ["Tree", "Bush"], ["Stump mesh"], ["Woods"]
    tree, bush = wanted.objects
    root = bpy.context.scene.collection
    root.objects.link(tree)
    root.objects.link(bush.override_create())
    link("Stump", wanted.meshes[0]).location.x = 12.0
    root.children.link(wanted.collections[0])


def _pictures(folder: Path) -> None:
    saved_picture(folder / "textures" / "wood.png", (0.5, 0.2, 0.1, 1.0))
    packed = picture("packed", (0, 0, 1, 1))
    packed.pack()
    generated = bpy.data.images.new("Generated", 16, 16)
    generated.generated_type = "COLOR_GRID"
    painted = saved_picture(folder / "painted.png", (1, 1, 1, 1))
    painted.pixels.foreach_set(np.tile(np.float32((1, 0, 0, 1)), 32))
    tiled_picture(folder / "stone.<UDIM>.png", {1001: (1, 0, 0, 1), 1002: (0, 1, 0, 1)})
    tiled_picture(folder / "clay.<UDIM>.png", {1001: (1, 1, 0, 1), 1011: (0, 1, 1, 1)}).pack()
    glow = bpy.data.images.new("Glow", 8, 4, float_buffer=True)
    glow.pixels.foreach_set(np.tile(np.float32((4.0, 2.0, 0.5, 1.0)), 32))
    glow.pack()
    lost = saved_picture(folder / "lost.png", (0, 0, 0, 1))
    (folder / "lost.png").unlink()
    for image in (packed, generated, painted, glow, lost):
        image.use_fake_user = True


def _meshes(folder: Path) -> None:
    images = bpy.data.images
    crate = grid("Crate", cells=4, height=lambda x, y: 0.2 * x * y)
    crate.data.materials.append(textured(material("Wood"), images["wood.png"]))
    crate.data.materials.append(textured(material("Painted"), images["painted.png"]))
    crate["price"] = 12.5
    crate.data["gameplay_id"] = 42
    crate.data.attributes.new("wear", "FLOAT", "POINT")
    crate.data.color_attributes.new("Tint", "BYTE_COLOR", "CORNER")
    crate.vertex_groups.new(name="Lid").add([0, 1], 0.5, "REPLACE")

    wall = grid("Wall/A", cells=2)
    wall.location.x = 4.0
    wall.data.materials.append(textured(material("Stone"), images["stone.1001.png"]))
    wall.modifiers.new("Array", "ARRAY")
    wall.modifiers.new("Solidify", "SOLIDIFY").thickness = 0.2
    wall.modifiers.new("Bevel", "BEVEL").width = 0.02

    face = grid(" Face ", cells=4)
    face.location.x = 8.0
    face.shape_key_add(name="Basis")
    smile = face.shape_key_add(name="Smile")
    smile.data[0].co.z += 1.0
    smile.value = 0.5
    smile.keyframe_insert("value", frame=1)

    rock = grid("Rock.001", cells=2)
    rock.location.x = 16.0
    for entry in rock.data.uv_layers[0].uv:
        entry.vector.x *= 2.0  # the left half in tile 1001, the right one in 1002
    rock.data.materials.append(textured(material("Rock"), images["clay.1001.png"]))

    wheel = grid("Wheel 日本", cells=2)
    wheel["speed"] = 2.0
    curve = wheel.driver_add("location", 0)
    curve.driver.expression = "speed * 2 + frame / 7"
    variable = curve.driver.variables.new()
    variable.name, variable.targets[0].id, variable.targets[0].data_path = "speed", wheel, '["speed"]'

    fur = grid("Fur: long", cells=4)
    fur.location.x = 20.0
    fur.modifiers.new("Hair", "PARTICLE_SYSTEM")
    fur.particle_systems[0].settings.type = "HAIR"
    fur.particle_systems[0].settings.count = 10
    fur.modifiers.new("Collision", "COLLISION")

    tube = mesh_object("Tube", [(1, 0, 0), (1, 0, 1)], [])
    tube.location.x = 24.0
    tube.data.edges.add(1)
    tube.data.edges[0].vertices = (0, 1)
    tube.modifiers.new("Screw", "SCREW").steps = 8
    wire = mesh_object("Wire", [(0, 0, 0), (0, 0, 1)], [])
    wire.data.edges.add(1)
    wire.data.edges[0].vertices = (0, 1)
    mesh_object("Nothing", [], [])


def _rig() -> None:
    rig = link("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for index, name in enumerate(("Hip", 'Arm "L"')):
        bone = rig.data.edit_bones.new(name)
        bone.head, bone.tail = (0, 0, index), (0, 0, index + 1)
        bone.parent = rig.data.edit_bones[0] if index else None
    bpy.ops.object.mode_set(mode="OBJECT")
    hip = rig.pose.bones["Hip"]
    hip.custom_shape = mesh_object("WGT-Hip", [(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)])
    for name in ("Walk", "Run", "Wave"):
        rig.animation_data_create().action = bpy.data.actions.new(name)
        for frame in (1, 10):
            hip.location.x = frame / 10.0
            hip.keyframe_insert("location", frame=frame)
        action = rig.animation_data.action
        action.use_fake_user = True
        if name == "Wave":
            track = rig.animation_data.nla_tracks.new()
            track.strips.new("Wave", 20, action)
    rig.animation_data.action = bpy.data.actions["Walk"]
    body = grid("Körper", cells=2)
    for index, bone in enumerate(rig.data.bones):
        body.vertex_groups.new(name=bone.name).add(range(index, 9, 2), 1.0, "REPLACE")
    body.parent = rig
    body.modifiers.new("Armature", "ARMATURE").object = rig


def _instances() -> None:
    houses = bpy.data.collections.new("Houses")
    house = cube("House")
    house.data.materials.append(material("Brick", (0.6, 0.1, 0.1, 1.0)))
    chimney = cube("Chimney", size=0.5, centre=(0, 0, 1.2))
    chimney.scale.x, chimney.parent = -1.0, house
    for item in (house, chimney):
        bpy.context.scene.collection.objects.unlink(item)
        houses.objects.link(item)
    street = _instance("Street", houses)
    street.location = (0.0, 10.0, 0.0)
    blocks = bpy.data.collections.new("Blocks")
    inner = _instance("Block", houses)
    bpy.context.scene.collection.objects.unlink(inner)
    blocks.objects.link(inner)
    _instance("City", blocks).location = (10.0, 10.0, 0.0)
    scattered(mesh_object("Pebbles", [(0, 15, 0), (5, 15, 0)], []))
    _points(cube("Dust"))


def _instance(name: str, collection: bpy.types.Collection) -> bpy.types.Object:
    item = link(name, None)
    item.instance_type, item.instance_collection = "COLLECTION", collection
    return item


def _points(item: bpy.types.Object) -> None:
    scattered(item)
    tree = item.modifiers[0].node_group
    given, _shape, _on_points, result = tree.nodes
    points = tree.nodes.new("GeometryNodeMeshToPoints")
    tree.links.new(given.outputs[0], points.inputs["Mesh"])
    tree.links.new(points.outputs[0], result.inputs[0])


def _without_surface() -> None:
    data = bpy.data
    cable = data.curves.new("Cable", "CURVE")
    cable.dimensions, cable.bevel_depth, cable.use_fill_caps = "3D", 0.2, True
    cable.splines.new("POLY").points.add(1)
    cable.splines[0].points[1].co = (0.0, 0.0, 2.0, 1.0)
    link("Cable", cable)["length"] = 2.0
    sign = data.curves.new("Sign", "FONT")
    sign.body, sign.extrude = "Ä!", 0.1
    link("Sign", sign).location.y = -5.0
    sail = data.curves.new("Sail", "SURFACE")
    for row in range(4):
        spline = sail.splines.new("NURBS")
        spline.points.add(3)
        for index, point in enumerate(spline.points):
            point.co = (row, index, row * index / 9.0, 1.0)
            point.select = True
    item = link("Sail", sail)
    bpy.context.view_layer.objects.active = item
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.curve.make_segment()
    bpy.ops.object.mode_set(mode="OBJECT")
    ball = data.metaballs.new("Drop")
    ball.elements.new()
    link("Drop", ball).location.y = -9.0
    grass = data.hair_curves.new("Grass")
    grass.add_curves([3, 3])
    for index, point in enumerate(grass.points):
        point.position = (index // 3, 0.0, index % 3)
    link("Grass", grass)
    _cloud()
    link("Sketch", _drawing())
    smoke = link("Smoke", data.volumes.new("Smoke"))
    smoke.modifiers.new("Mesh to Volume", "MESH_TO_VOLUME").object = cube("Fire", centre=(0, 20, 0))
    link("Cage", data.lattices.new("Cage"))
    link("Pivot", None)
    bpy.context.scene.camera = link("Camera", data.cameras.new("Camera"))
    bpy.context.scene.camera.location = (0.0, -20.0, 5.0)
    link("Lamp", data.lights.new("Lamp", "AREA"))
    link("Probe", data.lightprobes.new("Probe", "SPHERE"))
    link("Noise", data.speakers.new("Noise"))


def _cloud() -> bpy.types.Object:
    """Points that nodes make: no script can, in older Blenders."""
    item = link("Rain", bpy.data.pointclouds.new("Rain"))
    tree = bpy.data.node_groups.new("Rain", "GeometryNodeTree")
    tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    points, result = tree.nodes.new("GeometryNodePoints"), tree.nodes.new("NodeGroupOutput")
    points.inputs["Count"].default_value, points.inputs["Radius"].default_value = 3, 0.5
    tree.links.new(points.outputs[0], result.inputs[0])
    item.modifiers.new("Rain", "NODES").node_group = tree
    return item


def _drawing() -> bpy.types.ID:
    is_old = bpy.app.version < (4, 3, 0)
    sketch = getattr(bpy.data, "grease_pencils_v3", bpy.data.grease_pencils).new("Sketch")
    ink = bpy.data.materials.new("Ink")
    bpy.data.materials.create_gpencil_data(ink)
    sketch.materials.append(ink)
    frame = sketch.layers.new("Lines").frames.new(1)
    if is_old:
        stroke = frame.strokes.new()
        stroke.points.add(3)
        stroke.line_width = 100
    else:
        frame.drawing.add_strokes([3])
        stroke = frame.drawing.strokes[0]
    for index, point in enumerate(stroke.points):
        setattr(point, "co" if is_old else "position", (index, 0.0, index % 2))
        if not is_old:
            point.radius = 0.2
    return sketch


def _arranged(scene: bpy.types.Scene) -> None:
    """What is hidden, unselectable, excluded, in another scene, mirrored and parented."""
    root = scene.collection
    places = {name: bpy.data.collections.new(name) for name in ("Set", "Hidden", "Excluded", "Nobody")}
    for place in places.values():
        root.children.link(place)
    places["Set"].objects.link(bpy.data.objects["Crate"])
    places["Set"].objects.link(bpy.data.objects["Wall/A"])
    long, fixed, outside, elsewhere, mirrored = (
        grid(name, cells=2) for name in (LONG_NAME, "Wall:A", "Wall*A", "Elsewhere", "con")
    )
    long.hide_viewport = long.hide_render = True
    fixed.hide_select = True
    mirrored.location.x, mirrored.scale.x, mirrored.parent = 2.0, -1.0, bpy.data.objects["Pivot"]
    bpy.data.objects["Pivot"].scale = (1.0, 1.0, 2.0)
    other = bpy.data.scenes.new("Shot:010")
    for item, place in (
        (outside, places["Excluded"]),
        (cube("Under"), places["Hidden"]),
        (elsewhere, other.collection),
    ):
        root.objects.unlink(item)
        place.objects.link(item)
    places["Hidden"].hide_viewport = True
    bpy.context.view_layer.layer_collection.children["Excluded"].exclude = True
