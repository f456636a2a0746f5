# SPDX-License-Identifier: GPL-3.0-or-later
"""From a node tree to a plan: it is read, compiled, and all that is wrong with it is told at once."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ...node_tree import reader
from ...runtime.blender import sendable
from ...runtime.planning.compiler import compile_graph
from ...runtime.planning.plan import Plan


def compiled(tree: bpy.types.NodeTree, until: str | Sequence[str] | None = None) -> Plan:
    """The plan of a tree as it is now. Never while Blender draws. Raises CompileError."""
    return compile_graph(reader.read(tree, bpy.context.scene), until=until)


def checked(tree: bpy.types.NodeTree, until: str | Sequence[str] | None = None) -> Plan:
    """The same, if all that it reads can be sent to workers, too. Raises CompileError."""
    plan = compiled(tree, until)
    sendable.check(plan)
    return plan
