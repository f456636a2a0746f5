# SPDX-License-Identifier: GPL-3.0-or-later
"""How a socket's label and its field share a row of a node. Sizes are in the unit of `Node.width`."""

from __future__ import annotations

from collections.abc import Iterable

import bpy

from . import node_text

#: What lies left and right of a row, and the least that a field needs for a short text.
_EDGES, _FIELD = 26.0, 96.0
#: The largest part of a row that a label gets, and the widest that a node becomes for it.
_MAX_SHARE, _MAX_WIDTH = 0.6, 260.0


def field_beside(layout: bpy.types.UILayout, text: str, width: float) -> bpy.types.UILayout:
    """Draw a label in a row of a node of this width; where its field goes. Without a text, the field has it all.

    Fields of a node begin at one place, but where its artist has left too little room for a label.
    """
    if not text:
        return layout
    split = layout.split(factor=label_share(text, width))
    split.label(text=text)
    return split


def label_share(text: str, width: float) -> float:
    """The part of a row that a label gets. In a wide node the field gets half: a long path can be read there."""
    row = width - _EDGES
    return min(_MAX_SHARE, max(min(row - _FIELD, row / 2.0), _room(text)) / row)


def width_for(labels: Iterable[str], least: float) -> float:
    """The width of a node in which these labels, each beside a field, can be read."""
    wanted = max((_room(text) + _FIELD + _EDGES for text in labels), default=0.0)
    return max(least, min(_MAX_WIDTH, wanted))


def _room(text: str) -> float:
    return node_text.LETTER * len(text) + 6.0
