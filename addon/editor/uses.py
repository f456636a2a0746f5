# SPDX-License-Identifier: GPL-3.0-or-later
"""Which node of a run a node in an editor stands for: in a group, that of the use that the editor shows."""

from __future__ import annotations

from typing import NamedTuple

import bpy

from ...runtime.scheduling.events import TaskError
from ..session.current import session
from ..session.run import Status
from .shown_path import shown_path


class Use(NamedTuple):
    """A node within the outer tree: that, and the id of its path in it."""

    tree: bpy.types.NodeTree
    node_id: str

    @property
    def status(self) -> Status | None:
        """What the last run of the tree tells of it."""
        run = session.run_of(self.tree)
        return None if run is None else run.at(self.node_id)

    @property
    def count(self) -> int | TaskError | None:
        """How many elements a list node gave in that run, or why it could not; None if that is not known."""
        run = session.run_of(self.tree)
        return None if run is None else run.count_of(self.node_id)


def use_of(node: bpy.types.Node) -> Use:
    """What a node stands for in the editor that is drawn or used; anywhere else it is a node of its own tree."""
    space, tree, uid = bpy.context.space_data, node.id_data, getattr(node, "uid", "")
    if isinstance(space, bpy.types.SpaceNodeEditor) and len(space.path) > 1 and space.edit_tree == tree:
        return Use(space.path[0].node_tree, shown_path(space).into(uid, node.name).id)
    return Use(tree, uid)
