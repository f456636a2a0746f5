# SPDX-License-Identifier: GPL-3.0-or-later
"""The node trees of a .blend file that are assets: what is said of each, and its picture. Nothing else is looked at."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ..errors import BlendFileError
from .blocks import Blocks, read_blocks
from .dna import Dna, Field, dna_of
from .fields.previews import PREVIEW, addresses

#: The code of blocks that are parts of the data-block before them; that of node trees.
_PART, _NODE_TREE = b"DATA", b"NT"
_NULL: Final = 0
#: More are no description of an asset.
_MAX_ITEMS, _MAX_PIXELS = 1000, 1024 * 1024
#: What the numbers of `IDProperty.type`, and of the items of an array, stand for.
_STRING, _INT, _FLOAT, _ARRAY, _DOUBLE, _BOOLEAN = 0, 1, 2, 5, 8, 10
_ITEMS: Final = {_INT: "<i", _FLOAT: "<f", _DOUBLE: "<d", _BOOLEAN: "<?"}

Property = str | int | float | bool | tuple[int | float | bool, ...]


@dataclass(frozen=True, slots=True)
class Asset:
    """A node tree that is an asset.

    Attributes:
        name: of the data-block.
        tree_type: the `bl_idname` of the tree.
        version: of the Blender that wrote the file, 402 for 4.2.
        properties: its custom properties that are text, numbers, or arrays of numbers. The others are left out.
    """

    name: str
    tree_type: str
    version: int
    author: str
    description: str
    license: str
    catalog_id: str
    tags: tuple[str, ...]
    properties: Mapping[str, Property]


class Picture(NamedTuple):
    """Pixels of four bytes, red, green, blue, alpha, from the lower left on."""

    width: int
    height: int
    pixels: bytes


def read_assets(data: memoryview) -> tuple[Asset, ...]:
    """The node trees of a .blend file that are assets. Raises BlendFileError if it can't be read."""
    return tuple(_each(data, _asset))


def read_picture(data: memoryview, name: str) -> Picture | None:
    """The picture of one of them, by its name; None if it has none. Raises BlendFileError."""
    found = _each(data, lambda part: _picture(part) if _name(part) == name else None)
    return next((picture for picture in found if picture is not None), None)


class _Struct(NamedTuple):
    """A struct in a file, and the addresses of what else belongs to the same data-block."""

    file: Blocks
    dna: Dna
    type: str
    block: int
    parts: Mapping[int, int]

    def field(self, name: str) -> bytes:
        return self._of(self.dna.field(self.type, name))

    def _of(self, field: Field) -> bytes:
        found = bytes(self.file.bytes_of(self.block)[field.offset : field.offset + field.num_bytes])
        if len(found) != field.num_bytes:
            raise BlendFileError(f"holds less of {self.type} than it says")
        return found

    def text(self, name: str) -> str:
        return _text(self.field(name))

    def address(self, name: str) -> int:
        field = self.dna.field(self.type, name)
        if field.stars != 1:
            raise BlendFileError(f"has a {self.type}.{name} that leads nowhere")
        return int.from_bytes(self._of(field), "little")

    def raw(self, address: int) -> memoryview | None:
        """What a pointer leads to."""
        block = self.parts.get(address)
        return None if block is None else self.file.bytes_of(block)

    def text_at(self, name: str) -> str:
        found = self.raw(self.address(name))
        return "" if found is None else _text(bytes(found))

    def to(self, address: int, type_name: str) -> _Struct | None:
        block = self.parts.get(address)
        return None if block is None else _Struct(self.file, self.dna, type_name, block, self.parts)

    def listed(self, first: int, type_name: str) -> Iterator[_Struct]:
        """The items of a list, which may be one that never ends."""
        item = self.to(first, type_name)
        for _ in range(_MAX_ITEMS):
            if item is None:
                return
            yield item
            item = self.to(item.address("next"), type_name)


def _each(data: memoryview, read: Callable[[_Struct], Any]) -> Iterator[Any]:
    """What is read of each node tree that is an asset."""
    try:
        file = read_blocks(data)
        dna = dna_of(file)
        for block, parts in _node_trees(file):
            found = read(_Struct(file, dna, "ID", block, parts))
            if found is not None:
                yield found
    except (KeyError, ValueError, struct.error, OverflowError) as error:
        raise BlendFileError(f"is of a form that is not known ({error})") from error


def _node_trees(file: Blocks) -> Iterator[tuple[int, dict[int, int]]]:
    """The block of each node tree, with the other blocks of it by their addresses."""
    codes = file.codes.tolist()
    for block in (number for number, code in enumerate(codes) if code == _NODE_TREE):
        parts: dict[int, int] = {}
        part = block + 1
        while part < len(codes) and codes[part] == _PART:
            parts[int(file.addresses[part])] = part
            part += 1
        parts.pop(_NULL, None)
        yield block, parts


def _asset(tree: _Struct) -> Asset | None:
    described = tree.to(tree.address("asset_data"), "AssetMetaData")
    if described is None:
        return None
    group = described.to(described.address("properties"), "IDProperty")
    return Asset(
        _name(tree),
        tree._replace(type="bNodeTree").text("idname"),
        tree.file.version,
        described.text_at("author"),
        described.text_at("description"),
        described.text_at("license"),
        _catalog_id(described.field("catalog_id")),
        tuple(tag.text("name") for tag in described.listed(_first(described.field("tags")), "AssetTag")),
        {} if group is None else dict(_properties(group)),
    )


def _name(tree: _Struct) -> str:
    return tree.text("name")[2:]


def _catalog_id(found: bytes) -> str:
    """As text; "" for none. It lies there in the order of the machine."""
    return str(uuid.UUID(bytes_le=found)) if any(found) else ""


def _first(list_base: bytes) -> int:
    return int.from_bytes(list_base[:8], "little")


def _properties(group: _Struct) -> Iterator[tuple[str, Property]]:
    dna = group.dna
    inner = {name: dna.field("IDPropertyData", name) for name in ("pointer", "group", "val")}

    def data_of(item: _Struct, name: str, size: int) -> bytes:
        return item.field("data")[inner[name].offset :][:size]

    for item in group.listed(_first(data_of(group, "group", 8)), "IDProperty"):
        kind, (subtype,) = item.field("type")[0], item.field("subtype")
        if kind in (_STRING, _ARRAY):
            raw = item.raw(int.from_bytes(data_of(item, "pointer", 8), "little"))
            found = bytes(raw or b"")
            count = int.from_bytes(item.field("len"), "little", signed=True)
            if kind == _STRING:
                yield item.text("name"), _text(found)
            elif subtype in _ITEMS and 0 <= count <= _MAX_ITEMS:
                form = _ITEMS[subtype]
                yield item.text("name"), tuple(struct.unpack_from(f"<{count}{form[1:]}", found))
        elif kind in _ITEMS:
            (value,) = struct.unpack_from(_ITEMS[kind], data_of(item, "val", 8))
            yield item.text("name"), value


def _picture(tree: _Struct) -> Picture | None:
    """The larger one of the two that a data-block may have."""
    preview = tree.to(tree._replace(type="bNodeTree").address("preview"), PREVIEW)
    if preview is None:
        return None
    widths, heights = (struct.unpack("<2i", preview.field(name)) for name in ("w", "h"))
    where = addresses(preview.file.bytes_of(preview.block), preview.dna)
    width, height = widths[-1], heights[-1]
    raw = preview.raw(where[-1])
    if raw is None or not (width > 0 and height > 0 and width * height <= _MAX_PIXELS):
        return None
    pixels = bytes(raw[: 4 * width * height])
    return Picture(width, height, pixels) if len(pixels) == 4 * width * height else None


def _text(found: bytes) -> str:
    """Up to the first zero."""
    return found.partition(b"\0")[0].decode("utf-8", "replace")
