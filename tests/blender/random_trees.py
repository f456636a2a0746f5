"""Random node trees: scripts, inputs, reroutes, frames, muted links, and groups of these."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import bpy

from background_nodes.node_tree import group_interface, grouping
from background_nodes.node_tree.grouping import GroupingError
from background_nodes.node_tree.plain_sockets import matrix

from .graphs import link, new_tree, script, value

_SOURCES = (
    "def main(a: float = 0.5, b: int = 2) -> float: ...",
    "def main(a: list[float], b: float = 1.0) -> list[float]: ...",
    "import bpy\ndef main(a: bpy.types.Object | None, b: list[bpy.types.Object] = ()) -> bpy.types.Object: ...",
    "from mathutils import Vector\ndef main(a: Vector, b: str = 'x') -> str: ...",
    "from typing import Literal\ndef main(a: Literal['one', 'two'] = 'one', b: str = '') -> str: ...",
)


def random_tree(chance: random.Random) -> bpy.types.NodeTree:
    tree = new_tree("Random")
    outputs: list[bpy.types.NodeSocket] = []
    for index in range(chance.randint(3, 9)):
        if chance.random() < 0.2:
            kind, content = chance.choice((("FLOAT", 1.5), ("INT", 2), ("STRING", "text"), ("Object", None)))
            node = value(tree, kind, content, name=f"Input {index}")
        elif chance.random() < 0.2:
            node = tree.nodes.new("NodeReroute")
            node.name = f"Reroute {index}"
        else:
            node = script(tree, f"Node {index}", chance.choice(_SOURCES))
        node.location = (index * 150.0, chance.randint(-300, 300))
        for socket in node.inputs:
            wanted = chance.choice((0, 1, 1, 3 if socket.is_multi_input else 1))
            for source in chance.choices(outputs, k=wanted) if outputs else ():
                made = link(source, socket)
                made.is_muted = chance.random() < 0.1
        outputs.extend(node.outputs)
    for index in range(chance.randint(0, 2)):
        frame = tree.nodes.new("NodeFrame")
        frame.name = f"Frame {index}"
        for node in chance.sample(list(tree.nodes), 2):
            if node.bl_idname != "NodeFrame":
                node.parent = frame
    return tree


def group_some(tree: bpy.types.NodeTree, chance: random.Random) -> bpy.types.Node | None:
    nodes = list(tree.nodes)
    try:
        return grouping.make(tree, chance.sample(nodes, chance.randint(1, len(nodes))))
    except GroupingError:
        return None


# What artists do to nodes


def adorned(tree: bpy.types.NodeTree, chance: random.Random) -> None:
    """Give a tree, and the groups in it, looks, settings, values and interfaces of all kinds."""
    for each in [tree, *bpy.data.node_groups]:
        for node in each.nodes:
            _adorn_node(node, chance)
    for group in {node.node_tree.name: node.node_tree for node in tree.nodes if hasattr(node, "node_tree")}.values():
        _adorn_interface(group, chance)


def _adorn_node(node: bpy.types.Node, chance: random.Random) -> None:
    node.location = chance.uniform(-1000, 1000), chance.uniform(-1000, 1000)
    node.label = chance.choice(("", "Label", 'ünï "quoted" \\ 節'))
    if chance.random() < 0.3:
        node.use_custom_color, node.color = True, (chance.random(), chance.random(), chance.random())
    node.mute, node.hide = chance.random() < 0.2, chance.random() < 0.2
    if node.bl_idname == "BackgroundNodeScript":
        node.timeout, node.retries = chance.choice((0.0, 0.1, 7.0)), chance.choice((0, 1, 5))
        node.use_fresh_process, node.cache = chance.random() < 0.2, chance.choice(("AUTOMATIC", "NEVER"))
    for socket in node.inputs if hasattr(node, "uid") else ():
        if hasattr(socket, "socket_type") and chance.random() < 0.5:
            set_random_value(socket, socket.socket_type, chance)
        socket.hide = chance.random() < 0.1


def set_random_value(socket: Any, socket_type: Any, chance: random.Random) -> None:
    """Give a socket, or an item of an interface, a value of its type; that of a script's default, now and then."""
    make = _VALUES.get(socket_type.kind)
    if make is not None and socket_type.is_list:
        socket.default_value = [make(chance) for _ in range(chance.randint(0, 3))]
    elif make is not None:
        socket.default_value = make(chance)
    elif socket_type.kind == "MENU" and (choices := json.loads(socket.choices_json or "[]")):
        made = [str(each) for each in chance.choices(choices, k=2)]
        socket.default_value = made if socket_type.is_list else made[0]


def _numbers(count: int) -> Callable[[random.Random], list[float]]:
    return lambda chance: [chance.choice((0.0, 0.1, 1e-20, 3.0e38, chance.random())) for _ in range(count)]


_VALUES: dict[str, Callable[[random.Random], Any]] = {
    "BOOLEAN": lambda chance: chance.random() < 0.5,
    "INT": lambda chance: chance.choice((0, 2, -(2**31), 2**31 - 1)),
    "FLOAT": lambda chance: chance.choice((0.0, 0.5, 0.1, -1e-30, 3.0e38, float("inf"), chance.random())),
    "STRING": lambda chance: chance.choice(("", "x", 'two\nlines "and" quotes \\', "ünï 節\u202e")),
    "PATH": lambda chance: chance.choice(("", "//a/b.png", "/tmp/c.exr")),
    "BLEND_FILE": lambda chance: chance.choice(("", "//other.blend")),
    "VECTOR": _numbers(3),
    "COLOR": _numbers(3),
    "ROTATION": lambda chance: [chance.uniform(-3.0, 3.0) for _ in range(3)],
    "MATRIX": lambda chance: matrix([chance.random() for _ in range(16)]),
    "ANY": lambda chance: chance.choice(({"b": 1, "a": [1.5, None, {"json": True}]}, [], "text", 0.1, None)),
}


def _adorn_interface(group: bpy.types.NodeTree, chance: random.Random) -> None:
    interface, panels = group.interface, [None]
    types = [cls for cls in group_interface.classes() if not cls.value_type.is_data_block]
    for number in range(chance.randint(0, 5)):
        if chance.random() < 0.3:
            panels.append(interface.new_panel(f"Panel {number}", description="x", default_closed=chance.random() < 0.5))
        cls, in_out = chance.choice(types), chance.choice(("INPUT", "INPUT", "OUTPUT"))
        item = interface.new_socket(f"Extra {number}", in_out=in_out, socket_type=cls.bl_socket_idname)
        item.description = chance.choice(("", "What it is for"))
        if cls.kind == "MENU":
            item.choices_text = "one, two, three"
        if hasattr(item, "use_minimum"):
            item.use_minimum, item.minimum = chance.random() < 0.5, -2
        set_random_value(item, item.value_type, chance)
        interface.move_to_parent(item, chance.choice(panels), 100)
        if chance.random() < 0.3:
            interface.remove(item)  # its number is missing then
