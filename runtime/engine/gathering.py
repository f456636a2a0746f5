# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathering: many small blobs into a few large ones, by workers, before someone has to load them all.

When Blender loads a blob, it looks at all data-blocks that are there already. So the time grows with the square of the
number of blobs: a thousand take 20 s, during which the artist's Blender would freeze. A few blobs with many data-blocks
each take less than a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ..script.socket_types import StoredRef

#: Data-blocks are gathered if they are in at least this many blobs: more for a worker, whose file is empty; fewer for
#: the artist's Blender, which holds a scene (80 ms a blob in one of 5,000 objects) and must not freeze.
MANY_FOR_A_WORKER: Final = 32
MANY_FOR_HOME: Final = 4
#: The most data-blocks that are gathered into one blob.
CHUNK: Final = 64


def chunks(refs: Iterable[StoredRef], many: int) -> Iterator[tuple[StoredRef, ...]]:
    """Groups of data-blocks, each to be gathered into one blob; none if all are in fewer than `many` blobs.

    A group that is in one blob already is left out, so that nothing is gathered twice.
    """
    refs = tuple(dict.fromkeys(refs))
    if len({ref.blob for ref in refs}) < many:
        return
    for start in range(0, len(refs), CHUNK):
        chunk = refs[start : start + CHUNK]
        if len({ref.blob for ref in chunk}) > 1:
            yield chunk
