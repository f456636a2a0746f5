"""A node follows its script while that is written beside it."""

from __future__ import annotations

from picture import Color
from window import wait_until

SOURCE = "def main(value: int = 1) -> int:\n    return value\n"


def test_node_shows_an_error_as_it_is_typed_and_as_it_is_fixed(editor):
    editor.add_script(SOURCE, "Script", (0.0, 100.0))
    editor.frame_all()
    editor.press_button_on("Script", "background_nodes.script_edit")
    left, _, right, top = editor.window.wait_for(
        """
        if not any(area.ui_type == "TEXT_EDITOR" for area in places.window().screen.areas):
            return False
        return places.rectangle("TEXT_EDITOR", "WINDOW")
        """
    )
    editor.window.click((left + right) / 2, top - 10)
    editor.window.press("HOME", ctrl=True)
    fine = shown(editor)
    editor.window.type_text("x ")
    editor.window.wait_for("return places.tree().nodes['Script'].source_error")
    assert shown(editor) != fine
    editor.window.press("BACK_SPACE")
    editor.window.press("BACK_SPACE")
    editor.window.wait_for("return not places.tree().nodes['Script'].source_error")
    wait_until(lambda: shown(editor) == fine, 20.0, "the node that looks as before")


def shown(editor) -> list[Color]:
    """The colours of a column of the editor that goes through the node."""
    editor.window.settle(5)
    _, bottom, _, top = editor.window.run('return places.rectangle("BackgroundNodeTree", "WINDOW")')
    x, _ = editor.place_of("Script", 0.3)
    picture = editor.window.screen.picture()
    return [picture.color(x, y) for y in range(bottom, top)]
