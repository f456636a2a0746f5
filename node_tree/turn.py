# SPDX-License-Identifier: GPL-3.0-or-later
"""A turn at reading many data-blocks: it is short, for the window stands meanwhile, and others come between two turns.

As these may remove anything, each turn looks anew through all data-blocks of the file, and that takes the longer the
more there are. In turns that are no longer than this look, thousands of results would take minutes.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import bpy

from ..runtime.blender.data_block_kinds import Index
from ..runtime.worker.changes.fingerprint import Users

#: A turn takes at least so many times as long as its looks through the file.
_TIMES_LOOKING = 2.0


class Turn(Index):
    """Finds data-blocks by their uids, and tells when the turn is over.

    Attributes:
        users: the objects of meshes and the like.
    """

    def __init__(self, seconds: float) -> None:
        """A turn of about so many seconds, or of more where most of them would go into looking."""
        super().__init__()
        self.users = Users()
        self._seconds = seconds
        self._start = time.monotonic()
        self._looking = 0.0

    def find(self, kind: str, session_uid: int) -> bpy.types.ID | None:
        with self.looking():
            found = super().find(kind, session_uid)
            if found is not None:
                self.users.of(found)  # which looks through all objects once
        return found

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """What is done within the block takes as long for one data-block as for many."""
        start = time.thread_time()  # on a busy machine others may have the processor for longer than this takes
        yield
        self._looking += time.thread_time() - start

    @property
    def is_over(self) -> bool:
        return time.monotonic() - self._start > max(self._seconds, _TIMES_LOOKING * self._looking)
