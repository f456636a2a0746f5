"""The graphs of the example files, each with a note that explains it."""

from collections.abc import Callable
from dataclasses import dataclass

import bpy
import demo_scene
from graph_builder import GraphBuilder

#: Width and height of a note, and of its letters, in node space.
NOTE_SIZE = 420.0, 520.0
LETTERS = 15

LEVELS_NOTE = """\
LEVELS OF DETAIL

Press Run in the header, or Ctrl Enter.

Split Collection lists the objects of
High-Poly. Each Decimate node gets that
list, so it runs once for each object,
several at a time: watch 2/4 on its bar.

The results stand in front of the
originals, in collections of their own.
Ctrl Z takes them back.

Try another Ratio and run again. Click the
number on an output of Move: it selects
the objects that came home."""

BAKE_NOTE = """\
BAKE AND EXPORT

Press Run in the header, or Ctrl Enter.

Each object is reduced and unwrapped.
Then Cycles bakes the surface of the
original into a normal map for it, so
that it looks as detailed as before.

The finished objects stand in front of
the originals, and go to glTF files in
the folder of the Folder node. Choose
your own there.

Go on working while it runs: it does
not disturb what you do.

Run again, and all is Cached: nothing has
changed. Set another Ratio, and Decimate
and what comes after it run again: objects
and files take the place of these."""


@dataclass(frozen=True)
class Example:
    """An example file: its name, the objects in it, how many rows they make with the results, and its graph."""

    name: str
    makers: tuple[Callable[[dict], bpy.types.Object], ...]
    num_rows: int
    build: Callable[[str], bpy.types.NodeTree]


def levels_of_detail(name: str) -> bpy.types.NodeTree:
    """Two levels of detail of each object of a collection."""
    builder = GraphBuilder(name)
    collection = builder.input("Objects", 1, "Collection", bpy.data.collections["High-Poly"])
    objects = builder.library("Split Collection", 2, "collection/split_collection", collection=collection)
    for level, ratio in ((1, 0.25), (2, 0.04)):
        reduced = builder.library(
            f"Decimate LOD{level}",
            3,
            "mesh/decimate",
            source=objects.outputs[0],
            ratio=ratio,
            suffix=f"_LOD{level}",
        )
        moved = builder.script(
            f"Move LOD{level}",
            4,
            "stand_beside",
            source=reduced.outputs["Decimated"],
            offset=(0.0, -3.0 * level, 0.0),
            wireframe=level == 2,
        )
        builder.collect(f"LOD{level}", 5, moved.outputs[0])
    return _with_note(builder, LEVELS_NOTE)


def bake_and_export(name: str) -> bpy.types.NodeTree:
    """A light object with a baked normal map for each detailed one, as glTF files."""
    builder = GraphBuilder(name)
    collection = builder.input("Objects", 1, "Collection", bpy.data.collections["High-Poly"])
    folder = builder.input("Folder", 1, "PATH", "")
    high = builder.library("Split Collection", 2, "collection/split_collection", collection=collection).outputs[0]
    reduced = builder.library("Decimate", 3, "mesh/decimate", source=high, ratio=0.06, suffix="_Low", triangulate=True)
    unwrapped = builder.library("Unwrap", 4, "uv/smart_uv_project", source=reduced.outputs["Decimated"], suffix="")
    baked = builder.library(
        "Bake Normal", 5, "bake/bake_normal", low=unwrapped.outputs[0], high=high, resolution=512, samples=1
    )
    low = baked.outputs["Low"]
    builder.library("Export glTF", 6, "import_export/export_each_gltf", source=low, folder=folder)
    builder.collect("Low-Poly", 6, low, offset=(0.0, -3.0, 0.0))
    return _with_note(builder, BAKE_NOTE)


def _with_note(builder: GraphBuilder, note: str) -> bpy.types.NodeTree:
    """The finished tree, with a frame at its left that shows a text."""
    builder.lay_out()
    builder.lead_around()
    frame = builder.tree.nodes.new("NodeFrame")
    frame.name, frame.label = "Note", "Read Me"
    frame.text = bpy.data.texts.new("Read Me")
    frame.text.write(note)
    frame.shrink, frame.label_size = False, LETTERS
    frame.width, frame.height = NOTE_SIZE
    left = min(node.location.x for node in builder.columns[1])
    frame.location = left - NOTE_SIZE[0] - 60.0, NOTE_SIZE[1] / 2.0
    for node in builder.tree.nodes:
        node.select = False
    return builder.tree


EXAMPLES = (
    Example(
        "Levels of Detail",
        (
            demo_scene.make_suzanne,
            demo_scene.make_gear,
            demo_scene.make_chain,
            demo_scene.make_crate,
        ),
        3,
        levels_of_detail,
    ),
    Example(
        "Bake and Export",
        (demo_scene.make_boulder, demo_scene.make_suzanne, demo_scene.make_gear),
        2,
        bake_and_export,
    ),
)
