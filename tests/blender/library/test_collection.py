# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the category Collection."""

from __future__ import annotations

import bpy
import pytest

import background_nodes

from ..graphs import give, new_tree, output, value
from .scenes import (
    cube,
    link,
    run,
)


class TestSplitCollection:
    @pytest.fixture
    def collection(self):
        collection, inner = bpy.data.collections.new("Outer"), bpy.data.collections.new("Inner")
        collection.children.link(inner)
        collection.objects.link(cube("B"))
        inner.objects.link(cube("A"))
        inner.objects.link(link("Lamp", bpy.data.lights.new("Lamp", "POINT")))
        return collection

    @pytest.mark.parametrize(
        ("options", "names"),
        [
            ({}, ["A", "B", "Lamp"]),
            ({"recursive": False}, ["B"]),
            ({"object_type": "Mesh"}, ["A", "B"]),
            ({"name_contains": "lam"}, ["Lamp"]),
        ],
    )
    def test_filters_list_the_objects_by_name(self, collection, options, names):
        assert [item.name for item in run("collection/split_collection", collection, **options)] == names


class TestCollectionPerResult:
    @pytest.fixture
    def objects(self):
        return [cube(name) for name in ("Rock_LOD0", "Rock_LOD1", "Pipe.001", "Pipe.002", "Pipe", "Door_high")]

    @pytest.mark.parametrize(
        ("way", "found"),
        [
            ("Each", {f"{name}!": [name] for name in ("Rock_LOD0", "Rock_LOD1", "Pipe.001", "Pipe.002", "Pipe")}),
            ("By Name", {"Rock!": ["Rock_LOD0", "Rock_LOD1"], "Pipe!": ["Pipe", "Pipe.001", "Pipe.002"]}),
            ("By Material", {"Steel!": ["Rock_LOD0"], "No Material!": ["Pipe", "Pipe.001", "Pipe.002", "Rock_LOD1"]}),
        ],
    )
    def test_objects_are_put_together(self, objects, way, found):
        objects[0].data.materials.append(bpy.data.materials.new("Steel"))
        collections = run("collection/collection_per_result", objects[:5], way, "{name}!")
        assert {each.name: sorted(item.name for item in each.objects) for each in collections} == found

    def test_children_come_along_but_for_those_that_have_places_of_their_own(self, objects):
        rock, lod, pipe, other, *_ = objects
        lod.parent = pipe.parent = rock
        other.parent = pipe
        (first, second) = run("collection/collection_per_result", [rock, lod])
        assert [item.name for item in first.objects] == ["Rock_LOD0", "Pipe.001", "Pipe.002"]
        assert [item.name for item in second.objects] == ["Rock_LOD1"]
        assert [len(each.objects) for each in run("collection/collection_per_result", [rock], with_children=False)] == [
            1
        ]

    def test_name_that_all_would_have_is_a_clear_error(self, objects):
        with pytest.raises(ValueError, match="All collections would be called Props"):
            run("collection/collection_per_result", objects, name="Props")
        with pytest.raises(ValueError, match="nothing to put into collections"):
            run("collection/collection_per_result", [])

    @pytest.mark.any_blender
    def test_collections_come_home_with_their_objects(self, objects):
        tree = new_tree()
        node = tree.nodes.new("BackgroundNodeScript")
        node.library_script = "collection/collection_per_result"
        give(node, objects=value(tree, "Object", objects[:4], is_list=True), way="By Name")
        output(tree, "LINK", node)
        assert background_nodes.run(tree).state == "succeeded"
        found = {
            each.name: sorted(item.name for item in each.objects) for each in bpy.context.scene.collection.children
        }
        assert found == {"Rock": ["Rock_LOD0", "Rock_LOD1"], "Pipe": ["Pipe.001", "Pipe.002"]}
