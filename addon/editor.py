# SPDX-License-Identifier: GPL-3.0-or-later
"""The editor: the Add menu, the header's buttons, and what each node shows of its task."""

from __future__ import annotations

import functools

import bpy

from ..node_tree import sources
from ..node_tree.base import set_status_drawer
from ..runtime.states import TaskState
from .operators import active_tree
from .run import Task
from .session import session

_ICONS = {
    TaskState.WAITING: "TIME",
    TaskState.READY: "TIME",
    TaskState.RUNNING: "PLAY",
    TaskState.SUCCEEDED: "CHECKMARK",
    TaskState.FAILED: "ERROR",
    TaskState.CANCELLED: "CANCEL",
    TaskState.TIMED_OUT: "SORTTIME",
    TaskState.SKIPPED: "FORWARD",
}


def draw_status(node: bpy.types.Node, layout: bpy.types.UILayout) -> None:
    """What the last run tells of a node. Reads, and writes nothing."""
    run = session.run_of(node.id_data)
    task = None if run is None else run.task_of(node)
    if task is None:
        return
    row = layout.row(align=True)
    if task.state is TaskState.RUNNING:
        row.progress(factor=task.progress, type="BAR", text=_progress_text(task))
    else:
        text = f"{task.state.replace('_', ' ').capitalize()}" + (f", {task.seconds:.1f} s" if task.seconds else "")
        row.label(text=text, icon=_ICONS[task.state])
    row.operator("background_nodes.log_show", text="", icon="TEXT", emboss=False).node_name = node.name
    if task.error is not None:
        column = layout.column()
        column.alert = True
        column.label(text=task.error.message.partition("\n")[0])


def _progress_text(task: Task) -> str:
    items = f" {task.num_done}/{task.num_items}" if task.is_mapped and task.num_items is not None else ""
    return f"{task.progress:.0%}{items} {task.text}".rstrip()


class BACKGROUND_NODES_MT_add(bpy.types.Menu):
    """Nodes of a background node tree"""

    bl_idname = "BACKGROUND_NODES_MT_add"
    bl_label = "Background Nodes"

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        _add_node(layout, "BackgroundNodeInput", "Input")
        _add_node(layout, "BackgroundNodeOutput", "Output")
        _add_node(layout, "BackgroundNodeScript", "Script")
        layout.separator()
        for menu in _category_menus():
            layout.menu(menu.bl_idname)
        layout.separator()
        _add_node(layout, "NodeReroute", "Reroute")
        _add_node(layout, "NodeFrame", "Frame")


@functools.cache
def _category_menus() -> tuple[type[bpy.types.Menu], ...]:
    """A menu for each folder of the library."""
    return tuple(_category_menu(category, names) for category, names in sources.library_categories())


def _category_menu(category: str, names: list[str]) -> type[bpy.types.Menu]:
    def draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
        for name in names:
            title = sources.title(name.rpartition("/")[2])
            _add_node(menu.layout, "BackgroundNodeScript", title, library_script=name)

    idname = f"{BACKGROUND_NODES_MT_add.bl_idname}_{category}"
    return type(idname, (bpy.types.Menu,), {"bl_idname": idname, "bl_label": sources.title(category), "draw": draw})


def _add_node(layout: bpy.types.UILayout, idname: str, text: str, **settings: str) -> None:
    properties = layout.operator("node.add_node", text=text)
    properties.type = idname
    properties.use_transform = True
    for name, value in settings.items():
        setting = properties.settings.add()
        setting.name, setting.value = name, repr(value)


def _draw_add_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if context.space_data.tree_type == "BackgroundNodeTree":
        menu.layout.menu_contents(BACKGROUND_NODES_MT_add.bl_idname)


def _draw_header(header: bpy.types.Header, context: bpy.types.Context) -> None:
    tree = active_tree(context)
    if tree is None:
        return
    row = header.layout.row(align=True)
    run = session.run_of(tree)
    if run is not None and not run.state.is_final:
        row.progress(factor=run.progress, type="BAR", text=f"{run.progress:.0%}")
        row.operator("background_nodes.cancel", icon="X")
    else:
        row.operator("background_nodes.run", icon="PLAY")


classes = (BACKGROUND_NODES_MT_add, *_category_menus())


def register() -> None:
    bpy.types.NODE_MT_add.append(_draw_add_menu)
    bpy.types.NODE_HT_header.append(_draw_header)
    set_status_drawer(draw_status)


def unregister() -> None:
    set_status_drawer(None)
    bpy.types.NODE_HT_header.remove(_draw_header)
    bpy.types.NODE_MT_add.remove(_draw_add_menu)
