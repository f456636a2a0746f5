# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a plan of a node tree: reads it, compiles it, and raises all its problems at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import bpy

from ...node_tree import reader
from ...runtime.blender import installed_addons, sendable
from ...runtime.errors import CompileError, Problem
from ...runtime.planning.compiler import compile_graph
from ...runtime.planning.graph import Graph
from ...runtime.planning.patching import patched
from ...runtime.planning.plan import Plan


def compiled(tree: bpy.types.NodeTree, until: str | Sequence[str] | None = None, *, takes_over: bool = False) -> Plan:
    """The plan of a tree as it is now, the same one if nothing in it has changed. Raises CompileError.

    Must not be called while Blender draws. If it `takes_over`, only nodes are read that have changed since the last
    such call, as far as Blender tells: enough for what is shown, not for what runs.
    """
    graph = reader.read(tree, bpy.context.scene, takes_over=takes_over)
    wanted = until if until is None or isinstance(until, str) else tuple(until)
    if any(socket.parameter.type.kind == "BLEND_FILE" for node in graph.nodes for socket in node.inputs):
        return compile_graph(graph, until=wanted)  # which looks at the files
    return _plan(graph, wanted)


def checked(tree: bpy.types.NodeTree, until: str | Sequence[str] | None = None, *, takes_over: bool = False) -> Plan:
    """As `compiled`, if workers can have all data-blocks and add-ons that it needs. Raises CompileError."""
    plan = compiled(tree, until, takes_over=takes_over)
    sendable.check(plan)
    _check_addons(plan)
    return plan


def _check_addons(plan: Plan) -> None:
    """Raise CompileError if an add-on is not installed: its version is a part of what a result depends on."""
    wanted = {module for task in plan.tasks for module in task.settings.addons}
    for refresh in (False, True):  # somebody may have installed it a moment ago
        missing = wanted - installed_addons.versions(refresh=refresh).keys() if wanted else wanted
        if not missing:
            return
    fix = "Install it, or take it away from Add-ons in the Sidebar"
    raise CompileError(
        [
            Problem(task.name, "", f'the add-on "{module}", which it needs, is not installed', fix, task.id)
            for task in plan.tasks
            for module in task.settings.addons
            if module in missing
        ]
    )


class _Known(NamedTuple):
    """A plan, and what it was made of."""

    graph: Graph
    until: str | tuple[str, ...] | None
    plan: Plan


#: The last plans, the newest first.
_known: list[_Known] = []
_MAX_KNOWN = 4


def _plan(graph: Graph, until: str | tuple[str, ...] | None) -> Plan:
    """The plan of a graph, patched where only values have changed since one of the last ones was made."""
    candidates = [known for known in _known if known.until == until and known.graph.name == graph.name]
    found = ((known, patched(known.plan, known.graph, graph)) for known in candidates)
    old, plan = next((pair for pair in found if pair[1] is not None), (None, None))
    if old is not None:
        _known[:] = [known for known in _known if known is not old]
    if plan is None:
        plan = compile_graph(graph, until=until)
    _known.insert(0, _Known(graph, until, plan))
    del _known[_MAX_KNOWN:]
    return plan
