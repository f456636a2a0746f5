# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole jobs, built by mouse and keys of nodes that come along, and run.

Their graphs are those of the presets in `examples/presets/jobs/`, but for what an artist has to set there, and the size
of what they make: the tests have no time for more.
"""

from __future__ import annotations

import colorsys
import csv
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from builder import Builder, contents
from picture import Picture
from screen import ROOT, command

HUES = {"Red": 0.0, "Green/1": 1.0 / 3.0, "Blue": 2.0 / 3.0}
PARTS = ("Ramp/1", "Ramp/2", "Ramp/3")


@pytest.fixture
def builder(window) -> Builder:
    return Builder(window)


def open_job(builder: Builder, job_folder: Path, scene: str, **values: Any) -> None:
    """Make a scene, save it in a folder, and show an empty tree."""
    builder.window.run(scene, **values)
    builder.window.run("bpy.ops.wm.save_as_mainfile(filepath=path)", path=str(job_folder / "job.blend"))
    builder.make_room("Job", zoom_out=4)


def graph(job: str, **inputs: object) -> dict[str, Any]:
    """The tree of a preset of `examples/presets/jobs/`, with inputs by NODE__SOCKET that it leaves to the artist."""
    file = ROOT / "examples" / "presets" / "jobs" / job / "tree.json"
    tree = json.loads(file.read_text(encoding="utf-8"))["tree"]
    for target, value in inputs.items():
        node, _, identifier = target.partition("__")
        (socket,) = (each for each in tree["nodes"][node]["inputs"] if each["identifier"] == identifier)
        assert "value" not in socket
        socket["value"] = value
    return tree


def pixels(path: Path) -> Picture:
    """A picture as ImageMagick reads it, on black."""
    steps = ("-background", "black", "-alpha", "remove", "-depth", "8", "ppm:-")
    return Picture(
        subprocess.run(command("convert", str(path), *steps), check=True, timeout=60, stdout=subprocess.PIPE).stdout
    )


# Icons for every material of a file

MATERIALS = """
import colorsys
for name, hue in hues.items():
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    color = (*colorsys.hsv_to_rgb(hue, 1.0, 0.8), 1.0)
    material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = color
made = {bpy.data.materials[name] for name in hues}
bpy.data.libraries.write(folder + "/materials.blend", made, fake_user=True)
bpy.ops.wm.read_homefile(use_factory_startup=True)
"""


def hue(path: Path) -> float:
    """The hue in the middle of a picture."""
    picture = pixels(path)
    colors = [picture.color(picture.width / 2 + x, picture.height / 2 + y) for x in range(-4, 4) for y in range(-4, 4)]
    red, green, blue = (sum(channel) / len(colors) / 255.0 for channel in zip(*colors, strict=True))
    return colorsys.rgb_to_hsv(red, green, blue)[0]


def size(path: Path) -> tuple[int, int]:
    picture = pixels(path)
    return picture.width, picture.height


def test_icons_of_all_materials_are_built_by_mouse_and_keys_and_have_their_colors(builder, tmp_path):
    open_job(builder, tmp_path, MATERIALS, hues=HUES, folder=str(tmp_path))
    source = builder.add("Append from Blend", (60, 60))
    icons = builder.add("Render Each", (300, 60), typed="thumbnail")
    saved = builder.add("Save Image", (560, 60))
    sheet = builder.add("Contact Sheet", (560, 320))
    saved_sheet = builder.add("Save Image", (820, 200))
    builder.type_value(source, "File Path", "//materials.blend")
    builder.choose(source, "Kind", "Material")
    for socket, value in (("Width", 40), ("Height", 40), ("Samples", 4)):
        builder.type_value(icons, socket, value)
    builder.type_value(saved, "File Path", "//icons/")
    builder.type_value(sheet, "Cell Width", 40)
    builder.type_value(sheet, "Cell Height", 40)
    builder.type_value(saved_sheet, "File Path", "//icons.png")
    builder.connect(
        (source, "Data-Blocks", icons, "Source"),
        (icons, "Image", saved, "Image"),
        (icons, "Image", sheet, "Images"),
        (sheet, "Image", saved_sheet, "Image"),
    )

    names = {"Materials": source, "Render Icons": icons, "Save Icons": saved, "Sheet": sheet, "Save Sheet": saved_sheet}
    smaller = {"width": 40, "height": 40, "samples": 4, "cell_width": 40, "cell_height": 40}
    assert contents(builder.graph(), {}, {}) == contents(
        graph("icons", Materials__filepath="//materials.blend"), names, smaller
    )

    assert builder.run_all()["state"] == "succeeded"
    files = {path.stem: path for path in (tmp_path / "icons").iterdir()}
    assert {name: size(path) for name, path in files.items()} == dict.fromkeys(("Red", "Green_1", "Blue"), (40, 40))
    for name, wanted in HUES.items():
        assert abs((hue(files[name.replace("/", "_")]) - wanted + 0.5) % 1.0 - 0.5) < 0.06, name
    assert size(tmp_path / "icons.png") == (2 * 48 + 8, 2 * 48 + 8)


# A kit, each part to its own file in engine space

KIT = """
kit = bpy.data.collections.new("Kit")
bpy.context.scene.collection.children.link(kit)
for number, name in enumerate(names, start=1):
    pivot = bpy.data.objects.new(f"Group {number}", None)
    pivot.location, pivot.rotation_euler, pivot.scale = (10.0 * number, -5.0, number), (0.2, 0.1, 1.0), (2.0, 2.0, 2.0)
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(-number, -1, 0), (number, -1, 1), (number, 1, 1), (-number, 1, 0)], [], [(0, 1, 2, 3)])
    part = bpy.data.objects.new(name, mesh)
    part.parent, part.location = pivot, (1.0, 2.0, 0.0)
    kit.objects.link(pivot)
    kit.objects.link(part)
"""
#: Corners of what is in an FBX file, as a reader finds them that knows the format alone.
READ_FBX = """
import sys
from pathlib import Path
sys.path.append(folder)
import fbx_file
found = fbx_file.read(Path(path))
models = {name: [model.points.min(axis=0).tolist(), model.points.max(axis=0).tolist()]
          for name, model in found.models.items() if model.kind == "Mesh"}
return found.up_axis, models
"""


def test_kit_is_built_by_mouse_and_keys_and_each_part_is_a_file_at_the_origin(builder, tmp_path):
    open_job(builder, tmp_path, KIT, names=PARTS)
    kit = builder.add("Collection", (20, 60))
    parts = builder.add("Split Collection", (160, 60))
    exported = builder.add("Export Each FBX", (340, 60))
    measured = builder.add("Measure", (340, 320))
    named = builder.add("Names", (340, 560))
    report = builder.add("Write CSV", (600, 60), typed="spreadsheet")
    builder.pick_data_block(kit, "Kit")
    builder.choose(parts, "Object Type", "Mesh")
    builder.type_value(exported, "Folder", "//fbx/")
    builder.choose(exported, "Place", "Not Turned, at the Origin")
    builder.tick(exported, "Animation")
    builder.type_value(report, "File Path", "//kit.csv")
    builder.type_value(report, "Names", "Part, Triangles, Size, File")
    builder.connect(
        (kit, "Value", parts, "Collection"),
        (parts, "Objects", exported, "Source"),
        (parts, "Objects", measured, "Source"),
        (parts, "Objects", named, "Data"),
        (named, "Result", report, "Column 1"),
        (measured, "Triangles", report, "Column 2"),
        (measured, "Dimensions", report, "Column 3"),
        (exported, "File Path", report, "Column 4"),
    )

    names = {"Kit": kit, "Parts": parts, "Export Each": exported, "Measure": measured, "Names": named, "Report": report}
    assert contents(builder.graph(), {}, {}) == contents(graph("kit"), names, {})

    assert builder.run_all()["state"] == "succeeded"
    for number, name in enumerate(PARTS, start=1):
        path = tmp_path / "fbx" / f"{name.replace('/', '_')}.fbx"
        up, models = builder.window.run(READ_FBX, folder=str(ROOT / "tests" / "blender" / "library"), path=str(path))
        # Twice as large as it is itself: that is the scale of the empty. Y is up, and the ramp goes up along X.
        corners = [[-2.0 * number, 0.0, -2.0], [2.0 * number, 2.0, 2.0]]
        assert (up, models.keys()) == (1, {name})
        assert models[name] == [pytest.approx(corner, abs=1e-4) for corner in corners]
    with (tmp_path / "kit.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["Part"], row["Triangles"]) for row in rows] == [(name, "2") for name in PARTS]
