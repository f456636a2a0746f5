# SPDX-License-Identifier: GPL-3.0-or-later
"""What results were like when they came home: read a little at a time, as each data-block takes about a millisecond.

A result is noted with a *ticket* until it is read. Undo brings tickets back, so what was read stays known by them; a
file that is saved has none. Whoever lets the artist or other code go on has to call `finish` before they can change
what is pending.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import bpy

from ..runtime.blender import data_block_kinds
from ..runtime.worker.changes.fingerprint import Users, fingerprint
from .turn import Turn

#: What data-blocks are within the result that uses them, by uid: all others go by their names.
Roles = Mapping[int, str]
#: How a ticket begins. A digest has only hexadecimal digits.
_TICKET = "~"
#: Of so many results it is known what they were like, 12 MB; of older ones, as of those of which nothing can be told.
_MAX_DIGESTS = 100_000


class _Pending(NamedTuple):
    kind: str
    session_uid: int
    roles: Roles


class Baselines:
    """The digests of results, by their tickets."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._pending: dict[str, _Pending] = {}
        self._digests: dict[str, str] = {}  # oldest first

    def ticket(self, item: bpy.types.ID, roles: Roles) -> str:
        """Have a data-block read soon. Returns what to note of it until then."""
        ticket = f"{_TICKET}{next(self._numbers)}"
        self._pending[ticket] = _Pending(data_block_kinds.kind_of(item), item.session_uid, roles)
        return ticket

    def digest(self, noted: str) -> str:
        """The digest that is noted, or the one of a ticket; "" if nobody knows it."""
        if not noted.startswith(_TICKET):
            return noted
        if noted in self._pending:
            self.finish()
        return self._digests.get(noted, "")

    @property
    def num_pending(self) -> int:
        return len(self._pending)

    def work(self, seconds: float) -> bool:
        """Read pending ones for about `seconds`. Returns whether none is left."""
        turn = Turn(seconds)
        while self._pending:
            ticket, (kind, uid, roles) = next(iter(self._pending.items()))
            del self._pending[ticket]
            self._digests[ticket] = ""  # whatever happens
            if len(self._digests) > _MAX_DIGESTS:
                del self._digests[next(iter(self._digests))]
            item = turn.find(kind, uid)
            if item is not None:
                self._digests[ticket] = digest(item, roles, turn.users)
            if turn.is_over:
                break
        return not self._pending

    def finish(self) -> None:
        """Read all that are pending."""
        while self._pending:
            self.work(float("inf"))

    def forget(self) -> None:
        """Another file was opened."""
        self._pending.clear()
        self._digests.clear()


baselines = Baselines()


def digest(item: bpy.types.ID, roles: Roles, users: Users | None = None) -> str:
    """Of its content; "" if that can't be read whole, so that nobody can tell whether it was changed."""
    found = fingerprint(item, lambda used: identity(used, roles), with_names=False, of_result=True, users=users)
    return "" if found is None else found.digest.hex()


def identity(used: bpy.types.ID, roles: Roles) -> list[str]:
    """What stands for a data-block that a result uses."""
    role = roles.get(used.session_uid)
    library = data_block_kinds.library_path(used)
    return [type(used).__name__, used.name if role is None else "", library, "" if role is None else role]
