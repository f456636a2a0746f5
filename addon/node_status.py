# SPDX-License-Identifier: GPL-3.0-or-later
"""What each node shows of its task."""

from __future__ import annotations

import bpy

from ..node_tree.base import set_status_drawer
from ..runtime.states import TaskState
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


def register() -> None:
    set_status_drawer(draw_status)


def unregister() -> None:
    set_status_drawer(None)
