# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole job, built by mouse and keys of nodes that come along, and run: icons for every material of a file.

Its graph is that of `examples/ten_jobs/icons.json`, but for the size of the pictures.
"""

from __future__ import annotations

import colorsys
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from editor import Editor
from picture import Picture
from screen import ROOT, command

GRAPH = ROOT / "examples" / "ten_jobs" / "icons.json"
HUES = {"Red": 0.0, "Green/1": 1.0 / 3.0, "Blue": 2.0 / 3.0}
#: What is typed instead of what the file says: the tests have no time for larger pictures.
SMALLER = {"width": 40, "height": 40, "samples": 4, "cell_width": 40, "cell_height": 40}
#: Pixels from the left and from the top of the editor.
PLACES = {
    "Append from Blend": (60, 60),
    "Render Each": (300, 60),
    "Save Image": (560, 60),
    "Contact Sheet": (560, 320),
    "Save Image.001": (820, 200),
}
#: The nodes of the file, as they are called when they are added.
NAMES = {
    "Materials": "Append from Blend",
    "Render Icons": "Render Each",
    "Save Icons": "Save Image",
    "Sheet": "Contact Sheet",
    "Save Sheet": "Save Image.001",
}


class Artist(Editor):
    """Adds nodes by their names, types values into them, and drags links."""

    def add(self, name: str) -> None:
        """Type a node's name into the search of the menu *Add*, and leave the node in its place."""
        left, _, _, top = self.window.run('return places.rectangle("BackgroundNodeTree", "WINDOW")')
        x, y = PLACES[name]
        self.window.move(left + x, top - y)
        self.window.press("A", shift=True)
        self.window.settle(5)
        self.window.type_text(name.partition(".")[0].lower())
        self.window.settle(5)
        self.window.press("RET")
        self.window.wait_for("return name in places.tree().nodes", name=name)
        self.window.settle(3)
        self.window.click()

    def open_field(self, node: str, socket: str) -> None:
        """Click the field beside an input's name. The first input can be hit from further above than its field."""
        left, y = self.input(node, socket)
        x = left + 0.62 * (self.place_of(node, 1.0)[0] - left)
        for below in (0, 6, 12):
            self.window.move(x, y - below, steps=3)
            self.window.settle(3)
            if self.window.run("return places.field_path()").startswith(f'nodes["{node}"].inputs['):
                self.window.click()
                return
        raise AssertionError(f"{node}: no field of {socket} is to be seen")

    def type_value(self, node: str, socket: str, text: object) -> None:
        self.open_field(node, socket)
        self.window.press("A", ctrl=True)
        self.window.type_text(f"{text}\n")

    def choose(self, node: str, socket: str, entry: str, *, row: int) -> None:
        """Choose what is in a row of the menu of an input, from 1."""
        self.open_field(node, socket)
        for _ in range(row):
            self.window.press("DOWN_ARROW")
        self.window.press("RET")
        shown = "return places.tree().nodes[node].inputs[socket].default_value"
        assert self.window.run(shown, node=node, socket=socket) == entry

    def graph(self) -> dict[str, Any]:
        """The tree as text."""
        return self.window.run("return places.module('node_tree.text_form.dumping').dump(places.tree())['tree']")


def contents(graph: dict[str, Any], names: dict[str, str], values: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """What nodes and links of a graph are, without looks and places; some nodes and values replaced."""
    nodes = {}
    for name, node in graph["nodes"].items():
        inputs = {each["identifier"]: values.get(each["identifier"], each.get("value")) for each in node["inputs"]}
        given = {identifier: value for identifier, value in inputs.items() if value is not None}
        nodes[names.get(name, name)] = (node["type"], node["settings"], given)
    ends = [[(names.get(node, node), socket) for node, socket in (each["from"], each["to"])] for each in graph["links"]]
    return nodes, sorted(ends)


@pytest.fixture
def artist(window, tmp_path) -> Artist:
    """An empty tree in a file beside one with materials that nothing uses."""
    window.run(
        """
        import colorsys
        for name, hue in hues.items():
            material = bpy.data.materials.new(name)
            material.use_nodes = True
            color = (*colorsys.hsv_to_rgb(hue, 1.0, 0.8), 1.0)
            material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = color
        made = {bpy.data.materials[name] for name in hues}
        bpy.data.libraries.write(folder + "/materials.blend", made, fake_user=True)
        bpy.ops.wm.read_homefile(use_factory_startup=True)
        bpy.ops.wm.save_as_mainfile(filepath=folder + "/job.blend")
        """,
        hues=HUES,
        folder=str(tmp_path),
    )
    artist = Artist(window)
    artist.open("Icons")
    window.run("places.area().spaces.active.show_region_ui = False")  # it would cover nodes
    window.settle(5)
    return artist


def ball(path: Path) -> tuple[tuple[int, int], float]:
    """Size of an icon, and the hue in its middle, as ImageMagick reads it."""
    steps = ("-background", "black", "-alpha", "remove", "-depth", "8", "ppm:-")
    ppm = subprocess.run(command("convert", str(path), *steps), check=True, timeout=60, stdout=subprocess.PIPE).stdout
    picture = Picture(ppm)
    colors = [picture.color(picture.width / 2 + x, picture.height / 2 + y) for x in range(-4, 4) for y in range(-4, 4)]
    red, green, blue = (sum(channel) / len(colors) / 255.0 for channel in zip(*colors, strict=True))
    return (picture.width, picture.height), colorsys.rgb_to_hsv(red, green, blue)[0]


def test_icons_of_all_materials_are_built_by_mouse_and_keys_and_have_their_colors(artist, tmp_path):
    for name in PLACES:
        artist.add(name)
    artist.type_value("Append from Blend", "File Path", "//materials.blend")
    artist.choose("Append from Blend", "Kind", "Material", row=4)
    artist.type_value("Render Each", "Width", SMALLER["width"])
    artist.type_value("Render Each", "Height", SMALLER["height"])
    artist.type_value("Render Each", "Samples", SMALLER["samples"])
    artist.type_value("Save Image", "File Path", "//icons/")
    artist.type_value("Contact Sheet", "Cell Width", SMALLER["cell_width"])
    artist.type_value("Contact Sheet", "Cell Height", SMALLER["cell_height"])
    artist.type_value("Save Image.001", "File Path", "//icons.png")
    artist.link("Append from Blend", "Data-Blocks", "Render Each", "Source")
    artist.link("Render Each", "Image", "Save Image", "Image")
    artist.link("Render Each", "Image", "Contact Sheet", "Images")
    artist.link("Contact Sheet", "Image", "Save Image.001", "Image")

    wanted = json.loads(GRAPH.read_text(encoding="utf-8"))["tree"]
    assert contents(artist.graph(), {}, {}) == contents(wanted, NAMES, SMALLER)

    artist.window.move(*artist.middle())
    artist.window.press("RET", ctrl=True)
    artist.window.wait_for("return len(places.session().history) == 1")
    assert artist.wait_until_home()["state"] == "succeeded"
    icons = {path.stem: ball(path) for path in (tmp_path / "icons").iterdir()}
    assert {name: size for name, (size, _) in icons.items()} == dict.fromkeys(("Red", "Green_1", "Blue"), (40, 40))
    for name, hue in HUES.items():
        assert abs((icons[name.replace("/", "_")][1] - hue + 0.5) % 1.0 - 0.5) < 0.06, name
    assert ball(tmp_path / "icons.png")[0] == (2 * 48 + 8, 2 * 48 + 8)
