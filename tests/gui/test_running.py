"""A graph run and watched by mouse and keys, and what an artist does meanwhile."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from editor import Editor
from picture import Picture
from window import Window, wait_until

ADDS = "def main(value: int = 1) -> int:\n    return value + 1\n"
FAILS = "def main(value: int = 1) -> int:\n    print('before that')\n    raise ValueError('no luck')\n"
MAKES = """
import bpy
def main(size: float = 1.0) -> bpy.types.Object:
    return bpy.data.objects.new("Made", bpy.data.meshes.new("Made"))
"""


class Gate:
    """Lets a script on: it tells its progress, and waits until the gate of that name is opened."""

    def __init__(self, folder: Path, *shares: float) -> None:
        self._folder = folder
        self.script = f"""
import time
from pathlib import Path
from background_nodes.script import progress
def main(value: int = 1) -> int:
    for share in {shares}:
        progress(share, "Working")
        while not Path({str(folder)!r}, str(share)).exists():
            time.sleep(0.01)
    return value + 1
"""

    def open(self, share: float) -> None:
        (self._folder / str(share)).touch()


@pytest.fixture
def gate(tmp_path) -> Gate:
    return Gate(tmp_path, 0.3, 0.7)


@pytest.fixture
def going(editor, gate) -> Editor:
    """The editor with a node that runs until the gate is opened, and one that waits for it."""
    editor.add_script(gate.script, "Working", (-250.0, 100.0))
    editor.add_script(ADDS, "Waiting", (50.0, 100.0))
    editor.window.run(
        """
        tree = places.tree()
        tree.links.new(tree.nodes["Working"].outputs[0], tree.nodes["Waiting"].inputs[0])
        for name in ("Working", "Waiting"):
            tree.nodes[name].select = False
        with places.editor():
            bpy.ops.ed.undo_push(message="Build")
        """
    )
    editor.frame_all()
    editor.press_button("background_nodes.run")
    editor.wait_for_progress("Working", 0.3)
    return editor


def finish(editor: Editor, gate: Gate) -> str:
    """Let the run go on; how it ends."""
    gate.open(0.3)
    gate.open(0.7)
    return editor.wait_until_home()["state"]


def height(editor: Editor, name: str) -> float:
    return editor.window.run("return places.tree().nodes[name].dimensions.y", name=name)


def painted(editor: Editor) -> list[str]:
    """The nodes that show a state."""
    return editor.window.run("return sorted(n.name for n in places.tree().nodes if places.task(n))")


# Build and run


def test_graph_of_dragged_links_runs_at_the_press_of_a_button(editor):
    editor.add_script(ADDS, "First", (-250.0, 100.0))
    editor.add_script(ADDS, "Second", (50.0, 100.0))
    editor.frame_all()
    editor.link("First", "Result", "Second", "Value")
    editor.press_button("background_nodes.run")
    assert editor.wait_until_home()["state"] == "succeeded"
    assert editor.window.run("return places.tree().nodes['Second'].outputs[0].result") == 3


def test_key_runs_the_tree(editor):
    editor.add_script(ADDS, "Adds")
    editor.frame_all()
    editor.window.press("RET", ctrl=True)
    assert editor.wait_until_home()["state"] == "succeeded"


# Watch


def test_node_too_small_to_be_read_is_as_high_and_reads_again_close_by(editor):
    editor.add_script(ADDS, "First")
    editor.frame_all()
    editor.press_button("background_nodes.run")
    editor.wait_until_home()
    editor.window.settle()
    read = "return places.module('node_tree.node_shape').can_be_read(places.tree().nodes['First'], context)"
    in_editor = f"with places.editor() as context:\n    {read}"
    close_by = height(editor, "First")
    assert editor.window.run(in_editor)

    editor.add_script(ADDS, "Far", (9000.0, 0.0))
    editor.frame_all()
    assert not editor.window.run(in_editor)
    assert height(editor, "First") == close_by

    editor.window.run("places.tree().nodes['Far'].location = 600.0, -300.0")
    editor.frame_all()
    editor.button_on("First", "background_nodes.log_show")


def filled_share(editor: Editor, picture: Picture, node: str) -> float:
    """How much of the strip under a running node's header has the full colour."""
    left, right, y = editor.window.run("return places.strip(node)", node=node)
    red, green, blue = editor.window.run("return places.running_color()")
    row = picture.row(left, right, y)
    full = [max(abs(r - red), abs(g - green), abs(b - blue)) <= 12 for r, g, b in row]
    return sum(full) / len(row)


def wait_for_filled_share(editor: Editor, node: str, share: float) -> None:
    """Wait until the strip is filled so far on the screen, which shows what Blender has drawn a little later."""

    def is_shown() -> bool:
        return filled_share(editor, editor.window.screen.picture(), node) == pytest.approx(share, abs=0.03)

    wait_until(is_shown, 20.0, f"a strip under {node} that is {share:.0%} full")


def test_bar_moves_and_is_as_long_as_the_progress(going, gate):
    wait_for_filled_share(going, "Working", 0.3)
    gate.open(0.3)
    going.wait_for_progress("Working", 0.7)
    wait_for_filled_share(going, "Working", 0.7)
    assert finish(going, gate) == "succeeded"
    wait_for_filled_share(going, "Working", 0.0)


def test_cancel_button_ends_the_run(going):
    going.press_button("background_nodes.cancel")
    run = going.wait_until_home()
    assert run["state"] == "cancelled"
    assert {task["state"] for task in run["tasks"].values()} == {"cancelled"}


def test_narrow_editor_shows_what_starts_and_what_ends_a_run(editor, gate):
    editor.add_script(gate.script, "Working")
    editor.window.run(
        """
        with places.editor():
            bpy.ops.screen.area_split(direction="VERTICAL", factor=0.35)
        places.areas()[-1].ui_type = "VIEW_3D"
        """
    )
    editor.window.wait_for("return 0 < places.area().width < 430")
    editor.window.settle(5)
    editor.press_button("background_nodes.run")
    editor.wait_for_progress("Working", 0.3)
    editor.press_button("background_nodes.cancel")
    assert editor.wait_until_home()["state"] == "cancelled"


def test_pause_button_holds_the_run_and_lets_it_go_on(going, gate):
    going.press_button("background_nodes.pause")
    gate.open(0.3)
    going.window.settle(30)
    assert going.run()["tasks"]["Working"]["progress"] == 0.3
    going.press_button("background_nodes.pause")
    assert finish(going, gate) == "succeeded"


def test_log_of_an_error_opens_at_a_click_on_the_node(editor):
    editor.add_script(FAILS, "Fails")
    editor.frame_all()
    editor.press_button("background_nodes.run")
    assert editor.wait_until_home()["state"] == "failed"
    editor.frame_all()
    editor.press_button_on("Fails", "background_nodes.log_show")
    text = editor.window.run("return places.area('TEXT_EDITOR').spaces.active.text.as_string()")
    assert "no luck" in text
    assert "before that" in text


def test_click_on_a_result_selects_it_in_the_viewport(editor):
    editor.add_script(MAKES, "Makes", (-200.0, 100.0))
    editor.window.run(
        """
        tree = places.tree()
        tree.links.new(tree.nodes["Makes"].outputs[0], tree.nodes.new("BackgroundNodeOutput").inputs[0])
        tree.nodes["Output"].location.x = 100.0
        """
    )
    editor.frame_all()
    editor.press_button("background_nodes.run")
    assert editor.wait_until_home()["state"] == "succeeded"
    editor.frame_all()
    editor.press_button_on("Makes", "background_nodes.result_show")
    layer = "bpy.context.window_manager.windows[0].view_layer"
    selected = f"return [item.name for item in {layer}.objects if item.select_get(view_layer={layer})]"
    assert editor.window.run(selected) == ["Made"]
    assert editor.window.run(f"return {layer}.objects.active.name") == "Made"


# Meanwhile: the file


def test_undo_and_redo_during_and_after_a_run_paint_the_right_nodes(going, gate):
    window = going.window
    for _ in range(3):
        window.press("Z", ctrl=True)
    for _ in range(3):
        window.press("Z", ctrl=True, shift=True)
    assert painted(going) == ["Waiting", "Working"]
    assert finish(going, gate) == "succeeded"
    for _ in range(4):
        window.press("Z", ctrl=True)
    for _ in range(4):
        window.press("Z", ctrl=True, shift=True)
    assert painted(going) == ["Waiting", "Working"]
    assert window.run("return places.tree().nodes['Waiting'].outputs[0].result") == 3


def test_results_wait_until_a_node_that_is_being_moved_is_let_go(going, gate):
    window = going.window
    window.run("places.tree().nodes['Waiting'].select = True")
    x, y = going.middle()
    window.move(x, y)
    window.press("G")
    gate.open(0.3)
    gate.open(0.7)
    window.wait_for("return str(places.session().run_of(places.tree()).state) == 'succeeded'")
    window.move(x + 40, y, steps=10)
    window.settle(20)
    assert not going.run()["is_home"]
    window.click()
    assert going.wait_until_home()["state"] == "succeeded"
    x = window.run("return places.tree().nodes['Waiting'].location.x")
    window.press("Z", ctrl=True)  # the results
    assert window.run("return places.tree().nodes['Waiting'].location.x") == x
    window.press("Z", ctrl=True)  # the move, all of it
    assert window.run("return places.tree().nodes['Waiting'].location.x") == 50.0


def test_save_in_mid_run_asks_nothing_and_the_run_goes_on(going, gate, tmp_path):
    window, path = going.window, tmp_path / "saved.blend"
    window.run("bpy.ops.wm.save_as_mainfile(filepath=path)", path=str(path))
    window.run("with places.editor(): bpy.ops.ed.undo_push(message='Change')")
    written = path.stat().st_mtime_ns
    window.press("S", ctrl=True)
    wait_until(lambda: path.stat().st_mtime_ns > written, 10.0, "the file is saved")
    assert finish(going, gate) == "succeeded"


def wait_for_runs(editor: Editor, number: int) -> None:
    editor.window.wait_for("return len(places.session().history) == number", number=number)
    assert editor.wait_until_home()["state"] == "succeeded"


def test_tree_runs_at_each_save_and_the_file_stays_clean(editor, tmp_path):
    window = editor.window
    editor.add_script(ADDS, "Adds")
    editor.frame_all()
    window.run("places.tree().auto_run = 'SAVE'")
    window.run("bpy.ops.wm.save_as_mainfile(filepath=path)", path=str(tmp_path / "saved.blend"))
    wait_for_runs(editor, 1)
    assert window.run("return bpy.data.is_dirty"), "the results came after the save"
    window.press("S", ctrl=True)
    wait_for_runs(editor, 2)
    assert not window.run("return bpy.data.is_dirty")
    assert '"Tree": nothing has changed' in editor.reports()


def test_results_of_a_save_are_saved_once_if_wanted(editor, tmp_path):
    window = editor.window
    editor.add_script(ADDS, "Adds")
    window.run("places.tree().auto_run, places.tree().saves_results = 'SAVE', True")
    window.run("bpy.ops.wm.save_as_mainfile(filepath=path)", path=str(tmp_path / "saved.blend"))
    wait_for_runs(editor, 1)
    window.settle(20)
    assert not window.run("return bpy.data.is_dirty")
    assert len(window.run("return [run.number for run in places.session().history]")) == 1
    window.run("bpy.ops.wm.open_mainfile(filepath=path)", path=str(tmp_path / "saved.blend"))
    assert window.run("return bpy.data.node_groups['Tree'].nodes['Adds'].outputs[0].result") == 2


def go_live(editor: Editor) -> Window:
    """Let a tree run after each change. It has run once."""
    editor.add_script(ADDS, "Adds")
    editor.frame_all()
    editor.window.run("places.tree().auto_run = 'LIVE'")
    wait_for_runs(editor, 1)
    return editor.window


def test_live_tree_runs_after_a_change_and_not_after_its_own(editor):
    window = go_live(editor)
    window.run("places.tree().nodes['Adds'].inputs[0].default_value = 5")
    wait_for_runs(editor, 2)
    assert window.run("return places.tree().nodes['Adds'].outputs[0].result") == 6
    window.wait_for("return not bpy.app.timers.is_registered(places.module('addon.auto_run.queue').turn)")
    assert len(window.run("return [run.number for run in places.session().history]")) == 2


def test_live_tree_waits_until_a_number_field_is_let_go(editor):
    window = go_live(editor)
    x, y = editor.input("Adds", "Value")
    window.move(x + 80, y)
    window.event("LEFTMOUSE", "PRESS")
    window.move(x + 140, y, steps=6)
    wait_until_overdue(editor)
    window.event("LEFT_SHIFT", "PRESS", shift=True)
    wait_until_overdue(editor)
    window.event("LEFT_SHIFT", "RELEASE")
    window.move(x + 160, y, steps=2)
    wait_until_overdue(editor)
    value = window.run("return places.tree().nodes['Adds'].inputs[0].default_value")
    assert value > 1
    assert len(window.run("return [run.number for run in places.session().history]")) == 1
    window.event("LEFTMOUSE", "RELEASE")
    wait_for_runs(editor, 2)
    assert window.run("return places.tree().nodes['Adds'].outputs[0].result") == value + 1
    assert "look_at_buttons" not in editor.reports()


def wait_until_overdue(editor: Editor) -> None:
    """Until a tree that is to run has waited for a while longer than it rests."""
    editor.window.wait_for(
        """
        import time
        due = places.module("addon.auto_run.queue").queue._due.values()
        return any(each.time + 0.5 < time.monotonic() for each in due)
        """
    )


def test_results_wait_until_a_number_field_is_let_go(going, gate):
    window = going.window
    x, y = going.input("Working", "Value")
    window.move(x + 80, y)
    window.event("LEFTMOUSE", "PRESS")
    window.move(x + 140, y, steps=6)
    gate.open(0.3)
    gate.open(0.7)
    window.wait_for("return places.session().history[-1].state.is_final")
    window.settle(100)
    assert not window.run("return places.session().history[-1].is_home")
    window.event("LEFTMOUSE", "RELEASE")
    assert going.wait_until_home()["state"] == "succeeded"


@pytest.mark.parametrize("load_ui", [False, True])
def test_file_opened_in_mid_run_ends_the_run_and_can_be_run(going, tmp_path, load_ui):
    window, path = going.window, tmp_path / "saved.blend"
    window.run("bpy.ops.wm.save_as_mainfile(filepath=path)", path=str(path))
    window.run("bpy.ops.wm.open_mainfile(filepath=path, load_ui=load_ui)", path=str(path), load_ui=load_ui)
    window.settle(5)
    assert window.run("return places.area().ui_type, places.tree().name") == ["BackgroundNodeTree", "Tree"]
    assert painted(going) == []
    window.run("places.tree().nodes.remove(places.tree().nodes['Working'])")
    going.press_button("background_nodes.run")
    assert going.wait_until_home()["state"] == "succeeded"


def test_new_file_in_mid_run_ends_the_run(going):
    going.window.open_new_file()
    assert going.window.run("return places.session().runs") == []
    assert 'The run of "Tree" was ended: another file was opened' in going.reports()
    test_key_runs_the_tree(reopened(going))


def reopened(editor: Editor) -> Editor:
    editor.open("Tree")
    return editor


def test_add_on_disabled_in_mid_run_ends_its_workers_and_comes_back(going, gate):
    window = going.window
    window.run("import addon_utils; addon_utils.disable(extension)")
    window.settle(5)
    wait_until(lambda: len(window.processes()) == 1, 10.0, "the workers end")
    window.run("import addon_utils; addon_utils.enable(extension)")
    window.settle(5)
    going.press_button("background_nodes.run")
    assert finish(going, gate) == "succeeded"


def test_scripts_reloaded_in_mid_run_leave_a_window_that_runs(going, gate):
    going.window.run("bpy.ops.script.reload()")
    going.window.settle(10)
    going.press_button("background_nodes.run")
    assert finish(going, gate) == "succeeded"


# Meanwhile: the tree


def test_deleted_and_renamed_nodes_do_not_break_the_run(going, gate):
    window = going.window
    window.run("places.tree().nodes['Working'].name = 'Renamed'")
    window.click(*going.place_of("Waiting"))
    window.press("X")
    window.settle(5)
    assert painted(going) == ["Renamed"]
    assert finish(going, gate) == "succeeded"
    assert painted(going) == ["Renamed"]


def test_duplicated_and_pasted_nodes_show_no_run_that_is_not_theirs(going, gate):
    window = going.window
    window.move(*going.middle())
    window.press("A")
    window.press("C", ctrl=True)
    window.press("D", shift=True)
    window.press("ESC")
    window.run("places.area().spaces.active.node_tree = bpy.data.node_groups.new('Other', 'BackgroundNodeTree')")
    window.settle(5)
    window.press("V", ctrl=True)
    window.settle(5)
    assert window.run("return len(places.tree().nodes)") == 2
    assert painted(going) == []
    window.run("places.area().spaces.active.node_tree = bpy.data.node_groups['Tree']")
    window.settle(5)
    assert painted(going) == ["Waiting", "Working"]
    assert finish(going, gate) == "succeeded"
    assert painted(going) == ["Waiting", "Working"]


def test_appended_copy_of_the_running_tree_shows_no_run(going, gate, tmp_path):
    window, path = going.window, tmp_path / "saved.blend"
    window.run("bpy.ops.wm.save_as_mainfile(filepath=path, copy=True)", path=str(path))
    window.run(
        """
        with places.editor():
            bpy.ops.wm.append(directory=path + "/NodeTree/", filename="Tree")
        places.area().spaces.active.node_tree = bpy.data.node_groups["Tree.001"]
        """,
        path=str(path),
    )
    window.settle(5)
    assert painted(going) == []
    window.run("places.area().spaces.active.node_tree = bpy.data.node_groups['Tree']")
    assert painted(going) == ["Waiting", "Working"]
    assert finish(going, gate) == "succeeded"


def test_tree_removed_in_mid_run_leaves_nothing_to_show(going, gate):
    going.window.run("bpy.data.node_groups.remove(places.tree())")
    gate.open(0.3)
    gate.open(0.7)
    going.window.wait_for("return not places.session().is_busy")
    assert going.window.run("return places.session().runs[0].notes") != []


# Meanwhile: the rest of Blender


def test_edit_mode_and_playback_go_on_during_a_run(going, gate):
    window = going.window
    window.run(
        """
        with places.editor():
            bpy.ops.mesh.primitive_cube_add()
            bpy.ops.object.mode_set(mode="EDIT")
            bpy.ops.mesh.subdivide()
            bpy.ops.screen.animation_play()
        """
    )
    window.wait_for("return bpy.context.window_manager.windows[0].scene.frame_current > 3")
    assert finish(going, gate) == "succeeded"
    assert window.run("return bpy.context.window_manager.windows[0].view_layer.objects.active.mode") == "EDIT"


def test_render_in_the_foreground_goes_beside_a_run(going, gate):
    window = going.window
    window.run(
        """
        scene = bpy.context.window_manager.windows[0].scene
        scene.render.engine, scene.render.resolution_percentage = "BLENDER_WORKBENCH", 10
        with places.editor():
            bpy.ops.render.render("INVOKE_DEFAULT")
        """
    )
    assert finish(going, gate) == "succeeded"
    window.wait_for("return not bpy.app.is_job_running('RENDER')")


def test_editor_without_a_pin_shows_the_tree_chosen_last(editor):
    window = editor.window
    window.run(
        """
        with places.editor():
            bpy.ops.screen.area_split(direction="VERTICAL", factor=0.5)
        """
    )
    window.settle(10)
    window.run("bpy.data.node_groups.new('Other', 'BackgroundNodeTree')")
    window.run("places.areas()[0].spaces.active.node_tree = bpy.data.node_groups['Other']")
    window.settle(10)
    shown = "return [area.spaces.active.node_tree.name for area in places.areas()]"
    assert window.run(shown) == ["Other", "Other"]
    window.run("places.areas()[1].spaces.active.pin = True")
    window.run("places.areas()[0].spaces.active.node_tree = bpy.data.node_groups['Tree']")
    window.settle(10)
    assert window.run(shown) == ["Tree", "Other"]


def test_quit_in_mid_run_leaves_no_process(going):
    window = going.window
    assert len(window.processes()) > 1
    start = time.monotonic()
    window.close()
    assert window.process.returncode == 0
    assert time.monotonic() - start < 10.0
    wait_until(lambda: not window.processes(), 5.0, "the end of the workers")
