"""Makes .blend files of presets without Blender: as small as they can be, with a DNA of their own."""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Mapping
from typing import Any

OLD, NEW = b"BLENDER-v402", b"BLENDER17-01v0502"
SIZES = {"char": 1, "short": 2, "int": 4, "void": 0}
STRUCTS: dict[str, list[tuple[str, str]]] = {
    "raw": [],
    "ListBase": [("void", "*first"), ("void", "*last")],
    "ID": [("void", "*asset_data"), ("char", "name[66]"), ("char", "_pad[6]")],
    "bNodeTree": [("ID", "id"), ("char", "idname[64]"), ("void", "*preview")],
    "bUUID": [("char", "all[16]")],
    "IDPropertyData": [("void", "*pointer"), ("ListBase", "group"), ("int", "val"), ("int", "val2")],
    "IDProperty": [
        *(("void", "*next"), ("void", "*prev"), ("char", "type"), ("char", "subtype"), ("short", "flag")),
        *(("char", "name[64]"), ("char", "_pad0[4]"), ("IDPropertyData", "data"), ("int", "len"), ("int", "totallen")),
    ],
    "AssetTag": [("void", "*next"), ("void", "*prev"), ("char", "name[64]")],
    "AssetMetaData": [
        *(("void", "*properties"), ("bUUID", "catalog_id"), ("char", "catalog_simple_name[64]")),
        *(("void", f"*{name}") for name in ("author", "description", "copyright", "license")),
        ("ListBase", "tags"),
    ],
    "PreviewImage": [("int", "w[2]"), ("int", "h[2]"), ("short", "flag[2]"), ("int", "_pad"), ("int", "*rect[2]")],
}


def size_of(field: tuple[str, str]) -> int:
    count = 1
    for number in re.findall(r"\[(\d+)\]", field[1]):
        count *= int(number)
    kind = field[0]
    single = 8 if field[1].startswith("*") else SIZES.get(kind) or struct_size(kind)
    return single * count


def struct_size(name: str) -> int:
    return sum(map(size_of, STRUCTS[name]))


def dna() -> bytes:
    types = [*SIZES, *STRUCTS]
    names = list(dict.fromkeys(name for fields in STRUCTS.values() for _type, name in fields))

    def strings(mark: bytes, words: list[str]) -> bytes:
        joined = mark + struct.pack("<i", len(words)) + b"".join(word.encode() + b"\0" for word in words)
        return joined + bytes(-len(joined) % 4)

    lengths = [*SIZES.values(), *map(struct_size, STRUCTS)]
    sizes = b"TLEN" + struct.pack(f"<{len(lengths)}H", *lengths)
    sizes += bytes(-len(sizes) % 4)
    structs = b"STRC" + struct.pack("<i", len(STRUCTS))
    for name, fields in STRUCTS.items():
        structs += struct.pack("<2H", types.index(name), len(fields))
        for type_name, field in fields:
            structs += struct.pack("<2H", types.index(type_name), names.index(field))
    return b"SDNA" + strings(b"NAME", names) + strings(b"TYPE", types) + sizes + structs


class Writer:
    """The blocks of a file, one after the other."""

    def __init__(self, header: bytes) -> None:
        self.header = header
        self.data = header
        self.address = 0x1000

    def new_address(self) -> int:
        self.address += 0x1000
        return self.address

    def block(self, code: bytes, name: str, content: bytes, address: int = 0) -> None:
        number = list(STRUCTS).index(name)
        if self.header.startswith(b"BLENDER-"):
            self.data += struct.pack("<4siQii", code, len(content), address, number, 1) + content
        else:
            self.data += struct.pack("<4sIQqQ", code, number, address, len(content), 1) + content

    def struct(self, code: bytes, name: str, values: Mapping[str, bytes], address: int) -> None:
        content = b""
        for field in STRUCTS[name]:
            plain = re.sub(r"\[\d+\]|\*", "", field[1])
            content += values.get(plain, b"").ljust(size_of(field), b"\0")[: size_of(field)]
        self.block(code, name, content, address)

    def raw(self, content: bytes) -> bytes:
        """Bytes in a block of their own. Returns the pointer to them."""
        address = self.new_address()
        self.block(b"DATA", "raw", content, address)
        return pointer(address)


def pointer(address: int) -> bytes:
    return struct.pack("<Q", address)


def blend_file(
    properties: Mapping[str, Any],
    *,
    name: str = "Rock LODs",
    tree_type: str = "BackgroundNodeTree",
    header: bytes = OLD,
    author: str = "Ann",
    description: str = "Makes levels of detail",
    tags: tuple[str, ...] = (),
    catalog_id: str = "",
    is_endless: bool = False,
    picture: tuple[int, int, bytes] | None = None,
) -> bytes:
    """A file with one node tree that is an asset.

    Args:
        properties: of the asset; text, numbers and tuples of integers.
        is_endless: whether the last property leads to the first one again.
    """
    writer = Writer(header)
    asset, group, preview = writer.new_address(), writer.new_address(), writer.new_address()
    tree = {"id": pointer(asset) + b"NT" + name.encode(), "idname": tree_type.encode()}
    tree |= {"preview": pointer(preview)} if picture else {}
    writer.struct(b"NT\0\0", "bNodeTree", tree, writer.new_address())
    places = [writer.new_address() for _ in properties]
    words = [writer.new_address() for _ in tags]
    texts = {"author": writer.raw(author.encode() + b"\0"), "description": writer.raw(description.encode() + b"\0")}
    catalog = uuid.UUID(catalog_id).bytes_le if catalog_id else b""
    listed = pointer(words[0]) if words else b""
    writer.struct(
        b"DATA", "AssetMetaData", {"properties": pointer(group), "catalog_id": catalog, "tags": listed, **texts}, asset
    )
    for place, tag, after in zip(words, tags, [*words[1:], 0], strict=False):
        writer.struct(b"DATA", "AssetTag", {"name": tag.encode(), "next": pointer(after)}, place)
    first = bytes(8) + (pointer(places[0]) if places else b"")
    writer.struct(b"DATA", "IDProperty", {"type": b"\x06", "data": first}, group)
    last = places[0] if is_endless and places else 0
    for place, (key, value), after in zip(places, properties.items(), [*places[1:], last], strict=False):
        writer.struct(
            b"DATA", "IDProperty", {"name": key.encode(), "next": pointer(after), **_value(writer, value)}, place
        )
    if picture:
        width, height, pixels = picture
        writer.struct(
            b"DATA",
            "PreviewImage",
            {
                "w": struct.pack("<2i", 0, width),
                "h": struct.pack("<2i", 0, height),
                "rect": bytes(8) + writer.raw(pixels),
            },
            preview,
        )
    writer.block(b"DNA1", "raw", dna())
    writer.block(b"ENDB", "raw", b"")
    return writer.data


def _value(writer: Writer, value: Any) -> dict[str, bytes]:
    if isinstance(value, str):
        return {"type": b"\0", "data": writer.raw(value.encode("utf-8", "surrogatepass") + b"\0")}
    if isinstance(value, tuple):
        pointed = writer.raw(struct.pack(f"<{len(value)}i", *value))
        return {"type": b"\x05", "subtype": b"\x01", "data": pointed, "len": struct.pack("<i", len(value))}
    if isinstance(value, float):
        return {"type": b"\x08", "data": bytes(24) + struct.pack("<d", value)}
    return {"type": b"\x01", "data": bytes(24) + struct.pack("<i", value)}


def said(number: int = 1, version: int = 1, **more: Any) -> dict[str, Any]:
    """What the asset of a preset says at least."""
    fields = {"uuid": uuid.UUID(int=number).hex, "version": version, "kind": "GROUP", "graph_digest": "", **more}
    return {f"background_nodes_{name}": value for name, value in fields.items()}
