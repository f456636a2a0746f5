"""Inputs and outputs of a script without `main`, declared by mouse and keys: on the node, and in the Sidebar."""

from __future__ import annotations

import pytest

#: Shows nothing of what goes in and out, so that all has to be declared by hand.
SOURCE = "give = dict\npython_data = give(double=2 * globals()['size'])\n"
ADD = "background_nodes.socket_declare"
#: Pixels from the middle of a list to the first letters of a name in it, as a share of the Sidebar's width.
_NAME = 0.3


@pytest.fixture
def node(editor):
    """A node that nothing is declared on, with the Sidebar beside it."""
    editor.add_script(SOURCE, "Seed")
    editor.window.run(
        """
        places.tree().nodes.active = places.tree().nodes["Seed"]
        places.area().spaces.active.show_region_ui = True
        bpy.ops.ed.undo_push(message="Add Node")
        """
    )
    editor.window.settle(5)
    editor.window.run("places.region(kind='UI').active_panel_category = 'Node'")
    editor.frame_all()
    return "Seed"


def names(editor, side: str) -> list[str]:
    return editor.window.run("return [item.name for item in getattr(places.tree().nodes['Seed'], side)]", side=side)


def rename(editor, button: str, name: str) -> None:
    """Rename what is in the first row of the list that has this button beside its top.

    By Ctrl and a click, as in all of Blender's lists: events that are simulated make no double click.
    """
    left, _, right, _ = editor.window.run("return places.rectangle(t, 'UI')", t="BackgroundNodeTree")
    _, y = editor.button(button, region="UI")
    editor.window.click(left + _NAME * (right - left), y - 6, ctrl=True)
    editor.window.press("A", ctrl=True)
    editor.window.type_text(name)
    editor.window.press("RET")
    editor.window.settle(3)


def test_declared_by_hand_wired_and_run(editor, node):
    window = editor.window
    editor.press_button_on(node, f'{ADD}(node_name="Seed", is_output=False)')
    assert names(editor, "inputs") == ["value"]
    editor.press_button_on(node, f'{ADD}(node_name="Seed", is_output=True)')
    assert names(editor, "outputs") == ["result"]
    rename(editor, f"{ADD}(is_output=False)", "size")
    rename(editor, f"{ADD}(is_output=True)", "double")
    assert (names(editor, "inputs"), names(editor, "outputs")) == (["size"], ["double"])
    window.run(
        """
        give = places.tree().nodes.new("BackgroundNodeInput")
        give.data_type, give.location, give.name = "FLOAT", (-300, 0), "Give"
        give.outputs[0].default_value = 1.5
        bpy.ops.ed.undo_push(message="Add Input")
        """
    )
    editor.frame_all()
    editor.link("Give", "Value", "Seed", "size")
    editor.press_button("background_nodes.run")
    assert editor.wait_until_home()["state"] == "succeeded"
    assert window.run("return places.tree().nodes['Seed'].outputs['double'].result") == 3.0


def test_bad_name_is_told_on_the_node_and_undone(editor, node):
    editor.press_button_on(node, f'{ADD}(node_name="Seed", is_output=False)')
    rename(editor, f"{ADD}(is_output=False)", "my size")
    assert names(editor, "inputs") == ["my size"]
    editor.press_button("background_nodes.run")
    found = """
        found = places.module("addon.session.problems").of(places.tree()) or ()
        return any("no name of a variable" in problem.message for problem in found)
    """
    editor.window.wait_for(found, 10.0)
    editor.window.move(*editor.middle())
    editor.window.press("Z", ctrl=True)
    editor.window.wait_for("return [s.name for s in places.tree().nodes['Seed'].inputs] == ['value']", 10.0)
