"""Pictures of presets: of what their nodes gave, of their graph, of a file."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from background_nodes.addon.presets import pictures
from background_nodes.runtime.blend_file.asset_data import Picture
from background_nodes.runtime.errors import PresetError

from .graphs import add, new_tree, output, script, value

HALVES = """
def main(name: str = "Halves", width: int = 400, height: int = 200) -> bpy.types.Image:
    image = bpy.data.images.new(name, width, height)
    row = [1.0, 0.0, 0.0, 1.0] * (width // 2) + [0.0, 0.0, 1.0, 1.0] * (width // 2)
    image.pixels[:] = row * height
    image.pack()
    return image
"""


def pixels(picture: Picture | None) -> np.ndarray:
    """Rows from the bottom."""
    assert picture is not None
    assert (picture.width, picture.height) == (256, 256)
    return np.frombuffer(picture.pixels, np.uint8).reshape(256, 256, 4)


def assert_is_halves(picture: Picture | None) -> None:
    """A picture twice as wide as it is high, red on the left and blue on the right."""
    found = pixels(picture)
    assert (found[:64] == 0).all()
    assert (found[192:] == 0).all()
    assert (found[64:192, :128] == (255, 0, 0, 255)).all()
    assert (found[64:192, 128:] == (0, 0, 255, 255)).all()


def test_graph_is_drawn_with_its_links_and_without_a_window():
    tree = new_tree()
    source = value(tree, "Object", None)
    node = add(tree, "BackgroundNodeScript")
    node.library_script, node.location.x = "mesh/decimate", 300.0
    apart = pixels(pictures.of_graph(tree.nodes[:]))
    tree.links.new(node.inputs[0], source.outputs[0])
    linked = pixels(pictures.of_graph(tree.nodes[:]))
    assert (apart[..., 3] == linked[..., 3]).all()
    assert (apart != linked).any()
    assert (pixels(pictures.of_graph(tree.nodes[:])) == linked).all()


def test_all_that_a_tree_can_hold_is_drawn():
    tree = new_tree()
    frame = add(tree, "NodeFrame")
    for index, idname in enumerate(
        ("NodeReroute", "NodeGroupInput", "NodeGroupOutput", "BackgroundNodeGroup", "BackgroundNodeOutput")
    ):
        node = add(tree, idname)
        node.location, node.parent, node.hide = (index * 150.0, 0.0), frame if index % 2 else None, index == 3
    assert len(np.unique(pixels(pictures.of_graph(tree.nodes[:])).reshape(-1, 4), axis=0)) > 10
    assert pixels(pictures.of_graph([])).shape == (256, 256, 4)


def test_result_of_the_last_run_is_the_picture(session):
    tree = new_tree()
    node = script(tree, "Make", HALVES)
    assert pictures.of_result([node]) is None
    output(tree, "LINK", node)
    session.start(tree).wait()
    assert_is_halves(pictures.of_result([node]))


def test_file_is_the_picture_and_leaves_nothing_in_the_open_file(tmp_path):
    image = bpy.data.images.new("Halves", 400, 200)
    image.pixels[:] = ([1.0, 0.0, 0.0, 1.0] * 200 + [0.0, 0.0, 1.0, 1.0] * 200) * 200
    image.filepath_raw, image.file_format = str(tmp_path / "halves.png"), "PNG"
    image.save()
    bpy.data.images.remove(image)
    assert_is_halves(pictures.of_file(str(tmp_path / "halves.png")))
    assert not bpy.data.images


def test_light_is_shown_as_a_screen_shows_it():
    image = bpy.data.images.new("Light", 8, 8, float_buffer=True)
    image.pixels[:] = [0.214, 4.0, -1.0, 1.0] * 64
    red, green, blue, alpha = pixels(pictures.of_image(image))[128, 128]
    assert (int(red), green, blue, alpha) == (pytest.approx(128, abs=1), 255, 0, 255)


def test_file_that_is_no_image_is_refused_by_name(tmp_path):
    (tmp_path / "no.png").write_text("no image")
    for name in ("no.png", "gone.png"):
        with pytest.raises(PresetError, match=name):
            pictures.of_file(str(tmp_path / name))
    assert not bpy.data.images
