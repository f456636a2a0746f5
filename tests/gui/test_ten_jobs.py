# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole jobs, built by mouse and keys of nodes that come along, and run.

Their graphs are those of the presets in `examples/presets/jobs/`, but for what an artist has to set there, and the size
of what they make: the tests have no time for more.
"""

from __future__ import annotations

import colorsys
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from builder import Builder, contents
from picture import Picture
from screen import ROOT, command

HUES = {"Red": 0.0, "Green/1": 1.0 / 3.0, "Blue": 2.0 / 3.0}


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
