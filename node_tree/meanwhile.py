# SPDX-License-Identifier: GPL-3.0-or-later
"""Which originals the artist edited while a run or a job went on: no result takes the place of these unasked.

Only what would be lost counts. An object that stays the same one keeps what it is beside its data: where it is, its
parent.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections import ChainMap
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import bpy

from ..runtime.blend_file import blob_digests
from ..runtime.blend_file.blob_digests import Digests
from ..runtime.blend_file.digests import Digest
from ..runtime.blend_file.outside import Outside
from ..runtime.blender import blobs, data_block_kinds, remapping, replacing
from ..runtime.blender.dependencies import Uses
from ..runtime.blender.edits import edits
from ..runtime.blender.homecoming import Homecoming
from ..runtime.blender.snapshot import Snapshot
from ..runtime.errors import BackgroundNodesError, StoreError
from ..runtime.keys.files import FileDigests
from ..runtime.scratch.contents import Contents, DataBlockName
from ..runtime.worker.changes.fingerprint import Users, fingerprint, struct_digest
from .hand_changes import arrangement


class Originals:
    """The originals of results, compared with a snapshot in which they are.

    Where Blender tells that they were not edited since, they need not be. Else the snapshot is loaded, and removed.
    """

    def __init__(self, home: Homecoming, *, one_by_one: bool = False) -> None:
        """With `one_by_one`, results take the place of originals as `Homecoming.overwrite` puts them there.

        Each is replaced for itself then: an object as a whole, and not what it uses.
        """
        self._home = home
        self._one_by_one = one_by_one
        self._uses: Uses | None = None  # of the file, as it was before the first portion
        self._written: dict[str, Digests] = {}  # by blob of the snapshot: what is in it, read once
        self._names: dict[int, DataBlockName] = {}  # of what was in the file then, by uid
        self._moment = 0  # before they were compared
        self._edited: dict[int, bool] = {}  # of those that were compared, by uid
        self.loading_time = 0.0  # the seconds that Blender took to load what they were compared with

    def read_ahead(self) -> None:
        """Read what the snapshot has, all of it. That touches no data-block: it may be done on another thread."""
        for blob in self._home.snapshot.blobs:
            _read_written(blob, self._home.snapshot, self._written)

    def prepare(self) -> bool:
        """Look through the file, once for all portions. Returns whether that was done before."""
        is_done, self._uses = self._uses is not None, self._uses or Uses()
        return is_done

    def compare(self, results: Mapping[bpy.types.ID, bpy.types.ID]) -> None:
        """Find out which originals, given with their results, were edited. To be called in `edits.own`."""
        self._edited.clear()
        if not results:
            return
        self._moment = edits.mark()
        since = self._home.snapshot.since
        doubted = {original: result for original, result in results.items() if self._may_be_edited(original, since)}
        edited = self._differing(doubted) if doubted else set()
        self._edited.update((original.session_uid, original in edited) for original in results)

    def forget(self) -> None:
        """The artist had a turn since they were compared."""
        self._uses = None
        self._edited.clear()

    def are_compared(self, originals: Iterable[bpy.types.ID]) -> bool:
        """Whether they were compared, and Blender has not told of any edit since. The artist had no turn meanwhile."""
        uids = {item.session_uid for item in originals}
        if not uids:
            return True
        edits.look(awaits_artist=True)
        if edits.has_told(self._moment):
            self.forget()
        return uids <= self._edited.keys()

    def edited(self, originals: Iterable[bpy.types.ID]) -> set[bpy.types.ID]:
        """Those of originals that were compared that were edited, or of which nobody can tell."""
        return {item for item in originals if self._edited[item.session_uid]}

    def _differing(self, results: Mapping[bpy.types.ID, bpy.types.ID]) -> set[bpy.types.ID]:
        if self._one_by_one:
            return self._differing_one_by_one(results)
        with self._then(results) as then:
            found = {original for original, result in results.items() if then.differs(original, result)}
            return found | then.rewritten(then.doubted.keys() - found)

    def _differing_one_by_one(self, originals: Collection[bpy.types.ID]) -> set[bpy.types.ID]:
        """Blender writes some otherwise a second time, shows others otherwise, and some once it has shown them.

        All three must tell of another one.
        """
        names = self._names_then()
        renamed = {item for item in originals if names.get(item.session_uid) != data_block_kinds.name_of(item)}
        same_name = [item for item in originals if item not in renamed]
        # Before they are read: that changes what 4.2 to 5.1 write of modifiers.
        versions = self._home.versions  # what came with an earlier portion is no edit

        def uid_then(item: bpy.types.ID) -> int:
            return versions.get(item.session_uid) or item.session_uid

        doubted = renamed | _rewritten(same_name, self._home.snapshot, names, uid_then, self._written)
        if not doubted:
            return doubted
        with self._then(originals) as then:  # all of them: what is around a mesh counts, too
            found = {original for original in doubted if then.is_other(original)}
            return found | then.rewritten(then.doubted.keys() - found)

    @contextlib.contextmanager
    def _then(self, originals: Iterable[bpy.types.ID]) -> Iterator[_Then]:
        self.prepare()
        assert self._uses is not None
        # What came home has replaced something: that is no edit.
        with _Then.loaded(originals, self._uses, self._home.snapshot, self._home.versions, self._written) as then:
            self.loading_time += then.loading_time
            yield then

    def _names_then(self) -> dict[int, DataBlockName]:
        self._names = self._names or _names(self._home.snapshot)
        return self._names

    def _may_be_edited(self, original: bpy.types.ID, since: int) -> bool:
        held = [original] if self._one_by_one else _held(original, stays=False)
        keys = (getattr(item, "shape_keys", None) for item in held)
        return any(edits.may_have_changed(item, since) for item in [*held, *filter(None, keys)])


def _held(original: bpy.types.ID, *, stays: bool) -> list[bpy.types.ID]:
    """What would be lost if it were replaced: with an object that stays, its data only."""
    if isinstance(original, bpy.types.Collection):
        objects = list(original.all_objects)
    else:
        objects = [original] if isinstance(original, bpy.types.Object) else []
    data = [item.data for item in objects if item.data is not None]
    return data if stays else [*dict.fromkeys([original, *objects, *data])]


class _Then:
    """Originals as the snapshot has them.

    Attributes:
        loading_time: the seconds that Blender took to load them.
        doubted: by each original of which it is not sure that it is the same, what of it seems to be another one, or
            can't be read. Blender changes some of what it writes and reads.
    """

    def __init__(self, snapshot: Snapshot, versions: Mapping[int, int | None], written: dict[str, Digests]) -> None:
        self._snapshot = snapshot
        self._versions = versions
        self._written = written
        self._names = _names(snapshot)
        self._twins: dict[int, bpy.types.ID] = {}  # by the uid of what is in the open file
        self._uids: dict[int, int] = {}  # the other way round
        self._users = Users()
        self.loading_time = 0.0
        self.doubted: dict[bpy.types.ID, list[bpy.types.ID]] = {}

    @classmethod
    @contextlib.contextmanager
    def loaded(
        cls,
        originals: Iterable[bpy.types.ID],
        uses: Uses,
        snapshot: Snapshot,
        versions: Mapping[int, int | None],
        written: dict[str, Digests],
    ) -> Iterator[_Then]:
        """Within the block, they are in the open file, with all that they use."""
        newest, libraries = data_block_kinds.newest_uid(), {*bpy.data.libraries}
        then = cls(snapshot, versions, written)
        try:
            then._load(list(originals), uses)
            yield then
        finally:
            newcomers = data_block_kinds.newer(newest)
            remapping.remove([*newcomers, *(item for item in bpy.data.libraries if item not in libraries)])

    def _load(self, originals: Sequence[bpy.types.ID], uses: Uses) -> None:
        uids = {self._uid_then(uid) for uid in uses.used_by(originals)}
        wanted = {self._names[uid]: uid for uid in uids if uid in self._names}
        roots = {ref.session_uid: place.blob for ref, place in self._snapshot.stored.items()}
        missing = {item.session_uid for item in originals}
        for blob in dict.fromkeys([*(roots[uid] for uid in missing if uid in roots), *self._snapshot.blobs]):
            if not missing:
                break
            with contextlib.suppress(StoreError):
                path = self._snapshot.folder.file(blob)
                start = time.monotonic()
                loaded = blobs.load(path, wanted)
                self.loading_time += time.monotonic() - start
                blobs.restore_part_targets(Contents.load(path), loaded)
                for name, item in loaded.items():
                    self._uids[item.session_uid] = wanted[name]
                    self._twins.setdefault(wanted[name], item)
            missing -= self._twins.keys()

    def _uid(self, item: bpy.types.ID) -> int:
        """Of what is in the open file, or was there when the snapshot was taken."""
        return self._uid_then(self._uids.get(item.session_uid, item.session_uid))

    def _uid_then(self, uid: int) -> int:
        return self._versions.get(uid) or uid

    def _twin(self, item: bpy.types.ID) -> bpy.types.ID | None:
        return item if item.library is not None else self._twins.get(self._uid(item))

    def differs(self, original: bpy.types.ID, result: bpy.types.ID) -> bool:
        """Whether an original is another one now in what would be lost; True if it can't be found."""
        twin = self._twin(original)
        if twin is None:
            return True
        if stays := replacing.can_stay(original, result):
            if original.data is not None and self._twin(original.data) != twin.data:
                return True
            modifiers = replacing.superfluous_modifiers(original, result, self._snapshot.modifiers)
            before = self._parts_digest(twin, modifiers)
            if before is None:
                self.doubted.setdefault(original, []).append(original)
            elif self._parts_digest(original, modifiers) != before:
                return True
        return self._holds_other(original, _held(original, stays=stays))

    def is_other(self, original: bpy.types.ID) -> bool:
        """Whether an original is arranged otherwise now, or can't be found; see `doubted` for the rest."""
        twin = self._twin(original)
        if twin is None or self._arrangement(original) != self._arrangement(twin):
            return True
        return self._holds_other(original, [original])

    def _arrangement(self, item: bpy.types.ID) -> str:
        parent = getattr(item, "parent", None)
        return arrangement(item, {} if parent is None else {parent.session_uid: str(self._uid(parent))})

    def _holds_other(self, original: bpy.types.ID, held: Iterable[bpy.types.ID]) -> bool:
        """Whether something of what an original holds is another one now; True if it can't be found."""
        for item in held:
            twin = self._twin(item)
            if twin is None:
                return True
            if twin != item and not self._seems_same(item, twin):
                self.doubted.setdefault(original, []).append(item)
        return False

    def _parts_digest(self, item: bpy.types.Object, modifiers: Iterable[str]) -> bytes | None:
        """Of what an object that stays would lose beside its data; None if that can't be read."""
        found = (item.modifiers.get(name) for name in modifiers)
        return struct_digest([*item.material_slots, *filter(None, found)], self._uid)

    def _seems_same(self, item: bpy.types.ID, twin: bpy.types.ID) -> bool:
        """Whether all of something can be read, and is as it was."""
        if isinstance(item, bpy.types.Mesh):
            _share_texture_space(item, twin)
        before = self._fingerprint(twin)  # if that can't be read, the item is not: reading may change it
        return before is not None and self._fingerprint(item) == before

    def _fingerprint(self, item: bpy.types.ID) -> bytes | None:
        found = fingerprint(item, self._uid, with_names=False, of_result=True, users=self._users)
        return None if found is None else found.digest

    def rewritten(self, originals: Iterable[bpy.types.ID]) -> set[bpy.types.ID]:
        """Those of the originals of which what is in doubt would be written otherwise now than in the snapshot."""
        originals = list(originals)
        doubted = list(dict.fromkeys(item for each in originals for item in self.doubted[each]))
        changed = _rewritten(doubted, self._snapshot, self._names, self._uid, self._written, users=originals)
        return {original for original in originals if not changed.isdisjoint(self.doubted[original])}


def _names(snapshot: Snapshot) -> dict[int, DataBlockName]:
    """The names of all that was in the open file when the snapshot was taken, by uid."""
    return {uid: name for uids in snapshot.session_uids.values() for name, uid in uids.items()}


def _rewritten(
    items: Collection[bpy.types.ID],
    snapshot: Snapshot,
    names: Mapping[int, DataBlockName],
    uid_of: Callable[[bpy.types.ID], int],
    written: dict[str, Digests],
    *,
    users: Collection[bpy.types.ID] = (),
) -> set[bpy.types.ID]:
    """Those of some data-blocks of the open file that would be written otherwise now than in the snapshot.

    Args:
        items: the data-blocks.
        snapshot: the snapshot.
        names: of all that was in the open file then, by uid.
        uid_of: which uid something had when that was taken.
        written: by blob of the snapshot what is known to be in it; what is read is added.
        users: what uses them and is written for them: 4.2 writes a mesh in another way if it is written for itself.
    """
    if not items:
        return set()
    wanted = {names[uid] for uid in map(uid_of, items) if uid in names}
    try:
        now, then = _written_now(users or items, snapshot), _written_then(wanted, snapshot, written)
    except BackgroundNodesError:
        return set(items)
    uids = ChainMap(*snapshot.session_uids.values())

    def identity(name: DataBlockName) -> int | DataBlockName:
        item = None if name.library else data_block_kinds.find(*name)
        return name if item is None else uid_of(item)

    def is_same(item: bpy.types.ID) -> bool:
        name = names.get(uid_of(item))
        old, new = None if name is None else then.get(name), now.get(data_block_kinds.name_of(item))
        if old is None or new is None or not old.own == new.own != "" or old.arrangement != new.arrangement:
            return False
        return [used if used.library else uids.get(used, used) for used in old.uses] == list(map(identity, new.uses))

    return {item for item in items if not is_same(item)}


def _written_now(items: Iterable[bpy.types.ID], snapshot: Snapshot) -> Digests:
    with tempfile.TemporaryDirectory(dir=snapshot.folder.path) as folder:
        blob = Path(folder) / "now.blend"
        blobs.write(blob, items)
        return blob_digests.find(blob, Outside(FileDigests()))


def _written_then(names: set[DataBlockName], snapshot: Snapshot, written: dict[str, Digests]) -> Digests:
    found: dict[DataBlockName, Digest] = {}
    for blob in snapshot.blobs:
        if names <= found.keys():
            break
        found = {**_read_written(blob, snapshot, written), **found}
    return found


def _read_written(blob: str, snapshot: Snapshot, written: dict[str, Digests]) -> Digests:
    """What is in a blob of a snapshot; nothing, if that can't be read."""
    if blob not in written:
        written[blob] = {}
        with contextlib.suppress(BackgroundNodesError):  # not all of them are .blend files
            written[blob] = blob_digests.find(snapshot.folder.file(blob), Outside(FileDigests()))
    return written[blob]


def _share_texture_space(mesh: bpy.types.Mesh, twin: bpy.types.Mesh) -> None:
    """Let a twin have the texture space that Blender made for a mesh: it makes one on reading, not after each edit."""
    is_other = (mesh.texspace_location, mesh.texspace_size) != (twin.texspace_location, twin.texspace_size)
    if mesh.use_auto_texspace and twin.use_auto_texspace and is_other:
        twin.use_auto_texspace = False
        twin.texspace_location, twin.texspace_size = mesh.texspace_location, mesh.texspace_size
        twin.use_auto_texspace = True
