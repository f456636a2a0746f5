# SPDX-License-Identifier: GPL-3.0-or-later
"""What flows through a link: socket types, values, and the one table of conversions between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from .value_kinds import VALUE_KINDS as VALUE_KINDS

#: The kind of a socket that takes a data-block of any type (`bpy.types.ID` in a script).
ANY_DATA_BLOCK: Final = "ID"


@dataclass(frozen=True, slots=True)
class SocketType:
    """The type of a socket: one of a kind, or a list of it.

    Attributes:
        kind: a name in `VALUE_KINDS`, the name of a data-block type in `bpy.types`, or `ANY_DATA_BLOCK`.
        is_list: whether the socket holds a list.
    """

    kind: str
    is_list: bool = False

    @property
    def is_data_block(self) -> bool:
        return self.kind not in VALUE_KINDS

    def __str__(self) -> str:
        word = self.kind.lower().replace("_", " ") if self.kind in VALUE_KINDS else self.kind
        return f"list of {word}" if self.is_list else word


@dataclass(frozen=True, slots=True)
class LiveRef:
    """A data-block in the open file. Whoever uses it looks it up again by `session_uid`."""

    kind: str
    name: str
    session_uid: int


@dataclass(frozen=True, slots=True)
class StoredRef:
    """A data-block in a blob: its kind, its name there, the path of its library ("" if local) and the blob's name."""

    kind: str
    name: str
    library: str
    blob: str


#: The value of a "BLEND_FILE" that means the open file as it is when the run starts; any other is an absolute path.
OPEN_FILE: Final = ""

#: A plain value as it travels: what JSON holds. Vectors, colours, rotations (3 numbers: Euler XYZ in radians, 4: a
#: quaternion WXYZ) and matrices (16 numbers, row by row) are tuples of floats. A list is a tuple.
Value = object

#: The conversions, element by element: (from kind, to kind) -> name of the conversion, which the worker executes
#: (`runtime/worker/arguments.py`). What is not here is refused. "" leaves the value as it is.
CONVERSIONS: Final[dict[tuple[str, str], str]] = {
    ("BOOLEAN", "INT"): "int",
    ("BOOLEAN", "FLOAT"): "float",
    ("INT", "FLOAT"): "float",
    ("INT", "STRING"): "str",
    ("FLOAT", "STRING"): "str",
    ("FLOAT", "VECTOR"): "fill_vector",
    ("INT", "VECTOR"): "fill_vector",
    ("FLOAT", "COLOR"): "fill_vector",
    ("VECTOR", "COLOR"): "",
    ("COLOR", "VECTOR"): "",
    ("VECTOR", "ROTATION"): "",
    ("ROTATION", "VECTOR"): "rotation_to_euler",
    ("ROTATION", "MATRIX"): "rotation_to_matrix",
    ("MATRIX", "ROTATION"): "matrix_to_rotation",
    ("MENU", "STRING"): "",
    ("STRING", "MENU"): "",
    ("STRING", "PATH"): "",
    ("PATH", "STRING"): "",
    ("STRING", "BLEND_FILE"): "check_blend_file",
    ("PATH", "BLEND_FILE"): "check_blend_file",
    ("Object", "Mesh"): "object_to_mesh",
    ("Mesh", "Object"): "mesh_to_object",
}

#: Conversions that need no Blender.
PLAIN_CONVERSIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "int": int,
    "float": float,
    "str": str,
    "fill_vector": lambda value: [float(value)] * 3,
}

#: Conversions of one into a list.
LIST_CONVERSIONS: Final[dict[tuple[str, str], str]] = {
    ("Collection", "Object"): "collection_to_objects",
}


def conversion(source: SocketType, target: SocketType) -> str | None:
    """The name of the conversion of one element of `source` into one element of `target`; None where it is refused.

    A list goes into a list element by element, a single value becomes a list of one, and a list that goes into a single
    value maps the node. So whether a type is a list matters only for `LIST_CONVERSIONS`.
    """
    if source.kind == target.kind:
        return ""
    if target.kind == ANY_DATA_BLOCK:
        return "" if source.is_data_block else None
    if source.kind == ANY_DATA_BLOCK:
        return "check_kind" if target.is_data_block else None
    if target.kind == "ANY":
        return None if source.is_data_block else ""
    if source.kind == "ANY":
        return None if target.is_data_block else "check_value"
    if target.is_list and (source.kind, target.kind) in LIST_CONVERSIONS:
        return LIST_CONVERSIONS[source.kind, target.kind]
    return CONVERSIONS.get((source.kind, target.kind))


def then(first: str, second: str) -> str:
    """The name of two conversions, one after the other: that of all that was done on the way through groups."""
    return " > ".join(filter(None, (first, second)))


def steps(name: str) -> list[str]:
    """The conversions in such a name, first things first."""
    return name.split(" > ") if name else []


def passage(source: SocketType, target: SocketType) -> str:
    """The name of the conversion at a socket of a group, where one is allowed.

    What looks at a value needs to be told which kind it should be: what comes out in the end is of another one.
    """
    found = conversion(source, target)
    assert found is not None, f"the compiler let a {source} go to a {target}"
    return f"{found} {target.kind}" if found.startswith("check_") else found
