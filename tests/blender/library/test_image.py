# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the category Image, by pixels and files."""

from __future__ import annotations

from pathlib import Path

import bpy
import mathutils
import numpy as np
import pytest

from background_nodes.runtime.engine.used_files import noted

from .scenes import (
    files_in,
    picture,
    pixels,
    run,
    saved_picture,
    tiled_picture,
)

#: Of tiles in two rows.
TILES = {1001: (1, 0, 0, 1), 1002: (0, 1, 0, 1), 1011: (0, 0, 1, 1)}


def tile_color(folder, name: str) -> tuple:
    return tuple(pixels(run("image/load_image", folder / name))[0, 0])


class TestImages:
    @pytest.mark.parametrize("ending", ["png", "jpg", "exr", "tif", "tga", "webp"])
    def test_saved_image_loads_with_its_colors(self, ending, tmp_path):
        path = run("image/save_image", picture("Red", (1.0, 0.0, 0.0, 1.0), 16, 16), tmp_path / "sub" / f"red.{ending}")
        assert list(path.parent.iterdir()) == [path]
        loaded = run("image/load_image", path)
        assert pixels(loaded)[8, 8, :3] == pytest.approx((1.0, 0.0, 0.0), abs=0.06)

    @pytest.mark.parametrize("is_float", [False, True])
    @pytest.mark.parametrize("ending", ["png", "exr", "tif"])
    def test_saved_data_keeps_its_numbers(self, ending, is_float, tmp_path):
        image = bpy.data.images.new("Normal", 4, 4, float_buffer=is_float, is_data=True)
        image.pixels.foreach_set(np.tile(np.float32((0.25, 0.5, 1.0, 1.0)), 16))
        saved = bpy.data.images.load(str(run("image/save_image", image, tmp_path / f"out.{ending}")))
        saved.colorspace_settings.name = "Non-Color"
        assert pixels(saved)[0, 0] == pytest.approx((0.25, 0.5, 1.0, 1.0), abs=0.01)

    def test_tiles_of_8_bits_of_data_are_not_saved_as_exr(self, tmp_path):
        image = tiled_picture(tmp_path / "in.<UDIM>.png", {1001: (1, 0, 0, 1), 1002: (0, 1, 0, 1)})
        image.colorspace_settings.name = "Non-Color"
        with pytest.raises(ValueError, match="holds data in 8 bits, no colours, and has tiles; save it as PNG"):
            run("image/save_image", image, tmp_path / "out.exr")

    def test_format_wins_over_the_ending(self, tmp_path):
        path = run("image/save_image", picture("Red", (1, 0, 0, 1)), tmp_path / "red.v1", file_format="JPEG")
        assert path.name == "red.v1.jpg"
        assert path.read_bytes().startswith(b"\xff\xd8")

    def test_folder_gets_the_image_s_name(self, tmp_path):
        assert run("image/save_image", picture("Red", (1, 0, 0, 1)), tmp_path) == tmp_path / "Red.png"

    def test_folder_that_is_not_there_yet_gets_a_file_for_each_image(self, tmp_path, item_of):
        names = ["Red", "Wall/A", "Wall:A", "scan.tif", "v1.2"]
        for index, name in enumerate(names):
            item_of(names, index, parameter="image", filepath=f"{tmp_path}/pictures/")
            run("image/save_image", picture(name, (1, 0, 0, 1)), tmp_path / "pictures")
        assert files_in(tmp_path / "pictures") == ["Red.png", "Wall_A.png", "Wall_A_2.png", "scan.tif", "v1.2.png"]

    def test_one_path_for_several_images_gets_numbers(self, tmp_path, item_of):
        for index in range(3):
            item_of(["A", "B", "C"], index, parameter="image")
            run("image/save_image", picture("Red", (1, 0, 0, 1)), tmp_path / "all.jpg")
        assert files_in(tmp_path) == ["all.jpg", "all_2.jpg", "all_3.jpg"]

    @pytest.mark.parametrize("script", ["image/save_image", "image/contact_sheet", "image/resize_image"])
    def test_image_whose_file_is_gone_is_a_clear_error(self, script, tmp_path):
        image = saved_picture(tmp_path / "gone.png", (1, 0, 0, 1))
        (tmp_path / "gone.png").unlink()
        given = {"image/save_image": (image, tmp_path / "out.png"), "image/contact_sheet": ([image],)}
        with pytest.raises(ValueError, match=r"gone\.png has no pixels; is its file missing\?"):
            run(script, *given.get(script, (image,)))
        assert files_in(tmp_path) == []

    def test_all_tiles_are_loaded(self, tmp_path):
        image = tiled_picture(tmp_path / "wall [a].<UDIM>.png", TILES)
        bpy.data.images.remove(image)
        with noted(str) as used:
            image = run("image/load_image", tmp_path / "wall [a].<UDIM>.png", pack=True)
        assert str(tmp_path) in used.read  # a tile may come
        assert (image.source, [tile.number for tile in image.tiles]) == ("TILED", list(TILES))
        assert len(image.packed_files) == 3

    def test_tiles_that_are_nowhere_are_a_clear_error(self, tmp_path):
        with pytest.raises(ValueError, match="There is no file"):
            run("image/load_image", tmp_path / "wall.<UDIM>.png")

    @pytest.mark.parametrize("name", ["out.png", "out.<UDIM>.png"])
    def test_all_tiles_are_saved(self, tmp_path, name):
        image = tiled_picture(tmp_path / "wall.<UDIM>.png", TILES)
        path = run("image/save_image", image, tmp_path / "to" / name)
        assert path == tmp_path / "to" / "out.<UDIM>.png"
        assert files_in(tmp_path / "to") == ["out.1001.png", "out.1002.png", "out.1011.png"]
        assert {number: tile_color(tmp_path / "to", f"out.{number}.png") for number in TILES} == TILES
        assert Path(image.filepath) == tmp_path / "wall.<UDIM>.png"

    def test_all_tiles_are_resized(self, tmp_path):
        image = run("image/resize_image", tiled_picture(tmp_path / "wall.<UDIM>.png", TILES), width=4)
        assert [tuple(tile.size) for tile in image.tiles] == [(4, 2)] * 3
        run("image/save_image", image, tmp_path / "to" / "out.png")
        assert {number: tile_color(tmp_path / "to", f"out.{number}.png") for number in TILES} == TILES

    def test_unknown_ending_is_a_clear_error(self, tmp_path):
        with pytest.raises(ValueError, match=r"No format is known for \.xyz"):
            run("image/save_image", picture("Red", (1, 0, 0, 1)), tmp_path / "red.xyz")

    def test_text_file_is_no_picture(self, tmp_path):
        path = tmp_path / "text.png"
        path.write_text("hello")
        with pytest.raises(ValueError, match="no picture"):
            run("image/load_image", path)

    @pytest.mark.parametrize(
        ("options", "size"),
        [
            ({"width": 4}, (4, 2)),
            ({"width": 0, "height": 8}, (16, 8)),
            ({"width": 4, "height": 4}, (4, 2)),
            ({"width": 4, "height": 4, "keep_aspect": False}, (4, 4)),
        ],
    )
    def test_resized_image_has_the_size_and_its_colors(self, options, size):
        image = run("image/resize_image", picture("Red", (1.0, 0.0, 0.0, 1.0)), **options)
        assert tuple(image.size) == size
        assert image.packed_file
        assert pixels(image).mean(axis=(0, 1)) == pytest.approx((1.0, 0.0, 0.0, 1.0))

    def test_contact_sheet_lays_images_out_from_the_top_left(self):
        colors = [(1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1)]
        images = [picture(str(index), color) for index, color in enumerate(colors)]
        sheet = run("image/contact_sheet", images, 2, 8, 8, margin=2, background=mathutils.Color((1.0, 1.0, 1.0)))
        assert tuple(sheet.size) == (22, 22)
        assert sheet.packed_file
        seen = pixels(sheet)
        assert seen[16, 6].tolist() == [1, 0, 0, 1]
        assert seen[16, 16].tolist() == [0, 1, 0, 1]
        assert seen[6, 6].tolist() == [0, 0, 1, 1]
        assert seen[6, 16] == pytest.approx((1, 1, 1, 1), abs=1e-3)
        assert seen[12, 6] == pytest.approx((1, 1, 1, 1), abs=1e-3)  # above and below a wide image
