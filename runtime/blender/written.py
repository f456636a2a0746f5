# SPDX-License-Identifier: GPL-3.0-or-later
"""Which data-blocks of the open file lie in blobs of earlier runs as they still are: they need not be written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import bpy

from ..scratch.scratch import Scratch
from ..script.socket_types import LiveRef, StoredRef
from . import dependencies
from .edits import edits

#: The birthplace that all these blobs name. What was not changed between two runs has the same origin in both.
BIRTHPLACE: Final = "open file"


class Written:
    """What was written for runs of this session. Its blobs stay in the scratch folder as long as it is here."""

    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch
        self._places: dict[LiveRef, tuple[StoredRef, int]] = {}  # and the moment before it was written
        self._num_refs: Counter[str] = Counter()  # by blob
        self._file = ""  # the open file: paths in blobs are whole, made of those that are relative to it

    def unchanged(self, roots: Iterable[tuple[LiveRef, bpy.types.ID]]) -> dict[LiveRef, StoredRef]:
        """Where those are that are still, with all they use, as they were written."""
        edits.look()
        is_moved, self._file = bpy.data.filepath != self._file, bpy.data.filepath
        self._forget([ref for ref, (_, since) in self._places.items() if is_moved or edits.is_all_in_doubt(since)])
        there = {blob for blob in self._num_refs if self.scratch.file(blob).exists()}
        known_roots = ((ref, root, *self._places[ref]) for ref, root in roots if ref in self._places)
        candidates = [each for each in known_roots if each[2].blob in there]
        uses = dependencies.uses() if candidates else {}
        known = _Known()
        return {
            ref: place
            for ref, root, place, since in candidates
            if not any(known.may_have_changed(item, since) for item in dependencies.reached([root], uses))
        }

    def note(self, places: Mapping[LiveRef, StoredRef], since: int) -> None:
        """These were written; `since` is a moment before that."""
        if edits.is_all_in_doubt(since):
            return
        self._forget(self._places.keys() & places.keys())
        self._places.update((ref, (place, since)) for ref, place in places.items())
        self._num_refs.update(place.blob for place in places.values())
        self.scratch.share({place.blob for place in places.values()})

    def _forget(self, refs: Iterable[LiveRef]) -> None:
        for ref in tuple(refs):
            blob = self._places.pop(ref)[0].blob
            self._num_refs[blob] -= 1
            if not self._num_refs[blob]:
                del self._num_refs[blob]
                self.scratch.remove([blob])


class _Known:
    """What is known of data-blocks, asked for once each: many use the same ones."""

    def __init__(self) -> None:
        self._answers: dict[tuple[int, int], bool] = {}

    def may_have_changed(self, item: bpy.types.ID, since: int) -> bool:
        key = item.session_uid, since
        if key not in self._answers:
            self._answers[key] = edits.may_have_changed(item, since)
        return self._answers[key]
