"""What Background Nodes Farm draws: machines in its preferences, and detached runs of the file in the Sidebar.

There is no farm: what its bridge and a detached process would have told is put in their places.
"""

import os
from pathlib import Path

import pytest
from screen import ROOT

FARM = "bl_ext.user_default.background_nodes_farm"

ENABLE = """
import addon_utils, os
folder = os.path.join(bpy.utils.user_resource("EXTENSIONS"), "user_default", "background_nodes_farm")
if not os.path.islink(folder):
    os.symlink(os.path.join(root, "farm"), folder)
addon_utils.enable(farm, default_set=True)
return folder
"""
MACHINES = """
import sys, types
from importlib import import_module
first = "bl_ext.user_default.background_nodes"
records, workers = import_module(first + ".farm.records"), import_module(first + ".runtime.engine.workers")
busy = workers.WorkerInfo(1, "working", "Remesh Rocks", 3_400_000_000)
found = records.FarmInfo((
    records.StationInfo("render1", "10.0.0.1:1", True, 4, "5.2.3", "Linux", 16_700_000_000, {"GPU": 1.0},
        "/mnt/share", True, (busy,)),
    records.StationInfo("render2", "10.0.0.2:1", True, 1, "5.2.3", "Linux", 34_000_000_000),
    records.StationInfo("render3", "10.0.0.3:1", False),
), "http://127.0.0.1:8787/status")
watch = import_module(farm + ".extension.watch")
watch._engine = types.SimpleNamespace(farm=found, reason="")
area = max(bpy.context.window.screen.areas, key=lambda area: area.width * area.height)
area.type = "PREFERENCES"
bpy.context.preferences.active_section = "ADDONS"
bpy.context.window_manager.addon_search = "Background Nodes Farm"
with bpy.context.temp_override(area=area, region=area.regions[-1]):
    bpy.ops.preferences.addon_expand(module=farm)
area.tag_redraw()
"""
PUBLISHED = """
from importlib import import_module
first = "bl_ext.user_default.background_nodes"
runs = import_module(first + ".runtime.engine.published_runs")
bpy.ops.wm.save_as_mainfile(filepath=file)
import os, time
path = os.path.realpath(file)
global lock
place = runs.new_place(runs.PublishedRun(path, "Tree", "dask", time.time(), "running", 0.4))
lock = place.hold()
runs.new_place(runs.PublishedRun(path, "Other", "dask", time.time() - 9.0, "failed", 1.0, "Decimate: no faces"))
detached = import_module(farm + ".extension.detached")
detached._look()
area = places.area()
area.spaces.active.show_region_ui = True
"""


@pytest.fixture
def farm(window):
    link = window.run(ENABLE, root=str(ROOT), farm=FARM)
    yield window
    window.run(f'import addon_utils; addon_utils.disable("{FARM}", default_set=True)')
    Path(link).unlink()


def test_machines_with_what_they_do_are_drawn_in_the_preferences(farm, tmp_path):
    farm.run(MACHINES, farm=FARM)
    farm.settle(8)
    keep(farm, "machines")
    farm.run(f'import sys; sys.modules["{FARM}.extension.watch"]._engine = None')


def test_detached_runs_of_the_file_are_drawn_in_the_sidebar(farm, editor, tmp_path):
    farm.run(PUBLISHED, farm=FARM, file=str(tmp_path / "scene.blend"))
    farm.wait_for(
        """
        region = next(region for region in places.area().regions if region.type == "UI")
        try:
            region.active_panel_category = "Run"
        except TypeError:  # it has no tabs before it was drawn
            return False
        region.tag_redraw()
        return True
        """
    )
    farm.settle(8)
    keep(farm, "detached")
    shown = farm.run(
        f"""
        import sys
        detached, words = sys.modules["{FARM}.extension.detached"], sys.modules[
            "bl_ext.user_default.background_nodes.farm.detaching"].words
        return [[run.tree, words(place, run)] for place, run in detached._found]
        """
    )
    assert shown == [["Other", "failed: Decimate: no faces"], ["Tree", "running, 40%"]]
    farm.run("lock.close()")


def keep(window, name: str) -> None:
    """Keep a picture where somebody wants to look at it."""
    if folder := os.environ.get("BACKGROUND_NODES_FARM_PICTURES"):
        window.screen.save(Path(folder, f"{name}.png"))
