# SPDX-License-Identifier: GPL-3.0-or-later
"""From wire values to a script's arguments, and from what `main` returned to wire values.

Executes the conversions that `socket_types.CONVERSIONS` names.
"""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import bpy
from mathutils import Color, Euler, Matrix, Quaternion, Vector

from ...script import BlendFile
from ..blender import python_data, sendable
from ..blender.temporary_files import is_temporary
from ..engine.messages import GivenArgument, Piece
from ..errors import BackgroundNodesError
from ..planning.plan import TaskOutput
from ..scratch import value_files
from ..scratch.scratch import ScratchFolder
from ..script.socket_types import PLAIN_CONVERSIONS, SocketType, StoredRef, steps
from ..script.value_kinds import VALUE_KINDS, Form, ValueKind
from .inputs import Inputs


class ArgumentError(BackgroundNodesError):
    """A value that a socket can't take. The message names the socket."""


def loaded(argument: GivenArgument, folder: ScratchFolder) -> GivenArgument:
    """The same argument with nothing of its value in files. Raises StoreError if one can't be read."""
    pieces = tuple(Piece(value_files.loaded(piece.value, folder), piece.conversion) for piece in argument.pieces)
    return dataclasses.replace(argument, pieces=pieces)


def stored_refs(argument: GivenArgument) -> Iterator[StoredRef]:
    """The data-blocks that an argument names."""
    for piece in argument.pieces:
        yield from piece.value.refs()


def bind(argument: GivenArgument, inputs: Inputs) -> Any:
    """The Python value of one argument, as the script's annotation promises it.

    Raises:
        ArgumentError: naming the socket.
    """
    values = [value for piece in argument.pieces for value in _piece(piece, argument, inputs)]
    for value in values:
        _check(value, argument)
    values = [_annotated(value, argument.annotation) for value in values]
    if argument.type.is_list:
        return values
    return values[0] if values else None


def _piece(piece: Piece, argument: GivenArgument, inputs: Inputs) -> Iterable[Any]:
    values = [_received(element, piece.value.type.kind, inputs) for element in piece.value.elements()]
    if not argument.is_optional and any(value is None for value in values):
        raise ArgumentError(f'socket "{argument.label}": what is linked to it gave nothing')
    for step in steps(piece.conversion):
        values = list(_all_converted(values, step, argument))
    return values


def _all_converted(values: Iterable[Any], step: str, argument: GivenArgument) -> Iterator[Any]:
    if step == "object_to_mesh":
        _link_to_scene(value for value in values if value is not None)
    for value in values:
        converted = value if value is None else _converted(value, step, argument)
        yield from converted if value is not None and step in _TO_LISTS else [converted]


def _received(item: Any, kind: str, inputs: Inputs) -> Any:
    if item is None:
        return None
    if kind == "ANY":
        return python_data.decode(item)
    return inputs[item] if isinstance(item, StoredRef) else item


def _converted(value: Any, conversion: str, argument: GivenArgument) -> Any:
    name, _, kind = conversion.partition(" ")  # a group's socket gives the kind, see `passage`
    if name == "check_kind":
        return checked_data_block(value, kind or argument.type.kind, argument.label)
    if name == "check_value":
        return wire_value(value, SocketType(kind or argument.type.kind), argument.label)
    try:
        return _CONVERSIONS[name](value)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ArgumentError(f'socket "{argument.label}": {value!r} can\'t be converted: {error}') from error


def _check(value: Any, argument: GivenArgument) -> None:
    """What was only known at run time: range and choice."""
    where = f'socket "{argument.label}": {value!r}'
    if argument.choices and value not in argument.choices:
        raise ArgumentError(f"{where} is none of {', '.join(map(str, argument.choices))}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if argument.minimum is not None and value < argument.minimum:
            raise ArgumentError(f"{where} is less than {argument.minimum:g}")
        if argument.maximum is not None and value > argument.maximum:
            raise ArgumentError(f"{where} is more than {argument.maximum:g}")


_ANNOTATIONS: dict[str, Callable[[Any], Any]] = {
    "Vector": Vector,
    "Color": Color,
    "Euler": lambda value: Euler(value) if len(value) == 3 else Quaternion(value).to_euler(),
    "Quaternion": lambda value: Quaternion(value) if len(value) == 4 else Euler(value).to_quaternion(),
    "Matrix": lambda value: Matrix([value[row * 4 : row * 4 + 4] for row in range(4)]),
    "Path": lambda value: Path(bpy.path.abspath(value)),
    "BlendFile": BlendFile,
}


def _annotated(value: Any, annotation: str) -> Any:
    make = _ANNOTATIONS.get(annotation)
    return value if make is None or value is None else make(value)


# Conversions


def _link_to_scene(objects: Iterable[bpy.types.Object]) -> None:
    """Let objects be in the scene, without which they are not evaluated."""
    collection = bpy.context.scene.collection
    there = set(collection.all_objects)  # once: Blender makes this list anew, and looks for a name from its start
    for item in dict.fromkeys(objects):
        if item not in there:
            collection.objects.link(item)


def _object_to_mesh(scene_object: bpy.types.Object) -> bpy.types.Mesh:
    """The evaluated mesh of an object in the scene: with its modifiers, as it is seen."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    mesh = bpy.data.meshes.new_from_object(
        scene_object.evaluated_get(depsgraph), preserve_all_data_layers=True, depsgraph=depsgraph
    )
    mesh.name = scene_object.name
    return mesh


def _mesh_to_object(mesh: bpy.types.Mesh) -> bpy.types.Object:
    return bpy.data.objects.new(mesh.name, mesh)


def _rotation_to_euler(value: list[float]) -> list[float]:
    return value if len(value) == 3 else list(Quaternion(value).to_euler())


def _rotation_to_matrix(value: list[float]) -> list[float]:
    rotation = Euler(value) if len(value) == 3 else Quaternion(value)
    return wire_value(rotation.to_matrix().to_4x4(), SocketType("MATRIX"), "")


def _matrix_to_rotation(value: list[float]) -> list[float]:
    return list(_ANNOTATIONS["Matrix"](value).to_quaternion())


_CONVERSIONS: dict[str, Callable[[Any], Any]] = PLAIN_CONVERSIONS | {
    "rotation_to_euler": _rotation_to_euler,
    "rotation_to_matrix": _rotation_to_matrix,
    "matrix_to_rotation": _matrix_to_rotation,
    "object_to_mesh": _object_to_mesh,
    "mesh_to_object": _mesh_to_object,
    "collection_to_objects": lambda collection: list(collection.all_objects),
}
_TO_LISTS = frozenset({"collection_to_objects"})


# From results to wire values


def checked_result(value: Any, output: TaskOutput) -> Any:
    """`value`, if it is there where something is promised; () for a list that may be None.

    Raises:
        ArgumentError: naming the socket.
    """
    if value is None:
        may_be_none = output.is_optional or (output.type.kind == "ANY" and output.annotation != "dict")
        if not may_be_none:
            fix = "Is a return missing? Where there may be none, write it behind the type: | None"
            raise ArgumentError(f'socket "{output.label}": the script gave None, and no {output.type}. {fix}')
        return () if output.type.is_list else None
    if output.annotation == "dict":
        items = [value]
        if output.type.is_list and isinstance(value, Iterable):
            value = items = list(value)
        for item in items:
            if not isinstance(item, Mapping) and not hasattr(item, "to_dict"):  # as Blender's own dicts have
                raise ArgumentError(f'socket "{output.label}": {_described(item)} is no dict')
    return value


def checked_data_block(value: Any, kind: str, label: str) -> bpy.types.ID:
    """`value`, if it is a data-block of that kind that can be sent. Raises ArgumentError."""
    if not isinstance(value, getattr(bpy.types, kind)):
        raise ArgumentError(f'socket "{label}": {_described(value)} is no {kind}')
    if (found := sendable.obstacle(value)) is not None:
        raise ArgumentError(f'socket "{label}": {found.with_fix(found.message)}')
    return value


def _described(value: Any) -> str:
    try:
        if isinstance(value, bpy.types.ID):
            return f'{value.bl_rna.identifier} "{value.name}"'
    except ReferenceError:
        return "a data-block that was removed"
    if isinstance(value, int) and python_data.is_too_long(value):
        return f"a whole number of more than {python_data.MAX_DIGITS} digits"
    return f"{value!r:.80}"


def wire_value(value: Any, socket_type: SocketType, label: str) -> Any:
    """The wire form of a plain value, strictly of that type; numpy's numbers and arrays are accepted.

    Raises:
        ArgumentError: naming the socket and the value.
    """
    if socket_type.is_list:
        if isinstance(value, str | bytes | dict) or not isinstance(value, Iterable):
            raise ArgumentError(f'socket "{label}": {_described(value)} is no list')
        return [wire_value(item, SocketType(socket_type.kind), label) for item in value]
    if socket_type.kind == "ANY":
        return _untyped(value, label)
    try:
        return _to_wire(VALUE_KINDS[socket_type.kind], value)
    except (TypeError, ValueError, OverflowError) as error:
        reason = f" ({error})" if str(error) else ""
        raise ArgumentError(f'socket "{label}": {_described(value)} is no {socket_type}{reason}') from None


def _untyped(value: Any, label: str) -> Any:
    try:
        return python_data.encode(value, f'output "{label}"')
    except (TypeError, ValueError) as error:
        raise ArgumentError(str(error)) from None


def _to_wire(kind: ValueKind, value: Any) -> Any:
    return _floats(value, kind.result_lengths) if kind.form is Form.NUMBERS else _TO_WIRE[kind.form](value)


def _floats(value: Any, lengths: tuple[int, ...]) -> list[float]:
    numbers = [float(number) for number in value]
    if len(numbers) not in lengths:
        raise ValueError(f"{len(numbers)} numbers instead of {' or '.join(map(str, lengths))}")
    return numbers


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: Any) -> int:
    number = operator.index(value)
    if python_data.is_too_long(number):
        raise ValueError("it is too long to be passed on")
    return number


def _menu(value: Any) -> Any:
    if not isinstance(value, str | int | float):
        raise TypeError
    return _whole(value) if type(value) is int else value


def _bool(value: Any) -> bool:
    if type(value).__name__ not in {"bool", "bool_"}:
        raise TypeError
    return bool(value)


def _matrix(value: Any) -> list[float]:
    rows = list(value)
    return _floats(rows if len(rows) == 16 else [number for row in Matrix(rows).to_4x4() for number in row], (16,))


def _lasting(path: str) -> str:
    if is_temporary(path):
        raise ValueError(f"{path} is a temporary file, and gone when the task has ended. Write it to another folder")
    return path


_TO_WIRE: dict[Form, Callable[[Any], Any]] = {
    Form.BOOLEAN: _bool,
    Form.INTEGER: _whole,
    Form.NUMBER: lambda value: math.fsum([value]),
    Form.TEXT: _text,
    Form.MATRIX: _matrix,
    Form.PATH: lambda value: _lasting(str(Path(value))),
    Form.BLEND_FILE: lambda value: _lasting(str(Path(value))),
    Form.CHOICE: _menu,
}
