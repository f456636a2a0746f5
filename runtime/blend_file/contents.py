# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocks of data-blocks, without what does not count.

An address is replaced by what is there: nothing; another data-block, which is noted in `uses`; or a block of the same
data-block, by its ordinal. Structs of one type are treated as one array; blocks of plain numbers stay where they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy

from .blocks import Block, Blocks
from .dna import POINTER_SIZE, Dna, Struct
from .fields import padding
from .fields.arranged_fields import take_arrangement
from .fields.node_numbers import NODE, NodeNumbers, has_node_numbers
from .fields.run_time_values import clear_run_time_values
from .layouts import Layout, layout_of
from .rows import Rows
from .targets import NONE, Targets

#: What stands for an address. For a block it is this and its ordinal.
_NOTHING, _OTHER, _FIRST = 0, 1, 2
#: The number of what is no struct. In old files it is that of a struct, too.
RAW = 0
_POINTERS = Layout(numpy.arange(POINTER_SIZE), numpy.array([0]), numpy.array([], numpy.intp))
_DIGEST_SIZE = 16


class Contents:
    """The blocks of the data-blocks of a file. Both go by their places: blocks among these, data-blocks among all.

    Args:
        file: the file.
        dna: its DNA.
        blocks: the blocks that are of data-blocks.
        firsts: the first block of each data-block.
    """

    def __init__(self, file: Blocks, dna: Dna, blocks: list[Block], firsts: list[int]) -> None:
        self._dna = dna
        self._blocks = blocks
        self._ends = numpy.array([*firsts, len(blocks)], numpy.int64)
        self._owners = numpy.repeat(numpy.arange(len(firsts)), numpy.diff(self._ends))
        self._targets = Targets([block.address for block in blocks], self._owners, self._ends[:-1])
        self._bytes: list[Any] = list(map(file.bytes_of, blocks))
        self._heads = numpy.array([(block.struct, block.length, block.num_structs) for block in blocks], numpy.int64)
        self._node_numbers = NodeNumbers()
        self._is_padded = file.version < 500
        self._lengths: dict[int, int] = {}  # of blocks that may be padded
        self._items: dict[int, int] = {}  # of the layers in a block
        self._layers: dict[int, int] = {}  # what a layer of bytes leads to, and the block that this layer is in
        self._arrays: set[int] = set()  # blocks that hold pointers only
        self._arrangements: dict[int, Any] = {}  # hashes, by data-block
        self._uses: list[tuple[Any, Any, Any]] = []  # where pointers are in the file, whose they are, to what they lead

    def structs(self) -> Iterator[Rows]:
        """All structs, by type, as they lie. When all were seen, what does not count is out of them."""
        by_struct: dict[int, list[int]] = {}
        for place, block in enumerate(self._blocks):
            if block.struct != RAW:
                by_struct.setdefault(block.struct, []).append(place)
        node = self._dna.number(NODE)
        for number, places in sorted(by_struct.items(), key=lambda item: item[0] != node):
            struct = self._dna.struct(number)
            whole = [
                place for place in places if self._blocks[place].length == self._blocks[place].num_structs * struct.size
            ]
            if whole and struct.size:
                yield from self._read(whole, struct, layout_of(self._dna, struct))
        self._cut_padding()
        arrays = [place for place in sorted(self._arrays) if self._blocks[place].struct == RAW]
        if arrays:
            yield from self._read(arrays, Struct("", POINTER_SIZE, ()), _POINTERS)

    def _read(self, places: list[int], struct: Struct, layout: Layout) -> Iterator[Rows]:
        rows = Rows(self._dna.flat(struct), [self._bytes[place] for place in places], self._owners[places])
        yield rows
        if not len(layout.left_out) and not has_node_numbers(struct.name):
            return
        if self._is_padded:
            self._note_lengths(rows, places)
        clear_run_time_values(rows)
        for owner, arrangement in take_arrangement(rows):
            self._arrangements.setdefault(owner, hashlib.blake2b(digest_size=_DIGEST_SIZE)).update(arrangement)
        if struct.name == NODE:
            self._node_numbers.note(rows)
        self._node_numbers.replace(rows)
        self._replace_addresses(rows, places, layout)
        view, position = memoryview(rows.data).cast("B"), 0
        for place in places:
            length = self._blocks[place].length
            self._bytes[place] = view[position : position + length]
            position += length

    def _note_lengths(self, rows: Rows, places: list[int]) -> None:
        """Note how long blocks are that may be padded."""
        for known, pairs in ((self._lengths, padding.lengths(rows)), (self._items, padding.layers(rows))):
            for addresses, lengths in pairs:
                blocks, _ = self._targets.find(addresses, rows.owners)
                known.update(zip(blocks.tolist(), lengths.tolist(), strict=True))
        if rows.struct.name == padding.LAYER:
            blocks, _ = self._targets.find(padding.bytes_of_layers(rows), rows.owners)
            holders = numpy.repeat(places, self._heads[places, 2])
            self._layers.update(zip(blocks.tolist(), holders.tolist(), strict=True))

    def _cut_padding(self) -> None:
        """Cut off what was written after the end of letters and switches."""
        self._lengths |= {layer: self._items[holder] for layer, holder in self._layers.items() if holder in self._items}
        self._lengths.pop(NONE, None)
        for place, length in self._lengths.items():
            content = bytes(self._bytes[place])
            end = content.find(b"\0") + 1 if length == padding.TEXT else length
            if 0 <= len(content) - end <= padding.MOST:
                self._bytes[place] = content[:end]

    def _replace_addresses(self, rows: Rows, places: list[int], layout: Layout) -> None:
        bytes_of_pointers = (layout.pointers[:, None] + numpy.arange(POINTER_SIZE)).ravel()
        addresses = numpy.ascontiguousarray(rows.data[:, bytes_of_pointers]).view(numpy.uint64)
        owners = numpy.repeat(rows.owners, len(layout.pointers))
        blocks, others = self._targets.find(addresses.ravel(), owners)
        is_other = others != NONE
        tokens = numpy.where(is_other, _OTHER, _NOTHING)
        tokens = numpy.where(blocks != NONE, _FIRST + blocks - self._ends[owners], tokens)
        rows.data[:, layout.left_out] = 0
        rows.data[:, bytes_of_pointers] = tokens.astype(numpy.uint64).reshape(addresses.shape).view(numpy.uint8)
        arrays = blocks.reshape(addresses.shape)[:, numpy.isin(layout.pointers, layout.to_pointers)]
        self._arrays.update(arrays[arrays != NONE].tolist())
        if is_other.any():
            starts = numpy.concatenate([self._starts(place, rows.struct.size) for place in places])
            in_file = (starts[:, None] + layout.pointers).ravel()
            self._uses.append((in_file[is_other], owners[is_other], others[is_other]))

    def _starts(self, place: int, size: int) -> Any:
        """Where in the file the structs of a block start."""
        block = self._blocks[place]
        return numpy.arange(block.start, block.start + block.length, size)

    def text_at(self, owner: int, address: int) -> bytes:
        """The letters that a pointer of a data-block leads to; they count no more."""
        (block,), _ = self._targets.find(numpy.array([address], numpy.uint64), numpy.array([owner]))
        if block == NONE:
            return b""
        text = self._letters(block)
        self._bytes[block] = b""
        self._heads[block] = 0
        return text

    def letters_of(self, rows: Rows, name: str) -> list[bytes]:
        """The letters that a pointer of each of some structs leads to."""
        blocks, _ = self._targets.find(rows.addresses(name), rows.owners)
        return [b"" if block == NONE else self._letters(block) for block in blocks.tolist()]

    def _letters(self, block: int) -> bytes:
        return bytes(self._bytes[block]).partition(b"\0")[0]

    def data_block_at(self, address: int) -> int:
        """The data-block at an address, NONE if there is none."""
        return self._targets.data_block(address)

    def uses(self) -> list[tuple[int, ...]]:
        """The data-blocks that each one uses, in the order of the pointers that lead to them."""
        found: list[list[int]] = [[] for _ in self._ends[1:]]
        if self._uses:
            places, owners, others = map(numpy.concatenate, zip(*self._uses, strict=True))
            order = numpy.argsort(places)
            for owner, other in zip(owners[order].tolist(), others[order].tolist(), strict=True):
                found[owner].append(other)
        return [tuple(uses) for uses in found]

    def arrangement(self, data_block: int) -> bytes:
        """A digest of how an editor shows what is in a data-block; empty if there is no such thing."""
        found = self._arrangements.get(data_block)
        return b"" if found is None else bytes(found.digest())

    def digest(self, data_block: int) -> bytes:
        """Of the blocks of a data-block."""
        first, end = self._ends[data_block], self._ends[data_block + 1]
        found = hashlib.blake2b(self._heads[first:end].tobytes(), digest_size=_DIGEST_SIZE)
        for content in self._bytes[first:end]:
            found.update(content)
        return found.digest()
