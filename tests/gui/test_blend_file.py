"""A whole file as an input, in a window: what its socket shows, and that the artist's Blender notices nothing."""

from __future__ import annotations

SCRIPT = """
import bpy
from background_nodes.script import BlendFile

def main(file: BlendFile) -> None:
    if "Unsaved" not in bpy.data.objects:
        raise ValueError(list(bpy.data.objects.keys()))
    bpy.ops.wm.save_mainfile()
"""


def test_run_on_the_open_file_leaves_blender_as_it_is(editor, tmp_path):
    window = editor.window
    editor.add_script(SCRIPT, "Whole", (-100.0, 100.0))
    window.run(
        """
        node = places.tree().nodes.new("BackgroundNodeInput")
        node.data_type, node.location, node.name = "BLEND_FILE", (-350.0, 100.0), "Input"
        bpy.ops.wm.save_as_mainfile(filepath=path)
        bpy.data.objects.new("Unsaved", None)
        global called
        called = []
        for name in ("save_pre", "save_post", "load_pre", "load_post"):
            getattr(bpy.app.handlers, name).append(lambda *_: called.append(name))
        """,
        path=str(tmp_path / "main.blend"),
    )
    editor.frame_all()
    look = """
        users = [(item.name, item.users) for item in bpy.data.objects]
        return [bpy.data.filepath, bpy.data.is_dirty, users, bpy.context.scene.name, called]
    """
    before = window.run(look)
    editor.press_button("background_nodes.run")
    assert editor.wait_until_home()["state"] == "succeeded"
    assert window.run(look) == before
    assert before[0] == str(tmp_path / "main.blend")


def test_field_shows_this_file_until_another_is_chosen(editor, tmp_path):
    window = editor.window
    editor.add_script(SCRIPT, "Whole", (-100.0, 100.0))
    editor.frame_all()
    window.screen.save(tmp_path / "empty.png")
    window.run("places.tree().nodes['Whole'].inputs[0].default_value = path", path="//other.blend")
    window.settle()
    window.screen.save(tmp_path / "chosen.png")
    assert (tmp_path / "empty.png").read_bytes() != (tmp_path / "chosen.png").read_bytes()
    assert window.complaints() == []
