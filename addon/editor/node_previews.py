# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of results on their nodes, if the artist wants them: of images and objects that came home.

Blender makes them beside its other work, and keeps them. To draw a node only looks one up; what has none yet is noted:

    drawing --wanted--> timer: asks Blender for the picture --> Blender makes it, and draws the editor again
"""

from __future__ import annotations

from collections.abc import Iterator

import bpy

from ...node_tree.node_shape import can_be_read
from ...runtime.blender.data_block_kinds import Handle, Index
from ..preferences import preferences
from ..session.current import session
from ..session.run import Run

#: The most pictures on a node; a single one's size, and that of several together, in rows of a node.
_MAX_PICTURES, _SIZE, _SHARED_SIZE = 3, 6.0, 8.0

#: Objects without a picture, and those with one that is drawn.
_wanted: set[Handle] = set()
_shown: set[Handle] = set()


def draw(node: bpy.types.Node, layout: bpy.types.UILayout) -> None:
    """Draw the pictures of a node's results. Of one that nobody can read, their room is left: nodes keep their size."""
    if not preferences.get("overlay_previews"):
        return
    items = list(_items(node))
    if not items:
        return
    is_seen = can_be_read(node, bpy.context)
    row = layout.row()
    size = _SIZE if len(items) == 1 else _SHARED_SIZE / len(items)
    for item in items:
        row.template_icon(icon_value=_icon(layout, item) if is_seen else 0, scale=size)


def _items(node: bpy.types.Node) -> Iterator[bpy.types.ID]:
    """The first images and objects of its outputs."""
    count = 0
    for socket in node.outputs:
        if count < _MAX_PICTURES and getattr(socket, "has_result", False) and socket.shows_result:
            first = next(iter(socket.result_data_blocks), None)
            if isinstance(first, bpy.types.Image | bpy.types.Object):
                count += 1
                yield first


def _icon(layout: bpy.types.UILayout, item: bpy.types.ID) -> int:
    """The number of its picture, 0 while there is none."""
    if isinstance(item, bpy.types.Image):
        return layout.icon(item)
    handle = Handle.of(item)
    if item.preview is None:
        _want({handle})
        return 0
    _shown.add(handle)
    return item.preview.icon_id


def _want(handles: set[Handle]) -> None:
    _wanted.update(handles)
    if not bpy.app.timers.is_registered(_make):
        bpy.app.timers.register(_make, first_interval=0.0)


def _make() -> None:
    """Let Blender make the pictures: while it draws, nothing may be written."""
    index = Index()
    for handle in tuple(_wanted):
        item = index.find(*handle)
        if item is None:
            continue
        if item.preview is None:
            item.preview_ensure()
        elif not item.preview.is_image_custom:
            with bpy.context.temp_override(id=item):
                if bpy.ops.ed.lib_id_generate_preview.poll():
                    bpy.ops.ed.lib_id_generate_preview()
    _wanted.clear()


def _run_ended(_run: Run) -> None:
    """An object that has new data has another look."""
    if _shown and preferences.get("overlay_previews"):
        _want(_shown)
    _shown.clear()


@bpy.app.handlers.persistent
def _after_load(*_arguments: object) -> None:
    _wanted.clear()
    _shown.clear()


def register() -> None:
    session.ended.listen(_run_ended)
    bpy.app.handlers.load_post.append(_after_load)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_after_load)
    session.ended.stop_listening(_run_ended)
    if bpy.app.timers.is_registered(_make):
        bpy.app.timers.unregister(_make)
    _after_load()
