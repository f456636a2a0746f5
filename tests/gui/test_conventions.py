"""Keys and drags of Blender's node editors do in ours what they do in Geometry Nodes: see `docs/conventions.md`."""

from __future__ import annotations

import pytest
from editor import Editor


@pytest.fixture
def chain(editor) -> Editor:
    """Three nodes in a row: a number, and two that hand it on."""
    window = editor.window
    window.run("places.area().spaces.active.show_region_ui = False")
    source = "def main(value: int = 1, other: int = 2) -> int: return value\n"
    for name, x in (("First", -250.0), ("Middle", 0.0), ("Last", 250.0)):
        editor.add_script(source, name, (x, 0.0))
    window.run(
        """
        nodes, links = places.tree().nodes, places.tree().links
        links.new(nodes["First"].outputs[0], nodes["Middle"].inputs[0])
        links.new(nodes["Middle"].outputs[0], nodes["Last"].inputs[0])
        with places.editor():
            bpy.ops.ed.undo_push(message="Chain")
        """
    )
    editor.frame_all()
    return editor


def links(editor: Editor) -> list[list[str]]:
    return editor.window.run("return sorted([link.from_node.name, link.to_node.name] for link in places.tree().links)")


def facts(editor: Editor, code: str) -> object:
    return editor.window.run(f"nodes = places.tree().nodes; return {code}")


def drag_across_second_link(editor: Editor, **modifiers: bool) -> None:
    """Drag with the right button across the link between the last two nodes, with modifier keys held."""
    window = editor.window
    (x, y), (other_x, other_y) = editor.output("Middle", "Result"), editor.input("Last", "Value")
    middle_x, top, bottom = (x + other_x) / 2, max(y, other_y) + 30, min(y, other_y) - 30
    window.move(middle_x, top)
    for key in modifiers:
        window.event(f"LEFT_{key.upper()}", "PRESS", **modifiers)
    window.event("RIGHTMOUSE", "PRESS", **modifiers)
    for step in range(1, 13):
        window.x, window.y = middle_x, top + (bottom - top) * step / 12
        window.event("MOUSEMOVE", "NOTHING", **modifiers)
    window.event("RIGHTMOUSE", "RELEASE", **modifiers)
    for key in modifiers:
        window.event(f"LEFT_{key.upper()}", "RELEASE")
    window.settle(5)


def test_keys_of_the_node_under_the_mouse(chain):
    window = chain.window
    window.click(*chain.place_of("Middle"))
    window.press("M")
    assert facts(chain, "nodes['Middle'].mute")
    window.press("M")
    window.press("H")
    assert facts(chain, "nodes['Middle'].hide")
    window.press("H")
    window.press("H", ctrl=True)
    assert facts(chain, "[socket.hide for socket in nodes['Middle'].inputs]") == [False, True]
    window.press("H", ctrl=True)
    window.press("D", shift=True)
    window.move(window.x, window.y + 150, steps=5)  # off the link, which it would be put into
    window.press("RET")
    assert facts(chain, "len(nodes)") == 4
    window.press("X")
    assert facts(chain, "len(nodes)") == 3
    window.click(*chain.place_of("Middle"))
    window.press("X", ctrl=True)
    assert links(chain) == [["First", "Last"]]


def test_drags_across_a_link(chain):
    drag_across_second_link(chain, ctrl=True, alt=True)
    assert facts(chain, "[link.is_muted for link in places.tree().links if link.to_node.name == 'Last']") == [True]
    drag_across_second_link(chain, ctrl=True, alt=True)
    drag_across_second_link(chain, shift=True)
    assert links(chain) == [["First", "Middle"], ["Middle", "Reroute"], ["Reroute", "Last"]]


def test_muted_node_hands_on_what_it_is_given(chain):
    window = chain.window
    window.run("places.tree().nodes['First'].inputs['Value'].default_value = 7")
    window.click(*chain.place_of("Middle"))
    window.press("M")
    left, bottom, _, _ = window.run("return places.rectangle('BackgroundNodeTree', 'WINDOW')")
    window.move(left + 40, bottom + 60)  # not over a field, which Enter would edit
    window.press("RET", ctrl=True)
    window.wait_for("return len(places.session().history) == 1")
    assert chain.wait_until_home()["state"] == "succeeded"
    assert facts(chain, "nodes['Last'].outputs[0].result") == 7
