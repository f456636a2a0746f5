# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tree the editors show: a pinned editor shows its own, all others the one that the artist chose last.

Blender's other node editors follow the active object. A background node tree belongs to no object.
"""

from __future__ import annotations

import bpy


class ShownTree:
    """The choice. Trees are remembered by `session_uid`, editors by their address."""

    def __init__(self) -> None:
        self._chosen: int | None = None
        self._given: dict[int, int | None] = {}

    def of(self, space: bpy.types.SpaceNodeEditor) -> bpy.types.NodeTree | None:
        """The tree that an editor without a pin is to show. Blender asks before it draws."""
        shown, editor = space.node_tree, space.as_pointer()
        uid = None if shown is None else shown.session_uid
        given = self._given.get(editor)
        is_undone = shown is None and _find(given) is None  # a redo may bring it back: it stays the choice
        if uid != given and not is_undone:  # the artist chose it here; a new editor comes with a tree, too
            self._chosen = uid
        tree = shown if uid == self._chosen else _find(self._chosen)
        self._given[editor] = None if tree is None else tree.session_uid
        return tree


def _find(uid: int | None) -> bpy.types.NodeTree | None:
    return next((tree for tree in bpy.data.node_groups if tree.session_uid == uid), None)
