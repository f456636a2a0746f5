# SPDX-License-Identifier: GPL-3.0-or-later
"""How sockets of plain values look: colours, and the properties of Blender behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import bpy
from mathutils import Color, Euler, Matrix, Quaternion, Vector

#: Paths may begin with Blender's `//`. From 4.5 on a property says so, or each such path is warned of.
PATH_OPTIONS = {"ANIMATABLE"} | ({"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set())


def matrix(numbers: Sequence[float]) -> Matrix:
    """A matrix of 16 numbers, row by row."""
    return Matrix([numbers[row * 4 : row * 4 + 4] for row in range(4)])


class PlainSocket(NamedTuple):
    """How the sockets of a kind of plain value look.

    Attributes:
        color: Blender's own where it has such a socket (`std_node_socket_colors` in its node drawing code).
        make_property: the function of `bpy.props` for what is behind `default_value`.
        options: what that function is given.
        from_numbers: makes the Python value of a result that is numbers.
    """

    color: tuple[float, float, float]
    make_property: Callable[..., Any]
    options: dict[str, Any] = {}
    from_numbers: Callable[[Any], Any] | None = None


_NUMBERS, _TEXT = bpy.props.FloatVectorProperty, bpy.props.StringProperty
_FILE = {"subtype": "FILE_PATH", "options": PATH_OPTIONS}
_MATRIX = {"subtype": "MATRIX", "size": (4, 4), "default": tuple(tuple(row) for row in Matrix.Identity(4))}

#: For each of `value_kinds.VALUE_KINDS`.
PLAIN_SOCKETS: dict[str, PlainSocket] = {
    "BOOLEAN": PlainSocket((0.80, 0.65, 0.84), bpy.props.BoolProperty),
    "INT": PlainSocket((0.35, 0.55, 0.36), bpy.props.IntProperty),
    "FLOAT": PlainSocket((0.63, 0.63, 0.63), bpy.props.FloatProperty),
    "STRING": PlainSocket((0.44, 0.70, 1.00), _TEXT),
    "VECTOR": PlainSocket((0.39, 0.39, 0.78), _NUMBERS, {"subtype": "XYZ"}, Vector),
    "COLOR": PlainSocket(
        (0.78, 0.78, 0.16),
        _NUMBERS,
        {"subtype": "COLOR", "min": 0.0, "soft_max": 1.0},
        lambda value: Color(value[:3]),
    ),
    "ROTATION": PlainSocket(
        (0.65, 0.39, 0.78),
        _NUMBERS,
        {"subtype": "EULER"},
        lambda value: Euler(value) if len(value) == 3 else Quaternion(value),
    ),
    "MATRIX": PlainSocket((0.72, 0.20, 0.52), _NUMBERS, _MATRIX, matrix),
    "PATH": PlainSocket((0.30, 0.55, 0.75), _TEXT, _FILE),
    "BLEND_FILE": PlainSocket((0.90, 0.45, 0.15), _TEXT, _FILE),
    "MENU": PlainSocket((0.40, 0.40, 0.40), _TEXT),
    "ANY": PlainSocket((0.25, 0.75, 0.75), _TEXT),
}
#: Units of numbers that Blender shows in its own way, each a class of its own: (kind, unit) -> property options.
UNITS: dict[tuple[str, str], dict[str, Any]] = {
    ("FLOAT", "LENGTH"): {"subtype": "DISTANCE", "unit": "LENGTH"},
    ("FLOAT", "AREA"): {"unit": "AREA"},
    ("FLOAT", "VOLUME"): {"unit": "VOLUME"},
    ("FLOAT", "ANGLE"): {"subtype": "ANGLE", "unit": "ROTATION"},
    ("FLOAT", "TIME"): {"subtype": "TIME_ABSOLUTE", "unit": "TIME_ABSOLUTE"},
    ("FLOAT", "PERCENTAGE"): {"subtype": "PERCENTAGE", "soft_min": 0.0, "soft_max": 100.0},
    ("FLOAT", "FACTOR"): {"subtype": "FACTOR", "soft_min": 0.0, "soft_max": 1.0},
    ("INT", "PIXELS"): {"subtype": "PIXEL", "soft_min": 0},
}
