# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of plain values: the one table that a new kind is entered in.

What is done with a value depends on its *form* only, so a kind of a form that is there already needs a row here, and a
look of its own sockets in `node_tree/sockets.py`. A new form needs what fits it (`values.py`), reads it from a command
line (`addon/command_line/assignments.py`) and sends it from a worker (`runtime/worker/arguments.py`).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final


class Form(enum.Enum):
    """What JSON holds for a value."""

    BOOLEAN = enum.auto()
    INTEGER = enum.auto()
    NUMBER = enum.auto()
    TEXT = enum.auto()
    NUMBERS = enum.auto()  # so many numbers
    MATRIX = enum.auto()  # 16 numbers, row by row
    PATH = enum.auto()
    BLEND_FILE = enum.auto()  # the path of a .blend file, or `socket_types.OPEN_FILE`
    CHOICE = enum.auto()  # an entry of a menu: a text or a number
    JSON = enum.auto()  # anything


@dataclass(frozen=True, slots=True)
class ValueKind:
    """A kind of plain value.

    Attributes:
        form: what JSON holds for it.
        annotations: the types that mean it in a script, by dotted name, each with the class that a worker makes of
            the value: "" to leave it as it is. The first one is what a script without `main` gets.
        lengths: of `NUMBERS`, how many there may be.
        result_lengths: of `NUMBERS`, how many a script may return.
        default: what a field shows before anything is set; None where nothing is a value.
    """

    form: Form
    annotations: Mapping[str, str] = field(default_factory=dict)
    lengths: tuple[int, ...] = ()
    result_lengths: tuple[int, ...] = ()
    default: object = None


_ZEROS: Final = (0.0, 0.0, 0.0)
_IDENTITY: Final = tuple(float(row == column) for row in range(4) for column in range(4))

#: Each kind by its name, in the order in which menus show them.
VALUE_KINDS: Final[Mapping[str, ValueKind]] = MappingProxyType(
    {
        "BOOLEAN": ValueKind(Form.BOOLEAN, {"bool": ""}, default=False),
        "INT": ValueKind(Form.INTEGER, {"int": ""}, default=0),
        "FLOAT": ValueKind(Form.NUMBER, {"float": ""}, default=0.0),
        "STRING": ValueKind(Form.TEXT, {"str": ""}, default=""),
        "VECTOR": ValueKind(Form.NUMBERS, {"mathutils.Vector": "Vector"}, (3,), (3,), _ZEROS),
        "COLOR": ValueKind(Form.NUMBERS, {"mathutils.Color": "Color"}, (3,), (3, 4), _ZEROS),
        "ROTATION": ValueKind(
            Form.NUMBERS,
            {"mathutils.Euler": "Euler", "mathutils.Quaternion": "Quaternion"},
            (3, 4),
            (3, 4),
            _ZEROS,
        ),
        "MATRIX": ValueKind(Form.MATRIX, {"mathutils.Matrix": "Matrix"}, default=_IDENTITY),
        "PATH": ValueKind(Form.PATH, {"pathlib.Path": "Path"}),
        "BLEND_FILE": ValueKind(Form.BLEND_FILE, {"background_nodes.script.BlendFile": "BlendFile"}, default=""),
        "MENU": ValueKind(Form.CHOICE),  # `Literal[...]`
        "ANY": ValueKind(Form.JSON, {"object": "", "typing.Any": "", "dict": "dict", "typing.Dict": "dict"}),
    }
)
