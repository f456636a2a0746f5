"""Unsaved pixels of images reach the worker and come home as they are in memory; the image stays of its kind."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

import background_nodes
from background_nodes.runtime.errors import StoreError

from .graphs import new_tree, script, value

IDENTITY = "def main(image: bpy.types.Image) -> bpy.types.Image: return image"
DESCRIBE = """
    def main(image: bpy.types.Image) -> list[Any]:
        return [image.source, image.alpha_mode, image.is_float, *image.size, *image.pixels]
"""
PAINT = """
    import numpy as np

    def main(image: bpy.types.Image) -> bpy.types.Image:
        values = np.empty(len(image.pixels), np.float32)
        image.pixels.foreach_get(values)
        image.pixels.foreach_set(1.0 - values)
        image.update()
        return image
"""
MAKE = """
    import numpy as np

    def main(alpha_mode: str, space: str, is_float: bool) -> bpy.types.Image:
        image = bpy.data.images.new("Made", 4, 2, alpha=True, float_buffer=is_float)
        image.alpha_mode, image.colorspace_settings.name = alpha_mode, space
        image.pixels.foreach_set(np.arange(32, dtype=np.float32) / 31)
        image.update()
        return image
"""


@pytest.fixture
def tree():
    return new_tree()


def result_of(tree, source: str, image: bpy.types.Image):
    node = script(tree, "Node", source)
    tree.links.new(value(tree, "Image", image).outputs[0], node.inputs[0])
    run = background_nodes.run(tree)
    assert run.tasks["Node"].error is None
    return node.outputs[0].result


def pixels(image: bpy.types.Image) -> list[float]:
    return list(image.pixels)


def paint(image: bpy.types.Image) -> bpy.types.Image:
    """Fill it with values of its own, transparent ones among them."""
    image.pixels.foreach_set(np.random.default_rng(1).random(len(image.pixels)).astype(np.float32))
    image.pixels[3] = 0.0
    image.update()
    return image


def new_image(**options) -> bpy.types.Image:
    return bpy.data.images.new("Image", 4, 2, alpha=True, **options)


def saved(image: bpy.types.Image, path) -> bpy.types.Image:
    image.filepath_raw, image.file_format = str(path), "OPEN_EXR" if image.is_float else "PNG"
    image.save()
    return image


def new_tiled(is_float: bool = False) -> bpy.types.Image:
    """Two tiles, both painted, the second larger than the first."""
    image = bpy.data.images.new("Tiles", 4, 2, alpha=True, float_buffer=is_float, tiled=True)
    image.tiles.active = image.tiles.new(1002)
    with bpy.context.temp_override(edit_image=image):
        bpy.ops.image.tile_fill(
            color=(0.5, 0.25, 0, 1), generated_type="COLOR_GRID", width=8, height=8, float=is_float, alpha=True
        )
    image.tiles[1].label = "second"
    image.pixels.foreach_set(np.linspace(0, 1, len(image.pixels)).astype(np.float32))
    image.update()
    assert image.is_dirty
    return image


def tile_pixels(image: bpy.types.Image, folder) -> list[list[float]]:
    """The pixels of each tile, as saving them would write them."""
    copy = image.copy() if not image.is_dirty else image
    path = folder / f"{image.name}.<UDIM>.{'exr' if image.is_float else 'png'}"
    before = copy.filepath_raw, copy.file_format
    copy.file_format = "OPEN_EXR" if image.is_float else "PNG"
    with bpy.context.temp_override(edit_image=copy):
        bpy.ops.image.save_as(filepath=str(path), copy=True, relative_path=False, save_as_render=False)
    copy.filepath_raw, copy.file_format = before
    found = []
    for tile in image.tiles:
        file = bpy.data.images.load(str(path).replace("<UDIM>", str(tile.number)))
        file.alpha_mode, file.colorspace_settings.name = "CHANNEL_PACKED", image.colorspace_settings.name
        found.append(pixels(file))
        bpy.data.images.remove(file)
    if copy != image:
        bpy.data.images.remove(copy)
    return found


@pytest.fixture(params=[False, True], ids=["byte", "float"])
def is_float(request) -> bool:
    return request.param


@pytest.fixture(params=["STRAIGHT", "PREMUL", "CHANNEL_PACKED", "NONE"])
def alpha_mode(request) -> str:
    return request.param


# There


def test_painted_image_reaches_the_worker_with_its_alpha_mode(tree, is_float, alpha_mode):
    image = new_image(float_buffer=is_float)
    image.alpha_mode = alpha_mode
    expected = ["GENERATED", alpha_mode, is_float, 4, 2, *pixels(paint(image))]
    assert list(result_of(tree, DESCRIBE, image)) == expected
    assert (image.is_dirty, image.source, len(image.packed_files)) == (True, "GENERATED", 0)


def test_painted_image_of_another_size_than_its_file_reaches_the_worker(tree, tmp_path):
    image = saved(new_image(), tmp_path / "image.png")
    image.scale(2, 8)
    expected = ["FILE", "STRAIGHT", False, 2, 8, *pixels(paint(image))]
    assert list(result_of(tree, DESCRIBE, image)) == expected


def test_painted_image_whose_file_is_gone_reaches_the_worker(tree, tmp_path, is_float):
    image = paint(saved(new_image(float_buffer=is_float), tmp_path / "image.file"))
    (tmp_path / "image.file").unlink()
    expected = ["FILE", "STRAIGHT", is_float, 4, 2, *pixels(image)]
    assert list(result_of(tree, DESCRIBE, image)) == expected
    assert image.filepath_raw == str(tmp_path / "image.file")


def test_painted_packed_image_reaches_the_worker(tree):
    image = paint(new_image())
    image.pack()
    image.pixels[0] = 1.0
    image.update()
    assert list(result_of(tree, DESCRIBE, image)) == ["FILE", "STRAIGHT", False, 4, 2, *pixels(image)]


def test_painted_tiles_reach_the_worker_and_come_home(tree, tmp_path, is_float):
    image = new_tiled(is_float)
    expected = tile_pixels(image, tmp_path)
    before = image.filepath_raw, image.file_format, image.is_dirty
    home = result_of(tree, IDENTITY, image)
    assert (home.source, [(tile.number, tile.label) for tile in home.tiles]) == (
        "TILED",
        [(1001, "1001"), (1002, "second")],
    )
    assert tile_pixels(home, tmp_path) == expected
    assert (image.filepath_raw, image.file_format, image.is_dirty) == before


def test_tiles_painted_over_their_files_and_painted_again_by_a_script_come_home(tree, tmp_path):
    image = new_tiled()
    image.filepath_raw = str(tmp_path / "tile.<UDIM>.png")
    image.save()
    image.pixels[0] = 0.5
    image.update()
    expected = tile_pixels(image, tmp_path)
    expected[0] = [round((1.0 - number) * 255) for number in expected[0]]
    home = result_of(tree, PAINT, image)
    assert home.filepath_raw == str(tmp_path / "tile.<UDIM>.png")
    found = tile_pixels(home, tmp_path)
    assert [round(number * 255) for number in found[0]] == expected[0]
    assert found[1] == expected[1]


def test_painted_transparent_tiles_whose_alpha_would_be_lost_are_an_error_before_the_run(tree):
    image = new_tiled()
    image.alpha_mode = "PREMUL"
    paint(image)
    script(tree, "Node", IDENTITY, image=value(tree, "Image", image))
    with pytest.raises(StoreError, match=r'"Tiles" has tiles with unsaved changes.*Save or pack the image first'):
        background_nodes.run(tree)


# Home


@pytest.mark.parametrize("space", ["sRGB", "Non-Color"])
def test_image_made_by_a_script_comes_home_exactly_with_its_alpha_mode(tree, is_float, alpha_mode, space):
    node = script(tree, "Node", MAKE, alpha_mode=alpha_mode, space=space, is_float=is_float)
    assert background_nodes.run(tree).state == "succeeded"
    home = node.outputs[0].result
    expected = np.arange(32, dtype=np.float32) / 31
    found = np.array(home.pixels, np.float32)
    assert (
        found.tolist() == expected.tolist()
        if is_float
        else np.rint(found * 255).tolist() == np.rint(expected * 255).tolist()
    )
    assert (home.alpha_mode, home.colorspace_settings.name, home.is_float) == (alpha_mode, space, is_float)
    assert len(home.packed_files) == 1


def test_image_made_by_a_script_is_still_there_after_the_file_was_saved(tree, is_float, tmp_path):
    node = script(tree, "Node", MAKE, alpha_mode="STRAIGHT", space="Non-Color", is_float=is_float)
    node.keep_result = True
    background_nodes.run(tree)
    expected = pixels(node.outputs[0].result)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "file.blend"))
    assert pixels(bpy.data.images["Made"]) == expected


def test_straight_floats_are_still_there_after_the_file_was_saved_but_where_alpha_is_zero(tree, tmp_path):
    script(tree, "Node", MAKE, alpha_mode="STRAIGHT", space="Linear Rec.709", is_float=True).keep_result = True
    background_nodes.run(tree)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "file.blend"))
    assert pixels(bpy.data.images["Made"]) == pytest.approx(np.arange(32) / 31, abs=1e-6)


def test_painted_image_that_a_task_leaves_alone_stays_the_artists_own(tree):
    material = bpy.data.materials.new("Material")
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True
    image = paint(new_image(float_buffer=True))
    material.node_tree.nodes.new("ShaderNodeTexImage").image = image
    mesh = bpy.data.meshes.new("Mesh")
    mesh.materials.append(material)
    node = script(
        tree, "Node", "def main(mesh: bpy.types.Mesh) -> bpy.types.Mesh: return mesh", mesh=value(tree, "Mesh", mesh)
    )
    expected = pixels(image)
    background_nodes.run(tree)
    assert node.outputs[0].result.materials[0] == material
    assert bpy.data.images[:] == [image]
    assert (pixels(image), image.is_dirty, image.source) == (expected, True, "GENERATED")


def test_image_painted_by_one_task_after_another_is_exact(tree, is_float):
    image = paint(new_image(float_buffer=is_float))
    image.alpha_mode = "STRAIGHT"
    first = script(tree, "First", PAINT, image=value(tree, "Image", image))
    second = script(tree, "Second", PAINT, image=first)
    third = script(tree, "Third", DESCRIBE, image=second)
    background_nodes.run(tree)
    once = (1.0 - np.array(image.pixels, np.float32)).astype(np.float32)
    expected = pixels(image) if not is_float else list((1.0 - once).astype(np.float32))
    assert list(third.outputs[0].result[1:5]) == ["STRAIGHT", is_float, 4, 2]
    assert list(third.outputs[0].result[5:]) == pytest.approx(expected, abs=0 if is_float else 1e-3)
