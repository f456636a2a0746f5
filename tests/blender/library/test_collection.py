# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the category Collection."""

from __future__ import annotations

import bpy
import pytest

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
