# SPDX-License-Identifier: GPL-3.0-or-later
"""24 variations of a Geometry Nodes asset, in one sheet.

A wedge makes all combinations of three inputs of a spiral of boards. Each variation is a task, and so is its picture;
the sheet says below each what it is. A table has the number of faces of each.
"""

from __future__ import annotations

import csv

import bpy
import numpy as np

from ..library.scenes import material, mesh_object
from .reading import needs_other_programs, pictures

pytestmark = needs_other_programs

#: Faces of a board.
BOX = 6


def spiral() -> bpy.types.Object:
    """An asset: boards along a spiral, each across its way."""
    tree = bpy.data.node_groups.new("Spiral", "GeometryNodeTree")
    tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    tree.interface.new_socket("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    for name, kind, default in (("Steps", "Int", 24), ("Turns", "Float", 1.0), ("Width", "Float", 1.0)):
        tree.interface.new_socket(name, in_out="INPUT", socket_type=f"NodeSocket{kind}").default_value = default
    kinds = {
        "given": "NodeGroupInput",
        "spiral": "GeometryNodeCurveSpiral",
        "points": "GeometryNodeCurveToPoints",
        "size": "ShaderNodeCombineXYZ",
        "box": "GeometryNodeMeshCube",
        "place": "GeometryNodeInstanceOnPoints",
        "color": "GeometryNodeSetMaterial",
        "real": "GeometryNodeRealizeInstances",
        "result": "NodeGroupOutput",
    }
    node = {name: tree.nodes.new(kind) for name, kind in kinds.items()}
    node["spiral"].inputs["Resolution"].default_value = 64
    node["spiral"].inputs["Start Radius"].default_value = node["spiral"].inputs["End Radius"].default_value = 1.5
    node["spiral"].inputs["Height"].default_value = 4.0
    node["size"].inputs["X"].default_value, node["size"].inputs["Z"].default_value = 0.5, 0.08
    node["color"].inputs["Material"].default_value = material("Oak", (0.45, 0.2, 0.07, 1.0))
    links = (
        *(("given", "Turns", "spiral", "Rotations"), ("given", "Steps", "points", "Count")),
        *(("given", "Width", "size", "Y"), ("spiral", "Curve", "points", "Curve"), ("size", "Vector", "box", "Size")),
        *(("points", "Points", "place", "Points"), ("points", "Rotation", "place", "Rotation")),
        *(("box", "Mesh", "place", "Instance"), ("place", "Instances", "color", "Geometry")),
        *(("color", "Geometry", "real", "Geometry"), ("real", "Geometry", "result", "Geometry")),
    )
    for source, output, target, socket in links:
        tree.links.new(node[source].outputs[output], node[target].inputs[socket])
    asset = mesh_object("Asset", [(0, 0, 0)], [])
    asset.modifiers.new("Spiral", "NODES").node_group = tree
    return asset


def test_each_variation_of_an_asset_is_on_the_sheet_and_is_what_its_label_says(job):
    spiral()
    steps, widths = job.size((8, 16), (16, 32, 64)), job.size(1, 4)
    parameters = f"Steps = {', '.join(map(str, steps))}; Turns = 1, 2; Width = 0.6..1.8 / {widths}"
    side = job.size(48, 256)
    run = job.run(
        job.tree(),
        Asset="Asset",
        Wedge__parameters=parameters,
        Vary__suffix="_{Steps}_{Turns}_{Width}",
        Render_Each__width=side,
        Render_Each__height=side,
        Render_Each__samples=job.size(4, 16),
    )
    count = len(steps) * 2 * widths
    varied = list(run.fetch("Vary", "result"))
    assert len(varied) == count
    with (job.folder / "variations.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, item in zip(rows, varied, strict=True):
        assert int(row["Faces"]) == len(item.data.polygons) == BOX * int(row["Steps"])
        assert item.name == f"Asset_{row['Steps']}_{row['Turns']}_{float(row['Width']):g}"
    assert len({tuple(round(length, 4) for length in item.dimensions) for item in varied}) == count, (
        "each is another one"
    )

    sheet = job.folder / "variations.png"
    with pictures.open(sheet) as opened:
        pixels = np.asarray(opened.convert("RGB")) / 255.0
    columns = min(6, count)
    assert pixels.shape[:2] == (8 + int(np.ceil(count / columns)) * (192 + 16 + 8), 8 + columns * (224 + 8))
    cells = [cell(pixels, *divmod(index, columns)) for index in range(count)]
    brown = [((picture[..., 0] > 1.5 * picture[..., 2]) & (picture[..., 0] > 0.15)).mean() for picture, _label in cells]
    assert min(brown) > 0.03, "the boards are to be seen"
    ink = [(label.min(axis=2) > 0.5).mean() for _picture, label in cells]
    assert min(ink) > 0.02, "each has a label"
    differences = [np.abs(one[0] - other[0]).mean() for index, one in enumerate(cells) for other in cells[index + 1 :]]
    assert min(differences) > 0.002
    job.show(sheet, (0, 0, 8 + 4 * 232, 8 + 4 * 216))
    job.tell(
        f"{count} variations, all different: each has {BOX} faces a board, as its row of the table says",
        f"The sheet has {pixels.shape[1]} x {pixels.shape[0]} pixels; each of its cells shows a spiral and a label "
        "(Pillow)",
        on=(count * side * side, "pixels"),
    )


def cell(pixels: np.ndarray, row: int, column: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture and the label of a cell."""
    top, left = 8 + row * 216, 8 + column * 232
    return pixels[top : top + 192, left : left + 224], pixels[top + 192 : top + 208, left : left + 224]
