"""Scripts that came from elsewhere, by mouse and keys: asked for, shown, allowed, taken back."""

from __future__ import annotations

import pytest

#: Of the default button of a dialog, *Cancel*.
BLUE = (71, 114, 179)


@pytest.fixture
def asked(editor, tmp_path):
    """Shows a tree whose script came with a library, and gives the clicks on the dialog that asks for it."""
    return Dialog(editor, tmp_path)


class Dialog:
    def __init__(self, editor, folder) -> None:
        self.editor, self.window, self.folder = editor, editor.window, folder
        self.window.run("global gate; gate = places.module('addon.consent.current').consent")
        self.window.run("gate.revoke([script.digest for script in gate.trusted.listed()])")
        self.bring(1)

    def has_trusted_scripts(self) -> bool:
        return self.window.run("return bool(gate.trusted.listed())")

    def source(self, number: int) -> str:
        """A script that no other test has: what is allowed stays so in this Blender."""
        return f"# {self.folder.name}\ndef main() -> int:\n    return {number}\n"

    def bring(self, number: int) -> None:
        """Let a tree with such a script come with a library, and show it. Nobody here has seen it being written."""
        self.window.run(
            """
            text = bpy.data.texts.new("Node.py")
            text.from_string(source)
            tree = bpy.data.node_groups.new("Stranger's", idname)
            node = tree.nodes.new("BackgroundNodeScript")
            node.name, node.script = "Node", text
            bpy.data.libraries.write(path, {tree}, fake_user=True)
            bpy.data.node_groups.remove(tree)
            bpy.data.texts.remove(text)
            with bpy.data.libraries.load(path) as (names, wanted):
                wanted.node_groups = names.node_groups
            places.area().spaces.active.node_tree = wanted.node_groups[0]
            """,
            source=self.source(number),
            path=str(self.folder / "stranger.blend"),
            idname="BackgroundNodeTree",
        )
        self.window.settle()

    def press_run(self) -> None:
        self.editor.press_button("background_nodes.run")
        self.window.settle(5)

    def press(self, button: str) -> None:
        """Click a button of the dialog. *Cancel* is blue; beside it, as wide, are the others."""
        left, right, y = self.cancel()
        step = right - left + 8
        x = (left + right) / 2 - {"Cancel": 0, "Allow for This Session": 1, "Always Allow": 2}[button] * step
        self.window.click(x, y)
        self.window.settle(5)

    def cancel(self) -> tuple[int, int, int] | None:
        """Where *Cancel* is: left, right, y; None if there is no dialog."""
        picture = self.window.screen.picture()
        for y in range(40, picture.height, 4):
            row = picture.row(0, picture.width, y)
            blue = [x for x, color in enumerate(row) if color == BLUE]
            if 100 < len(blue) < 400:
                return blue[0], blue[-1], y + 4
        return None

    def has_run(self) -> bool:
        return self.window.run("return places.session().run_of(places.tree()) is not None")


@pytest.mark.parametrize("button", ["Allow for This Session", "Always Allow"])
def test_allowed_script_runs(asked, button):
    asked.press_run()
    assert not asked.has_run()
    asked.press(button)
    assert asked.editor.wait_until_home()["state"] == "succeeded"
    assert asked.has_trusted_scripts() is (button == "Always Allow")


def test_cancelled_dialog_allows_nothing(asked):
    asked.press_run()
    asked.press("Cancel")
    assert asked.cancel() is None
    asked.press_run()
    asked.window.press("ESC")
    assert (asked.cancel(), asked.has_run()) == (None, False)


def test_command_of_a_shipped_node_is_shown_before_it_runs(asked):
    asked.window.run(
        """
        tree = bpy.data.node_groups.new("Convert", "BackgroundNodeTree")
        node = tree.nodes.new("BackgroundNodeScript")
        node.name, node.library_script = "Convert", "pipeline/run_command"
        node.inputs["Program"].default_value = "echo"
        node.inputs["Arguments"].default_value = arguments
        places.area().spaces.active.node_tree = tree
        """,
        arguments=["-n", asked.folder.name],
    )
    asked.window.settle()
    asked.press_run()
    assert not asked.has_run()
    asked.press("Allow for This Session")
    assert asked.editor.wait_until_home()["state"] == "succeeded"
    asked.press_run()
    assert asked.cancel() is None, "it is asked for once"


@pytest.mark.parametrize("key", ["A", "F", "RET"])
def test_key_pressed_by_accident_allows_nothing(asked, key):
    asked.press_run()
    asked.window.press(key)
    asked.window.settle(5)
    assert not asked.has_run()


def test_changed_script_is_asked_for_again(asked):
    asked.press_run()
    asked.press("Always Allow")
    asked.editor.wait_until_home()
    asked.bring(2)
    asked.press_run()
    assert not asked.has_run()
    asked.press("Allow for This Session")
    assert asked.editor.wait_until_home()["state"] == "succeeded"


def test_save_runs_no_script_that_is_not_allowed(asked, tmp_path):
    window, editor = asked.window, asked.editor
    window.run("places.tree().auto_run = 'SAVE'; places.tree().nodes['Node'].script = bpy.data.texts.new('mine.py')")
    window.run("places.tree().nodes['Node'].script.from_string(source)", source=asked.source(3))
    window.run("bpy.ops.wm.save_as_mainfile(filepath=path)", path=str(tmp_path / "saved.blend"))
    window.wait_for("return len(places.session().history) == 1")
    editor.wait_until_home()
    window.run("places.tree().nodes['Node'].script = bpy.data.texts['Node.py']")
    window.press("S", ctrl=True)
    window.wait_for(
        "return any(item.needs_consent for item in places.module('addon.session.problems').of(places.tree()))"
    )
    assert window.run("return len(places.session().history)") == 1
    assert asked.cancel() is None


def test_own_script_is_never_asked_for(editor, tmp_path):
    window, path = editor.window, str(tmp_path / "mine.blend")
    editor.add_script(f"# {tmp_path.name}\ndef main() -> int:\n    return 1\n", "Mine")
    window.run("places.tree().use_fake_user = True; bpy.ops.wm.save_as_mainfile(filepath=path)", path=path)
    window.run("bpy.ops.wm.open_mainfile(filepath=path)", path=path)
    window.settle(5)
    editor.open()
    window.run("places.area().spaces.active.node_tree = bpy.data.node_groups['Tree']")
    window.settle()
    # As if Blender had been started anew: it knows what is trusted, and nothing of what was written.
    window.run("gate = places.module('addon.consent.current').consent; gate.origins._written.clear()")
    editor.press_button("background_nodes.run")
    assert editor.wait_until_home()["state"] == "succeeded"


def test_preferences_list_what_is_trusted_and_take_it_back(asked):
    window = asked.window
    asked.press_run()
    asked.press("Always Allow")
    asked.editor.wait_until_home()
    window.run("bpy.ops.preferences.addon_show(module=extension)")
    listed = "bpy.context.preferences.addons[extension].preferences.trusted_scripts"
    rows = f"return [(row.name, row.is_own) for row in {listed}]"
    window.wait_for(f"{rows} == [('Node.py', False)]")
    window.run("bpy.ops.background_nodes.trusted_script_remove()")
    assert (window.run(rows), asked.has_trusted_scripts()) == ([], False)
