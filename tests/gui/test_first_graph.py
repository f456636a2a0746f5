"""The first graph of the README by a clock: each click and key from Blender's own start to a result that is seen."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from editor import Editor
from screen import ROOT

_BUTTONS = ("LEFTMOUSE", "RIGHTMOUSE", "MIDDLEMOUSE")
_MODIFIERS = ("LEFT_CTRL", "LEFT_SHIFT", "LEFT_ALT")


@pytest.fixture
def counted(window, monkeypatch):
    """Clicks, drags too, and keys, of which a combination is one: from now on."""
    counts: Counter[str] = Counter()
    event = window.event

    def count(kind: str, value: str, **options: object) -> None:
        if value == "PRESS" and kind not in _MODIFIERS:
            counts["clicks" if kind in _BUTTONS else "keys"] += 1
        event(kind, value, **options)

    monkeypatch.setattr(window, "event", count)
    return counts


def split_viewport(window) -> None:
    """Drag the lower right corner of the viewport to its middle."""
    left, bottom, right, top = window.run(
        "a = places.area('VIEW_3D'); return [a.x, a.y, a.x + a.width, a.y + a.height]"
    )
    window.drag((right - 3, bottom + 3), (left + 450, (bottom + top) / 2), steps=20)
    window.wait_for("return len(places.areas('VIEW_3D')) == 2")


def place(window) -> None:
    """Leave a new node where the mouse is."""
    window.settle(5)
    window.click()
    window.settle(5)


def test_first_graph_takes_as_many_clicks_and_keys_as_the_readme_says_and_shows_its_result(window, counted, tmp_path):
    window.run(
        """
        bpy.ops.object.delete()
        with bpy.context.temp_override(window=places.window()):
            bpy.ops.mesh.primitive_monkey_add()
        """
    )
    editor = Editor(window)
    counted.clear()

    split_viewport(window)
    left, _, _, top = window.run("a = places.areas('VIEW_3D')[1]; return [a.x, a.y, a.x + a.width, a.y + a.height]")
    window.click(left + 25, top - 13)
    window.press("B")
    editor.press_button("node.new_node_tree")
    # What is selected
    left, bottom, _, top = window.run("return places.rectangle('BackgroundNodeTree', 'WINDOW')")
    window.move(left + 150, (bottom + top) / 2 + 150)
    window.press("A", shift=True)
    window.type_text("sel\n")
    place(window)
    # Decimate, to a quarter
    start = editor.output("Object", "Value")
    window.drag(start, (start[0] + 80, start[1] - 120))
    window.settle(15)
    window.type_text("deci\n")
    place(window)
    x, y = editor.input("Decimate", "Ratio")
    window.click(x + 100, y)
    window.type_text("0.25\n")
    # Output
    start = editor.output("Decimate", "Decimated")
    window.drag(start, (start[0] + 60, start[1] - 200))
    window.settle(15)
    window.type_text("out\n")  # the search has what was picked last on top
    place(window)
    window.press("RET", ctrl=True)

    window.wait_for("return len(places.session().history) == 1")
    assert editor.wait_until_home()["state"] == "succeeded"
    window.settle(20)
    window.screen.save(tmp_path / "first_graph.png")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = re.search(r"(\d+) clicks and drags and (\d+) keys", readme)
    assert (counted["clicks"], counted["keys"]) == tuple(map(int, told.groups()))
    assert told.group() in (ROOT / "docs" / "conventions.md").read_text(encoding="utf-8")
    seen = window.run("return [item.name for item in places.window().view_layer.objects if item.visible_get()]")
    (result,) = [name for name in seen if name.startswith("Suzanne")]
    assert window.run("return len(bpy.data.objects[name].data.polygons)", name=result) < 300
    assert window.run("return not bpy.data.objects['Suzanne'].visible_get()"), "it would cover the result"
