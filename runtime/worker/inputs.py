# SPDX-License-Identifier: GPL-3.0-or-later
"""A task's data-blocks, loaded into the worker's file.

A blob of which the task wants every root becomes the open file itself: names stay exact and it costs least. From other
blobs what is wanted is appended. Data-blocks that arrive by two ways and are the same are merged.

A task that works on a whole file has the copy of it open; its other inputs are taken from there if they are in it.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import bpy

from ..blender import blobs, data_block_kinds, driver_targets, pixels, whole_file
from ..blender.dependencies import used_by
from ..blender.remapping import remap
from ..errors import StoreError
from ..keys.files import Stamp, stamp_of
from ..scratch.contents import Contents, DataBlockName
from ..scratch.scratch import ScratchFolder
from ..script.socket_types import StoredRef
from .changes.provenance import Provenance

#: A blob of no more bytes is opened again, if need be, rather than that all of what the task is given is read first.
_QUICK = 4 * 1024**2


class Inputs:
    """The data-blocks of `refs`, loaded. `provenance` knows all that came along."""

    def __init__(
        self,
        folder: ScratchFolder,
        refs: Iterable[StoredRef],
        *,
        file_copy: str = "",
        own_copy: Path | None = None,
        may_change: bool = True,
        shares_parts: bool = False,
    ) -> None:
        """Load them.

        Args:
            folder: the files of the scratch folder.
            refs: the data-blocks.
            file_copy: name of the blob of a whole file that is to be the open one, "" for an empty file.
            own_copy: where this worker may have its own copy of it, None without: see `whole_file.open_copy`.
            may_change: whether someone is about to change them, so that it must be found out what was changed.
            shares_parts: whether that counts of their data, too: see `Provenance.changes`.

        Raises:
            StoreError: if a blob can't be read or lacks what it should hold.
        """
        self.provenance = Provenance()
        self._folder = folder
        self._found: dict[StoredRef, bpy.types.ID] = {}
        self._in_file: dict[StoredRef, bpy.types.ID] = {}
        self._newcomers: list[bpy.types.ID] = []
        self._file_copy = file_copy
        self._own_copy = own_copy
        self._first = ""  # the blob whose data-blocks have the names that they have in it
        if file_copy:
            self.reopen()
            self.provenance.record_file(Contents.load(folder.file(file_copy)), file_copy)
        by_blob: dict[str, list[StoredRef]] = {}
        for ref in dict.fromkeys(refs):
            by_blob.setdefault(ref.blob, []).append(ref)
        for blob in sorted(by_blob, key=lambda blob: len(by_blob[blob]), reverse=True):
            self._load(blob, by_blob[blob])
        if not file_copy:  # in which all that is there has its own name
            self._name_exactly()
        if may_change:
            again = self._first if self._first and _is_quick_to_open(folder.file(self._first)) else ""
            self.provenance.remember_state(self._found.values(), shares_parts=shares_parts, again=again)

    def __getitem__(self, ref: StoredRef) -> bpy.types.ID:
        return self._found.get(ref) or self._in_file[ref]

    def values(self) -> Collection[bpy.types.ID]:
        """What was asked for, but for what is in the whole file anyway."""
        return self._found.values()

    def newcomers(self) -> Iterable[bpy.types.ID]:
        """The data-blocks that were asked for, and those that they use."""
        wanted = set(self._found.values())
        # Blender makes a scene for a blob that has none.
        loaded = [item for item in self._newcomers if item in wanted or not isinstance(item, bpy.types.Scene)]
        found = [*loaded, *(used_by(self._in_file.values()) if self._in_file else ())]
        return [item for item in found if not isinstance(item, bpy.types.Key)]  # it is a part of another one

    def reopen(self) -> None:
        """Open the whole file, or a blob, as it was when the task started; all data-blocks before are gone."""
        blob = self._folder.file(self._file_copy or self._first)
        if self._own_copy is not None:
            whole_file.open_copy(blob, self._own_copy)
        else:
            blobs.open_as_main(blob)
        here = {data_block_kinds.name_of(item): item for _kind, item in data_block_kinds.all_data_blocks()}
        self._restore(blob, Contents.load(blob), here)
        if self._file_copy:
            bpy.context.view_layer.update()

    def _load(self, blob: str, refs: list[StoredRef]) -> None:
        path = self._folder.file(blob)
        contents = _contents(path, stamp_of(str(path)))
        live = data_block_kinds.Index()
        refs = [ref for ref in refs if not self._is_in_file(ref, contents, live)]
        if not refs:
            return
        names = [DataBlockName(ref.kind, ref.name, ref.library) for ref in refs]
        # A scene that is opened would become the one that scripts work in, with the settings of the artist's.
        has_scene = any(name.kind == "Scene" for name in names)
        is_first = not self._found and not self._file_copy
        if is_first:
            self._first = blob
        if is_first and not has_scene and contents.roots == set(names):
            blobs.open_as_main(path)
            self._take(blob, contents, refs, 0)
            return
        newest = data_block_kinds.newest_uid()
        # A second look into a large blob takes long, and in an empty file only its scene's name can clash.
        with _own_scene_aside() if is_first else blobs.exact_names(path, contents):
            blobs.append(path, [*names, *contents.holders])
            self._take(blob, contents, refs, newest)

    def _name_exactly(self) -> None:
        """Let what was asked for have its name, if something has it that came along with others."""
        asked_for = set(self._found.values())
        for ref, item in self._found.items():
            if item.name == ref.name or item.library is not None:
                continue
            holder = data_block_kinds.find(ref.kind, ref.name)
            if holder is not None and holder not in asked_for:
                holder.name = f"~{holder.session_uid}"
                item.name = holder.name = ref.name

    def _take(self, blob: str, contents: Contents, refs: list[StoredRef], newest: int) -> None:
        """Find what was asked for among what has a higher uid, and note where all of that came from."""
        newcomers = _newcomers(newest)
        self._restore(self._folder.file(blob), contents, newcomers)
        if blobs.release(contents, newcomers):
            del newcomers[contents.holders[0]]
        names = {ref: DataBlockName(ref.kind, ref.name, ref.library) for ref in refs}
        # A blob names linked data-blocks only where local ones use them.
        if linked := [name for name in names.values() if name.library and name not in newcomers]:
            for name in linked:
                newcomers |= blobs.link(name)
            newcomers |= _newcomers(newest)  # and what came along with them
        if missing := next((ref for ref, name in names.items() if name not in newcomers), None):
            raise StoreError(f'{missing.kind} "{missing.name}" is missing in {blob}')
        self._merge(blob, contents, newcomers, names)

    def _restore(self, blob: Path, contents: Contents, newcomers: dict[DataBlockName, bpy.types.ID]) -> None:
        """Give newcomers back what a blob does not hold."""
        blobs.restore_fake_users(contents, newcomers)
        blobs.restore_overrides(newcomers.values())
        blobs.restore_part_targets(contents, newcomers)
        for name, file in contents.pixels.items():
            if name in newcomers:
                pixels.restore(newcomers[name], file, blob.parent)

    def _is_in_file(self, ref: StoredRef, contents: Contents, live: data_block_kinds.Index) -> bool:
        """Whether what is asked for is in the whole file, as it is there."""
        origin = contents.origin(DataBlockName(ref.kind, ref.name, ref.library), ref.blob)
        found = self.provenance.find(ref.kind, origin, live) if self._file_copy else None
        if found is not None:
            self._in_file[ref] = found
        return found is not None

    def _merge(
        self,
        blob: str,
        contents: Contents,
        newcomers: dict[DataBlockName, bpy.types.ID],
        wanted: Mapping[StoredRef, DataBlockName],
    ) -> None:
        """Let what is here already take the place of newcomers that are the same; record the others.

        That counts for what was asked for, too: it may have come along with what another blob has, which uses it.
        """
        known = self.provenance.known_already(newcomers, contents, blob)
        for ref, name in wanted.items():
            self._found[ref] = known.get(newcomers[name].session_uid, newcomers[name])
        merged = [item for item in newcomers.values() if item.session_uid in known]
        if parts := driver_targets.parts(merged):
            pairs = ((item, known[item.session_uid]) for item in merged)
            driver_targets.follow(pairs, bpy.data.user_map(subset=parts))
        for name, data_block in newcomers.items():
            if (here := known.get(data_block.session_uid)) is not None:
                remap(data_block, here)
            else:
                origin, place = contents.origin(name, blob), StoredRef(*name, blob)
                self.provenance.record(data_block, origin, passed_on=name in contents.origins, place=place)
                self._newcomers.append(data_block)
        if merged:
            bpy.data.batch_remove(merged)


@functools.lru_cache(maxsize=4)
def _contents(blob: Path, _stamp: Stamp | None) -> Contents:
    """What is in a blob. Up to 64 items of a node come in the same one, so it is not read for each."""
    return Contents.load(blob)


def _is_quick_to_open(blob: Path) -> bool:
    """Whether to open it costs less than to read what is in it."""
    return blob.stat().st_size <= _QUICK


def _newcomers(newest: int) -> dict[DataBlockName, bpy.types.ID]:
    """The data-blocks with higher uids."""
    return {data_block_kinds.name_of(item): item for item in data_block_kinds.newer(newest)}


@contextlib.contextmanager
def _own_scene_aside() -> Iterator[None]:
    """Within the block, the scene of the empty file leaves its name to one that arrives."""
    scene = bpy.context.scene
    name, scene.name = scene.name, "~"
    yield
    scene.name = name
