"""The example add-on for authors of add-ons, run from the Text Editor and used by mouse and keys."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from editor import Editor, Place
from picture import Picture
from screen import ROOT
from window import Window

GATED = '''
"""Wait at gates."""
import time
from pathlib import Path
import bpy
for share in (0.3, 0.7):
    update_job_progress(share)
    while not Path({folder!r}, str(share)).exists():
        time.sleep(0.01)
data_blocks = [bpy.data.objects.new("Made", bpy.data.meshes.new("Made"))]
'''
GATED_CHANGE = (
    GATED
    + """
obj = bpy.data.objects[object_name]
obj["changed"] = 1
data_blocks = [obj]
"""
)
#: Finds the example's manager, in front of what is run in Blender.
MANAGER = "manager = places.module('addon.jobs.job_manager').JobManager.get_instance('job_panel')\n"


class JobPanel:
    """The example's panels in the Sidebar of the 3D Viewport."""

    def __init__(self, window: Window, folder: Path) -> None:
        self.window = window
        self.editor = Editor(window)
        self.folder = folder

    def run_in_text_editor(self) -> None:
        """Open the file in a Text Editor, and press Alt P in it."""
        self.window.run(
            """
            area = places.area("VIEW_3D")
            with bpy.context.temp_override(window=places.window(), screen=places.window().screen, area=area):
                bpy.ops.screen.area_split(direction="VERTICAL", factor=0.3)
            area = places.areas("VIEW_3D")[0]
            area.ui_type = "TEXT_EDITOR"
            area.spaces.active.text = bpy.data.texts.load(path)
            """,
            path=str(self.folder / "job_panel.py"),
        )
        self.window.settle(4)
        left, bottom, right, top = self.window.run('return places.rectangle("TEXT_EDITOR", "WINDOW")')
        self.window.move((left + right) / 2, (bottom + top) / 2)
        self.window.press("P", alt=True)
        self.window.wait_for("return hasattr(bpy.types.WindowManager, 'job_panel')", 10.0)

    def open(self) -> None:
        """Open the Sidebar on the tab, by its key."""
        self.window.move(*self.in_viewport())
        self.window.press("N")
        self.window.wait_for("return places.show_tab('Jobs', 'VIEW_3D')")
        self.window.settle(5)

    def in_viewport(self) -> Place:
        left, bottom, right, top = self.window.run('return places.rectangle("VIEW_3D", "WINDOW")')
        return left + (right - left) * 0.3, (bottom + top) / 2

    def press(self, command: str) -> None:
        self.editor.press_button(f"job_panel.{command}", region="UI", ui_type="VIEW_3D")

    def add(self, script: str, button: str = "add") -> None:
        """Choose a script and press a button."""
        self.window.move(*self.in_viewport())  # a button under the mouse stays as it was drawn
        self.window.run(
            "bpy.context.window_manager.job_panel.script = path; places.region('VIEW_3D', 'UI').tag_redraw()",
            path=str(self.folder / "jobs" / f"{script}.py"),
        )
        self.window.settle(3)
        self.press(button)

    def show(self, state: str) -> None:
        """List the jobs of a state."""
        self.window.run(
            "bpy.context.window_manager.job_panel.shown = state; places.region('VIEW_3D', 'UI').tag_redraw()",
            state=state,
        )
        self.window.settle(4)

    def jobs(self) -> dict[str, str]:
        """The state of each job."""
        return self.window.run(MANAGER + "return {job.name: job.state for job in manager.jobs}")

    def wait_for_state(self, job: str, state: str) -> None:
        self.window.wait_for(MANAGER + "return manager.get_job_state(job) == state", job=job, state=state)
        self.window.settle(5)

    def wait_for_progress(self, job: str, share: float) -> None:
        self.window.wait_for(MANAGER + "return manager.get_job_progress(job) == share", job=job, share=share)
        self.window.settle(15)

    def let_on(self, share: float) -> None:
        (self.folder / str(share)).touch()


@pytest.fixture
def panel(window, tmp_path):
    folder = tmp_path / "größe of it"
    shutil.copytree(ROOT / "examples" / "jobs", folder / "jobs")
    shutil.copy(ROOT / "examples" / "job_panel.py", folder)
    for name, script in (("gated", GATED), ("gated_change", GATED_CHANGE)):
        (folder / "jobs" / f"{name}.py").write_text(script.format(folder=str(folder)), encoding="utf-8")
    panel = JobPanel(window, folder)
    panel.run_in_text_editor()
    panel.open()
    window.run(
        """
        settings = bpy.context.window_manager.job_panel
        for name in ("timeout", "overwrite", "shown", "max_workers"):
            settings.property_unset(name)
        """
    )
    yield panel
    if not window.has_ended:
        window.run(MANAGER + "manager.kill_all()")


def objects(window: Window) -> list[str]:
    return window.run("return sorted(bpy.data.scenes[0].objects.keys())")


def vertices(window: Window, name: str) -> int:
    return window.run("return len(bpy.data.objects[name].data.vertices)", name=name)


# Watch


def changed(before: Picture, after: Picture, rectangle: tuple[int, int, int, int]) -> dict[int, list[int]]:
    """The places in a rectangle where two pictures differ: columns by rows."""
    left, bottom, right, top = rectangle
    rows = {}
    for y in range(bottom, top):
        pairs = enumerate(zip(before.row(left, right, y), after.row(left, right, y), strict=True), left)
        if columns := [x for x, (old, new) in pairs if old != new]:
            rows[y] = columns
    return rows


def test_progress_bar_moves_in_the_panel_and_nowhere_else(panel):
    window = panel.window
    panel.add("gated")
    panel.wait_for_progress("Gated: Cube", 0.3)
    window.move(*panel.in_viewport())
    window.settle(5)
    before = window.screen.picture()
    panel.let_on(0.3)
    panel.wait_for_progress("Gated: Cube", 0.7)
    after = window.screen.picture()
    left, bottom, right, top = window.run('return places.rectangle("VIEW_3D", "UI")')
    rows = changed(before, after, (left, bottom, right, top))
    assert 8 <= len(rows) <= 40, "the bar has changed, and nothing else of the panel"
    filled = max(rows.values(), key=len)
    assert filled == list(range(filled[0], filled[-1] + 1)), "from where it was to where it is, without a gap"
    assert 0.25 <= len(filled) / (right - left) <= 0.4, "by 40 % of its length"
    panel.let_on(0.7)
    panel.wait_for_state("Gated: Cube", "COMPLETED")


def test_list_shows_the_jobs_of_the_chosen_state(panel):
    panel.add("fail")
    panel.wait_for_state("Fail: Cube", "DROPPED")
    panel.editor.button("job_panel.clear(", region="UI", ui_type="VIEW_3D")
    panel.show("COMPLETED")
    with pytest.raises(AssertionError, match="no button"):
        panel.editor.button("job_panel.clear(", region="UI", ui_type="VIEW_3D")
    panel.show("DROPPED")
    panel.press("clear(")
    assert panel.jobs() == {}


def test_failure_tells_its_reason_without_a_pop_up(panel):
    panel.add("fail")
    panel.wait_for_state("Fail: Cube", "DROPPED")
    panel.press("copy_issue")
    copied = panel.window.run("return bpy.context.window_manager.clipboard")
    assert copied.startswith("The job 'Fail: Cube' was dropped: LookupError: Cube is no Unobtainium\n")
    assert "Looking for an object called Unobtainium" in copied
    assert "LookupError: Cube is no Unobtainium" in panel.editor.reports()
    panel.window.move(*panel.in_viewport())
    panel.window.press("G")  # a pop-up would take it
    panel.window.wait_for("return [item.bl_idname for item in places.window().modal_operators]")
    panel.window.press("ESC")


# Act


def test_click_on_the_kill_button_ends_the_job(panel):
    panel.add("gated")
    panel.wait_for_progress("Gated: Cube", 0.3)
    panel.press("kill")
    panel.wait_for_state("Gated: Cube", "DROPPED")
    panel.window.wait_for("return not places.window().modal_operators")
    assert "Gated: Cube was killed" in panel.editor.reports()
    panel.press("clear_all")
    assert panel.jobs() == {}


def test_job_that_takes_too_long_is_reported(panel):
    panel.window.run("bpy.context.window_manager.job_panel.timeout = 0.5")
    panel.add("never_end")
    panel.wait_for_state("Never End: Cube", "DROPPED")
    assert "Never End: Cube took too long" in panel.editor.reports()


@pytest.mark.parametrize("button", ["add", "add_with_callback"])
def test_result_is_in_the_scene_and_one_undo_takes_it_back(panel, button):
    window, before = panel.window, objects(panel.window)
    panel.add("bar_chart", button)
    panel.wait_for_state("Bar Chart: Cube", "COMPLETED")
    assert objects(window) == sorted([*before, "Bar Chart"])
    window.move(*panel.in_viewport())
    window.press("Z", ctrl=True)
    assert window.run("return bpy.data.objects.keys()") == before
    window.press("Z", ctrl=True, shift=True)
    assert objects(window) == sorted([*before, "Bar Chart"])


def test_result_takes_the_place_of_the_original_and_undo_brings_that_back(panel):
    window, before = panel.window, objects(panel.window)
    window.run(
        """
        bpy.context.window_manager.job_panel.overwrite = True
        with places.editor("VIEW_3D"):
            bpy.ops.object.mode_set(mode="EDIT")
            bpy.ops.mesh.subdivide(number_cuts=10)
            bpy.ops.object.mode_set(mode="OBJECT")
            bpy.ops.ed.undo_push(message="Subdivide")
        """
    )
    many = vertices(window, "Cube")
    panel.add("decimate")
    panel.wait_for_state("Decimate: Cube", "COMPLETED")
    assert objects(window) == before
    assert vertices(window, "Cube") < many
    assert window.run("return places.window().view_layer.objects.active.name") == "Cube"
    window.move(*panel.in_viewport())
    window.press("Z", ctrl=True)
    assert (objects(window), vertices(window, "Cube")) == (before, many)
    window.press("Z", ctrl=True, shift=True)
    assert (objects(window), vertices(window, "Cube") < many) == (before, True)


# Meanwhile


def test_undo_and_redo_while_a_job_runs_do_it_no_harm(panel):
    window, before = panel.window, objects(panel.window)
    window.run(
        """
        for x in (1.0, 2.0):
            bpy.data.objects["Cube"].location.x = x
            with places.editor("VIEW_3D"):
                bpy.ops.ed.undo_push(message="Move")
        """
    )
    panel.add("gated")
    panel.wait_for_progress("Gated: Cube", 0.3)
    window.move(*panel.in_viewport())
    window.press("Z", ctrl=True)
    assert window.run("return bpy.data.objects['Cube'].location.x") == 1.0
    panel.let_on(0.3)
    panel.wait_for_progress("Gated: Cube", 0.7)
    window.press("Z", ctrl=True)
    window.press("Z", ctrl=True, shift=True)
    assert panel.jobs() == {"Gated: Cube": "ACTIVE"}
    panel.let_on(0.7)
    panel.wait_for_state("Gated: Cube", "COMPLETED")
    assert objects(window) == sorted([*before, "Made"])
    window.press("Z", ctrl=True)
    assert window.run("return bpy.data.objects.keys()") == before
    assert window.run("return bpy.data.objects['Cube'].location.x") == 1.0


def test_another_file_kills_what_an_operator_polls_and_leaves_what_has_a_callback(panel):
    window = panel.window
    panel.add("gated")
    panel.wait_for_progress("Gated: Cube", 0.3)
    panel.add("gated", "add_with_callback")
    panel.wait_for_progress("Gated: Cube #2", 0.3)
    window.open_new_file()
    assert panel.jobs() == {"Gated: Cube": "DROPPED", "Gated: Cube #2": "ACTIVE"}
    assert window.run("return [item.bl_idname for item in places.window().modal_operators]") == []
    panel.let_on(0.3)
    panel.let_on(0.7)
    panel.wait_for_state("Gated: Cube #2", "DROPPED")
    assert "another file was opened" in window.run(MANAGER + "return manager.get_issue_string('Gated: Cube #2')")
    assert "Made" not in objects(window)


def test_what_is_sculpted_is_replaced_when_sculpting_ends(panel):
    window = panel.window
    window.run("bpy.context.window_manager.job_panel.overwrite = True")
    window.run('with places.editor("VIEW_3D"): bpy.ops.object.mode_set(mode="SCULPT")')
    panel.add("decimate")
    window.wait_for(MANAGER + "return manager.jobs and manager.jobs[0].num_attempts")
    window.wait_for(MANAGER + "return manager.num_running_jobs() == 0")
    window.settle(20)
    assert panel.jobs() == {"Decimate: Cube": "ACTIVE"}
    window.run('with places.editor("VIEW_3D"): bpy.ops.object.mode_set(mode="OBJECT")')
    panel.wait_for_state("Decimate: Cube", "COMPLETED")
    assert objects(window) == ["Camera", "Cube", "Light"]


@pytest.mark.parametrize("is_moved", [True, False], ids=["moved", "cancelled"])
def test_what_is_being_moved_is_replaced_when_the_move_ends_if_it_is_where_it_was(panel, is_moved):
    window = panel.window
    window.run("bpy.context.window_manager.job_panel.overwrite = True")
    panel.add("gated_change", "add_with_callback")
    panel.wait_for_progress("Gated Change: Cube", 0.3)
    x, y = panel.in_viewport()
    window.move(x, y)
    window.press("G")
    panel.let_on(0.3)
    panel.let_on(0.7)
    window.wait_for(MANAGER + "return manager.num_running_jobs() == 0")
    for step in range(20):
        window.move(x + 5 * step, y)
        window.settle(2)
    assert panel.jobs() == {"Gated Change: Cube": "ACTIVE"}
    window.click(button="LEFTMOUSE" if is_moved else "RIGHTMOUSE")
    panel.wait_for_state("Gated Change: Cube", "COMPLETED")
    assert window.run("return bpy.data.objects.keys()") == ["Camera", "Cube", "Light"]
    cube = window.run("cube = bpy.data.objects['Cube']\nreturn [cube.get('changed'), any(cube.location)]")
    assert cube == ([None, True] if is_moved else [1, False]), "the artist's stays"


def test_object_in_local_view_stays_in_it_when_it_is_replaced(panel):
    window = panel.window
    window.run("bpy.context.window_manager.job_panel.overwrite = True")
    window.move(*panel.in_viewport())
    window.press("NUMPAD_SLASH")
    shown = """
        space = places.area("VIEW_3D").spaces.active
        assert space.local_view is not None
        return [item.name for item in bpy.data.objects if item.local_view_get(space)]
        """
    assert window.run(shown) == ["Cube"]
    panel.add("decimate", "add_with_callback")
    panel.wait_for_state("Decimate: Cube", "COMPLETED")
    assert window.run(shown) == ["Cube"]
    window.move(*panel.in_viewport())
    window.press("NUMPAD_SLASH")


def test_quitting_while_jobs_run_tells_of_their_end_and_leaves_no_process(stage, panel, tmp_path):
    panel.window.run(
        MANAGER
        + """
def note(job):
    with open(path, "a") as file:
        print(job.name, job.state, len(bpy.data.objects), file=file)
assert manager.add_job("told", "while True: pass\\n", on_complete=note) == (True, "")
""",
        path=str(tmp_path / "told"),
    )
    panel.add("gated")
    panel.wait_for_progress("Gated: Cube", 0.3)
    panel.add("never_end", "add_with_callback")
    panel.window.wait_for(MANAGER + "return manager.num_running_jobs() == 2")
    assert len(panel.window.processes()) >= 3
    stage.close()  # asserts the exit code, the log, and that all processes are gone
    assert (tmp_path / "told").read_text() == "told DROPPED 3\n"
