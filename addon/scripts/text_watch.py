# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets sockets follow their script while it is written: after a pause in typing, or when its file is saved.

A redraw of a Text Editor is the sign that somebody may be typing in it. The draw handler only notes which texts have
changed; a timer that fires once updates their nodes later.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from ...node_tree import changes
from ...node_tree.identity import background_trees
from ...node_tree.script_node import BackgroundNodeScript
from ..consent import current as consent
from ..editor import redraw
from . import texts

#: Seconds without a key after which what is written is read.
_PAUSE = 0.5

#: By the text's `session_uid`: a hash of what it held when it was last drawn. Only texts with nodes are in it.
_seen: dict[int, int] = {}
#: The texts to be followed after the pause.
_changed: set[int] = set()
#: What Blender gives for the draw handler, to remove it.
_draw_handles: list[Any] = []


def _text_drawn() -> None:
    text = bpy.context.space_data.text
    if text is None:
        return
    consent.look_at(text)  # what is written here is the artist's own
    if next(_nodes_of(text), None) is None:
        return
    content = hash(text.as_string())
    if _seen.get(text.session_uid) != content:
        _seen[text.session_uid] = content
        _changed.add(text.session_uid)
        _restart_timer()


def _restart_timer() -> None:
    _stop_timer()
    bpy.app.timers.register(_follow_changed, first_interval=_PAUSE)


def _stop_timer() -> None:
    if bpy.app.timers.is_registered(_follow_changed):
        bpy.app.timers.unregister(_follow_changed)


def _follow_changed() -> None:
    followed = set()
    for text in bpy.data.texts:
        if text.session_uid in _changed:
            for node in list(_nodes_of(text)):
                node.sync()
                changes.property_changed(node, None)
                followed.add(node.id_data.session_uid)
    _changed.clear()
    redraw.tag(followed)  # the mouse is in the Text Editor


def _nodes_of(text: bpy.types.Text) -> Iterator[BackgroundNodeScript]:
    """The nodes whose script is in a text, or in the file that the text is saved to."""
    path = None if text.is_in_memory or text.is_dirty else texts.absolute(text.filepath, text)
    for tree in background_trees():
        for node in tree.nodes if tree.is_editable else ():
            if node.bl_idname != BackgroundNodeScript.bl_idname:
                continue
            is_its_file = path is not None and node.filepath and texts.absolute(node.filepath) == path
            if node.script == text or is_its_file:
                yield node


@bpy.app.handlers.persistent
def _after_undo(*_arguments: object) -> None:
    """An undo in another editor takes back how sockets followed, but not what was typed."""
    if _seen:
        _changed.update(_seen)
        _restart_timer()


@bpy.app.handlers.persistent
def _forget(*_arguments: object) -> None:
    _stop_timer()
    _seen.clear()
    _changed.clear()


_HANDLERS = (
    (bpy.app.handlers.undo_post, _after_undo),
    (bpy.app.handlers.redo_post, _after_undo),
    (bpy.app.handlers.load_pre, _forget),
)


def register() -> None:
    _draw_handles.append(bpy.types.SpaceTextEditor.draw_handler_add(_text_drawn, (), "WINDOW", "POST_PIXEL"))
    for functions, function in _HANDLERS:
        functions.append(function)


def unregister() -> None:
    for functions, function in _HANDLERS:
        functions.remove(function)
    while _draw_handles:
        bpy.types.SpaceTextEditor.draw_handler_remove(_draw_handles.pop(), "WINDOW")
    _forget()
