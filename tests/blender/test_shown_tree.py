"""Which tree the editors show, as Blender asks for it editor by editor before it draws."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import pytest

from background_nodes.node_tree.shown_tree import ShownTree

from .graphs import new_tree


@dataclass
class Editor:
    """What is asked of a space; there is none without a window."""

    address: int
    node_tree: bpy.types.NodeTree | None = None

    def as_pointer(self) -> int:
        return self.address


@pytest.fixture
def draw():
    """Let editors show what they are given, as Blender does."""
    shown = ShownTree()

    def draw(*editors: Editor) -> list[str | None]:
        for editor in editors:
            editor.node_tree = shown.of(editor)
        return [editor.node_tree and editor.node_tree.name for editor in editors]

    return draw


def test_tree_chosen_in_one_editor_shows_in_the_others(draw):
    one, two = Editor(1), Editor(2)
    draw(one, two)
    two.node_tree = new_tree("A")
    draw(one, two)
    assert draw(one, two) == ["A", "A"]


def test_last_choice_counts(draw):
    one, two = Editor(1), Editor(2)
    one.node_tree = new_tree("A")
    draw(one, two)
    two.node_tree = new_tree("B")
    draw(one, two)
    assert draw(one, two) == ["B", "B"]


def test_tree_that_an_undo_took_away_shows_again_after_the_redo(draw):
    editor = Editor(1)
    draw(editor)
    bpy.ops.ed.undo_push(message="before")
    editor.node_tree = new_tree("A")
    bpy.ops.ed.undo_push(message="New")
    draw(editor)
    bpy.ops.ed.undo()
    editor.node_tree = None  # as Blender does
    assert draw(editor) == [None]
    assert draw(editor) == [None]
    bpy.ops.ed.redo()
    assert draw(editor) == ["A"]


def test_choosing_no_tree_counts(draw):
    one, two = Editor(1, new_tree("A")), Editor(2)
    draw(one, two)
    one.node_tree = None
    assert draw(one, two) == [None, None]


def test_removed_tree_leaves_the_editors_empty(draw):
    tree = new_tree("A")
    one, two = Editor(1, tree), Editor(2)
    draw(one, two)
    bpy.data.node_groups.remove(tree)
    one.node_tree = two.node_tree = None
    assert draw(one, two) == [None, None]


def test_pinned_editor_is_not_asked_and_changes_nothing(draw):
    one, pinned = Editor(1, new_tree("A")), Editor(2, new_tree("B"))
    draw(one)
    assert draw(one) == ["A"]
    assert pinned.node_tree.name == "B"
