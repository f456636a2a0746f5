# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of nodes. Blender gives each new node a random one, by which others know it; its place counts instead.

Else a node tree that is made twice would not be the same.
"""

from __future__ import annotations

from typing import Any

import numpy

from ..rows import Rows

NODE = "bNode"
#: Fields that hold such a number.
_FIELDS = frozenset(
    {
        ("NodeClosureInput", "output_node_id"),
        ("NodeGeometryForeachGeometryElementInput", "output_node_id"),
        ("NodeGeometryRepeatInput", "output_node_id"),
        ("NodeGeometrySimulationInput", "output_node_id"),
        ("bNestedNodeRef", "path.node_id"),
        (NODE, "identifier"),
    }
)
_STRUCTS = frozenset(struct for struct, _field in _FIELDS)


def has_node_numbers(struct: str) -> bool:
    """Whether such numbers are in a struct."""
    return struct in _STRUCTS


class NodeNumbers:
    """The numbers of all nodes of a file, by their data-blocks."""

    def __init__(self) -> None:
        self._numbers: Any = numpy.array([], numpy.int64)
        self._places: Any = self._numbers

    def note(self, nodes: Rows) -> None:
        """Note the numbers of all nodes, which come in the order of their data-blocks."""
        numbers = _of_data_blocks(nodes, "identifier")
        places = 1 + numpy.arange(len(numbers)) - numpy.searchsorted(nodes.owners, nodes.owners)
        order = numpy.argsort(numbers)
        self._numbers, self._places = numbers[order], places[order]

    def replace(self, rows: Rows) -> None:
        """Put the place of the node that is meant, from 1 on, or 0 for none, instead of its number."""
        for field in rows.struct.fields:
            if (rows.struct.name, field.name) in _FIELDS and len(self._numbers):
                wanted = _of_data_blocks(rows, field.name)
                found = numpy.minimum(numpy.searchsorted(self._numbers, wanted), len(self._numbers) - 1)
                places = numpy.where(self._numbers[found] == wanted, self._places[found], 0)
                rows.set_numbers(field.name, places)


def _of_data_blocks(rows: Rows, name: str) -> Any:
    """A field of 32 bits, together with the data-block that it is of."""
    return rows.owners << 32 | rows.numbers(name).astype(numpy.int64) & 0xFFFFFFFF
