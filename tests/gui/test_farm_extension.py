"""What Background Nodes Farm draws. There is no farm: a Python that lacks it, and what a detached process has told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from screen import ROOT
from window import Window

FARM = "bl_ext.user_default.background_nodes_farm"

ENABLE = """
    import addon_utils, importlib, os
    folder = os.path.join(bpy.utils.user_resource("EXTENSIONS"), "user_default", "background_nodes_farm")
    os.symlink(root, folder)
    addon_utils.enable(name, default_set=True)
    global farm, part
    part = importlib.import_module(name + ".extension.parts").part
    farm = importlib.import_module(name)
    return folder
"""
#: Asks the farm, and notes what lines of a message it draws.
PREFERENCES = """
    global lines
    lines = []
    shown = part(farm, "extension.preferences")
    draw = shown._draw_paragraph

    class Noting:
        def __init__(self, layout):
            self.layout = layout
        def column(self, **options):
            lines.clear()
            return Noting(self.layout.column(**options))
        def label(self, *, text, **options):
            lines.append(text)
            self.layout.label(text=text, **options)

    shown._draw_paragraph = lambda layout, text: draw(Noting(layout), text)
    own = bpy.context.preferences.addons[farm.__name__].preferences
    own.python = python
    bpy.ops.background_nodes_farm.look()
"""
#: Shows the preferences of the extension.
SHOW = """
    import addon_utils
    area = max(places.window().screen.areas, key=lambda area: area.width * area.height)
    area.type = "PREFERENCES"
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Background Nodes Farm"
    (known,) = (each for each in addon_utils.modules() if each.__name__ == farm.__name__)
    if not addon_utils.module_bl_info(known)["show_expanded"]:
        with bpy.context.temp_override(window=places.window(), area=area, region=area.regions[-1]):
            bpy.ops.preferences.addon_expand(module=farm.__name__)
"""
#: Lets two machines of a farm be known, one of which has add-ons.
MACHINES = """
    import types
    attaching, watch = (part(farm, "extension." + each) for each in ("attaching", "watch"))
    records = part(attaching.farm(), "records")
    InstalledAddon = part(attaching.background_nodes(), "runtime.engine.workers").InstalledAddon
    known = {"slots": 2, "blender": "5.2.2", "system": "Linux", "memory": 64 * 1000**3}
    addons = InstalledAddon("cycles", "", True), InstalledAddon("nails", "1.2.0"), InstalledAddon("scatter", "2.0.0")
    known_addons = zip(names, (None, addons))
    stations = [records.StationInfo(name, "10.0.0.1:1", **known, addons=has) for name, has in known_addons]
    global usual
    usual, engine = watch.engine, types.SimpleNamespace(farm=records.FarmInfo(tuple(stations)), reason="")
    watch.engine = lambda: engine
"""
#: The entries of the Node menu that come from the extension.
MENU = """
    found = []
    class Layout:
        def operator(self, name, **_options):
            found.append(name)
            return self
        def separator(self):
            pass
        def __setattr__(self, name, value):
            pass
    class Menu:
        layout = Layout()
    with places.editor():
        for draw in bpy.types.NODE_MT_node.draw._draw_funcs:
            if draw.__module__.startswith(farm.__name__):
                draw(Menu(), bpy.context)
    return found
"""
#: A detached run of the open file goes on, and one has failed.
PUBLISHED = """
    import os, time
    global held
    bpy.ops.wm.save_as_mainfile(filepath=file)
    first, path = part(farm, "extension.attaching").background_nodes(), os.path.realpath(file)
    runs = part(first, "runtime.engine.published_runs")
    place = runs.new_place(runs.PublishedRun(path, "Tree", "dask", time.time(), "running", 0.4))
    held = place.hold()
    runs.new_place(runs.PublishedRun(path, "Other", "dask", time.time() - 9.0, "failed", 1.0, "Decimate: no faces"))
    part(farm, "extension.detached")._look()
    places.area().spaces.active.show_region_ui = True
"""


@pytest.fixture
def farm(window: Window) -> Iterator[Window]:
    link = window.run(ENABLE, root=str(ROOT / "farm"), name=FARM)
    yield window
    if not window.has_ended:
        window.run("import addon_utils; addon_utils.disable(name, default_set=True)", name=FARM)
    Path(link).unlink()


def picture(window: Window, name: str) -> None:
    if folder := os.environ.get("BACKGROUND_NODES_PICTURES"):
        window.settle(5)
        window.screen.save(f"{folder}/{name}.png")


def test_engine_is_in_the_menu_and_it_is_told_why_there_is_no_connection(farm, tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho \"No module named 'background_nodes'\" >&2\nexit 1\n")
    python.chmod(0o755)
    engines = farm.run(
        "kinds = part(part(farm, 'extension.attaching').background_nodes(), 'runtime.engine.kinds').engine_kinds\n"
        "return [[kind.name, kind.label] for kind in kinds]"
    )
    assert ["dask", "Farm"] in engines
    token = tmp_path / "farm.pem"
    token.touch(0o600)  # only that it is there is looked at in Blender
    farm.run("import os; os.environ[name] = path", name="BACKGROUND_NODES_FARM_TOKEN", path=str(token))
    farm.run(PREFERENCES, python=str(python))
    farm.run(SHOW)
    reason = farm.wait_for("return part(farm, 'extension.watch').engine().reason")
    assert f"{python} lacks what a farm needs" in reason
    assert 'pip install "background-nodes[farm]"' in reason
    farm.wait_for("return ' '.join(lines).split() == reason.split()", reason=reason)
    assert len(farm.run("return lines")) > 1, "it is too long for one line"
    picture(farm, "no connection")


def test_machine_says_how_many_addons_it_has_and_names_them(farm, editor):
    farm.run(MACHINES, names=["plain", "render1"])
    farm.run(SHOW)
    try:
        farm.settle(5)
        picture(farm, "machines")
        place = editor.button("background_nodes_farm.addons", region="WINDOW", ui_type="PREFERENCES")
        farm.move(*place)
        farm.settle(1)
        told = farm.run("return places.button_command()")
        assert 'machine="render1"' in told
        assert "nails 1.2.0" in told
        assert "scatter 2.0.0" in told
        assert "cycles" not in told
        farm.click(*place)
        farm.settle(5)
        picture(farm, "add-ons of a machine")
    finally:
        farm.run("part(farm, 'extension.watch').engine = usual")


def test_menu_has_what_submits_and_what_detaches(farm, editor):
    assert farm.run(MENU) == ["background_nodes_farm.submit", "background_nodes_farm.detach"]
    farm.run("with places.editor():\n    bpy.ops.wm.call_menu(name='NODE_MT_node')")
    picture(farm, "node menu")


def test_detached_runs_of_the_file_are_in_the_sidebar(farm, editor, tmp_path):
    farm.run(PUBLISHED, file=str(tmp_path / "scene.blend"))
    try:
        farm.wait_for("return places.show_tab('Run')")
        farm.settle(5)
        editor.button("background_nodes_farm.follow", region="UI")
        picture(farm, "detached runs")
        shown = farm.run("return [[run.tree, alive] for _place, run, alive in part(farm, 'extension.detached')._found]")
        assert shown == [["Other", False], ["Tree", True]]
    finally:
        farm.run("held.close()")
