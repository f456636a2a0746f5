# SPDX-License-Identifier: GPL-3.0-or-later
"""How a socket's label and its field share a row of a node. Sizes are in the unit of `Node.width`."""

from __future__ import annotations

import math
from collections.abc import Iterable

import bpy

from ..runtime.script.wording import title_of
from . import fields, node_text

#: What lies left and right of a row, and the least that a field needs for a short text.
_EDGES, _FIELD = 26.0, 96.0
#: What is beside the text in a menu; beside the label in a tick box, and in a number's field, for so many digits.
_ARROW, _TICK, _NUMBER, _SHORT = 30.0, 20.0, 60.0, 4
#: The largest part of a row that a label gets, and the widest that a node becomes for it.
_MAX_SHARE, _MAX_WIDTH = 0.6, 260.0


def field_beside(layout: bpy.types.UILayout, text: str, width: float, field_json: str = "") -> bpy.types.UILayout:
    """Draw a label in a row of a node of this width; where its field goes. Without a text, the field has it all.

    Fields of a node begin at one place, but where a menu has a long choice, or the node's artist has left too little
    room for a label.
    """
    if not text:
        return layout
    split = layout.split(factor=label_share(text, width, field_json))
    split.label(text=text)
    return split


def label_share(text: str, width: float, field_json: str = "") -> float:
    """The part of a row that a label gets. In a wide node the field gets half: a long path can be read there."""
    row = width - _EDGES
    return min(_MAX_SHARE, max(min(row - _field_room(field_json), row / 2.0), _room(text)) / row)


def width_for(sockets: Iterable[bpy.types.NodeSocket], least: float) -> float:
    """The width of a node in which the labels of these sockets of ours, and the choices of menus, can be read."""
    return max(least, min(_MAX_WIDTH, max(map(_row_width, sockets), default=0.0)))


def _row_width(socket: bpy.types.NodeSocket) -> float:
    if not socket.has_label_inside:
        field = _field_room(socket.field_json)
    elif socket.socket_type.kind == "BOOLEAN":
        field = _TICK
    else:
        field = _number_room(fields.read(socket.field_json))
    return _room(socket.name) + field + _EDGES


def _field_room(field_json: str) -> float:
    """What a field beside a label needs to show all choices of a menu, or the text that it holds at first."""
    field = fields.read(field_json)
    if field.choices:
        return max(_FIELD, node_text.LETTER * max(len(title_of(str(choice))) for choice in field.choices) + _ARROW)
    return max(_FIELD, _room(field.default)) if isinstance(field.default, str) else _FIELD


def _number_room(field: fields.Field) -> float:
    """What is needed beside the label in the field of a number to show that which it holds at first."""
    default = field.default if isinstance(field.default, int | float) else 0
    shown = f"{math.degrees(default) if field.unit == 'ANGLE' else default:.4g}"
    return _NUMBER + node_text.LETTER * max(0, len(shown) - _SHORT)


def _room(text: str) -> float:
    return node_text.LETTER * len(text) + 6.0
