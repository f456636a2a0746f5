"""A result of a list stays that of its item when other items go, come or change their order."""

from __future__ import annotations

import bpy
import pytest

import background_nodes

from .graphs import new_tree, output, quad, script

MAKE = """
    def main(source: bpy.types.Object) -> bpy.types.Object:
        source.name += " LOD"
        source.data["of"] = source.name
        return source
"""
LIST = """
    def main(source: bpy.types.Collection) -> list[bpy.types.Object]:
        return sorted(source.objects, key=lambda item: item.name)
"""
MAKE_ALL = """
    def main(sources: list[bpy.types.Object]) -> list[bpy.types.Object]:
        for source in sources:
            source.name += " LOD"
            source.data["of"] = source.name
        return sources
"""


@pytest.fixture(params=["items", "one list"])
def tree(request, store):
    """Of p, q and r, it makes "p LOD", "q LOD" and "r LOD"."""
    tree = new_tree()
    sources, results = (bpy.data.collections.new(name) for name in ("Sources", "Results"))
    for each in (sources, results):
        bpy.context.scene.collection.children.link(each)
    for name in "pqr":
        sources.objects.link(quad(name))
    items = script(tree, "List", LIST, source=sources)
    make = (
        script(tree, "Make", MAKE, source=items)
        if request.param == "items"
        else script(tree, "Make", MAKE_ALL, sources=items)
    )
    output(tree, "LINK", make, collection=results)
    background_nodes.run(tree)
    return tree


def contents():
    return {item.name: item.data["of"] for item in bpy.data.collections["Results"].objects}


def order(tree):
    return [item.data["of"] for item in tree.nodes["Make"].outputs[0].result]


def test_item_before_it_goes(tree):
    bpy.data.objects["q LOD"].location.z = 9
    bpy.data.objects.remove(bpy.data.objects["p"])
    run = background_nodes.run(tree)
    assert contents() == {"q LOD": "q LOD", "r LOD": "r LOD"}
    assert {item.name: item.location.z for item in bpy.data.collections["Results"].objects} == {"q LOD": 9, "r LOD": 0}
    assert order(tree) == ["q LOD", "r LOD"]
    assert run.notes == ()
    assert len(bpy.data.meshes) == 5  # that of "p" is nobody's


def test_item_before_it_comes(tree):
    bpy.data.objects["q LOD"].name = "Mine"
    bpy.data.collections["Sources"].objects.link(quad("a"))
    background_nodes.run(tree)
    assert contents() == {"a LOD": "a LOD", "p LOD": "p LOD", "Mine": "q LOD", "r LOD": "r LOD"}
    assert order(tree) == ["a LOD", "p LOD", "q LOD", "r LOD"]


def test_items_change_their_order(tree):
    text = bpy.data.texts["List.py"]
    text.from_string(text.as_string().replace("item: item.name)", "item: item.name, reverse=True)"))
    bpy.data.objects["r LOD"].location.z = 9
    background_nodes.run(tree)
    assert order(tree) == ["r LOD", "q LOD", "p LOD"]
    assert contents() == {f"{name} LOD": f"{name} LOD" for name in "pqr"}
    assert bpy.data.objects["r LOD"].location.z == 9


def test_original_gets_another_name(tree):
    bpy.data.objects["q LOD"].location.z = 9
    bpy.data.objects["q"].name = "qq"
    background_nodes.run(tree)
    assert contents() == {"p LOD": "p LOD", "q LOD": "qq LOD", "r LOD": "r LOD"}
    assert bpy.data.objects["q LOD"].location.z == 9


def test_changed_one_stays_when_the_item_before_it_goes(tree):
    bpy.data.objects["q LOD"].data.vertices[0].co.z = 3
    bpy.data.objects.remove(bpy.data.objects["p"])
    run = background_nodes.run(tree)
    assert run.notes == ('"q.001" was changed by hand, so it stays',)
    assert bpy.data.objects["q LOD"].data.vertices[0].co.z == 3
    assert sorted(contents()) == ["q LOD", "r LOD"]


def test_it_comes_back_where_it_was(tree):
    bpy.data.objects.remove(bpy.data.objects["p"])
    background_nodes.run(tree)
    bpy.data.collections["Sources"].objects.link(quad("p"))
    background_nodes.run(tree)
    assert contents() == {f"{name} LOD": f"{name} LOD" for name in "pqr"}
    assert len(bpy.data.objects) == 6
