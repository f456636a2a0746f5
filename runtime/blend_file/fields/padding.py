# SPDX-License-Identifier: GPL-3.0-or-later
"""Blenders before 5.0 write blocks of letters and switches with up to 3 more bytes, which hold anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy

from ..rows import Rows

#: The most bytes that are added.
MOST = 3
#: Says that letters end with the first zero.
TEXT = -1

#: By struct: pointers to what is as long as another field says.
_COUNTED: Mapping[str, Mapping[str, str]] = {
    "Object": {"matbits": "totcol"},
    "PointCache": {"cached_frames": "cached_frames_len"},
}
#: Pointers to letters that are none.
_BINARY = frozenset({"data", *(name for fields in _COUNTED.values() for name in fields)})
#: Types of custom properties: letters, and arrays, which may be of switches.
_LETTERS, _ARRAY, _SWITCHES = 0, 5, 10


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
