# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of nodes as the editor shows them now."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import gpu
import numpy

from ...node_tree.node_shape import Shape, View
from ...runtime.blend_file.asset_data import Picture
from ..presets import pictures

#: Pixels around the nodes.
_MARGIN = 24.0


class EditorPicture:
    """What an editor showed when it was taken."""

    def __init__(self, pixels: numpy.ndarray, shapes: dict[str, Shape]) -> None:
        self._pixels = pixels
        self._shapes = shapes

    def of(self, nodes: Sequence[bpy.types.Node]) -> Picture | None:
        """The part with these nodes; None if none of them is in it."""
        shapes = [self._shapes[node.name] for node in nodes if node.name in self._shapes]
        if not shapes:
            return None
        height, width = self._pixels.shape[:2]
        left, bottom = (max(0, int(min(shape[side] for shape in shapes) - _MARGIN)) for side in (0, 1))
        right, top = (int(max(shape[side] for shape in shapes) + _MARGIN) for side in (2, 3))
        part = self._pixels[bottom : min(height, top), left : min(width, right)].astype(numpy.float32) / 255.0
        part[..., 3] = 1.0
        return pictures.fitted(part)


def take(context: bpy.types.Context) -> EditorPicture | None:
    """Take it: the editor is drawn anew for that. None in background."""
    area = context.area
    region = None if area is None else next((region for region in area.regions if region.type == "WINDOW"), None)
    if bpy.app.background or region is None:
        return None
    taken: list[numpy.ndarray] = []

    def read() -> None:
        if bpy.context.region == region and not taken:
            width, height = region.width, region.height
            buffer = gpu.state.active_framebuffer_get().read_color(0, 0, width, height, 4, 0, "UBYTE")
            buffer.dimensions = 4 * width * height
            taken.append(numpy.array(buffer, numpy.uint8).reshape(height, width, 4))

    handler = bpy.types.SpaceNodeEditor.draw_handler_add(read, (), "WINDOW", "POST_PIXEL")
    try:
        region.tag_redraw()
        with context.temp_override(region=region):
            bpy.ops.wm.redraw_timer(type="DRAW_WIN", iterations=1)
    finally:
        bpy.types.SpaceNodeEditor.draw_handler_remove(handler, "WINDOW")
    if not taken:
        return None
    view = View(region, context.preferences.system.ui_scale)
    shapes = {node.name: view.shape(node) for node in area.spaces.active.edit_tree.nodes}
    shown = {name: shape for name, shape in shapes.items() if shape.overlaps(view.width, view.height)}
    return EditorPicture(taken[0], shown)
