# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks of a run as one of Blender's own lists: it scrolls, filters by name, and draws only the rows in view.

The list is one of the tree's nodes, so nothing about a run is in the file. Nodes without a task are left out of it. The
active row is the active node's; a click on a row selects its node.
"""

from __future__ import annotations

from collections.abc import Callable

import bpy

from ...node_tree.lookup import label
from ...node_tree.tree import BackgroundNodeTree
from ...runtime.scheduling.states import TaskState
from ..drawing.quantities import duration
from ..editor import node_select, node_status, redraw, status_icons
from ..editor.active import active_run
from ..session.run import Run
from ..session.task import Task

#: What an artist wants to see first, when sorting by state.
_URGENCY = {
    state: rank
    for rank, state in enumerate(
        (
            TaskState.RUNNING,
            TaskState.FAILED,
            TaskState.TIMED_OUT,
            TaskState.CANCELLED,
            TaskState.SKIPPED,
            TaskState.READY,
            TaskState.WAITING,
            TaskState.SUCCEEDED,
        )
    )
}
#: Share of a row's width that the name takes.
_NAME_WIDTH = 0.55


class BACKGROUND_NODES_UL_tasks(bpy.types.UIList):
    """The tasks of the last run of the tree"""

    bl_idname = "BACKGROUND_NODES_UL_tasks"

    order: bpy.props.EnumProperty(
        name="Order",
        items=(
            ("GRAPH", "Graph", "In the order in which the nodes can run", "NODETREE", 0),
            ("TIME", "Time", "The longest first", "SORTTIME", 1),
            ("STATE", "State", "What runs first, then what went wrong, then what waits", "SORTALPHA", 2),
        ),
        default="GRAPH",
    )

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _tree: bpy.types.NodeTree,
        node: bpy.types.Node,
        _icon: int,
        _active_data: bpy.types.NodeTree,
        _active_property: str,
    ) -> None:
        run = active_run(context)
        task = None if run is None else run.task_of(node)
        if task is not None:
            _draw_task(layout, node, task)

    def draw_filter(self, _context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        row = layout.row(align=True)
        row.prop(self, "filter_name", text="", icon="VIEWZOOM")
        row.prop(self, "order", expand=True, icon_only=True)
        row.prop(self, "use_filter_sort_reverse", text="", icon="SORT_DESC")

    def filter_items(
        self, context: bpy.types.Context, tree: bpy.types.NodeTree, _name: str
    ) -> tuple[list[int], list[int]]:
        run = active_run(context)
        tasks = [None if run is None else run.task_of(node) for node in tree.nodes]
        wanted = self.filter_name.casefold()
        flags = [
            self.bitflag_filter_item if task is not None and (not wanted or wanted in label(node).casefold()) else 0
            for node, task in zip(tree.nodes, tasks, strict=True)
        ]
        return flags, _new_places(tasks, _key(run, self.order))


def _key(run: Run | None, order: str) -> Callable[[Task], float]:
    if run is None or order == "GRAPH":
        places = {} if run is None else {task.node_id: place for place, task in enumerate(run.tasks.values())}
        return lambda task: places[task.node_id]
    if order == "TIME":
        return lambda task: -task.seconds
    return lambda task: _URGENCY[task.state]


def _new_places(tasks: list[Task | None], key: Callable[[Task], float]) -> list[int]:
    """For each row the place where it is to be, as a list wants it; those without a task come last."""
    order = sorted(range(len(tasks)), key=lambda row: float("inf") if tasks[row] is None else key(tasks[row]))
    places = [0] * len(tasks)
    for place, row in enumerate(order):
        places[row] = place
    return places


def _draw_task(layout: bpy.types.UILayout, node: bpy.types.Node, task: Task) -> None:
    is_running = task.state is TaskState.RUNNING
    row = layout.split(factor=_NAME_WIDTH, align=True) if is_running else layout.row()
    row.label(text=label(node), icon_value=status_icons.icon_of(task), translate=False)
    if is_running:
        text = node_status.items_text(task) or f"{task.progress:.0%}"
        row.progress(factor=redraw.shown_progress(task), type="BAR", text=text)
        return
    ended = row.row()  # as wide as its text: a narrow Sidebar leaves the rest to the name
    ended.alignment = "RIGHT"
    has_time = task.state is TaskState.SUCCEEDED and task.seconds
    ended.label(text=duration(task.seconds) if has_time else node_status.state_label(task.state), translate=False)


def _get_active(tree: bpy.types.NodeTree) -> int:
    active = tree.nodes.active
    return -1 if active is None else tree.nodes.find(active.name)


def _set_active(tree: bpy.types.NodeTree, index: int) -> None:
    if 0 <= index < len(tree.nodes):
        node_select.select(tree.nodes[index])
        node_select.show(bpy.context)


def draw(layout: bpy.types.UILayout, tree: bpy.types.NodeTree, num_rows: int) -> None:
    layout.template_list(
        BACKGROUND_NODES_UL_tasks.bl_idname,
        "",
        tree,
        "nodes",
        tree,
        "active_node_index",
        rows=num_rows,
        maxrows=num_rows,
    )


classes = (BACKGROUND_NODES_UL_tasks,)


def register() -> None:
    BackgroundNodeTree.active_node_index = bpy.props.IntProperty(
        name="Active Node",
        description="Select the node and bring it into view",
        get=_get_active,
        set=_set_active,
        options={"SKIP_SAVE"},
    )


def unregister() -> None:
    del BackgroundNodeTree.active_node_index
