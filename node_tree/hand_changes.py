# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist changed of a result by hand since it came home: its content, and how it is arranged.

Content is compared by a digest. Arrangement (where an object is, its parent, whether it is hidden) is compared by each
property: what the artist set stays, whatever becomes of the content.
"""

from __future__ import annotations

import contextlib
import functools
import json
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import bpy

from ..runtime.blender import data_block_kinds
from ..runtime.blender.edits import edits
from ..runtime.worker.changes.fingerprint import Users
from ..runtime.worker.changes.left_out import ARRANGEMENT
from .baselines import Roles, baselines, digest, identity
from .turn import Turn


def is_changed(item: bpy.types.ID, noted: str, roles: Roles, users: Users) -> bool:
    """Whether its content is another one than what was `noted` as its digest. If nobody can tell, it is."""
    # The pixels of an image that was not packed are gone after reload: that is no change of the artist's.
    if isinstance(item, bpy.types.Image) and item.source == "GENERATED" and not item.is_dirty:
        return False
    known = _known.get((item.session_uid, noted))
    if known is not None:
        return known
    before = baselines.digest(noted)
    return not before or digest(item, roles, users) != before


class Part(NamedTuple):
    """A data-block of a result of an earlier run: its kind, its role in that, and its uid."""

    kind: str
    role: str
    session_uid: int


class Compared(NamedTuple):
    """A data-block of a result of an earlier run, what was noted of it, and all that came home for that result."""

    part: Part
    noted: str
    family: Sequence[Part]

    def roles(self, live: data_block_kinds.Index) -> Roles:
        """What stands for those of the family that are still there."""
        there = {part[:2]: part for part in self.family if live.find(part.kind, part.session_uid) is not None}
        return {part.session_uid: role_text(*key) for key, part in there.items()}


#: Whether results were changed, by uid and what was noted: within `known`, so that nobody has edited them since.
_known: dict[tuple[int, str], bool] = {}


class Comparisons:
    """Compares results with what was noted of them, a little at a time: where Blender tells what is edited later."""

    def __init__(self, items: Iterable[Compared], *, awaits_artist: bool = False) -> None:
        """With `awaits_artist`, the artist can do nothing before `known`: then Blender must only not tell of anything.

        What is known already is not compared.
        """
        self._left = [each for each in items if (each.part.session_uid, each.noted) not in _known]
        self._awaits_artist = awaits_artist
        self._moment = 0
        self._found: list[tuple[Compared, int, bool]] = []  # whether each is changed, with the moment before that

    @property
    def is_done(self) -> bool:
        """Whether all is compared that may be."""
        return not self._left

    def work(self, seconds: float) -> bool:
        """Compare for about `seconds`. Returns whether all is compared that may be."""
        if self.is_done:
            return True
        turn = Turn(seconds)
        if not self._moment or not self._awaits_artist:
            with turn.looking():
                self._moment = edits.now()
        moment = self._moment
        while self._left:
            each = self._left.pop()
            item = turn.find(each.part.kind, each.part.session_uid)
            if item is None:
                continue
            if self._may_have_changed(item, moment):  # nobody will tell
                continue
            self._found.append((each, moment, is_changed(item, each.noted, each.roles(turn), turn.users)))
            if turn.is_over:
                break
        return self.is_done

    @contextlib.contextmanager
    def known(self) -> Iterator[None]:
        """Within the block, what was compared and not edited since is not compared again."""
        live = data_block_kinds.Index()
        before = dict(_known)
        if self._found:
            edits.look(awaits_artist=self._awaits_artist)
        for each, moment, changed in self._found:
            item = live.find(each.part.kind, each.part.session_uid)
            if item is not None and not self._may_have_changed(item, moment):
                _known[each.part.session_uid, each.noted] = changed
        try:
            yield
        finally:
            _known.clear()
            _known.update(before)

    def _may_have_changed(self, item: bpy.types.ID, since: int) -> bool:
        if self._awaits_artist:
            return edits.has_told(since)
        keys = getattr(item, "shape_keys", None)
        return edits.may_have_changed(item, since) or (keys is not None and edits.may_have_changed(keys, since))


def role_text(kind: str, role: str) -> str:
    """What stands for a data-block in the digests of others of the same result."""
    return f"{kind}/{role}"


def arrangement(item: bpy.types.ID, roles: Roles) -> str:
    """How an object is arranged, as JSON; "" for what is none."""
    return json.dumps(_arranged(item, roles)) if isinstance(item, bpy.types.Object) else ""


def hand_over_arrangement(old: bpy.types.ID, new: bpy.types.ID, before: str, roles: Roles) -> None:
    """Arrange a new result as the artist arranged the old one: where that is not as it was `before`."""
    if not before or not isinstance(old, bpy.types.Object) or not isinstance(new, bpy.types.Object):
        return
    known = json.loads(before)
    for name, value in _arranged(old, roles).items():
        if name in known and value != known[name]:
            setattr(new, name, getattr(old, name))


def _arranged(item: bpy.types.Object, roles: Roles) -> dict[str, Any]:
    """The properties that arrange an object, as JSON holds them."""
    names, read, num_dimensions = _arrangement_properties()
    values = zip(names, read(item), num_dimensions, strict=True)
    found = {name: _plain(value, dimensions) for name, value, dimensions in values}
    found["parent"] = None if item.parent is None else identity(item.parent, roles)
    return found


def _plain(value: Any, num_dimensions: int) -> Any:
    if num_dimensions == 0:
        return value
    return list(value) if num_dimensions == 1 else [list(row) for row in value]


@functools.cache
def _arrangement_properties() -> tuple[tuple[str, ...], Callable[[bpy.types.Object], tuple[Any, ...]], tuple[int, ...]]:
    """Their names but the parent's, a function that reads all of them, and how many dimensions each has."""
    properties = bpy.types.Object.bl_rna.properties
    names = tuple(name for name in ARRANGEMENT if name in properties and name != "parent")
    dimensions = (filter(None, getattr(properties[name], "array_dimensions", ())) for name in names)
    return names, operator.attrgetter(*names), tuple(len(list(each)) for each in dimensions)
