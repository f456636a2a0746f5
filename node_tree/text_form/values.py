# SPDX-License-Identifier: GPL-3.0-or-later
"""What sockets and properties hold, as plain data, and set from that to the last digit."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterable
from typing import Any, Final

import bpy

from ...runtime.errors import MisfitError
from ...runtime.script.signature import Parameter
from ...runtime.script.socket_types import SocketType
from ...runtime.script.value_kinds import VALUE_KINDS, Form
from ...runtime.script.values import fit_parameter
from ...runtime.text_form.form import JSON
from .. import changes, fields
from ..plain_sockets import matrix
from ..tree import BackgroundNodeTree

_PREFIX: Final = "BackgroundNodeSocket"
#: Stands for what JSON has no numbers for.
_NOT_FINITE: Final = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
#: The largest number of 32 bits, by its shortest digits, is larger than itself.
_MORE: Final = 1.0000001
#: What a script says of a field, in the order of `Parameter.field_json`.
_FIELD: Final = ("default", "minimum", "maximum", "unit", "choices")
#: Where nothing is to be said.
NOTHING: Final = object()

#: Finds the data-block that `reference` wrote; None if it is not in this file. Raises MisfitError.
Finder = Callable[[Any], Any]
#: Gives what stands for a data-block.
Reference = Callable[[bpy.types.ID], Any]


def type_name(idname: str) -> str:
    """The type of a socket as the text has it: "FloatAngle", "ObjectList"; one of Blender's own by its whole name."""
    return idname.removeprefix(_PREFIX)


def idname_of(name: str) -> str:
    """The other way round. Raises MisfitError if this Blender has no such type."""
    if bpy.types.NodeSocket.bl_rna_get_subclass_py(f"{_PREFIX}{name}") is not None:
        return f"{_PREFIX}{name}"
    if not name.startswith(_PREFIX) and BackgroundNodeTree.valid_socket_type(name):  # one of Blender's own
        return name
    raise MisfitError(f"this Blender has no sockets of the type {name[:80]}", "Use a newer Blender, or another type")


def is_ours(socket: Any) -> bool:
    return hasattr(socket, "socket_type") or hasattr(socket, "value_type")


# What sockets hold


def raw(socket: Any) -> Any:
    """What a socket, or an item of an interface, keeps of its value; None where nothing is set."""
    socket_type = _type_of(socket)
    if socket_type.is_list:
        items = [item.value for item in socket.items_of_list]
        return items if socket.has_value or items else None
    if socket_type.kind == "ANY":
        return socket.json_value or None
    if socket_type.kind == "MENU":
        return socket.choice or None
    is_set = _always_counts(socket) or socket.is_property_set("default_value")
    return socket.default_value if is_set else None


def _type_of(socket: Any) -> Any:
    return socket.value_type if hasattr(socket, "value_type") else socket.socket_type


def _always_counts(socket: Any) -> bool:
    """Whether what the field shows is the value though nobody touched it: in an interface, and on an Input node."""
    return hasattr(socket, "value_type") or socket.is_output


def written(socket: Any, reference: Reference) -> Any:
    """The value of a socket as plain data, `NOTHING` if it is what the script or the group gives by itself."""
    value = raw(socket)
    if value is None:
        return NOTHING if fields.read(socket.field_json).default is None else None
    if not _always_counts(socket) and not socket.is_own_value:
        with contextlib.suppress(ValueError):  # what is written there is no JSON
            if _is_default(socket):
                return NOTHING
    return as_data(value, _type_of(socket), reference)


def _is_default(socket: Any) -> bool:
    value, default = socket.get_value(), fields.read(socket.field_json).default
    if value is None or default is None:
        return False
    if socket.socket_type.is_list and len(value) != len(socket.items_of_list):  # choices that are gone
        return False
    return fields.is_default(value, default, socket.socket_type)


def as_data(value: Any, socket_type: Any, reference: Reference) -> Any:
    """What a socket keeps, as plain data."""
    if socket_type.is_list:
        return [_item(each, socket_type.kind, reference) for each in value]
    return _item(value, socket_type.kind, reference)


def _item(value: Any, kind: str, reference: Reference) -> Any:
    if value is None or isinstance(value, bpy.types.ID):
        return None if value is None else reference(value)
    match VALUE_KINDS[kind].form:
        case Form.NUMBER:
            return number(value)
        case Form.NUMBERS:
            return [number(each) for each in value]
        case Form.MATRIX:
            return [[number(each) for each in row] for row in value]
        case Form.JSON:
            return _json(value)
    return value


def _json(text: str) -> dict[str, Any]:
    """What an artist wrote: as JSON if that gives the same text again."""
    with contextlib.suppress(ValueError, RecursionError):
        parsed = json.loads(text)
        if json.dumps(parsed) == text and json.dumps(parsed, allow_nan=False):
            return {JSON: parsed}
    return {"written": text}


def number(value: float) -> float | str:
    """A number of 32 bits by its shortest digits."""
    return fields.exact(value) if math.isfinite(value) else str(float(value))


def set_value(socket: Any, data: Any, *, is_own: bool, find: Finder) -> None:
    """Set what `written` gave. Raises MisfitError, or what Blender raises for what a property can't hold."""
    socket_type = _type_of(socket)
    is_node_socket = hasattr(socket, "socket_type")
    # A number that is out of its range now would become the nearest that is in it.
    field_json, is_own_now = (socket.field_json, is_own) if is_node_socket else ("", False)
    if field_json:
        socket.field_json = ""
    try:
        _set(socket, data, socket_type, find)
    finally:
        if field_json:
            socket.field_json = field_json
    if is_node_socket and socket.is_own_value != is_own_now:
        socket.is_own_value = is_own_now


def _set(socket: Any, data: Any, socket_type: Any, find: Finder) -> None:
    kind = socket_type.kind
    if data is None:
        socket.unset_value()
    elif socket_type.is_list:
        if not isinstance(data, list):
            raise MisfitError("its value is no list", "Write [value, value]")
        items = [_kept(each, kind, find) for each in data]
        socket.items_of_list.clear()
        for item in items:
            new = socket.items_of_list.add()
            if item is not None:
                new.value = item
        socket.has_value = True
    else:
        name = {"ANY": "json_value", "MENU": "choice"}.get(kind, "default_value")
        setattr(socket, name, _kept(data, kind, find))
    changes.touch(socket)


def _kept(data: Any, kind: str, find: Finder) -> Any:
    """What a socket keeps of an item. Raises MisfitError."""
    if kind not in VALUE_KINDS:
        return None if data is None else find(data)
    form = VALUE_KINDS[kind].form
    match form:
        case Form.BOOLEAN if isinstance(data, bool):
            return data
        case Form.INTEGER if isinstance(data, int) and not isinstance(data, bool):
            return data
        case Form.NUMBER:
            return _number(data)
        case Form.NUMBERS if isinstance(data, list) and len(data) == 3:
            return [_number(each) for each in data]
        case Form.MATRIX if isinstance(data, list) and [len(row) for row in data if isinstance(row, list)] == [4] * 4:
            return matrix([_number(each) for row in data for each in row])
        case Form.JSON if isinstance(data, dict):
            text = json.dumps(data[JSON]) if JSON in data else data.get("written")
            if isinstance(text, str):
                return text
        case Form.TEXT | Form.PATH | Form.BLEND_FILE | Form.CHOICE if isinstance(data, str):
            return data
    raise MisfitError(f"its value is no {kind.replace('_', ' ').title()}", "Set one of that type")


def _number(data: Any) -> float:
    if isinstance(data, str) and data in _NOT_FINITE:
        return _NOT_FINITE[data]
    is_number = isinstance(data, int | float) and not isinstance(data, bool)
    if not is_number or abs(data) > fields.LARGEST_FLOAT * _MORE:
        raise MisfitError("its value is no number that Blender can hold", "Write a number such as 0.5")
    return fields.kept_number(float(data))


# What properties hold


def written_properties(owner: Any, names: Iterable[str], reference: Reference) -> dict[str, Any]:
    """The properties that are not as they are at first, as plain data."""
    found: dict[str, Any] = {}
    for name in names:
        rna = owner.bl_rna.properties[name]
        value = getattr(owner, name)
        if rna.type == "POINTER":
            if value is not None:
                found[name] = reference(value)
        elif getattr(rna, "is_array", False):
            if tuple(value) != tuple(rna.default_array):
                found[name] = [number(each) for each in value]
        elif value != rna.default:
            found[name] = number(value) if rna.type == "FLOAT" else value
    return found


def set_property(owner: Any, name: str, data: Any, find: Finder) -> None:
    """Set what `written_properties` gave. Raises MisfitError, or what Blender raises for what it can't hold."""
    rna = owner.bl_rna.properties[name]
    if rna.type == "POINTER":
        setattr(owner, name, find(data))
        return
    if rna.type == "FLOAT":
        data = [_number(each) for each in data] if isinstance(data, list) else _number(data)
    if rna.type == "BOOLEAN" and not isinstance(data, bool):
        raise MisfitError(f"{name} is neither true nor false", "Write true or false")
    if rna.type == "INT" and (not isinstance(data, int) or isinstance(data, bool)):
        raise MisfitError(f"{name} is no whole number", "Write a number such as 1")
    setattr(owner, name, data)
    if rna.type == "INT" and getattr(owner, name) != data:
        raise MisfitError(f"{name} can't be {data}", f"Write a number from {rna.hard_min} to {rna.hard_max}")


# What a script said of a field


def checked_field(said: Any, socket_type: SocketType) -> dict[str, Any]:
    """What the text says of a field, in the order in which a socket keeps it. Raises MisfitError."""
    if not isinstance(said, dict) or any(name not in _FIELD for name in said):
        raise MisfitError("its field is none", "Change the text")
    choices = said.get("choices", [])
    ends = [said[name] for name in ("minimum", "maximum") if name in said]
    if not isinstance(choices, list) or not all(isinstance(each, str | int | float) for each in choices):
        raise MisfitError("its choices are no list of texts and numbers", "Change the text")
    if not isinstance(said.get("unit", ""), str) or not all(isinstance(each, int | float) for each in ends):
        raise MisfitError("its unit or its limits are none", "Change the text")
    if "default" in said:
        fit_parameter(said["default"], Parameter("", "", socket_type, choices=tuple(choices)))
    return {name: said[name] for name in _FIELD if name in said}
