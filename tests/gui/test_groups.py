"""Groups by keys and mouse, as in Geometry Nodes."""

from __future__ import annotations

import os

import pytest
from editor import Editor

_SOURCE = "def main(value: int = 1, other: int = 2) -> int: return value + other\n"


@pytest.fixture
def chain(editor) -> Editor:
    """Three nodes in a row."""
    for name, x in (("First", -300.0), ("Middle", 0.0), ("Last", 300.0)):
        editor.add_script(_SOURCE, name, (x, 0.0))
    editor.window.run(
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


def picture(editor: Editor, name: str) -> None:
    if folder := os.environ.get("BACKGROUND_NODES_PICTURES"):
        editor.window.settle(5)
        editor.window.screen.save(f"{folder}/{name}.png")


def path(editor: Editor) -> list[str]:
    return editor.window.run("return [part.node_tree.name for part in places.area().spaces.active.path]")


def names(editor: Editor) -> list[str]:
    return editor.window.run("return sorted(node.name for node in places.area().spaces.active.edit_tree.nodes)")


def select(editor: Editor, *nodes: str) -> None:
    for index, node in enumerate(nodes):
        editor.window.event("LEFT_SHIFT", "PRESS", shift=True) if index else None
        editor.window.click(*editor.place_of(node), shift=bool(index))
        editor.window.event("LEFT_SHIFT", "RELEASE") if index else None


def test_group_is_made_entered_edited_left_and_taken_apart(chain):
    window = chain.window
    select(chain, "Middle", "Last")
    window.press("G", ctrl=True)
    assert path(chain) == ["Tree", "Group"]
    assert names(chain) == ["Group Input", "Group Output", "Last", "Middle"]
    chain.frame_all()
    picture(chain, "inside")
    window.press("TAB")  # Blender's own convention: with no group active, Tab leaves
    assert path(chain) == ["Tree"]
    assert names(chain) == ["First", "Group"]
    chain.frame_all()
    picture(chain, "outside")
    window.press("TAB")
    assert path(chain) == ["Tree", "Group"]
    chain.press_button("background_nodes.group_leave")
    assert path(chain) == ["Tree"]
    window.press("G", ctrl=True, alt=True)
    assert names(chain) == ["First", "Last", "Middle"]
    links = window.run("return sorted([link.from_node.name, link.to_node.name] for link in places.tree().links)")
    assert links == [["First", "Middle"], ["Middle", "Last"]]
