# SPDX-License-Identifier: GPL-3.0-or-later
"""Python values that no socket's type describes, as JSON and back: what arrives is of the type that was sent.

JSON's own values stand for themselves. Any other value is an object with one key, which names its type:

    {"$tuple": [1, 2]}    {"$bytes": "BASE64"}    {"$Vector": [0.0, 0.0, 1.0]}    {"$dict": [[1, "one"], [2, "two"]]}
    {"$array": ["<f4", [2, 3], "BASE64"]}

`$dict` is a dict with a key that is no text, or that looks like one of these. `$array` is numpy's, of numbers: the type
of its elements, its shape, and its bytes, row by row.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

import bpy
import numpy
from mathutils import Color, Euler, Matrix, Quaternion, Vector

#: What may be a key of a dict.
_KEYS = (str, int, float, type(None))
#: The most digits of a whole number that Python reads and writes.
MAX_DIGITS = 4300
_TOO_LONG = 10**MAX_DIGITS
#: The types of elements whose bytes are the same everywhere: logical values, whole numbers, floats, complex numbers.
_ELEMENTS = re.compile(r"\|b1|\|[iu]1|<[iu][248]|<f[248]|<c(8|16)")
#: Kept here because a script may replace numpy's functions.
_ascontiguousarray, _frombuffer, _dtype = numpy.ascontiguousarray, numpy.frombuffer, numpy.dtype
#: Names of the attributes by which other arrays of numpy and Blender, and Blender's own dicts, turn into Python's.
_CONVERTERS = ("to_list", "to_dict", "tolist")


def encode(value: Any, name: str) -> Any:
    """The value as what JSON holds. Numpy's single numbers, and its arrays of anything else, come as Python's own.

    Args:
        value: the value.
        name: what it is called in messages.

    Raises:
        TypeError: naming the part of it that can't be passed on: `python_data["a"][3]`.
        ValueError: if it contains itself, or too long a number.
    """
    try:
        return _encode(value, name)
    except RecursionError:
        raise ValueError(f"{name} contains itself, or is nested too deeply") from None


def _encode(value: Any, name: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    for kind, encode_one in _ENCODERS.items():
        if isinstance(value, kind):
            return encode_one(value, name)
    for converter in _CONVERTERS:
        if callable(getattr(value, converter, None)):
            return _encode(getattr(value, converter)(), name)
    raise TypeError(f"{name} is {_described(value)}, which can't be passed on")


def is_too_long(number: int) -> bool:
    """Whether a whole number has more digits than JSON can hold here."""
    return not -_TOO_LONG < number < _TOO_LONG


def _whole(value: int, name: str) -> int:
    number = int(value)
    if is_too_long(number):
        raise ValueError(f"{name} is a whole number of more than {MAX_DIGITS} digits, which can't be passed on")
    return number


def _described(value: Any) -> str:
    if isinstance(value, bpy.types.ID):
        return f"the data-block {value!r:.80}"
    return f"of type {type(value).__name__}"


def _items(value: Any, name: str) -> list[Any]:
    return [_encode(item, f"{name}[{index}]") for index, item in enumerate(value)]


def _mapping(value: Mapping[Any, Any], name: str) -> Any:
    for key in value:
        if not isinstance(key, _KEYS):
            raise TypeError(f"{name} has a key {_described(key)}: {key!r:.40}. Keys are texts or numbers")
        if isinstance(key, int):
            _whole(key, f"a key of {name}")
    pairs = [[key, _encode(item, f"{name}[{key!r:.80}]")] for key, item in value.items()]
    if all(isinstance(key, str) and not key.startswith("$") for key, _item in pairs):
        return {str(key): item for key, item in pairs}
    return {"$dict": pairs}


def _set(value: set[Any] | frozenset[Any], name: str) -> Any:
    """In an order that does not change, as a key is made of it."""
    items = sorted((_encode(item, f"an element of {name}") for item in value), key=json.dumps)
    return {"$set" if isinstance(value, set) else "$frozenset": items}


def _array(value: numpy.ndarray, name: str) -> Any:
    if type(value) is not numpy.ndarray or not _ELEMENTS.fullmatch(value.dtype.newbyteorder("<").str):
        return _encode(value.tolist(), name)
    data = _ascontiguousarray(value, value.dtype.newbyteorder("<"))
    return {"$array": [data.dtype.str, list(value.shape), base64.b64encode(data.data).decode()]}


def _array_of(parts: Any) -> numpy.ndarray:
    """Raises ValueError if that is no array."""
    match parts:
        case [str(elements), list(shape), str(content)] if _ELEMENTS.fullmatch(elements):
            data = base64.b64decode(content, validate=True)
            dtype = _dtype(elements)
            are_sizes = all(type(size) is int and size >= 0 for size in shape)
            if are_sizes and math.prod(shape) * dtype.itemsize == len(data):
                return _frombuffer(data, dtype).reshape(shape).copy()  # a script may write to it
    raise ValueError(f"{parts!r:.80} is no array")


#: In order: the first type that a value is an instance of counts.
_ENCODERS: dict[Any, Callable[[Any, str], Any]] = {
    str: lambda value, _name: str.__str__(value),
    int: _whole,
    float: lambda value, _name: float(value),
    tuple: lambda value, name: {"$tuple": _items(value, name)},
    list: _items,
    Mapping: _mapping,
    set | frozenset: _set,
    numpy.ndarray: _array,
    bytes | bytearray | memoryview: lambda value, _name: {"$bytes": base64.b64encode(value).decode()},
    Vector: lambda value, _name: {"$Vector": list(value)},
    Color: lambda value, _name: {"$Color": list(value)},
    Euler: lambda value, _name: {"$Euler": [*value, value.order]},
    Quaternion: lambda value, _name: {"$Quaternion": list(value)},
    Matrix: lambda value, _name: {"$Matrix": [list(row) for row in value]},
    bpy.types.bpy_prop_array: _items,
    PurePath: lambda value, _name: str(value),
}


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "$tuple": lambda items: tuple(map(decode, items)),
    "$dict": lambda pairs: {key: decode(item) for key, item in pairs},
    "$bytes": base64.b64decode,
    "$set": lambda items: set(map(decode, items)),
    "$frozenset": lambda items: frozenset(map(decode, items)),
    "$array": _array_of,
    "$Vector": Vector,
    "$Color": Color,
    "$Euler": lambda parts: Euler(parts[:3], parts[3]),
    "$Quaternion": Quaternion,
    "$Matrix": Matrix,
}


def decode(value: Any) -> Any:
    """What `encode` was given. An object that only looks like one of its own stays as it is."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, content),) = value.items()
        if key in _DECODERS:
            return _DECODERS[key](content)
    return {key: decode(item) for key, item in value.items()}
