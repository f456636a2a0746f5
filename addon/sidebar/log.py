# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's log in a Text Editor beside the graph, where Blender's own Find searches it.

It is one text, used again for each log. It is a copy, so what is typed into it changes nothing, and Blender saves it in
no file: `is_runtime_data` says so. An undo step from before the text was made knows nothing of it, so it is made again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as translated
from bpy.app.translations import pgettext_rpt, pgettext_tip

from ...runtime.scheduling.states import TaskState
from ..drawing import areas
from ..drawing.quantities import duration
from ..editor import node_status
from ..editor.active import TreeOperator, active_run, edited_tree
from ..editor.uses import use_of
from ..session.group import Group
from ..session.run import Run, Status
from ..session.task import Item, Task

NAME = "Background Nodes Log"

WENT_WRONG = (TaskState.FAILED, TaskState.TIMED_OUT)
#: What the artist looks for comes first.
_ORDER = (*WENT_WRONG, TaskState.RUNNING)

#: What the text holds, once a log was shown.
_shown: list[str] = []


class BACKGROUND_NODES_OT_log_show(TreeOperator, bpy.types.Operator):
    """Show what the node's script printed, and its error, in a Text Editor; Ctrl F searches there"""

    bl_idname = "background_nodes.log_show"
    bl_label = "Show Log"

    node_name: bpy.props.StringProperty(
        name="Node", description="The node, the active one if empty", options={"SKIP_SAVE", "HIDDEN"}
    )

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        task = status_of(context, properties.node_name)
        if not isinstance(task, Task):
            return ""
        same = (translated("gave the same as before"),) if task.gave_the_same else ()
        what = translated("Cached") if task.cached else "; ".join((*task.reasons, *same))
        return f"{pgettext_tip(cls.__doc__)}.\n\n{what}" if what else ""

    def execute(self, context: bpy.types.Context) -> set[str]:
        run, found = active_run(context), status_of(context, self.node_name)
        if found is None:
            active = edited_tree(context).nodes.active
            name = self.node_name or (active.name if active else "")
            self.report({"WARNING"}, pgettext_rpt('"{name}" did not run yet').format(name=name))
            return {"CANCELLED"}
        text = fill(group_text(run, found) if isinstance(found, Group) else log_text(run, found))
        if bpy.app.background:
            return {"FINISHED"}
        show(_area(context, text).spaces.active, text)
        return {"FINISHED"}


def status_of(context: bpy.types.Context, node_name: str) -> Status | None:
    """What became of a node in the run that the editor shows: of the active node if the name is empty.

    The name is one that the run knows, or that of a node that the editor shows.
    """
    run, nodes = active_run(context), edited_tree(context).nodes
    if run is None:
        return None
    node = nodes.get(node_name) if node_name else nodes.active
    return run.tasks.get(node_name) or run.groups.get(node_name) or (run.at(use_of(node).node_id) if node else None)


# The text


def fill(content: str) -> bpy.types.Text:
    """The text with a log in it, from its beginning."""
    text = bpy.data.texts.get(NAME) or bpy.data.texts.new(NAME)
    text.is_runtime_data = True
    text.from_string(content)
    text.cursor_set(0)
    _shown[:] = [content]
    return text


def show(space: bpy.types.SpaceTextEditor, text: bpy.types.Text) -> None:
    space.text = text
    space.top = 0
    space.show_word_wrap = True
    space.show_syntax_highlight = False


def _area(context: bpy.types.Context, text: bpy.types.Text) -> bpy.types.Area:
    """The one with a log in it, any other Text Editor, or a new one."""
    for area in context.screen.areas:
        if area.type == "TEXT_EDITOR" and area.spaces.active.text == text:
            return area
    return areas.find_or_open(context, "TEXT_EDITOR")


@bpy.app.handlers.persistent
def _after_undo(*_arguments: object) -> None:
    """Give editors the log back, where the step that was gone back to has none."""
    if not _shown or NAME in bpy.data.texts:
        return
    text = fill(_shown[0])
    for space in _text_editors():
        if space.text is None:
            space.text = text


def _text_editors() -> Iterator[bpy.types.SpaceTextEditor]:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "TEXT_EDITOR":
                yield area.spaces.active


@bpy.app.handlers.persistent
def _before_load(*_arguments: object) -> None:
    _shown.clear()


# What it says


def log_text(run: Run, task: Task) -> str:
    """How a task ended, why, and what it printed; of a mapped one for each item, failed ones first."""
    head = [f"{task.name} · {run.tree_name}", _state(task)]
    if task.error is not None and not task.is_mapped:
        head += ["", *error_lines(task)]
    parts = ["\n".join(head)]
    if task.is_mapped:
        parts += [_item_text(item) for item in _sorted(task.items)]
    else:
        parts.append(task.log or translated("It printed nothing"))
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def group_text(run: Run, group: Group) -> str:
    """What became of a group, and the log of each task in it that has begun; failed ones first."""
    begun = [task for task in group.tasks if task.has_items]
    begun.sort(key=lambda task: _urgency(task.state))
    return "\n\n".join([f"{group.name} · {run.tree_name}\n{_state(group)}\n", *(log_text(run, each) for each in begun)])


def error_lines(failed: Task | Item) -> Iterator[str]:
    """What went wrong, and the traceback, which says it once more at its end."""
    if failed.error is not None:
        yield failed.error.message
        if failed.error.traceback:
            yield ""
            yield failed.error.traceback.rstrip("\n")


def _item_text(item: Item) -> str:
    title = translated("Item {index}: {state}").format(index=item.index, state=_state(item))
    lines = [f"--- {title} ---", *error_lines(item)]
    if item.error is not None and item.log:
        lines.append("")
    return "\n".join([*lines, item.log.rstrip("\n")])


def _state(lived: Status | Item) -> str:
    state = node_status.state_label(lived.state)
    return f"{state}, {duration(lived.seconds)}" if lived.seconds else state


def _sorted(items: tuple[Item, ...]) -> list[Item]:
    return sorted(items, key=lambda item: _urgency(item.state))


def _urgency(state: TaskState) -> int:
    return _ORDER.index(state) if state in _ORDER else len(_ORDER)


classes = (BACKGROUND_NODES_OT_log_show,)

_HANDLERS = (
    (bpy.app.handlers.undo_post, _after_undo),
    (bpy.app.handlers.redo_post, _after_undo),
    (bpy.app.handlers.load_pre, _before_load),
)


def register() -> None:
    for functions, function in _HANDLERS:
        functions.append(function)


def unregister() -> None:
    for functions, function in _HANDLERS:
        functions.remove(function)
    _shown.clear()
