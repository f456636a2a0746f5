# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a plan of an earlier one, where only values that are set on nodes have changed since: the usual edit.

A value that decides more than its argument is left to the compiler: of a list, a file or a data-block, or at a node
that is no script node.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ..errors import MisfitError
from .graph import Graph, GraphNode, InputSocket, NodeKind
from .plan import Argument, Plan, PlannedTask
from .set_values import is_missing, set_argument

#: Kinds whose values say which files are read and written.
_OF_FILES: Final = frozenset({"PATH", "BLEND_FILE"})


def patched(plan: Plan, before: Graph, now: Graph) -> Plan | None:
    """The plan of the graph `now`, made of the plan of one `before`; None if that has to be compiled.

    If nothing has changed, it is the same one.

    Takes as long as it takes to find the nodes that differ, which is least if the others are the same objects.
    """
    if len(before.nodes) != len(now.nodes) or not _are_alike(before, now):
        return None
    changed = [pair for pair in zip(before.nodes, now.nodes, strict=True) if not _is_same(*pair)]
    if not changed:
        return plan
    linked = {(link.to_node, link.to_socket) for link in now.links}
    places = {task.id: place for place, task in enumerate(plan.tasks)}
    tasks = list(plan.tasks)
    for old, new in changed:
        place = places.get(new.id)  # none in a group that is repeated, where a node is several tasks
        if place is None or new.kind is not NodeKind.SCRIPT or replace(new, inputs=old.inputs) != old:
            return None
        task = _patched_task(tasks[place], old, new, linked)
        if task is None:
            return None
        tasks[place] = task
    return replace(plan, tasks=tuple(tasks))


def _are_alike(before: Graph, now: Graph) -> bool:
    """Whether graphs are equal but for their nodes."""
    return all(
        getattr(before, name) == getattr(now, name) for name in ("name", "links", "scene", "files", "home")
    ) and repr(before.scene) == repr(now.scene)


def _is_same(node: GraphNode, other: GraphNode) -> bool:
    """Whether two nodes are equal to the last digit: 1 == 1.0 == True, and 0.0 == -0.0."""
    return node is other or (node == other and list(_exact(node)) == list(_exact(other)))


def _exact(node: GraphNode) -> Iterator[str]:
    """What tells values apart that are equal. Data-blocks have none: their numbers tell all."""
    for each in node.inputs:
        if not each.parameter.type.is_data_block:
            parameter = each.parameter
            yield repr((each.value, parameter.default, parameter.choices, parameter.minimum, parameter.maximum))
    for output in node.outputs:
        if not output.type.is_data_block:
            yield repr(output.value)


def _patched_task(
    task: PlannedTask, old: GraphNode, new: GraphNode, linked: set[tuple[str, str]]
) -> PlannedTask | None:
    if not len(old.inputs) == len(new.inputs) == len(task.arguments):
        return None
    arguments: list[Argument] = []
    for before, now, argument in zip(old.inputs, new.inputs, task.arguments, strict=True):
        if before is now or repr(before) == repr(now):
            arguments.append(argument)
        elif repr(before.parameter) != repr(now.parameter) or (new.id, now.identifier) in linked:
            return None
        else:
            patch = _argument(now)
            if patch is None:
                return None
            arguments.append(patch)
    return replace(task, arguments=tuple(arguments))


def _argument(socket: InputSocket) -> Argument | None:
    """What an input without a link gives; None if the compiler has to look at it."""
    parameter = socket.parameter
    if parameter.type.is_list or parameter.type.is_data_block or parameter.type.kind in _OF_FILES:
        return None
    try:
        return None if is_missing(socket.value, parameter) else set_argument(socket.value, parameter)
    except MisfitError:
        return None
