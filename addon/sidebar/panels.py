# SPDX-License-Identifier: GPL-3.0-or-later
"""The Sidebar of the editor: what the active node's task did, the run with its tasks, earlier runs, and the problems.

Drawing only reads: the run, the tree, and what `problems` found.
"""

from __future__ import annotations

import time

import bpy
from bpy.app.translations import pgettext_iface as translated

from ...node_tree import lookup
from ...runtime.engine.forecast import Outlook
from ...runtime.errors import Problem
from ...runtime.planning.node_path import group_of, is_in_group, name_inside
from ...runtime.scheduling.states import RunState, TaskState
from ..drawing import paragraphs
from ..drawing.quantities import countdown, duration, memory_size
from ..editor import forecast_text, node_status, redraw, run_text, status_icons
from ..editor.active import active_run, edited_tree, outer_tree
from ..editor.uses import use_of
from ..session import problems
from ..session.current import session
from ..session.group import Group
from ..session.run import Run, Status
from ..session.task import Task
from . import fixes, tabs, task_list
from .log import WENT_WRONG

#: Rows of lists that are drawn by hand.
_MAX_PROBLEMS = 30
_TASK_ROWS = 8
#: The state of a task whose icon stands for that of a run.
_RUN_ICONS = {
    RunState.RUNNING: TaskState.RUNNING,
    RunState.SUCCEEDED: TaskState.SUCCEEDED,
    RunState.FAILED: TaskState.FAILED,
    RunState.CANCELLED: TaskState.CANCELLED,
}
_RUN_LABELS = {
    RunState.RUNNING: "Running",
    RunState.SUCCEEDED: "Succeeded",
    RunState.FAILED: "Failed",
    RunState.CANCELLED: "Cancelled",
}


class _TreePanel:
    """A panel of the Sidebar where the editor shows a background node tree."""

    bl_space_type = "NODE_EDITOR"
    bl_region_type = "UI"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return edited_tree(context) is not None


# The active node


class BACKGROUND_NODES_PT_task(_TreePanel, bpy.types.Panel):
    """What the last run did of the active node"""

    bl_category = tabs.NODE
    bl_label = "Task"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and hasattr(edited_tree(context).nodes.active, "uid")

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        task = use_of(edited_tree(context).nodes.active).status
        _draw_outlook(layout, context)
        if task is None:
            layout.label(text="Not run yet", icon="INFO")
            layout.operator("background_nodes.run", text="Run to Active", icon="PLAY").scope = "ACTIVE"
            return
        _draw_task_state(layout, task)
        _draw_task_facts(layout, task)
        if isinstance(task, Task) and task.reasons:
            layout.label(text="Why It Ran")
            paragraphs.draw(layout.column(), context, "; ".join(task.reasons))
        if isinstance(task, Group) and task.failed is not None:
            _draw_failed(layout, context, task.failed)
        elif task.error is not None:
            column = layout.column()
            column.alert = task.state is not TaskState.SKIPPED
            paragraphs.draw(column, context, run_text.error_text(task.error))
        _draw_task_buttons(layout, task)


class BACKGROUND_NODES_PT_settings(_TreePanel, bpy.types.Panel):
    """How the tasks of the active node are run"""

    bl_category = tabs.NODE
    bl_label = "Settings"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and hasattr(edited_tree(context).nodes.active, "draw_settings")

    def draw(self, context: bpy.types.Context) -> None:
        edited_tree(context).nodes.active.draw_settings(self.layout)


def _draw_outlook(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What a run would do with the active node, if it would do anything."""
    forecast = forecast_text.watch(outer_tree(context))
    node_id = use_of(edited_tree(context).nodes.active).node_id
    told = None if forecast is None else forecast.of(node_id)
    inside = "" if forecast is None else forecast_text.of_group(forecast, node_id)
    if inside:
        layout.label(text="Before the Next Run", icon="TIME")
        paragraphs.draw(layout.column(), context, inside)
        layout.separator()
    if told is None or told.state in (Outlook.CACHED, Outlook.NOT_NEEDED):
        return
    layout.label(text="Would Run" if told.is_sure_to_run else "Before the Next Run", icon="TIME")
    paragraphs.draw(layout.column(), context, forecast_text.of_task(told))
    layout.separator()


def _draw_task_state(layout: bpy.types.UILayout, task: Status) -> None:
    row = layout.row()
    label = translated("Partly Skipped") if task.is_partial else node_status.end_label(task)
    row.label(text=label, icon_value=status_icons.icon_of(task), translate=False)
    if task.state is TaskState.RUNNING:
        row.progress(factor=redraw.shown_progress(task), type="BAR", text=f"{task.progress:.0%}")
        if task.text:
            layout.label(text=task.text, translate=False)


def _draw_task_facts(layout: bpy.types.UILayout, task: Status) -> None:
    facts = [("Items", node_status.count_text(task)), ("Time", duration(task.seconds) if task.seconds else "")]
    facts.append(("Time Left", "" if task.time_left is None else countdown(task.time_left)))
    facts.append(("Peak Memory", "" if task.peak_memory is None else memory_size(task.peak_memory)))
    facts.append(("Cached", _cached(task)))
    facts.append(("Result", translated("Same as before") if task.gave_the_same else ""))
    column = layout.column(align=True)
    for name, fact in facts:
        if fact:
            split = column.split(factor=0.4)
            names = split.row()
            names.alignment = "RIGHT"
            names.label(text=name)
            split.label(text=fact, translate=False)


def _cached(task: Status) -> str:
    if isinstance(task, Group):
        return f"{task.num_cached}/{len(task.tasks)}" if task.num_cached else ""
    if task.is_mapped and task.num_cached:
        return f"{task.num_cached}/{task.num_items}"
    return translated("Yes") if task.cached else ""


def _draw_task_buttons(layout: bpy.types.UILayout, task: Status) -> None:
    row = layout.row(align=True)
    row.operator("background_nodes.log_show", icon="TEXT").node_name = task.name
    row.operator("background_nodes.report_copy", icon="COPYDOWN").node_name = task.name
    if not task.state.is_final:
        layout.operator("background_nodes.cancel_node", icon="X").node_name = task.name


# The run


class BACKGROUND_NODES_PT_run(_TreePanel, bpy.types.Panel):
    """The last run of the tree"""

    bl_category = tabs.RUN
    bl_label = "Run"

    def draw(self, context: bpy.types.Context) -> None:
        layout, run = self.layout, active_run(context)
        if run is None:
            layout.label(text="Not run yet", icon="INFO")
            _draw_forecast(layout, context)
            layout.operator("background_nodes.run", icon="PLAY")
        elif run.is_home:
            _draw_ended(layout, context, run)
        else:
            _draw_going_on(layout, run)
        for note in () if run is None else run_text.notes(run):
            paragraphs.draw(layout, context, note, icon="INFO")


def _draw_going_on(layout: bpy.types.UILayout, run: Run) -> None:
    progress = run.progress
    layout.progress(factor=progress, type="BAR", text=run_text.beside(f"{progress:.0%}", run))
    layout.label(text=_counts(run), translate=False)
    row = layout.row(align=True)
    if run.is_paused:
        row.operator("background_nodes.pause", text="Resume", icon="PLAY")
    else:
        row.operator("background_nodes.pause", icon="PAUSE")
    row.operator("background_nodes.cancel", icon="X")
    layout.operator("background_nodes.finish_current")


def _draw_forecast(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What the button below would do."""
    forecast = forecast_text.watch(outer_tree(context))
    if forecast is not None:
        paragraphs.draw(layout, context, forecast_text.summary(forecast), icon="TIME")


def _draw_ended(layout: bpy.types.UILayout, context: bpy.types.Context, run: Run) -> None:
    icon = status_icons.icon(_RUN_ICONS[run.state])
    text = translated("{state} after {time}").format(
        state=translated(_RUN_LABELS[run.state]), time=duration(run.seconds)
    )
    layout.label(text=text, icon_value=icon, translate=False)
    layout.label(text=_counts(run), translate=False)
    _draw_forecast(layout, context)
    row = layout.row(align=True)
    row.operator("background_nodes.run", icon="PLAY")
    if run.can_retry:
        row.operator("background_nodes.retry", text=run_text.retry_label(run), icon="FILE_REFRESH", translate=False)


def _counts(run: Run) -> str:
    """How many tasks are done, how many went wrong, and how many did a part of their items only."""
    tasks = [task for task in run.tasks.values() if not task.is_unneeded]
    num_done = sum(task.state is TaskState.SUCCEEDED for task in tasks)
    num_wrong = sum(task.state in WENT_WRONG for task in tasks)
    num_partial = sum(task.is_partial for task in tasks)
    counts = [
        translated("{done} of {total} done").format(done=num_done, total=len(tasks)),
        *([translated("{count} failed").format(count=num_wrong)] if num_wrong else []),
        *([translated("{count} partly skipped").format(count=num_partial)] if num_partial else []),
    ]
    return ", ".join(counts)


class BACKGROUND_NODES_PT_tasks(_TreePanel, bpy.types.Panel):
    """The tasks of the last run. A click selects the node"""

    bl_category = tabs.RUN
    bl_label = "Tasks"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return active_run(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        task_list.draw(self.layout, context, _TASK_ROWS)


class BACKGROUND_NODES_PT_history(_TreePanel, bpy.types.Panel):
    """The last runs of all trees"""

    bl_category = tabs.RUN
    bl_label = "History"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and bool(session.history)

    def draw(self, _context: bpy.types.Context) -> None:
        column = self.layout.column(align=True)
        for run in reversed(session.history):
            _draw_past_run(column, run)


def _draw_past_run(layout: bpy.types.UILayout, run: Run) -> None:
    needed = [task for task in run.tasks.values() if not task.is_unneeded]
    num_done = sum(task.state is TaskState.SUCCEEDED for task in needed)
    started = time.strftime("%H:%M", time.localtime(run.started))
    split = layout.split(factor=0.6, align=True)
    icon = status_icons.icon(_RUN_ICONS[run.state])
    split.label(text=f"{started}  {run.tree_name}", icon_value=icon, translate=False)
    row = split.row()
    row.alignment = "RIGHT"
    row.label(text=f"{num_done}/{len(needed)}   {duration(run.seconds)}", translate=False)


# The problems


class BACKGROUND_NODES_PT_problems(_TreePanel, bpy.types.Panel):
    """All that keeps the tree from running"""

    bl_category = tabs.PROBLEMS
    bl_label = "Problems"

    def draw(self, context: bpy.types.Context) -> None:
        layout, tree = self.layout, outer_tree(context)
        problems.watch(tree)
        found = problems.of(tree)
        if found is None:
            layout.label(text="Looking for problems …", icon="TIME")
            return
        if not found:
            _draw_next_run(layout, context, problems.num_tasks(tree))
        for problem in found[:_MAX_PROBLEMS]:
            _draw_problem(layout, context, problem)
        paragraphs.draw_rest(layout, found, _MAX_PROBLEMS)


def _draw_next_run(layout: bpy.types.UILayout, context: bpy.types.Context, num_tasks: int) -> None:
    """That a run could start; but first, what failed in the last one."""
    run = active_run(context)
    failed = [task for task in run.tasks.values() if task.state in WENT_WRONG] if run is not None else []
    if not failed:
        _draw_ready(layout, num_tasks)
        return
    layout.label(text="Failed in the last run")
    for task in failed[:_MAX_PROBLEMS]:
        _draw_failed(layout, context, task)
    if run.can_retry:
        layout.operator("background_nodes.retry", text=run_text.retry_label(run), icon="FILE_REFRESH", translate=False)
    layout.operator("background_nodes.run", icon="PLAY")


def _draw_failed(layout: bpy.types.UILayout, context: bpy.types.Context, task: Task) -> None:
    box = layout.box()
    row = box.row()
    groups, title = _where(outer_tree(context), task.node_id, task.name)
    row.label(text=title, icon_value=status_icons.icon_of(task), translate=False)
    select = row.operator("background_nodes.node_select", text="", icon="RESTRICT_SELECT_OFF")
    select.node_name, select.node_id = task.name, task.node_id
    _draw_groups(box, context, groups)
    if task.error is not None:
        column = box.column()
        column.alert = True
        paragraphs.draw(column, context, run_text.error_text(task.error))


def _where(tree: bpy.types.NodeTree, node_id: str, name: str) -> tuple[str, str]:
    """What the headers of the groups that a node is in show, "" if it is in none; and what its own shows."""
    label = lookup.path_label(tree, node_id)
    groups = lookup.path_label(tree, group_of(node_id)) if is_in_group(node_id) else ""
    return groups, name_inside(label, groups) if label else name


def _draw_groups(layout: bpy.types.UILayout, context: bpy.types.Context, groups: str) -> None:
    """In which groups it is, in a paragraph: a row has no room for all of them."""
    if groups:
        paragraphs.draw(layout, context, translated("In {groups}").format(groups=groups))


def _draw_ready(layout: bpy.types.UILayout, num_tasks: int) -> None:
    if num_tasks == 1:
        text = translated("Ready to run: 1 node")
    else:
        text = translated("Ready to run: {count} nodes").format(count=num_tasks)
    layout.label(text=text, icon="CHECKMARK", translate=False)
    layout.operator("background_nodes.run", icon="PLAY")


def _draw_problem(layout: bpy.types.UILayout, context: bpy.types.Context, problem: Problem) -> None:
    box = layout.box()
    row = box.row()
    groups, title = _where(outer_tree(context), problem.node_id, problem.node) if problem.node else ("", "")
    place = f"{title} · {problem.socket}" if problem.socket else title
    row.label(text=place or translated("Node Tree"), icon="ERROR", translate=False)
    if problem.node:
        select = row.operator("background_nodes.node_select", text="", icon="RESTRICT_SELECT_OFF")
        select.node_name, select.node_id = problem.node, problem.node_id
    _draw_groups(box, context, groups)
    column = box.column()
    column.alert = True
    paragraphs.draw(column, context, _sentence(problem.message))
    paragraphs.draw(box, context, _sentence(problem.fix))
    fixes.draw(box, context, problem)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _show_problems(session_uid: int) -> None:
    """Open the tab with a tree's problems, where the tree is shown."""
    for area, shown in redraw.editors():
        if session_uid in shown:
            tabs.show(area, tabs.PROBLEMS)


classes = (
    BACKGROUND_NODES_PT_task,
    BACKGROUND_NODES_PT_settings,
    BACKGROUND_NODES_PT_run,
    BACKGROUND_NODES_PT_tasks,
    BACKGROUND_NODES_PT_history,
    BACKGROUND_NODES_PT_problems,
)


def register() -> None:
    problems.wanted.listen(_show_problems)


def unregister() -> None:
    problems.wanted.stop_listening(_show_problems)
