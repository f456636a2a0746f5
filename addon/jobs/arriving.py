# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of a job come into the open file, a portion at a time: what `node_tree/arrival.py` does for runs.

    read what is beside the blobs, and what the snapshot has (elsewhere, if that takes long)
    compare what the portion would replace -> load it, and put it in the place of that -> the next portion

What is loaded is put into its place in the same step: Blender brings the window up to date after each that changes the
file, which in a scene of thousands of objects takes longer than the step.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import bpy

from ...node_tree.meanwhile import Originals
from ...node_tree.portion_size import PortionSize
from ...runtime.blender import data_block_kinds
from ...runtime.blender.data_block_kinds import Handle
from ...runtime.blender.edits import edits
from ...runtime.blender.homecoming import Homecoming, Targets
from ...runtime.blender.snapshot import Snapshot
from ...runtime.planning.graph import WhenChanged
from ...runtime.script.socket_types import StoredRef
from .retrieved import RetrievedDataBlocks

#: The most results in a portion, unless there were more than so many portions then: each looks through the whole file.
_PORTION: Final = 8
_NUM_PORTIONS: Final = 32
#: The share of the time of a call after which no other step is begun.
_SHARE: Final = 0.25
#: The `session_uid`s of what jobs brought home.
_brought: Final[set[int]] = set()

#: A step: it is called with the seconds that it may take, and returns the next one.
_Step = Callable[[float], Any]


class JobArrival:
    """The results of a job that come home.

    It is made, and `read_ahead` is called, without a look at the open file: that may be done on another thread.

    Attributes:
        targets: what the results will replace.
        has_begun: whether some of them have come.
    """

    def __init__(
        self, snapshot: Snapshot, refs: Iterable[StoredRef], *, overwrites: bool, when_changed: WhenChanged, newest: int
    ) -> None:
        """Prepare it.

        Args:
            snapshot: what the job was given.
            refs: its results.
            overwrites: whether they take the place of data-blocks of the open file.
            when_changed: what becomes of those that were changed since the job was added.
            newest: the highest uid of the open file when the job was added.

        Raises:
            StoreError: if the results can't be read.
        """
        self.has_begun = False
        self._home = Homecoming(snapshot, shares_parts=True)
        self.targets = Targets()
        self._refs = list(dict.fromkeys(refs))
        self._overwrites = overwrites
        self._when_changed = when_changed
        self._newest = newest
        self._left = deque(self._home.portions(self._refs))
        self._size = PortionSize(max(_PORTION, len(self._refs) // _NUM_PORTIONS))
        self._originals = Originals(self._home, one_by_one=True)
        self._results: dict[StoredRef, Handle] = {}  # what stands for each of them
        self._used: dict[Handle, None] = {}  # what they use
        self._kept: dict[Handle, None] = {}
        self._came: set[int] = set()
        self._next: _Step | None = self._begin
        if overwrites:
            self.targets = self._home.overwritten(self._refs)
        # Of the portion that is under way:
        self._now: list[StoredRef] = []
        self._sent: list[Handle] = []  # what was compared

    def read_ahead(self) -> None:
        """Read what the snapshot has, with which what would be replaced is compared if it may have been edited."""
        if self._compares:
            self._originals.read_ahead()

    def carry_on(self, seconds: float = math.inf) -> bool:
        """Bring results home for about so long, and by a step at least. Returns whether all are home.

        Without a limit, all that is left comes as one portion. The artist must not do anything between two calls.

        Raises:
            StoreError: if a blob can't be read.
        """
        start = time.monotonic()
        self.has_begun = True
        while self._next is not None:
            try:
                with edits.own():
                    self._next = self._next(seconds)
                    settling = time.monotonic()
                self._size.note_settling(time.monotonic() - settling)
            except Exception:
                edits.doubt()  # nobody knows how far it got
                raise
            if time.monotonic() - start > _SHARE * seconds:
                break
        return self._next is None

    def retrieved(self) -> RetrievedDataBlocks:
        """What came: the results in the order of the script, then what they use."""
        results = dict.fromkeys(self._results[ref] for ref in self._refs if ref in self._results)
        return RetrievedDataBlocks([*results, *(item for item in self._used if item not in results)])

    def kept(self) -> RetrievedDataBlocks | None:
        """What stayed though a result would have taken its place; None if nothing is replaced."""
        return RetrievedDataBlocks(self._kept) if self._overwrites else None

    # The steps. Other add-ons' timers come between two of them, and may remove or edit anything.

    @property
    def _compares(self) -> bool:
        return self._overwrites and self._when_changed is not WhenChanged.RESULT

    def _begin(self, seconds: float) -> _Step | None:
        """Choose the next portion, and compare what it would replace before Blender changes more of that."""
        if self._now:
            self._size.end()
        if not self._left:
            return self._finish
        size = sum(map(len, self._left)) if math.isinf(seconds) else self._size.now
        self._now = []
        while self._left and len(self._now) < size:
            self._now += self._left.popleft()
        self._size.begin(len(self._now))
        with self._timed():
            self._compare()
        return self._bring

    def _bring(self, _seconds: float) -> _Step:
        """Load the portion, and put it in the place of what it is to replace."""
        with self._timed():
            changed = self._changed()
            found = self._home.bring(self._now, is_more=bool(self._came))
            newcomers = {item.session_uid for item in self._home.newcomers()}
            self._came |= newcomers
            _brought.update(newcomers)
            self._put(found, changed)
        return self._begin

    def _put(self, found: Mapping[StoredRef, bpy.types.ID], changed: set[bpy.types.ID]) -> None:
        """Put the portion in the place of what it is to replace, but for what was changed."""
        handles = {ref: Handle.of(item) for ref, item in found.items()}
        results = list(dict.fromkeys(found.values()))
        family = {item: Handle.of(item) for item in self._home.family(results)}
        stays_for = self._overwrite(results, family, changed) if self._overwrites else {}
        self._results.update((ref, stays_for.get(handle, handle)) for ref, handle in handles.items())
        self._used.update((stays_for.get(handle, handle), None) for handle in family.values())

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        """How long a step takes counts for the size of the next portion."""
        start, loading = time.monotonic(), self._loading_time
        yield
        loading = self._loading_time - loading
        self._size.note(loading, time.monotonic() - start - loading)

    @property
    def _loading_time(self) -> float:
        return self._home.loading_time + self._originals.loading_time

    def _compare(self) -> None:
        """Find out what the portion would replace that was changed since the job was sent."""
        self._sent = []
        if self._compares:
            uids = {uid for uid in self._home.overwritten(self._now).uids if uid is not None}
            there = data_block_kinds.of_uids(uids)
            self._sent = list(map(Handle.of, there))
            self._originals.compare(dict.fromkeys(there))

    def _changed(self) -> set[bpy.types.ID]:
        """What was changed of what was compared."""
        live = data_block_kinds.Index()
        there = [item for handle in self._sent if (item := live.find(*handle)) is not None]
        if not self._originals.are_compared(there):
            self._originals.compare(dict.fromkeys(there))
        return self._originals.edited(there)

    def _overwrite(
        self, results: Sequence[bpy.types.ID], family: Mapping[bpy.types.ID, Handle], changed: set[bpy.types.ID]
    ) -> dict[Handle, Handle]:
        """Replace data-blocks of the open file, but for what the artist changed or made meanwhile.

        Returns:
            what stays for results that go.
        """
        counterparts = self._home.counterparts(family)
        kept = changed & counterparts.keys()
        beside = set()
        if self._when_changed is not WhenChanged.RESULT:
            # What other jobs brought home since was not made by the artist.
            made = [item for item in counterparts if item.session_uid > self._newest]
            beside = {item for item in made if item.session_uid not in _brought}
        if self._when_changed is WhenChanged.BOTH:
            kept, beside = set(), kept | beside
        self._kept.update(dict.fromkeys(map(Handle.of, [*kept, *beside])))
        stays_for = {Handle.of(counterparts[item]): Handle.of(item) for item in kept}
        self._home.overwrite(results, family, counterparts, kept=kept, beside=beside)
        return stays_for

    def _finish(self, _seconds: float) -> None:
        """Note what has come, once for all portions."""
        wanted = self._came.union(uid for _kind, uid in self._results.values())
        if wanted:
            edits.note_items({*data_block_kinds.of_uids(wanted)})
