"""What an output gives is shown, and nothing of it stays in the file."""

from __future__ import annotations

import contextlib

import bpy
import pytest

import background_nodes
from background_nodes.addon.session import forecasts
from background_nodes.addon.sidebar import viewer

from .graphs import SCALE, add, editor, names, new_tree, output, quad, script, value

IMAGE = """
def main() -> bpy.types.Image:
    return bpy.data.images.new("Picture", 8, 8)
"""


@pytest.fixture
def chain(session):
    """Two nodes that scale a quad, one after the other, and an Output node."""
    tree = new_tree()
    first = script(tree, "First", SCALE, source=value(tree, "Object", quad(), name="Quad"))
    output(tree, "LINK", script(tree, "Second", SCALE, source=first))
    return tree


def view(tree: bpy.types.NodeTree, node: str) -> None:
    with editor(tree):
        assert bpy.ops.background_nodes.result_view(node_name=node) == {"FINISHED"}


def told(tree: bpy.types.NodeTree, node: str) -> str:
    """What is reported."""
    socket = tree.nodes[node].outputs[0]
    level, message = viewer._viewer.show(bpy.context, viewer.Target.of(socket), socket)
    assert level == "INFO"
    return message


def shown() -> list[bpy.types.Object]:
    found = [collection for collection in bpy.data.collections if collection.name.startswith("Viewer")]
    return [item for collection in found for item in collection.objects]


def width(item: bpy.types.Object) -> float:
    return max(vertex.co.x for vertex in item.data.vertices)


def test_node_that_has_not_run_is_run_to_and_shown_in_place_of_its_original(chain):
    view(chain, "First")
    (item,) = shown()
    assert width(item) == 2.0
    assert bpy.context.view_layer.objects[item.name].visible_get()
    assert not bpy.data.objects["Quad"].visible_get()
    item.select_set(True)
    assert not item.select_get(), "nobody can select and change it"


def test_of_a_node_that_did_a_part_of_its_items_these_are_shown_and_counted(session, monkeypatch):
    said = []
    monkeypatch.setattr(viewer.end_report, "say", lambda *each: said.append(each))
    fails = """
def main(number: int) -> bpy.types.Object:
    if number == 1: raise ValueError("one")
    return bpy.data.objects.new(f"Made {number}", None)
"""
    tree = new_tree()
    made = script(tree, "Make", fails, number=value(tree, "INT", [0, 1, 2], is_list=True))
    script(tree, "Pass", "def main(source: bpy.types.Object) -> bpy.types.Object: return source", source=made)
    script(tree, "Number", "def main(source: bpy.types.Object) -> int: return 7", source=made)
    with editor(tree), contextlib.suppress(RuntimeError):  # the run fails
        bpy.ops.background_nodes.result_view(node_name="Pass")
    assert said[-1] == ("WARNING", "Pass · Object: 2 of 3")
    assert [item.name for item in shown()] == ["Made 0", "Made 2"]
    with editor(tree), contextlib.suppress(RuntimeError):
        bpy.ops.background_nodes.run(scope="ALL")
    for node, message in (("Make", "Make · Object: 2 of 3"), ("Number", "Number · Result: 7, 7 (2 of 3)")):
        socket = tree.nodes[node].outputs[0]
        told = viewer._viewer.show(bpy.context, viewer.Target.of(socket), socket)
        assert told == ("WARNING", message)


def test_click_beside_all_nodes_leaves_the_file_as_it_was(chain, session):
    session.start(chain).wait()
    with editor(chain):  # which uses it
        pass
    before = names()
    view(chain, "First")
    assert names() != before
    view(chain, "")
    assert names() == before
    assert bpy.data.objects["Quad"].visible_get()


def test_saved_file_has_nothing_of_what_is_shown(chain, session, tmp_path):
    session.start(chain).wait()
    before = {kind: [name for name, _users in found] for kind, found in names().items()}
    view(chain, "First")
    path = str(tmp_path / "saved.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    assert [width(item) for item in shown()] == [2.0], "it is shown again"
    bpy.ops.wm.open_mainfile(filepath=path)
    assert {kind: [name for name, _users in found] for kind, found in names().items()} == before
    assert bpy.data.objects["Quad"].visible_get()


def test_result_that_is_brought_home_while_it_is_shown_stays(chain, session):
    session.start(chain, until="First").wait()
    view(chain, "First")
    with editor(chain):
        bpy.ops.background_nodes.result_bring_home(node_name="First", identifier="result")
    view(chain, "")
    (home,) = chain.nodes["First"].outputs[0].result_data_blocks
    assert home.users_collection == (bpy.context.scene.collection,)
    assert not shown()


def test_object_that_the_artist_moves_to_what_is_shown_stays_in_the_scene(chain, tmp_path):
    view(chain, "First")
    (viewers,) = (item for item in bpy.data.collections if item.name.startswith("Viewer"))
    moved, linked = (bpy.data.objects.new(name, None) for name in ("Moved", "Linked"))
    for item in (moved, linked):
        viewers.objects.link(item)
    bpy.context.scene.collection.objects.link(linked)
    path = str(tmp_path / "left.blend")
    viewer._viewer._is_clear = True  # as if Blender wrote it while it crashed
    bpy.ops.wm.save_as_mainfile(filepath=path, copy=True)
    viewer._viewer._is_clear = False
    view(chain, "")
    assert {"Moved", "Linked"} <= set(bpy.context.scene.collection.objects.keys())
    bpy.ops.wm.open_mainfile(filepath=path)
    assert shown() == []
    assert "Linked" in bpy.context.scene.collection.objects


def test_image_that_the_artist_uses_meanwhile_stays(session):
    tree = new_tree()
    script(tree, "Image", IMAGE)
    before = names()["images"]
    view(tree, "Image")
    image = bpy.data.images["Picture"]
    texture = bpy.data.textures.new("Own", "IMAGE")
    texture.image = image
    view(tree, "")
    assert texture.image == image
    texture.image = None
    bpy.data.images.remove(image)
    assert names()["images"] == before


def test_second_click_shows_the_next_output_and_another_node_takes_the_place(chain, session):
    tree = chain
    both = script(
        tree,
        "Both",
        """
        class Output(NamedTuple):
            count: int
            small: bpy.types.Object
            large: bpy.types.Object
        def main(source: bpy.types.Object) -> Output:
            large = source.copy()
            large.data = source.data.copy()
            for vertex in large.data.vertices:
                vertex.co *= 5.0
            return Output(1, source, large)
        """,
        source=tree.nodes["Quad"],
    )
    view(tree, both.name)
    assert [width(item) for item in shown()] == [1.0]
    view(tree, both.name)
    assert [width(item) for item in shown()] == [5.0]
    view(tree, "First")
    assert [width(item) for item in shown()] == [2.0]


def test_number_is_told(chain):
    both = script(chain, "Count", "def main(count: int = 8000) -> int: return count")
    script(chain, "Takes", "def main(count: int) -> int: return count", count=both)
    with editor(chain):
        bpy.ops.background_nodes.run()
    assert told(chain, "Count") == "Count · Result: 8,000"


def test_reroute_and_output_node_stand_for_what_is_linked_to_them(chain):
    reroute = add(chain, "NodeReroute")
    chain.links.new(reroute.inputs[0], chain.nodes["First"].outputs[0])
    view(chain, reroute.name)
    assert [width(item) for item in shown()] == [2.0]
    view(chain, "Output")
    assert [width(item) for item in shown()] == [4.0]


def test_undo_takes_away_what_is_shown_and_a_run_does_after_redo(chain, session):
    session.start(chain).wait()
    bpy.ops.ed.undo_push(message="Before")
    view(chain, "First")
    bpy.ops.ed.undo_push(message="View Result")  # as in a window
    bpy.ops.ed.undo()
    assert not shown()
    assert bpy.data.objects["Quad"].visible_get()
    bpy.ops.ed.redo()
    assert shown()
    session.start(bpy.data.node_groups["Tree"]).wait()
    assert not shown()
    assert bpy.data.objects["Quad"].visible_get()


def test_run_that_can_not_start_leaves_what_is_shown(chain):
    view(chain, "First")
    chain.nodes["Quad"].outputs[0].default_value = None
    with editor(chain), pytest.raises(RuntimeError):
        bpy.ops.background_nodes.run()
    assert [width(item) for item in shown()] == [2.0]


def test_after_another_run_what_is_shown_is_what_it_gave(chain):
    view(chain, "First")
    chain.nodes["First"].inputs["Size"].default_value = 3.0
    with editor(chain):
        bpy.ops.background_nodes.run()
    assert [width(item) for item in shown()] == [3.0]


FAILS = """
def main(number: int) -> bpy.types.Object:
    if number == 1: raise ValueError("one")
    return bpy.data.objects.new(f"Made {number}", None)
"""


def forecast(tree) -> None:
    """Make the forecast of a tree, as the timer does."""
    told = forecasts._told.setdefault(tree.session_uid, forecasts._Told())
    forecasts._begin(tree, told)
    while forecasts._making.forecaster is not None:
        forecasts._go_on(forecasts._making.forecaster)


def is_at_hand(tree: bpy.types.NodeTree, node: str) -> bool:
    """Whether it is shown at once. A click comes between two updates of the file, what Python calls after one."""
    socket = tree.nodes[node].outputs[0]
    return viewer._is_at_hand(viewer.Target.of(socket), socket)


def test_what_a_node_did_of_its_items_is_shown_without_a_run_unless_something_changed(session, store):
    tree = new_tree()
    numbers = value(tree, "INT", [0, 1, 2], is_list=True)
    made = script(tree, "Make", FAILS, number=numbers)
    script(tree, "Pass", "def main(source: bpy.types.Object) -> bpy.types.Object: return source", source=made)
    assert background_nodes.run(tree).tasks["Make"].state == "failed"
    for content, expected in (([0, 1, 2], True), ([0, 3, 2], False), ([0, 1], False)):
        numbers.outputs[0].default_value = content
        with editor(tree):
            forecast(tree)
            assert [is_at_hand(tree, node) for node in ("Make", "Pass")] == [expected] * 2
