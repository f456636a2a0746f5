"""The artist goes on while results come home, or right after that: nothing holds half of them.

What the artist changes is never taken for what a run gave.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from window import Window

MAKES = """
import bpy
def main(size: float = 1.0, count: int = 150) -> list[bpy.types.Object]:
    found = []
    for number in range(count):
        mesh = bpy.data.meshes.new("Made")
        mesh.from_pydata([(size, 0, 0), (0, size, 0), (0, 0, size)], [], [(0, 1, 2)])
        found.append(bpy.data.objects.new("Made", mesh))
    return found
"""
NUM_RESULTS = "return len(bpy.data.objects)"
NUM_PENDING = "return places.module('node_tree.baselines').baselines.num_pending"
IS_HOME = "return places.session().run_of(bpy.data.node_groups['Tree']).is_home"
FINISH_SOON = "places.module('addon.session.keeper').FINISHING_INTERVAL = 0.01"
HAS_BEGUN = "run = places.session().run_of(bpy.data.node_groups['Tree']); return run.is_coming_home or run.is_home"


@pytest.fixture
def artist(window) -> Iterator[Window]:
    """A window with the mouse over the viewport, and a tree. The timer only begins to bring its results home."""
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
    window.run(FINISH_SOON)


def begin(window: Window) -> None:
    """Run the tree, until its results begin to come home."""
    window.run("places.session().start(bpy.data.node_groups['Tree'])")
    window.wait_for(HAS_BEGUN)


def come_half_home(window: Window) -> None:
    """Run the tree, until a portion of its 40 results is home: a small one, however long a redraw takes here.

    All of the run is told, however short it is.
    """
    window.run("pace = places.module('addon.session.pace'); pace._MOST_TIMES, pace.SHOWN_AFTER = 1.0, 0.0")
    window.run("bpy.data.node_groups['Tree'].nodes['Script'].inputs[1].default_value = 40")
    begin(window)
    window.run("while 'Made' not in bpy.context.view_layer.objects: places.session().tick()")
    assert 0 < window.run(NUM_RESULTS) < 40


def come_home(window: Window) -> int:
    """Run the tree. Returns how many data-blocks are not read yet."""
    begin(window)
    window.run("while places.session().is_busy: places.session().tick()")
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
    artist.run(FINISH_SOON)
    begin(artist)
    artist.wait_for(IS_HOME)
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
        ours, digest, write = calls._OURS, changes.digest, writer.write
        def counted(*arguments):
            num_compared[0] += 1
            return digest(*arguments)
        def watched(*arguments):
            before = num_compared[0]
            result = write(*arguments)
            counts.append((before, num_compared[0] - before))
            return result
        def restore():
            calls._OURS, changes.digest, writer.write = ours, digest, write
        calls._OURS += (here, "<request>")  # what the test does itself is no code of others
        changes.digest, writer.write = counted, watched
        """,
        here=str(Path(__file__).parent),
    )
    assert run_again(artist) == []
    counts = artist.run("restore(); return [counts[0][0], sum(num for _, num in counts), bpy.app.version >= (5, 1, 0)]")
    assert counts == ([300, 0, True] if counts[2] else [0, 300, False])


# While only a portion is home


def select(window: Window) -> None:
    window.run(
        """
        bpy.context.view_layer.objects.active = bpy.data.objects["Made"]
        bpy.data.objects["Made"].select_set(True)
        """
    )


def undo(window: Window) -> int:
    """Undo by a key. Returns how many results are left."""
    window.press("Z", ctrl=True)
    return window.run(NUM_RESULTS)


def test_tool_of_a_key_finds_all_results_and_is_an_undo_step_of_its_own(artist):
    come_half_home(artist)
    select(artist)
    artist.press("TWO", ctrl=True)
    assert artist.run(NUM_RESULTS) == 40
    assert artist.run("return len(bpy.data.objects['Made'].modifiers)") == 1
    assert undo(artist) == 40
    assert artist.run("return len(bpy.data.objects['Made'].modifiers)") == 0
    assert undo(artist) == 0


def test_mode_of_a_result_is_entered_after_all_are_home(artist):
    come_half_home(artist)
    select(artist)
    artist.press("TAB")
    assert artist.run("return [len(bpy.data.objects), bpy.context.mode]") == [40, "EDIT_MESH"]
    artist.press("TAB")


@pytest.mark.parametrize("command", ["bpy.ops.ed.undo()", "bpy.ops.ed.undo_history(item=1)"])
def test_undo_by_python_takes_all_results_away(artist, command):
    artist.run("with places.editor('VIEW_3D'): bpy.ops.ed.undo_push(message='Before')")
    come_half_home(artist)
    artist.run(f"with places.editor('VIEW_3D'): {command}")
    assert artist.run(NUM_RESULTS) == 0
    for _ in range(2):
        artist.press("Z", ctrl=True, shift=True)
    assert artist.run(NUM_RESULTS) == 40


def test_mouse_that_only_moves_does_not_hurry_results(artist):
    come_half_home(artist)
    num_results = artist.run(NUM_RESULTS)
    artist.move(artist.x + 50, artist.y, steps=5)
    artist.settle(5)
    assert artist.run(NUM_RESULTS) == num_results


def test_key_in_another_window_brings_the_rest_home(artist):
    come_half_home(artist)
    artist.run("bpy.ops.wm.window_new(); places.session().tick()")
    num_results = artist.run(NUM_RESULTS)
    assert num_results < 40
    artist.settle()
    artist.run(
        """
        window = bpy.context.window_manager.windows[1]
        x, y = window.width // 2, window.height // 2
        window.event_simulate("MOUSEMOVE", "NOTHING", x=x, y=y)
        window.event_simulate("F24", "PRESS", x=x, y=y)
        """
    )
    artist.wait_for(IS_HOME)
    artist.run(
        """
        with bpy.context.temp_override(window=bpy.context.window_manager.windows[1]):
            bpy.ops.wm.window_close()
        """
    )
    assert undo(artist) == 0


def test_save_by_a_key_saves_all_results(artist, tmp_path):
    path = tmp_path / "file.blend"
    artist.run("bpy.ops.wm.save_as_mainfile(filepath=path)", path=str(path))
    come_half_home(artist)
    artist.press("S", ctrl=True)
    assert not artist.run("return bpy.data.is_dirty")
    artist.run("bpy.ops.wm.revert_mainfile()")
    assert artist.run(NUM_RESULTS) == 40


@pytest.mark.parametrize("saves_results", [True, False])
def test_run_after_a_save_saves_all_results_once_if_that_is_wanted(artist, tmp_path, saves_results):
    path = tmp_path / "file.blend"
    artist.run(
        """
        global saves, note
        saves, tree = [], bpy.data.node_groups["Tree"]
        tree.nodes["Script"].inputs[1].default_value = 40
        tree.auto_run, tree.saves_results = "SAVE", saves_results
        bpy.ops.wm.save_as_mainfile(filepath=path)
        def note(*_):
            saves.append(len(bpy.data.objects))
        bpy.app.handlers.save_pre.append(note)
        """,
        path=str(path),
        saves_results=saves_results,
    )
    artist.wait_for("return len(places.session().runs)")
    artist.wait_for(HAS_BEGUN)
    artist.run("while places.session().is_busy: places.session().tick()")
    saves = artist.run("bpy.app.handlers.save_pre.remove(note); return saves")
    assert saves == ([40] if saves_results else [])
    assert artist.run("return bpy.data.is_dirty") is not saves_results


def test_nothing_says_that_the_run_is_over_and_a_key_runs_the_tree_again(artist):
    artist.run("places.area('VIEW_3D').ui_type = 'BackgroundNodeTree'")
    artist.run("places.area().spaces.active.node_tree = bpy.data.node_groups['Tree']")
    come_half_home(artist)
    said = "return places.module('addon.editor.status_bar')._said"
    assert artist.run(said) == ["Tree", "1.00", "Loading Results"]
    artist.run("bpy.data.node_groups['Tree'].nodes['Script'].inputs[0].default_value = 3.0")
    artist.press("RET", ctrl=True)
    artist.wait_for(HAS_BEGUN)
    artist.run("while places.session().is_busy: places.session().tick()")
    assert artist.run("return [len(places.session().history), len(bpy.data.objects)]") == [2, 40]
    assert artist.run(said) == []


def test_extension_that_is_disabled_brings_the_rest_home(artist):
    come_half_home(artist)
    artist.run("import addon_utils; addon_utils.disable(extension)")
    artist.settle(5)
    assert artist.run(NUM_RESULTS) == 40
    assert artist.run("return [*bpy.context.window_manager.windows[0].modal_operators]") == []
    assert undo(artist) == 0
    artist.run("import addon_utils; addon_utils.enable(extension)")
