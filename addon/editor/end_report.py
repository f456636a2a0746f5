# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports how a run ended, in the status bar and the Info editor.

Only operators can report, and Blender drops their reports if Python called them. So this operator is called when a run
ends, waits for Blender's next event, and reports then.
"""

from __future__ import annotations

from collections.abc import Sequence

import bpy
from bpy.app.translations import pgettext_rpt as translated

from ...runtime.scheduling.states import RunState, TaskState
from ..drawing.quantities import duration
from ..session.current import session
from ..session.run import Run
from . import run_text

#: Names of nodes that are listed.
_MAX_NAMES = 3
#: Seconds until Blender calls the operator back.
_SOON = 0.01


class BACKGROUND_NODES_OT_end_report(bpy.types.Operator):
    """Report how a run ended"""

    bl_idname = "background_nodes.end_report"
    bl_label = "Background Nodes Run"
    bl_options = {"INTERNAL"}

    level: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})
    message: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        self._timer = context.window_manager.event_timer_add(_SOON, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        self.cancel(context)
        self.report({self.level}, self.message)
        return {"FINISHED"}

    def cancel(self, context: bpy.types.Context) -> None:
        context.window_manager.event_timer_remove(self._timer)


def tell(run: Run) -> None:
    """Report the end of a run, where there is a window; not of one whose tree runs again."""
    if run.is_superseded:
        return
    say(*summary(run))


def say(level: str, message: str) -> None:
    """Report a message, as an operator does: "INFO", "WARNING" or "ERROR"."""
    windows = bpy.context.window_manager.windows
    if bpy.app.background or not windows:
        return
    with bpy.context.temp_override(window=windows[0]):
        bpy.ops.background_nodes.end_report("INVOKE_DEFAULT", level=level, message=message)


def summary(run: Run) -> tuple[str, str]:
    """How a run ended: the level of the report, and a sentence.

    A failed run is reported as a warning, not as an error: for an error Blender opens a pop-up below the mouse, and
    disturbs the artist.
    """
    name, time = run.tree_name, duration(run.seconds)
    if run.only_brings_back and run.state is not RunState.SUCCEEDED:
        return "WARNING", translated(
            "The result is not kept, or what it is made of has changed. Run the node tree again"
        )
    if run.state is RunState.SUCCEEDED:
        level, message = "INFO", _success(run)
    elif run.state is RunState.CANCELLED:
        level, message = "INFO", translated('"{name}" was cancelled after {time}').format(name=name, time=time)
    else:
        message = translated('"{name}" failed after {time}: {nodes}')
        level, message = "WARNING", message.format(name=name, time=time, nodes=_names(run))
    if run.notes:
        level, message = "WARNING", f"{message}. {'. '.join(run_text.notes(run))}"
    return level, message


def _success(run: Run) -> str:
    """What ran and how long it took; of a run that started by itself also why."""
    name, time = run.tree_name, duration(run.seconds)
    if run.only_brings_back:
        return translated("The result is back")
    if not run.started_by:
        return translated('"{name}" ran in {time}').format(name=name, time=time)
    ran = [task for task in run.tasks.values() if not task.cached]
    if not ran:
        return translated('"{name}": nothing has changed').format(name=name)
    nodes = [f"{task.name} ({task.reasons[0]})" if task.reasons else task.name for task in ran]
    message = translated('"{name}" ran by itself in {time}: {nodes}')
    return message.format(name=name, time=time, nodes=_listed(nodes))


def _names(run: Run) -> str:
    """The nodes that failed; if none did, all that did not succeed."""
    wrong = (TaskState.FAILED, TaskState.TIMED_OUT)
    names = [task.name for task in run.tasks.values() if task.state in wrong] or [
        task.name for task in run.tasks.values() if task.state is not TaskState.SUCCEEDED and not task.is_unneeded
    ]
    return _listed(names)


def _listed(names: Sequence[str]) -> str:
    text = ", ".join(names[:_MAX_NAMES])
    more = len(names) - _MAX_NAMES
    return translated("{names} and {count} more").format(names=text, count=more) if more > 0 else text


classes = (BACKGROUND_NODES_OT_end_report,)


def register() -> None:
    session.ended.listen(tell)


def unregister() -> None:
    session.ended.stop_listening(tell)
