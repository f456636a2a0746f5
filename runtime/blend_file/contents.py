# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocks of data-blocks, without what does not count.

An address is replaced by what is there: nothing; another data-block, which is noted in `uses`; or a block of the same
data-block, by its ordinal. Structs of one type are treated as one array; blocks of plain numbers stay where they are.
What is hashed of a data-block is the heads of its blocks, then its structs, type by type, then its other blocks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy

from .blocks import Blocks
from .chunks import is_long, shortened
from .dna import POINTER_SIZE, Dna, Struct
from .fields import padding
from .fields.arranged_fields import take_arrangement
from .fields.node_numbers import NODE, NodeNumbers, has_node_numbers
from .fields.run_time_values import clear_run_time_values
from .layouts import Layout, layout_of
from .long_contents import LongContents
from .rows import Rows
from .targets import NONE, Targets

#: What stands for an address. For a block it is this and its ordinal.
_NOTHING, _OTHER, _FIRST = 0, 1, 2
#: The number of what is no struct. In old files it is that of a struct, too.
RAW = 0
_POINTERS = Layout(numpy.zeros(POINTER_SIZE, numpy.uint8), numpy.array([0]), numpy.array([False]))
_DIGEST_SIZE = 16


class Contents:
    """The blocks of the data-blocks of a file. Both go by their places: blocks among these, data-blocks among all.

    Args:
        file: the file.
        dna: its DNA.
        blocks: the blocks of the file that are of data-blocks.
        firsts: the first block of each data-block, by its place among these.
        long: what is known of its long contents.
    """

    def __init__(self, file: Blocks, dna: Dna, blocks: Any, firsts: Any, long: LongContents) -> None:
        self._dna = dna
        self._long = long
        self._data = file.data
        self._starts = file.starts[blocks]
        self._heads = numpy.stack([column[blocks] for column in (file.structs, file.lengths, file.counts)], axis=1)
        self._structs, self._lengths, self._counts = self._heads.T
        self._ends = numpy.append(firsts, len(blocks))
        self._owners = numpy.repeat(numpy.arange(len(firsts)), numpy.diff(self._ends))
        self._targets = Targets(file.addresses[blocks], self._owners, firsts)
        self._node_numbers = NodeNumbers()
        self._is_padded = file.version < 500
        self._unpadded: dict[int, int] = {}  # lengths of blocks that may be padded
        self._items: dict[int, int] = {}  # of the layers in a block
        self._layers: dict[int, int] = {}  # what a layer of bytes leads to, and the block that this layer is in
        self._arrays: set[int] = set()  # blocks that hold pointers only
        self._arrangements: dict[int, Any] = {}  # hashes, by data-block
        self._uses: list[tuple[Any, Any, Any]] = []  # where pointers are in the file, whose they are, to what they lead
        self._is_read = numpy.zeros(len(blocks), bool)  # whether a block is in the contents
        self._contents: list[list[memoryview]] = [[] for _ in firsts]  # what counts, by data-block
        self._long_starts: list[dict[int, int]] = [{} for _ in firsts]  # where long ones of these lie in the file

    def structs(self) -> Iterator[Rows]:
        """All structs, by type, as they lie. When all were seen, what does not count is out of them."""
        node = self._dna.number(NODE)
        numbers = numpy.unique(self._structs[self._structs != RAW]).tolist()
        for number in sorted(numbers, key=lambda number: number != node):
            struct = self._dna.struct(number)
            is_whole = (self._structs == number) & (self._lengths == self._counts * struct.size)
            if struct.size and is_whole.any():
                yield from self._read(numpy.flatnonzero(is_whole), struct, layout_of(self._dna, struct))
        arrays = [place for place in sorted(self._arrays) if self._structs[place] == RAW]
        if arrays:
            yield from self._read(numpy.array(arrays), Struct("", POINTER_SIZE, ()), _POINTERS)
        self._add_others()

    def _read(self, places: Any, struct: Struct, layout: Layout) -> Iterator[Rows]:
        counts = self._lengths[places] // struct.size
        rows = Rows(
            self._dna.flat(struct),
            lambda: self._bytes_of(places),
            lambda: numpy.repeat(self._owners[places], counts),
        )
        yield rows
        if layout.is_plain and not has_node_numbers(struct.name):
            return
        if self._is_padded:
            self._note_lengths(rows, numpy.repeat(places, counts))
        clear_run_time_values(rows)
        for owner, arrangement in take_arrangement(rows):
            self._arrangements.setdefault(owner, hashlib.blake2b(digest_size=_DIGEST_SIZE)).update(arrangement)
        if struct.name == NODE:
            self._node_numbers.note(rows)
        self._node_numbers.replace(rows)
        self._replace_addresses(rows, places, layout)
        self._is_read[places] = True
        view = memoryview(rows.data).cast("B")
        for owner, start, end in rows.parts():
            self._contents[owner].append(view[start * struct.size : end * struct.size])

    def _add_others(self) -> None:
        """Add the blocks of which all counts to the contents, without what was written after the end of some."""
        for layer, holder in self._layers.items():
            if holder in self._items:
                self._unpadded[layer] = self._items[holder]
        places = numpy.flatnonzero(~self._is_read)
        owners = self._owners[places].tolist()
        for place, owner, content in zip(places.tolist(), owners, self._bytes_of(places), strict=True):
            length = self._unpadded.get(place)
            if is_long(content):
                self._long_starts[owner][len(self._contents[owner])] = int(self._starts[place])
            self._contents[owner].append(content if length is None else padding.cut(content, length))

    def _bytes_of(self, places: Any) -> list[memoryview]:
        starts = self._starts[places]
        ends = starts + self._lengths[places]
        return [self._data[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]

    def _note_lengths(self, rows: Rows, places: Any) -> None:
        """Note how long blocks are that may be padded. `places` says for each struct in which block it is."""
        for known, pairs in ((self._unpadded, padding.lengths(rows)), (self._items, padding.layers(rows))):
            for addresses, lengths in pairs:
                blocks, _ = self._targets.find(addresses, rows.owners)
                known.update(zip(blocks.tolist(), lengths.tolist(), strict=True))
        if rows.struct.name == padding.LAYER:
            blocks, _ = self._targets.find(padding.bytes_of_layers(rows), rows.owners)
            self._layers.update(zip(blocks.tolist(), places.tolist(), strict=True))

    def _replace_addresses(self, rows: Rows, places: Any, layout: Layout) -> None:
        if not len(layout.pointers):
            rows.data[:] &= layout.mask
            return
        words = rows.data.view(numpy.uint64)
        addresses = words[:, layout.pointers]
        rows.data[:] &= layout.mask
        owners = numpy.repeat(rows.owners, len(layout.pointers))
        blocks, others = self._targets.find(addresses.ravel(), owners)
        is_other = others != NONE
        tokens = numpy.where(is_other, _OTHER, _NOTHING)
        tokens = numpy.where(blocks != NONE, _FIRST + blocks - self._ends[owners], tokens)
        words[:, layout.pointers] = tokens.reshape(addresses.shape)
        arrays = blocks.reshape(addresses.shape)[:, layout.leads_to_pointers]
        self._arrays.update(arrays[arrays != NONE].tolist())
        if is_other.any():
            in_file = (self._positions(places, rows.struct.size)[:, None] + POINTER_SIZE * layout.pointers).ravel()
            self._uses.append((in_file[is_other], owners[is_other], others[is_other]))

    def _positions(self, places: Any, size: int) -> Any:
        """Where in the file the structs of some blocks start."""
        counts = self._lengths[places] // size
        firsts = numpy.cumsum(counts) - counts
        return numpy.repeat(self._starts[places] - size * firsts, counts) + size * numpy.arange(counts.sum())

    def text_at(self, owner: int, address: int) -> bytes:
        """The letters that a pointer of a data-block leads to; they count no more."""
        (block,), _ = self._targets.find(numpy.array([address], numpy.uint64), numpy.array([owner]))
        if block == NONE:
            return b""
        text = self._letters(block)
        self._heads[block] = 0
        return text

    def letters_of(self, rows: Rows, name: str) -> list[bytes]:
        """The letters that a pointer of each of some structs leads to."""
        blocks, _ = self._targets.find(rows.addresses(name), rows.owners)
        return [b"" if block == NONE else self._letters(block) for block in blocks.tolist()]

    def _letters(self, block: int) -> bytes:
        (content,) = self._bytes_of([block])
        return bytes(content).partition(b"\0")[0]

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
        """Of the blocks of a data-block. Those of its long contents are noted."""
        found = hashlib.blake2b(digest_size=_DIGEST_SIZE)
        heads, *contents = self.parts(data_block)
        found.update(next(shortened([heads])))
        starts = self._long_starts[data_block]
        for place, part in enumerate(shortened(contents, self._long.find)):
            found.update(part)
            if place in starts and is_long(contents[place]):
                self._long.note(starts[place], contents[place], bytes(part))
        return found.digest()

    def parts(self, data_block: int) -> list[memoryview]:
        """What counts of the blocks of a data-block."""
        heads = self._heads[self._ends[data_block] : self._ends[data_block + 1]].copy()
        heads[:, 0] = self._dna.identities[heads[:, 0]]
        return [memoryview(heads.tobytes()), *self._contents[data_block]]
