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
    cube,
    data_picture,
    files_in,
    material,
    open_empty_file,
    picture,
    pixels,
    run,
    saved_picture,
    textured,
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

    @pytest.mark.parametrize("depth", ["16 Bits", "32 Bits"])
    def test_floats_that_are_in_no_file_yet_are_linear_in_an_exr_file(self, depth, tmp_path):
        image = bpy.data.images.new("Light", 4, 4, float_buffer=True)
        image.pixels.foreach_set(np.tile(np.float32((0.25, 0.1, 4.0, 1.0)), 16))
        saved = bpy.data.images.load(str(run("image/save_image", image, tmp_path / "out.exr", depth=depth)))
        saved.colorspace_settings.name = "Non-Color"  # the numbers that are in the file
        assert pixels(saved)[0, 0] == pytest.approx((0.25, 0.1, 4.0, 1.0), abs=1e-3)

    def test_tiles_of_8_bits_of_data_are_not_saved_as_exr(self, tmp_path):
        image = tiled_picture(tmp_path / "in.<UDIM>.png", {1001: (1, 0, 0, 1), 1002: (0, 1, 0, 1)})
        image.colorspace_settings.name = "Non-Color"
        with pytest.raises(ValueError, match="holds data in 8 bits and has tiles; save it as PNG"):
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

    def test_small_images_stay_as_they_are_if_only_larger_ones_shall_change(self):
        sizes = {}
        for width, height in ((8, 4), (64, 16), (16, 64)):
            image = picture("Red", (1.0, 0.0, 0.0, 1.0), width, height)
            sizes[width, height] = tuple(run("image/resize_image", image, 32, 32, only_smaller=True).size)
        assert sizes == {(8, 4): (8, 4), (64, 16): (32, 8), (16, 64): (8, 32)}
        stretched = run(
            "image/resize_image", picture("Red", (1.0, 0.0, 0.0, 1.0)), 32, 2, keep_aspect=False, only_smaller=True
        )
        assert tuple(stretched.size) == (8, 2)

    def test_labels_of_a_sheet_stand_below_their_images(self):
        images = [picture(name, (0.0, 0.0, 1.0, 1.0), 8, 8) for name in "ABC"]
        labels = ["I", "a label that is far too long for its cell", ""]
        sheet = run("image/contact_sheet", images, 2, 32, 32, margin=4, labels=labels, label_height=20)
        assert tuple(sheet.size) == (4 + 2 * 36, 4 + 2 * 56)
        found = pixels(sheet)
        ink = found[..., :3].min(axis=2) > 0.2
        first, second, third = ink[60:80, 4:36], ink[60:80, 40:72], ink[4:24, 4:36]
        assert first.any(axis=0).sum() == pytest.approx(2, abs=1), "an upright stroke"
        assert second.any(axis=0).sum() > 25, "as wide as its cell, and no wider"
        assert not third.any()
        assert ink.sum() == first.sum() + second.sum(), "nothing is written elsewhere"
        with pytest.raises(ValueError, match="There are 2 labels for 3 images"):
            run("image/contact_sheet", images, labels=["A", "B"])

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

    def test_sprite_sheet_keeps_alpha_and_has_nothing_between(self):
        images = [picture("A", (1.0, 0.0, 0.0, 0.5), 8, 8), picture("B", (0.0, 1.0, 0.0, 1.0), 8, 8)]
        sheet = run("image/contact_sheet", images, 2, 8, 8, margin=0, transparent=True)
        seen = pixels(sheet)
        assert seen.shape == (8, 16, 4)
        assert seen[4, 4] == pytest.approx((1.0, 0.0, 0.0, 0.5), abs=0.01)
        assert seen[4, 12].tolist() == [0.0, 1.0, 0.0, 1.0]
        tall = run("image/contact_sheet", [picture("C", (1.0, 1.0, 1.0, 1.0), 4, 8)], 1, 8, 8, 0, transparent=True)
        assert pixels(tall)[:, [0, 7], 3].max() == 0.0

    def test_colour_of_what_is_transparent_is_in_no_edge_of_a_smaller_picture(self):
        """Seen from Blender's filter alone, white on nothing has a dark rim."""
        disc = bpy.data.images.new("Disc", 64, 64, alpha=True)
        columns, rows = np.meshgrid(np.arange(64), np.arange(64))
        disc.pixels.foreach_set(np.repeat(np.hypot(columns - 32, rows - 32) < 25, 4).astype(np.float32))
        sheet = run("image/contact_sheet", [disc], 1, 16, 16, margin=0, transparent=True)
        for image in (sheet, run("image/resize_image", disc, width=16)):
            seen = pixels(image)
            edge = seen[(seen[..., 3] > 0.05) & (seen[..., 3] < 0.95)]
            assert len(edge) > 10
            assert edge[:, :3].min() > 0.98
            assert seen[0, 0, 3] == 0.0

    @pytest.mark.parametrize("mode", ["PREMUL", "STRAIGHT"])
    def test_floats_with_alpha_look_in_a_sheet_as_they_are(self, mode):
        image = bpy.data.images.new("Half", 8, 8, alpha=True, float_buffer=True)
        image.alpha_mode = mode
        image.pixels.foreach_set(np.tile(np.float32((0.5, 0.5, 0.5, 0.5)), 64))  # white, multiplied by alpha
        sheet = run("image/contact_sheet", [image], 1, 8, 8, margin=0, transparent=True)
        assert pixels(sheet)[4, 4] == pytest.approx((1.0, 1.0, 1.0, 0.5), abs=0.01)


class TestChannelPack:
    def test_channels_come_from_where_they_shall(self):
        one, other = data_picture("A", (0.2, 0.4, 0.6, 1.0)), data_picture("B", (1.0, 0.0, 1.0, 1.0))
        image = run(
            "image/channel_pack", one, other, None, one, "Blue", "Brightness", alpha_from="Green", blue_value=0.8
        )
        assert pixels(image)[2, 3] == pytest.approx((0.6, 0.2848, 0.8, 0.4), abs=0.004)
        assert image.colorspace_settings.is_data
        assert image.packed_file

    def test_alpha_of_nothing_leaves_the_colours_as_they_are_in_a_file(self, tmp_path):
        mask = data_picture("Mask", (0.0, 0.0, 0.0, 1.0))
        image = run("image/channel_pack", data_picture("A", (0.2, 0.4, 0.6, 1.0)), alpha=mask, alpha_from="Red")
        saved = run("image/load_image", run("image/save_image", image, tmp_path / "a.png"), non_color=True)
        saved.alpha_mode = "CHANNEL_PACKED"
        assert pixels(saved)[0, 0] == pytest.approx((0.2, 0.0, 0.0, 0.0), abs=0.004)

    def test_images_of_several_sizes_are_an_error_unless_a_size_is_set(self):
        images = [data_picture("A", (0.2, 0.4, 0.6, 1.0)), data_picture("B", (0.0, 1.0, 0.0, 1.0), 4, 4)]
        with pytest.raises(ValueError, match="A 8 x 4, B 4 x 4"):
            run("image/channel_pack", *images)
        packed = run("image/channel_pack", *images, size=16)
        assert pixels(packed)[8, 8] == pytest.approx((0.2, 1.0, 0.0, 1.0), abs=0.004)
        assert tuple(packed.size) == (16, 16)

    def test_orm_has_what_is_linked_and_values_for_the_rest(self):
        rough = data_picture("Rough", (0.25, 0.25, 0.25, 1.0), float_buffer=True)
        image = run("image/pack_orm", roughness=rough, metallic_value=1.0)
        assert pixels(image)[0, 0] == pytest.approx((1.0, 0.25, 1.0, 1.0))
        assert image.is_float
        with pytest.raises(ValueError, match="Red holds colours, no data"):
            run("image/pack_orm", picture("Red", (1, 0, 0, 1)))

    @pytest.mark.parametrize("script", ["image/channel_pack", "image/pack_orm"])
    def test_nothing_or_tiles_are_a_clear_error(self, script, tmp_path):
        with pytest.raises(ValueError, match="nothing to pack; link an image"):
            run(script)
        with pytest.raises(ValueError, match="has 3 UDIM tiles; link an image without tiles"):
            run(script, tiled_picture(tmp_path / "wall.<UDIM>.png", TILES))


class TestCompareImages:
    def test_same_images_are_the_same_whatever_holds_them(self):
        byte = picture("Byte", (0.5, 0.25, 0.0, 0.5))
        floats = run("image/convert_image", byte, depth="32 Bits")
        found = run("image/compare_images", byte, floats)
        assert (found.is_same, found.share) == (True, 0.0)
        assert found.maximum < 0.005
        assert pixels(found.difference)[..., :3].max() < 0.01

    def test_difference_is_measured_and_shown(self):
        one, other = picture("One", (0.5, 0.5, 0.5, 1.0)), picture("Other", (0.5, 0.5, 0.5, 1.0))
        other.pixels[0:4] = (1.0, 0.5, 0.5, 1.0)
        found = run("image/compare_images", one, other)
        assert (found.is_same, found.share) == (False, 1 / 32)
        assert found.maximum == pytest.approx(0.5, abs=0.01)
        assert found.mean == pytest.approx(0.5 / 128, abs=1e-3)
        shown = pixels(found.difference)
        assert shown[0, 0] == pytest.approx((0.5, 0.0, 0.0, 1.0), abs=0.01)
        assert shown[1:, :, :3].max() == 0.0

    def test_colour_of_what_is_transparent_does_not_count_but_alpha_does(self):
        red, blue = picture("Red", (1, 0, 0, 0)), picture("Blue", (0, 0, 1, 0))
        assert run("image/compare_images", red, blue).is_same
        assert not run("image/compare_images", picture("Black", (0, 0, 0, 1)), blue).is_same

    def test_difference_is_an_error_if_asked(self):
        one, other = picture("One", (0, 0, 0, 1)), picture("Other", (0.1, 0, 0, 1))
        with pytest.raises(ValueError, match=r"100\.00% of the pixels of One differ from Other"):
            run("image/compare_images", one, other, fail=True)
        assert run("image/compare_images", one, other, fail=True, allowed=1.0).share == 1.0
        assert run("image/compare_images", one, other, tolerance=0.2, fail=True).is_same

    def test_what_is_no_number_differs(self):
        broken = data_picture("Broken", (float("nan"), 0, 0, 1), float_buffer=True)
        found = run("image/compare_images", broken, data_picture("Whole", (0, 0, 0, 1)))
        assert (found.maximum, found.share) == (1.0, 1.0)

    def test_images_of_several_sizes_are_a_clear_error(self):
        with pytest.raises(ValueError, match="A has 8 x 4 pixels and B has 4 x 4 pixels; resize"):
            run("image/compare_images", picture("A", (1, 0, 0, 1)), picture("B", (1, 0, 0, 1), 4, 4))


class TestConvertImage:
    def test_depth_changes_and_colours_look_the_same(self):
        byte = picture("Red", (0.5, 0.2, 0.1, 0.5))
        floats = run("image/convert_image", byte, depth="32 Bits")
        assert floats.is_float
        assert pixels(floats)[0, 0] == pytest.approx((0.107, 0.0166, 0.005, 0.5), abs=0.003)
        back = run("image/convert_image", floats, depth="8 Bits")
        assert not back.is_float
        assert pixels(back)[0, 0] == pytest.approx((0.5, 0.2, 0.1, 0.5), abs=0.01)

    def test_alpha_is_replaced_by_the_background(self):
        image = run(
            "image/convert_image", picture("Red", (1.0, 0.0, 0.0, 0.25)), "RGB", background=mathutils.Color((1, 1, 1))
        )
        assert pixels(image)[0, 0] == pytest.approx((1.0, 0.75, 0.75, 1.0), abs=0.01)
        assert image.depth == 24

    def test_data_keeps_its_numbers_and_channels_are_changed(self):
        image = data_picture("Normal", (0.5, 0.25, 1.0, 1.0))
        assert pixels(run("image/convert_image", image, flip_green=True))[0, 0] == pytest.approx(
            (0.5, 0.75, 1.0, 1.0), abs=0.004
        )
        rough = run("image/convert_image", image, "Grey", "32 Bits", invert=True)
        assert pixels(rough)[0, 0, :3] == pytest.approx([1.0 - 0.3573] * 3, abs=0.004)
        assert rough.colorspace_settings.is_data
        assert not run("image/convert_image", image, color_space="Colors").colorspace_settings.is_data


class TestSwapImages:
    def test_all_that_uses_an_image_uses_the_other_one_under_its_name(self):
        old, new, other = (
            picture("Wood", (1, 0, 0, 1)),
            picture("Wood 1k", (0, 1, 0, 1)),
            picture("Steel", (0, 0, 1, 1)),
        )
        first, second = cube("First"), cube("Second")
        first.data.materials.append(textured(material("A"), old))
        group = bpy.data.node_groups.new("Group", "ShaderNodeTree")
        group.nodes.new("ShaderNodeTexImage").image = old
        second.data.materials.append(textured(material("B"), other))
        second.data.materials[0].node_tree.nodes.new("ShaderNodeGroup").node_tree = group
        assert run("image/swap_images", [first, second], [old, other], [new, other]) == [first, second]
        shown = [
            node.image for node in (*first.data.materials[0].node_tree.nodes, *group.nodes) if hasattr(node, "image")
        ]
        assert shown == [new, new]
        assert new.name == "Wood"
        assert run("check/list_textures", [first, second]).images == [other, new]

    def test_lists_of_several_lengths_or_nothing_are_clear_errors(self):
        old, new = picture("Wood", (1, 0, 0, 1)), picture("Wood 1k", (0, 1, 0, 1))
        with pytest.raises(ValueError, match="1 images and 2 replacements; link lists of one length"):
            run("image/swap_images", [cube()], [old], [new, new])
        with pytest.raises(ValueError, match="nothing to change"):
            run("image/swap_images", [], [old], [new])

    def test_image_that_nothing_uses_is_a_clear_error(self):
        with pytest.raises(
            ValueError, match="Nothing of Data uses Wood; link Data and Images of one List Textures node"
        ):
            run("image/swap_images", [cube()], [picture("Wood", (1, 0, 0, 1))], [picture("New", (0, 1, 0, 1))])

    def test_image_that_only_a_library_uses_is_a_clear_error(self, tmp_path):
        library = tmp_path / "library.blend"
        bpy.data.libraries.write(str(library), {textured(material("Oak"), picture("Bark", (0.0, 1.0, 0.0, 1.0)))})
        open_empty_file()
        with bpy.data.libraries.load(str(library), link=True) as (_there, wanted):
            wanted.materials = ["Oak"]
        (oak,), (bark,) = wanted.materials, bpy.data.images
        with pytest.raises(ValueError, match="Bark is used by something of a library, which can't be changed"):
            run("image/swap_images", [oak], [bark], [picture("New", (1, 0, 0, 1))])
