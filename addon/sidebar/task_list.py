# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks of a run as one of Blender's own lists: it scrolls, filters by name, and draws only the rows in view.

Tasks in a group are below the row of the group, which folds. Blender's lists are of something that it holds: here of
as many empty rows as there are tasks and groups. What each shows is looked up by its place, so nothing about a run is
in the file, nor are the rows. The active row is the active node's; a click on a row selects its node, in its group.
"""

from __future__ import annotations

import bpy

from ...node_tree import lookup
from ...node_tree.identity import NodesByPath, find_node
from ...runtime.planning.node_path import group_of, name_inside
from ...runtime.scheduling.states import TaskState
from ..drawing.quantities import duration
from ..editor import node_select, node_status, redraw, status_icons
from ..editor.active import TreeOperator, active_run, edited_tree, outer_tree
from ..editor.uses import use_of
from ..session import undo
from ..session.group import Group
from ..session.run import Run
from . import task_rows
from .task_rows import Key, Row

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
#: Share of a row's width that the name takes, and where rows are below others.
_NAME_WIDTH, _NAME_WIDTH_WITH_GROUPS = 0.55, 0.62
#: Width of a level: a factor of Blender's separator.
_INDENT = 1.7

#: How many rows Blender is to hold.
_wanted: list[int] = []
#: The groups whose rows are not shown, by tree and the id of their path.
_folded: set[tuple[int, str]] = set()


class BackgroundNodeTaskRow(bpy.types.PropertyGroup):
    """A row of the list of tasks: it holds nothing"""


class BACKGROUND_NODES_OT_task_group_fold(TreeOperator, bpy.types.Operator):
    """Show or hide what is in the group; with Shift, of all groups"""

    bl_idname = "background_nodes.task_group_fold"
    bl_label = "Fold Group"
    bl_options = {"INTERNAL"}

    node_id: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})
    is_for_all: bpy.props.BoolProperty(options={"SKIP_SAVE", "HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.is_for_all = event.shift
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        run = active_run(context)
        if run is None:
            return {"CANCELLED"}
        ids = [group.node_id for group in run.groups.values()] if self.is_for_all else [self.node_id]
        groups = {(run.tree_uid, node_id) for node_id in ids}
        if (run.tree_uid, self.node_id) in _folded:
            _folded.difference_update(groups)
        else:
            _folded.update(groups)
        return {"FINISHED"}


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
        _window_manager: bpy.types.WindowManager,
        _item: BackgroundNodeTaskRow,
        _icon: int,
        _active_data: bpy.types.WindowManager,
        _active_property: str,
        index: int,
    ) -> None:
        run = active_run(context)
        rows = () if run is None else task_rows.rows_of(run)
        if index < len(rows):
            _draw_row(layout, outer_tree(context), run, rows[index])

    def draw_filter(self, _context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        row = layout.row(align=True)
        row.prop(self, "filter_name", text="", icon="VIEWZOOM")
        row.prop(self, "order", expand=True, icon_only=True)
        row.prop(self, "use_filter_sort_reverse", text="", icon="SORT_DESC")

    def filter_items(
        self, context: bpy.types.Context, window_manager: bpy.types.WindowManager, name: str
    ) -> tuple[list[int], list[int]]:
        run, tree = active_run(context), outer_tree(context)
        num_rows = len(getattr(window_manager, name))
        shown: list[Row] = []
        if run is not None and tree is not None:
            wanted, nodes = self.filter_name.casefold(), NodesByPath(tree)
            shown = task_rows.shown_rows(
                task_rows.rows_of(run),
                _KEYS[self.order],
                is_reversed=self.use_filter_sort_reverse,
                folded={node_id for tree_uid, node_id in _folded if tree_uid == run.tree_uid},
                is_wanted=(lambda row: wanted in _label(nodes.get(row.node_id), run, row).casefold())
                if wanted
                else None,
            )
        places = [row.place for row in shown if row.place < num_rows]
        flags = [0] * num_rows
        for place in places:
            flags[place] = self.bitflag_filter_item
        if self.use_filter_sort_reverse:  # Blender turns round what it is given: groups are to stay above their tasks
            places.reverse()
        return flags, _new_places(places, num_rows)


_KEYS: dict[str, Key | None] = {
    "GRAPH": None,
    "TIME": lambda status: -status.seconds,
    "STATE": lambda status: _URGENCY[status.state],
}


def _new_places(order: list[int], num_rows: int) -> list[int]:
    """For each row the place where it is to be, as a list wants it; those that are not shown come last."""
    is_shown = set(order)
    order = [*order, *(row for row in range(num_rows) if row not in is_shown)]
    places = [0] * num_rows
    for place, row in enumerate(order):
        places[row] = place
    return places


def _label(node: bpy.types.Node | None, run: Run, row: Row) -> str:
    """What the node's header shows; of a node that is gone, its name in the run."""
    if node is not None:
        return lookup.label(node) or node.name
    outer = run.at(group_of(row.node_id))
    return row.status.name if outer is None else name_inside(row.status.name, outer.name)


def _draw_row(layout: bpy.types.UILayout, tree: bpy.types.NodeTree, run: Run, row: Row) -> None:
    status, is_running = row.status, row.status.state is TaskState.RUNNING
    share = _NAME_WIDTH_WITH_GROUPS if run.groups else _NAME_WIDTH
    line = layout.split(factor=share, align=True) if is_running else layout.row()
    name = line.row(align=True)
    if row.depth:
        name.separator(factor=_INDENT * row.depth)
    if isinstance(status, Group):
        is_folded = (run.tree_uid, row.node_id) in _folded
        icon = "DISCLOSURE_TRI_RIGHT" if is_folded else "DISCLOSURE_TRI_DOWN"
        fold = name.operator(BACKGROUND_NODES_OT_task_group_fold.bl_idname, text="", icon=icon, emboss=False)
        fold.node_id = row.node_id
    elif run.groups:
        name.label(text="", icon="BLANK1")
    label = _label(find_node(tree, row.node_id), run, row)
    name.label(text=label, icon_value=status_icons.icon_of(status), translate=False)
    if is_running:
        text = node_status.items_text(status) or f"{status.progress:.0%}"
        line.progress(factor=redraw.shown_progress(status), type="BAR", text=text)
        return
    ended = line.row()  # as wide as its text: a narrow Sidebar leaves the rest to the name
    ended.alignment = "RIGHT"
    has_time = status.state is TaskState.SUCCEEDED and status.seconds
    ended.label(text=duration(status.seconds) if has_time else node_status.end_label(status), translate=False)


# The active row


def _get_active(_window_manager: bpy.types.WindowManager) -> int:
    tree, run = edited_tree(bpy.context), active_run(bpy.context)
    active = None if tree is None else tree.nodes.active
    if run is None or active is None:
        return -1
    node_id = use_of(active).node_id
    return next((row.place for row in task_rows.rows_of(run) if row.node_id == node_id), -1)


def _set_active(_window_manager: bpy.types.WindowManager, index: int) -> None:
    run = active_run(bpy.context)
    rows = () if run is None else task_rows.rows_of(run)
    if 0 <= index < len(rows) and node_select.go_to(bpy.context, rows[index].node_id):
        undo.push_undo("Select Node")


# The rows that Blender holds


def draw(layout: bpy.types.UILayout, context: bpy.types.Context, num_rows: int) -> None:
    run = active_run(context)
    if run is not None:
        _hold(len(task_rows.rows_of(run)))
    layout.template_list(
        BACKGROUND_NODES_UL_tasks.bl_idname,
        "",
        context.window_manager,
        "background_nodes_task_rows",
        context.window_manager,
        "background_nodes_active_task_row",
        rows=num_rows,
        maxrows=num_rows,
    )


def _hold(count: int) -> None:
    """Let Blender hold so many rows soon: while it draws, nothing may be written."""
    if len(bpy.context.window_manager.background_nodes_task_rows) < count:
        _wanted.append(count)
        if not bpy.app.timers.is_registered(_add):
            bpy.app.timers.register(_add, first_interval=0.0)


def _add() -> None:
    rows = bpy.context.window_manager.background_nodes_task_rows
    for _number in range(len(rows), max(_wanted, default=0)):
        rows.add()
    _wanted.clear()
    redraw.tag_all()


@bpy.app.handlers.persistent
def _before_save(*_arguments: object) -> None:
    for window_manager in bpy.data.window_managers:
        window_manager.background_nodes_task_rows.clear()


@bpy.app.handlers.persistent
def _before_load(*_arguments: object) -> None:
    _folded.clear()
    task_rows.forget()


classes = (BackgroundNodeTaskRow, BACKGROUND_NODES_OT_task_group_fold, BACKGROUND_NODES_UL_tasks)


def register() -> None:
    bpy.types.WindowManager.background_nodes_task_rows = bpy.props.CollectionProperty(type=BackgroundNodeTaskRow)
    bpy.types.WindowManager.background_nodes_active_task_row = bpy.props.IntProperty(
        name="Active Node",
        description="Select the node and bring it into view",
        get=_get_active,
        set=_set_active,
        options={"SKIP_SAVE"},
    )
    bpy.app.handlers.save_pre.append(_before_save)
    bpy.app.handlers.load_pre.append(_before_load)


def unregister() -> None:
    bpy.app.handlers.load_pre.remove(_before_load)
    bpy.app.handlers.save_pre.remove(_before_save)
    if bpy.app.timers.is_registered(_add):
        bpy.app.timers.unregister(_add)
    for window_manager in bpy.data.window_managers:
        window_manager.background_nodes_task_rows.clear()
    del bpy.types.WindowManager.background_nodes_active_task_row
    del bpy.types.WindowManager.background_nodes_task_rows
    _wanted.clear()
    _before_load()
