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
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import bpy

from ..runtime.blender import data_block_kinds
from ..runtime.blender.edits import edits
from ..runtime.worker.changes.fingerprint import Users
from ..runtime.worker.changes.left_out import ARRANGEMENT
from .baselines import Roles, baselines, digest, identity


def is_changed(item: bpy.types.ID, noted: str, roles: Roles, users: Users) -> bool:
    """Whether its content is another one than what was `noted` as its digest. If nobody can tell, it is."""
    # The pixels of an image that was not packed are gone after reload: that is no change of the artist's.
    if isinstance(item, bpy.types.Image) and item.source == "GENERATED" and not item.is_dirty:
        return False
    if (item.session_uid, noted) in _unchanged:
        return False
    before = baselines.digest(noted)
    return not before or digest(item, roles, users) != before


class Compared(NamedTuple):
    """A result of an earlier run, and what was noted of it."""

    kind: str
    session_uid: int
    noted: str
    roles: Roles


#: Results that are as they came home, by uid and what was noted: within `known`, so that nobody has edited them since.
_unchanged: set[tuple[int, str]] = set()


class Comparisons:
    """Compares results with what was noted of them, a little at a time: where Blender tells what is edited later."""

    def __init__(self, items: list[Compared]) -> None:
        self._left = items
        self._found: list[tuple[Compared, int]] = []  # what is unchanged, and the moment when it was compared

    def work(self, seconds: float) -> bool:
        """Compare for about `seconds`. Returns whether all is compared that may be."""
        if not self._left:
            return True
        end, moment = time.monotonic() + seconds, edits.now()
        live, users = data_block_kinds.Index(), Users()
        while self._left:
            each = self._left.pop()
            item = live.find(each.kind, each.session_uid)
            if item is None:
                continue
            if _may_have_changed(item, moment):  # nobody will tell
                continue
            if not is_changed(item, each.noted, each.roles, users):
                self._found.append((each, moment))
            if time.monotonic() > end:
                break
        return not self._left

    @contextlib.contextmanager
    def known(self) -> Iterator[None]:
        """Within the block, what was compared and not edited since is not compared again."""
        live = data_block_kinds.Index()
        if self._found:
            edits.look()
        for each, moment in self._found:
            item = live.find(each.kind, each.session_uid)
            if item is not None and not _may_have_changed(item, moment):
                _unchanged.add((each.session_uid, each.noted))
        try:
            yield
        finally:
            _unchanged.clear()


def _may_have_changed(item: bpy.types.ID, since: int) -> bool:
    keys = getattr(item, "shape_keys", None)
    return edits.may_have_changed(item, since) or (keys is not None and edits.may_have_changed(keys, since))


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
