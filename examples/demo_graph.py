"""The demo's graph: nodes of the library and two scripts of its own, wired and laid out for reading."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy
from demo_scene import BACKDROPS

SCRIPTS = Path(__file__).parent / "scripts"

#: What Blender draws, about: the width of a node and the height of its header and of each row, in node space.
NODE_WIDTH = 200.0
HEADER, ROW = 40.0, 22.0
COLUMN, GAP = NODE_WIDTH + 90.0, 50.0


@dataclass(frozen=True)
class Sizes:
    """How much work the graph is."""

    ratios: tuple[float, float] = (0.15, 0.02)
    textures: tuple[int, int] = (512, 256)
    bake_samples: int = 1
    tile: tuple[int, int] = (600, 300)
    tile_samples: int = 6


def build(
    name: str, objects: Sequence[bpy.types.Object], folder: str, sizes: Sizes | None = None
) -> bpy.types.NodeTree:
    """Make the node tree for these objects.

    Args:
        name: Name of the tree.
        objects: The high-poly objects.
        folder: Where the glTF files and the contact sheet go, with a slash at its end; "//" is beside the file.
        sizes: Smaller ones are faster.
    """
    return _Builder(name, sizes or Sizes()).build(objects, folder)


class _Builder:
    def __init__(self, name: str, sizes: Sizes) -> None:
        self.tree = bpy.data.node_groups.new(name, "BackgroundNodeTree")
        self.tree.use_fake_user = True
        self.sizes = sizes
        self.columns: dict[int, list[bpy.types.Node]] = {}

    def build(self, objects: Sequence[bpy.types.Object], folder: str) -> bpy.types.NodeTree:
        high = self.input("High-Poly", 0, "Object", objects)
        backdrops = self.input("Backdrops", 0, "COLOR", [BACKDROPS[i % len(BACKDROPS)] for i in range(len(objects))])
        first, second = (self.level(number, high, folder) for number in (1, 2))
        self.sheet(high, first, second, backdrops, folder)
        self.lay_out()
        self.frame("Objects", 0)
        self.frame("Reduce and Unwrap", 1, 2)
        self.frame("Bake", 3, 4)
        self.frame("Deliver", 5)
        self.frame("Contact Sheet", 6, 7, 8)
        return self.tree

    def level(self, number: int, high: bpy.types.NodeSocket, folder: str) -> bpy.types.NodeSocket:
        """One level of detail: reduce, unwrap, bake, export. Gives the finished objects."""
        level, resolution = f"LOD{number}", self.sizes.textures[number - 1]
        reduced = self.library(
            f"Reduce {level}",
            1,
            "mesh/decimate",
            source=high,
            suffix=f"_{level}",
            ratio=self.sizes.ratios[number - 1],
            triangulate=True,
        )
        unwrapped = self.library(f"Unwrap {level}", 2, "uv/smart_uv_project", source=reduced.outputs["Decimated"])
        baked = self.library(
            f"Bake Normals {level}",
            3,
            "bake/bake_normal",
            low=unwrapped.outputs[0],
            high=high,
            resolution=resolution,
            samples=self.sizes.bake_samples,
        )
        colored = self.script(
            f"Bake Colors {level}", 4, "bake_color", low=baked.outputs["Low"], high=high, resolution=resolution
        )
        finished = colored.outputs["Baked"]
        self.library(f"Export {level}", 5, "import_export/export_each_gltf", source=finished, folder=f"{folder}glTF")
        self.output(level, 5, finished)
        return finished

    def sheet(
        self,
        high: bpy.types.NodeSocket,
        first: bpy.types.NodeSocket,
        second: bpy.types.NodeSocket,
        backdrops: bpy.types.NodeSocket,
        folder: str,
    ) -> None:
        """A picture of each object with its levels of detail, all of them on one sheet."""
        width, height = self.sizes.tile
        tiles = self.script(
            "Render Tiles",
            6,
            "render_tile",
            high=high,
            first=first,
            second=second,
            backdrop=backdrops,
            width=width,
            height=height,
            samples=self.sizes.tile_samples,
        )
        sheet = self.library(
            "Contact Sheet",
            7,
            "image/contact_sheet",
            images=tiles.outputs[0],
            columns=3,
            cell_width=width,
            cell_height=height,
            margin=width // 60,
            background=(0.012, 0.013, 0.015),
        )
        self.library("Save Sheet", 8, "image/save_image", image=sheet.outputs[0], filepath=f"{folder}contact sheet.png")

    # Nodes

    def input(self, name: str, column: int, data_type: str, values: Sequence[object]) -> bpy.types.NodeSocket:
        node = self.add(name, column, "BackgroundNodeInput")
        node.data_type, node.is_list = data_type, True
        node.outputs[0].default_value = values
        return node.outputs[0]

    def output(self, name: str, column: int, objects: bpy.types.NodeSocket) -> None:
        """Links the results into a collection of that name, in the scene."""
        collection = bpy.data.collections.get(name) or bpy.data.collections.new(name)
        if name not in bpy.context.scene.collection.children:
            bpy.context.scene.collection.children.link(collection)
        node = self.add(f"Collect {name}", column, "BackgroundNodeOutput")
        node.mode, node.collection = "LINK", collection
        self.tree.links.new(objects, node.inputs[0])

    def library(self, name: str, column: int, script: str, **inputs: object) -> bpy.types.Node:
        """A node with a script of the library."""
        node = self.add(name, column, "BackgroundNodeScript")
        node.library_script = script
        return self.connect(node, name, inputs)

    def script(self, name: str, column: int, script: str, **inputs: object) -> bpy.types.Node:
        """A node with a script of the demo, as a text in the file: so the file is all that is needed."""
        node = self.add(name, column, "BackgroundNodeScript")
        filename = f"{script}.py"
        node.script = bpy.data.texts.get(filename) or bpy.data.texts.load(str(SCRIPTS / filename), internal=True)
        return self.connect(node, name, inputs)

    def connect(self, node: bpy.types.Node, name: str, inputs: dict[str, object]) -> bpy.types.Node:
        """Link or set the node's inputs by identifier."""
        node.label = name
        sockets = {socket.identifier: socket for socket in node.inputs}
        for identifier, value in inputs.items():
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, sockets[identifier])
            else:
                sockets[identifier].default_value = value
        return node

    def add(self, name: str, column: int, idname: str) -> bpy.types.Node:
        node = self.tree.nodes.new(idname)
        node.name = node.label = name
        node.width = NODE_WIDTH
        self.columns.setdefault(column, []).append(node)
        return node

    # Layout

    def lay_out(self) -> None:
        """Columns from left to right, each with its nodes one below the other, around the same middle."""
        for column, nodes in self.columns.items():
            y = (sum(map(node_height, nodes)) + GAP * (len(nodes) - 1)) / 2.0
            for node in nodes:
                node.location = column * COLUMN, y
                y -= node_height(node) + GAP

    def frame(self, label: str, *columns: int) -> None:
        frame = self.tree.nodes.new("NodeFrame")
        frame.name = frame.label = label
        frame.label_size = 28
        for column in columns:
            for node in self.columns[column]:
                node.parent = frame


def node_height(node: bpy.types.Node) -> float:
    """What the node takes when it is drawn, rather too much than too little: Blender knows only once it draws."""
    rows = 3.0 if node.bl_idname == "BackgroundNodeOutput" else 2.0  # type, script or mode, and status
    for socket in (*node.inputs, *node.outputs):
        is_shown_list = socket.bl_idname.endswith("List") and not socket.is_linked and not socket.is_output
        is_shown_list |= socket.is_output and node.bl_idname == "BackgroundNodeInput"
        rows += 1.0 + (len(socket.default_value) if is_shown_list else 0)
    return HEADER + ROW * rows
