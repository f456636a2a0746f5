# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tooltip of an output says of what the last run gave, as socket inspection does in Geometry Nodes.

Blender lets a socket have one fixed text for its tooltip, so that is set when results come home and not while anything
is drawn. It keeps 63 bytes of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import bpy
from bpy.app.translations import pgettext_tip as translated
from mathutils import Matrix

_MAX_BYTES = 63
#: Of a list, so many items are told.
_MAX_ITEMS = 3


def of_value(value: Any) -> str:
    """A value, or how many a list has and the first of them."""
    is_list = isinstance(value, tuple)
    return _cut(_list(value, _text) if is_list else _text(value))


def of_data_blocks(found: Sequence[bpy.types.ID], *, is_list: bool) -> str:
    """A data-block with what it is made of, or how many a list has and the first of them."""
    if is_list:
        return _cut(_list(found, lambda item: item.name))
    return _cut(", ".join(filter(None, (f"{_kind(found[0])}: {found[0].name}", _size(found[0]))))) if found else ""


def of_offer(names: Sequence[str], *, is_list: bool) -> str:
    """What a run can bring home."""
    what = _list(names, str) if is_list else names[0]
    return _cut(translated("{result} (not in this file)").format(result=what))


def _list(items: Sequence[Any], text: Callable[[Any], str]) -> str:
    count = translated("{count} items").format(count=f"{len(items):,}")
    first = ", ".join(map(text, items[:_MAX_ITEMS]))
    more = ", …" if len(items) > _MAX_ITEMS else ""
    return f"{count}: {first}{more}" if items else count


def _text(value: Any) -> str:
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
    if isinstance(value, Matrix):
        return "; ".join(" ".join(f"{number:.3g}" for number in row) for row in value)
    if isinstance(value, dict | list | None):
        return json.dumps(value, default=str)
    return ", ".join(map(_text, value))


def _kind(data_block: bpy.types.ID) -> str:
    return translated(data_block.bl_rna.name)


def _size(data_block: bpy.types.ID) -> str:
    """How much there is of it, as far as that is known without reading a file."""
    match data_block:
        case bpy.types.Object() if isinstance(data_block.data, bpy.types.Mesh):
            return _size(data_block.data)
        case bpy.types.Mesh():
            return _count("{count} face", "{count} faces", len(data_block.polygons))
        case bpy.types.Image() if data_block.has_data:
            return " x ".join(map(str, data_block.size))
        case bpy.types.Collection():
            return _count("{count} object", "{count} objects", len(data_block.all_objects))
    return ""


def _count(singular: str, plural: str, count: int) -> str:
    return translated(singular if count == 1 else plural).format(count=f"{count:,}")


def _cut(text: str) -> str:
    encoded = text.encode()
    if len(encoded) <= _MAX_BYTES:
        return text
    return encoded[: _MAX_BYTES - len("…".encode())].decode(errors="ignore") + "…"
