# SPDX-License-Identifier: GPL-3.0-or-later
"""Which data-blocks others use, directly or not."""

from __future__ import annotations

from collections.abc import Iterable

import bpy

from ..reach import reached
from . import driver_targets


def uses(among: set[bpy.types.ID] | None = None) -> dict[bpy.types.ID, list[bpy.types.ID]]:
    """By each data-block, what it uses itself; with `among`, only what is in that.

    `ID.users` does not help here: it counts neither parents nor cutters. Whoever reads a part of a data-block, as a
    driver may, uses that.
    """
    users_of = bpy.data.user_map() if among is None else bpy.data.user_map(subset=among)
    found: dict[bpy.types.ID, list[bpy.types.ID]] = {}
    for item, users in users_of.items():
        for user in users:
            found.setdefault(user, []).append(item)
    # Shape keys have their drivers as parts of what they belong to.
    readers = None if among is None else (item for item in among if not isinstance(item, bpy.types.Key))
    for user, owner in driver_targets.uses(readers):
        if among is None or owner in among:
            found.setdefault(user, []).append(owner)
    return found


def used_by(roots: Iterable[bpy.types.ID], among: set[bpy.types.ID] | None = None) -> set[bpy.types.ID]:
    """The roots and all that they use; with `among`, only data-blocks in it that are reached through others in it."""
    return reached(roots, uses(among))
