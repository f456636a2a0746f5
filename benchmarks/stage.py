"""Builds what is measured: trees, objects, and a warm worker."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import bpy
import numpy as np

import background_nodes
from background_nodes.addon.preferences import preferences
from background_nodes.addon.session.current import session
from background_nodes.runtime.store.limits import Limits

PASS_ON = """\
import bpy


def main(source: bpy.types.Object) -> bpy.types.Object:
    source.location.z += 1.0
    return source
"""
MOVE_VERTICES = """\
import bpy
import numpy as np


def main(source: bpy.types.Object) -> bpy.types.Object:
    positions = np.empty(len(source.data.vertices) * 3, np.float32)
    source.data.vertices.foreach_get("co", positions)
    positions[2::3] += 1.0
    source.data.vertices.foreach_set("co", positions)
    source.data.update()
    return source
"""
PASS_ALL_ON = """\
import bpy


def main(sources: list[bpy.types.Object]) -> list[bpy.types.Object]:
    for source in sources:
        source.location.z += 1.0
    return sources
"""
COUNT_OBJECTS = """\
import bpy


def main(sources: list[bpy.types.Object]) -> int:
    return len(sources)
"""
COUNT_ON = """\
def main(number: int) -> int:
    return number + 1
"""
MAKE_OBJECT = """\
import bpy


def main(number: int) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(f"Result {number}")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, number)], [], [(0, 1, 2, 3)])
    return bpy.data.objects.new(f"Result {number}", mesh)
"""
MAKE_OBJECTS = """\
import bpy


def main(count: int, height: float = 1.0) -> list[bpy.types.Object]:
    found = []
    for number in range(count):
        name = f"Result {number}"
        mesh = bpy.data.meshes.new(name)
        mesh.from_pydata([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, height)], [], [(0, 1, 2, 3)])
        mesh.materials.append(bpy.data.materials.new(name))
        mesh.materials[0].use_nodes = True
        found.append(bpy.data.objects.new(name, mesh))
        found[-1].modifiers.new("Bevel", "BEVEL")
    return found
"""


def empty_file() -> None:
    """A file with nothing in it."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


def new_tree() -> bpy.types.NodeTree:
    return bpy.data.node_groups.new("Benchmark", "BackgroundNodeTree")


def script_node(tree: bpy.types.NodeTree, source: str) -> bpy.types.Node:
    """A node with a script, in a text of its own."""
    text = bpy.data.texts.new("benchmark.py")
    text.write(source)
    node = tree.nodes.new("BackgroundNodeScript")
    node.script = text
    return node


def object_tree(item: bpy.types.Object, source: str = PASS_ON) -> bpy.types.NodeTree:
    """One node that takes an object and gives it back."""
    tree = new_tree()
    script_node(tree, source).inputs[0].default_value = item
    return tree


def mapped_tree(source: str, count: int) -> bpy.types.NodeTree:
    """One node mapped over the numbers from 0."""
    tree = new_tree()
    add_mapped(tree, source, count)
    return tree


def add_mapped(tree: bpy.types.NodeTree, source: str, count: int) -> None:
    """Add a node mapped over the numbers from 0, and these."""
    numbers = tree.nodes.new("BackgroundNodeInput")
    numbers.data_type, numbers.is_list = "INT", True
    numbers.outputs[0].default_value = range(count)
    tree.links.new(numbers.outputs[0], script_node(tree, source).inputs[0])


def add_after(tree: bpy.types.NodeTree, source: str) -> None:
    """Add a node that takes what the last one gives."""
    given = tree.nodes[-1].outputs[0]
    tree.links.new(given, script_node(tree, source).inputs[0])


def list_tree(objects: list[bpy.types.Object], source: str = PASS_ON) -> bpy.types.NodeTree:
    """One node that takes a list of objects, or is mapped over it."""
    tree = new_tree()
    node = tree.nodes.new("BackgroundNodeInput")
    node.data_type, node.is_list = "Object", True
    node.outputs[0].default_value = objects
    tree.links.new(node.outputs[0], script_node(tree, source).inputs[0])
    return tree


def bring_home(tree: bpy.types.NodeTree) -> None:
    """Let the results of the last node come home; without this, or an Output node, they are only offered."""
    tree.nodes[-1].keep_result = True


def add_output(tree: bpy.types.NodeTree, mode: str) -> None:
    """Add an Output node that takes what the last node gives."""
    source = tree.nodes[-1].outputs[0]
    node = tree.nodes.new("BackgroundNodeOutput")
    node.mode = mode
    tree.links.new(source, node.inputs[0])


def scene_objects(count: int) -> list[bpy.types.Object]:
    """So many objects in the scene, each with a mesh of its own."""
    objects = []
    for number in range(count):
        mesh = bpy.data.meshes.new(f"Object {number}")
        mesh.from_pydata([(0, 0, 0), (1, 0, 0), (1, 1, 0)], [], [(0, 1, 2)])
        objects.append(bpy.data.objects.new(mesh.name, mesh))
        bpy.context.scene.collection.objects.link(objects[-1])
    return objects


def grid_object(side: int) -> bpy.types.Object:
    """A mesh of `side` times `side` vertices with faces and UV coordinates."""
    if side < 2:
        raise ValueError("a grid has two vertices on a side, or more")
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=side - 1, y_subdivisions=side - 1, calc_uvs=True)
    item = bpy.context.object
    heights = np.random.default_rng(1).random(len(item.data.vertices) * 3, np.float32)
    item.data.vertices.foreach_set("co", heights)
    return item


def rich_object(resolution: int) -> bpy.types.Object:
    """A small object with three materials of sixty nodes, and four packed images in them."""
    item = grid_object(8)
    images = [bpy.data.images.new("Image", resolution, resolution) for _ in range(4)]
    for image in images:
        image.generated_type = "COLOR_GRID"
        image.pack()
    for _ in range(3):
        material = bpy.data.materials.new("Material")
        material.use_nodes = True
        nodes = material.node_tree.nodes
        for image in images:
            nodes.new("ShaderNodeTexImage").image = image
        while len(nodes) < 60:
            nodes.new("ShaderNodeMath")
        item.data.materials.append(material)
    return item


def carry_out(
    tree: bpy.types.NodeTree, workers: int = 1, *, cache: bool = False, **options: object
) -> background_nodes.Run:
    """Run a tree; without `cache`, all of it. Raises RuntimeError if it fails, for then there is nothing to measure."""
    run = background_nodes.run(tree, workers=workers, cache=cache, **options)
    if run.state != "succeeded":
        errors = [f"{task.name}: {task.error.message}" for task in run.tasks.values() if task.error]
        raise RuntimeError("; ".join(errors) or f"the run is {run.state}")
    return run


@contextlib.contextmanager
def own_store(size: int, history_size: int) -> Iterator[Path]:
    """Within the block, runs keep results in a store of their own, and the last ones in the scratch folder.

    Args:
        size: bytes that the store may hold.
        history_size: bytes that the last runs may hold.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        limits = Limits(max_size=size, min_free=0)
        own = {"uses_store": True, "store_folder": folder, "store_limits": limits, "history_size": history_size}
        session.use_settings(lambda: dataclasses.replace(preferences.settings(), **own))
        try:
            yield Path(folder)
        finally:
            session.use_settings(preferences.settings)


def remove(objects: Iterable[bpy.types.Object]) -> None:
    """Remove mesh objects with their meshes."""
    meshes = [item.data for item in objects]
    bpy.data.batch_remove([*objects, *meshes])


def append_objects(path: Path) -> list[bpy.types.Object]:
    """All objects of a library, as Blender alone does it."""
    with bpy.data.libraries.load(str(path)) as (available, wanted):
        wanted.objects = available.objects
    return list(wanted.objects)


def write(path: Path, *items: bpy.types.Object) -> None:
    bpy.data.libraries.write(str(path), set(items), path_remap="ABSOLUTE")
