"""The example add-on for authors of add-ons: it registers, is installed from a file, and its jobs do what they say."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import bpy
import pytest

from tests.blender.graphs import quad
from tests.blender.jobs import PATIENCE, process

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "job_panel.py"


def load(path: Path):
    spec = importlib.util.spec_from_file_location("job_panel", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def panel():
    module = load(EXAMPLE)
    module.register()
    yield module
    module.unregister()


@pytest.fixture
def settings(panel):
    return bpy.context.window_manager.job_panel


@pytest.fixture
def grid():
    """An active object of 400 faces."""
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=20, y_subdivisions=20)
    return bpy.context.object


def script(panel, name: str) -> str:
    return next(path for path, label, _ in panel.SCRIPTS if label == name)


def test_it_registers_and_leaves_nothing_behind():
    before = dir(bpy.types)
    for _ in range(2):
        module = load(EXAMPLE)
        module.register()
        assert hasattr(bpy.types.WindowManager, "job_panel")
        assert bpy.types.JOB_PANEL_PT_jobs.bl_category == "Jobs"
        module.unregister()
    assert not hasattr(bpy.types.WindowManager, "job_panel")
    assert dir(bpy.types) == before


def test_registered_twice_in_the_text_editor_the_last_one_counts():
    load(EXAMPLE).register()
    module = load(EXAMPLE)
    module.register()
    module.unregister()


def test_menu_names_each_script_and_what_it_does(panel):
    names = {label: description for _path, label, description in panel.SCRIPTS}
    assert set(names) == {"Bar Chart", "Decimate", "Fail", "Never End", "Take A While"}
    assert all(names.values())


def test_operators_need_a_mesh(panel):
    assert not bpy.ops.job_panel.add.poll()
    quad()
    bpy.context.view_layer.objects.active = bpy.data.objects["Quad"]
    assert bpy.ops.job_panel.add.poll()
    assert bpy.ops.job_panel.add_with_callback.poll()


def test_object_comes_back_decimated_beside_the_original(panel, grid):
    assert bpy.ops.job_panel.add(script=script(panel, "Decimate")) == {"FINISHED"}
    assert sorted(bpy.context.scene.objects.keys()) == ["Grid", "Grid.001"]
    assert len(grid.data.polygons) == 400
    assert 90 <= len(bpy.data.objects["Grid.001"].data.polygons) <= 210


def test_object_comes_back_in_the_place_of_the_original(panel, grid, settings):
    settings.overwrite = True
    bpy.ops.job_panel.add(script=script(panel, "Decimate"))
    assert bpy.context.scene.objects.keys() == ["Grid"]
    assert (bpy.data.objects.keys(), bpy.data.meshes.keys()) == (["Grid"], ["Grid"])
    assert len(bpy.data.objects["Grid"].data.polygons) < 400
    assert bpy.context.object == bpy.data.objects["Grid"]


def test_script_does_not_wait_for_an_edit_mode_that_cant_end(panel, grid, settings):
    settings.overwrite = True
    bpy.ops.object.mode_set(mode="EDIT")
    assert bpy.ops.job_panel.add(script=script(panel, "Decimate")) == {"CANCELLED"}
    assert panel.get_manager().job_killed("Decimate: Grid")
    bpy.ops.object.mode_set(mode="OBJECT")
    assert len(grid.data.polygons) == 400


def test_one_undo_takes_a_result_back_and_redo_brings_it_again(panel, grid):
    bpy.ops.ed.undo_push(message="Before")
    bpy.ops.job_panel.add(script=script(panel, "Bar Chart"))
    bpy.ops.ed.undo_push(message="the operator's own step, which Blender makes in a window")
    bpy.ops.ed.undo()
    assert bpy.data.objects.keys() == ["Grid"]
    bpy.ops.ed.redo()
    assert sorted(bpy.context.scene.objects.keys()) == ["Bar Chart", "Grid"]


def test_failure_and_time_limit_are_reported(panel, grid, settings):
    assert bpy.ops.job_panel.add(script=script(panel, "Fail")) == {"CANCELLED"}
    settings.timeout = 0.3
    assert bpy.ops.job_panel.add(script=script(panel, "Never End")) == {"CANCELLED"}
    manager = panel.get_manager()
    assert "LookupError: Grid is no Unobtainium" in manager.get_issue_string("Fail: Grid")
    assert manager.job_timed_out("Never End: Grid")
    assert manager.get_dropped_job_names() == ["Fail: Grid", "Never End: Grid"]


def test_jobs_with_a_callback_are_listed_killed_and_cleared(panel, grid, capsys):
    for name in ("Bar Chart", "Never End", "Never End"):
        assert bpy.ops.job_panel.add_with_callback(script=script(panel, name)) == {"FINISHED"}
    manager = panel.get_manager()
    assert manager.get_job_names() == ["Bar Chart: Grid", "Never End: Grid", "Never End: Grid #2"]
    bpy.ops.job_panel.kill(job="Never End: Grid")
    assert manager.get_job("Bar Chart: Grid").wait(PATIENCE) == "COMPLETED"
    assert "Bar Chart" in bpy.context.scene.objects
    assert "{'bars': 8, 'highest': 9}" in capsys.readouterr().out
    bpy.ops.job_panel.clear(job="Never End: Grid")
    assert manager.get_job_names() == ["Bar Chart: Grid", "Never End: Grid #2"]
    bpy.ops.job_panel.clear_all()
    assert manager.get_job_names() == ["Never End: Grid #2"]


def test_panel_is_redrawn_only_for_news(panel, grid):
    manager = panel.get_manager()
    bpy.ops.job_panel.add_with_callback(script=script(panel, "Bar Chart"))
    process(manager)
    panel.redraw()
    shown = list(panel._shown)
    assert shown == [("Bar Chart: Grid", "COMPLETED", 1.0)]
    panel.redraw()
    assert panel._shown == shown


def test_long_job_reports_on_its_way(panel, grid):
    bpy.ops.job_panel.add_with_callback(script=script(panel, "Take A While"))
    manager = panel.get_manager()
    process(manager, lambda: 0.0 < manager.get_job_progress("Take A While: Grid") < 0.9)
    manager.kill_all()


def test_issue_is_the_tooltip_of_its_button(panel, grid):
    bpy.ops.job_panel.add(script=script(panel, "Fail"))

    class Properties:
        job = "Fail: Grid"

    tooltip = panel.JOB_PANEL_OT_copy_issue.description(bpy.context, Properties)
    assert "LookupError: Grid is no Unobtainium" in tooltip
    assert "Looking for an object called Unobtainium" in tooltip


_INSTALLS = """
import sys
import bpy, addon_utils

(source,) = sys.argv[sys.argv.index("--") + 1:]
assert bpy.ops.preferences.addon_install(filepath=source) == {"FINISHED"}
module = addon_utils.enable("job_panel", default_set=True)
assert module is not None
assert addon_utils.check("job_panel") == (True, True)
bpy.ops.mesh.primitive_plane_add()
assert not bpy.ops.job_panel.add.poll(), "Background Nodes is not there"
assert not bpy.types.JOB_PANEL_PT_jobs.poll(bpy.context)
print("SCRIPTS", [label for _path, label, _ in module.SCRIPTS], flush=True)
addon_utils.disable("job_panel", default_set=True)
"""


@pytest.mark.parametrize("form", ["zip", "py"])
def test_it_is_installed_from_a_file_and_enabled_without_background_nodes(panel, form, tmp_path):
    source, program = EXAMPLE, tmp_path / "install.py"
    if form == "zip":
        source = tmp_path / "job_panel.zip"
        command = [sys.executable, "-m", "zipfile", "-c", str(source), "job_panel.py", "jobs"]
        subprocess.run(command, cwd=EXAMPLE.parent, check=True)
    program.write_text(_INSTALLS)
    blender = bpy.app.binary_path
    command = [blender, "-b", "--factory-startup", "--python"] if blender else [sys.executable]
    environment = os.environ | {"BLENDER_USER_RESOURCES": str(tmp_path / "user")}
    environment.pop("BLENDER_USER_SCRIPTS", None)
    done = subprocess.run(
        [*command, str(program), "--", str(source)], env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    labels = [label for _path, label, _ in panel.SCRIPTS] if form == "zip" else ["None Found"]
    assert f"SCRIPTS {labels}" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
