# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script says of the field of a socket: its default, its limits, its choices; and what that means for its value.

`field_json` of a socket holds it as `Parameter.field_json` does. So the file knows which default a value began with: a
value that equals it was not touched by the artist, and follows when the script's default changes. `is_own_value` says
that a value is the artist's though the script has come to have the same.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import bpy
import numpy
from mathutils import Quaternion

from ..runtime.script.socket_types import SocketType
from ..runtime.script.value_kinds import VALUE_KINDS, Form
from ..runtime.script.values import RANGED, check_range
from .changes import property_changed
from .plain_sockets import matrix

#: The largest numbers that properties of Blender hold.
LARGEST_FLOAT: Final = float(numpy.finfo(numpy.float32).max)
_SMALLEST_INT, _LARGEST_INT = -(2**31), 2**31 - 1
#: Numbers that are farther apart are not the same in 32 bits: that is found out faster.
_NEAR: Final = 1e-6
#: How far angles may lie apart that are the same: not every Blender makes just the same ones of a quaternion.
_SAME_ANGLE: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Field:
    """What a script says of a field.

    Attributes:
        default: as JSON has it; None for none.
        minimum, maximum: the range of a number, or of the numbers of a list; None for no limit.
        unit: one of `script.Unit`'s names, "" if none.
        choices: of a menu.
    """

    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    choices: tuple[Any, ...] = ()

    def limits(self, kind: str) -> tuple[float | None, float | None]:
        """The least and the largest number of the range that a property of that kind can hold."""
        least, largest = _limit(self.minimum, kind, math.ceil), _limit(self.maximum, kind, math.floor)
        is_empty = least is not None and largest is not None and least > largest
        return (None, None) if is_empty else (least, largest)

    def within(self, number: float, kind: str) -> float:
        """The number of the range that is nearest."""
        least, largest = self.limits(kind)
        if least is not None and number < least:
            return least
        return largest if largest is not None and number > largest else number


def _limit(end: float | None, kind: str, whole: Callable[[float], int]) -> float | None:
    if end is None or math.isnan(end):
        return None
    return whole(min(max(end, _SMALLEST_INT), _LARGEST_INT)) if kind == "INT" else kept_number(end)


def kept_number(number: float) -> float:
    """What a property of Blender keeps of a number: 32 bits."""
    return float(numpy.float32(min(max(number, -LARGEST_FLOAT), LARGEST_FLOAT)))


def is_same_number(number: float, other: float) -> bool:
    """Whether a property of Blender keeps the same of both."""
    return math.isclose(number, other, rel_tol=_NEAR, abs_tol=_NEAR) and kept_number(number) == kept_number(other)


def exact(number: float) -> float:
    """The number that was typed: Blender keeps 0.1 in 32 bits, as 0.10000000149, which is more than 0.1."""
    return float(str(numpy.float32(number)))


@functools.lru_cache(maxsize=1024)
def read(field_json: str) -> Field:
    """What a socket's `field_json` says."""
    said = json.loads(field_json or "{}")
    if "choices" in said:
        said["choices"] = tuple(said["choices"])
    return Field(**said)


@functools.lru_cache(maxsize=1024)
def of_items(field_json: str) -> str:
    """`field_json` of the items of a list that has this one; "" if nothing is said of them."""
    said = json.loads(field_json or "{}")
    said.pop("default", None)
    return json.dumps(said) if said else ""


def check(socket: bpy.types.NodeSocket, value: Any) -> None:
    """Raise MisfitError if a value, or an item of it, is out of the socket's range."""
    field = read(socket.field_json)
    items = value if socket.socket_type.is_list else (value,)
    for item in items if socket.socket_type.kind in RANGED else ():
        check_range(item, field.minimum, field.maximum)


def number_changed(socket: bpy.types.NodeSocket, context: bpy.types.Context | None) -> None:
    """For `update` of a socket's number: what Python sets out of its range becomes the nearest that is in it."""
    nearest = read(socket.field_json).within(socket.default_value, socket.socket_type.kind)
    if nearest != socket.default_value:
        socket.default_value = nearest
    else:
        value_changed(socket, context)


def value_changed(socket: bpy.types.NodeSocket, context: bpy.types.Context | None) -> None:
    """For `update` of what a socket holds: it need not be kept any more if it is the default."""
    if socket.is_own_value:
        socket.is_own_value = False
    property_changed(socket, context)


# Values


def settable(value: Any, kind: str) -> Any:
    """A value, or an item of a list, in the form in which Blender's properties take it."""
    match kind:
        case "ROTATION" if len(value) == 4:
            return Quaternion(value).to_euler()
        case "MATRIX":
            return matrix(value)  # Blender takes plain lists for columns
        case "MENU":
            return str(value)
        case "STRING" | "PATH":
            return value.partition("\0")[0].encode(errors="replace").decode()
    return value


def settable_default(default: Any, socket_type: SocketType) -> Any:
    """The default of a script for `default_value`, None if there is none."""
    if default is None or not socket_type.is_list:
        return None if default is None else settable(default, socket_type.kind)
    return tuple(settable(item, socket_type.kind) for item in default)


def plain(value: Any, socket_type: SocketType) -> Any:
    """A value that a socket gives, as JSON has it."""
    if socket_type.is_list:
        return [plain(item, SocketType(socket_type.kind)) for item in value]
    is_numbers = VALUE_KINDS[socket_type.kind].form in (Form.NUMBERS, Form.MATRIX)
    return _flat(value) if is_numbers else value


def is_untouched(socket: bpy.types.NodeSocket) -> bool:
    """Whether a socket holds what its script gave it, or nothing."""
    try:
        value = socket.get_value()
    except ValueError:  # a text of the artist that is no JSON
        return False
    default = None if socket.is_own_value else read(socket.field_json).default
    return value is None or is_default(value, default, socket.socket_type)


def is_default(value: Any, default: Any, socket_type: SocketType) -> bool:
    """Whether a value of a socket, as Python or the reader has it, is what became of a default there."""
    kind = socket_type.kind
    if default is None:
        return False
    if not socket_type.is_list:
        return _is_same(value, default, kind)
    pairs = zip(value, default, strict=False)
    return len(value) == len(default) and all(_is_same(item, other, kind) for item, other in pairs)


def _is_same(value: Any, default: Any, kind: str) -> bool:
    match VALUE_KINDS[kind].form:
        case Form.NUMBER:
            return is_same_number(value, default)
        case Form.NUMBERS | Form.MATRIX:
            return _are_same(_flat(value), _flat(settable(default, kind)), _SAME_ANGLE if kind == "ROTATION" else 0.0)
        case Form.JSON:
            return json.dumps(value) == json.dumps(default)  # True is another value than 1
        case Form.TEXT | Form.PATH:
            return bool(value == settable(default, kind))
    return bool(value == default)


def _are_same(numbers: list[float], others: list[float], tolerance: float) -> bool:
    return len(numbers) == len(others) and all(
        math.isclose(number, kept_number(other), rel_tol=tolerance, abs_tol=tolerance)
        for number, other in zip(map(kept_number, numbers), others, strict=True)
    )


def _flat(numbers: Sequence[Any]) -> list[float]:
    """The numbers of a vector; of a matrix row by row."""
    return [number for row in numbers for number in (row if hasattr(row, "__len__") else (row,))]
