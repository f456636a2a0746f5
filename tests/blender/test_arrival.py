"""Results come home a portion at a time: in the end, the file is as if all had come at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import bpy
import pytest

from background_nodes.addon.session import keeper
from background_nodes.node_tree import arrival
from background_nodes.runtime.blender import data_block_kinds
from background_nodes.runtime.blender.edits import edits
from background_nodes.runtime.scratch import value_files

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
    with pytest.raises(AssertionError, match="1 of 4 items failed"):
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


@pytest.fixture
def steps(monkeypatch, session):
    """Runs a tree again and again; each time, something is done between two other steps of the homecoming."""
    monkeypatch.setattr(arrival, "_PORTION", 1)
    monkeypatch.setattr(arrival, "_NUM_PORTIONS", 1000)
    monkeypatch.setattr(keeper, "TICK_BUDGET", 0.0)

    def come_home(tree, disturb: Callable[[], None], moment: int):
        run = session.start(tree)
        while not run.state.is_final:
            session.update_jobs(0.05)
        moments = itertools.count()
        while not run.is_home:
            session.tick()
            if run.is_coming_home and next(moments) == moment:
                disturb()
        session.finish_homecomings()
        return run, next(moments)

    def runs(tree, disturb: Callable[[], None]) -> Iterator[object]:
        for moment in itertools.count():
            run, num_moments = come_home(tree, disturb, moment)
            if moment >= num_moments:
                assert num_moments > 2
                return
            assert [note for note in run.notes if "brought home" in note] == []
            yield run

    return runs


def three_results():
    """A tree whose results come home in two portions, and its script node."""
    tree, make, _output = made_tree()
    make.inputs[1].default_value = 3
    return tree, make


def test_artist_who_comes_between_two_steps_finds_all_results(session, steps):
    tree, make = three_results()
    found = set()

    def come() -> None:
        session.finish_homecomings()
        found.add((*[item.name for item in make.outputs[0].result], *sorted(bpy.data.objects.keys())))

    for number, run in enumerate(steps(tree, come)):
        assert run.is_home
        make.inputs[0].default_value = 2.0 + number
    assert found == {("Item 0", "Item 1", "Item 2", "Cutter", "Item 0", "Item 1", "Item 2")}


def test_results_that_others_remove_between_two_steps_are_removed_and_no_more(steps):
    """By then, it is the earlier one, or the new one, or both."""
    tree, make = three_results()
    counts = set()

    def remove() -> None:
        for item in [item for item in bpy.data.objects if item.name.startswith("Item 1")]:
            bpy.data.objects.remove(item)

    for number, _run in enumerate(steps(tree, remove)):
        names = [item.name for item in make.outputs[0].result]
        counts.add(len(names))
        assert names in (["Item 0", "Item 1", "Item 2"], ["Item 0", "Item 2"])
        assert sorted(bpy.data.objects.keys()) == ["Cutter", *names]
        assert {item.data.vertices[0].co.x for item in make.outputs[0].result} == {make.inputs[0].default_value}
        make.inputs[0].default_value = 2.0 + number
    assert counts == {2, 3}


def test_edit_of_a_result_by_others_between_two_steps_is_not_lost(session, steps):
    tree, make = three_results()
    session.start(tree).wait()
    notes = set()

    def paint() -> None:
        bpy.data.materials["Paint"].metallic = 0.5
        edits.doubt()  # as Blender's handlers tell of it in a window

    make.inputs[0].default_value = 2.0
    for number, run in enumerate(steps(tree, paint)):
        assert [item.data.materials[0].metallic for item in make.outputs[0].result] == [0.5] * 3
        notes.update(run.notes)
        bpy.data.batch_remove([*bpy.data.objects, *bpy.data.meshes, *bpy.data.materials])
        session.start(tree).wait()
        make.inputs[0].default_value = 3.0 + number
    assert notes == {'"Paint" was changed by hand, so it stays'}


@pytest.fixture
def replacing():
    """A tree that replaces two objects, and these."""
    items = [quad(f"Mine {number}") for number in range(2)]
    tree = new_tree()
    source = """
        def main(items: list[bpy.types.Object]) -> list[bpy.types.Object]:
            for item in items:
                item.data.vertices[0].co.z += 1.0
            return items
    """
    change = script(tree, "Change", source)
    change.inputs[0].default_value = items
    output(tree, "REPLACE", change)
    return tree, items


def test_edit_of_an_original_by_others_between_two_steps_is_not_lost(steps, replacing):
    tree, (first, last) = replacing
    heights = itertools.count(1)
    notes = set()

    def move() -> None:
        for item in (first, last):
            item.data.vertices[1].co.y = next(heights)
        edits.doubt()

    before = 0.0
    for run in steps(tree, move):
        assert last.data.vertices[1].co.y == first.data.vertices[1].co.y + 1 > before
        before = last.data.vertices[1].co.y
        notes.update(run.notes)
    assert notes == {f'"Mine {number}" was changed while the run went on, so it stays' for number in range(2)}


def test_original_that_others_remove_between_two_steps_has_its_result_linked(steps, replacing):
    tree, items = replacing
    change = next(node for node in tree.nodes if node.bl_idname == "BackgroundNodeScript")
    num_results = set()

    def remove() -> None:
        bpy.data.objects.remove(items[1])

    for run in steps(tree, remove):
        results = change.outputs[0].result
        num_results.add(len(results))
        assert run.notes in {(), ('"Mine 1" has no original to replace, so it was linked instead',)}
        assert len(results) == 1 or results[1].name in bpy.context.scene.objects
        bpy.data.objects.remove(results[-1]) if len(results) == 2 else None
        items[1] = quad("Mine 1")
        change.inputs[0].default_value = items
    assert num_results == {1, 2}


def test_node_that_others_remove_between_two_steps_gets_nothing_more(steps):
    tree, make = three_results()
    heights = set()

    def remove() -> None:
        tree.nodes.remove(next(node for node in tree.nodes if node.bl_idname == "BackgroundNodeOutput"))

    for number, run in enumerate(steps(tree, remove)):
        assert run.notes == ()
        heights.update(item.data.vertices[0].co.x for item in make.outputs[0].result)
        output(tree, "LINK", make)
        make.inputs[0].default_value = 2.0 + number
    assert len(heights) > 1


def test_value_of_a_node_that_others_remove_between_two_steps_is_dropped(steps):
    tree = new_tree()
    source = "def main() -> list[int]: return [1] * 20_000"
    kept = script(tree, "Kept", source)
    script(tree, "Removed", source)

    def remove() -> None:
        tree.nodes.remove(tree.nodes["Removed"])

    num_runs = 0
    for run in steps(tree, remove):
        num_runs += 1
        assert run.notes == ()
        assert kept.outputs[0].result == (1,) * 20_000
        assert "Removed" not in tree.nodes
        kept.outputs[0].forget_result()
        script(tree, "Removed", source)
    assert num_runs > 1


def test_long_value_is_shown_in_pieces_and_whole_whatever_becomes_of_its_socket_between_them(steps, monkeypatch):
    monkeypatch.setattr(value_files, "PIECE", 20_000)
    tree = new_tree()
    node = script(tree, "Make", "def main(first: int = 1) -> list[int]: return [first, *range(20_000)]")
    lengths, lost = set(), []

    def renew() -> None:
        """What others may do: the output is made anew."""
        socket = node.outputs[0]
        lengths.add(socket.num_result_pieces)
        lost.append(socket.result)
        node.outputs.remove(socket)
        node.sync()

    for number, run in enumerate(steps(tree, renew)):
        assert run.notes == ()
        expected = (1 + number, *range(20_000))
        assert lost[-1] is None or len(lost[-1]) == len(expected), "a piece of it is no result"
        if lost[-1] != expected:
            assert node.outputs[0].result == expected
            assert node.outputs[0].num_result_pieces > 3
        node.inputs[0].default_value = 2 + number
    assert len(lengths) > 3


def by_ticks(session, run, after_tick: Callable[[], None] = lambda: None) -> None:
    """Bring a run home a tick at a time, of which none has time for more than a step."""
    while not run.state.is_final:
        session.update_jobs(0.05)
    while not run.is_home:
        session.tick()
        after_tick()


@pytest.mark.parametrize("how", ["at once", "by ticks"])
def test_long_value_that_is_the_same_again_changes_nothing(session, monkeypatch, how):
    monkeypatch.setattr(value_files, "PIECE", 20_000)
    monkeypatch.setattr(keeper, "TICK_BUDGET", 0.0)
    tree = new_tree()
    node = script(tree, "Make", "def main(last: int = 1) -> list[int]: return [*range(20_000), last]")

    def run_changes_the_file() -> bool:
        run = session.start(tree)
        if how == "at once":
            run.wait()
        by_ticks(session, run)
        return run.has_changed_file

    assert run_changes_the_file()
    assert not run_changes_the_file()
    node.inputs[0].default_value = 2
    assert run_changes_the_file()
    assert node.outputs[0].result[-1] == 2


def test_long_value_is_compared_a_piece_a_tick_and_only_once(session, monkeypatch):
    monkeypatch.setattr(value_files, "PIECE", 20_000)
    monkeypatch.setattr(keeper, "TICK_BUDGET", 0.0)
    tree = new_tree()
    node = script(tree, "Make", "def main() -> list[int]: return [*range(20_000)]")
    session.start(tree).wait()
    asked = []
    piece_of = type(node.outputs[0]).result_piece
    monkeypatch.setattr(
        type(node.outputs[0]), "result_piece", lambda socket, index: asked.append(index) or piece_of(socket, index)
    )
    numbers = [0]
    by_ticks(session, session.start(tree), lambda: numbers.append(len(asked)))
    assert max(after - before for before, after in itertools.pairwise(numbers)) == 1
    assert asked == list(range(node.outputs[0].num_result_pieces + 1))
