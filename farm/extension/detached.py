# SPDX-License-Identifier: GPL-3.0-or-later
"""Detached runs in the node editor: one is begun in the Node menu; those of the open file are in the Sidebar.

A detached run goes on when Blender is closed. The same file opened again shows it, and *Follow* runs the tree here:
what the detached run is at is not done twice, its bars go on, and the results come home.
"""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any, NamedTuple

import bpy

from . import attaching, telling, ways
from .parts import part

_TREE = "BackgroundNodeTree"
#: Seconds between two looks at what becomes of detached runs.
_INTERVAL = 0.5

#: What was begun here, and the name of the tree that is to follow it once it goes on.
_begun: list[tuple[Any, str]] = []


class _Found(NamedTuple):
    """A detached run as it was looked at last: its `Place`, the `RunHead` there, and whether its process lives."""

    place: Any
    run: Any
    is_alive: bool


#: The detached runs of the open file.
_found: list[_Found] = []


class BACKGROUND_NODES_FARM_OT_detach(bpy.types.Operator):
    """Run the saved file on the farm in a process of its own, which goes on when Blender is closed"""

    bl_idname = "background_nodes_farm.detach"
    bl_label = "Run Detached"

    tree_name: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not bpy.data.filepath or bpy.data.is_dirty:
            cls.poll_message_set("Save the file first: what is saved runs")
            return False
        return attaching.background_nodes() is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            start(self.tree_name or context.space_data.path[0].node_tree.name)
        except Exception as error:  # noqa: BLE001 (its class is one of the other extension)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class BACKGROUND_NODES_FARM_OT_follow(bpy.types.Operator):
    """Run the tree here: what its detached run is at goes on in the bars, and what that has finished comes home"""

    bl_idname = "background_nodes_farm.follow"
    bl_label = "Follow"

    tree_name: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            _follow(self.tree_name)
        except Exception as error:  # noqa: BLE001 (as above)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class BACKGROUND_NODES_FARM_OT_end_detached(bpy.types.Operator):
    """Cancel the detached run, or show it no longer if it has ended. What it has finished is kept"""

    bl_idname = "background_nodes_farm.end_detached"
    bl_label = "End Detached Run"

    name: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        for found in _found:
            if found.place.name == self.name and found.place.is_alive():
                found.place.ask_to_end()
            elif found.place.name == self.name:
                found.place.remove()
        _look()
        return {"FINISHED"}


class BACKGROUND_NODES_FARM_PT_detached(bpy.types.Panel):
    """Runs of this file that go on, or went on, in processes of their own"""

    bl_space_type = "NODE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Run"
    bl_label = "Detached Runs"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.space_data.tree_type == _TREE and bool(_found)

    def draw(self, context: bpy.types.Context) -> None:
        farm = attaching.farm()
        if farm is None:
            return
        words = part(farm, "detaching").words
        for place, run, is_alive in _found:
            column = self.layout.column(align=True)
            row = column.row()
            icon = "PLAY" if is_alive else "CHECKMARK" if run.state == "succeeded" else "ERROR"
            row.label(text=run.tree, icon=icon, translate=False)
            row.operator(BACKGROUND_NODES_FARM_OT_end_detached.bl_idname, text="", icon="X").name = place.name
            for line in words(run, is_alive=is_alive).splitlines():
                column.label(text=line[:1].upper() + line[1:], translate=False)
            text = "Follow" if is_alive else "Bring Results Home"
            column.operator(BACKGROUND_NODES_FARM_OT_follow.bl_idname, text=text).tree_name = run.tree


def start(tree_name: str) -> None:
    """Begin a detached run of the open file, which this Blender follows. Raises what keeps it from that."""
    if bpy.data.node_groups.get(tree_name) is None:
        raise ValueError(f'There is no node tree "{tree_name}"')
    farm = attaching.farm()
    assert farm is not None
    engine = _need_farm(farm)
    detached = part(farm, "detaching").Detached(_command(tree_name, engine), bpy.data.filepath, tree_name, engine)
    _begun.append((detached, tree_name))
    if not bpy.app.background:
        _watch()


def _need_farm(farm: ModuleType) -> str:
    """The engine as a command line chooses it. Raises ValueError if it is not chosen here, EngineError if no way is."""
    name = part(farm, "engine").NAME
    first = attaching.background_nodes()
    assert first is not None
    if bpy.context.preferences.addons[first.__name__].preferences.engine_name != name:
        raise ValueError("Choose Farm under Run On, in the preferences of Background Nodes Farm")
    return f"{name}://{ways.find(farm).address.text}"


def _command(tree_name: str, engine: str) -> list[str]:
    told = ["run", "--tree", tree_name, "--engine", engine]
    if bpy.app.binary_path:
        # It may do what this Blender may, however that was started.
        online = "--online-mode" if bpy.app.online_access else "--offline-mode"
        return [bpy.app.binary_path, "-b", online, bpy.data.filepath, "--command", "background_nodes", *told]
    # -P: nothing is imported from the folder that this was started in.
    return [ways.python(), "-P", "-m", "background_nodes.cli", "run", bpy.data.filepath, *told[1:]]


def _follow(tree_name: str) -> None:
    farm, first = attaching.farm(), attaching.background_nodes()
    tree = bpy.data.node_groups.get(tree_name)
    if farm is None or first is None or tree is None:
        raise ValueError(f'There is no node tree "{tree_name}"')
    _need_farm(farm)
    first.run(tree)


def _look() -> None:
    """See what becomes of the detached runs of the open file, and show that if it is something else now."""
    farm = attaching.farm()
    told = [] if farm is None else part(farm, "detaching").of_file(bpy.data.filepath or "-")
    found = [_Found(place, run, place.is_alive()) for place, run in told]
    if found == _found:
        return
    _found[:] = found
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "NODE_EDITOR":
                area.tag_redraw()


def tick() -> float | None:
    """What the timer does: look, and follow what has begun."""
    for begun in list(_begun):
        detached, tree_name = begun
        try:
            if detached.has_begun():
                _begun.remove(begun)
                if detached.file == os.path.realpath(bpy.data.filepath):  # another one may be open by now
                    _follow(tree_name)
        except Exception as error:
            if begun in _begun:
                _begun.remove(begun)
            if bpy.app.background:
                raise
            telling.tell("Run Detached", str(error), "ERROR")
    _look()
    return _INTERVAL if _begun or any(found.is_alive for found in _found) else None


def _watch() -> None:
    if not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=0.0, persistent=True)


@bpy.app.handlers.persistent
def _look_after_load(*_arguments: object) -> None:
    if not bpy.app.background:
        _watch()


def _draw_node_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    space = context.space_data
    if space.tree_type == _TREE and len(space.path):
        operator = menu.layout.operator(BACKGROUND_NODES_FARM_OT_detach.bl_idname, icon="PLAY")
        operator.tree_name = space.path[0].node_tree.name


classes = (
    BACKGROUND_NODES_FARM_OT_detach,
    BACKGROUND_NODES_FARM_OT_follow,
    BACKGROUND_NODES_FARM_OT_end_detached,
    BACKGROUND_NODES_FARM_PT_detached,
)


def register() -> None:
    for cls in classes:
        bpy.utils.register_class(cls)
    bpy.types.NODE_MT_node.append(_draw_node_menu)
    bpy.app.handlers.load_post.append(_look_after_load)
    _look_after_load()


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_look_after_load)
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    _begun.clear()
    _found.clear()
    bpy.types.NODE_MT_node.remove(_draw_node_menu)
    for cls in reversed(classes):
        bpy.utils.unregister_class(cls)
