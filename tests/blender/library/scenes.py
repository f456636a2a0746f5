# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped scripts, called as they are, and scenes for them in a few lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import bpy
import mathutils
import numpy as np

LIBRARY = Path(__file__).parents[3] / "node_tree" / "library"


class Reports:
    """What a script said of its progress."""

    def __init__(self) -> None:
        self.fractions: dict[str, list[float]] = {}

    def progress(self, fraction: float, text: str) -> None:
        self.fractions.setdefault(text, []).append(fraction)

    def steps(self, word: str) -> int:
        """At how many places the bar stood while the text began with `word`."""
        return len({step for text, steps in self.fractions.items() if text.startswith(word) for step in steps})


def load(name: str) -> SimpleNamespace:
    path = LIBRARY / f"{name}.py"
    namespace = {"__name__": "__script__", "__file__": str(path)}
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), namespace)
    return SimpleNamespace(**namespace)


def run(script: str, /, *args, **kwargs):
    return load(script).main(*args, **kwargs)


def open_empty_file() -> None:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


def link(name: str, data) -> bpy.types.Object:
    item = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(item)
    return item


def mesh_object(name: str, vertices, faces) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([tuple(vertex) for vertex in vertices], [], faces)
    return link(name, mesh)


def cube(name: str = "Cube", size: float = 2.0, centre=(0.0, 0.0, 0.0)) -> bpy.types.Object:
    half = size / 2
    corners = [mathutils.Vector((x, y, z)) * half for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return mesh_object(name, [corner + mathutils.Vector(centre) for corner in corners], faces)


def grid(name: str = "Grid", cells: int = 8, height: Callable[[float, float], float] = lambda x, y: 0.0):
    """A grid from -1 to 1, with a UV map that covers the whole picture."""
    steps = np.linspace(-1.0, 1.0, cells + 1)
    vertices = [(x, y, height(x, y)) for y in steps for x in steps]
    row = cells + 1
    corners = [(i + j * row) for j in range(cells) for i in range(cells)]
    item = mesh_object(name, vertices, [(a, a + 1, a + row + 1, a + row) for a in corners])
    layer = item.data.uv_layers.new(name="UVMap")
    for loop in item.data.loops:
        x, y, _ = item.data.vertices[loop.vertex_index].co
        layer.uv[loop.index].vector = ((x + 1.0) / 2.0, (y + 1.0) / 2.0)
    return item


def subdivided(item: bpy.types.Object, levels: int = 3) -> bpy.types.Object:
    item.modifiers.new("Subdivision", "SUBSURF").levels = levels
    return item


def picture(name: str, color, width: int = 8, height: int = 4) -> bpy.types.Image:
    image = bpy.data.images.new(name, width, height)
    image.pixels.foreach_set(np.tile(np.float32(color), width * height))
    return image


def data_picture(name: str, color, width: int = 8, height: int = 4, **options) -> bpy.types.Image:
    """An image of data, no colours."""
    image = bpy.data.images.new(name, width, height, is_data=True, **options)
    image.pixels.foreach_set(np.tile(np.float32(color), width * height))
    return image


def pixels(image: bpy.types.Image) -> np.ndarray:
    """Rows from the bottom up, columns, RGBA."""
    values = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(image.size[1], image.size[0], 4)


def material(name: str, color=(0.8, 0.8, 0.8, 1.0)) -> bpy.types.Material:
    result = bpy.data.materials.new(name)
    if result.node_tree is None:
        result.use_nodes = True
    result.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = color
    return result


def textured(steel: bpy.types.Material, image: bpy.types.Image) -> bpy.types.Material:
    """A material whose base colour is an image."""
    node = steel.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    steel.node_tree.links.new(node.outputs[0], steel.node_tree.nodes["Principled BSDF"].inputs["Base Color"])
    return steel


def saved_picture(path: Path, color) -> bpy.types.Image:
    """An image that is a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = picture(path.stem, color)
    image.file_format = "PNG"
    image.filepath_raw = str(path)
    image.save()
    bpy.data.images.remove(image)
    return bpy.data.images.load(str(path))


def tiled_picture(path: Path, colors: dict[int, tuple]) -> bpy.types.Image:
    """A UDIM image with a file for each tile; `path` has <UDIM> in place of the number."""
    files = [Path(str(path).replace("<UDIM>", str(number))) for number in colors]
    for file, color in zip(files, colors.values(), strict=True):
        bpy.data.images.remove(saved_picture(file, color))
    image = bpy.data.images.load(str(files[0]))
    image.source, image.filepath = "TILED", str(path)
    assert [tile.number for tile in image.tiles] == list(colors)
    return image


def scattered(item: bpy.types.Object) -> bpy.types.Object:
    """A cube on each vertex by Geometry Nodes, and nothing else."""
    tree = bpy.data.node_groups.new("Scatter", "GeometryNodeTree")
    for in_out in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=in_out, socket_type="NodeSocketGeometry")
    kinds = ("NodeGroupInput", "GeometryNodeMeshCube", "GeometryNodeInstanceOnPoints", "NodeGroupOutput")
    given, shape, on_points, result = map(tree.nodes.new, kinds)
    tree.links.new(given.outputs[0], on_points.inputs["Points"])
    tree.links.new(shape.outputs["Mesh"], on_points.inputs["Instance"])
    tree.links.new(on_points.outputs[0], result.inputs[0])
    item.modifiers.new("Scatter", "NODES").node_group = tree
    return item


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def uv_area(item: bpy.types.Object) -> float:
    uv = np.array([tuple(entry.vector) for entry in item.data.uv_layers.active.uv])
    total = 0.0
    for polygon in item.data.polygons:
        x, y = uv[list(polygon.loop_indices)].T
        total += abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2.0
    return total
