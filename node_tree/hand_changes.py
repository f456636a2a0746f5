# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist changed of a result by hand since it came home: its content, and how it is arranged.

Content is compared by a digest. Arrangement (where an object is, its parent, whether it is hidden) is compared by each
property: what the artist set stays, whatever becomes of the content.
"""

from __future__ import annotations

import json
from typing import Any

import bpy

from ..runtime.worker.changes.fingerprint import Users
from ..runtime.worker.changes.left_out import ARRANGEMENT
from .baselines import Roles, baselines, digest, identity


def is_changed(item: bpy.types.ID, noted: str, roles: Roles, users: Users) -> bool:
    """Whether its content is another one than what was `noted` as its digest. If nobody can tell, it is."""
    # The pixels of an image that was not packed are gone after reload: that is no change of the artist's.
    if isinstance(item, bpy.types.Image) and item.source == "GENERATED" and not item.is_dirty:
        return False
    before = baselines.digest(noted)
    return not before or digest(item, roles, users) != before


def arrangement(item: bpy.types.ID, roles: Roles) -> str:
    """How an object is arranged, as JSON; "" for what is none."""
    if not isinstance(item, bpy.types.Object):
        return ""
    return json.dumps({name: _plain(getattr(item, name), roles) for name in ARRANGEMENT if hasattr(item, name)})


def hand_over_arrangement(old: bpy.types.ID, new: bpy.types.ID, before: str, roles: Roles) -> None:
    """Arrange a new result as the artist arranged the old one: where that is not as it was `before`."""
    if not before or not isinstance(old, bpy.types.Object) or not isinstance(new, bpy.types.Object):
        return
    known = json.loads(before)
    for name in ARRANGEMENT:
        if name in known and _plain(getattr(old, name), roles) != known[name]:
            setattr(new, name, getattr(old, name))


def _plain(value: Any, roles: Roles) -> Any:
    """A property's value as JSON holds it."""
    if isinstance(value, bpy.types.ID):
        return identity(value, roles)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return [_plain(item, roles) for item in value]
