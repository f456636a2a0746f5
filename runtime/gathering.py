# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathering: many small blobs into a few large ones, by workers, before someone has to load them all.

Loading a blob costs a look at everything that is there already, so a thousand blobs one after the other take a thousand
times a thousand looks: 20 s, for which the artist's Blender would stand still. A few blobs with many data-blocks each
take less than a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from .messages import Gather, WireForm
from .types import StoredRef

#: From so many blobs on it is worth it: for a worker, whose file is empty, and for the artist's Blender, which holds a
#: scene (80 ms a blob in one of 5,000 objects) and must not stand still.
MANY_FOR_A_WORKER = 32
MANY_FOR_HOME = 4
#: So many data-blocks go into one blob.
_CHUNK = 64

#: Where data-blocks are now, as far as they were moved.
Moves = Mapping[StoredRef, StoredRef]


def is_worthwhile(refs: Iterable[StoredRef], many: int) -> bool:
    """Whether `many` blobs or more hold these data-blocks, so that gathering them first is quicker."""
    return len({ref.blob for ref in refs}) >= many


class Gathering:
    """One gathering: `done` is called with where everything is, once every chunk has ended, well or not.

    What a chunk that failed should have gathered stays where it is; loading that takes longer, that is all.
    """

    def __init__(self, refs: Iterable[StoredRef], done: Callable[[Moves], None]) -> None:
        self._refs = tuple(dict.fromkeys(refs))
        self._done = done
        self._open: set[int] = set()
        self._moves: dict[StoredRef, StoredRef] = {}

    def messages(self, new_blob: Callable[[], Path]) -> Iterator[tuple[int, Gather]]:
        """What to send to workers, each with the number of its chunk."""
        chunks = range(0, len(self._refs), _CHUNK)
        self._open = set(chunks)
        for start in chunks:
            yield start, Gather([WireForm.of(ref) for ref in self._refs[start : start + _CHUNK]], str(new_blob()))

    def end_chunk(self, start: int, gathered: list[StoredRef]) -> None:
        """A chunk has ended; `gathered` is in its order, empty if it failed."""
        self._moves.update(zip(self._refs[start : start + _CHUNK], gathered, strict=False))
        self._open.discard(start)
        if not self._open:
            self._done(self._moves)
