"""Node trees in a few lines: each script node by its name, its `main`, and what its inputs get.

    tree = new_tree()
    make = script(tree, "Make", "def main(count: int = 3) -> list[int]: return list(range(count))")
    double = script(tree, "Double", "def main(value: int) -> int: return 2 * value", value=make)

An input gets a value, or the link from a socket, from the first output of a node, or from several of them in a list.
"""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Callable
from typing import Any

import bpy

#: In front of every script; `line(n)` is the number of its own n-th line.
HEADER = """\
from typing import Annotated, Any, Literal, NamedTuple
import bpy
from mathutils import Color, Euler, Matrix, Quaternion, Vector
from background_nodes.script import BlendFile, Range, log, progress, track
"""

#: A script that makes an object larger.
SCALE = """
def main(source: bpy.types.Object, size: float = 2.0) -> bpy.types.Object:
    for vertex in source.data.vertices:
        vertex.co *= size
    return source
"""


def line(number: int) -> int:
    return HEADER.count("\n") + number


def new_tree(name: str = "Tree") -> bpy.types.NodeTree:
    return bpy.data.node_groups.new(name, "BackgroundNodeTree")


def new_text(name: str, source: str) -> bpy.types.Text:
    text = bpy.data.texts.new(name)
    text.from_string(HEADER + textwrap.dedent(source).strip("\n") + "\n")
    return text


def add(tree: bpy.types.NodeTree, idname: str, name: str = "", /, **inputs: Any) -> bpy.types.Node:
    node = tree.nodes.new(idname)
    if name:
        node.name = name
    give(node, **inputs)
    return node


def script(tree: bpy.types.NodeTree, name: str, source: str, /, **inputs: Any) -> bpy.types.Node:
    node = add(tree, "BackgroundNodeScript", name)
    node.script = new_text(f"{name}.py", source)
    give(node, **inputs)
    return node


def value(tree: bpy.types.NodeTree, data_type: str, content: Any, *, is_list: bool = False, name: str = ""):
    """An Input node."""
    node = add(tree, "BackgroundNodeInput", name)
    node.data_type, node.is_list = data_type, is_list
    if content is not None:
        node.outputs[0].default_value = content
    return node


def output(tree: bpy.types.NodeTree, mode: str, data: Any, **settings: Any) -> bpy.types.Node:
    node = add(tree, "BackgroundNodeOutput", settings.pop("name", ""))
    node.mode = mode
    for name, setting in settings.items():
        setattr(node, name, setting)
    give(node, data=data)
    return node


def give(node: bpy.types.Node, /, **inputs: Any) -> None:
    for identifier, content in inputs.items():
        socket = socket_of(node.inputs, identifier)
        sources = content if isinstance(content, list | tuple) else [content]
        if sources and all(isinstance(source, bpy.types.Node | bpy.types.NodeSocket) for source in sources):
            for source in sources:
                link(source, socket)
        else:
            socket.default_value = content


def link(source: bpy.types.Node | bpy.types.NodeSocket, socket: bpy.types.NodeSocket) -> bpy.types.NodeLink:
    if isinstance(source, bpy.types.Node):
        source = source.outputs[0]
    return socket.id_data.links.new(source, socket)


def socket_of(sockets: Any, identifier: str) -> bpy.types.NodeSocket:
    return next(socket for socket in sockets if socket.identifier == identifier)


def identifiers(sockets: Any) -> list[str]:
    return [socket.identifier for socket in sockets]


def advance(run, until: Callable[[], bool]) -> None:
    """Carry a run on until something is so; a run that ends before is an error."""
    while not until():
        assert not run.state.is_final, f"the run is {run.state}"
        run.wait(0.01)


@contextlib.contextmanager
def editor(tree):
    """A node editor that shows the tree."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "NODE_EDITOR"
    area.ui_type = "BackgroundNodeTree"
    area.spaces.active.node_tree = tree
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, screen=window.screen, area=area, region=region):
        yield


# Data-blocks


def link_to_scene(scene_object: bpy.types.Object) -> bpy.types.Object:
    bpy.context.scene.collection.objects.link(scene_object)
    return scene_object


def quad(name: str = "Quad", size: float = 1.0, material: bpy.types.Material | None = None) -> bpy.types.Object:
    """An object in the scene whose mesh has one face."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(0, 0, 0), (size, 0, 0), (size, size, 0), (0, size, 0)], [], [(0, 1, 2, 3)])
    if material is not None:
        mesh.materials.append(material)
    return link_to_scene(bpy.data.objects.new(name, mesh))


def new_material(name: str) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    if bpy.app.version < (5, 0, 0):  # deprecated then: every material has nodes
        material.use_nodes = True
    return material


def names() -> dict[str, list[tuple[str, int]]]:
    """Name and number of users of all in the file, libraries too.

    But for Blender's own brushes, which it loads when it likes to: a step of undo from before another test did.
    """
    found = {}
    for prop in bpy.data.bl_rna.properties:
        if prop.type == "COLLECTION" and prop.identifier != "all_ids":
            items = (item for item in getattr(bpy.data, prop.identifier) if not _is_of_blender(item))
            found[prop.identifier] = [(item.name_full, item.users) for item in items]
    return found


def _is_of_blender(item: bpy.types.ID) -> bool:
    if isinstance(item, bpy.types.Brush) and bpy.app.version < (4, 3):  # they are in the file then
        return True
    library = item if isinstance(item, bpy.types.Library) else getattr(item, "library", None)
    return library is not None and library.name.startswith("essentials_brushes")
