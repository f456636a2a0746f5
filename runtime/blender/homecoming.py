# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings results home: loads blobs into the artist's open file, as local data-blocks and without doubles.

A data-block that comes back unchanged (such as the material of a decimated object) is replaced by the artist's own one.
One that is in several blobs comes once.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..errors import StoreError
from ..reach import reached
from ..scratch.contents import Contents, DataBlockName, Origin, PartTarget, PixelFile
from ..script.socket_types import StoredRef
from . import blobs, data_block_kinds, driver_targets, paths, pixels, remapping
from .dependencies import used_by, uses
from .portions import portions
from .replacing import replace
from .snapshot import Snapshot

#: Kinds that belong to what uses them: they come along with it, and are never replaced by what is here already.
_PARTS = frozenset({"Armature", "Curve", "Curves", "Lattice", "Mesh", "MetaBall", "PointCloud", "Scene", "Volume"})


@dataclass(frozen=True, slots=True)
class Targets:
    """The data-blocks of the open file that results will replace, by their `session_uid`s and by their names.

    It stays valid while the artist works, so it is made once and used many times.
    """

    uids: frozenset[int | None] = frozenset()
    names: frozenset[DataBlockName] = frozenset()

    def __or__(self, other: Targets) -> Targets:
        return Targets(self.uids | other.uids, self.names | other.names)

    def __contains__(self, data_block: bpy.types.ID) -> bool:
        return data_block.session_uid in self.uids or data_block_kinds.name_of(data_block) in self.names


class Homecoming:
    """Brings the results of one run home."""

    def __init__(self, snapshot: Snapshot, *, shares_parts: bool = False) -> None:
        """With `shares_parts`, meshes and the like that came back unchanged are replaced by the ones here, too."""
        self._snapshot = snapshot
        self._shares_parts = shares_parts
        self._contents: dict[str, Contents] = {}
        self._arrived: dict[StoredRef, bpy.types.ID] = {}
        self._live = data_block_kinds.Index()
        self._doubles: set[bpy.types.ID] = set()
        self._unsaved: list[tuple[bpy.types.Image, PixelFile, Path]] = []
        self._part_targets: dict[int, list[PartTarget]] = {}  # by uid
        self._loaded: dict[StoredRef, int] = {}
        self._newcomers: set[int] = set()
        self._came: set[int] = set()  # with all portions
        self._items: dict[int, bpy.types.ID] = {}  # all that the run brought, by uid; some may be removed
        self._substitutes: set[int] = set()  # what has replaced doubles
        self._uses_of: dict[int, list[int]] | None = None  # see `_uses`
        self._names: dict[int, str] = {}  # of newcomers in their blobs
        self._named: set[int] = set()  # what has the names of originals
        self._origins: dict[int, StoredRef] = {}
        self.originals: dict[StoredRef, bpy.types.ID] = {}
        self.versions: dict[int, int | None] = {}  # by the uid of all that came, that of what it is a version of
        self.loading_time = 0.0  # the seconds that Blender took to load what was brought

    def portions(self, refs: Iterable[StoredRef]) -> list[list[StoredRef]]:
        """Part results into the smallest portions: see `portions`. Raises StoreError."""

        def is_here(origin: Origin) -> bool:
            return self._snapshot.session_uid(origin.ref) is not None

        return portions(refs, self._contents_of, is_here)

    def bring(
        self, refs: Iterable[StoredRef], *, only_missing: bool = False, is_more: bool = False
    ) -> dict[StoredRef, bpy.types.ID]:
        """Load data-blocks from their blobs; with `only_missing`, not those that the same run brought home before.

        With `is_more`, they are the next portion: what they share with earlier ones is there.

        Returns:
            the data-block for each ref. If it is a changed version of a data-block of the open file, `originals` has
            that one.

        Raises:
            StoreError: if a blob can't be read.
        """
        self._live = data_block_kinds.Index()
        self._newcomers.clear()
        if not is_more:
            self._came.clear()
            self.versions.clear()
            brought = ((uid, self._live.find(ref.kind, uid)) for ref, uid in self._snapshot.brought.items())
            self._items = {uid: item for uid, item in brought if item is not None}
        self.originals.clear()
        self._arrived.clear()
        self._loaded.clear()
        by_blob: dict[str, list[StoredRef]] = {}
        found: dict[StoredRef, bpy.types.ID] = {}
        for ref in dict.fromkeys(refs):
            here = self._live.find(ref.kind, self._snapshot.brought.get(ref, 0)) if only_missing else None
            if here is None:
                by_blob.setdefault(ref.blob, []).append(ref)
            else:
                found[ref] = here
        newest = data_block_kinds.newest_uid()
        try:
            for blob, wanted in by_blob.items():
                found.update(self._load(blob, wanted))
        finally:
            self._clean_up(map(self._snapshot.folder.file, by_blob), newest, found.values())
        return found

    def look_again(self) -> None:
        """Look up again what others may have removed or changed since `bring`."""
        self._live = data_block_kinds.Index()
        found = ((ref, self._find_live(self._origin(ref).ref)) for ref in self.originals)
        self.originals = {ref: item for ref, item in found if item is not None}

    def _contents_of(self, blob: str) -> Contents:
        """What is written beside a blob, read once. Raises StoreError."""
        if blob not in self._contents:
            self._contents[blob] = Contents.load(self._snapshot.folder.file(blob))
        return self._contents[blob]

    def replaced(self, refs: Iterable[StoredRef]) -> Targets:
        """The data-blocks of the open file that results are changed versions of. Raises StoreError."""
        return Targets(frozenset(map(self.original_uid, refs)) - {0})

    def original_uid(self, ref: StoredRef) -> int:
        """The uid of the data-block of the open file that a result is a version of, 0 for none. Raises StoreError."""
        return self._snapshot.session_uid(self._origin(ref).ref) or 0

    def _origin(self, ref: StoredRef) -> Origin:
        return self._contents_of(ref.blob).origin(DataBlockName(ref.kind, ref.name, ref.library), ref.blob)

    def overwritten(self, refs: Iterable[StoredRef]) -> Targets:
        """The data-blocks of the open file that `overwrite` replaces by results. Raises StoreError."""
        uids, names = set(), set()
        by_blob: dict[str, set[DataBlockName]] = {}
        for ref in refs:
            by_blob.setdefault(ref.blob, set()).add(DataBlockName(ref.kind, ref.name, ref.library))
        for blob, roots in by_blob.items():
            contents = self._contents_of(blob)
            used = contents.used_by(roots)
            for name in roots | (contents.origins.keys() & used):
                origin = contents.origin(name, blob)
                uid = self._snapshot.session_uid(origin.ref)
                comes_home = uid is None or name in contents.roots or name.kind in _PARTS or not origin.is_unchanged
                if comes_home and not name.library:
                    names.add(name)
                    uids.add(uid)
        return Targets(frozenset(uids), frozenset(names))

    def read(self, blobs: deque[str], seconds: float) -> bool:
        """Read what is beside blobs, for `seconds` but of one at least. Those that were read are taken out.

        Returns:
            whether all of it is read.

        Raises:
            StoreError: if something can't be read.
        """
        end = time.monotonic() + seconds
        while blobs:
            self._contents_of(blobs.popleft())
            if time.monotonic() > end:
                break
        return not blobs

    def newcomers(self) -> set[bpy.types.ID]:
        """All that was brought last: results, and what came along with them."""
        return self._there(self._newcomers)

    def has_brought(self, item: bpy.types.ID) -> bool:
        """Whether it came home with the last results or an earlier portion of them."""
        return item.session_uid in self._came

    def companions(self, results: Iterable[bpy.types.ID]) -> list[bpy.types.Object]:
        """Objects that came along with results because these point to them: new parents and cutters."""
        results = list(results)
        found = self._needed(results, self.newcomers()) - set(results) if results else ()
        return [item for item in found if isinstance(item, bpy.types.Object)]

    def family(self, results: Iterable[bpy.types.ID]) -> list[bpy.types.ID]:
        """Results, then what they use: what came along, and the file's own data-blocks that came back unchanged."""
        results = list(results)
        subset = data_block_kinds.of_uids(self._newcomers | self._substitutes)
        found = used_by(results, {*subset, *bpy.data.shape_keys})
        used = {item for item in found if not isinstance(item, bpy.types.Key)} - set(results)
        return results + sorted(used, key=lambda item: (data_block_kinds.kind_of(item), item.name))

    def families(self, results: Iterable[bpy.types.ID]) -> dict[bpy.types.ID, list[bpy.types.ID]]:
        """By each of the results, what came home: itself, if it was brought last, and what came along with it."""
        uses_of = self._uses()
        used = {result: reached([result.session_uid], uses_of) for result in results}
        local = {item.session_uid: item for item in self._there(set().union(*used.values())) if item.library is None}
        return {result: [local[uid] for uid in uids if uid in local] for result, uids in used.items()}

    def _there(self, uids: Iterable[int]) -> set[bpy.types.ID]:
        """Those of what the run brought home that were not removed."""
        return {item for uid in uids if (item := self._items.get(uid)) is not None and _is_there(item)}

    def _uses(self) -> dict[int, list[int]]:
        """By each data-block, what it uses of all that this portion needs: found out once, until that is changed.

        Of earlier portions, it needs what has replaced doubles.
        """
        if self._uses_of is None:
            needed = self._there((self._items.keys() - self._came) | self._newcomers | self._substitutes)
            # Shape keys are no kind of their own, but an action's user may be one.
            found = uses(needed.union(bpy.data.shape_keys)).items()
            self._uses_of = {user.session_uid: [item.session_uid for item in used] for user, used in found}
        return self._uses_of

    def _needed(self, roots: Iterable[bpy.types.ID], newcomers: set[bpy.types.ID]) -> set[bpy.types.ID]:
        """The newcomers among the roots, and all that they use."""
        by_uid = {item.session_uid: item for item in newcomers}
        keys = {item.session_uid for item in bpy.data.shape_keys}
        found = reached((item.session_uid for item in roots), self._uses(), keys.union(by_uid))
        return {by_uid[uid] for uid in found if uid in by_uid}

    def name_in_blob(self, item: bpy.types.ID) -> str:
        """The name that the script gave a data-block that came home."""
        return self._names.get(item.session_uid, item.name)

    @property
    def snapshot(self) -> Snapshot:
        """What the results were made of."""
        return self._snapshot

    def replaceable(self, found: Mapping[StoredRef, bpy.types.ID]) -> dict[bpy.types.ID, StoredRef]:
        """The originals in whose place `replace_originals` puts results, each with the first of its results."""
        first: dict[bpy.types.ID, StoredRef] = {}
        for ref, result in found.items():
            original = self.originals.get(ref)
            if original is not None and original.library is None and original != result:
                first.setdefault(original, ref)
        return first

    def replace_originals(
        self, found: Mapping[StoredRef, bpy.types.ID], staying: Collection[bpy.types.ID] = ()
    ) -> dict[StoredRef, bpy.types.ID]:
        """Put results in the place of their originals, if these are known and local to this file: see `replace`.

        Objects stay the same ones. Of several results of one original, the first takes its place. Originals that are
        `staying` stay as they are.

        Returns:
            what is in the place of each original now.
        """
        places: dict[StoredRef, bpy.types.ID] = {}
        pairs: dict[bpy.types.ID, tuple[StoredRef, bpy.types.ID]] = {}
        for ref, result in found.items():
            original = self.originals.get(ref)
            if original is None or original.library is not None or original in pairs or original in staying:
                continue
            places[ref] = result
            if original != result:
                pairs[original] = ref, result
        replaced = [(original, result) for original, (_ref, result) in pairs.items()]
        new = replace(replaced, keeps_objects=True, versions=self.versions, modifiers=self._snapshot.modifiers)
        self._uses_of = None
        named = {*new, *(getattr(item, "data", None) for item in new)} - {None}
        self._named.update(item.session_uid for item in named)
        return places | dict(zip((ref for ref, _result in pairs.values()), new, strict=True))

    def unused(self, used: Iterable[bpy.types.ID]) -> set[bpy.types.ID]:
        """What came along with results that are not there any more, and that nothing of `used` uses."""
        newcomers = self.newcomers()
        self._uses_of = None
        return newcomers - self._needed(used, newcomers)

    def counterparts(self, family: Iterable[bpy.types.ID]) -> dict[bpy.types.ID, bpy.types.ID]:
        """What `overwrite` replaces, each with what takes its place: one of the `family` of results.

        That is the data-block that it was made of or, if there is none, the one with the same name; no linked one.
        """
        live, found = data_block_kinds.Index(), dict[bpy.types.ID, bpy.types.ID]()
        for item in family:
            original = self._counterpart(item, live) if item.session_uid in self._newcomers else None
            if original is not None:
                found.setdefault(original, item)
        return found

    def overwrite(
        self,
        results: Iterable[bpy.types.ID],
        family: Iterable[bpy.types.ID],
        counterparts: Mapping[bpy.types.ID, bpy.types.ID],
        *,
        kept: Collection[bpy.types.ID] = (),
        beside: Collection[bpy.types.ID] = (),
    ) -> None:
        """Replace data-blocks of the open file by their counterparts, which take their names.

        Those that are `kept` stay, and the new ones go; those that are `beside` stay with the new ones beside them.
        References to what is replaced, or goes, are invalid afterwards; `originals` is emptied.
        """
        self.originals.clear()
        replaced = {old: new for old, new in counterparts.items() if old not in kept and old not in beside}
        doubles = {counterparts[old]: old for old in kept}
        claimed = {*replaced.values(), *doubles}
        used = [*(item for item in results if item not in doubles), *kept]
        new = [item for item in family if item.session_uid in self._newcomers and item not in claimed]
        replace(list(replaced.items()), doubles=doubles)
        if doubles:
            unused = self.unused(used)
            new = [item for item in new if item not in unused]
            remapping.remove(unused)
        self.restore_names(new)  # which replaced ones may have had until now

    def restore_names(self, items: Iterable[bpy.types.ID]) -> None:
        """Give items the names again that they had in their blobs, if these are free now.

        Those that have replaced originals keep the names of these.
        """
        taken: dict[str, set[str]] = {}
        for item in items:
            kind, old_name = data_block_kinds.kind_of(item), item.name
            name = self._names.get(item.session_uid, old_name)
            if item.library is not None or old_name == name or item.session_uid in self._named:
                continue
            if kind not in taken:
                taken[kind] = {other.name for other in data_block_kinds.collection(kind) if other.library is None}
            if name not in taken[kind]:
                item.name = name
                taken[kind].discard(old_name)
                taken[kind].add(name)

    def _counterpart(self, item: bpy.types.ID, live: data_block_kinds.Index) -> bpy.types.ID | None:
        """The local data-block of the open file that a newcomer replaces, None if there is none."""
        if item.library is not None:
            return None
        kind, uid = data_block_kinds.kind_of(item), item.session_uid
        origin = self._origins.get(uid)
        original_uid = None if origin is None else self._snapshot.session_uid(origin)
        found = None if original_uid is None else live.find(kind, original_uid)
        if found is None and uid in self._names:
            found = data_block_kinds.find(kind, self._names[uid])
        # Newcomers don't replace each other: "Shape.001" may be here the name of what was "Shape" in its blob.
        is_theirs = found is None or found.session_uid in self._came or found.library is not None
        return None if is_theirs else found

    def _load(self, blob: str, refs: list[StoredRef]) -> dict[StoredRef, bpy.types.ID]:
        """Load data-blocks of one blob. Of what comes along it is only known what it is if it is asked for, too."""
        contents, path = self._contents_of(blob), self._snapshot.folder.file(blob)
        roots = {DataBlockName(ref.kind, ref.name, ref.library): ref for ref in refs}
        used = contents.used_by(roots) - roots.keys()
        others = sorted(name for name in contents.origins.keys() & used if name.kind != "Scene" and not name.library)
        start = time.monotonic()
        loaded = blobs.load(path, [*roots, *contents.holders, *others])
        self.loading_time += time.monotonic() - start
        packed = blobs.release(contents, loaded)
        loaded = {name: item for name, item in loaded.items() if name not in contents.holders}
        blobs.restore_fake_users(contents, loaded)
        self._part_targets.update(
            (item.session_uid, contents.part_targets[name])
            for name, item in loaded.items()
            if name in contents.part_targets
        )
        for name, data_block in loaded.items():
            if data_block.asset_data is not None:
                data_block.asset_clear()
            self._names[data_block.session_uid] = name.name
            self._origins[data_block.session_uid] = contents.origin(name, blob).ref
            self._loaded[StoredRef(*name, blob)] = data_block.session_uid
        self._unsaved += [(loaded[name], file, path.parent) for name, file in contents.pixels.items() if name in loaded]
        others_loaded = {name: item for name, item in loaded.items() if name not in roots}
        self._merge_portions(blob, others_loaded)
        self._merge(blob, contents, others_loaded)
        if contents.part_targets:
            self._merge_read(blob, contents, others_loaded)
        for name in roots.keys() & loaded.keys():
            twin = _builtin_twin(loaded[name])
            if twin is not None and twin != loaded[name]:
                self._substitute(loaded[name], twin)
                loaded[name] = twin
            original = self._find_live(contents.origin(name, blob).ref)
            if original is not None:
                self.originals[roots[name]] = original
        for name in roots:
            if name.library and (item := packed.get(name) or self._linked(name)) is not None:
                loaded[name] = item
        return {ref: loaded[name] for name, ref in roots.items() if name in loaded}

    @staticmethod
    def _linked(name: DataBlockName) -> bpy.types.ID | None:
        """A result that is linked from another file; None if that file no longer has it."""
        found = data_block_kinds.find(*name)
        if found is None:
            with contextlib.suppress(StoreError):
                found = blobs.link(name).get(name)
        return found

    def _merge(self, blob: str, contents: Contents, loaded: dict[DataBlockName, bpy.types.ID]) -> None:
        """Replace loaded data-blocks by the same ones that are here already, but those that belong to results."""
        for name, data_block in loaded.items():
            if name in contents.roots or (name.kind in _PARTS and not self._shares_parts):
                continue
            origin = contents.origin(name, blob)
            here = (self._here(origin.ref) if origin.is_unchanged else None) or _builtin_twin(data_block)
            if here is not None and here != data_block:
                self._substitute(data_block, here)
            elif origin.is_unchanged:
                self._arrived[origin.ref] = data_block

    def _merge_read(self, blob: str, contents: Contents, loaded: dict[DataBlockName, bpy.types.ID]) -> None:
        """Replace what came along only because drivers read its shape keys, which are no use, by the same ones here."""
        num_uses = Counter(getattr(double, "data", None) for double in self._doubles)
        for name, data_block in loaded.items():
            if getattr(data_block, "shape_keys", None) is not None and data_block.users == num_uses[data_block]:
                origin = contents.origin(name, blob)
                here = self._find_live(origin.ref) if origin.is_unchanged else None
                if here is not None:
                    self._substitute(data_block, here)

    def _merge_portions(self, blob: str, loaded: dict[DataBlockName, bpy.types.ID]) -> None:
        """Replace loaded data-blocks by those that came with an earlier portion, and take them out of `loaded`."""
        for name in list(loaded):
            uid = self._snapshot.brought.get(StoredRef(*name, blob), 0)
            here = self._live.find(name.kind, uid) if uid in self._came else None
            if here is not None:
                self._substitute(loaded.pop(name), here)

    def _substitute(self, double: bpy.types.ID, here: bpy.types.ID) -> None:
        remapping.remap(double, here)
        self._doubles.add(double)
        self._substitutes.add(here.session_uid)

    def _clean_up(self, loaded: Iterable[Path], newest: int, roots: Iterable[bpy.types.ID]) -> None:
        """Remove doubles, and newcomers that no result needs, such as those that came along with doubles."""
        blobs.remove_libraries(loaded)  # with what is still linked from them: 4.2 leaves some of a hierarchy so
        newcomers = set(data_block_kinds.newer(newest)) - self._doubles
        self._items |= {item.session_uid: item for item in newcomers}
        self._uses_of = None
        needed = self._needed(roots, newcomers)
        unused = newcomers - needed
        self._newcomers = {item.session_uid for item in needed}
        self._came |= self._newcomers
        named = self._newcomers & self._origins.keys()
        self.versions.update((uid, self._snapshot.session_uid(self._origins[uid])) for uid in named)
        self._arrived = {ref: item for ref, item in self._arrived.items() if item not in unused}
        self._snapshot.arrived.update((ref, item.session_uid) for ref, item in self._arrived.items())
        self._snapshot.brought.update((ref, uid) for ref, uid in self._loaded.items() if uid in self._newcomers)
        for image, file, folder in self._unsaved:
            if image in needed:
                pixels.restore(image, file, folder)
        self._unsaved.clear()
        remapping.remove(self._doubles | unused)
        self._doubles.clear()
        for item in needed:
            driver_targets.restore(item, self._part_targets.get(item.session_uid, ()))
        self._part_targets.clear()
        self.restore_names(sorted(needed, key=lambda item: item.name))
        blobs.restore_overrides(needed)
        paths.respell(needed, self._snapshot.spellings)

    def _here(self, origin: StoredRef) -> bpy.types.ID | None:
        earlier = self._live.find(origin.kind, self._snapshot.arrived.get(origin, 0))
        return self._arrived.get(origin) or earlier or self._find_live(origin)

    def _find_live(self, origin: StoredRef) -> bpy.types.ID | None:
        """The data-block of the open file that went out as `origin`, if it is still there."""
        uid = self._snapshot.session_uid(origin)
        return None if uid is None else self._live.find(origin.kind, uid)


def _is_there(item: bpy.types.ID) -> bool:
    """Whether a data-block was not removed."""
    try:
        return bool(item.session_uid)
    except ReferenceError:
        return False


def _builtin_twin(data_block: bpy.types.ID) -> bpy.types.VectorFont | None:
    """The built-in font that is here already: each file with text in it brings one."""
    if not isinstance(data_block, bpy.types.VectorFont) or data_block.filepath != "<builtin>":
        return None
    fonts = (font for font in bpy.data.fonts if font.filepath == "<builtin>" and font.library is None)
    return min(fonts, key=lambda font: font.session_uid)
