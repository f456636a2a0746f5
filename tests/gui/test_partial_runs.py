"""What is seen of a run in which one item of many fails: on nodes, over them, in the list of tasks and the Sidebar."""

from __future__ import annotations

import pytest
from editor import Editor
from test_group_status import statuses
from test_groups import picture
from test_panels import sidebar as sidebar

READS = """
import os, time
def main(number: int, gate: str = GATE) -> float:
    while number == 7 and not os.path.exists(gate):
        time.sleep(0.01)
    if number == 3:
        raise ValueError("the file is empty")
    return 1.0 * number
"""
MARKS = """
import os, time
def main(number: float, gate: str = GATE) -> float:
    while number == 5 and not os.path.exists(gate):
        time.sleep(0.01)
    return number + 1.0
"""
COUNTS = "def main(numbers: list[float]) -> int: return len(numbers)"


@pytest.fixture
def gates(tmp_path) -> list:
    """Files that the scripts of two nodes wait for."""
    return [tmp_path / "read", tmp_path / "marked"]


@pytest.fixture
def no_forecast(editor):
    """What the next run would do covers the strips with dashes."""
    editor.window.run("places.module('addon.preferences.preferences').found().overlay_forecast = False")
    yield
    editor.window.run("places.module('addon.preferences.preferences').found().overlay_forecast = True")


@pytest.fixture
def chain(editor, gates, no_forecast) -> Editor:
    """Numbers are read, marked, counted, and marked once more within a group. One can't be read."""
    sources = {
        "Read": READS.replace("GATE", repr(str(gates[0]))),
        "Mark": MARKS.replace("GATE", repr(str(gates[1]))),
        "Count": COUNTS,
        "Again": MARKS.replace("GATE", repr(str(gates[1]))),
    }
    for number, (name, source) in enumerate(sources.items()):
        editor.add_script(source, name, (-200.0 + 220.0 * min(number, 2), -300.0 if name == "Again" else 100.0))
    editor.window.run(
        """
        tree = places.tree()
        read, mark, count, again = (tree.nodes[name] for name in ("Read", "Mark", "Count", "Again"))
        numbers = tree.nodes.new("BackgroundNodeInput")
        numbers.data_type, numbers.is_list, numbers.location = "INT", True, (-440.0, 100.0)
        numbers.outputs[0].default_value = list(range(24))
        tree.links.new(numbers.outputs[0], read.inputs["Number"])
        tree.links.new(read.outputs[0], mark.inputs["Number"])
        tree.links.new(mark.outputs[0], count.inputs["Numbers"])
        tree.links.new(read.outputs[0], again.inputs["Number"])
        end = tree.nodes.new("NodeReroute")
        tree.links.new(again.outputs[0], end.inputs[0])
        group = places.module("node_tree.grouping").make(tree, [again])
        tree.nodes.remove(end)
        group.name, group.label, group.location = "Each", "Each", (20.0, -250.0)
        for node in (read, mark, count, group):
            node.width = 200.0
        for node in tree.nodes:
            node.select = False
        tree.nodes.active = mark
        with places.editor():
            bpy.ops.ed.undo_push(message="Chain")
        """
    )
    editor.frame_all()
    return editor


def texts(editor: Editor) -> dict[str, list[str]]:
    """What each node says of its state, as far as 22 letters go, and what the list of tasks does."""
    return editor.window.run(
        """
        status = places.module("addon.editor.node_status")
        run = places.session().run_of(places.tree())
        found = {node.name: run.at(node.uid) for node in places.tree().nodes}
        return {name: [status._state_text(each, 22), status.end_label(each)] for name, each in found.items() if each}
        """
    )


def counts(editor: Editor) -> str:
    return editor.window.run(
        "return places.module('addon.sidebar.panels')._counts(places.session().run_of(places.tree()))"
    )


def strip(editor: Editor, node: str) -> tuple[int, int, int]:
    """The colour of the strip under the header of a node, at its left end."""
    left, _right, y = editor.window.run("return places.strip(node)", node=node)
    return editor.window.screen.picture().color(left + 3, y)


def test_nodes_of_which_one_item_was_skipped_tell_how_many_they_did(chain, gates, sidebar):
    sidebar("Node")
    chain.press_button("background_nodes.run")
    gates[0].touch()
    chain.window.wait_for(
        "task = places.task(places.tree().nodes['Mark']); return task is not None and task.num_done >= 10"
    )
    picture(chain, "partial_running")
    gates[1].touch()
    assert chain.wait_until_home()["state"] == "failed"
    assert statuses(chain) == {"Read": "failed", "Mark": "skipped", "Count": "skipped", "Each": "skipped"}
    assert texts(chain) == {
        "Read": ["Failed · 23 of 24", "Failed"],
        "Mark": ["23 of 24 · 1 skipped", "23 of 24"],
        "Count": ["Skipped", "Skipped"],
        "Each": ["23 of 24 · 1 skipped", "23 of 24"],
    }
    assert counts(chain) == "0 of 4 done, 1 failed, 2 partly skipped"
    shown = {node: strip(chain, node) for node in ("Read", "Mark", "Count", "Each")}
    assert shown["Mark"] == shown["Each"], "yellow"
    assert len(set(shown.values())) == 3, "what did nothing looks another way"
    picture(chain, "partial_node")
    sidebar("Run")
    picture(chain, "partial_run")
    chain.window.run("places.tree().nodes.active = places.tree().nodes['Read']")
    sidebar("Node")
    picture(chain, "partial_failed")
    chain.window.run("places.tree().nodes.active = places.tree().nodes['Each']")
    sidebar("Node")
    picture(chain, "partial_group")
    chain.window.run(
        "bpy.data.texts['Read.py'].from_string(bpy.data.texts['Read.py'].as_string().replace('== 3', '== 99'))"
    )
    chain.press_button("background_nodes.retry")
    assert chain.wait_until_home()["state"] == "succeeded"
    assert {name: each[0].partition(" · ")[2] for name, each in texts(chain).items()} == {
        "Read": "24/24",
        "Mark": "24/24",
        "Count": "",
        "Each": "24/24",
    }
    picture(chain, "partial_mended")
