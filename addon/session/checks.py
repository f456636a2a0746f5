# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a plan of a node tree: reads it, compiles it, and raises all its problems at once."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence

import addon_utils
import bpy

from ...node_tree import reader
from ...runtime.blender import sendable
from ...runtime.errors import CompileError, Problem
from ...runtime.planning.compiler import compile_graph
from ...runtime.planning.graph import Graph
from ...runtime.planning.plan import Plan
from ...runtime.script.signature import MISSING, Parameter


def compiled(tree: bpy.types.NodeTree, until: str | Sequence[str] | None = None) -> Plan:
    """The plan of a tree as it is now, the same one if nothing in it has changed. Raises CompileError.

    Must not be called while Blender draws.
    """
    graph = reader.read(tree, bpy.context.scene)
    wanted = until if until is None or isinstance(until, str) else tuple(until)
    if any(socket.parameter.type.kind == "BLEND_FILE" for node in graph.nodes for socket in node.inputs):
        return compile_graph(graph, until=wanted)  # which looks at the files
    return _plan(_Wanted(graph, wanted))


def checked(tree: bpy.types.NodeTree, until: str | Sequence[str] | None = None) -> Plan:
    """The plan of a tree, if workers can have all data-blocks and add-ons that it needs. Raises CompileError."""
    plan = compiled(tree, until)
    sendable.check(plan)
    _check_addons(plan)
    return plan


def _check_addons(plan: Plan) -> None:
    """Raise CompileError if an add-on is not installed: its version is a part of what a result depends on."""
    wanted = {module for task in plan.tasks for module in task.settings.addons}
    for refresh in (False, True):  # somebody may have installed it a moment ago
        missing = wanted - {each.__name__ for each in addon_utils.modules(refresh=refresh)} if wanted else wanted
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


class _Wanted:
    """A graph, and until which nodes it is to run. Equal to another one if their plans are the same."""

    def __init__(self, graph: Graph, until: str | tuple[str, ...] | None) -> None:
        self.graph = graph
        self.until = until

    def __hash__(self) -> int:
        return hash((self.graph.name, len(self.graph.nodes), self.until))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Wanted) or self.until != other.until or self.graph != other.graph:
            return False
        return self.values == other.values  # for 1 == 1.0 == True, and 0.0 == -0.0

    @functools.cached_property
    def values(self) -> bytes:
        """A digest of the plain values of the graph."""
        nodes = self.graph.nodes
        inputs = [_values(socket.parameter, socket.value) for node in nodes for socket in node.inputs]
        outputs = [socket.value for node in nodes for socket in node.outputs if not socket.type.is_data_block]
        return hashlib.blake2b(repr((inputs, outputs)).encode("utf-8", "surrogatepass")).digest()


def _values(parameter: Parameter, value: object) -> object:
    if parameter.type.is_data_block:
        return None
    default = None if parameter.default is MISSING else parameter.default
    return value, default, parameter.choices, parameter.minimum, parameter.maximum


@functools.lru_cache(maxsize=4)
def _plan(wanted: _Wanted) -> Plan:
    return compile_graph(wanted.graph, until=wanted.until)
