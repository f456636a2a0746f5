# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the category Bake, by what is in the images."""

from __future__ import annotations

import bpy
import mathutils
import numpy as np
import pytest

from .scenes import (
    cube,
    data_picture,
    grid,
    link,
    material,
    mesh_object,
    picture,
    pixels,
    run,
    scattered,
    textured,
)

BAKES = ("bake/bake_normal", "bake/bake_ambient_occlusion")
#: What a surface of `shiny` is, as 8 bits have it.
SHINY = {"Base Color": 0.735, "Roughness": 0.2, "Metallic": 0.9, "Emission": 0.537, "Alpha": 0.6}


def bake(script: str, low: bpy.types.Object, high: bpy.types.Object | None = None, **options):
    """The object and the image that come out."""
    return run(script, low, high, resolution=16, samples=1, cage_extrusion=0.3, **options)


def grouped(steel: bpy.types.Material, depth: int) -> bpy.types.Material:
    """A material whose shader is in a node group in a node group ..."""
    inner = bpy.data.node_groups.new("Group", "ShaderNodeTree")
    inner.interface.new_socket("Shader", in_out="OUTPUT", socket_type="NodeSocketShader")
    result = inner.nodes.new("NodeGroupOutput")
    if depth == 1:
        shader = inner.nodes.new("ShaderNodeBsdfPrincipled")
    else:
        shader = inner.nodes.new("ShaderNodeGroup")
        shader.node_tree = grouped(material("Inner"), depth - 1).node_tree.nodes["Group"].node_tree
    inner.links.new(shader.outputs[0], result.inputs[0])
    tree = steel.node_tree
    tree.nodes.remove(tree.nodes["Principled BSDF"])
    group = tree.nodes.new("ShaderNodeGroup")
    group.name, group.node_tree = "Group", inner
    output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
    tree.links.new(group.outputs[0], output.inputs[0])
    return steel


def innermost(tree: bpy.types.NodeTree) -> bpy.types.NodeTree:
    groups = [node.node_tree for node in tree.nodes if node.type == "GROUP"]
    return innermost(groups[0]) if groups else tree


@pytest.mark.parametrize("script", BAKES)
@pytest.mark.parametrize("depth", [1, 2])
def test_shader_in_a_group_uses_the_image_and_the_group_of_others_stays(script, depth):
    low, high = grid("Low", cells=2), grid("High", cells=4, height=lambda x, y: 0.1 * x * x)
    steel = grouped(material("Steel"), depth)
    low.data.materials.append(steel)
    shared = innermost(steel.node_tree)
    before = len(shared.nodes)
    baked, image = bake(script, low, high)
    tree = innermost(baked.material_slots[0].material.node_tree)
    (used,) = [node for node in tree.nodes if node.type == "TEX_IMAGE" and node.image == image]
    (shader,) = [node for node in tree.nodes if node.type == "BSDF_PRINCIPLED"]
    assert used.outputs["Color"].is_linked
    assert shader.inputs["Normal" if "normal" in script else "Base Color"].is_linked
    assert len(shared.nodes) == before


def move_face(item: bpy.types.Object, face: int, x: float, y: float) -> None:
    """Move a face of the UV map."""
    for index in item.data.polygons[face].loop_indices:
        item.data.uv_layers.active.uv[index].vector += mathutils.Vector((x, y))


@pytest.mark.parametrize("script", BAKES)
@pytest.mark.parametrize(
    ("place", "all_tiles", "is_told"),
    [
        ((0, 0), True, False),
        ((0, 0), False, False),
        ((1, 0), False, True),
        ((-1, 0), True, True),
        ((10, 0), True, True),
    ],
)
def test_what_lies_beside_what_is_baked_is_told(script, place, all_tiles, is_told, capsys):
    low, high = grid("Low", cells=2), grid("High", cells=4, height=lambda x, y: 0.1 * x * x)
    move_face(low, 0, *place)
    _baked, image = bake(script, low, high, all_tiles=all_tiles)
    assert image.source != "TILED"
    assert ("25% of the UV map of Low lie beside what is baked" in capsys.readouterr().out) is is_told


@pytest.mark.parametrize("script", BAKES)
@pytest.mark.parametrize("high_precision", [False, True])
def test_each_tile_of_a_uv_map_is_baked_as_it_would_be_alone(script, high_precision, tmp_path):
    options = {"high_precision": True} if high_precision and "normal" in script else {}
    high = grid("High", cells=4, height=lambda x, y: 0.4 * x + 0.2 * y * y)
    if "occlusion" in script:  # all of it is in the dark
        high = run("mesh/join", [high, cube("Cellar", size=9.0)])
        options["distance"] = 100.0
    alone = pixels(bake(script, grid("Low", cells=2), high, **options)[1])
    low = grid("Low", cells=2)
    move_face(low, 1, 1.0, 0.0)
    move_face(low, 2, 0.0, 2.0)
    baked, image = bake(script, low, high, **options)
    assert [tile.number for tile in image.tiles] == [1001, 1002, 1021]
    assert image.packed_files
    assert image.is_float is ("high_precision" in options)
    assert image in {
        node.image for node in baked.material_slots[0].material.node_tree.nodes if node.type == "TEX_IMAGE"
    }
    # Nothing but the faces' own tile differs from the picture of all of them: they lie in its four quarters.
    quarters = {1001: np.s_[1:7, 1:7], 1002: np.s_[1:7, 9:15], 1021: np.s_[9:15, 1:7]}
    bpy.data.libraries.write(str(tmp_path / "out.blend"), {image})
    with bpy.data.libraries.load(str(tmp_path / "out.blend")) as (_there, wanted):
        wanted.images = [image.name]
    ending = "exr" if image.is_float else "png"
    run("image/save_image", wanted.images[0], tmp_path / f"out.{ending}")
    for number, quarter in quarters.items():
        saved = bpy.data.images.load(str(tmp_path / f"out.{number}.{ending}"))
        saved.colorspace_settings.name = "Non-Color"
        assert np.allclose(pixels(saved)[quarter], alone[quarter], atol=0.02)


@pytest.mark.parametrize("script", BAKES)
def test_uv_map_in_very_many_tiles_is_a_clear_error(script):
    low = grid("Low", cells=11)
    for face in range(121):
        move_face(low, face, face % 10, face // 10)
    with pytest.raises(ValueError, match="lies in 121 tiles; unwrap it anew, or switch All Tiles off"):
        bake(script, low, grid("High", cells=4))
    bake(script, low, grid("High", cells=4), all_tiles=False)


@pytest.mark.parametrize("script", BAKES)
def test_low_poly_that_is_no_mesh_is_a_clear_error(script):
    text = link("Text", bpy.data.curves.new("Text", "FONT"))
    with pytest.raises(ValueError, match="Text is no mesh; Apply Modifiers makes one of what has a surface"):
        bake(script, text, cube("High"))


@pytest.mark.parametrize("script", BAKES)
def test_material_without_a_fitting_shader_is_told(script, capsys):
    low, high = grid("Low", cells=2), grid("High", cells=4, height=lambda x, y: 0.1 * x * x)
    glow = material("Glow")
    glow.node_tree.nodes.remove(glow.node_tree.nodes["Principled BSDF"])
    low.data.materials.append(glow)
    bake(script, low, high)
    assert "Glow Low has no shader" in capsys.readouterr().out


@pytest.mark.parametrize("script", BAKES)
@pytest.mark.parametrize("kind", ["Scatter", "Instance", "Text"])
def test_high_poly_may_be_whatever_has_a_surface(script, kind):
    low = grid("Low", cells=2)
    if kind == "Scatter":
        high = scattered(mesh_object("High", [(0.4, 0.4, 0.0)], []))
    elif kind == "Instance":
        high = link("High", None)
        high.instance_type, high.instance_collection = "COLLECTION", bpy.data.collections.new("Props")
        high.instance_collection.objects.link(prop := cube("Prop", size=0.5))
        bpy.context.scene.collection.objects.unlink(prop)
    else:
        high = link("High", bpy.data.curves.new("High", "FONT"))
        high.data.body, high.data.extrude = "HHH", 0.1
    high.rotation_euler.x = 0.3
    _baked, image = run(script, low, high, resolution=16, samples=4, cage_extrusion=1.0, margin=0)
    if "normal" in script:
        assert len(np.unique(pixels(image)[..., 1])) > 1
    elif kind != "Text":  # nothing shades a cube
        assert pixels(image)[..., :3].min() == pytest.approx(1.0)
    assert [item.name for item in bpy.data.objects if item.name.startswith(("Low", "High"))] == ["High", "Low"]
    assert not high.hide_render


@pytest.mark.parametrize("script", BAKES)
def test_linked_object_gives_a_local_one_with_the_image(script, tmp_path):
    low = grid("Low", cells=2)
    low.data.materials.append(material("Steel"))
    bpy.data.libraries.write(str(tmp_path / "library.blend"), {low})
    bpy.data.batch_remove({low, low.data, *bpy.data.materials})
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_there, wanted):
        wanted.objects = ["Low"]
    bpy.context.scene.collection.objects.link(low := wanted.objects[0])
    baked, image = bake(script, low, grid("High", cells=4, height=lambda x, y: 0.1 * x * x))
    assert (baked.library, baked.data.library) == (None, None)
    assert not baked.material_slots[0].material.library
    assert low.material_slots[0].material.library
    assert image.name.startswith("Low ")


class TestBakeNormal:
    def test_bump_shows_in_the_normal_map_and_flat_parts_look_up(self, reports):
        low = grid("Low", cells=2)
        high = grid("High", cells=32, height=lambda x, y: 0.2 * max(0.0, 0.5 - np.hypot(x, y)))
        low.hide_render = high.hide_viewport = True
        result = run("bake/bake_normal", low, high, resolution=32, samples=2, cage_extrusion=0.3, margin=2)
        assert result.low == low
        assert low.hide_render
        image = pixels(result.image)
        assert image[1:3, 1:3, :3] == pytest.approx(np.broadcast_to((0.5, 0.5, 1.0), (2, 2, 3)), abs=0.02)
        assert image[..., :3].mean(axis=(0, 1)) == pytest.approx((0.5, 0.5, 1.0), abs=0.02)
        # The cone's left flank looks left (red below a half), its lower one down (green below a half).
        assert image[16, 11, 0] < 0.45 < 0.55 < image[16, 20, 0]
        assert image[11, 16, 1] < 0.45 < 0.55 < image[20, 16, 1]
        assert reports.steps("Baking") == 2

    def test_image_is_data_packed_and_used_by_the_material(self):
        low, high = grid("Low", cells=2), grid("High", cells=4, height=lambda x, y: 0.1 * x * x)
        result = run("bake/bake_normal", low, high, resolution=16, samples=1, cage_extrusion=0.3)
        assert result.image.colorspace_settings.name == "Non-Color"
        assert result.image.packed_file
        assert not result.image.is_float
        nodes = low.material_slots[0].material.node_tree.nodes
        (image_node,) = [node for node in nodes if node.type == "TEX_IMAGE"]
        assert image_node.image == result.image
        (link_to_shader,) = nodes["Principled BSDF"].inputs["Normal"].links
        assert link_to_shader.from_node.type == "NORMAL_MAP"
        assert [image.name for image in bpy.data.images] == ["Low Normal"]

    def test_shared_material_is_copied_once_and_the_high_poly_keeps_its_own(self):
        low, high = grid("Low", cells=2), grid("High", cells=4, height=lambda x, y: 0.1 * x * x)
        steel = material("Steel")
        for item in (low, low, high):
            item.data.materials.append(steel)
        run("bake/bake_normal", low, high, resolution=16, samples=1, cage_extrusion=0.3)
        first, second = (slot.material for slot in low.material_slots)
        assert first == second != steel
        assert high.material_slots[0].material == steel
        assert not [node for node in steel.node_tree.nodes if node.type == "TEX_IMAGE"]

    def test_high_precision_keeps_floats(self):
        low, high = grid("Low", cells=2), grid("High", cells=16, height=lambda x, y: 0.1 * x * x)
        result = run("bake/bake_normal", low, high, 16, samples=1, cage_extrusion=0.3, high_precision=True)
        assert result.image.is_float
        assert result.image.packed_file

    def test_extrusion_is_in_the_scene_s_units_on_a_scaled_object(self):
        low = grid("Low", cells=2)
        high = grid("High", cells=16, height=lambda x, y: 0.3 + 0.1 * x * x)
        low.scale = high.scale = (10.0, 10.0, 10.0)
        bpy.context.view_layer.update()
        image = run("bake/bake_normal", low, high, resolution=16, samples=1, cage_extrusion=5.0).image
        assert pixels(image)[8, 1, 0] > 0.55  # the bowl's left side looks right: the high-poly was found

    def test_objects_far_apart_are_a_clear_error(self):
        low, high = grid("Low", cells=2), grid("High", cells=4, height=lambda x, y: 0.1 * x * x)
        high.location.x = 100.0
        with pytest.raises(ValueError, match="Low found nothing of High"):
            run("bake/bake_normal", low, high, resolution=16, samples=1)

    def test_missing_uv_map_is_a_clear_error(self):
        with pytest.raises(ValueError, match="Cube has no UV map; unwrap it first"):
            run("bake/bake_normal", cube(), grid())

    def test_flat_surface_is_found(self):
        image = run("bake/bake_normal", grid("Low", cells=1), grid("High", cells=2), resolution=16, samples=1).image
        assert pixels(image)[8, 8, :3] == pytest.approx((0.5, 0.5, 1.0), abs=0.01)

    @pytest.mark.parametrize("empty", ["Low", "High"])
    def test_mesh_without_faces_is_a_clear_error(self, empty):
        low, high = grid("Low", cells=1), grid("High", cells=2)
        without_faces({"Low": low, "High": high}[empty])
        with pytest.raises(ValueError, match=f"{empty} has no faces to bake; link an object"):
            run("bake/bake_normal", low, high, resolution=16)


def without_faces(item: bpy.types.Object) -> None:
    """An object whose modifiers remove all faces, as a mask or a Geometry Nodes group may do."""
    item.vertex_groups.new(name="Nothing")
    item.modifiers.new("Mask", "MASK").vertex_group = "Nothing"
    bpy.context.view_layer.update()


class TestBakeAmbientOcclusion:
    @staticmethod
    def valley():
        """Flat but for a deep and narrow furrow along y in the middle."""
        return grid("Valley", cells=16, height=lambda x, y: -1.0 if abs(x) < 0.1 else 0.0)

    def test_furrow_is_darker_than_the_plain(self, reports):
        source = self.valley()
        result = run("bake/bake_ambient_occlusion", source, resolution=32, samples=8, margin=0)
        image = pixels(result.image)[..., 0]
        assert image[4:28, 2:6].mean() > 0.95
        assert image[4:28, 15:17].mean() < 0.5
        assert result.baked == source
        assert result.image.packed_file
        assert reports.steps("Baking") == 2

    def test_high_poly_s_furrow_is_baked_to_the_low_poly(self):
        low = grid("Low", cells=2)
        result = run("bake/bake_ambient_occlusion", low, self.valley(), 32, samples=8, cage_extrusion=0.5)
        image = pixels(result.image)[..., 0]
        assert image[4:28, 15:17].mean() < 0.5 < 0.95 < image[4:28, 2:6].mean()

    def test_low_poly_gives_no_shade_to_the_high_poly_below_it(self):
        low, high = grid("Low", cells=2), grid("High", cells=4, height=lambda x, y: -0.1)
        image = run("bake/bake_ambient_occlusion", low, high, resolution=16, samples=1, cage_extrusion=0.5).image
        assert pixels(image)[..., 0].min() > 0.95

    def test_near_distance_gives_no_shade_from_afar(self):
        image = run("bake/bake_ambient_occlusion", self.valley(), resolution=32, samples=4, distance=0.001).image
        assert pixels(image)[..., 0].mean() > 0.97

    def test_base_color_is_multiplied_in_a_copy_of_the_material(self):
        source, red = self.valley(), material("Red", (1.0, 0.0, 0.0, 1.0))
        source.data.materials.append(red)
        run("bake/bake_ambient_occlusion", source, resolution=16, samples=1)
        own = source.material_slots[0].material
        assert own != red
        mix = own.node_tree.nodes["Principled BSDF"].inputs["Base Color"].links[0].from_node
        assert mix.blend_type == "MULTIPLY"
        _factor, first, _second = (item for item in mix.inputs if item.enabled)
        assert tuple(first.default_value) == (1.0, 0.0, 0.0, 1.0)

    def test_missing_uv_map_is_a_clear_error(self):
        with pytest.raises(ValueError, match="Cube has no UV map; unwrap it first"):
            run("bake/bake_ambient_occlusion", cube())

    def test_mesh_without_faces_is_a_clear_error(self):
        without_faces(source := grid("Source"))
        with pytest.raises(ValueError, match="Source has no faces to bake; link an object"):
            run("bake/bake_ambient_occlusion", source, resolution=16)

    def test_uv_map_beside_the_image_is_a_clear_error(self):
        source = grid("Source")
        for entry in source.data.uv_layers[0].uv:
            entry.vector += mathutils.Vector((-5.0, 0.0))
        with pytest.raises(ValueError, match="UV map of Source covers no pixel of the image; unwrap it anew"):
            run("bake/bake_ambient_occlusion", source, resolution=16, samples=1)

    def test_objects_far_apart_are_a_clear_error(self):
        low, high = grid("Low", cells=2), grid("High", cells=4)
        high.location.x = 100.0
        with pytest.raises(ValueError, match="Low found nothing of High"):
            run("bake/bake_ambient_occlusion", low, high, resolution=16, samples=1)

    def test_surface_that_nothing_shades_is_white(self):
        image = run("bake/bake_ambient_occlusion", grid("Source", cells=1), resolution=16, samples=1).image
        assert pixels(image)[..., :3].min() == 1.0


def shiny(name: str = "Shiny") -> bpy.types.Material:
    result = material(name, (0.5, 0.5, 0.5, 1.0))
    values = {"Roughness": 0.2, "Metallic": 0.9, "Alpha": 0.6, "Emission Strength": 0.5}
    for key, number in values.items():
        result.node_tree.nodes["Principled BSDF"].inputs[key].default_value = number
    result.node_tree.nodes["Principled BSDF"].inputs["Emission Color"].default_value = (0.5, 0.5, 0.5, 1.0)
    return result


def baked(source: bpy.types.Object, what: str, high: bpy.types.Object | None = None, **options) -> np.ndarray:
    copy = link(source.name, source.data.copy())  # as a worker has it: its materials are replaced
    image = run("bake/bake_material", copy, what, high, resolution=16, samples=1, **options)
    assert image.packed_file or image.packed_files
    return pixels(image)


class TestBakeMaterial:
    @pytest.mark.parametrize("what", SHINY)
    @pytest.mark.parametrize("is_from_high", [False, True])
    def test_each_property_is_baked_as_the_material_says(self, what, is_from_high):
        low, high = grid("Low", cells=2), grid("High", cells=4, height=lambda x, y: 0.01 * x)
        (high if is_from_high else low).data.materials.append(shiny())
        options = {"high": high, "cage_extrusion": 0.3} if is_from_high else {}
        image = run("bake/bake_material", low, what, resolution=16, samples=2, **options)
        assert pixels(image)[8, 8] == pytest.approx((*[SHINY[what]] * 3, 1.0), abs=0.01)
        assert pixels(image)[..., 0].std() < 0.01
        assert image.name == f"Low {what}"
        assert image.colorspace_settings.is_data is (what not in ("Base Color", "Emission"))

    def test_materials_lights_and_others_stay_as_they_were(self):
        steel = shiny()
        low, other = grid("Low", cells=2), grid("Other", cells=2)
        for item in (low, other):
            item.data.materials.append(steel)
        before = [node.type for node in steel.node_tree.nodes]
        baked(low, "Metallic", other)
        assert [node.type for node in steel.node_tree.nodes] == before
        assert other.material_slots[0].material == steel

    def test_faces_have_the_colours_of_their_own_materials(self):
        source = grid(cells=2)
        for index, color in enumerate(((1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1))):
            source.data.materials.append(material(str(index), color))
        source.data.materials.append(None)
        for index, polygon in enumerate(source.data.polygons):
            polygon.material_index = index
        seen = baked(source, "Base Color", margin=0)
        assert seen[3, 3, :3].tolist() == [1, 0, 0]
        assert seen[3, 12, :3].tolist() == [0, 1, 0]
        assert seen[12, 3, :3].tolist() == [0, 0, 1]
        assert seen[12, 12, :3] == pytest.approx([0.906] * 3, abs=0.01)

    def test_mixed_shaders_are_mixed_and_what_is_transparent_has_no_colour(self):
        source, mixed = grid(cells=2), material("Mixed", (1.0, 0.0, 0.0, 1.0))
        source.data.materials.append(mixed)
        tree = mixed.node_tree
        mix, clear = tree.nodes.new("ShaderNodeMixShader"), tree.nodes.new("ShaderNodeBsdfTransparent")
        glossy = tree.nodes.new("ShaderNodeBsdfGlossy")
        glossy.inputs["Roughness"].default_value = 0.1
        output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
        mix.inputs[0].default_value = 0.25
        tree.links.new(clear.outputs[0], mix.inputs[1])
        tree.links.new(tree.nodes["Principled BSDF"].outputs[0], mix.inputs[2])
        tree.links.new(mix.outputs[0], output.inputs["Surface"])
        assert baked(source, "Base Color")[8, 8, :3].tolist() == [1, 0, 0]
        assert baked(source, "Alpha")[8, 8, 0] == pytest.approx(0.25, abs=0.01)
        tree.links.new(glossy.outputs[0], mix.inputs[1])
        assert baked(source, "Metallic")[8, 8, 0] == pytest.approx(0.75, abs=0.01)
        assert baked(source, "Roughness")[8, 8, 0] == pytest.approx(0.75 * 0.1 + 0.25 * 0.5, abs=0.01)

    def test_shader_in_a_group_is_baked_with_what_goes_into_the_group(self):
        source, steel = grid(cells=2), grouped(material("Steel"), 2)
        innermost(steel.node_tree).nodes["Principled BSDF"].inputs["Roughness"].default_value = 0.3
        source.data.materials.append(steel)
        assert baked(source, "Roughness")[8, 8, 0] == pytest.approx(0.3, abs=0.01)

    def test_texture_is_baked_to_another_uv_map(self):
        source = grid(cells=2)
        image = bpy.data.images.new("Halves", 16, 16)
        colors = np.zeros((16, 16, 4), np.float32)
        colors[:, :8], colors[:, 8:] = (1, 0, 0, 1), (0, 0, 1, 1)
        image.pixels.foreach_set(colors.ravel())
        source.data.materials.append(textured(material("Halves"), image))
        tree = source.data.materials[0].node_tree
        node = tree.nodes.new("ShaderNodeUVMap")
        node.uv_map = "UVMap"
        texture = next(each for each in tree.nodes if each.type == "TEX_IMAGE")
        tree.links.new(node.outputs[0], texture.inputs[0])
        layer = source.data.uv_layers.new(name="Turned")
        for old, new in zip(source.data.uv_layers["UVMap"].uv, layer.uv, strict=True):
            new.vector = (1.0 - old.vector.x, old.vector.y)
        layer.active_render = layer.active = True
        seen = baked(source, "Base Color")
        assert seen[8, 3, :3].tolist() == [0, 0, 1]
        assert seen[8, 12, :3].tolist() == [1, 0, 0]

    def test_bright_emission_is_kept_as_floats_and_else_told(self, capsys):
        source = grid(cells=2)
        source.data.materials.append(lamp := shiny())
        lamp.node_tree.nodes["Principled BSDF"].inputs["Emission Strength"].default_value = 8.0
        assert baked(source, "Emission", high_precision=True)[8, 8, 0] == pytest.approx(4.0, abs=0.01)
        assert "switch High Precision on" not in capsys.readouterr().out
        assert baked(source, "Emission")[8, 8, 0] == 1.0
        assert "Emission is up to 4.00" in capsys.readouterr().out

    def test_material_without_nodes_says_it_by_its_own_properties(self):
        source, plain = grid(cells=2), bpy.data.materials.new("Plain")
        if bpy.app.version >= (5, 0, 0):
            pytest.skip("from 5.0 on each material has nodes")
        plain.use_nodes = False
        plain.diffuse_color, plain.roughness, plain.metallic = (0.0, 1.0, 0.0, 1.0), 0.7, 0.2
        source.data.materials.append(plain)
        assert baked(source, "Base Color")[8, 8, :3].tolist() == [0, 1, 0]
        assert baked(source, "Roughness")[8, 8, 0] == pytest.approx(0.7, abs=0.01)
        assert baked(source, "Metallic", grid("Low"), cage_extrusion=0.1)[8, 8, 0] == 0.0

    def test_each_tile_is_baked(self):
        source = grid(cells=2)
        for index, color in enumerate(((1, 0, 0, 1), (0, 1, 0, 1))):
            source.data.materials.append(material(str(index), color))
        source.data.polygons[1].material_index = 1
        move_face(source, 1, 1.0, 0.0)
        image = run("bake/bake_material", source, resolution=16, samples=1)
        assert [tile.number for tile in image.tiles] == [1001, 1002]
        assert not image.colorspace_settings.is_data

    def test_nothing_found_is_a_clear_error(self):
        low, high = grid("Low"), grid("High")
        high.location.z = 100.0
        bpy.context.view_layer.update()
        with pytest.raises(ValueError, match=r"Low\S* found nothing of High; put both"):
            baked(low, "Base Color", high, cage_extrusion=0.1)
        with pytest.raises(ValueError, match="linked to both"):
            run("bake/bake_material", low, high=low)
        with pytest.raises(ValueError, match=r"Cube\S* has no UV map"):
            baked(cube(), "Base Color")


class TestMaterialFromTextures:
    def test_surface_is_baked_again_as_its_textures_say(self):
        source = grid(cells=2)
        source.data.materials.append(shiny())
        options = {"resolution": 16, "samples": 1}
        maps = {}
        for what in SHINY:
            maps[what] = run("bake/bake_material", link("Copy", source.data.copy()), what, **options)
        orm = run("image/pack_orm", None, maps["Roughness"], maps["Metallic"])
        copy = grid("Copy", cells=2)
        made = run(
            "bake/material_from_textures",
            base_color=maps["Base Color"],
            orm=orm,
            emission=maps["Emission"],
            alpha=maps["Alpha"],
            name="Made",
        )
        assert made.name == "Made"
        copy.data.materials.append(made)
        for what, number in SHINY.items():
            assert baked(copy, what)[8, 8, 0] == pytest.approx(number, abs=0.02)

    def test_single_maps_go_before_orm_and_occlusion_darkens(self):
        orm = data_picture("ORM", (0.5, 0.25, 1.0, 1.0))
        rough = data_picture("Rough", (0.75, 0.75, 0.75, 1.0))
        made = run("bake/material_from_textures", orm=orm, roughness=rough, uv_map="UVMap")
        source = grid(cells=2)
        source.data.materials.append(made)
        assert baked(source, "Roughness")[8, 8, 0] == pytest.approx(0.75, abs=0.01)
        assert baked(source, "Metallic")[8, 8, 0] == pytest.approx(1.0, abs=0.01)
        assert baked(source, "Base Color")[8, 8, 0] == pytest.approx(0.665, abs=0.01)  # 0.8 / 2, as on the screen

    def test_normal_map_reaches_the_shader(self):
        made = run("bake/material_from_textures", normal=data_picture("Normal", (0.5, 0.5, 1.0, 1.0)))
        (link,) = made.node_tree.nodes["Principled BSDF"].inputs["Normal"].links
        assert link.from_node.type == "NORMAL_MAP"

    def test_image_of_the_wrong_kind_is_a_clear_error(self):
        with pytest.raises(ValueError, match="Red holds colours, which Roughness is not"):
            run("bake/material_from_textures", roughness=picture("Red", (1, 0, 0, 1)))
        with pytest.raises(ValueError, match="Data holds data, which Base Color is not"):
            run("bake/material_from_textures", base_color=data_picture("Data", (1, 0, 0, 1)))
        with pytest.raises(ValueError, match="nothing to make a material of; link an image"):
            run("bake/material_from_textures")
