# SPDX-License-Identifier: GPL-3.0-or-later
"""The preferences: the way to the farm, and what its machines do."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import bpy

from . import attaching, telling, watch, ways
from .parts import part

#: As in what nodes need: see `runtime/planning/needs.py`.
_GB = 1000**3


class BACKGROUND_NODES_FARM_OT_look(bpy.types.Operator):
    """Connect to the farm, and show here what its machines do while the preferences are open"""

    bl_idname = "background_nodes_farm.look"
    bl_label = "Show Machines"

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            watch.start()
        except Exception as error:  # noqa: BLE001 (its class is one of the other extension, which may be gone)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class BACKGROUND_NODES_FARM_OT_addons(bpy.types.Operator):
    """Show the add-ons of a machine that did not come with its Blender"""

    bl_idname = "background_nodes_farm.addons"
    bl_label = "Add-ons of a Machine"

    machine: bpy.props.StringProperty(name="Machine", description="Its name", options={"SKIP_SAVE"})
    names: bpy.props.StringProperty(name="Names", description="Modules of add-ons, a line each", options={"SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return f"Add-ons of {properties.machine} that did not come with its Blender:\n{properties.names}"

    def execute(self, context: bpy.types.Context) -> set[str]:
        telling.tell(f"Add-ons of {self.machine}", self.names, "PLUGIN")
        return {"FINISHED"}


class BackgroundNodesFarmPreferences(bpy.types.AddonPreferences):
    """Preferences of Background Nodes Farm."""

    bl_idname = ways.EXTENSION

    python: bpy.props.StringProperty(
        name="Python",
        description="The Python that connects Blender with the farm, such as /opt/farm/bin/python. "
        'It has what pip install "background-nodes[farm]" installs, of the version of Background Nodes here',
        subtype="FILE_PATH",
    )
    address: bpy.props.StringProperty(
        name="Scheduler",
        description="Host and port of the farm's scheduler, such as 192.168.1.10:8786. "
        "With tcp:// before it: a Dask cluster of this machine without encryption",
        default="127.0.0.1:8786",
    )

    shared: bpy.props.StringProperty(
        name="Shared Folder",
        description="A folder that the machines of the farm see, too, for large files. Empty if there is none",
        subtype="DIR_PATH",
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        farm = attaching.farm()
        if farm is None:
            layout.label(text="Enable Background Nodes first: this adds to it", icon="ERROR")
            return
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(self, "python")
        column.prop(self, "address")
        column.prop(self, "shared")
        _draw_token(column, farm)
        _draw_choice(column)
        _draw_machines(layout)


def _draw_token(layout: bpy.types.UILayout, farm: ModuleType) -> None:
    token = part(farm, "credentials").usual_file()
    split = layout.split(factor=0.4)
    split.column()
    row = split.row()
    row.active = False
    found = "Token" if token.exists() else "No token"
    place = Path("~") / token.relative_to(Path.home()) if token.is_relative_to(Path.home()) else token
    row.label(text=f"{found}: {place}", icon="LOCKED" if token.exists() else "UNLOCKED", translate=False)


def _draw_choice(layout: bpy.types.UILayout) -> None:
    """The choice that is in the preferences of Background Nodes, too."""
    first = attaching.background_nodes()
    addon = None if first is None else bpy.context.preferences.addons.get(first.__name__)
    if addon is not None:
        layout.prop(addon.preferences, "engine", text="Run On")


def _draw_machines(layout: bpy.types.UILayout) -> None:
    looking = watch.engine()
    farm = None if looking is None else looking.farm
    box = layout.box()
    header = box.row()
    header.label(text="Machines" if farm is None else f"Machines: {len(farm.stations)}", translate=False)
    buttons = header.row()
    buttons.operator(BACKGROUND_NODES_FARM_OT_look.bl_idname, text="Connect" if looking is None else "Connect Again")
    pages = buttons.row()
    pages.enabled = farm is not None and bool(farm.dashboard)
    pages.operator("wm.url_open", text="Dashboard", icon="URL").url = "" if farm is None else farm.dashboard
    if looking is not None and looking.reason:
        _draw_paragraph(box, looking.reason)
    elif looking is not None and farm is None:
        box.label(text="Connecting ...", icon="TIME")
    elif farm is not None and not farm.stations:
        box.label(text="No machine has joined: start one with background-nodes farm worker", icon="INFO")
    if farm is not None and farm.fault:
        _draw_paragraph(box, farm.fault)
    for station in () if farm is None else farm.stations:
        _draw_station(box, station)


def _draw_station(layout: bpy.types.UILayout, station: Any) -> None:
    column = layout.column(align=True)
    split = column.split(factor=0.4)
    split.label(text=station.name, icon="DESKTOP", translate=False)
    row = split.row()
    has = row.row()
    has.active = False
    if not station.is_there:
        has.label(text="Does not answer", icon="ERROR")
        return
    words = [f"Blender {station.blender}", f"{station.slots} slots" if station.slots != 1 else "1 slot"]
    words += [f"{station.memory // _GB} GB", *(f"{name} {amount:g}" for name, amount in station.resources.items())]
    words += ["by the shared folder"] if station.is_by_folder else []
    has.label(text=", ".join(words), translate=False)
    _draw_addons(row, station)
    busy = [worker for worker in station.workers if worker.task_name]
    for worker in busy:
        split = column.split(factor=0.4)
        split.separator()
        memory = f", {worker.memory / _GB:.1f} GB" if worker.memory else ""
        split.label(text=f"{worker.task_name}{memory}", icon="PLAY", translate=False)
    if not busy:
        split = column.split(factor=0.4)
        split.separator()
        row = split.row()
        row.active = False
        row.label(text="Idle" if station.workers else "Idle, no background Blender is open")


def _draw_addons(layout: bpy.types.UILayout, station: Any) -> None:
    """How many a machine has beside those of Blender; a click, or the mouse over it, tells their names."""
    if names := station.own_addons:
        button = layout.operator(
            BACKGROUND_NODES_FARM_OT_addons.bl_idname,
            text=f"{len(names)} add-ons" if len(names) != 1 else "1 add-on",
            emboss=False,
            translate=False,
        )
        button.machine, button.names = station.name, "\n".join(names)


def _draw_paragraph(layout: bpy.types.UILayout, text: str) -> None:
    column = layout.column(align=True)
    words, line, icon = text.split(), "", "ERROR"
    width = max(40, int(bpy.context.region.width / 8.5 / bpy.context.preferences.system.ui_scale))
    for word in [*words, ""]:
        if not word or len(line) + len(word) >= width:
            column.label(text=line, icon=icon, translate=False)
            line, icon = word, "BLANK1"
        else:
            line = f"{line} {word}".strip()


classes = (BACKGROUND_NODES_FARM_OT_look, BACKGROUND_NODES_FARM_OT_addons, BackgroundNodesFarmPreferences)


def register() -> None:
    for cls in classes:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(classes):
        bpy.utils.unregister_class(cls)
