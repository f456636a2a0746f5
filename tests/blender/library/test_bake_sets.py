# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes of whole sets: cages, pairs by name, several objects in one atlas, and how deep what is saved is."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import bpy
import numpy as np
import pytest

from background_nodes.script import uv_coverage

from .scenes import cube, data_picture, grid, link, material, mesh_object, pixels, run

SCRIPTS = ("bake/bake_normal", "bake/bake_ambient_occlusion", "bake/bake_material")


def colored(item: bpy.types.Object, color) -> bpy.types.Object:
    item.data.materials.append(material(f"{item.name} colour", color))
    return item


def raised(low: bpy.types.Object, height, name: str = "Cage") -> bpy.types.Object:
    """A copy of a mesh whose points are raised by a height that depends on where they are."""
    copy = link(name, low.data.copy())
    for vertex in copy.data.vertices:
        vertex.co.z += height(*vertex.co.xy)
    return copy


def two_storeys() -> bpy.types.Object:
    """A green floor just above the low-poly object, and a red roof over its right half."""
    floor = colored(grid("Floor", cells=4, height=lambda x, y: 0.05), (0.0, 1.0, 0.0, 1.0))
    roof = colored(grid("Roof", cells=4, height=lambda x, y: 0.5), (1.0, 0.0, 0.0, 1.0))
    for vertex in roof.data.vertices:
        vertex.co.x = vertex.co.x * 0.5 + 0.5
    return run("mesh/join", [floor, roof])


class TestCage:
    def test_rays_start_from_the_cage_so_that_what_is_outside_of_it_is_not_seen(self):
        low, high = grid("Low", cells=8), two_storeys()
        options = {"resolution": 32, "samples": 1, "margin": 0}
        seen = pixels(run("bake/bake_material", low, high=high, cage_extrusion=1.0, **options))
        assert seen[16, 4, :3].tolist() == [0, 1, 0]
        assert seen[16, 27, :3].tolist() == [1, 0, 0]
        cage = raised(low, lambda x, y: 0.2 if x > 0 else 1.0)
        seen = pixels(run("bake/bake_material", low, high=high, cage=cage, **options))
        assert np.allclose(seen[4:28, 20:28, :3], (0, 1, 0))
        higher = raised(low, lambda x, y: 0.7)
        seen = pixels(run("bake/bake_material", low, high=high, cage=higher, cage_extrusion=0.1, **options))
        assert np.allclose(seen[4:28, 20:28, :3], (1, 0, 0))

    @pytest.mark.parametrize("script", SCRIPTS)
    @pytest.mark.parametrize("is_hidden", [True, False])
    def test_cage_gives_no_shade_and_is_gone_afterwards(self, script, is_hidden):
        low, high = grid("Low", cells=2), grid("High", cells=4, height=lambda x, y: 0.05)
        cage = raised(low, lambda x, y: 0.2)
        cage.hide_viewport = cage.hide_render = is_hidden
        before = sorted(item.name for item in bpy.data.objects)
        result = run(script, low, high=high, cage=cage, resolution=16, samples=2)
        image = getattr(result, "image", result)
        wanted = {"bake/bake_normal": (0.5, 0.5, 1.0), "bake/bake_ambient_occlusion": (1.0, 1.0, 1.0)}
        assert pixels(image)[8, 8, :3] == pytest.approx(wanted.get(script, (0.906, 0.906, 0.906)), abs=0.02)
        assert sorted(item.name for item in bpy.data.objects) == before
        assert (cage.hide_viewport, cage.hide_render) == (is_hidden, is_hidden)

    @pytest.mark.parametrize("script", SCRIPTS)
    def test_cage_of_another_shape_is_a_clear_error(self, script):
        low, high = grid("Low", cells=2), grid("High", cells=4, height=lambda x, y: 0.05)
        with pytest.raises(ValueError, match=r"Fine is no cage of Low: it has 25 points and 16 faces, not 9 and 4"):
            run(script, low, high=high, cage=grid("Fine", cells=4))
        turned = mesh_object(
            "Turned", [v.co for v in low.data.vertices], [[*p.vertices][::-1] for p in low.data.polygons]
        )
        with pytest.raises(ValueError, match="Turned is no cage of Low: its faces are others"):
            run(script, low, high=high, cage=turned)
        with pytest.raises(ValueError, match="Low is linked to both"):
            run(script, low, high=high, cage=low)
        if script != "bake/bake_normal":
            with pytest.raises(ValueError, match="Turned is linked to Cage, but nothing to High"):
                run(script, low, cage=turned)

    @pytest.mark.parametrize("sign", [1.0, -1.0])
    def test_cage_that_is_partly_inside_is_told(self, sign, capsys):
        low, high = grid("Low", cells=2), grid("High", cells=4, height=lambda x, y: 0.05)
        for item in (low, high):
            item.scale.x = sign  # a mirrored object has its outside where it was
        cage = raised(low, lambda x, y: 0.2 if x > -0.5 else -0.2)
        cage.scale.x = sign
        bpy.context.view_layer.update()
        run("bake/bake_material", low, high=high, cage=cage, resolution=16, samples=1)
        assert "33% of the points of Cage lie inside of Low" in capsys.readouterr().out


class TestUVMap:
    def test_normals_are_those_of_the_uv_map_that_is_baked_to(self):
        def low(active: str) -> bpy.types.Object:
            item = grid("Low", cells=2)
            turned = item.data.uv_layers.new(name="Turned")
            for old, new in zip(item.data.uv_layers["UVMap"].uv, turned.uv, strict=True):
                new.vector = (old.vector.y, 1.0 - old.vector.x)
            item.data.uv_layers[active].active = True
            return item

        high = grid("High", cells=16, height=lambda x, y: 0.3 * x)
        options = {"resolution": 16, "samples": 1, "cage_extrusion": 0.5}
        wanted = pixels(run("bake/bake_normal", low("Turned"), high, uv_map="Turned", **options).image)
        result = run("bake/bake_normal", other := low("UVMap"), high, uv_map="Turned", **options)
        assert pixels(result.image) == pytest.approx(wanted, abs=0.01)
        assert wanted[8, 8, 1] > 0.6  # the slope looks to -x, which is up in the picture
        assert other.data.uv_layers["UVMap"].active_render
        assert other.data.uv_layers.active.name == "UVMap"
        (image_node,) = [n for n in other.active_material.node_tree.nodes if n.type == "TEX_IMAGE"]
        assert image_node.inputs["Vector"].links[0].from_node.uv_map == "Turned"
        (normal_map,) = [n for n in other.active_material.node_tree.nodes if n.type == "NORMAL_MAP"]
        assert normal_map.uv_map == "Turned"
        rendered = pixels(run("bake/bake_normal", low("Turned"), high, **options).image)
        assert rendered[8, 8, :2] == pytest.approx((wanted[8, 8, 1] * -1 + 1, 0.5), abs=0.01)  # not the active one

    def test_textures_stay_where_they_are_while_another_uv_map_is_baked_to(self):
        source = grid("Source", cells=2)
        image = bpy.data.images.new("Halves", 16, 16)
        colors = np.zeros((16, 16, 4), np.float32)
        colors[:, :8], colors[:, 8:] = (1, 0, 0, 1), (0, 0, 1, 1)
        image.pixels.foreach_set(colors.ravel())
        steel = material("Halves")
        node = steel.node_tree.nodes.new("ShaderNodeTexImage")
        node.image = image
        steel.node_tree.links.new(node.outputs[0], steel.node_tree.nodes["Principled BSDF"].inputs["Base Color"])
        source.data.materials.append(steel)
        layer = source.data.uv_layers.new(name="Turned")
        for old, new in zip(source.data.uv_layers["UVMap"].uv, layer.uv, strict=True):
            new.vector = (1.0 - old.vector.x, old.vector.y)
        seen = pixels(run("bake/bake_material", source, resolution=16, samples=1, uv_map="Turned"))
        assert seen[8, 3, :3].tolist() == [0, 0, 1]
        assert seen[8, 12, :3].tolist() == [1, 0, 0]

    def test_uv_map_that_is_not_there_is_a_clear_error(self):
        with pytest.raises(ValueError, match="Source has no UV map Atlas, but UVMap; write one of these"):
            run("bake/bake_material", grid("Source"), uv_map="Atlas")

    def test_faces_that_lie_on_each_other_are_told(self, capsys):
        source = grid("Source", cells=4)
        run("bake/bake_material", source, resolution=16, samples=1)
        assert "shared by several faces" not in capsys.readouterr().out
        for index, other in zip(*(source.data.polygons[face].loop_indices for face in (0, 1)), strict=True):
            source.data.uv_layers[0].uv[index].vector = source.data.uv_layers[0].uv[other].vector
        run("bake/bake_material", source, resolution=16, samples=1)
        assert "6.7% of what the UV map of Source covers is shared" in capsys.readouterr().out


def test_pixels_of_a_uv_map_are_counted_once_where_faces_meet():
    from background_nodes.script import uv_coverage

    source = grid("Source", cells=7)
    counts = uv_coverage(source.data, source.data.uv_layers[0], 64)
    assert (counts == 1).all()
    fan = grid("Fan", cells=1)  # its diagonal goes through the middles of pixels
    assert (uv_coverage(fan.data, fan.data.uv_layers[0], 64) == 1).all()
    for entry in fan.data.uv_layers[0].uv:
        entry.vector = entry.vector * 0.5 + type(entry.vector)((0.75, 0.0))
    counts = uv_coverage(fan.data, fan.data.uv_layers[0], 64)
    assert counts.sum() == 16 * 32
    assert counts[:32, 48:].all()


class TestMatchNames:
    def test_objects_are_paired_by_name_in_the_order_of_the_list(self):
        names = ("Rock_high", "Wall_LOW", "Rock_low", "Wall_High.001", "Rock_high_moss", "Wall_cage", "Rock_cage")
        items = {name: cube(name) for name in names}
        result = run("object/match_names", [*items.values()])
        assert [item.name for item in result.lows] == ["Wall_LOW", "Rock_low"]
        assert result.highs[0] == items["Wall_High.001"]
        assert result.highs[1].instance_collection.objects.keys() == ["Rock_high", "Rock_high_moss"]
        assert result.cages == [items["Wall_cage"], items["Rock_cage"]]
        assert result.names == ["Wall", "Rock"]

    def test_number_of_blender_s_own_pairs_copies(self):
        items = [cube(name) for name in ("Rock_low", "Rock_low.001", "Rock_high", "Rock_high.001")]
        result = run("object/match_names", items)
        assert (result.lows, result.highs) == (items[:2], items[2:])
        assert result.cages == []
        assert result.names == ["Rock", "Rock.001"]

    def test_what_has_no_partner_is_a_clear_error_or_told(self, capsys):
        items = [cube(name) for name in ("Rock_low", "Rock_high", "Wall_low", "Floor_high", "Lamp")]
        with pytest.raises(ValueError, match="Wall_low, Floor_high, Lamp has no partner; rename it"):
            run("object/match_names", items)
        assert run("object/match_names", items, allow_unmatched=True).names == ["Rock"]
        assert "no partner: Wall_low, Floor_high, Lamp" in capsys.readouterr().out
        with pytest.raises(ValueError, match="No object ends in _lo with a partner"):
            run("object/match_names", items, low="_lo", allow_unmatched=True)
        with pytest.raises(ValueError, match="three different texts"):
            run("object/match_names", items, low="_high")
        more = [cube(name) for name in ("Rock_cage", "Wall_high")]
        with pytest.raises(ValueError, match="Wall_low has no cage, but others have"):
            run("object/match_names", [*items, *more], allow_unmatched=True)
        with pytest.raises(ValueError, match="Rock_low and rock_LOW both are the one with _low"):
            run("object/match_names", [*items, cube("rock_LOW")])


def kit() -> list[bpy.types.Object]:
    """Three objects of several sizes and colours whose UV maps all fill the whole picture."""
    colors = ((1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1))
    items = [colored(grid(name, cells=3), color) for name, color in zip("ABC", colors, strict=True)]
    items[1].scale = (2.0, 2.0, 2.0)
    bpy.context.view_layer.update()
    return items


class TestAtlas:
    def test_objects_get_places_of_their_own_by_their_size(self):
        items = kit()
        result = run("uv/pack_atlas", items, margin_pixels=8, resolution=256)
        assert result.packed == items
        boxes = []
        for item in items:
            assert item.data.uv_layers["UVMap"].active_render
            uv = np.array([tuple(entry.vector) for entry in item.data.uv_layers["Atlas"].uv])
            boxes.append((uv.min(axis=0), uv.max(axis=0)))
        low, high = np.array(boxes).transpose(1, 0, 2)
        assert low.min() >= 8 / 256 - 1e-3
        assert high.max() <= 1.0 - 8 / 256 + 1e-3
        widths = (high - low)[:, 0]
        assert widths[1] == pytest.approx(2.0 * widths[0], rel=1e-3)
        assert widths[2] == pytest.approx(widths[0], rel=1e-3)
        for one, other in ((0, 1), (0, 2), (1, 2)):
            assert max((low[one] - high[other]).max(), (low[other] - high[one]).max()) >= 16 / 256 - 2e-3
        assert result.coverage == pytest.approx(((high - low) ** 2)[:, 0].sum(), abs=0.01)
        kept = run("uv/pack_atlas", items, scale="As It Is", make_active=True).packed
        assert all(item.data.uv_layers["Atlas"].active_render for item in kept)
        widths = [np.ptp([entry.vector.x for entry in item.data.uv_layers["Atlas"].uv]) for item in kept]
        assert widths == pytest.approx([widths[0]] * 3, rel=1e-3)

    def test_each_object_has_its_own_picture_in_the_atlas_and_a_margin_around(self):
        items = run("uv/pack_atlas", kit(), margin_pixels=6, resolution=64).packed
        options = {"resolution": 64, "samples": 1, "uv_map": "Atlas", "margin": 4}
        images = [run("bake/bake_material", link(item.name, item.data.copy()), **options) for item in items]
        image = run("bake/combine_atlas", items, images, margin=4, name="Kit")
        assert (image.name, bool(image.packed_file), image.is_float) == ("Kit", True, False)
        seen = pixels(image)
        for item, color in zip(items, np.eye(3), strict=True):
            uv = np.array([tuple(entry.vector) for entry in item.data.uv_layers["Atlas"].uv]) * 64
            (left, bottom), (right, top) = uv.min(axis=0), uv.max(axis=0)
            inside = seen[round(bottom) - 1 : round(top) + 1, round(left) - 1 : round(right) + 1, :3]
            assert np.allclose(inside, color), item.name
        assert 0.2 < seen[..., :3].any(axis=2).mean() < 0.6

    def test_what_makes_no_atlas_is_a_clear_error(self):
        items = kit()
        images = [data_picture(str(index), (0.5, 0.5, 0.5, 1.0), 32, 32) for index in range(3)]
        with pytest.raises(ValueError, match=r"B and A lie on each other in their UV map UVMap; link the objects that"):
            run("bake/combine_atlas", items, images, uv_map="")
        with pytest.raises(ValueError, match="A has no UV map Atlas; link the objects that Pack Atlas gave"):
            run("bake/combine_atlas", items, images)
        with pytest.raises(ValueError, match="3 objects and 2 images are linked"):
            run("bake/combine_atlas", items, images[:2])
        with pytest.raises(ValueError, match=r"not squares of one size \(0 32 x 32, 1 32 x 32, Other 8 x 4\)"):
            run("bake/combine_atlas", items, [*images[:2], data_picture("Other", (0, 0, 0, 1))])
        with pytest.raises(ValueError, match="A is in the list several times"):
            run("uv/pack_atlas", [items[0], items[0]])
        with pytest.raises(ValueError, match="Cube has no UV map; unwrap it first"):
            run("uv/pack_atlas", [cube()])

    def test_objects_with_one_mesh_get_a_place_each(self):
        first = grid("First", cells=2)
        second = link("Second", first.data)
        packed = run("uv/pack_atlas", [first, second]).packed
        corners = [min(tuple(entry.vector) for entry in item.data.uv_layers["Atlas"].uv) for item in packed]
        assert corners[0] != corners[1]


def decoded_png(path: Path) -> tuple[int, np.ndarray]:
    """Bits of a channel, and the numbers in a PNG file without interlacing: rows from the top down."""
    data, place, packed = path.read_bytes(), 8, b""
    while place < len(data):
        (length,), kind = struct.unpack(">I", data[place : place + 4]), data[place + 4 : place + 8]
        body, place = data[place + 8 : place + 8 + length], place + 12 + length
        if kind == b"IHDR":
            width, height, bits, color = struct.unpack(">IIBB", body[:10])
        packed += body if kind == b"IDAT" else b""
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[color]
    step = channels * bits // 8
    raw = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * step).astype(int)
    rows, above = [], np.zeros(width * step, int)
    for kind, line in zip(raw[:, 0], raw[:, 1:].copy(), strict=True):
        for index in range(width * step):
            a = line[index - step] if index >= step else 0
            b, c = above[index], above[index - step] if index >= step else 0
            nearest = min((a, b, c), key=lambda each: abs(a + b - c - each))
            line[index] = (line[index] + (0, a, b, (a + b) // 2, nearest)[kind]) % 256
        rows.append(above := line)
    numbers = np.array(rows).astype(np.uint8).view(">u2" if bits == 16 else np.uint8)
    return bits, numbers.reshape(height, width, channels)


def ramp(*, floats: bool, data: bool, alpha: float = 1.0) -> bpy.types.Image:
    """Packed, as all that comes out of a bake."""
    from background_nodes.script import new_image

    values = np.empty((16, 16, 4), np.float32)
    values[...] = np.linspace(0.0, 1.0, 256).reshape(16, 16, 1)
    values[..., 3] = alpha
    if floats and not data:
        values[..., :3] *= alpha
    return new_image(values, "Ramp", non_color=data, floats=floats, alpha=alpha < 1.0)


class TestDepthOfFiles:
    @pytest.mark.parametrize("data", [True, False])
    @pytest.mark.parametrize("alpha", [1.0, 0.5])
    def test_floats_are_16_bits_in_a_png_and_colours_those_of_the_screen(self, data, alpha, tmp_path):
        image = ramp(floats=True, data=data, alpha=alpha)
        bits, found = decoded_png(run("image/save_image", image, tmp_path / "out.png"))
        assert bits == 16
        linear = np.linspace(0.0, 1.0, 256).reshape(16, 16)[::-1]
        wanted = linear if data else np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
        assert found[..., 0] / 65535.0 == pytest.approx(wanted, abs=1e-4)
        assert len(np.unique(found[..., 0])) == 256
        if alpha < 1.0:
            assert found[..., 3] / 65535.0 == pytest.approx(alpha, abs=1e-4)
        bits, found = decoded_png(run("image/save_image", image, tmp_path / "few.png", depth="8 Bits"))
        assert bits == 8
        assert found[..., 0] / 255.0 == pytest.approx(wanted, abs=0.003)

    @pytest.mark.parametrize("data", [True, False])
    def test_8_bits_are_the_same_numbers_in_16(self, data, tmp_path):
        image = ramp(floats=False, data=data)
        few = decoded_png(run("image/save_image", image, tmp_path / "few.png"))
        many = decoded_png(run("image/save_image", image, tmp_path / "many.png", depth="16 Bits"))
        assert (few[0], many[0]) == (8, 16)
        assert many[1] / 257.0 == pytest.approx(few[1], abs=0.02)

    @pytest.mark.parametrize("depth", ["16 Bits", "32 Bits", "From Image"])
    @pytest.mark.parametrize("floats", [True, False])
    @pytest.mark.parametrize("data", [True, False])
    def test_openexr_has_halves_or_floats(self, depth, floats, data, tmp_path):
        path = run("image/save_image", ramp(floats=floats, data=data), tmp_path / "out.exr", depth=depth)
        header = path.read_bytes()
        channels = header.index(b"channels\0chlist\0") + len(b"channels\0chlist\0") + 4
        kind = header[channels + 2]  # after the name of the first one
        is_half = depth == "16 Bits" or (depth == "From Image" and not floats and not data)
        assert kind == (1 if is_half else 2)
        loaded = bpy.data.images.load(str(path))
        if data:
            loaded.colorspace_settings.name = "Non-Color"
        screen = np.linspace(0.0, 1.0, 256)
        wanted = np.where(screen <= 0.04045, screen / 12.92, ((screen + 0.055) / 1.055) ** 2.4)
        wanted = screen if data or floats else wanted
        assert pixels(loaded)[..., 0].ravel() == pytest.approx(wanted, abs=2e-3)

    def test_depth_that_a_format_has_not_is_a_clear_error(self, tmp_path):
        image = ramp(floats=False, data=False)
        with pytest.raises(ValueError, match=r"ends in \.jpg has 8 bits, not 16; choose another depth or format"):
            run("image/save_image", image, tmp_path / "out.jpg", depth="16 Bits")
        with pytest.raises(ValueError, match=r"ends in \.png has 8 or 16 bits, not 32"):
            run("image/save_image", image, tmp_path / "out.png", depth="32 Bits")


def bevelled_cube(name: str = "Box") -> bpy.types.Object:
    """One whose islands touch at seams, with all faces outwards."""
    source = run("mesh/clean_up", cube(name), suffix="").cleaned
    return run("uv/smart_uv_project", source, suffix="")


@pytest.mark.parametrize("what", ["Base Color", "Roughness"])
def test_seams_are_as_bright_as_what_is_baked(what):
    """At seams Blender mixes the margin of what is baked and of what was there before."""
    source = bevelled_cube()
    painted = material("Paint", (0.2, 1.0, 0.5, 1.0))
    painted.node_tree.nodes["Principled BSDF"].inputs["Roughness"].default_value = 0.7
    source.data.materials.append(painted)
    image = run("bake/bake_material", source, what, resolution=64, samples=4, high_precision=True)
    seen = pixels(image)[..., :3]
    wanted = (0.2, 1.0, 0.5) if what == "Base Color" else (0.7, 0.7, 0.7)
    is_right = np.isclose(seen, wanted, atol=1e-3).all(axis=2)
    assert (is_right | (seen == 0.0).all(axis=2)).all(), "nothing between that and nothing"
    assert is_right[uv_coverage(source.data, source.data.uv_layers[0], 64) > 0].all()


def test_seams_of_a_flat_normal_map_are_flat():
    low, high = bevelled_cube("Low"), bevelled_cube("High")
    image = run("bake/bake_normal", low, high, resolution=64, samples=8).image
    assert np.abs(pixels(image)[..., :3] - (0.5, 0.5, 1.0)).max() < 0.02


def test_seams_of_occlusion_have_no_light_spots():
    """A box in a box, nearly closed: what is around the islands is as dark as they are."""
    source = bevelled_cube()
    source.data.flip_normals()  # seen from inside
    layer = source.data.uv_layers[0]
    for entry in layer.uv:
        entry.vector.x -= 0.49 / 64.0
    image = run("bake/bake_ambient_occlusion", source, resolution=64, samples=4, margin=4, distance=10.0).image
    seen = pixels(image)[..., 0]
    covered = uv_coverage(source.data, layer, 64) > 0
    near = covered.copy()
    for _step in range(3):
        near[1:] |= near[:-1]
        near[:-1] |= near[1:]
        near[:, 1:] |= near[:, :-1]
        near[:, :-1] |= near[:, 1:]
    assert seen[near].max() < 0.1


def test_colors_of_tiles_of_floats_are_colors(tmp_path):
    """Blender takes EXR files for data: saved as PNG, they would be too dark (5.2)."""
    source = grid("Wall", 2)
    for polygon in source.data.polygons:
        if source.data.vertices[polygon.vertices[0]].co.x >= 0.0:
            for index in polygon.loop_indices:
                source.data.uv_layers[0].uv[index].vector.x += 0.5
    source.data.materials.append(material("Paint", (0.2, 0.4, 0.6, 1.0)))
    image = run("bake/bake_material", source, resolution=32, samples=1, high_precision=True)
    assert [tile.number for tile in image.tiles] == [1001, 1002]
    assert not image.colorspace_settings.is_data
    assert pixels(image)[16, 8] == pytest.approx((0.2, 0.4, 0.6, 1.0), abs=1e-3)
    with pytest.raises(ValueError, match="holds colours in floats and has tiles; save it as OpenEXR"):
        run("image/save_image", image, tmp_path / "out.<UDIM>.png")
    rough = run("bake/bake_material", source, "Roughness", resolution=32, samples=1, high_precision=True)
    assert rough.colorspace_settings.is_data
