# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a worker's data-blocks came from and which of them its script left as they were."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import bpy

from ..types import StoredRef
from . import kinds
from .blobs import Contents, Key, Origin
from .fingerprint import Fingerprint, fingerprint


@dataclass(slots=True)
class _Known:
    origin: Origin
    before: Fingerprint | None = None


class Provenance:
    """The origins of the data-blocks that a task was given, by session uid."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self._has_state = False
        self._by_origin: dict[StoredRef, int] = {}

    def record(self, data_block: bpy.types.ID, origin: Origin) -> None:
        self._known[data_block.session_uid] = _Known(origin)
        if origin.is_unchanged:
            self._by_origin.setdefault(origin.ref, data_block.session_uid)

    def twin(self, data_block: bpy.types.ID, origin: Origin) -> bpy.types.ID | None:
        """Another data-block that is the same: it came from the same origin, unchanged, by another way."""
        if not origin.is_unchanged or origin.ref not in self._by_origin:
            return None
        return kinds.Index().find(kinds.kind_of(data_block), self._by_origin[origin.ref])

    def remember_state(self, roots: Iterable[bpy.types.ID]) -> None:
        """Take the fingerprints to compare with later, but of what the script is there to change: the roots."""
        self._has_state = True
        skipped = {uid for root in roots for uid in _own_uids(root)}
        for _kind, data_block in kinds.all_data_blocks():
            known = self._known.get(data_block.session_uid)
            if known is not None and known.origin.is_unchanged and data_block.session_uid not in skipped:
                known.before = fingerprint(data_block)

    def contents(self, blob: str) -> Contents:
        """What to write beside a blob of the task's results. What is new has its origin there."""
        unchanged = self._unchanged()
        contents = Contents()
        for _kind, data_block in kinds.all_data_blocks():
            key = Key.of(data_block)
            known = self._known.get(data_block.session_uid)
            if known is None:
                contents.origins[key] = Origin(StoredRef(*key, blob), True)
            else:
                contents.origins[key] = Origin(known.origin.ref, data_block.session_uid in unchanged)
        return contents

    def _unchanged(self) -> set[int]:
        """The uids of data-blocks that are as they were, and so is all that they use."""
        if not self._has_state:  # nobody could change anything
            return {uid for uid, known in self._known.items() if known.origin.is_unchanged}
        now: dict[int, Fingerprint] = {}
        for _kind, data_block in kinds.all_data_blocks():
            known = self._known.get(data_block.session_uid)
            if known is not None and known.before is not None:
                after = fingerprint(data_block)
                if after == known.before:
                    now[data_block.session_uid] = after
        while spoiled := [uid for uid, mark in now.items() if not mark.references <= now.keys()]:
            for uid in spoiled:
                del now[uid]
        return set(now)


def _own_uids(root: bpy.types.ID) -> list[int]:
    data = getattr(root, "data", None)
    return [root.session_uid, *([data.session_uid] if isinstance(data, bpy.types.ID) else [])]
