# SPDX-License-Identifier: GPL-3.0-or-later
"""Blenders before 5.0 write blocks of letters and switches with up to 3 more bytes, which hold anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy

from ..rows import Rows

#: The most bytes that are added.
_MOST = 3
#: Says that letters end with the first zero.
TEXT = -1

#: By struct: pointers to what is as long as another field says.
_COUNTED: Mapping[str, Mapping[str, str]] = {
    "Object": {"matbits": "totcol"},
    "PointCache": {"cached_frames": "cached_frames_len"},
}
#: By struct: where it holds layers of attributes, and how many items each of them has.
_OF_CURVES = {"geometry.curve_data.layers": "geometry.curve_size", "geometry.point_data.layers": "geometry.point_size"}
_LAYERS: Mapping[str, Mapping[str, str]] = {
    "Curves": _OF_CURVES,
    "GreasePencilDrawing": _OF_CURVES,
    "Mesh": {
        "edata.layers": "totedge",
        "ldata.layers": "totloop",
        "pdata.layers": "totpoly",
        "vdata.layers": "totvert",
    },
    "PointCloud": {"pdata.layers": "totpoint"},
}
LAYER = "CustomDataLayer"
#: Types of layers that have one byte for each item: small numbers, switches.
_OF_BYTES = (45, 50)
#: Pointers to letters that are none.
_BINARY = frozenset({"data", *(name for fields in _COUNTED.values() for name in fields)})
#: Types of custom properties: letters, and arrays, which may be of switches.
_LETTERS, _ARRAY, _SWITCHES = 0, 5, 10


def layers(rows: Rows) -> Iterator[tuple[Any, Any]]:
    """Pointers of some structs to layers of attributes, and how many items each of these has."""
    for name, count in _LAYERS.get(rows.struct.name, {}).items():
        yield rows.addresses(name), rows.numbers(count)


def bytes_of_layers(rows: Rows) -> Any:
    """What layers of attributes lead to if they have one byte for each item; 0 for others."""
    return numpy.where(numpy.isin(rows.numbers("type"), _OF_BYTES), rows.addresses("data"), 0).astype(numpy.uint64)


def lengths(rows: Rows) -> Iterator[tuple[Any, Any]]:
    """Pointers of some structs (0 for none), and how long what they lead to is without padding."""
    counted = _COUNTED.get(rows.struct.name, {})
    for name, count in counted.items():
        yield rows.addresses(name), rows.numbers(count)
    for field in rows.struct.fields:
        if (
            field.stars == 1
            and field.type == "char"
            and field.count == 1
            and field.name.rpartition(".")[2] not in _BINARY
        ):
            yield rows.addresses(field.name), numpy.full(len(rows.data), TEXT)
    if rows.struct.name == "IDProperty":
        kinds = rows.numbers("type")
        is_counted = (kinds == _LETTERS) | (kinds == _ARRAY) & (rows.numbers("subtype") == _SWITCHES)
        yield numpy.where(is_counted, rows.addresses("data.pointer"), 0).astype(numpy.uint64), rows.numbers("len")


def cut(content: memoryview, length: int) -> memoryview:
    """Cut off what was written after the end."""
    end = bytes(content).find(b"\0") + 1 if length == TEXT else length
    return content[:end] if 0 <= len(content) - end <= _MOST else content
