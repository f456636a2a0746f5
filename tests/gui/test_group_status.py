"""What is seen of a run with groups: bars of group nodes, the use that is entered, errors in it, the tree of tasks."""

from __future__ import annotations

import pytest
from editor import Editor
from test_groups import picture
from test_panels import sidebar as sidebar
from test_viewer import view

DIVIDES = """
import os, time
from background_nodes.script import progress
def main(number: float, gate: str = GATE) -> float:
    progress(0.5, "Half of it")
    while not os.path.exists(gate):
        time.sleep(0.01)
    return 1.0 / number
"""
ADDS = """
def main(number: float) -> float:
    return number + 1.0
"""


@pytest.fixture
def gate(tmp_path):
    """A file that the scripts wait for."""
    return tmp_path / "open"


@pytest.fixture
def used_twice(editor, gate) -> Editor:
    """A group of two nodes, used with a number that works and with one that is an error in its first node."""
    editor.add_script(DIVIDES.replace("GATE", repr(str(gate))), "Divide", (0.0, 0.0))
    editor.add_script(ADDS, "Add", (250.0, 0.0))
    editor.window.run(
        """
        tree = places.tree()
        ends = [tree.nodes.new("NodeReroute") for _ in range(2)]
        for end, x in zip(ends, (-200.0, 500.0)):
            end.location.x = x
        nodes = [tree.nodes["Divide"], tree.nodes["Add"]]
        number = tree.nodes.new("BackgroundNodeInput")
        number.data_type = "FLOAT"
        tree.links.new(number.outputs[0], nodes[0].inputs["Number"])
        tree.links.new(nodes[0].outputs[0], nodes[1].inputs["Number"])
        tree.links.new(nodes[1].outputs[0], ends[1].inputs[0])
        works = places.module("node_tree.grouping").make(tree, nodes)
        for node in (*ends, number):
            tree.nodes.remove(node)
        works.name, works.location = "Works", (-150.0, 0.0)
        fails = tree.nodes.new("BackgroundNodeGroup")
        fails.name, fails.label, fails.location = "Fails", "Fails", (150.0, 0.0)
        fails.node_tree = works.node_tree
        works.inputs[0].default_value, fails.inputs[0].default_value = 4.0, 0.0
        with places.editor():
            bpy.ops.ed.undo_push(message="Used Twice")
        """
    )
    editor.frame_all()
    return editor


def statuses(editor: Editor) -> dict[str, str]:
    """What the nodes that the editor shows tell of the run."""
    return editor.window.run(
        """
        uses = places.module("addon.editor.uses")
        with places.editor():
            found = {node.name: uses.use_of(node).status for node in places.tree().nodes}
        return {name: str(status.state) for name, status in found.items() if status is not None}
        """
    )


def shown(editor: Editor) -> tuple[list[str], list[str]]:
    """The names of the group nodes that lead to what the editor shows, and of the nodes that are selected there."""
    names, selected = editor.window.run(
        """
        path = places.module("addon.editor.shown_path").shown_path(places.area().spaces.active)
        return path.names, [node.name for node in places.tree().nodes if node.select]
        """
    )
    return list(names), selected


def is_in_view(editor: Editor, node: str) -> bool:
    left, bottom, right, top = editor.window.run('return places.rectangle("BackgroundNodeTree", "WINDOW")')
    x, y = editor.place_of(node)
    return left < x < right and bottom < y < top


def enter(editor: Editor, node: str) -> None:
    editor.window.click(*editor.place_of(node))
    editor.window.press("TAB")
    editor.frame_all()


def run_to_end(editor: Editor, gate) -> None:
    gate.touch()
    editor.press_button("background_nodes.run")
    editor.window.wait_for("return not places.session().is_busy and bool(places.session().history)")


def test_both_uses_of_a_group_show_their_own_bars_and_the_one_that_is_entered_its_nodes(used_twice, gate):
    window = used_twice.window
    used_twice.press_button("background_nodes.run")
    window.wait_for(
        """
        run, redraw = places.session().run_of(places.tree()), places.module("addon.editor.redraw")
        return run is not None and [redraw.shown_progress(group) for group in run.groups.values()] == [0.25, 0.25]
        """
    )
    window.settle(5)
    picture(used_twice, "running")
    assert statuses(used_twice) == {"Works": "running", "Fails": "running"}
    assert window.run("return places.session().run_of(places.tree()).groups['Works'].text") == "Divide: Half of it"
    enter(used_twice, "Fails")
    assert shown(used_twice)[0] == ["Fails"]
    assert statuses(used_twice) == {"Divide": "running", "Add": "waiting"}
    picture(used_twice, "inside while it runs")
    gate.touch()
    window.wait_for("return not places.session().is_busy")
    window.settle(5)
    assert statuses(used_twice) == {"Divide": "failed", "Add": "skipped"}
    picture(used_twice, "inside the use that failed")
    used_twice.press_button("background_nodes.group_leave")
    enter(used_twice, "Works")
    assert statuses(used_twice) == {"Divide": "succeeded", "Add": "succeeded"}


def test_error_in_a_group_is_told_by_its_node_and_a_button_leads_to_where_it_is(used_twice, gate):
    run_to_end(used_twice, gate)
    used_twice.window.settle(5)
    picture(used_twice, "error outside")
    used_twice.press_button_on("Fails", "background_nodes.node_select")
    used_twice.window.settle(5)
    assert shown(used_twice) == (["Fails"], ["Divide"])
    assert is_in_view(used_twice, "Divide")
    picture(used_twice, "error inside")


def test_list_of_tasks_is_a_tree_that_folds_and_a_click_leads_into_the_use(used_twice, gate, sidebar):
    window = used_twice.window
    run_to_end(used_twice, gate)
    sidebar("Run")
    picture(used_twice, "task list")
    left, _, _, top = window.run("return places.rectangle('BackgroundNodeTree', 'UI')")
    found = []
    for y in range(int(top) - 150, int(top) - 330, -12):
        window.click(left + 110, y)
        path, selected = shown(used_twice)
        if len(selected) == 1 and (path, selected[0]) not in found:
            found.append((path, selected[0]))
    rows = [([], "Works"), (["Works"], "Divide"), (["Works"], "Add")]
    rows += [([], "Fails"), (["Fails"], "Divide"), (["Fails"], "Add")]
    assert [each for each in found if each in rows] == rows
    assert is_in_view(used_twice, "Add")
    rows = [(left + 28, y) for y in range(int(top) - 150, int(top) - 330, -8)]
    window.click(*used_twice._find_button("background_nodes.task_group_fold", rows))
    window.settle(5)
    picture(used_twice, "folded")
    assert len(window.run("return [each[1] for each in places.module('addon.sidebar.task_list')._folded]")) == 1


def test_problem_in_a_group_is_told_by_its_node_and_a_button_leads_to_it(used_twice):
    window = used_twice.window
    window.run(
        """
        group = places.tree().nodes["Works"].node_tree
        text = bpy.data.texts.new("Needs.py")
        text.from_string("import bpy\\ndef main(source: bpy.types.Object) -> int: return 1")
        node = group.nodes.new("BackgroundNodeScript")
        node.name, node.script, node.location = "Needs", text, (0.0, -300.0)
        """
    )
    used_twice.press_button("background_nodes.run")
    window.settle(10)
    picture(used_twice, "problem outside")
    used_twice.press_button_on("Works", "background_nodes.node_select")
    window.settle(5)
    assert shown(used_twice) == (["Works"], ["Needs"])
    assert is_in_view(used_twice, "Needs")
    picture(used_twice, "problem inside")


def test_viewer_shows_what_a_node_gives_in_the_use_that_is_entered(used_twice, gate):
    window = used_twice.window
    gate.touch()
    for node, number in (("Works", 4.0), ("Fails", 2.0)):
        window.run("places.tree().nodes[node].inputs[0].default_value = number", node=node, number=number)
    enter(used_twice, "Fails")
    view(used_twice, *used_twice.place_of("Divide"))
    window.wait_for("return bool(places.session().history) and not places.session().is_busy")
    window.settle(5)
    picture(used_twice, "viewed")
    ran = window.run("return [list(run.tasks) for run in places.session().history]")
    assert ran == [["Fails / Divide"]]
    used_twice.press_button("background_nodes.group_leave")
    enter(used_twice, "Works")
    view(used_twice, *used_twice.place_of("Divide"))
    window.wait_for("return len(places.session().history) == 2 and not places.session().is_busy")
    told = used_twice.reports()
    assert "Result: 0.5" in told
    assert "Result: 0.25" in told


def test_group_over_a_list_tells_how_many_items_are_done_and_gives_one_list(used_twice, gate):
    window = used_twice.window
    window.run(
        """
        tree = places.tree()
        tree.nodes.remove(tree.nodes["Fails"])
        numbers = tree.nodes.new("BackgroundNodeInput")
        numbers.data_type, numbers.is_list, numbers.location = "FLOAT", True, (-400.0, 0.0)
        numbers.outputs[0].default_value = [4.0, 2.0, 1.0]
        tree.links.new(numbers.outputs[0], tree.nodes["Works"].inputs[0])
        """
    )
    used_twice.frame_all()
    used_twice.press_button("background_nodes.run")
    window.wait_for(
        """
        run = places.session().run_of(places.tree())
        return run is not None and run.groups["Works"].progress > 0.1
        """
    )
    window.settle(5)
    picture(used_twice, "a group over a list")
    told = "group = places.session().run_of(places.tree()).groups['Works']; return group.num_done, group.num_items"
    assert tuple(window.run(told)) == (0, 3)
    gate.touch()
    window.wait_for("return not places.session().is_busy and places.session().history[-1].is_home")
    assert tuple(window.run(told)) == (3, 3)
    assert list(window.run("return list(places.tree().nodes['Works'].outputs[0].result)")) == [1.25, 1.5, 2.0]
    picture(used_twice, "a group over a list at its end")
