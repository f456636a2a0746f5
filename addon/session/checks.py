# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a plan of a node tree: reads it, compiles it, and raises all its problems at once."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ...node_tree import reader
from ...runtime.blender import sendable
from ...runtime.planning.compiler import compile_graph
from ...runtime.planning.plan import Plan


def compiled(tree: bpy.types.NodeTree, until: str | Sequence[str] | None = None) -> Plan:
    """The plan of a tree as it is now. Must not be called while Blender draws. Raises CompileError."""
    return compile_graph(reader.read(tree, bpy.context.scene), until=until)


def checked(tree: bpy.types.NodeTree, until: str | Sequence[str] | None = None) -> Plan:
    """The plan of a tree, if workers can be sent all data-blocks that it reads. Raises CompileError."""
    plan = compiled(tree, until)
    sendable.check(plan)
    return plan
