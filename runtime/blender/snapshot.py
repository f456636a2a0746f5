# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what a run reads of the open file to blobs when the run starts, so that later edits don't change the run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import bpy

from ..errors import RunError
from ..scratch.contents import Contents, DataBlockName
from ..scratch.scratch import Scratch, ScratchFolder
from ..script.blend_files import FileCopy
from ..script.socket_types import LiveRef, StoredRef
from . import blobs, data_block_kinds, sendable, whole_file
from .edits import edits
from .paths import relative_paths
from .written import BIRTHPLACE, Written

#: The most data-blocks in one blob, but for those that a task is given together: a task that needs one of them looks
#: through the whole blob (20 ms for 1,000 objects), and what they share is written once for each blob.
_CHUNK = 64


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Data-blocks of the open file in a few blobs.

    Attributes:
        stored: where each data-block that the run reads is.
        folder: the files of the scratch folder.
        blobs: names of the blobs.
        session_uids: the uids of all data-blocks that were in the open file then, by the birthplace that the blobs
            name.
        file: a copy of all that was in it, None if the run does not take it.
        spellings: of the paths that are relative to the open file, by the absolute ones: see `paths`.
        arrived: the uids of what came home with results, by where it was first written: it comes once.
        brought: the uids of all that came home, by the blob it came from: so it is there when it is asked for again.
        modifiers: the names of the modifiers that objects of the open file had then, by the objects' uids.
        since: a moment before it was taken, 0 if that was not noted: see `edits`.
    """

    folder: ScratchFolder
    stored: dict[LiveRef, StoredRef] = field(default_factory=dict)
    blobs: tuple[str, ...] = ()
    session_uids: dict[str, dict[DataBlockName, int]] = field(default_factory=dict)
    file: FileCopy | None = None
    spellings: dict[str, str] = field(default_factory=dict)
    arrived: dict[StoredRef, int] = field(default_factory=dict)
    brought: dict[StoredRef, int] = field(default_factory=dict)
    modifiers: dict[int, frozenset[str]] = field(default_factory=dict)
    since: int = 0

    def session_uid(self, origin: StoredRef) -> int | None:
        """The uid of the data-block of the open file that was written to the snapshot as `origin`."""
        return self.session_uids.get(origin.blob, {}).get(DataBlockName(origin.kind, origin.name, origin.library))

    def with_files(self, names: tuple[str, ...]) -> Snapshot:
        """This one with more files that go when its blobs go."""
        return replace(self, blobs=self.blobs + names)

    def with_file_of(self, other: Snapshot) -> Snapshot:
        """This one with the copy of the whole file of another one, which is older."""
        uids = {**other.session_uids, **self.session_uids}
        spellings = {**other.spellings, **self.spellings}
        return replace(
            self,
            blobs=self.blobs + other.blobs,
            session_uids=uids,
            file=other.file,
            spellings=spellings,
            since=min(self.since, other.since),
        )


def take(
    groups: Iterable[Sequence[LiveRef]],
    scratch: Scratch,
    *,
    with_file: bool = False,
    written: Written | None = None,
    writes: bool = True,
    notes_moment: bool = False,
) -> Snapshot:
    """Write data-blocks of the open file to new blobs; with_file: all of it to one more.

    The data-blocks of a group are written to one blob: whoever loads all of it can open it, which takes 50 ms for 5,000
    objects. To append them from several blobs takes seconds.

    Those that are in blobs of `written` as they are now are not written again, and what is written is noted there. If
    nothing is to be written, only those are in the snapshot. With `written`, or if asked to, it notes the moment.

    Raises:
        RunError: if one of them is gone, or can't be sent.
        StoreError: if a blob can't be written.
    """
    groups = list(groups)
    live = data_block_kinds.Index()
    found = {ref: _look_up(ref, live) for group in groups for ref in group}
    old = {} if written is None else written.unchanged(found.items())
    birthplace = BIRTHPLACE if written is not None else ""
    since = edits.now() if written is not None or notes_moment else 0
    stored: dict[LiveRef, StoredRef] = {}
    names: list[str] = []
    for chunk in _chunks(groups, old) if writes else ():
        names.append(scratch.new_blob())
        birthplace = birthplace or names[0]
        blobs.write(scratch.file(names[-1]), (found[ref] for ref in chunk), Contents(birthplace=birthplace))
        stored.update((ref, StoredRef(*data_block_kinds.name_of(found[ref]), names[-1])) for ref in chunk)
    file = None
    if with_file:
        names.append(scratch.new_blob())
        birthplace = birthplace or names[0]
        whole_file.write(scratch.file(names[-1]), Contents(birthplace=birthplace))
        file = FileCopy(names[-1], bpy.data.filepath)
    if written is not None:
        written.note(stored, since)
        shared = list(dict.fromkeys(place.blob for place in old.values()))
        scratch.share(shared)
        names += shared
        stored |= old
    if not names:
        return Snapshot(scratch.folder)
    session_uids = {
        data_block_kinds.name_of(data_block): data_block.session_uid
        for _kind, data_block in data_block_kinds.all_data_blocks()
    }
    uids = {birthplace: session_uids}
    modifiers = {item.session_uid: frozenset(item.modifiers.keys()) for item in bpy.data.objects if item.modifiers}
    return Snapshot(
        scratch.folder, stored, tuple(names), uids, file, relative_paths(), modifiers=modifiers, since=since
    )


def _chunks(groups: Iterable[Sequence[LiveRef]], left_out: Collection[LiveRef]) -> Iterator[list[LiveRef]]:
    """What goes to one blob each: large groups alone, small ones with others. Each data-block once."""
    done = set(left_out)
    chunk: list[LiveRef] = []
    for group in sorted(groups, key=len, reverse=True):
        refs = [ref for ref in dict.fromkeys(group) if ref not in done]
        done.update(refs)
        if chunk and len(chunk) + len(refs) > _CHUNK:
            yield chunk
            chunk = []
        chunk += refs
    if chunk:
        yield chunk


def _look_up(ref: LiveRef, live: data_block_kinds.Index) -> bpy.types.ID:
    data_block = live.find(ref.kind, ref.session_uid)
    if data_block is None:
        raise RunError(f'{ref.kind} "{ref.name}" is gone')
    if (found := sendable.obstacle(data_block)) is not None:
        raise RunError(found.with_fix(found.message))
    return data_block
