"""What the editor says of a run before it: marks on nodes, the tooltip of Run, the Sidebar."""

from __future__ import annotations

import pytest
from editor import Editor
from picture import Picture

COUNTS = "import bpy\ndef main(source: bpy.types.Object) -> int:\n    return len(source.data.vertices)\n"
ADDS = "def main(value: int = 1) -> int:\n    return value + 1\n"


@pytest.fixture
def chain(editor) -> Editor:
    """The editor with three nodes in a row."""
    for place, name in enumerate(("First", "Second", "Third")):
        editor.add_script(ADDS, name, (place * 250.0 - 350.0, 100.0))
    editor.window.run(
        """
        tree = places.tree()
        for before, after in (("First", "Second"), ("Second", "Third")):
            tree.links.new(tree.nodes[before].outputs[0], tree.nodes[after].inputs[0])
        for node in tree.nodes:
            node.select = False
        """
    )
    editor.frame_all()
    return editor


def wait_for_states(editor: Editor, *states: str) -> None:
    """Wait until the forecast says just this of the nodes, and is drawn."""
    editor.window.wait_for(
        """
        forecast = places.module("addon.session.forecasts").of(places.tree())
        return forecast is not None and [str(task.state) for task in forecast.tasks.values()] == states
        """,
        states=list(states),
    )
    editor.window.settle(3)


def num_dashes(editor: Editor, picture: Picture, node: str) -> int:
    """How many pieces of the colour of what runs are in the strip under a node's header."""
    left, right, y = editor.window.run("return places.strip(node)", node=node)
    color = editor.window.run("return places.running_color()")
    row = [max(abs(a - b) for a, b in zip(pixel, color, strict=True)) <= 40 for pixel in picture.row(left, right, y)]
    return sum(here and not before for before, here in zip([False, *row], row, strict=False))


def test_nothing_is_started_by_it(chain):
    wait_for_states(chain, "runs", "runs", "runs")
    assert chain.window.run("return places.session().worker_process_ids") == []
    assert not chain.window.store.exists()


def test_nodes_that_would_run_are_marked_and_the_mark_goes_when_they_ran(chain):
    wait_for_states(chain, "runs", "runs", "runs")
    picture = chain.window.screen.picture()
    assert all(num_dashes(chain, picture, name) > 5 for name in ("First", "Second", "Third"))
    chain.press_button("background_nodes.run")
    assert chain.wait_until_home()["state"] == "succeeded"
    wait_for_states(chain, "cached", "cached", "cached")
    picture = chain.window.screen.picture()
    assert not any(num_dashes(chain, picture, name) for name in ("First", "Second", "Third"))


def test_what_waits_is_marked_in_another_way_and_the_words_say_which(chain):
    chain.press_button("background_nodes.run")
    chain.wait_until_home()
    chain.window.run("places.tree().nodes['First'].inputs[0].default_value = 7")
    wait_for_states(chain, "runs", "waits", "waits")
    picture = chain.window.screen.picture()
    assert num_dashes(chain, picture, "Second") > num_dashes(chain, picture, "First") > 5
    text = chain.window.run(
        """
        text = places.module("addon.editor.forecast_text")
        return text.summary(places.module("addon.session.forecasts").of(places.tree()))
        """
    )
    assert text == "1 of 3 nodes would run: First. 2 more if what they take changes"


def test_data_blocks_that_would_hold_the_window_are_not_written_for_it(editor):
    editor.add_script(COUNTS, "Counts")
    editor.window.run("places.tree().nodes['Counts'].inputs[0].default_value = bpy.data.objects['Cube']")
    editor.frame_all()
    editor.press_button("background_nodes.run")
    assert editor.wait_until_home()["state"] == "succeeded"
    wait_for_states(editor, "cached")
    editor.window.run("places.module('addon.session.forecasts')._MAX_VERTICES = 7")
    try:
        editor.window.run("bpy.data.objects['Cube'].location.x = 3.0")
        wait_for_states(editor, "waits")
    finally:
        editor.window.run("places.module('addon.session.forecasts')._MAX_VERTICES = 250_000")
    editor.window.run("bpy.data.objects['Cube'].location.x = 4.0")
    wait_for_states(editor, "runs")


def test_the_preference_turns_it_off(chain):
    wait_for_states(chain, "runs", "runs", "runs")
    chain.window.run("places.module('addon.preferences.preferences').found().overlay_forecast = False")
    try:
        chain.window.run("places.area().tag_redraw()")
        chain.window.settle(3)
        picture = chain.window.screen.picture()
        assert not any(num_dashes(chain, picture, name) for name in ("First", "Second", "Third"))
    finally:
        chain.window.run("places.module('addon.preferences.preferences').found().overlay_forecast = True")
