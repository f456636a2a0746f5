# SPDX-License-Identifier: GPL-3.0-or-later
"""Which data-blocks others use, directly or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import bpy

from ..reach import reached
from . import data_block_kinds, driver_targets


def uses(among: set[bpy.types.ID] | None = None) -> dict[bpy.types.ID, list[bpy.types.ID]]:
    """By each data-block, what it uses itself; with `among`, only what is in that.

    `ID.users` does not help here: it counts neither parents nor cutters. Whoever reads a part of a data-block, as a
    driver may, uses that.
    """
    found = _pointers(among)
    for user, owner in _reads(among):
        if among is None or owner in among:
            found.setdefault(user, []).append(owner)
    return found


def _pointers(
    among: set[bpy.types.ID] | None, only: set[bpy.types.ID] | None = None
) -> dict[bpy.types.ID, list[bpy.types.ID]]:
    """By each data-block (but for `only` some users), what it uses of what is `among`."""
    users_of = bpy.data.user_map() if among is None else bpy.data.user_map(subset=among)
    found: dict[bpy.types.ID, list[bpy.types.ID]] = {}
    for item, users in users_of.items():
        for user in users if only is None else users & only:
            found.setdefault(user, []).append(item)
    return found


def _reads(users: Iterable[bpy.types.ID] | None) -> Iterator[tuple[bpy.types.ID, bpy.types.ID]]:
    """What drivers of some data-blocks read. Shape keys have theirs as parts of what they belong to."""
    return driver_targets.uses(users and (item for item in users if not isinstance(item, bpy.types.Key)))


def used_by(roots: Iterable[bpy.types.ID], among: set[bpy.types.ID] | None = None) -> set[bpy.types.ID]:
    """The roots and all that they use; with `among`, only data-blocks in it that are reached through others in it."""
    roots = set(roots)
    found = _pointers(among, None if among is None else among | roots)
    looked_at: set[bpy.types.ID] = set()
    while new := (used := reached(roots, found)) - looked_at:
        looked_at |= new
        for user, owner in _reads(new):  # all drivers of a large file are many
            if among is None or owner in among:
                found.setdefault(user, []).append(owner)
    return used


class Uses:
    """What each data-block of the file uses, by uid: it stays good while others have their turn.

    What was added since is not known; what was removed is still told of.
    """

    def __init__(self) -> None:
        self._found: dict[int, list[int]] = {}
        for item, users in bpy.data.user_map().items():
            uid = item.session_uid
            for user in users:
                self._found.setdefault(user.session_uid, []).append(uid)

    def used_by(self, roots: Iterable[bpy.types.ID]) -> set[int]:
        """The roots and all that they use; what their drivers read is looked up now."""
        uids = [item.session_uid for item in roots]
        items = {item.session_uid: item for _kind, item in data_block_kinds.all_data_blocks()}
        found = dict(self._found)
        looked_at: set[int] = set()
        while new := (used := reached(uids, found)) - looked_at:
            looked_at |= new
            for user, owner in _reads([items[uid] for uid in new if uid in items]):
                found[user.session_uid] = [*found.get(user.session_uid, ()), owner.session_uid]
        return used
