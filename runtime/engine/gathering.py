# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathering: many small blobs into a few large ones, by workers, before someone has to load them all.

Loading a blob costs a look at everything that is there already, so a thousand blobs one after the other take a thousand
times a thousand looks: 20 s, for which the artist's Blender would stand still. A few blobs with many data-blocks each
take less than a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ..script.socket_types import StoredRef

#: From so many blobs on it is worth it: for a worker, whose file is empty, and for the artist's Blender, which holds a
#: scene (80 ms a blob in one of 5,000 objects) and must not stand still.
MANY_FOR_A_WORKER: Final = 32
MANY_FOR_HOME: Final = 4
#: So many data-blocks go into one blob.
CHUNK: Final = 64


def chunks(refs: Iterable[StoredRef], many: int) -> Iterator[tuple[StoredRef, ...]]:
    """What to write into a blob each, if data-blocks are strewn over `many` blobs or more; else nothing.

    Those that are in one blob already stay there, or what was gathered would be gathered again and again.
    """
    refs = tuple(dict.fromkeys(refs))
    if len({ref.blob for ref in refs}) < many:
        return
    for start in range(0, len(refs), CHUNK):
        chunk = refs[start : start + CHUNK]
        if len({ref.blob for ref in chunk}) > 1:
            yield chunk
