# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a worker's data-blocks came from and which of them its script left as they were.

What a task is given is fingerprinted before the script runs; of a very large mesh only what is no array, as the arrays
are compared in the blobs that it came and goes in. For a whole file that would take long and be useless, as
results use few of its data-blocks; and what a task is asked to change most often is its result, of which nobody asks.
So if results use some of these, they are fingerprinted when the results are written, and once more after the file was
opened again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import bpy

from ...blend_file import comparison
from ...blender import blobs, data_block_kinds, driver_targets
from ...blender.dependencies import used_by
from ...scratch.contents import Contents, DataBlockName, Origin
from ...scratch.scratch import ScratchFolder
from ...script.socket_types import StoredRef
from .fingerprint import Fingerprint, Users, by_name, fingerprint

#: Larger meshes of the objects that a task is given count as changed, if nobody could use them as they were: to read
#: them takes longer than to open the blob. Else they are compared in the blobs.
_LARGE_MESH = 10_000
#: What the names of meshes begin with in a .blend file.
_MESH_CODE = "ME"
#: Meshes of more vertices than this are compared in the blobs: there it takes a sixth of the time.
_MOST_READ = 100_000


@dataclass(slots=True)
class _Known:
    origin: Origin
    name_in_file: DataBlockName | None = None  # in the file that can be opened again
    passed_on: bool = False  # by another task
    place: StoredRef | None = None  # where it was loaded from
    before: Fingerprint | None = None
    has_arrays: bool = True  # in its fingerprint


class Provenance:
    """The origins of the data-blocks that a task was given, by session uid."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self._has_state = False
        self._has_file = False
        self._by_origin: dict[StoredRef, int] = {}

    def record(
        self,
        data_block: bpy.types.ID,
        origin: Origin,
        name_in_file: DataBlockName | None = None,
        *,
        passed_on: bool = False,
        place: StoredRef | None = None,
    ) -> None:
        """Note where a data-block came from.

        Args:
            data_block: the data-block.
            origin: where it was first written.
            name_in_file: its name in the file that is open, if it is compared when that is opened again.
            passed_on: whether it came by way of another task's results.
            place: where it was loaded from.
        """
        self._known[data_block.session_uid] = _Known(origin, name_in_file, passed_on, place)
        if origin.is_unchanged:
            self._by_origin.setdefault(origin.ref, data_block.session_uid)

    def record_file(self, contents: Contents, blob: str) -> None:
        """Record all that is in the open file, which is a copy of a whole one."""
        self._has_file = True
        for _kind, data_block in data_block_kinds.all_data_blocks():
            name = data_block_kinds.name_of(data_block)
            self.record(data_block, contents.origin(name, blob), name)

    def find(self, kind: str, origin: Origin, live: data_block_kinds.Index) -> bpy.types.ID | None:
        """A data-block that came from that origin by another way. Nobody changed it on either of them."""
        if not origin.is_unchanged or origin.ref not in self._by_origin:
            return None
        return live.find(kind, self._by_origin[origin.ref])

    def known_already(
        self, newcomers: Mapping[DataBlockName, bpy.types.ID], contents: Contents, blob: str
    ) -> dict[int, bpy.types.ID]:
        """By the uids of newcomers, the data-blocks that came from the same origin before, by another way.

        What comes from the open file at once is the same each time. What another task passed on unchanged is compared:
        it must be the same as what is here, and so must all that it uses.
        """
        live = data_block_kinds.Index()
        origins = {item.session_uid: contents.origin(name, blob) for name, item in newcomers.items()}
        found: dict[int, bpy.types.ID] = {}
        compared: dict[int, frozenset[int]] = {}
        for name, item in newcomers.items():
            uid = item.session_uid
            here = self.find(name.kind, origins[uid], live)
            if here is None:
                continue
            if name in contents.origins or self._known[here.session_uid].passed_on:
                references = self._references_if_same(item, here, origins)
                if references is None:
                    continue
                compared[uid] = references & origins.keys()
            found[uid] = here
        while other := [uid for uid in compared if uid in found and not compared[uid] <= found.keys()]:
            for uid in other:
                del found[uid]
        return found

    def _references_if_same(
        self, newcomer: bpy.types.ID, here: bpy.types.ID, origins: Mapping[int, Origin]
    ) -> frozenset[int] | None:
        """What a newcomer uses, if it is the same as what is here; None if it is not. Names may be taken."""

        def by_origin(data_block: bpy.types.ID) -> object:
            uid = data_block.session_uid
            known = self._known.get(uid)
            origin = origins.get(uid) if known is None else known.origin
            return uid if origin is None or not origin.is_unchanged else origin.ref

        one, other = (fingerprint(item, by_origin, with_names=False) for item in (newcomer, here))
        return None if one is None or other is None or one.digest != other.digest else one.references

    def remember_state(self, inputs: Iterable[bpy.types.ID], *, shares_parts: bool = False, again: str = "") -> None:
        """Take the fingerprints to compare with later; of the large meshes of the inputs with `shares_parts` only.

        `again` is the blob that can be opened again: of the inputs that came from it, none is taken now.
        """
        self._has_state = True
        inputs = list(inputs)
        skipped = set() if shares_parts else {uid for item in inputs for uid in _large_meshes(item)}
        # On 4.2, overrides that were appended are not quite like those of a file that is opened.
        compared = [item for item in inputs if again and not item.override_library]
        expected = {uid for item in compared for uid in _own_uids(item, with_data=not shares_parts)}
        for uid in expected - skipped:
            known = self._known[uid]
            place = known.place
            # What an earlier task changed stays changed, whether or not this one leaves it as it is.
            if known.origin.is_unchanged and place is not None and place.blob == again and not place.library:
                known.name_in_file = DataBlockName(place.kind, place.name, place.library)
        most_read = _LARGE_MESH if shares_parts else _MOST_READ
        users = Users()
        for _kind, data_block in data_block_kinds.all_data_blocks():
            known = self._known.get(data_block.session_uid)
            if known is None or known.name_in_file is not None:
                continue
            if known.origin.is_unchanged and data_block.session_uid not in skipped:
                known.has_arrays = known.place is None or not _is_comparable(data_block, most_read)
                known.before = fingerprint(data_block, users=users, with_arrays=known.has_arrays)

    def changes(self, roots: Iterable[bpy.types.ID], blob: str, *, shares_parts: bool = False) -> Changes:
        """What to write beside a blob of the task's results. What is new has its origin there.

        With `shares_parts`, what the data of results are like counts, too: whoever brings them home may use it.
        """
        # What a script overrode is kept only if Blender has compared it with the library.
        blobs.restore_overrides(item for _kind, item in data_block_kinds.all_data_blocks())
        roots = set(roots)
        skipped = {uid for root in roots for uid in _own_uids(root, with_data=not shares_parts)}
        used = used_by(roots) if self._has_file or self._has_comparable(skipped) else set()
        read = driver_targets.uses_by_uid()
        changes = Changes(self._has_state)
        if self._has_state:
            self._find_unchanged(changes, skipped, read)
        changes.lost += self._lost(roots, changes.unchanged)
        for _kind, data_block in data_block_kinds.all_data_blocks():
            if self._has_file and data_block not in used:
                continue
            name, uid = data_block_kinds.name_of(data_block), data_block.session_uid
            known = self._known.get(uid)
            if known is None:
                changes.contents.origins[name] = Origin(StoredRef(*name, blob), True)
                continue
            changes.add(name, uid, known.origin)
            if known.name_in_file is not None and uid not in skipped and data_block in used:
                after = fingerprint(data_block, by_name)
                if after is not None:
                    changes.candidates[uid] = known.name_in_file, after.using(read.get(uid, ()))
        changes.settle()
        return changes

    def _has_comparable(self, results: set[int]) -> bool:
        """Whether anything but the results would be compared when the file is opened again."""
        return any(known.name_in_file is not None and uid not in results for uid, known in self._known.items())

    def _find_unchanged(self, changes: Changes, results: set[int], read: Mapping[int, set[int]]) -> None:
        """Tell the fingerprints of what is unchanged itself, whether or not what it uses is.

        `results` are left out: they come home as copies, so what uses one of them must use the copy.
        `read` has what drivers of each data-block read parts of.
        """
        users = Users()
        for _kind, data_block in data_block_kinds.all_data_blocks():
            uid = data_block.session_uid
            known = self._known.get(uid)
            if known is None or known.before is None or uid in results:
                continue
            after = fingerprint(data_block, users=users, with_arrays=known.has_arrays)
            if after is None or after != known.before:
                continue
            after = after.using(read.get(uid, ()))
            if known.has_arrays:
                changes.unchanged[uid] = after
            elif known.place is not None:
                changes.in_blobs[uid] = known.place, data_block_kinds.name_of(data_block), after

    def _lost(self, roots: Iterable[bpy.types.ID], unchanged: Mapping[int, Fingerprint]) -> Iterator[DataBlockName]:
        """What the results use and the script changed, though it is linked from another file, as `Changes.lost`."""
        linked = {item for _kind, item in data_block_kinds.all_data_blocks() if not _is_here(item)}
        changed = {
            item
            for item in linked
            if item.session_uid not in unchanged
            and not _is_animated(item)
            and (known := self._known.get(item.session_uid)) is not None
            and known.before is not None
        }
        if changed:
            yield from map(data_block_kinds.name_of, changed & used_by(roots))


class Changes:
    """Which data-blocks of a blob of results are as the task was given them.

    Attributes:
        contents: what to write beside the blob.
        candidates: by uid, what may be unchanged: its name in the file that is opened again, and its fingerprint to be
            compared with the one in there.
        in_blobs: by uid, meshes that may be unchanged: where each was loaded from, its name now, and its fingerprint
            without arrays.
        unchanged: the fingerprints of what is unchanged itself, by uid.
        lost: what the script changed though it is linked from another file: no file of ours holds such a change.
    """

    def __init__(self, has_state: bool) -> None:
        self.contents = Contents()
        self.candidates: dict[int, tuple[DataBlockName, Fingerprint]] = {}
        self.in_blobs: dict[int, tuple[StoredRef, DataBlockName, Fingerprint]] = {}
        self.unchanged: dict[int, Fingerprint] = {}
        self.lost: list[DataBlockName] = []
        self._has_state = has_state
        self._named: dict[int, tuple[DataBlockName, Origin]] = {}

    def add(self, name: DataBlockName, uid: int, origin: Origin) -> None:
        self._named[uid] = name, origin

    def compare_blobs(self, folder: ScratchFolder, written: Path) -> None:
        """Find out which of the meshes are in the blob of the results as they are in those that they came in."""
        sources = {place.blob for place, _name, _after in self.in_blobs.values()}
        for source in sources:
            pairs = {
                uid: (_MESH_CODE + place.name, _MESH_CODE + name.name)
                for uid, (place, name, _after) in self.in_blobs.items()
                if place.blob == source
            }
            equal = comparison.equal(folder.file(source), written, pairs.values())
            self.unchanged.update((uid, self.in_blobs[uid][2]) for uid, pair in pairs.items() if pair in equal)
        self.in_blobs.clear()
        self.settle()

    def compare(self, reopen: Callable[[], None]) -> None:
        """Open the file again and find out which of the candidates are unchanged."""
        reopen()
        for uid, (name_in_file, after) in self.candidates.items():
            data_block = data_block_kinds.find(*name_in_file)
            before = None if data_block is None else fingerprint(data_block, by_name)
            if before is None:
                continue
            if before.digest == after.digest:
                self.unchanged[uid] = after
            elif name_in_file.library and not _is_animated(data_block):
                self.lost.append(name_in_file)
        self.candidates.clear()
        self.settle()

    def settle(self) -> None:
        """Note in `contents` what is unchanged together with all that it uses."""
        unchanged = dict(self.unchanged)
        while changed := [uid for uid, found in unchanged.items() if not found.references <= unchanged.keys()]:
            for uid in changed:
                del unchanged[uid]
        for uid, (name, origin) in self._named.items():
            # No state was taken where nothing can change the data-blocks.
            is_unchanged = uid in unchanged if self._has_state else origin.is_unchanged
            self.contents.origins[name] = Origin(origin.ref, is_unchanged)


def _own_uids(root: bpy.types.ID, *, with_data: bool) -> list[int]:
    """A result and its data, as far as they come home as copies: what is linked stays linked."""
    items = (root, getattr(root, "data", None) if with_data else None)
    return [item.session_uid for item in items if isinstance(item, bpy.types.ID) and _is_here(item)]


def _large_meshes(item: bpy.types.ID) -> list[int]:
    meshes = [mesh for mesh in (item, getattr(item, "data", None)) if isinstance(mesh, bpy.types.Mesh)]
    return [mesh.session_uid for mesh in meshes if _is_here(mesh) and len(mesh.vertices) > _LARGE_MESH]


def _is_comparable(item: bpy.types.ID, most_read: int) -> bool:
    """Whether it is compared in blobs: a large mesh. Its shape keys would be another data-block there."""
    if not isinstance(item, bpy.types.Mesh) or item.library is not None or item.shape_keys is not None:
        return False
    return len(item.vertices) > most_read


def _is_animated(item: bpy.types.ID) -> bool:
    """Whether another frame gives a data-block other values, which is no change that anybody misses."""
    parts = (item, getattr(item, "node_tree", None))
    return any(getattr(part, "animation_data", None) is not None for part in parts)


def _is_here(item: bpy.types.ID) -> bool:
    """Whether a data-block is stored in the file that uses it."""
    return item.library is None or data_block_kinds.is_packed(item)
