# SPDX-License-Identifier: GPL-3.0-or-later
"""What is at an address, as Blender itself reads a .blend file.

An address leads to a block of the same data-block, or to another data-block; never into one. Blocks of two data-blocks
may have the same address: they were one array in memory, which both used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy

#: In the place of a target that is not there.
NONE = -1


class Targets:
    """Finds blocks and data-blocks by address.

    Args:
        addresses: of each block.
        owners: the data-block that each block is of.
        firsts: the first block of each data-block, whose address is that of the data-block.
    """

    def __init__(self, addresses: Iterable[int], owners: Any, firsts: Any) -> None:
        self._addresses, numbers = numpy.unique(numpy.array(addresses, numpy.uint64), return_inverse=True)
        keys = owners * len(self._addresses) + numbers
        self._blocks = numpy.argsort(keys, kind="stable")
        self._keys = keys[self._blocks]
        self._data_blocks = numpy.full(len(self._addresses), NONE)
        self._data_blocks[numbers[firsts]] = numpy.arange(len(firsts))

    def find(self, addresses: Any, owners: Any) -> tuple[Any, Any]:
        """Follow pointers, each of a data-block. Returns the block that each leads to, and the other data-block."""
        blocks, others = numpy.full(len(addresses), NONE), numpy.full(len(addresses), NONE)
        if not len(self._addresses):
            return blocks, others
        (which,) = numpy.nonzero(addresses)
        wanted = addresses[which]
        numbers = _places(self._addresses, wanted)
        is_known = self._addresses[numbers] == wanted
        which, numbers = which[is_known], numbers[is_known]
        keys = owners[which] * len(self._addresses) + numbers
        places = _places(self._keys, keys)
        is_here = self._keys[places] == keys
        blocks[which] = numpy.where(is_here, self._blocks[places], NONE)
        others[which] = numpy.where(is_here, NONE, self._data_blocks[numbers])
        return blocks, others

    def data_block(self, address: int) -> int:
        """The data-block at an address."""
        _, (found,) = self.find(numpy.array([address], numpy.uint64), numpy.array([NONE]))
        return int(found)


def _places(ordered: Any, wanted: Any) -> Any:
    """Where each of `wanted` is, if it is there."""
    return numpy.minimum(numpy.searchsorted(ordered, wanted), len(ordered) - 1)
