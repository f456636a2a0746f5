# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a worker's data-blocks came from and which of them its script left as they were.

What a task is given is fingerprinted before the script runs. Of a whole file that would take long and be in vain, as
results use few of its data-blocks. So these few are fingerprinted when the results are written, and once more after the
file was opened again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import bpy

from ..types import StoredRef
from . import kinds
from .blobs import Contents, Key, Origin
from .fingerprint import Fingerprint, by_name, fingerprint
from .usage import used_by


@dataclass(slots=True)
class _Known:
    origin: Origin
    file_key: Key | None = None  # in the whole file that is open
    before: Fingerprint | None = None


class Provenance:
    """The origins of the data-blocks that a task was given, by session uid."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self._has_state = False
        self._has_file = False
        self._by_origin: dict[StoredRef, int] = {}

    def record(self, data_block: bpy.types.ID, origin: Origin, file_key: Key | None = None) -> None:
        self._known[data_block.session_uid] = _Known(origin, file_key)
        if origin.is_unchanged:
            self._by_origin.setdefault(origin.ref, data_block.session_uid)

    def record_file(self, contents: Contents, blob: str) -> None:
        """Record all that is in the open file, which is a copy of a whole one."""
        self._has_file = True
        for _kind, data_block in kinds.all_data_blocks():
            key = Key.of(data_block)
            self.record(data_block, contents.origin(key, blob), key)

    def twin(self, kind: str, origin: Origin, live: kinds.Index | None = None) -> bpy.types.ID | None:
        """A data-block that is the same as one of that origin: it came from there, too, unchanged, by another way.

        `live` is for who asks often while nothing is removed.
        """
        if not origin.is_unchanged or origin.ref not in self._by_origin:
            return None
        return (live or kinds.Index()).find(kind, self._by_origin[origin.ref])

    def remember_state(self, roots: Iterable[bpy.types.ID]) -> None:
        """Take the fingerprints to compare with later, but of what the script is there to change: the roots."""
        self._has_state = True
        skipped = {uid for root in roots for uid in _own_uids(root)}
        for _kind, data_block in kinds.all_data_blocks():
            known = self._known.get(data_block.session_uid)
            if known is None or known.file_key is not None:
                continue
            if known.origin.is_unchanged and data_block.session_uid not in skipped:
                known.before = fingerprint(data_block)

    def judgement(self, roots: Iterable[bpy.types.ID], blob: str) -> Judgement:
        """What to write beside a blob of the task's results. What is new has its origin there."""
        roots = set(roots)
        skipped = {uid for root in roots for uid in _own_uids(root)}
        used = used_by(roots) if self._has_file else None
        marks = self._unspoiled() if self._has_state else {}
        judgement = Judgement(self._has_state, marks)
        for _kind, data_block in kinds.all_data_blocks():
            if used is not None and data_block not in used:
                continue
            key, uid = Key.of(data_block), data_block.session_uid
            known = self._known.get(uid)
            if known is None:
                judgement.contents.origins[key] = Origin(StoredRef(*key, blob), True)
                continue
            judgement.add(key, uid, known.origin)
            if known.file_key is not None and uid not in skipped:
                mark = fingerprint(data_block, by_name)
                if mark is not None:
                    judgement.suspects[uid] = known.file_key, mark
        judgement.settle()
        return judgement

    def _unspoiled(self) -> dict[int, Fingerprint]:
        """The fingerprints of what is as it was by itself, whatever became of what it uses."""
        marks: dict[int, Fingerprint] = {}
        for _kind, data_block in kinds.all_data_blocks():
            known = self._known.get(data_block.session_uid)
            if known is not None and known.before is not None:
                after = fingerprint(data_block)
                if after == known.before:
                    marks[data_block.session_uid] = after
        return marks


class Judgement:
    """Which data-blocks of a blob of results are as the task was given them.

    Attributes:
        contents: what to write beside the blob.
        suspects: by uid, what is in the whole file under a key and must be compared with the file opened again.
    """

    def __init__(self, has_state: bool, marks: dict[int, Fingerprint]) -> None:
        self.contents = Contents()
        self.suspects: dict[int, tuple[Key, Fingerprint]] = {}
        self._has_state = has_state
        self._marks = marks
        self._keys: dict[int, tuple[Key, Origin]] = {}

    def add(self, key: Key, uid: int, origin: Origin) -> None:
        self._keys[uid] = key, origin

    def compare(self, reopen: Callable[[], None]) -> None:
        """Open the whole file again and find out which suspects are innocent."""
        reopen()
        for uid, (file_key, mark) in self.suspects.items():
            data_block = kinds.find(*file_key)
            before = None if data_block is None else fingerprint(data_block, by_name)
            if before is not None and before.digest == mark.digest:
                self._marks[uid] = mark
        self.suspects.clear()
        self.settle()

    def settle(self) -> None:
        """Write down what is unchanged, and so is all that it uses."""
        marks = dict(self._marks)
        while spoiled := [uid for uid, mark in marks.items() if not mark.references <= marks.keys()]:
            for uid in spoiled:
                del marks[uid]
        for uid, (key, origin) in self._keys.items():
            # Without a state before nobody could change anything.
            is_unchanged = uid in marks if self._has_state else origin.is_unchanged
            self.contents.origins[key] = Origin(origin.ref, is_unchanged)


def _own_uids(root: bpy.types.ID) -> list[int]:
    data = getattr(root, "data", None)
    return [root.session_uid, *([data.session_uid] if isinstance(data, bpy.types.ID) else [])]
