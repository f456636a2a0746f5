"""Right after results came home, the artist goes on: what they change is never taken for what a run gave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from window import Window

MAKES = """
import bpy
def main(size: float = 1.0) -> list[bpy.types.Object]:
    found = []
    for number in range(150):
        mesh = bpy.data.meshes.new("Made")
        mesh.from_pydata([(size, 0, 0), (0, size, 0), (0, 0, size)], [], [(0, 1, 2)])
        found.append(bpy.data.objects.new("Made", mesh))
    return found
"""
RUN = "places.session().start(bpy.data.node_groups['Tree'])"
NUM_PENDING = "return places.module('node_tree.baselines').baselines.num_pending"
IS_HOME = "return not places.session().is_busy"


@pytest.fixture
def artist(window) -> Iterator[Window]:
    """A window with the mouse over the viewport, and a tree. The timer reads a few results, and no more after that."""
    left, bottom, right, top = window.run("return places.rectangle('VIEW_3D', 'WINDOW')")
    window.move((left + right) / 2, (bottom + top) / 2)
    window.run(
        """
        places.module("addon.session.keeper").FINISHING_INTERVAL = 1000.0
        bpy.data.batch_remove(bpy.data.objects)
        tree = bpy.data.node_groups.new("Tree", "BackgroundNodeTree")
        node, output = tree.nodes.new("BackgroundNodeScript"), tree.nodes.new("BackgroundNodeOutput")
        text = bpy.data.texts.new("makes.py")
        text.from_string(source)
        node.script, output.mode = text, "LINK"
        tree.links.new(node.outputs[0], output.inputs[0])
        with places.editor("VIEW_3D"):
            bpy.ops.ed.undo_push(message="Build")
        """,
        source=MAKES,
    )
    yield window
    window.run("places.module('addon.session.keeper').FINISHING_INTERVAL = 0.01")


def come_home(window: Window) -> int:
    """Run the tree. Returns how many data-blocks are not read yet."""
    window.run(RUN)
    window.wait_for(IS_HOME)
    return window.run(NUM_PENDING)


def run_again(window: Window) -> list[str]:
    window.run("bpy.data.node_groups['Tree'].nodes['Script'].inputs[0].default_value = 2.0")
    come_home(window)
    return window.run("return places.session().run_of(bpy.data.node_groups['Tree']).notes")


def test_tool_of_a_key_changes_what_was_read(artist):
    assert come_home(artist) > 0
    artist.run(
        """
        bpy.context.view_layer.objects.active = bpy.data.objects["Made"]
        bpy.data.objects["Made"].select_set(True)
        """
    )
    artist.press("TWO", ctrl=True)  # adds a modifier
    assert artist.run(NUM_PENDING) == 0
    assert run_again(artist) == ['"Made" was changed by hand, so it stays']
    assert artist.run("return [item.name for item in bpy.data.objects if item.modifiers]") == ["Made"]


def test_undo_of_a_key_takes_the_results_away_and_redo_brings_them_back(artist):
    come_home(artist)
    artist.press("Z", ctrl=True)
    assert artist.run("return len(bpy.data.objects)") == 0
    artist.press("Z", ctrl=True, shift=True)
    assert artist.run("return len(bpy.data.objects)") == 150
    assert run_again(artist) == []


def test_mouse_that_only_moves_does_not_hurry_it(artist):
    num_pending = come_home(artist)
    artist.move(artist.x + 50, artist.y, steps=5)
    artist.settle(5)
    assert artist.run(NUM_PENDING) == num_pending > 0


def test_results_are_read_at_once_while_a_tool_goes_on(artist):
    artist.event("MIDDLEMOUSE", "PRESS")  # turns the view
    assert come_home(artist) == 0
    artist.event("MIDDLEMOUSE", "RELEASE")


def test_nothing_is_left_waiting_for_the_artist(artist):
    artist.run("places.module('addon.session.keeper').FINISHING_INTERVAL = 0.01")
    come_home(artist)
    artist.wait_for("return places.module('node_tree.baselines').baselines.num_pending == 0")
    artist.wait_for("return not [*bpy.context.window_manager.windows[0].modal_operators]")


def test_earlier_results_are_compared_before_the_new_ones_come_home(artist):
    come_home(artist)
    artist.run(
        """
        global counts, restore
        places.module("node_tree.baselines").baselines.finish()
        counts, num_compared = [], [0]
        calls, changes = places.module("runtime.blender.python_calls"), places.module("node_tree.hand_changes")
        writer = places.module("node_tree.writer").Writer
        ours, digest, write = calls._OURS, changes.digest, writer._write
        def counted(*arguments):
            num_compared[0] += 1
            return digest(*arguments)
        def watched(self, tree):
            before = num_compared[0]
            result = write(self, tree)
            counts.append((before, num_compared[0] - before))
            return result
        def restore():
            calls._OURS, changes.digest, writer._write = ours, digest, write
        calls._OURS += (here, "<request>")  # what the test does itself is no code of others
        changes.digest, writer._write = counted, watched
        """,
        here=str(Path(__file__).parent),
    )
    assert run_again(artist) == []
    counts = artist.run("restore(); return [*counts[0], bpy.app.version >= (5, 1, 0)]")
    assert counts == ([300, 0, True] if counts[2] else [0, 300, False])
