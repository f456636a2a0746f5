# SPDX-License-Identifier: GPL-3.0-or-later
"""Auto run: a tree in the mode *On Save* runs by itself whenever its file is saved.

A file from somebody else may have the mode set. So a tree runs by itself only after the artist has run it once by hand
since the file was opened. This consent is not saved in the file.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import bpy

from ...node_tree.identity import background_trees
from ...runtime.errors import BackgroundNodesError, CompileError
from ..session import problems
from ..session.current import session

#: Seconds until a tree whose run is still going on is looked at again.
_INTERVAL = 0.5

#: The trees that are to run, by `session_uid`.
_due: set[int] = set()


@bpy.app.handlers.persistent
def _after_save(filepath: str, *_arguments: object) -> None:
    is_copy = bool(filepath) and bpy.path.abspath(filepath) != bpy.data.filepath
    if is_copy or bpy.app.background:
        return
    _due.update(tree.session_uid for tree in background_trees() if tree.auto_run == "SAVE" and session.run_of(tree))
    if _due and not bpy.app.timers.is_registered(_start_due):
        bpy.app.timers.register(_start_due, first_interval=0.0)


def _start_due() -> float | None:
    """Start the trees that are due, except those that still run: these start when their run is over."""
    for tree in list(_due_trees()):
        if session.run_of(tree).is_home:
            _due.discard(tree.session_uid)
            _start(tree)
    return _INTERVAL if _due else None


def _due_trees() -> Iterator[bpy.types.NodeTree]:
    trees = {tree.session_uid: tree for tree in background_trees() if session.run_of(tree)}
    _due.intersection_update(trees)
    yield from (trees[uid] for uid in _due)


def _start(tree: bpy.types.NodeTree) -> None:
    try:
        session.start(tree)
    except CompileError as error:  # scripts that are not allowed to run, too: a save opens no dialog
        problems.show(tree, error.problems)
    except BackgroundNodesError:  # such as a full disk; the Run button reports it
        traceback.print_exc()


def register() -> None:
    bpy.app.handlers.save_post.append(_after_save)


def unregister() -> None:
    bpy.app.handlers.save_post.remove(_after_save)
    if bpy.app.timers.is_registered(_start_due):
        bpy.app.timers.unregister(_start_due)
    _due.clear()
