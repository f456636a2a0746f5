# SPDX-License-Identifier: GPL-3.0-or-later
"""List nodes by mouse and keys: found by typing, typed by what is linked, with their counts after a run."""

from __future__ import annotations

import pytest
from editor import Editor
from test_groups import picture

NUMBERS = "def main(count: int = 3) -> list[int]: return list(range(count))\n"
ASKS = "def main(number: int = 1) -> bool: return number > 0\n"
USES = "def main(number: int, factor: float = 1.0) -> float: return number * factor\n"


@pytest.fixture
def lists(editor) -> Editor:
    """Two lists, and a node that is to run over each with each."""
    editor.add_script(NUMBERS, "Numbers", (-500.0, 100.0))
    editor.add_script(ASKS, "Ask", (-500.0, -150.0))
    editor.add_script(USES, "Use", (200.0, 0.0))
    editor.window.run(
        """
        factors = places.tree().nodes.new("BackgroundNodeInput")
        factors.name, factors.data_type, factors.is_list, factors.location = "Factors", "FLOAT", True, (-500.0, 300.0)
        factors.outputs[0].default_value = [0.5, 0.25]
        with places.editor():
            bpy.ops.ed.undo_push(message="Lists")
        """
    )
    editor.frame_all()
    return editor


def types(editor: Editor, node: str) -> list[str]:
    return editor.window.run("return [str(each.socket_type) for each in places.tree().nodes[node].inputs]", node=node)


def test_a_list_node_is_found_by_typing_and_takes_the_type_of_what_is_dragged_to_it(lists):
    window = lists.window
    window.move(*lists.middle())
    window.press("A", shift=True)
    window.settle(5)
    window.type_text("cross pro")
    window.settle(5)
    window.press("RET")
    window.wait_for("return 'Cross Product' in places.tree().nodes")
    window.click()
    lists.frame_all()
    lists.link("Numbers", "Result", "Cross Product", "A")
    window.wait_for("return places.tree().nodes['Cross Product'].outputs[0].socket_type.kind == 'INT'")
    lists.link("Factors", "Value", "Cross Product", "B")
    window.wait_for("return places.tree().nodes['Cross Product'].outputs[1].socket_type.kind == 'FLOAT'")
    assert types(lists, "Cross Product") == ["list of int", "list of float"]
    lists.link("Cross Product", "A", "Use", "Number")
    lists.link("Cross Product", "B", "Use", "Factor")
    window.press("RET", ctrl=True)
    assert lists.wait_until_home()["state"] == "succeeded"
    assert window.run("return places.session().run_of(places.tree()).tasks['Use'].num_items") == 6
    picture(lists, "cross_product")
    window.press("Z", ctrl=True)  # the results, then a link: the types follow by themselves
    window.press("Z", ctrl=True)
    window.press("Z", ctrl=True)
    window.press("Z", ctrl=True)
    assert types(lists, "Cross Product")[0] == "list of int"


def test_a_repeated_group_is_added_and_shows_the_sum_of_its_passes(lists):
    window = lists.window
    window.run(
        """
        tree = places.tree()
        group = bpy.data.node_groups.new("Halving", tree.bl_idname)
        for in_out in ("INPUT", "OUTPUT"):
            group.interface.new_socket("Value", in_out=in_out, socket_type="BackgroundNodeSocketFloat")
        entry, end = group.nodes.new("NodeGroupInput"), group.nodes.new("NodeGroupOutput")
        work = group.nodes.new("BackgroundNodeScript")
        text = bpy.data.texts.new("Halve.py")
        text.from_string("def main(value: float) -> float: return value / 2.0\\n")
        work.name, work.script = "Halve", text
        entry.location.x, end.location.x = -250.0, 250.0
        group.links.new(entry.outputs[0], work.inputs[0])
        group.links.new(work.outputs[0], end.inputs[0])
        for node in list(tree.nodes):
            tree.nodes.remove(node)
        """
    )
    window.move(*lists.middle())
    window.press("A", shift=True)
    window.settle(5)
    window.type_text("repeat")
    window.settle(5)
    window.press("RET")
    window.wait_for("return 'Repeat' in places.tree().nodes")
    window.click()
    window.run(
        """
        node = places.tree().nodes["Repeat"]
        node.node_tree = bpy.data.node_groups["Halving"]
        node.iterations = 3
        node.inputs[0].default_value = 4.0
        """
    )
    lists.frame_all()
    window.press("RET", ctrl=True)
    assert lists.wait_until_home()["state"] == "succeeded"
    assert window.run("return places.tree().nodes['Repeat'].outputs[0].result") == 0.5
    assert sorted(lists.run()["tasks"]) == [f"Repeat / {number} / Halve" for number in (1, 2, 3)]
    picture(lists, "repeat")
    window.click(*lists.place_of("Repeat"))
    window.press("TAB")
    lists.frame_all()
    status = window.run(
        """
        uses = places.module("addon.editor.uses")
        with places.editor():
            status = uses.use_of(places.area().spaces.active.edit_tree.nodes["Halve"]).status
        return [str(status.state), len(status.tasks)]
        """
    )
    assert status == ["succeeded", 3]
    picture(lists, "repeat_inside")


def test_the_nodes_of_a_tree_with_lists_tell_what_they_did(lists):
    lists.window.run(
        """
        tree = places.tree()
        def new(idname, x, y):
            node = tree.nodes.new(idname)
            node.location = x, y
            return node
        link, nodes = tree.links.new, tree.nodes
        zip_node, kept = new("BackgroundNodeZip", -200.0, 350.0), new("BackgroundNodeFilter", -200.0, 100.0)
        switch, part = new("BackgroundNodeSwitch", -200.0, -200.0), new("BackgroundNodeSlice", 200.0, 350.0)
        count, order = new("BackgroundNodeCount", 450.0, 350.0), new("BackgroundNodeSort", 200.0, -200.0)
        zip_node.lengths = "LAST"
        link(nodes["Factors"].outputs[0], zip_node.inputs["A"])
        link(nodes["Numbers"].outputs[0], zip_node.inputs["B"])
        link(zip_node.outputs["A"], part.inputs["List"])
        link(part.outputs[0], count.inputs[0])
        link(nodes["Numbers"].outputs[0], kept.inputs["List"])
        link(nodes["Numbers"].outputs[0], nodes["Ask"].inputs[0])
        link(nodes["Ask"].outputs[0], kept.inputs["Keep"])
        link(kept.outputs["Kept"], nodes["Use"].inputs[0])
        link(kept.outputs["Others"], order.inputs["List"])
        link(kept.outputs["Others"], order.inputs["Keys"])
        link(nodes["Use"].outputs[0], switch.inputs["True"])
        switch.inputs["Switch"].default_value = True
        """
    )
    lists.frame_all()
    lists.window.move(*lists.middle())
    lists.window.press("RET", ctrl=True)
    assert lists.wait_until_home()["state"] == "succeeded"
    counts = lists.window.run(
        """
        run = places.session().run_of(places.tree())
        return {node.name: run.count_of(node.uid) for node in places.tree().nodes if hasattr(node, "follow")}
        """
    )
    assert counts == {"Zip": 3, "Filter": 2, "Switch": 2, "Slice": 3, "Count": None, "Sort": 1}
    assert lists.window.run("return places.tree().nodes['Count'].outputs[0].result") == 3
    picture(lists, "list_nodes")
