# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a node is in its editor. Blender tells a node's place and size, but not in the pixels that are drawn to."""

from __future__ import annotations

from typing import NamedTuple

import bpy

#: Height of a node's header in UI units, and half of it.
HEADER = 20.0
#: Height of the letters that we draw over nodes, in UI units; below so many pixels nobody can read letters.
TEXT_SIZE = 11.0
_SMALLEST_TEXT = 5.0
#: Pixels beyond a region within which a node counts as in view: what it was drawn as last may be smaller than it is.
_MARGIN = 200.0


class Shape(NamedTuple):
    """The rectangle of a node in pixels of its region, from the lower left corner."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, width: float, height: float) -> bool:
        """Whether any of it is to be seen in a region of that size."""
        return self.right > 0.0 and self.left < width and self.top > 0.0 and self.bottom < height

    def contains(self, x: float, y: float, margin: float = 0.0) -> bool:
        """Whether a place is in it, or no farther from it than `margin`."""
        is_beside = self.left - margin <= x <= self.right + margin
        return is_beside and self.bottom - margin <= y <= self.top + margin


class View:
    """How a region shows its tree now."""

    def __init__(self, region: bpy.types.Region, ui_scale: float) -> None:
        to_region = region.view2d.view_to_region
        self.x, self.y = to_region(0.0, 0.0, clip=False)
        # Measured over a long distance, because the result is in whole pixels.
        self.zoom = (to_region(10_000.0, 0.0, clip=False)[0] - self.x) / 10_000.0
        self.width, self.height = region.width, region.height
        #: Pixels of one UI unit.
        self.unit = ui_scale * self.zoom

    @property
    def is_legible(self) -> bool:
        """Whether letters can be read."""
        return TEXT_SIZE * self.unit >= _SMALLEST_TEXT

    def may_show(self, node: bpy.types.Node) -> bool:
        """Whether a node may be in view. One that was never drawn has no size yet."""
        left, bottom, right, top = self.shape(node)
        is_beside = right < -_MARGIN or left > self.width + _MARGIN or top < -_MARGIN or bottom > self.height + _MARGIN
        return left == right or not is_beside

    def shape(self, node: bpy.types.Node) -> Shape:
        x, y = location(node)
        width, height = node.dimensions
        left, top = self.x + x * self.unit, self.y + y * self.unit
        if node.hide:  # it is drawn around the middle of the header
            top += height * self.zoom / 2.0 - HEADER / 2.0 * self.unit
        return Shape(left, top - height * self.zoom, left + width * self.zoom, top)


def can_be_read(node: bpy.types.Node, context: bpy.types.Context) -> bool:
    """Whether somebody could read what is on a node that is being drawn; in the Sidebar, for one, all can be read."""
    if context.region is None or context.region.type != "WINDOW":
        return True
    view = View(context.region, context.preferences.system.ui_scale)
    return view.is_legible and view.may_show(node)


def location(node: bpy.types.Node) -> tuple[float, float]:
    """The place of a node in its tree, also inside frames (`location_absolute`, which 4.2 does not have)."""
    x, y = node.location
    parent = node.parent
    while parent is not None:
        x, y, parent = x + parent.location.x, y + parent.location.y, parent.parent
    return x, y
