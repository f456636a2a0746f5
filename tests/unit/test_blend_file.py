"""What is no .blend file, or a broken one, is said to be so; what is one is read, in both forms."""

from __future__ import annotations

import struct

import pytest

from background_nodes.runtime.blend_file.blocks import mapped, read_blocks
from background_nodes.runtime.blend_file.dna import Field, read_dna
from background_nodes.runtime.errors import BlendFileError

OLD, NEW = b"BLENDER-v405", b"BLENDER17-01v0502"


def block(header: bytes, code: bytes, content: bytes = b"", number: int = 0, address: int = 0) -> bytes:
    if header == OLD:
        return struct.pack("<4siQii", code, len(content), address, number, 1) + content
    return struct.pack("<4sIQqQ", code, number, address, len(content), 1) + content


def file(header: bytes) -> bytes:
    return header + block(header, b"OB\0\0", b"content", 3, 0x1000) + block(header, b"ENDB")


def dna(fields: list[tuple[str, str]], size: int = 40) -> bytes:
    """The DNA of one struct `Thing`."""
    names = [name for _type, name in fields]
    types = {"char": 1, "int": 4, "Thing": size}

    def strings(mark: bytes, words: list[str]) -> bytes:
        joined = mark + struct.pack("<i", len(words)) + b"".join(word.encode() + b"\0" for word in words)
        return joined + bytes(-len(joined) % 4)

    pairs = [number for type_name, name in fields for number in (list(types).index(type_name), names.index(name))]
    sizes = b"TLEN" + struct.pack("<3H", *types.values()) + bytes(2)
    structs = b"STRC" + struct.pack(f"<i{2 + len(pairs)}H", 1, 2, len(fields), *pairs)
    return b"SDNA" + strings(b"NAME", names) + strings(b"TYPE", list(types)) + sizes + structs


@pytest.mark.parametrize(("header", "version"), [(OLD, 405), (NEW, 502)])
def test_blocks_are_found_in_both_forms(header, version):
    found = read_blocks(memoryview(file(header)))
    assert found.version == version
    columns = (found.codes, found.structs, found.addresses, found.lengths, found.counts)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == [
        (b"OB", 3, 0x1000, 7, 1),
        (b"ENDB", 0, 0, 0, 1),
    ]
    assert bytes(found.bytes_of(0)) == b"content"


@pytest.mark.parametrize("header", [OLD, NEW])
def test_file_that_is_cut_off_anywhere_is_refused(header):
    whole = file(header)
    for length in range(len(whole)):
        with pytest.raises(BlendFileError):
            read_blocks(memoryview(whole[:length]))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"PNG picture, and more than a header long", "is no .blend file"),
        (b"BLENDER-V280 and more", "another kind"),
        (b"BLENDER_v280 and more", "another kind"),
        (b"\x28\xb5\x2f\xfd and more", "is compressed"),
        (b"\x1f\x8b and more", "is compressed"),
    ],
)
def test_what_can_not_be_read_says_why(content, problem):
    with pytest.raises(BlendFileError, match=problem):
        read_blocks(memoryview(content))


def test_block_of_negative_length_is_refused():
    content = OLD + struct.pack("<4siQii", b"DATA", -20, 0, 0, 1) + block(OLD, b"ENDB")
    with pytest.raises(BlendFileError, match="cut off"):
        read_blocks(memoryview(content))


@pytest.mark.parametrize(("content", "problem"), [(b"", "is empty"), (None, "can't be read")])
def test_file_that_can_not_be_mapped_says_why(tmp_path, content, problem):
    path = tmp_path / "file 'ü'.blend"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BlendFileError, match=problem):
        mapped(path)


def test_fields_have_their_places_in_the_struct():
    found = read_dna(dna([("Thing", "*next"), ("int", "size[2][2]"), ("char", "name[8]"), ("Thing", "**list")]))
    assert found.struct(0).fields == (
        Field("next", "Thing", 0, 8, 1, 1),
        Field("size", "int", 8, 4, 4, 0),
        Field("name", "char", 24, 1, 8, 0),
        Field("list", "Thing", 32, 8, 1, 2),
    )
    assert found.field("Thing", "name").offset == 24


@pytest.mark.parametrize(
    "ask",
    [lambda found: found.struct(1), lambda found: found.field("Thing", "no"), lambda found: found.field("No", "x")],
)
def test_struct_or_field_that_is_not_there_is_refused(ask):
    found = read_dna(dna([("int", "size[10]")]))
    with pytest.raises(BlendFileError):
        ask(found)


def test_struct_whose_fields_do_not_fill_it_is_refused():
    found = read_dna(dna([("int", "size")]))
    with pytest.raises(BlendFileError, match="40 bytes"):
        found.struct(0)


def test_dna_that_is_cut_off_anywhere_is_refused():
    whole = dna([("int", "size[10]")])
    for length in range(len(whole)):
        with pytest.raises(BlendFileError):
            read_dna(whole[:length])
