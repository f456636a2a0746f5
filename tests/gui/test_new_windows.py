"""In a maximized editor, what needs another editor opens a window: Blender can't split a maximized area."""

from __future__ import annotations

import pytest

SOURCE = """\
import bpy

def main() -> bpy.types.Image:
    print("said in the log")
    return bpy.data.images.new("Picture", 8, 8)
"""


@pytest.fixture
def maximized(editor):
    """Our editor as the only one of its window, as after Ctrl Space."""
    editor.add_script(SOURCE, "Node")
    editor.window.move(*editor.middle())
    editor.window.press("SPACE", ctrl=True)
    editor.window.wait_for("return places.window().screen.show_fullscreen")
    editor.frame_all()
    yield editor
    editor.window.run(
        """
        for window in list(bpy.context.window_manager.windows)[1:]:
            with bpy.context.temp_override(window=window):
                bpy.ops.wm.window_close()
        with places.editor():
            bpy.ops.screen.back_to_previous()
        """
    )
    editor.window.settle(5)


def shown(window, number: int, ui_type: str, name: str) -> None:
    """Wait for another window, counted from 1, with an editor that shows a data-block; the first one stays as it is."""
    window.wait_for(
        """
        windows = list(bpy.context.window_manager.windows)
        if len(windows) != 1 + number or not windows[0].screen.show_fullscreen:
            return False
        (area,) = windows[number].screen.areas
        space = area.spaces.active
        found = getattr(space, "image" if ui_type == "IMAGE_EDITOR" else "text")
        return area.ui_type == ui_type and found is not None and found.name.startswith(name)
        """,
        number=number,
        ui_type=ui_type,
        name=name,
    )


def test_log_script_and_result_are_shown_in_new_windows(maximized):
    maximized.press_button("background_nodes.run")
    maximized.wait_until_home()
    maximized.press_button_on("Node", "background_nodes.log_show")
    shown(maximized.window, 1, "TEXT_EDITOR", "Background Nodes Log")
    maximized.press_button_on("Node", "background_nodes.script_edit")
    shown(maximized.window, 1, "TEXT_EDITOR", "Node.py")
    maximized.press_button_on("Node", "background_nodes.result_bring_home")
    maximized.window.settle(5)
    maximized.press_button_on("Node", "background_nodes.result_show")
    shown(maximized.window, 2, "IMAGE_EDITOR", "Picture")


def test_example_opens_a_window(window):
    """Over the viewport, maximized, of a new file."""
    window.run(
        """
        with places.editor("VIEW_3D"):
            bpy.ops.screen.screen_full_area()
        bpy.ops.background_nodes.example_open(name="Levels of Detail")
        """
    )
    window.wait_for(
        """
        areas = [area for window in bpy.context.window_manager.windows for area in window.screen.areas]
        found = [area for area in areas if area.ui_type == "BackgroundNodeTree"]
        return len(found) == 1 and found[0].spaces.active.node_tree.name == "Levels of Detail"
        """
    )
