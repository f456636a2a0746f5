# SPDX-License-Identifier: GPL-3.0-or-later
"""*Copy Report*: all that somebody else needs to understand a fault, without the names of the artist's folders."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as translated

from ...runtime.version import __version__
from ..drawing.quantities import memory_size
from ..editor.active import TreeOperator, active_run, outer_tree
from ..session import problems
from ..session.current import session
from ..session.group import Group
from ..session.run import Run
from ..session.task import Task
from . import log

#: Characters of the end of each log.
_LOG_TAIL = 4000
#: Nodes whose error and log are given in full.
_MAX_FAILED = 5


class BACKGROUND_NODES_OT_report_copy(TreeOperator, bpy.types.Operator):
    """Copy what a bug report needs: versions, the tree, its problems, errors, and the end of the log"""

    bl_idname = "background_nodes.report_copy"
    bl_label = "Copy Report"

    node_name: bpy.props.StringProperty(
        name="Node",
        description="The node whose log to give, those that failed if empty",
        options={"SKIP_SAVE", "HIDDEN"},
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        found = log.status_of(context, self.node_name) if self.node_name else None
        task = found.failed if isinstance(found, Group) else found
        context.window_manager.clipboard = report(outer_tree(context), active_run(context), task)
        self.report({"INFO"}, translated("The report is in the clipboard"))
        return {"FINISHED"}


def report(tree: bpy.types.NodeTree, run: Run | None, task: Task | None = None) -> str:
    """The text of a report: of one task, or of all that failed. Always in English, for the developers."""
    lines = [*_versions(), "", *_tree(tree)]
    if run is not None:
        lines += ["", *_run(run)]
        for told in [task] if task is not None else _failed(run)[:_MAX_FAILED]:
            lines += ["", *_task(told)]
    return without_own_folders("\n".join(lines)) + "\n"


def without_own_folders(text: str) -> str:
    """The text with the artist's folders shortened: `~`, `<temp>`, `<blend>`. Bug reports are public."""
    folders = [
        (bpy.app.tempdir, "<temp>"),
        (tempfile.gettempdir(), "<temp>"),
        (os.path.dirname(bpy.data.filepath), "<blend>"),  # noqa: PTH120 (a `Path` of "" is the current folder)
        (str(Path.home()), "~"),
    ]
    for folder, short in sorted(folders, key=lambda pair: len(pair[0]), reverse=True):
        if len(folder) > 1:
            text = text.replace(folder.rstrip("/\\"), short)
    return text


def _versions() -> Iterator[str]:
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    yield f"Background Nodes {__version__}"
    build = bpy.app.build_hash.decode(errors="replace")
    yield f"Blender {bpy.app.version_string} ({build}), Python {platform.python_version()}"
    yield f"{system}, {os.cpu_count()} processors, {session.settings.num_workers} workers"


def _tree(tree: bpy.types.NodeTree) -> Iterator[str]:
    yield f'Tree "{tree.name}": {len(tree.nodes)} nodes, {len(tree.links)} links'
    for problem in problems.of(tree) or ():
        yield f"  Problem: {problem}"


def _run(run: Run) -> Iterator[str]:
    yield f"Run: {run.state} after {run.seconds:.1f} s"
    for task in run.tasks.values():
        items = f", {task.num_succeeded}/{task.num_items} items" if task.is_mapped else ""
        memory = f", {memory_size(task.peak_memory)}" if task.peak_memory is not None else ""
        state = "cached" if task.cached else task.state
        reasons = f" ({'; '.join(task.reasons)})" if task.reasons else ""
        same = ", gave the same as before" if task.gave_the_same else ""
        yield f"  {task.name}: {state}{items}, {task.seconds:.1f} s{memory}{same}{reasons}"
    for note in run.notes:
        yield f"  Note: {note}"


def _failed(run: Run) -> list[Task]:
    return [task for task in run.tasks.values() if task.state in log.WENT_WRONG]


def _task(task: Task) -> Iterator[str]:
    yield f'Node "{task.name}": {task.state}'
    yield from log.error_lines(task)
    wrong = [item.log for item in task.items if item.state in log.WENT_WRONG]
    printed = "\n".join(wrong or [task.log]).strip("\n")
    if printed:
        yield "Log:" if len(printed) <= _LOG_TAIL else f"The last {_LOG_TAIL} characters of the log:"
        yield printed[-_LOG_TAIL:]


classes = (BACKGROUND_NODES_OT_report_copy,)
