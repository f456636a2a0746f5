# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run reads leaves the open file once, when it starts; later edits don't touch the run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import bpy

from ..errors import RunError
from ..store import Store
from ..types import LiveRef, StoredRef
from . import blobs, kinds
from .blobs import Key


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Data-blocks of the open file in one blob: what is shared is written once.

    Attributes:
        stored: where each data-block that the run reads is.
        blob: the blob's path, "" if the run reads none.
        session_uids: whose copies are in the blob, as far as they were in the open file then.
    """

    stored: dict[LiveRef, StoredRef] = field(default_factory=dict)
    blob: str = ""
    session_uids: dict[Key, int] = field(default_factory=dict)

    def session_uid(self, origin: StoredRef) -> int | None:
        """The uid of the data-block of the open file that was written to the snapshot as `origin`."""
        if origin.blob != self.blob:
            return None
        return self.session_uids.get(Key(origin.kind, origin.name, origin.library))


def take(refs: Iterable[LiveRef], store: Store) -> Snapshot:
    """Write data-blocks of the open file to a new blob.

    Raises:
        RunError: if one of them is gone.
        StoreError: if the blob can't be written.
    """
    live = kinds.Index()
    roots = {ref: _look_up(ref, live) for ref in refs}
    if not roots:
        return Snapshot()
    blob = store.new_blob()
    blobs.write(blob, roots.values())
    stored = {ref: StoredRef(*Key.of(root), str(blob)) for ref, root in roots.items()}
    session_uids = {Key.of(data_block): data_block.session_uid for _kind, data_block in kinds.all_data_blocks()}
    return Snapshot(stored, str(blob), session_uids)


def _look_up(ref: LiveRef, live: kinds.Index) -> bpy.types.ID:
    data_block = live.find(ref.kind, ref.session_uid)
    if data_block is None:
        raise RunError(f'{ref.kind} "{ref.name}" is gone')
    return data_block
