# SPDX-License-Identifier: GPL-3.0-or-later
"""Chores that keep what an item gave, for later runs, on another thread."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ..blend_file import blob_digests, long_contents
from ..blend_file.fields.named_files import NamedState
from ..blend_file.outside import Outside
from ..errors import StoreError
from ..keys.files import FileDigests, UnknownContentError, without
from ..keys.key import KeyParts
from ..scratch.contents import Contents
from ..scratch.removal import files_beside
from ..scratch.scratch import ScratchFolder
from ..script.socket_types import StoredRef
from ..store.folder import Piece
from ..store.records import Record, digest_of
from ..store.store import Store
from . import kept_results
from .given import given_digest
from .kept_results import KeptResult, kept_origins, place
from .messages import Succeeded

#: The blob and the log of a record.
BLOB: Final = "blob"
LOG: Final = "log"


@dataclass(frozen=True, slots=True)
class Gave:
    """What an item gave.

    Attributes:
        succeeded: as the worker told it.
        num_items: how many items its task has.
        blob: the file of its blob.
        folder: the files of the scratch folder.
    """

    succeeded: Succeeded
    num_items: int
    blob: Path
    folder: ScratchFolder

    @property
    def seconds(self) -> float:
        return self.succeeded.seconds or 0.0

    def digest(self) -> str:
        """As `given_digest`."""
        try:
            return given_digest(self.succeeded.values, self.succeeded.written, self.blob, self.folder)
        except StoreError:
            return ""


@dataclass(frozen=True, slots=True)
class Remember:
    """Notes what an item gave and took whose result can't be kept."""

    store: Store
    subject: str
    gave: Gave

    @property
    def names(self) -> tuple[str, ...]:
        """What others may look for meanwhile."""
        return (self.subject,)

    def __call__(self) -> bool:
        """Returns whether it gave what it gave the last time."""
        last = kept_results.last(self.store, self.subject) or KeptResult("", "")
        kept = KeptResult(
            last.parts,
            last.script,
            peak_memory=self.gave.succeeded.peak_memory,
            num_items=self.gave.num_items,
            given=self.gave.digest(),
        )
        with contextlib.suppress(StoreError):  # nothing is lost but an estimate
            self.store.set_last(
                self.subject, Record(digest_of(self.subject.encode()), kept.encode(), self.gave.seconds, {})
            )
        return kept.given == last.given != ""


@dataclass(frozen=True, slots=True)
class GivenFiles:
    """What an item was given at a path: a file, or those of a folder, by their digests.

    Attributes:
        written: whole paths of files that the item itself wrote: they don't count.
    """

    path: str
    digests: Mapping[str, str]
    written: frozenset[str]

    def are_as_they_were(self, files: FileDigests) -> bool:
        """Raises UnknownContentError, and if they are asked quick ones NotReadYetError."""
        before, now = (without(each, self.path, self.written) for each in (self.digests, files.content(self.path)))
        return before == now


@dataclass(frozen=True, slots=True)
class Keep:
    """Keeps one result."""

    store: Store
    parts: KeyParts
    key: str
    subject: str
    kept: KeptResult
    gave: Gave
    log: Path
    sources: tuple[StoredRef, ...]
    files: set[NamedState]
    given: Sequence[GivenFiles]
    outside: Outside

    @property
    def names(self) -> tuple[str, ...]:
        """What others may look for meanwhile."""
        return self.key, self.subject

    def __call__(self) -> bool:
        """Returns whether the item gave what it gave the last time. Raises StoreError if it can't be kept.

        It is not kept if a file of its inputs has changed since these were digested.
        """
        if not self._are_files_as_they_were():
            return Remember(self.store, self.subject, self.gave)()
        kept, blob, files = replace(self.kept, given=self.gave.digest()), self.gave.blob, {}
        if blob.exists() and not kept.obstacle:
            contents = Contents.load(blob)
            digests = blob_digests.read(blob)
            named = {state for digest in digests.values() for state in digest.files}
            kept = replace(
                kept,
                origins=tuple(kept_origins(contents, blob.name, digests, self.sources)),
                files=tuple(sorted(paths_of(named) & paths_of(self.files))),
                named=tuple(sorted(named - self.files)),
            )
        if next(files_beside([blob]), None) is not None and not kept.obstacle:
            files[BLOB] = blob
        if self.log.exists():
            files[LOG] = self.log
        earlier = self.store.last(self.subject)
        last = None if earlier is None else kept_results.read(earlier)
        # Blobs are large, and the worker has just hashed most of this one.
        pieces = {blob: [Piece(*each) for each in long_contents.pieces(blob)]} if BLOB in files else {}
        record = self.store.keep(self.key, kept.encode(), self.gave.seconds, files, copied=(LOG,), pieces=pieces)
        self.store.set_last(self.subject, record, earlier)
        if kept.written:
            self.store.set_last(place(self.parts), record)
        return last is not None and kept.given == last.given != "" and set(kept.origins) == set(last.origins)

    def _are_files_as_they_were(self) -> bool:
        try:
            if not all(each.are_as_they_were(self.outside.files) for each in self.given):
                return False
        except UnknownContentError:
            return False
        return all(self.outside.is_as_it_was(state, may_trust_times=False) for state in self.files)


def paths_of(states: Iterable[NamedState]) -> set[str]:
    """The paths of files."""
    return {state.path for state in states}
