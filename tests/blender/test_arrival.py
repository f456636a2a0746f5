"""Results come home a portion at a time: in the end, the file is as if all had come at once."""

from __future__ import annotations

import bpy
import pytest

from background_nodes.addon.session import keeper
from background_nodes.node_tree import arrival
from background_nodes.runtime.blender import data_block_kinds
from background_nodes.runtime.blender.edits import edits

from .content import dump
from .graphs import names, new_material, new_tree, output, quad, script, socket_of

SHARED = """
    def main(size: float = 1.0, count: int = 4) -> list[bpy.types.Object]:
        paint, mesh = bpy.data.materials.new("Paint"), bpy.data.meshes.new("Shared")
        paint.roughness = size / 10.0
        mesh.from_pydata([(size, 0, 0), (0, size, 0), (0, 0, size)], [], [(0, 1, 2)])
        mesh.materials.append(paint)
        cutter = bpy.data.objects.new("Cutter", bpy.data.meshes.new("Cutter"))
        made = []
        for number in range(count):
            item = bpy.data.objects.new(f"Item {number}", mesh if number % 2 else mesh.copy())
            item.modifiers.new("Cut", "BOOLEAN").object = cutter
            made.append(item)
        made[-1].parent = made[0]
        return made
"""
COPIES = """
    def main(source: bpy.types.Object, count: int = 3) -> list[bpy.types.Object]:
        copies = [source.copy() for _ in range(count)]
        for number, copy in enumerate(copies):
            copy.data = source.data.copy()
            copy.name = f"Copy {number}"
        return copies
"""
CHANGED = """
    def main(items: list[bpy.types.Object]) -> list[bpy.types.Object]:
        for item in items:
            item.data.vertices[0].co.z += 1.0
            item.active_material.roughness = 0.9
            item.modifiers["Cut"].object.location.x = 5.0
        return items
"""


@pytest.fixture(params=["at once", "one by one"])
def carry_out(request, monkeypatch, session):
    """Runs a tree, and brings its results home at once, or each of them in a tick of its own."""
    if request.param == "one by one":
        monkeypatch.setattr(arrival, "_PORTION", 1)
        monkeypatch.setattr(arrival, "_NUM_PORTIONS", 1000)
        monkeypatch.setattr(keeper, "TICK_BUDGET", 0.0)

    def run(tree):
        run = session.start(tree)
        if request.param == "at once":
            run.wait()
        while not run.is_home:
            session.tick() if run.state.is_final else session.update_jobs(0.05)
        assert {name: task.error.message for name, task in run.tasks.items() if task.error} == {}
        session.finish_homecomings()
        return run

    return run


#: What each test found, by its name: the same on both ways.
_seen: dict[str, object] = {}


@pytest.fixture
def is_same(request):
    """Whether a test sees now what it has seen on the other way."""
    name = request.function.__name__

    def compare(found: object) -> bool:
        return _seen.setdefault(name, found) == found

    return compare


def made_tree(**settings):
    """A tree that links what `SHARED` makes, its script node, and its Output node with such settings."""
    tree = new_tree()
    make = script(tree, "Make", SHARED)
    return tree, make, output(tree, "LINK", make, **settings)


def everything():
    """The content of the file, who uses what, and what is in each collection: in no order."""
    left_out = ("Brush", "Collection", "NodeTree", "Scene", "Text")
    items = [item for kind, item in data_block_kinds.all_data_blocks() if kind not in left_out]
    collections = [*bpy.data.collections, *(scene.collection for scene in bpy.data.scenes)]
    held = {item.name: sorted(child.name for child in item.objects) for item in collections}
    return names(), held, {(type(item).__name__, item.name): dump(item) for item in items}


def test_what_results_share_comes_once(carry_out, is_same):
    tree, make, _output = made_tree()
    carry_out(tree)
    made = make.outputs[0].result
    assert [item.name for item in made] == ["Item 0", "Item 1", "Item 2", "Item 3"]
    assert made[1].data == made[3].data
    assert made[3].parent == made[0]
    assert len({item.active_material for item in made}) == len({item.modifiers[0].object for item in made}) == 1
    assert is_same(everything())


def test_next_results_take_their_place(carry_out, is_same):
    tree, make, _output = made_tree()
    carry_out(tree)
    first = everything()
    for count, size in ((4, 2.0), (6, 3.0), (2, 4.0), (4, 1.0)):
        make.inputs[0].default_value, make.inputs[1].default_value = size, count
        carry_out(tree)
        assert [item.data.vertices[0].co.x for item in make.outputs[0].result] == [size] * count
    assert everything()[0] == first[0]
    assert is_same(everything())


def test_what_the_artist_changed_stays_and_is_told_once(carry_out, is_same):
    tree, make, _output = made_tree()
    carry_out(tree)
    bpy.data.materials["Paint"].metallic = 0.5
    bpy.data.objects["Item 2"].location.x = 7.0
    edits.doubt()
    make.inputs[0].default_value = 2.0
    run = carry_out(tree)
    assert run.notes == ('"Paint" was changed by hand, so it stays',)
    assert tree.nodes["Output"].num_kept == 1
    assert bpy.data.materials["Paint"].metallic == 0.5
    assert bpy.data.objects["Item 2"].location.x == 7.0
    assert len(bpy.data.materials) == 1
    assert is_same(everything())
    make.inputs[0].default_value = 3.0
    assert carry_out(tree).notes == ('"Paint" was changed by hand, so it stays',)


def test_each_result_is_further_from_its_original(carry_out):
    tree = new_tree()
    copies = script(tree, "Copies", COPIES, source=quad("Original"))
    output(tree, "LINK", copies, offset=(2.0, 0, 0))
    carry_out(tree)
    assert [item.location.x for item in copies.outputs[0].result] == [2.0, 4.0, 6.0]


def test_all_originals_are_hidden(carry_out):
    items = [quad(f"Mine {number}") for number in range(3)]
    tree = new_tree()
    source = "def main(items: list[bpy.types.Object]) -> list[bpy.types.Object]: return items"
    passed_on = script(tree, "Pass", source)
    passed_on.inputs[0].default_value = items
    output(tree, "LINK", passed_on, offset=(2.0, 0, 0), hide_original=True)
    carry_out(tree)
    assert [item.hide_get() for item in items] == [True] * 3
    assert [item.location.x for item in passed_on.outputs[0].result] == [2.0] * 3


def test_children_go_with_their_parents(carry_out):
    tree, make, _output = made_tree(offset=(1.0, 0, 0))
    carry_out(tree)
    assert [item.location.x for item in make.outputs[0].result] == [1.0, 2.0, 3.0, 0.0]


def test_originals_are_replaced_by_what_shares_changed_data(carry_out, is_same):
    cutter = quad("Cutter")
    items = [quad(f"Mine {number}", material=new_material("Paint")) for number in range(3)]
    shared = bpy.data.materials[0]
    for item in items:
        item.active_material = shared
        item.modifiers.new("Cut", "BOOLEAN").object = cutter
    items[2].data = items[0].data
    tree = new_tree()
    change = script(tree, "Change", CHANGED)
    change.inputs[0].default_value = items
    output(tree, "REPLACE", change)
    for number in range(1, 4):
        carry_out(tree)
        assert [item.data.vertices[0].co.z for item in items] == [2.0 * number, number, 2.0 * number]
        assert [item.active_material.roughness for item in items] == [pytest.approx(0.9)] * 3
        assert {item.modifiers[0].object.location.x for item in items} == {5.0}
    assert is_same(everything())


def test_first_of_several_results_replaces_their_original(carry_out, is_same):
    tree = new_tree()
    copies = script(tree, "Copies", COPIES, source=quad("Original"))
    output(tree, "REPLACE", copies)
    carry_out(tree)
    assert is_same(everything())


def test_all_results_move_to_another_collection(carry_out, is_same):
    tree, _make, node = made_tree()
    carry_out(tree)
    node.collection = bpy.data.collections.new("Other")
    bpy.context.scene.collection.children.link(node.collection)
    carry_out(tree)
    assert len(node.collection.objects) == 4
    assert [item.name for item in bpy.context.scene.collection.objects] == ["Cutter"]
    assert is_same(everything())


def test_results_of_items_that_failed_stay(carry_out, is_same):
    tree = new_tree()
    one = """
        def main(number: int, bad: int = -1) -> bpy.types.Object:
            assert number != bad
            return bpy.data.objects.new(f"Item {number}", bpy.data.meshes.new("Item"))
    """
    numbers = script(tree, "Numbers", "def main() -> list[int]: return [0, 1, 2, 3]")
    make = script(tree, "Make", one, number=numbers)
    node = output(tree, "LINK", make, keep_succeeded=True)
    carry_out(tree)
    before = names()
    socket_of(make.inputs, "bad").default_value = 1
    with pytest.raises(AssertionError):
        carry_out(tree)
    assert names() == before
    assert is_same(everything())
    assert [item.name for item in make.outputs[0].result_data_blocks] == [f"Item {number}" for number in range(4)]
    assert node.num_kept == 0


def test_save_finds_all_results(monkeypatch, session, tmp_path):
    monkeypatch.setattr(arrival, "_PORTION", 1)
    monkeypatch.setattr(keeper, "TICK_BUDGET", 0.0)
    tree, _make, _output = made_tree()
    run = session.start(tree)
    while len(bpy.data.objects) < 2:
        session.tick() if run.state.is_final else session.update_jobs(0.05)
    assert run.is_coming_home
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    assert run.is_home
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "file.blend"))
    node = bpy.data.node_groups["Tree"].nodes["Make"]
    assert [item.name for item in node.outputs[0].result] == ["Item 0", "Item 1", "Item 2", "Item 3"]
    assert {row.digest[:1] for row in node.results} - set("0123456789abcdef") == set()


def test_portions_are_of_a_few_results(monkeypatch, session):
    """So that a tick takes no longer with many results than with few."""
    monkeypatch.setattr(keeper, "TICK_BUDGET", 0.0)
    tree, make, _output = made_tree()
    make.inputs[1].default_value = 40
    run = session.start(tree)
    counts = []
    while not run.is_home:
        session.tick() if run.state.is_final else session.update_jobs(0.05)
        counts.append(len(bpy.data.objects))
    steps = [after - before for before, after in zip([0, *counts], counts, strict=False)]
    assert 0 < max(steps) <= 10
