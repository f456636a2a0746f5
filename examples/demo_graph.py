"""The demo's graph: nodes of the library and two scripts of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
from demo_scene import BACKDROPS
from graph_builder import GraphBuilder


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


class _Builder(GraphBuilder):
    def __init__(self, name: str, sizes: Sizes) -> None:
        super().__init__(name)
        self.sizes = sizes

    def build(self, objects: Sequence[bpy.types.Object], folder: str) -> bpy.types.NodeTree:
        high = self.input("High-Poly", 0, "Object", objects, is_list=True)
        colors = [BACKDROPS[index % len(BACKDROPS)] for index in range(len(objects))]
        backdrops = self.input("Backdrops", 0, "COLOR", colors, is_list=True)
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
        unwrapped = self.library(
            f"Unwrap {level}", 2, "uv/smart_uv_project", source=reduced.outputs["Decimated"], suffix=""
        )
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
        self.collect(level, 5, finished)
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
