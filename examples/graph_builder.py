"""Makes node trees in Python: nodes of the library and scripts from files, wired and laid out for reading."""

from pathlib import Path

import bpy
from mathutils import Euler, Vector

SCRIPTS = Path(__file__).parent / "scripts"

#: What Blender draws, about: the width of a node and the height of its header and of each row, in node space.
NODE_WIDTH = 200.0
HEADER, ROW = 40.0, 22.0
GAP = 50.0
#: Between nodes and the links that are led around them, and between two such links.
LANE = 40.0


class GraphBuilder:
    """A node tree that grows node by node, from left to right, in columns."""

    def __init__(self, name: str, *, column_gap: float = 90.0) -> None:
        self.tree = bpy.data.node_groups.new(name, "BackgroundNodeTree")
        self.tree.use_fake_user = True
        self.column_gap = column_gap
        self.columns: dict[int, list[bpy.types.Node]] = {}

    # Nodes

    def input(
        self, name: str, column: int, data_type: str, value: object, *, is_list: bool = False
    ) -> bpy.types.NodeSocket:
        """A value, or several; gives its socket."""
        node = self.add(name, column, "BackgroundNodeInput")
        node.data_type, node.is_list = data_type, is_list
        node.outputs[0].default_value = value
        return node.outputs[0]

    def collect(
        self,
        collection: str,
        column: int,
        objects: bpy.types.NodeSocket,
        offset: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> bpy.types.Node:
        """Links the results into a collection of that name, in the scene, so far from their originals."""
        found = bpy.data.collections.get(collection) or bpy.data.collections.new(collection)
        if collection not in bpy.context.scene.collection.children:
            bpy.context.scene.collection.children.link(found)
        node = self.add(f"Collect {collection}", column, "BackgroundNodeOutput")
        node.mode, node.collection, node.offset = "LINK", found, offset
        self.tree.links.new(objects, node.inputs[0])
        return node

    def library(self, name: str, column: int, script: str, **inputs: object) -> bpy.types.Node:
        """A node with a script of the library."""
        node = self.add(name, column, "BackgroundNodeScript")
        node.library_script = script
        return self._connect(node, name, inputs)

    def script(self, name: str, column: int, script: str, **inputs: object) -> bpy.types.Node:
        """A node with a script of `scripts/`, as a text in the file: so the file is all that is needed."""
        node = self.add(name, column, "BackgroundNodeScript")
        filename = f"{script}.py"
        node.script = bpy.data.texts.get(filename) or bpy.data.texts.load(str(SCRIPTS / filename), internal=True)
        return self._connect(node, name, inputs)

    def add(self, name: str, column: int, idname: str) -> bpy.types.Node:
        """A node below those that its column has."""
        node = self.tree.nodes.new(idname)
        node.name = node.label = name
        node.width = NODE_WIDTH
        self.columns.setdefault(column, []).append(node)
        return node

    def _connect(self, node: bpy.types.Node, name: str, inputs: dict[str, object]) -> bpy.types.Node:
        """Link or set the node's inputs by identifier."""
        node.label = name
        sockets = {socket.identifier: socket for socket in node.inputs}
        for identifier, value in inputs.items():
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, sockets[identifier])
            else:
                sockets[identifier].default_value = value
        return node

    # Layout

    def lay_out(self) -> None:
        """Columns from left to right, each with its nodes one below the other, around the same middle."""
        for column, nodes in self.columns.items():
            y = (sum(map(node_height, nodes)) + GAP * (len(nodes) - 1)) / 2.0
            for node in nodes:
                node.location = column * (NODE_WIDTH + self.column_gap), y
                y -= node_height(node) + GAP

    def lead_around(self) -> None:
        """Lead links that pass columns on their way below these: else they seem to enter sockets there."""
        columns = {node.name: column for column, nodes in self.columns.items() for node in nodes}
        found = [(columns[link.from_node.name], columns[link.to_node.name], link) for link in self.tree.links]
        passing = [(first, last, link.from_socket, link.to_socket) for first, last, link in found if last - first > 1]
        for lane, (first, last, source, target) in enumerate(sorted(passing, key=lambda item: item[1] - item[0])):
            between = [node for column in range(first + 1, last) for node in self.columns[column]]
            y = min(node.location.y - node_height(node) for node in between) - LANE * (lane + 1)
            left = min(node.location.x for node in between) - self.column_gap / 2.0
            right = max(node.location.x for node in between) + NODE_WIDTH + self.column_gap / 2.0
            self.tree.links.new(self._reroute(self._reroute(source, left, y), right, y), target)

    def _reroute(self, source: bpy.types.NodeSocket, x: float, y: float) -> bpy.types.NodeSocket:
        reroute = self.tree.nodes.new("NodeReroute")
        reroute.location = x, y
        self.tree.links.new(source, reroute.inputs[0])
        return reroute.outputs[0]

    def frame(self, label: str, *columns: int) -> bpy.types.Node:
        """A frame around all nodes of these columns."""
        frame = self.tree.nodes.new("NodeFrame")
        frame.name = frame.label = label
        frame.label_size = 28
        for column in columns:
            for node in self.columns[column]:
                node.parent = frame
        return frame


def node_height(node: bpy.types.Node) -> float:
    """What the node takes when it is drawn, rather too much than too little: Blender knows only once it draws."""
    rows = 3.0 if node.bl_idname == "BackgroundNodeOutput" else 2.0  # type, script or mode, and status
    for socket in (*node.inputs, *node.outputs):
        is_shown_list = socket.bl_idname.endswith("List") and not socket.is_linked and not socket.is_output
        is_shown_list |= socket.is_output and node.bl_idname == "BackgroundNodeInput" and node.is_list
        is_column = not (socket.is_output or socket.is_linked) and isinstance(socket.default_value, Vector | Euler)
        rows += 1.0 + (len(socket.default_value) if is_shown_list or is_column else 0)
    return HEADER + ROW * rows
