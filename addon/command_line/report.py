# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line reports: for people, or as one JSON object that a pipeline reads."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import bpy

from ...node_tree import lookup
from ...node_tree.identity import find_node
from ...node_tree.lookup import InputProblem
from ...runtime.blender import data_block_kinds
from ...runtime.errors import Problem
from ...runtime.planning.node_path import is_in_group
from ...runtime.scheduling.events import TaskError
from ...runtime.scheduling.states import RunState, TaskState
from ..session.group import Group
from ..session.run import Run
from ..session.task import Item, Task
from .terminal_text import name_width, one_line

#: Increased with each change that readers of the JSON must follow.
_VERSION = 2
#: Characters of a log's end that are reported.
_LOG_TAIL = 4000


class Report:
    """Filled in step by step; `exit_code` and `state` always tell how far it came."""

    def __init__(self) -> None:
        self.exit_code = 0
        self.state = "invalid"
        self.file = ""
        self.tree = ""
        self.output = ""
        self.error = ""
        self._problems: Sequence[Problem | InputProblem] = ()
        self._run: Run | None = None
        self._results: dict[str, dict[str, Any]] = {}

    def refuse(self, problems: Sequence[Problem | InputProblem]) -> None:
        """Bad input: nothing ran."""
        self.exit_code, self.state, self._problems = 2, "invalid", problems

    def fail(self, message: str) -> None:
        """Something other than a node failed."""
        self.exit_code, self.error = 1, message
        if self._run is None:
            self.state = "failed"

    def interrupt(self, exit_code: int) -> None:
        self.exit_code, self.state, self.error = exit_code, "cancelled", "interrupted"

    def take(self, tree: bpy.types.NodeTree, run: Run) -> None:
        """The run is over."""
        self._run = run
        self.state = str(run.state)
        self.exit_code = 0 if run.state is RunState.SUCCEEDED else 1
        self._results = dict(_results(tree, run))

    def complaints(self) -> Iterator[str]:
        """Lines for standard error: all that went wrong."""
        yield from (one_line(str(problem)) for problem in self._problems)
        for task in self._tasks():
            if task.error is not None and task.state is not TaskState.SKIPPED:
                yield f'node "{one_line(task.name)}" {_words(task.state)}: {task.error.message}'
                if task.error.traceback:
                    yield task.error.traceback.rstrip()
        if self.error:
            yield self.error[:1].upper() + self.error[1:]

    def as_text(self) -> str:
        if self._run is None:
            return ""
        lines = [f'"{self.tree}" {_words(self.state)} after {self._run.seconds:.1f} s']
        width = name_width(task.name for task in self._tasks())
        lines += [f"  {task.name:<{width}}  {_task_summary(task)}" for task in self._tasks()]
        results = [
            f"  {node}.{identifier} = {_shown(result['value'])}"
            for node, outputs in self._results.items()
            for identifier, result in outputs.items()
        ]
        lines += ["Results:", *results] if results else []
        lines += [f"Note: {note}" for note in self._run.notes]
        lines += [f"Saved: {self.output}"] if self.output else []
        return "".join(f"{one_line(line)}\n" for line in lines)

    def as_json(self) -> str:
        content = {
            "version": _VERSION,
            "state": self.state,
            "exit_code": self.exit_code,
            "error": self.error,
            "problems": [_problem(problem) for problem in self._problems],
            "file": self.file,
            "tree": self.tree,
            "output": self.output or None,
            "seconds": 0.0 if self._run is None else round(self._run.seconds, 3),
            "tasks": {task.name: _task(task) for task in self._tasks()},
            "groups": {} if self._run is None else {name: _group(group) for name, group in self._run.groups.items()},
            "results": self._results,
            "notes": [] if self._run is None else list(self._run.notes),
        }
        return json.dumps(content, indent=2, allow_nan=False) + "\n"

    def _tasks(self) -> Iterable[Task]:
        return () if self._run is None else self._run.tasks.values()


class Listing:
    """What can be run and set: the trees, their nodes and the nodes' sockets."""

    def __init__(self, trees: Sequence[bpy.types.NodeTree]) -> None:
        self._trees = {tree.name: {path.name: _node(node) for path, node in lookup.all_nodes(tree)} for tree in trees}

    def as_text(self) -> str:
        lines = []
        for tree_name, nodes in self._trees.items():
            lines.append(tree_name)
            for node_name, node in nodes.items():
                lines.append(f"  {node_name}" + (f" ({node['label']})" if node["label"] not in ("", node_name) else ""))
                lines += [
                    f"    {node_name}.{identifier}  {socket['type']}  "
                    + ("(linked)" if socket["linked"] else _shown(socket["value"]))
                    for identifier, socket in node["sockets"].items()
                ]
        return "".join(f"{one_line(line)}\n" for line in lines) or "no background node trees\n"

    def as_json(self) -> str:
        return json.dumps({"version": _VERSION, "trees": self._trees}, indent=2, allow_nan=False) + "\n"


def _node(node: bpy.types.Node) -> dict[str, Any]:
    if hasattr(node, "sync"):
        node.sync()  # its script may have changed since the file was saved: `--set` goes by what it says now
    sockets = {lookup.key(socket): _socket(socket) for socket in lookup.settable_sockets(node)}
    return {"type": node.bl_idname, "label": lookup.label(node), "muted": node.mute, "sockets": sockets}


def _socket(socket: bpy.types.NodeSocket) -> dict[str, Any]:
    content = {
        "label": socket.name,
        "type": str(socket.socket_type),
        "linked": socket.is_linked and not socket.is_output,
    }
    content["value"] = plain(socket.default_value)
    if hasattr(socket, "choices_json"):
        content["choices"] = json.loads(socket.choices_json or "[]")
    return content


# What is in a run


def _task(task: Task) -> dict[str, Any]:
    content: dict[str, Any] = {
        "state": str(task.state),
        "seconds": round(task.seconds, 3),
        "progress": round(task.progress, 4),
        "cached": task.cached,
        "gave_the_same": task.gave_the_same,
        "unneeded": task.is_unneeded,
        "reasons": list(task.reasons),
        "error": _error(task.error),
        "log": "" if task.is_mapped else task.log[-_LOG_TAIL:],
        "items": None,
    }
    if task.is_mapped:
        unfinished = [item for item in task.items if item.state is not TaskState.SUCCEEDED]
        content["items"] = {
            "total": task.num_items,
            "done": task.num_done,
            "succeeded": task.num_succeeded,
            "cached": task.num_cached,
            "not_succeeded": [_item(item) for item in unfinished],
        }
    return content


def _group(group: Group) -> dict[str, Any]:
    """All that is in a group node. The error is that of the task that `failed` names."""
    return {
        "state": str(group.state),
        "seconds": round(group.seconds, 3),
        "progress": round(group.progress, 4),
        "cached": group.cached,
        "num_tasks": len(group.tasks),
        "failed": None if group.failed is None else group.failed.name,
        "error": _error(group.error),
        "items": {"total": group.num_items, "done": group.num_done} if group.is_mapped else None,
    }


def _item(item: Item) -> dict[str, Any]:
    return {
        "index": item.index,
        "state": str(item.state),
        "seconds": round(item.seconds, 3),
        "error": _error(item.error),
        "log": item.log[-_LOG_TAIL:],
    }


def _error(error: TaskError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {"message": error.message, "traceback": error.traceback, "line": error.line}


def _problem(problem: Problem | InputProblem) -> dict[str, Any]:
    return {
        "where": getattr(problem, "where", ""),
        "node": problem.node,
        "socket": problem.socket,
        "line": problem.line,
        "message": problem.message,
        "fix": problem.fix,
    }


def _results(tree: bpy.types.NodeTree, run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each node with results that came home, and its outputs by what the script calls them; none in a group has."""
    outer = [each for each in (*run.tasks.values(), *run.groups.values()) if not is_in_group(each.node_id)]
    for task in outer:
        # A node that was cancelled keeps the result of an earlier run.
        node = None if task.state is TaskState.CANCELLED else find_node(tree, task.node_id)
        found = {
            lookup.key(socket): {"label": socket.name, "type": str(socket.socket_type), "value": plain(socket.result)}
            for socket in (() if node is None else node.outputs)
            if socket.enabled and socket.result is not None
        }
        if found:
            yield task.name, found


def plain(value: Any) -> Any:
    """A value as JSON holds it: a data-block by kind and name, numbers that are not finite as null."""
    if isinstance(value, bpy.types.ID):
        library = data_block_kinds.library_path(value)
        return {"kind": data_block_kinds.kind_of(value), "name": value.name} | ({"library": library} if library else {})
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value]  # a list, a vector, the rows of a matrix


# Words


def _words(state: str) -> str:
    return state.replace("_", " ")


def _task_summary(task: Task) -> str:
    words = ["not needed" if task.is_unneeded else "cached" if task.cached else _words(task.state)]
    if task.is_mapped and task.num_items is not None:
        words.append(f"{task.num_succeeded}/{task.num_items} items")
    if task.seconds:
        words.append(f"{task.seconds:.1f} s")
    if task.gave_the_same:
        words.append("gave the same as before")
    reasons = "; ".join(task.reasons)
    return ", ".join(words) + (f": {reasons}" if reasons and task.state is TaskState.SUCCEEDED else "")


def _shown(value: Any) -> str:
    if isinstance(value, dict) and "kind" in value:
        return f'{value["kind"]} "{value["name"]}"'
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return f"{value:.6g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
