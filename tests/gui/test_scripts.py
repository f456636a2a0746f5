"""Scripts as an artist writes them: typed in a Text Editor beside the graph, with sockets that follow."""

from __future__ import annotations

import pytest

SOURCE = """\
import bpy

def main(
    size: float = 1.0,
) -> int:
    return 1
"""
#: The line of the parameter, from 0, and its end.
PARAMETER = 3
END = len("    size: float = 1.0,")


class Scripts:
    """The Text Editor beside the graph, and what becomes of the node `Node`."""

    def __init__(self, editor) -> None:
        self.editor = editor
        self.window = editor.window

    def add(self, source: str = SOURCE) -> None:
        self.editor.add_script(source, "Node")
        self.window.run("bpy.ops.ed.undo_push(message='Add Node')")
        self.editor.frame_all()

    def edit(self) -> None:
        """Press the pencil on the node."""
        self.editor.press_button_on("Node", "background_nodes.script_edit")
        self.window.settle(5)

    def go_to(self, line: int, character: int) -> None:
        """Put the cursor somewhere in the script, and the mouse over it."""
        self.window.run("places.tree().nodes['Node'].script.cursor_set(l, character=c)", l=line, c=character)
        self.point_at_text()

    def point_at_text(self) -> None:
        left, bottom, right, top = self.window.run("return places.rectangle('TEXT_EDITOR', 'WINDOW')")
        self.window.move((left + right) / 2, (bottom + top) / 2)
        self.window.settle()

    def erase(self, num_letters: int) -> None:
        for _ in range(num_letters):
            self.window.press("BACK_SPACE")

    def wait_for_inputs(self, *names: str) -> None:
        self.window.wait_for(
            "return [socket.identifier for socket in places.tree().nodes['Node'].inputs] == names",
            10.0,
            names=list(names),
        )

    def wait_for_error(self, line: int) -> str:
        """Wait until the node tells an error in a line, 0 for none; what it tells."""
        self.window.wait_for("return places.tree().nodes['Node'].source_error_line == line", 10.0, line=line)
        return self.window.run("return places.tree().nodes['Node'].source_error")

    def text(self) -> str:
        return self.window.run("return places.tree().nodes['Node'].script.as_string()")

    def shown(self) -> list[str]:
        """The texts that Text Editors show."""
        return self.window.run(
            """
            areas = [area for area in places.window().screen.areas if area.type == "TEXT_EDITOR"]
            return [area.spaces.active.text.name for area in areas]
            """
        )

    def links(self) -> list[list[str]]:
        return self.window.run(
            "return [[link.from_node.name, link.to_socket.identifier] for link in places.tree().links]"
        )


@pytest.fixture
def scripts(editor):
    return Scripts(editor)


def test_new_script_of_the_menu_is_opened_beside_the_graph_and_runs(scripts):
    window, editor = scripts.window, scripts.editor
    window.move(*editor.middle())
    window.press("A", shift=True)
    window.settle(5)
    window.type_text("new script")
    window.press("RET")
    window.settle(8)
    assert scripts.shown() == ["Script"]
    window.run("places.tree().nodes.active.inputs['Source'].default_value = bpy.data.objects['Cube']")
    editor.press_button("background_nodes.run")
    assert editor.wait_until_home()["state"] == "succeeded"


def test_text_editor_is_right_of_the_graph(scripts):
    scripts.add()
    scripts.edit()
    graph = scripts.window.run("return places.rectangle(idname, 'WINDOW')", idname="BackgroundNodeTree")
    text = scripts.window.run("return places.rectangle('TEXT_EDITOR', 'WINDOW')")
    assert graph[2] <= text[0]


def test_sockets_appear_after_a_pause_in_typing(scripts):
    scripts.add()
    scripts.edit()
    scripts.go_to(PARAMETER, END)
    scripts.window.type_text("\ncount: int = 3,")
    scripts.wait_for_inputs("size", "count")
    assert scripts.window.run("return places.tree().nodes['Node'].inputs['Count'].default_value") == 3


def test_no_timer_is_left_after_the_pause(scripts):
    scripts.add()
    scripts.edit()
    scripts.go_to(PARAMETER, END)
    is_waiting = """
        import importlib
        watch = importlib.import_module(extension + ".addon.scripts.text_watch")
        return bpy.app.timers.is_registered(watch._follow_changed)
    """
    scripts.window.type_text("\na: int = 3,")
    assert scripts.window.run(is_waiting)
    scripts.wait_for_inputs("size", "a")
    assert not scripts.window.run(is_waiting)


def test_syntax_error_shows_its_line_and_goes_when_it_is_fixed(scripts):
    scripts.add()
    scripts.edit()
    scripts.go_to(PARAMETER, END)
    scripts.erase(len(" 1.0,"))
    assert "syntax error" in scripts.wait_for_error(PARAMETER + 1)
    scripts.wait_for_inputs("size")
    scripts.window.type_text(" 2.0,")
    assert scripts.wait_for_error(0) == ""


def test_button_on_the_node_goes_to_the_line_of_the_error(scripts):
    scripts.add("import bpy\n" * 200 + "def main(count: Nonsense): ...\n")
    scripts.editor.press_button_on("Node", "background_nodes.script_error_show")
    scripts.window.settle(5)
    line, top, num_visible = scripts.window.run(
        """
        space = next(area for area in places.window().screen.areas if area.type == "TEXT_EDITOR").spaces.active
        return [space.text.current_line_index, space.top, space.visible_lines]
        """
    )
    assert line == 200
    assert top <= line <= top + num_visible


def test_renamed_parameter_keeps_its_link_through_undo_and_redo(scripts):
    scripts.add()
    scripts.editor.add_script("def main() -> float: return 1.0", "Make", (-400.0, 0.0))
    scripts.window.run(
        """
        nodes = places.tree().nodes
        places.tree().links.new(nodes["Make"].outputs[0], nodes["Node"].inputs[0])
        bpy.ops.ed.undo_push(message="Link")
        """
    )
    scripts.editor.frame_all()
    scripts.edit()
    scripts.go_to(PARAMETER, len("    size"))
    scripts.erase(len("size"))
    scripts.window.type_text("scale")
    scripts.wait_for_inputs("scale")
    assert scripts.links() == [["Make", "scale"]]
    for _ in range(len("scale") + len("size")):
        scripts.window.press("Z", ctrl=True)
    assert scripts.text() == SOURCE
    scripts.wait_for_inputs("size")
    assert scripts.links() == [["Make", "size"]]
    for _ in range(len("scale") + len("size")):
        scripts.window.press("Z", ctrl=True, shift=True)
    scripts.wait_for_inputs("scale")
    assert scripts.links() == [["Make", "scale"]]


def test_undo_in_the_graph_keeps_sockets_and_text_in_step(scripts):
    scripts.add()
    scripts.edit()
    scripts.go_to(PARAMETER, END)
    scripts.window.type_text("\ncount: int = 3,")
    scripts.wait_for_inputs("size", "count")
    scripts.window.run(
        """
        with places.editor():
            bpy.ops.background_nodes.node_add(choice="node:BackgroundNodeOutput")
            bpy.ops.ed.undo_push(message="Add Output")
        """
    )
    scripts.window.move(*scripts.editor.middle())
    scripts.window.press("Z", ctrl=True)
    scripts.window.wait_for("return len(places.tree().nodes) == 1")
    assert "count" in scripts.text()
    scripts.wait_for_inputs("size", "count")


def test_saved_file_is_followed(scripts, tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SOURCE)
    scripts.add()
    scripts.window.run("places.tree().nodes['Node'].filepath = path", path=str(path))
    scripts.window.settle(5)
    scripts.edit()
    scripts.window.run("bpy.data.texts['script.py'].cursor_set(l, character=c)", l=PARAMETER, c=END)
    scripts.point_at_text()
    scripts.window.type_text("\ncount: int = 3,")
    scripts.window.press("S", alt=True)
    scripts.wait_for_inputs("size", "count")
    assert "count" in path.read_text()


def test_shipped_script_is_read_and_made_ones_own(scripts):
    scripts.add()
    scripts.window.run("places.tree().nodes['Node'].library_script = 'mesh/decimate'")
    scripts.window.run("places.tree().nodes.active = places.tree().nodes['Node']")
    scripts.editor.frame_all()
    scripts.edit()
    assert scripts.shown() == ["decimate.py"]
    scripts.editor.press_button("background_nodes.script_make_local", region="FOOTER", ui_type="TEXT_EDITOR")
    scripts.window.settle(5)
    assert scripts.shown() == ["Decimate"]
    assert scripts.window.run("return places.tree().nodes['Node'].script.name") == "Decimate"


def test_file_that_was_typed_in_is_read_anew_and_that_is_undone(scripts, tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SOURCE)
    scripts.add()
    scripts.window.run("places.tree().nodes['Node'].filepath = path", path=str(path))
    scripts.window.settle(5)
    scripts.edit()
    scripts.window.run("bpy.data.texts['script.py'].cursor_set(l, character=c)", l=PARAMETER, c=END)
    scripts.point_at_text()
    scripts.window.type_text("\na: int = 3,")
    path.write_text(SOURCE.replace("size", "scale"))
    scripts.editor.press_button_on("Node", "background_nodes.script_reload")
    scripts.wait_for_inputs("scale")
    assert scripts.shown() == ["script.py"]
    for redo in (False, True):
        scripts.point_at_text()
        for _ in range(4):
            scripts.window.press("Z", ctrl=True, shift=redo)
            scripts.window.settle(5)
    assert scripts.shown() == ["script.py"]


def test_text_may_be_unlinked_in_the_pause_and_come_back(scripts):
    scripts.add()
    scripts.edit()
    scripts.go_to(PARAMETER, END)
    scripts.window.type_text("\na: int = 3,")
    scripts.window.run(
        """
        area = next(area for area in places.window().screen.areas if area.type == "TEXT_EDITOR")
        with bpy.context.temp_override(window=places.window(), area=area):
            bpy.ops.text.unlink()
        bpy.ops.ed.undo_push(message="Unlink")
        """
    )
    scripts.window.settle(20)
    scripts.point_at_text()
    scripts.window.press("Z", ctrl=True)
    scripts.wait_for_inputs("size", "a")
