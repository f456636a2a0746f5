# SPDX-License-Identifier: GPL-3.0-or-later
"""In which pass of its loops each item of a task is: those of one pass after those of the other."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

#: A pass of each loop that something is in: its number, by the loop's id.
Passes = Mapping[str, int]
#: Of what is in no loop.
NO_PASSES: Final[Passes] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Layout:
    """Which items of a task are in which pass of its loops.

    Attributes:
        loops: the ids of the loops.
        passes: the numbers of the passes in which the task is needed, in the order of the loops; the one pass of a task
            in no loop is ().
        starts: the first item of each pass, and at the end the number of items.
    """

    loops: tuple[str, ...]
    passes: tuple[tuple[int, ...], ...]
    starts: tuple[int, ...]
    _places: Mapping[tuple[int, ...], int] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_places", {numbers: place for place, numbers in enumerate(self.passes)})

    @property
    def num_items(self) -> int:
        return self.starts[-1]

    def items(self, passes: Passes) -> range:
        """The items in these passes, and in whatever passes of other loops; in no pass at all these are all items.

        There are none where the task is not needed.
        """
        if not passes:
            return range(self.num_items)
        place = self._places.get(tuple(passes[loop] for loop in self.loops))
        if place is None:
            return range(0)
        return range(self.starts[place], self.starts[place + 1])

    def passes_of(self, item: int) -> tuple[Passes, int]:
        """The passes that an item is in, and its number among the items there."""
        if not self.loops:
            return NO_PASSES, item
        place = bisect.bisect_right(self.starts, item) - 1
        return dict(zip(self.loops, self.passes[place], strict=True)), item - self.starts[place]
