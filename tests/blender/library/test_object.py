# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the categories Object and Data, by what becomes of objects."""

from __future__ import annotations

import bpy
import pytest
from mathutils import Matrix, Vector

from .scenes import cube, grid, link, material, mesh_object, run, scattered, subdivided


class TestRename:
    def test_names_follow_the_pattern(self):
        items = [cube("rock high"), cube("rock.001"), link("Lamp", bpy.data.lights.new("Lamp", "SUN"))]
        assert run("data/rename", items, "SM_{name}_{index:03} {{{count}}}", find=" high", start=9) == items
        assert [item.name for item in items] == ["SM_rock_009 {3}", "SM_rock.001_010 {3}", "SM_Lamp_011 {3}"]
        assert [item.data.name for item in items] == [item.name for item in items]

    def test_names_may_be_swapped(self):
        items = [cube("2"), cube("1")]
        run("data/rename", items, "{index}")
        assert [item.name for item in items] == ["1", "2"]

    def test_shared_mesh_keeps_its_name_and_kinds_do_not_disturb_each_other(self):
        first = cube("A")
        second = link("B", first.data)
        steel = material("S")
        run("data/rename", [first, second, steel], "X{index}")
        assert (first.data.name, first.name, second.name, steel.name) == ("A", "X1", "X2", "X3")
        run("data/rename", [first, steel], "Same")
        assert (first.name, steel.name) == ("Same", "Same")

    @pytest.mark.parametrize(
        ("pattern", "message"),
        [
            ("Rock", "A and B would both be Rock; add {index}"),
            ("{nme}", "belongs to nothing"),
            ("", "is empty"),
            ("{name}" * 300, "too long"),
            ("Other{index}", "something that comes along has it"),
        ],
    )
    def test_name_that_cannot_be_is_a_clear_error(self, pattern, message):
        cube("Other2")
        with pytest.raises(ValueError, match=message):
            run("data/rename", [cube("A"), cube("B")], pattern)


class TestFilters:
    def test_names_that_fit_are_on_one_side(self):
        items = [cube("Rock_high"), cube("Rock_LOW"), material("wood_low")]
        found = run("data/filter_by_name", items, "*_low; x?")
        assert found == ([items[1], items[2]], [items[0]])
        assert run("data/names", found.matching) == ["Rock_LOW", "wood_low"]

    def test_brackets_in_a_pattern_stand_for_themselves(self):
        items = [cube("Rock [old]"), cube("Rock o"), cube("Rock d")]
        assert run("data/filter_by_name", items, "* [old]").matching == [items[0]]

    def test_objects_are_filtered_by_type_size_and_faces_as_they_are_in_the_scene(self):
        small, large, lamp = cube("Small"), cube("Large"), link("Lamp", bpy.data.lights.new("Lamp", "SUN"))
        large.scale = (1.0, -4.0, 1.0)
        fine = subdivided(cube("Fine"), levels=2)
        pebbles = scattered(mesh_object("Pebbles", [(0, 0, 0), (5, 0, 0)], []))
        items = [small, large, lamp, fine, pebbles, mesh_object("Nothing", [], [])]
        bpy.context.view_layer.update()

        def matching(**options):
            found = run("object/filter_objects", items, **options)
            assert [item for item in items if item not in found.others] == found.matching
            return [item.name for item in found.matching]

        assert matching() == [item.name for item in items]
        assert matching(object_type="Light") == ["Lamp"]
        assert matching(minimum_size=5.0) == ["Large", "Pebbles"]
        assert matching(maximum_size=3.0, object_type="With Surface") == ["Small", "Fine", "Nothing"]
        assert matching(minimum_faces=12) == ["Fine", "Pebbles"]
        assert matching(minimum_faces=1, maximum_faces=12) == ["Small", "Large", "Pebbles"]


class TestSetMaterial:
    def test_all_slots_become_one_and_others_with_the_mesh_keep_theirs(self):
        source = cube()
        for name in ("A", "B"):
            source.data.materials.append(material(name))
        source.data.polygons[3].material_index = 1
        other = link("Other", source.data)
        result = run("object/set_material", source, material("Gold"))
        assert [slot.material.name for slot in result.material_slots] == ["Gold"]
        assert {polygon.material_index for polygon in result.data.polygons} == {0}
        assert [slot.material.name for slot in other.material_slots] == ["A", "B"]

    def test_one_slot_or_one_material_is_replaced(self):
        source, gold = cube(), material("Gold")
        materials = [material(name) for name in "ABA"]
        for each in materials:
            source.data.materials.append(each)
        run("object/set_material", source, gold, slot=2)
        assert [slot.material.name for slot in source.material_slots] == ["A", "Gold", "A.001"]
        run("object/set_material", source, materials[1], only_replace=gold)
        assert source.material_slots[1].material == materials[1]
        with pytest.raises(ValueError, match="3 material slots and no slot 4"):
            run("object/set_material", source, gold, slot=4)

    @pytest.mark.parametrize("kind", ["mesh", "text", "metaball", "hair"])
    def test_what_has_no_slot_yet_gets_one(self, kind):
        data = {
            "mesh": lambda: cube().data,
            "text": lambda: bpy.data.curves.new("Text", "FONT"),
            "metaball": lambda: bpy.data.metaballs.new("Ball"),
            "hair": lambda: bpy.data.hair_curves.new("Hair"),
        }[kind]()
        result = run("object/set_material", link("Item", data), material("Gold"))
        assert [slot.material.name for slot in result.material_slots] == ["Gold"]

    def test_light_is_a_clear_error(self):
        with pytest.raises(ValueError, match=r"Lamp \(Light\) has no materials; link"):
            run("object/set_material", link("Lamp", bpy.data.lights.new("Lamp", "SUN")), material("Gold"))


def bounds(item: bpy.types.Object) -> list[float]:
    measured = run("mesh/measure", item)
    return [*measured.minimum, *measured.maximum]


class TestMoveToOrigin:
    @pytest.mark.parametrize("keep_rotation", [True, False])
    @pytest.mark.parametrize("point", ["Origin", "Center", "Bottom"])
    def test_object_is_at_the_origin_and_goes_back(self, point, keep_rotation):
        parent = link("Parent", None)
        parent.scale, parent.rotation_euler = (1.0, 2.0 if keep_rotation else 1.0, 1.0), (0.0, 0.0, 0.5)
        source = cube(centre=(3.0, 0.0, 1.0))
        source.parent, source.location = parent, (5.0, 6.0, 7.0)
        source.rotation_euler, source.scale = (0.3, 0.2, 0.1), (-2.0, 1.0, 1.0)
        bpy.context.view_layer.update()
        before, place = bounds(source), source.matrix_world.copy()
        moved = run("object/move_to_origin", source, point, keep_rotation)
        low, high = Vector(bounds(source)[:3]), Vector(bounds(source)[3:])
        expected = {
            "Origin": source.matrix_world.translation,
            "Center": (low + high) / 2.0,
            "Bottom": Vector((low.x + high.x, low.y + high.y, 2.0 * low.z)) / 2.0,
        }
        assert tuple(expected[point]) == pytest.approx((0.0, 0.0, 0.0), abs=1e-4)
        if not keep_rotation:
            assert source.matrix_world.to_quaternion().angle == pytest.approx(0.0, abs=1e-3)
        assert high.x - low.x > 1.0
        assert run("object/put_back", source, moved.way_back) == source
        assert tuple(source.matrix_world.translation) == pytest.approx(tuple(place.translation), abs=1e-4)
        assert bounds(source) == pytest.approx(before, abs=1e-3)

    def test_what_holds_an_object_lets_go_of_it_and_that_is_told(self, capsys):
        source = cube()
        source.location.x = 5.0
        source.keyframe_insert("location", frame=1)
        limit = source.constraints.new("LIMIT_LOCATION")
        limit.use_min_z, limit.min_z = True, 3.0
        run("object/move_to_origin", source)
        assert tuple(source.matrix_world.translation) == pytest.approx((0.0, 0.0, 0.0))
        assert "Cube is free now of its animation and its constraints" in capsys.readouterr().out

    def test_object_that_would_be_sheared_or_is_held_is_a_clear_error(self):
        parent, source = link("Parent", None), cube()
        source.parent, parent.scale, source.rotation_euler.z = parent, (1.0, 2.0, 1.0), 0.5
        with pytest.raises(ValueError, match="Cube would be sheared"):
            run("object/move_to_origin", source, keep_rotation=False)
        held = cube("Held")
        held.constraints.new("LIMIT_LOCATION").use_max_x = True
        with pytest.raises(ValueError, match="Held is held by its parent"):
            run("object/put_back", held, Matrix.Translation((3.0, 0.0, 0.0)))

    def test_any_object_may_be_moved_but_only_a_surface_has_a_middle(self):
        lamp = link("Lamp", bpy.data.lights.new("Lamp", "SUN"))
        lamp.location.x = 3.0
        moved = run("object/move_to_origin", lamp)
        assert lamp.matrix_world.translation.length == 0.0
        assert moved.way_back == Matrix.Translation((3.0, 0.0, 0.0))
        with pytest.raises(ValueError, match="has no surface"):
            run("object/move_to_origin", lamp, "Center")


def test_uv_maps_and_modifiers_stay_where_a_material_is_set():
    source = subdivided(grid())
    run("object/set_material", source, material("Gold"))
    assert source.modifiers.keys() == ["Subdivision"]
    assert source.data.uv_layers.keys() == ["UVMap"]
