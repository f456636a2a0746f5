# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the category Check, by what they find."""

from __future__ import annotations

import bpy
import mathutils
import pytest

from .scenes import cube, grid, link, material, mesh_object, picture, run, saved_picture, textured, tiled_picture


def good(name: str = "SM_Rock_01") -> bpy.types.Object:
    """A closed mesh that breaks no rule."""
    source = cube(name)
    run("mesh/clean_up", source, suffix="")
    run("uv/smart_uv_project", source, suffix="")
    source.data.materials.append(textured(material("Stone"), picture("Stone", (1, 1, 1, 1), 16, 8)))
    return source


def broken(source: bpy.types.Object, **options) -> dict[str, int]:
    """The rules that it breaks, each with what is wrong, and how often."""
    found = run("check/validate", source, **options)
    assert found.passed is (not found.report)
    assert found.checked == source
    assert {row["object"] for row in found.report} <= {source.name}
    return {f"{row['rule']}: {row['message']}": row["count"] for row in found.report}


class TestValidate:
    def test_what_is_right_passes(self):
        assert broken(good(), name_pattern="SM_[A-Za-z]+_[0-9]+", maximum_faces=6) == {}

    def test_scale_counts_as_it_is_in_the_scene(self):
        source, parent = good(), link("Parent", None)
        source.scale.x = -1.0
        assert broken(source) == {"Scale: it is mirrored by a negative scale": 1}
        source.scale, source.parent, parent.scale.z = (1.0, 1.0, 1.0), parent, 2.0
        assert broken(source) == {"Scale: the scale is 1, 1, 2, not applied": 1}
        assert broken(source, scale=False) == {}

    def test_normals_that_disagree_or_look_inwards_are_found(self):
        source = good()
        source.data.polygons[0].flip()
        assert broken(source) == {"Normals: at 4 edges, one face looks outwards and the other inwards": 4}
        for polygon in source.data.polygons[1:]:
            polygon.flip()
        assert broken(source) == {"Normals: all faces look inwards": 6}
        assert broken(source, normals=False) == {}

    def test_faults_of_the_mesh_are_counted(self):
        line = [(5, 0, 0), (6, 0, 0), (7, 0, 0)]
        fan = mesh_object(
            "Fan",
            [(0, 0, 0), (0, 0, 1), (1, 0, 0), (0, 1, 0), (-1, 0, 0), (9, 9, 9), (9, 9, 9), *line],
            [(0, 1, 2), (0, 1, 3), (0, 1, 4), (7, 8, 9)],
        )
        options = {"uv_map": False, "materials": False, "normals": False}
        assert broken(fan, **options) == {
            "Mesh: 1 edges have more than two faces": 1,
            "Mesh: 2 vertices have no face": 2,
            "Mesh: 1 faces have no area": 1,
        }
        assert broken(fan, mesh=False, **options) == {}

    def test_mesh_without_faces_or_places_breaks_the_rule(self):
        assert broken(mesh_object("Nothing", [], [])) == {"Mesh: there are no faces": 1}
        lost = grid(cells=2)
        lost.data.vertices[4].co.x = float("nan")
        assert broken(lost, materials=False, normals=False) == {
            "Mesh: 1 vertices have no place: a coordinate is no number, or infinite": 1
        }

    def test_small_faces_of_what_is_small_have_an_area(self):
        """A part of a watch in metres: its faces are a hundredth of a millimetre."""
        tiny, options = grid(cells=100), {"materials": False}
        tiny.data.transform(mathutils.Matrix.Scale(5e-4, 4))
        assert broken(tiny, **options) == {}
        tiny.data.vertices[0].co = tiny.data.vertices[102].co  # of a quad, the corner across
        assert broken(tiny, **options) == {"Mesh: 1 faces have no area": 1}

    def test_uv_map_is_looked_at_face_by_face(self):
        assert broken(cube("None"), materials=False, normals=False) == {"UV Map: there is no UV map": 6}
        source = grid(cells=2)
        uv = source.data.uv_layers[0].uv
        for index in source.data.polygons[0].loop_indices:
            uv[index].vector = (0.5, 0.5)
        for index in source.data.polygons[1].loop_indices:
            uv[index].vector.x -= 2.0
        for index in source.data.polygons[2].loop_indices:
            uv[index].vector.x += 0.75
        wrong = {"UV Map: 1 faces have no place in the UV map": 1, "UV Map: 1 faces lie beside all UDIM tiles": 1}
        across = {"UV Map: 1 faces lie across the border of the picture": 1}
        assert broken(source, materials=False) == wrong | across
        for index in source.data.polygons[2].loop_indices:
            uv[index].vector.x += 0.25  # a UDIM tile
        assert broken(source, materials=False) == wrong

    def test_faces_without_material_and_textures_are_found(self, tmp_path):
        source = good()
        source.data.materials.append(None)
        source.data.polygons[0].material_index = 1
        assert broken(source) == {"Materials: 1 faces have no material": 1}
        lost = saved_picture(tmp_path / "lost.png", (1, 0, 0, 1))
        (tmp_path / "lost.png").unlink()
        for name, image in (
            ("A", lost),
            ("B", picture("Odd", (1, 0, 0, 1), 12, 8)),
            ("C", picture("Large", (1, 0, 0, 1), 64, 8)),
        ):
            source.data.materials.append(textured(material(name), image))
        wrong = {
            "Materials: 1 faces have no material": 1,
            "Textures: lost.png has no pixels; its file is missing": 1,
        }
        assert broken(source, maximum_texture=32) == wrong | {
            "Textures: Odd has 12 x 8 pixels, which are no powers of two": 1,
            "Textures: Large has 64 x 8 pixels, more than 32": 1,
        }
        assert broken(source, maximum_texture=0, power_of_two=False) == wrong

    def test_name_and_faces_are_checked_if_asked(self):
        assert broken(good("rock"), name_pattern="SM_.*", maximum_faces=5) == {
            "Name: the name does not fit SM_.*": 1,
            "Faces: 6 faces are more than 5": 6,
        }
        with pytest.raises(ValueError, match="no regular expression"):
            broken(good(), name_pattern="(")

    def test_broken_rule_is_an_error_if_asked(self):
        with pytest.raises(ValueError, match="rock breaks 1 rules: the name does not fit SM_"):
            run("check/validate", good("rock"), name_pattern="SM_.*", fail=True)
        assert run("check/validate", good(), fail=True).passed


class TestListTextures:
    def test_each_image_is_there_once_with_its_size(self, tmp_path):
        stone, wood = picture("Stone", (1, 1, 1, 1), 16, 8), saved_picture(tmp_path / "wood.png", (1, 0, 0, 1))
        source, other = cube(), cube("Other")
        source.data.materials.append(textured(material("A"), wood))
        source.data.materials.append(textured(material("B"), stone))
        source.data.materials.append(None)
        other.data.materials.append(source.data.materials[0])
        tiles = tiled_picture(tmp_path / "t.<UDIM>.png", {1001: (1, 0, 0, 1), 1002: (0, 1, 0, 1)})
        found = run("check/list_textures", [source, other, textured(material("C"), tiles)])
        assert found.images == [stone, tiles, wood]
        assert [(row["name"], row["width"], row["height"], row["tiles"]) for row in found.report] == [
            ("Stone", 16, 8, 1),
            (tiles.name, 8, 4, 2),
            ("wood.png", 8, 4, 1),
        ]
        assert found.report[2]["file"] == "wood.png"

    def test_scene_has_the_textures_of_its_objects_and_its_world(self, tmp_path):
        wood, sky = (
            saved_picture(tmp_path / "wood.png", (1, 0, 0, 1)),
            saved_picture(tmp_path / "sky.png", (0, 0, 1, 1)),
        )
        cube().data.materials.append(textured(material("A"), wood))
        scene, world = bpy.context.scene, bpy.data.worlds.new("World")
        if world.node_tree is None:
            world.use_nodes = True
        world.node_tree.nodes.new("ShaderNodeTexEnvironment").image = sky
        scene.world = world
        assert run("check/list_textures", [scene]).images == [sky, wood]
        assert run("check/list_textures", [scene.collection]).images == [wood]
        assert run("check/list_textures", [world]).images == [sky]
        assert run("check/list_textures", [scene]).data == [scene]

    def test_what_has_no_textures_is_a_clear_error(self):
        assert run("check/list_textures", [cube()]).images == []
        with pytest.raises(ValueError, match=r"Stone \(Image\) has no textures; link"):
            run("check/list_textures", [picture("Stone", (1, 1, 1, 1))])
        with pytest.raises(ValueError, match="nothing to look at"):
            run("check/list_textures", [])


class TestRequire:
    def test_what_is_so_passes_and_tells_how_many(self):
        assert run("check/require", [True, True]) == 2
        assert run("check/require", [], allow_none=True) == 0

    def test_what_is_not_so_is_an_error_with_the_first_rows_of_the_report(self):
        rows = [{"object": f"Rock {number}", "rule": "Scale", "message": "not applied"} for number in range(12)]
        with pytest.raises(ValueError, match=r"Not so: scales are applied\. 12 of 13 fail") as caught:
            run("check/require", [True, *[False] * 12], "scales are applied", rows)
        lines = str(caught.value).splitlines()
        assert lines[1:3] == ["Rock 0: not applied", "Rock 1: not applied"]
        assert (len(lines), lines[-1]) == (12, "... and 2 more")

    def test_nothing_to_check_is_an_error(self):
        with pytest.raises(ValueError, match="There is nothing of which could be said: everything passes"):
            run("check/require", [])
