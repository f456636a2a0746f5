# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that start a run and lead it to its end, and the menu that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as translated
from bpy.app.translations import pgettext_tip

from ...node_tree.group_node import ENDS
from ...runtime.errors import BackgroundNodesError, CompileError, Problem
from ..consent.consent import ConsentError
from ..drawing import keymaps
from ..session import problems
from ..session.current import session
from ..session.run import Run
from . import forecast_text
from .active import TreeOperator, active_run, edited_tree, outer_tree
from .shown_path import shown_path
from .uses import use_of

#: Nodes that only arrange a graph, or stand for the ends of a group.
_NOT_RUN = ENDS | {"NodeFrame", "NodeReroute"}


class BACKGROUND_NODES_OT_run(TreeOperator, bpy.types.Operator):
    """Run the node tree in background Blenders"""

    bl_idname = "background_nodes.run"
    bl_label = "Run"

    scope: bpy.props.EnumProperty(
        name="Scope",
        items=(
            ("ALL", "All", "Run the whole tree"),
            ("SELECTED", "Selected", "Run the selected nodes and what they need"),
            ("ACTIVE", "To Active", "Run the active node and what it needs"),
        ),
        options={"SKIP_SAVE"},
    )
    force: bpy.props.BoolProperty(
        name="Force",
        description="Run everything, whether it changed or not, in background Blenders in which nothing ran before",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        if properties.force:
            return "Run the whole node tree, whether it changed or not, in new background Blenders"
        tree = outer_tree(context)
        forecast = None if tree is None or properties.scope != "ALL" else forecast_text.watch(tree)
        if forecast is not None:
            what = pgettext_tip("Run the whole node tree in background Blenders")
            return f"{what}.\n\n{forecast_text.summary(forecast)}"
        return {
            "ALL": "Run the whole node tree in background Blenders",
            "SELECTED": "Run the selected nodes and what they need",
            "ACTIVE": "Run the active node and what it needs",
        }[properties.scope]

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        run = active_run(context)
        if run is not None and not run.is_home:
            cls.poll_message_set("The node tree is running already")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        tree = outer_tree(context)
        until = wanted_nodes(context, self.scope)
        if until == []:
            self.report(
                {"ERROR"},
                translated("No node is selected") if self.scope == "SELECTED" else translated("No node is active"),
            )
            return {"CANCELLED"}
        try:
            run = session.start(tree, until=until, force=self.force)
        except CompileError as error:
            if _is_to_ask(error):
                return _ask("run", scope=self.scope, force=self.force)
            problems.show(tree, error.problems)
            self._report_problems(error.problems)
            return {"CANCELLED"}
        except BackgroundNodesError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        _wait_in_background(run)
        return {"FINISHED"}

    def _report_problems(self, found: Sequence[Problem]) -> None:
        """Report all problems in background mode; in a window a single one, or how many: the Sidebar lists them."""
        if bpy.app.background:
            for problem in found:
                self.report({"ERROR"}, str(problem))
        elif len(found) == 1:
            self.report({"WARNING"}, str(found[0]))
        else:
            self.report({"WARNING"}, translated("{count} problems keep the tree from running").format(count=len(found)))


def _is_to_ask(error: BackgroundNodesError) -> bool:
    """Whether the artist only has to allow the scripts."""
    return isinstance(error, ConsentError) and not bpy.app.background


def _ask(then: str, **properties: object) -> set[str]:
    """Ask whether the scripts may run, and if they may, go on: see `scripts/consent_dialog.py`."""
    return bpy.ops.background_nodes.scripts_ask("INVOKE_DEFAULT", then=then, **properties)


def _wait_in_background(run: Run) -> None:
    """Where no timer carries the run on."""
    if bpy.app.background:
        run.wait()


def wanted_nodes(context: bpy.types.Context, scope: str) -> list[str] | None:
    """The names of the nodes that a scope asks for, with those of the groups they are in; None for all."""
    nodes = edited_tree(context).nodes
    if scope == "SELECTED":
        found = [node for node in nodes if node.select and node.bl_idname not in _NOT_RUN]
    elif scope == "ACTIVE":
        found = [nodes.active] if nodes.active and nodes.active.bl_idname not in ENDS else []
    else:
        return None
    path = shown_path(context.space_data)
    return [path.into("", node.name).name for node in found]


class _RunOperator(TreeOperator):
    """An operator on the run of the tree that the editor shows."""

    @classmethod
    def objection(cls, run: Run) -> str:
        """Why it can't be done with a run; "" if it can."""
        return "The run is over" if run.state.is_final else ""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        run = active_run(context)
        message = "The node tree is not running" if run is None else cls.objection(run)
        if message:
            cls.poll_message_set(message)
        return not message


class BACKGROUND_NODES_OT_cancel(_RunOperator, bpy.types.Operator):
    """Cancel the run of the node tree; finished tasks keep their results"""

    bl_idname = "background_nodes.cancel"
    bl_label = "Cancel"

    def execute(self, context: bpy.types.Context) -> set[str]:
        active_run(context).cancel()
        return {"FINISHED"}


class BACKGROUND_NODES_OT_cancel_node(_RunOperator, bpy.types.Operator):
    """Cancel the active node and what needs it; the rest of the run goes on"""

    bl_idname = "background_nodes.cancel_node"
    bl_label = "Cancel Node"

    node_name: bpy.props.StringProperty(
        name="Node", description="The node to cancel, the active one if empty", options={"SKIP_SAVE"}
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        run, active = active_run(context), edited_tree(context).nodes.active
        if self.node_name:
            task = run.tasks.get(self.node_name) or run.groups.get(self.node_name)
        else:
            task = run.at(use_of(active).node_id) if active else None
        if task is None or task.state.is_final:
            self.report({"WARNING"}, translated("The node is not running"))
            return {"CANCELLED"}
        run.cancel(task.name)
        return {"FINISHED"}


class BACKGROUND_NODES_OT_pause(_RunOperator, bpy.types.Operator):
    """Pause the run, or resume it"""

    bl_idname = "background_nodes.pause"
    bl_label = "Pause"

    def execute(self, context: bpy.types.Context) -> set[str]:
        run = active_run(context)
        if run.is_paused:
            run.resume()
        else:
            run.pause()
        return {"FINISHED"}


class BACKGROUND_NODES_OT_finish_current(_RunOperator, bpy.types.Operator):
    """Start no more tasks; those that run now end as usual, and their results come home"""

    bl_idname = "background_nodes.finish_current"
    bl_label = "Stop After Current Tasks"

    @classmethod
    def objection(cls, run: Run) -> str:
        return "The run stops already" if run.is_finishing else super().objection(run)

    def execute(self, context: bpy.types.Context) -> set[str]:
        active_run(context).finish_current()
        return {"FINISHED"}


class BACKGROUND_NODES_OT_retry(_RunOperator, bpy.types.Operator):
    """Run again what did not succeed in the last run; what did succeed is kept"""

    bl_idname = "background_nodes.retry"
    bl_label = "Retry Failed"

    @classmethod
    def objection(cls, run: Run) -> str:
        if not run.is_home:
            return "The node tree is running already"
        return "" if run.can_retry else "All of the last run succeeded"

    def execute(self, context: bpy.types.Context) -> set[str]:
        run = active_run(context)
        try:
            session.retry(run)
        except BackgroundNodesError as error:
            if _is_to_ask(error):
                return _ask("retry")
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        _wait_in_background(run)
        return {"FINISHED"}


def _draw_context_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    """What an artist wants of the node under the mouse, in the node editor's own context menu."""
    tree = edited_tree(context)
    if tree is None or tree.nodes.active is None:
        return
    layout = menu.layout
    layout.separator()
    layout.operator("background_nodes.run", text="Run to Active", icon="PLAY").scope = "ACTIVE"
    layout.operator("background_nodes.run", text="Run Selected").scope = "SELECTED"
    layout.operator("background_nodes.cancel_node", icon="X")
    layout.operator("background_nodes.log_show", icon="TEXT")


class BACKGROUND_NODES_OT_problems_show(TreeOperator, bpy.types.Operator):
    """Look for what keeps the tree from running, and show it in the Sidebar"""

    bl_idname = "background_nodes.problems_show"
    bl_label = "Show Problems"

    def execute(self, context: bpy.types.Context) -> set[str]:
        tree = outer_tree(context)
        problems.find(tree)
        problems.wanted.tell(tree.session_uid)
        return {"FINISHED"}


class BACKGROUND_NODES_MT_run(bpy.types.Menu):
    """More ways to run the node tree, and to stop it"""

    bl_idname = "BACKGROUND_NODES_MT_run"
    bl_label = "Run"

    def draw(self, context: bpy.types.Context) -> None:
        layout, run = self.layout, active_run(context)
        layout.operator("background_nodes.run", icon="PLAY")
        layout.operator("background_nodes.run", text="Run Selected").scope = "SELECTED"
        layout.operator("background_nodes.run", text="Run to Active").scope = "ACTIVE"
        layout.operator("background_nodes.run", text="Force Run").force = True
        layout.operator("background_nodes.retry", icon="FILE_REFRESH")
        layout.operator("background_nodes.problems_show", icon="ERROR")
        layout.separator()
        is_paused = run is not None and run.is_paused
        layout.operator("background_nodes.pause", text="Resume" if is_paused else "Pause", icon="PAUSE")
        layout.operator("background_nodes.finish_current")
        layout.operator("background_nodes.cancel_node")
        layout.operator("background_nodes.cancel", icon="X")
        tree = outer_tree(context)
        if tree is not None:
            layout.separator()
            layout.prop(tree, "auto_run")
            if tree.auto_run == "SAVE":
                layout.prop(tree, "saves_results")


classes = (
    BACKGROUND_NODES_OT_run,
    BACKGROUND_NODES_OT_cancel,
    BACKGROUND_NODES_OT_cancel_node,
    BACKGROUND_NODES_OT_pause,
    BACKGROUND_NODES_OT_finish_current,
    BACKGROUND_NODES_OT_retry,
    BACKGROUND_NODES_OT_problems_show,
    BACKGROUND_NODES_MT_run,
)


def register() -> None:
    keymaps.add("Node Editor", "NODE_EDITOR", "background_nodes.run", "RET", ctrl=True)
    bpy.types.NODE_MT_context_menu.append(_draw_context_menu)


def unregister() -> None:
    bpy.types.NODE_MT_context_menu.remove(_draw_context_menu)
