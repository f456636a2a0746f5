"""Presets by mouse and keys: saved to a library, found in another Blender by typing, run, updated, declined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from editor import Editor, Place
from test_consent import BLUE, Dialog
from test_groups import picture
from window import Window, wait_until

TWICE = '''
"""Double a number."""
def main(number: float = 1.0) -> float:
    return 2.0 * number
'''
TIMES = '''
"""Multiply a number."""
def main(number: float = 1.0, times: int = 3) -> float:
    return times * number
'''
#: How far above its button *Save* the fields of the dialog are, in pixels.
_FIELDS = {"License": 60, "Author": 83, "Tags": 114, "Catalog": 137, "Save To": 160, "Description": 191, "Name": 214}


class Buttons(Dialog):
    """A dialog with three buttons at its foot, the right one blue."""

    def __init__(self, editor: Editor) -> None:
        self.editor, self.window = editor, editor.window

    def press_number(self, number: int) -> None:
        """Click a button, counted from the right."""
        left, right, y = self.cancel()
        self.window.click((left + right) / 2 - number * (right - left + 8), y)
        self.window.settle(5)


class SaveDialog:
    """The dialog *Save as Preset*. Its button *Save* is the lowest blue one."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.save = self._save_button()

    def _save_button(self) -> Place:
        found = self.window.screen.picture()
        for y in range(40, found.height, 4):
            blue = [x for x, color in enumerate(found.row(0, found.width, y)) if color == BLUE]
            if 200 < len(blue) < 500:
                return (blue[0] + blue[-1]) / 2, y + 4
        raise AssertionError("no dialog")

    def field(self, name: str) -> Place:
        return self.save[0], self.save[1] + _FIELDS[name]

    def type(self, name: str, text: str) -> None:
        self.window.click(*self.field(name))
        self.window.press("A", ctrl=True)
        self.window.type_text(text)
        self.window.press("RET")
        self.window.settle(3)

    def choose(self, name: str, letter: str) -> None:
        """Choose what is underlined in a menu."""
        self.window.click(*self.field(name))
        self.window.settle(3)
        self.window.press(letter)
        self.window.settle(5)


@pytest.fixture
def folder(tmp_path) -> Path:
    found = tmp_path / "studio"
    found.mkdir()
    return found


def use_library(window: Window, folder: Path) -> None:
    """Let the folder be the only asset library."""
    window.run(
        """
        libraries = bpy.context.preferences.filepaths.asset_libraries
        for library in list(libraries):
            libraries.remove(library)
        libraries.new(name="Studio", directory=path)
        """,
        path=str(folder),
    )


def read_libraries(window: Window) -> None:
    window.run("[(each.forget(), each.read()) for each in places.module('addon.presets.libraries').libraries.all()]")
    window.settle(5)


def save_by_python(editor: Editor, node: str, folder: Path, **options: Any) -> None:
    """Save a node to the library, as a colleague does."""
    editor.window.run(
        """
        from urllib.parse import quote
        for other in places.tree().nodes:
            other.select = other.name == node
        places.tree().nodes.active = places.tree().nodes[node]
        with places.editor():
            bpy.ops.background_nodes.preset_save(kind="NODE", place=quote(path, safe=""), **options)
            bpy.ops.ed.undo_push(message="Saved")
        """,
        node=node,
        path=str(folder),
        options=options,
    )
    read_libraries(editor.window)


def sockets(editor: Editor, node: str) -> list[str]:
    return editor.window.run("return [each.name for each in places.tree().nodes[node].inputs]", node=node)


def add_by_typing(editor: Editor, text: str) -> None:
    window = editor.window
    x, y = editor.middle()
    window.move(x - 100, y + 100)
    window.press("A", shift=True)
    window.settle(3)
    window.type_text(text)
    picture(editor, f"typed {text}")
    window.press("RET")
    window.move(x - 60, y + 120, steps=3)
    window.click()
    window.settle(5)


def test_preset_goes_from_one_blender_to_another_runs_is_updated_and_declined(editor, stage, folder):
    window = editor.window
    use_library(window, folder)
    editor.add_script(TWICE, "Double")
    editor.frame_all()
    window.click(*editor.place_of("Double"))
    window.click(*editor.place_of("Double"), button="RIGHTMOUSE")
    window.press("SPACE")
    window.type_text("save as")
    window.press("RET")
    window.settle(8)
    dialog = SaveDialog(window)
    dialog.choose("Save To", "S")
    dialog.type("Name", "twice")
    dialog.type("Description", "doubles")
    dialog.type("Catalog", "math/simple")
    dialog.type("Tags", "fast, number")
    dialog.type("Author", "ada")
    dialog.type("License", "mit")
    picture(editor, "save")
    window.click(*dialog.save)
    wait_until(lambda: list(folder.glob("*.blend")), 20.0, "a file in the library")
    window.settle(5)
    picture(editor, "saved")

    stage.close()
    editor = Editor(stage.window())
    window = editor.window
    use_library(window, folder)
    editor.open("Other")
    read_libraries(window)
    add_by_typing(editor, "twice")
    assert window.run("return [each.name for each in places.tree().nodes]") == ["twice"]
    said = window.run(
        """
        choices = places.module("addon.adding.preset_choices")
        (preset,) = [each for each in choices.shown().presets.values() if each.name == "twice"]
        return [preset.description, preset.catalog, list(preset.tags), preset.author, preset.licence]
        """
    )
    assert said == ["doubles", "math/simple", ["fast", "number"], "ada", "MIT"]
    picture(editor, "used")

    editor.press_button("background_nodes.run")
    window.settle(5)
    asked = Buttons(editor)
    picture(editor, "asked")
    assert not asked.has_run()
    asked.press("Allow for This Session")
    assert editor.wait_until_home()["state"] == "succeeded"

    colleague(editor, folder, TIMES, "Any number of times")
    editor.frame_all()
    picture(editor, "newer")
    editor.press_button_on("twice", "background_nodes.preset_update")
    window.settle(5)
    picture(editor, "update")
    Buttons(editor).press_number(2)
    assert sockets(editor, "twice") == ["Number", "Times"]
    picture(editor, "updated")
    window.move(*editor.middle())
    window.press("Z", ctrl=True)
    assert sockets(editor, "twice") == ["Number"]
    window.press("Z", ctrl=True, shift=True)
    assert sockets(editor, "twice") == ["Number", "Times"]

    colleague(editor, folder, TIMES.replace("times: int", "turns: int").replace("times *", "turns *"), "Other words")
    editor.press_button_on("twice", "background_nodes.preset_update")
    window.settle(5)
    Buttons(editor).press_number(1)
    assert sockets(editor, "twice") == ["Number", "Times"]
    with pytest.raises(AssertionError):
        editor.button_on("twice", "background_nodes.preset_update")


def colleague(editor: Editor, folder: Path, source: str, change: str) -> None:
    """Save another version of "twice" with another script."""
    editor.window.run(
        """
        tree = bpy.data.node_groups.new("Colleague", "BackgroundNodeTree")
        text = bpy.data.texts.new("Colleague.py")
        text.from_string(source)
        node = tree.nodes.new("BackgroundNodeScript")
        node.script = text
        saving, subject = places.module("addon.presets.saving"), places.module("addon.presets.subject")
        choices = places.module("addon.adding.preset_choices")
        (uuid,) = [each.uuid for each in choices.shown().presets.values() if each.name == "twice"]
        details = saving.Details(name="twice", change=change, uuid=uuid)
        saving.save(subject.subject_of(node), details, path)
        bpy.data.node_groups.remove(tree)
        bpy.data.texts.remove(text)
        with places.editor():
            bpy.ops.ed.undo_push(message="Colleague")
        """,
        source=source,
        change=change,
        path=str(folder),
    )
    read_libraries(editor.window)


def test_asset_shelf_adds_by_a_click_and_by_a_drag_that_can_be_cancelled(stage, folder):
    stage.close()  # Blender keeps the list of assets of the library that another test has
    editor = Editor(stage.window())
    window = editor.window
    use_library(window, folder)
    editor.open("Tree")
    editor.add_script(TWICE, "Double")
    save_by_python(editor, "Double", folder, name="Twice")
    window.run("places.tree().nodes.clear()")
    window.settle(10)
    window.wait_for("places.area().spaces.active.show_region_asset_shelf = True; return True")
    window.wait_for("return any(each.type == 'ASSET_SHELF' and each.height > 40 for each in places.area().regions)")
    window.settle(20)
    left, bottom, _, top = window.run("return places.rectangle('BackgroundNodeTree', 'ASSET_SHELF')")
    asset = left + 40, (bottom + top) / 2
    picture(editor, "shelf")
    x, y = editor.middle()
    window.move(asset[0], asset[1] + 4)
    window.settle(5)
    window.click(*asset)
    window.move(x, y, steps=4)
    window.click()
    window.wait_for("return [each.name for each in places.tree().nodes] == ['Twice']")
    window.move(asset[0] + 4, asset[1] + 4)
    window.settle(5)
    window.drag(asset, (x + 100, y + 100))
    window.wait_for("return [each.name for each in places.tree().nodes] == ['Twice', 'Twice.001']")
    where = window.run("return places.of_view(*places.tree().nodes['Twice.001'].location)")
    assert where == pytest.approx((x + 100, y + 100), abs=4)
    picture(editor, "dragged")
    window.move(*asset)
    window.settle(5)
    window.event("LEFTMOUSE", "PRESS")
    window.move(x, y - 100, steps=12)
    window.press("ESC")
    window.event("LEFTMOUSE", "RELEASE")
    window.settle(3)
    assert len(window.run("return [each.name for each in places.tree().nodes]")) == 2
    assert not window.run("return [each.bl_idname for each in places.window().modal_operators]")


def test_preset_is_added_from_the_asset_browser(editor, folder):
    window = editor.window
    use_library(window, folder)
    editor.add_script(TWICE, "Double")
    save_by_python(editor, "Double", folder, name="Twice")
    window.run("places.area('PROPERTIES').ui_type = 'ASSETS'")
    window.settle(10)
    try:
        window.run(
            """
            space = places.area("ASSETS").spaces.active
            space.params.asset_library_reference = "Studio"
            space.show_region_toolbar = space.show_region_tool_props = False
            """
        )
        window.settle(60)  # it reads the library
        left, top = window.run(
            """
            (region,) = [each for each in places.area("ASSETS").regions if each.type == "WINDOW"]
            return [region.x, region.y + region.height]
            """
        )
        window.click(left + 60, top - 60)
        window.click(left + 60, top - 60, button="RIGHTMOUSE")
        window.press("SPACE")
        window.type_text("add to back")
        picture(editor, "asset_browser")
        window.press("RET")
        window.wait_for("return sorted(each.name for each in places.tree().nodes) == ['Double', 'Twice']")
    finally:
        window.run("places.area('ASSETS').ui_type = 'PROPERTIES'")
