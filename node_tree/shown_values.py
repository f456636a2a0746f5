# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that outputs show, in pieces: to read, to compare or to set a long one at once would hold the window."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator

import bpy

from ..runtime.engine.active_run import ActiveRun
from ..runtime.planning.sources import Shown
from ..runtime.scratch import value_files
from ..runtime.scratch.scratch import ScratchFolder
from .deliveries import Nodes, socket_of


class ShownValue:
    """A value that an output is to show, in pieces of JSON."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._length = self._count = 0

    def is_in(self, socket: bpy.types.NodeSocket) -> bool:
        """Whether the socket holds what it was given: between two calls it may have become another one."""
        return self._count in (0, socket.num_result_pieces)

    def show_more(self, socket: bpy.types.NodeSocket) -> bool:
        """Give the next piece to the socket. Returns whether that was the last one. Raises StoreError."""
        if not self._count:
            socket.forget_result()
        piece = next(self._pieces, "")
        if piece:
            self._count += 1
            self._length += len(piece)
            socket.add_result_piece(piece)
        else:
            socket.end_result(self._length)
        return not piece


class SameValues:
    """Finds out which outputs show the long values that a run gave already."""

    def __init__(self, run: ActiveRun, folder: ScratchFolder, sources: Iterable[Shown]) -> None:
        self._run = run
        self._folder = folder
        self._left = deque(source for source in sources if self._is_long(source))
        self._pieces: Iterator[str] | None = None  # of the first one, those that are still to be compared
        self._count = 0  # of its pieces that are equal
        self._counts: dict[Shown, int] = {}  # of the pieces of each that is the same

    def _is_long(self, source: Shown) -> bool:
        is_plain = not source.type.is_data_block
        return is_plain and self._run.results.source(source, self._run.tasks).is_in_files

    @property
    def is_done(self) -> bool:
        return not self._left

    def work(self, nodes: Nodes, seconds: float) -> bool:
        """Compare for about so long. Returns whether all are compared. Raises StoreError."""
        end = time.monotonic() + seconds
        while self._left:
            self._compare(socket_of(self._left[0], nodes))
            if time.monotonic() > end:
                break
        return self.is_done

    def is_same(self, source: Shown, socket: bpy.types.NodeSocket) -> bool:
        """Whether an output shows the value of a source. Raises StoreError if that is to be found out only now."""
        if source in self._counts:
            return socket.shows_result and socket.num_result_pieces == self._counts[source]
        if not socket.shows_result:
            return False
        count = 0
        for piece in self._read(source):
            if socket.result_piece(count) != piece:
                return False
            count += 1
        return socket.num_result_pieces == count

    def _read(self, source: Shown) -> Iterator[str]:
        return value_files.json_pieces(self._run.results.source(source, self._run.tasks), self._folder)

    def _compare(self, socket: bpy.types.NodeSocket | None) -> None:
        """Compare the next piece of the first one."""
        source = self._left[0]
        if self._pieces is None:
            self._pieces, self._count = self._read(source), 0
        piece = next(self._pieces, None)
        is_equal = socket is not None and socket.shows_result and socket.result_piece(self._count) == piece
        if is_equal and piece is not None:
            self._count += 1
            return
        self._counts[source] = self._count if is_equal else -1  # which is the number of no output's pieces
        self._left.popleft()
        self._pieces = None
