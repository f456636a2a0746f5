# SPDX-License-Identifier: GPL-3.0-or-later
"""The data-blocks of a .blend file: of each a digest of its own content, what it uses, and which files it names.

This depends on the file alone, wherever it lies.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy

from ..errors import BlendFileError
from .blocks import Blocks, read_blocks
from .contents import RAW, Contents
from .dna import Dna, Field, dna_of
from .fields.arranged_fields import owners_seeing
from .fields.empty_groups import empty_groups
from .fields.kinds import LIBRARY, LINKED, is_known
from .fields.named_files import NamedFile, files_named
from .fields.previews import PREVIEW, addresses, is_chosen
from .fields.time_dependence import owners_timed
from .fields.unknowns import unknowns
from .long_contents import LongContents
from .rows import Rows
from .targets import NONE

#: The code of blocks that are parts of the data-block before them; and the length of codes of data-blocks.
_PART, _CODE_LENGTH = b"DATA", 2
#: What a data-block holds of the file that it was appended from: its path. No pointer that counts leads to it.
_APPENDED_FROM = "LibraryWeakReference"


@dataclass(slots=True)
class DataBlock:
    """A data-block as it lies in a file.

    Attributes:
        code: two letters for its kind.
        name: its name, without those.
        own: digest of its own content; of a linked one, which is elsewhere, empty.
        arrangement: digest of how an editor shows its nodes, modifiers and constraints; empty if it has none.
        uses: the data-blocks that its pointers lead to, in their order, by their places in the file.
        files: the files it names.
        library: where it comes from, by its place in the file; None for a local one.
        path: of a library, its path as it stands in the file.
        is_linked: whether its content is in that library, and not here.
        is_timed: whether it looks different at another frame for its own sake.
        sees_arrangement: whether it looks different if something that it uses is arranged in another way.
        reason: why it can't be digested; "" if it can.
    """

    code: str
    name: str
    own: bytes = b""
    arrangement: bytes = b""
    uses: tuple[int, ...] = ()
    files: list[NamedFile] = field(default_factory=list)
    library: int | None = None
    path: str = ""
    is_linked: bool = False
    is_timed: bool = False
    sees_arrangement: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What a .blend file holds, and what wrote it: its version (402 for 4.2) and its version of the format."""

    version: tuple[int, int]
    data_blocks: tuple[DataBlock, ...]


def anatomy(data: memoryview, long: LongContents | None = None) -> Anatomy:
    """Look into a .blend file. Raises BlendFileError if it can't be read.

    `long` finds and notes the digests of its long contents: of a file that is not compressed.
    """
    try:
        return _anatomy(data, long or LongContents())
    except (KeyError, ValueError) as error:
        raise BlendFileError(f"is of a form that is not known ({error})") from error


def local_parts(data: memoryview, names: Collection[str]) -> dict[str, list[memoryview]]:
    """What counts of some local data-blocks of a .blend file, as it lies there, by their names with their codes.

    It does not tell which other data-blocks they use. Raises BlendFileError if the file can't be read.
    """
    try:
        file, dna, firsts, contents = _opened(data, LongContents())
        for _rows in contents.structs():
            pass
        found = {}
        for place, first in enumerate(firsts):
            head = file.bytes_of(first)
            name = _text(head, dna.field("ID", "name"))
            is_local = file.codes[first] != LINKED.encode() and not any(_bytes(head, dna.field("ID", "lib")))
            if is_local and name in names:
                found[name] = contents.parts(place)
        return found
    except (KeyError, ValueError) as error:
        raise BlendFileError(f"is of a form that is not known ({error})") from error


def _opened(data: memoryview, long: LongContents) -> tuple[Blocks, Dna, list[int], Contents]:
    """A file, its DNA, the first block of each data-block, and what is in these."""
    file = read_blocks(data)
    dna = dna_of(file)
    blocks, firsts = _of_data_blocks(file, dna)
    return file, dna, blocks[firsts].tolist(), Contents(file, dna, blocks, firsts, long)


def _anatomy(data: memoryview, long: LongContents) -> Anatomy:
    file, dna, firsts, contents = _opened(data, long)
    found = [_begun(file, dna, first, contents) for first in firsts]
    packed: set[int] = set()
    for rows in contents.structs():
        _note(rows, contents, found)
        if rows.struct.name == "PackedFile":
            packed.update(rows.owners.tolist())
    for owner in packed:
        found[owner].files.clear()
    for place, (data_block, uses) in enumerate(zip(found, contents.uses(), strict=True)):
        data_block.files.sort(key=lambda named: named.place)  # whatever the order of structs in the file
        if data_block.code != LIBRARY and not data_block.is_linked:
            data_block.uses = uses
            data_block.own = contents.digest(place)
            data_block.arrangement = contents.arrangement(place)
    return Anatomy(_version(file, dna), tuple(found))


def _note(rows: Rows, contents: Contents, found: list[DataBlock]) -> None:
    """Note what some structs say of the data-blocks that they are of."""
    for owner in owners_timed(rows):
        found[owner].is_timed = True
    for owner in owners_seeing(rows, contents.letters_of):
        found[owner].sees_arrangement = True
    for owner, reason in unknowns(rows):
        found[owner].reason = found[owner].reason or reason
    for owner, named in files_named(rows, contents.text_at):
        found[owner].files.append(named)


def _of_data_blocks(file: Blocks, dna: Dna) -> tuple[Any, Any]:
    """The blocks of data-blocks that count, and which of them are the first ones of a data-block."""
    is_first = numpy.char.str_len(file.codes) == _CODE_LENGTH
    heads = numpy.maximum.accumulate(numpy.where(file.codes != _PART, numpy.arange(len(is_first)), 0))
    is_counted = is_first[heads]
    is_counted[empty_groups(file, dna)] = False
    is_counted[file.structs == dna.number(_APPENDED_FROM)] = False
    for block in numpy.flatnonzero(file.structs == dna.number(PREVIEW)).tolist():
        preview, part = file.bytes_of(block), block + 1
        pictures = dict(zip(addresses(preview, dna), is_chosen(preview, dna), strict=True))
        is_counted[block] = any(pictures.values())
        while file.codes[part] == _PART and (file.structs[part] == RAW or int(file.addresses[part]) in pictures):
            is_counted[part] &= pictures.get(int(file.addresses[part]), True)
            part += 1
    blocks = numpy.flatnonzero(is_counted)
    return blocks, numpy.flatnonzero(is_first[blocks])


def _begun(file: Blocks, dna: Dna, first: int, contents: Contents) -> DataBlock:
    """A data-block by its first block."""
    head = file.bytes_of(first)
    name = _text(head, dna.field("ID", "name"))
    data_block = DataBlock(name[:2], name[2:], is_linked=file.codes[first] == LINKED.encode())
    address = int.from_bytes(_bytes(head, dna.field("ID", "lib")), "little")
    if address and (library := contents.data_block_at(address)) != NONE:
        data_block.library = library
    if not is_known(data_block.code):
        data_block.reason = "it is of an unknown kind"
    if data_block.code == LIBRARY:
        data_block.path = _text(head, dna.field("Library", "name"))
        if any(_bytes(head, dna.field("Library", "packedfile"))):
            data_block.reason = "it is packed"
    return data_block


def _bytes(struct: memoryview, field: Field) -> bytes:
    return bytes(struct[field.offset : field.offset + field.num_bytes])


def _text(struct: memoryview, field: Field) -> str:
    return os.fsdecode(_bytes(struct, field).partition(b"\0")[0])


def _version(file: Blocks, dna: Dna) -> tuple[int, int]:
    found = file.first(b"GLOB")
    if found is None:
        raise BlendFileError("does not say what wrote it")
    number = _bytes(found, dna.field("FileGlobal", "subversion"))
    return file.version, int.from_bytes(number, "little")
