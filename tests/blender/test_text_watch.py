"""Sockets follow a text that is drawn. Without a window the test draws, and lets the time pass."""

from __future__ import annotations

import bpy
import pytest

from background_nodes.addon.scripts import text_watch

from .graphs import add, identifiers, line, new_text, new_tree, script


@pytest.fixture
def tree():
    yield new_tree()
    text_watch._forget()


def draw(text: bpy.types.Text) -> bool:
    """Draw a Text Editor; return whether a pause in typing is waited for."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "TEXT_EDITOR"
    area.spaces.active.text = text
    with bpy.context.temp_override(window=window, area=area):
        text_watch._text_drawn()
    return is_waiting()


def is_waiting() -> bool:
    return bpy.app.timers.is_registered(text_watch._follow_changed)


def pause() -> None:
    """Do what the timer does: without a window Blender calls no timers."""
    text_watch._follow_changed()
    text_watch._stop_timer()


def write(text: bpy.types.Text, source: str) -> None:
    """Type over what is there."""
    draft = new_text("draft", source)
    text.from_string(draft.as_string())
    bpy.data.texts.remove(draft)


def test_sockets_follow_the_text_after_a_pause(tree):
    node = script(tree, "Node", "def main(count: int = 1): ...")
    draw(node.script)
    pause()
    write(node.script, "def main(count: int = 1, factor: float = 0.5): ...")
    assert draw(node.script)
    assert identifiers(node.inputs) == ["count"]
    pause()
    assert identifiers(node.inputs) == ["count", "factor"]
    assert not draw(node.script)


def test_all_nodes_of_the_text_follow(tree):
    nodes = [
        script(tree, "A", "def main(): ..."),
        add(tree, "BackgroundNodeScript"),
        add(new_tree(), "BackgroundNodeScript"),
    ]
    for node in nodes[1:]:
        node.script = nodes[0].script
    write(nodes[0].script, "def main(count: int = 1): ...")
    draw(nodes[0].script)
    pause()
    assert [identifiers(node.inputs) for node in nodes] == [["count"]] * 3


def test_error_is_shown_and_goes(tree):
    node = script(tree, "Node", "def main(count: int = 1): ...")
    write(node.script, "def main(count: int = ): ...")
    draw(node.script)
    pause()
    assert node.source_error_line == line(1)
    write(node.script, "def main(count: int = 2): ...")
    draw(node.script)
    pause()
    assert node.source_error == ""


def test_text_that_no_node_uses_is_not_read(tree):
    add(tree, "BackgroundNodeScript")
    assert not draw(new_text("notes", "def main(count: int = 1): ..."))
    assert not draw(None)


def test_file_of_a_node_is_read_when_its_text_is_saved(tree, awkward_path):
    path = awkward_path / "script.py"
    path.write_text("def main(count: int = 1): ...")
    node = add(tree, "BackgroundNodeScript")
    node.filepath = str(path)
    text = bpy.data.texts.load(str(path))
    draw(text)
    pause()
    text.from_string("def main(factor: float = 1.0): ...")
    assert text.is_dirty
    assert not draw(text)
    path.write_text(text.as_string())
    bpy.data.texts.remove(text)
    assert draw(bpy.data.texts.load(str(path)))  # as if it was saved: its operator needs a window
    pause()
    assert identifiers(node.inputs) == ["factor"]


def test_text_that_is_removed_in_the_pause_is_forgotten(tree):
    node = script(tree, "Node", "def main(count: int = 1): ...")
    draw(node.script)
    bpy.data.texts.remove(node.script)
    pause()
    assert identifiers(node.inputs) == ["count"]


def test_node_that_is_removed_in_the_pause_is_forgotten(tree):
    node = script(tree, "Node", "def main(count: int = 1): ...")
    draw(node.script)
    tree.nodes.remove(node)
    pause()
    assert len(bpy.data.texts) == 1


def test_renamed_text_is_followed(tree):
    node = script(tree, "Node", "def main(count: int = 1): ...")
    write(node.script, "def main(factor: float = 1.0): ...")
    draw(node.script)
    node.script.name = "Renamed"
    pause()
    assert identifiers(node.inputs) == ["factor"]


def test_sockets_that_an_undo_took_back_follow_again(tree):
    tree.use_fake_user = True
    node = script(tree, "Node", "def main(count: int = 1): ...")
    draw(node.script)
    pause()
    assert not is_waiting()
    bpy.ops.ed.undo_push(message="Before")
    bpy.ops.ed.undo_push(message="After")
    bpy.ops.ed.undo()
    assert is_waiting()


def test_other_file_is_not_waited_for(tree):
    draw(script(tree, "Node", "def main(count: int = 1): ...").script)
    assert is_waiting()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert not is_waiting()
    assert not text_watch._seen
