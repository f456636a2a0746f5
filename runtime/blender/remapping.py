# SPDX-License-Identifier: GPL-3.0-or-later
"""One data-block in the place of another, and the removal of those that are not needed any more."""

from __future__ import annotations

from collections.abc import Iterable

import bpy


def remap(old: bpy.types.ID, new: bpy.types.ID) -> None:
    """Let all that uses `old` use `new`; then `old` can be removed."""
    old.user_remap(new)
    if isinstance(old, bpy.types.Collection):
        # Blender 4.2 to 5.2 leave these out, also when a collection is removed, and crash when they use them next.
        for probe in bpy.data.lightprobes:
            if probe.library is None and probe.visibility_collection == old:
                probe.visibility_collection = new


def remove(items: Iterable[bpy.types.ID]) -> None:
    """Remove data-blocks at once: in a large file, one removal takes as long as many."""
    if going := list(items):
        bpy.data.batch_remove(going)
