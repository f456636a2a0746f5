# SPDX-License-Identifier: GPL-3.0-or-later
"""Which data-blocks others use, directly or not."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import bpy


def used_by(roots: Iterable[bpy.types.ID], among: set[bpy.types.ID] | None = None) -> set[bpy.types.ID]:
    """The roots and all that they use; with `among`, only data-blocks in it that are reached through others in it.

    `ID.users` does not help here: it counts neither parents nor cutters.
    """
    users_of = bpy.data.user_map() if among is None else bpy.data.user_map(subset=among)
    uses: dict[bpy.types.ID, list[bpy.types.ID]] = {}
    for item, users in users_of.items():
        for user in users:
            uses.setdefault(user, []).append(item)
    found = set(roots)
    queue = deque(found)
    while queue:
        new = set(uses.get(queue.popleft(), ())) - found
        found |= new
        queue.extend(new)
    return found
