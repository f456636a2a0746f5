# SPDX-License-Identifier: GPL-3.0-or-later
"""The node tree."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import bpy

from . import changes, group_node, links, list_nodes
from .shown_tree import ShownTree

_shown_tree = ShownTree()
#: The type of the sockets of a reroute that nothing is linked to yet. Blender 5.2 gives group nodes no sockets while
#: any socket in the group is of no valid type.
_OF_NEW_REROUTES = "NodeSocketColor"

#: Called with a tree whose mode the artist, or a program, has chosen; not when it came with a file or an undo.
mode_listeners: list[Callable[[bpy.types.NodeTree], None]] = []


@contextlib.contextmanager
def mode_is_not_chosen() -> Iterator[None]:
    """Within the block trees are given the modes that others have chosen for them: nobody is told."""
    before = mode_listeners[:]
    mode_listeners.clear()
    try:
        yield
    finally:
        mode_listeners[:] = before


def _mode_chosen(tree: bpy.types.NodeTree, _context: bpy.types.Context | None) -> None:
    for listener in mode_listeners:
        listener(tree)


class BackgroundNodeTree(bpy.types.NodeTree):
    """A graph of scripts that background Blenders carry out."""

    bl_idname = "BackgroundNodeTree"
    bl_label = "Background Nodes"
    bl_icon = "SCRIPTPLUGINS"
    bl_use_group_interface = True

    auto_run: bpy.props.EnumProperty(
        name="Auto Run",
        description=(
            "When the tree runs by itself, once it was run by hand or this was chosen since the file was opened"
        ),
        items=(
            ("MANUAL", "Manual", "Run only when Run is pressed", "PLAY", 0),
            ("SAVE", "On Save", "Run what has changed whenever the file is saved", "FILE_TICK", 1),
            ("LIVE", "Live", "Run what has changed half a second after each change", "FILE_REFRESH", 2),
            ("FRAME", "On Frame Change", "Run on each frame that you go to, but not while playing", "TIME", 3),
        ),
        default="MANUAL",
        options=set(),  # no animation, no driver
        update=_mode_chosen,
    )
    saves_results: bpy.props.BoolProperty(
        name="Save Results",
        description=(
            "Save the file once more when the results of a run after saving are home, "
            "unless you have changed something since"
        ),
        options=set(),
    )

    @classmethod
    def get_from_context(
        cls, context: bpy.types.Context
    ) -> tuple[bpy.types.NodeTree | None, bpy.types.ID | None, bpy.types.ID | None]:
        """Blender asks this for each editor that is not pinned."""
        return _shown_tree.of(context.space_data), None, None

    @classmethod
    def valid_socket_type(cls, idname: str) -> bool:
        return idname.startswith("BackgroundNodeSocket") or idname == _OF_NEW_REROUTES

    def update(self) -> None:
        """Blender calls this after each change of nodes and links, and computes `is_valid` anew after that."""
        group_node.follow_inside(self)
        changes.tell(self, changes.Part.LINKS)
        _mark_soon()


@bpy.app.handlers.persistent
def _mark_soon(*_arguments: object) -> None:
    # In background mode no timer fires and nothing is drawn.
    if not bpy.app.background and not bpy.app.timers.is_registered(_mark_all_links):
        bpy.app.timers.register(_mark_all_links, first_interval=0.0)


def _mark_all_links() -> None:
    for tree in bpy.data.node_groups:
        if tree.bl_idname == BackgroundNodeTree.bl_idname:
            list_nodes.follow_links(tree)
            links.give_reroutes_types(tree)
            links.mark(tree)


#: After these the links may be drawn otherwise, though no tree was changed by hand.
_HANDLERS = (bpy.app.handlers.load_post, bpy.app.handlers.undo_post, bpy.app.handlers.redo_post)


def register() -> None:
    for functions in _HANDLERS:
        functions.append(_mark_soon)


def unregister() -> None:
    for functions in _HANDLERS:
        functions.remove(_mark_soon)
    if bpy.app.timers.is_registered(_mark_all_links):
        bpy.app.timers.unregister(_mark_all_links)


classes = (BackgroundNodeTree,)
