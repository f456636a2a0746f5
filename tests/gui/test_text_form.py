"""Nodes as text on the clipboard, by menu and mouse; scripts that came so are asked for."""

from __future__ import annotations

import os

from editor import Editor

_SOURCE = "def main(value: int = 1, other: int = 2) -> int: return value + other\n"


def picture(editor: Editor, name: str) -> None:
    if folder := os.environ.get("BACKGROUND_NODES_PICTURES"):
        editor.window.settle(5)
        editor.window.screen.save(f"{folder}/{name}.png")


def search(editor: Editor, name: str) -> None:
    editor.window.press("F3")
    editor.window.settle()
    editor.window.type_text(name)
    editor.window.settle()
    editor.window.press("RET")
    editor.window.settle()


def test_nodes_are_copied_as_text_and_pasted_where_the_mouse_is(editor):
    """1. Two linked nodes are copied as text. 2. Somebody sends them back, with another script.

    3. They are pasted into a tree of a new file. 4. The script asks.
    """
    window = editor.window
    for name, x in (("First", -200.0), ("Second", 100.0)):
        editor.add_script(_SOURCE, name, (x, 0.0))
    window.run(
        """
        nodes = places.tree().nodes
        places.tree().links.new(nodes["First"].outputs[0], nodes["Second"].inputs[0])
        nodes["Second"].inputs[1].default_value = 7
        frame = nodes.new("NodeFrame")
        frame.label = "Both"
        for name in ("First", "Second"):
            nodes[name].parent = frame
        for node in nodes:
            node.select = True
        places.area().spaces.active.show_region_ui = False
        """
    )
    editor.frame_all()
    x, y = editor.place_of("Second")
    window.move(x, y)
    window.click(x, y, button="RIGHTMOUSE")
    picture(editor, "context menu")
    window.press("ESC")
    window.run("[setattr(node, 'select', True) for node in places.tree().nodes]")
    search(editor, "Copy as Text")
    window.wait_for("return '\"background_nodes\": 1' in bpy.context.window_manager.clipboard")
    window.run(
        """
        manager = bpy.context.window_manager
        manager.clipboard = manager.clipboard.replace("return value + other", "return value - other")
        """
    )
    window.open_new_file()
    editor.open("Other")
    window.move(*editor.middle())
    search(editor, "Paste from Text")
    window.wait_for("return len(places.tree().nodes) == 3")
    found = window.run(
        """
        tree = places.tree()
        second = tree.nodes["Second"]
        return tree.name, second.inputs[1].default_value, second.parent.label, len(tree.links), [
            node.name for node in tree.nodes if node.select
        ]
        """
    )
    assert found[:4] == ["Other", 7, "Both", 1]
    assert sorted(found[4]) == ["First", "Frame", "Second"]
    picture(editor, "pasted")
    x, y = editor.middle()
    left, _, right, _ = (*editor.place_of("First", 0.0, 0.0), *editor.place_of("Second", 1.0, 0.0))
    assert abs((left + right) / 2 - x) < 40  # the middle of both is where the mouse was
    window.press("RET", ctrl=True)
    window.settle(6)
    picture(editor, "asked")
    assert window.run("return len(places.session().runs)") == 0
    window.press("ESC")
    window.press("Z", ctrl=True)
    window.wait_for("return len(places.tree().nodes) == 0")


def test_tree_is_exported_by_the_file_browser(editor, tmp_path):
    window = editor.window
    editor.add_script(_SOURCE, "First", (0.0, 0.0))
    editor.frame_all()
    window.run("bpy.context.preferences.view.filebrowser_display_type = 'SCREEN'")
    window.move(*editor.middle())
    search(editor, "Export Tree as Text")
    browser = "next((area for area in places.window().screen.areas if area.type == 'FILE_BROWSER'), None)"
    window.wait_for(f"return {browser} is not None")
    window.run(f"{browser}.spaces.active.params.directory = folder.encode()", folder=f"{tmp_path}/")
    window.settle(6)
    picture(editor, "export")
    window.press("RET")
    window.wait_for(f"return {browser} is None")
    assert '"First"' in (tmp_path / "Tree.json").read_text(encoding="utf-8")
