# SPDX-License-Identifier: GPL-3.0-or-later
"""What each node shows of its task: state, bar, time, error. The one place that draws them.

coloured icon | bar with percent, items, time left | log       while it runs; the script's own words below
coloured icon | how it ended, items, time taken    | log       afterwards; an equals sign: it gave the same as before
the first lines of its error, in red

A group node shows the same of all that is in it, and of its first error or problem which node that comes from: a button
leads there. A list node has no bar: it shows how many items it gives.

The row is empty on a node that nobody can read, as it is out of view or too small: Blender lays out all nodes of a tree
for each redraw, and draws such icons one by one. The strip of the overlay shows the state at any size.
"""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as translated

from ...node_tree import lookup, node_text
from ...node_tree.base import set_status_drawer
from ...node_tree.group_node import has_group
from ...node_tree.list_nodes import ListNode
from ...node_tree.node_shape import can_be_read
from ...runtime.errors import Problem
from ...runtime.planning.node_path import is_in_group, name_inside
from ...runtime.scheduling.events import TaskError
from ...runtime.scheduling.states import TaskState
from ..drawing.quantities import countdown, duration
from ..presets import updating
from ..session import problems
from ..session.group import Group
from ..session.run import Status
from . import node_previews, redraw, run_text, status_icons
from .uses import Use, use_of

#: What a row has beside its text: icon, log button, margins.
_BESIDE_TEXT = 64.0

_LABELS = {
    TaskState.WAITING: "Waiting",
    TaskState.READY: "Ready",
    TaskState.RUNNING: "Running",
    TaskState.SUCCEEDED: "Succeeded",
    TaskState.FAILED: "Failed",
    TaskState.CANCELLED: "Cancelled",
    TaskState.TIMED_OUT: "Timed Out",
    TaskState.SKIPPED: "Skipped",
}


def draw_status(node: bpy.types.Node, layout: bpy.types.UILayout) -> None:
    """What keeps a node from running, and what the last run tells of it. Reads, and writes nothing."""
    use = use_of(node)
    problem = problems.of_node(*use)
    if problem is not None and not _is_shown(problem, node):
        node_text.draw_error(layout, _problem_text(problem), node.width)
    inside = problems.in_group(*use)
    if inside is not None:
        node_text.draw_error(layout, _problem_text(inside), node.width)
        _draw_way(layout, node, use, inside.node, inside.node_id)
    _draw_last_run(node, use, layout)
    _draw_newer_preset(node, layout)
    if not is_in_group(use.node_id):
        node_previews.draw(node, layout)


def _problem_text(problem: Problem) -> str:
    return f"{problem.socket}: {problem.message}".removeprefix(": ")


def _draw_way(layout: bpy.types.UILayout, group: bpy.types.Node, use: Use, name: str, node_id: str) -> None:
    """A button that leads from a group node to a node in it. Of one that nobody can read, its room is left."""
    if not can_be_read(group, bpy.context):
        layout.label(text="")
        return
    text = lookup.path_label(use.tree, node_id, within=use.node_id) or name_inside(name, group.name)
    way = layout.operator("background_nodes.node_select", text=text, icon="RESTRICT_SELECT_OFF", translate=False)
    way.node_name, way.node_id = name, node_id


def _draw_last_run(node: bpy.types.Node, use: Use, layout: bpy.types.UILayout) -> None:
    task = use.status
    if task is None:
        _draw_count(node, use, layout)
        return
    is_seen = can_be_read(node, bpy.context)
    if is_seen:
        draw_task(task, layout, node.width)
    else:
        layout.label(text="")
    if task.state is TaskState.RUNNING and task.text:
        layout.label(text=task.text if is_seen else "", translate=False)
    if task.error is not None and (task.state is not TaskState.SKIPPED or task.is_partial):
        node_text.draw_error(layout, run_text.error_text(task.error).partition("\n")[0], node.width)
        if isinstance(task, Group) and task.failed is not None:
            _draw_way(layout, node, use, task.failed.name, task.failed.node_id)


def _draw_count(node: bpy.types.Node, use: Use, layout: bpy.types.UILayout) -> None:
    """What a list node has instead of a bar."""
    count = use.count if isinstance(node, ListNode) else None
    if isinstance(count, TaskError):
        node_text.draw_error(layout, count.message, node.width)
    elif count is not None:
        text = translated("1 item") if count == 1 else translated("{count} items").format(count=count)
        layout.label(text=text, icon="CHECKMARK", translate=False)


def _draw_newer_preset(node: bpy.types.Node, layout: bpy.types.UILayout) -> None:
    """That the preset which the node came from has a newer version; a click shows what is new."""
    owner = node.node_tree if has_group(node) else node
    newest = updating.newer(owner)
    if newest is None:
        return
    if not can_be_read(node, bpy.context):
        layout.label(text="")
        return
    row = layout.row()
    row.operator_context = "INVOKE_DEFAULT"
    text = translated("Version {version}...").format(version=newest.version)
    update = row.operator("background_nodes.preset_update", text=text, icon="FILE_REFRESH", translate=False)
    update.tree_uid = str((owner if owner != node else node.id_data).session_uid)
    update.node_id = node.uid if owner == node else ""


def _is_shown(problem: Problem, node: bpy.types.Node) -> bool:
    """Whether the node tells it already: what is wrong with its script, or with what is declared on it."""
    return getattr(node, "source_error", "") == problem.message or getattr(node, "is_without_main", False)


def draw_task(task: Status, layout: bpy.types.UILayout, width: float) -> None:
    """One row: a task's state, bar and time, as far as `width` UI units hold them."""
    row = layout.row(align=True)
    row.label(text="", icon_value=status_icons.icon_of(task))
    num_letters = int((width - _BESIDE_TEXT) / node_text.LETTER)
    if task.state is TaskState.RUNNING:
        text = _running_text(task, num_letters)
        row.progress(factor=redraw.shown_progress(task), type="BAR", text=text)
    else:
        row.label(text=_state_text(task, num_letters), translate=False)
    if task.has_items:
        show = row.operator("background_nodes.log_show", text="", icon="TEXT", emboss=False)
        show.node_name = task.name


def state_label(state: TaskState) -> str:
    """The state in the artist's words and language."""
    return translated(_LABELS[state])


def end_label(task: Status) -> str:
    """The same of what has ended: of a node that did a part of its items, how many, as `23 of 24`."""
    if task.is_unneeded:
        return translated("Not Needed")
    return _succeeded_text(task) if task.is_partial else state_label(task.state)


def items_text(task: Status) -> str:
    """`7/24` of a mapped task, "" of another."""
    return f"{task.num_done}/{task.num_items}" if task.is_mapped and task.num_items is not None else ""


def count_text(task: Status) -> str:
    """How many items are done; of what has ended, how many succeeded if not all did."""
    is_short = task.state.is_final and task.num_succeeded != task.num_items
    return _succeeded_text(task) if is_short else items_text(task)


def _succeeded_text(task: Status) -> str:
    """`23 of 24` of a mapped task whose other items did not succeed, "" of another."""
    if not task.is_mapped or task.num_items is None:
        return ""
    return translated("{count} of {total}").format(count=task.num_succeeded, total=task.num_items)


def _running_text(task: Status, num_letters: int) -> str:
    if task.is_paused:
        left = translated("Paused")
    else:
        left = "" if task.time_left is None else translated("{time} left").format(time=countdown(task.time_left))
    return _joined((f"{task.progress:.0%}", items_text(task), left), num_letters)


def _state_text(task: Status, num_letters: int) -> str:
    time = duration(task.seconds) if task.seconds else ""
    if task.state is TaskState.SUCCEEDED:
        first = translated("Cached") if task.cached else time or state_label(task.state)
        same = translated("Same as before") if task.gave_the_same else ""
        return _joined((first, items_text(task), same), num_letters)
    if task.state in (TaskState.FAILED, TaskState.TIMED_OUT):  # the message below tells how many items failed
        return _joined((state_label(task.state), _succeeded_text(task), time), num_letters)
    if task.is_partial and task.num_items is not None:
        skipped = translated("{count} skipped").format(count=task.num_items - task.num_succeeded)
        return _joined((end_label(task), skipped, time), num_letters)
    return _joined((end_label(task), items_text(task), time), num_letters)


def _joined(parts: tuple[str, ...], num_letters: int) -> str:
    """As many of the parts as fit, in their order; always the first one."""
    text = ""
    for part in filter(None, parts):
        longer = f"{text} · {part}" if text else part
        if text and len(longer) > num_letters:
            break
        text = longer
    return text


def register() -> None:
    set_status_drawer(draw_status)


def unregister() -> None:
    set_status_drawer(None)
