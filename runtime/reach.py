# SPDX-License-Identifier: GPL-3.0-or-later
"""What is reached by going from one thing to what it uses, and on."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)


def reached(roots: Iterable[Item], uses_of: Mapping[Item, Iterable[Item]], among: set[Item] | None = None) -> set[Item]:
    """The roots and all that they use, directly or not; with `among`, only what is reached through that."""
    found = set(roots)
    waiting = list(found)
    while waiting:
        new = set(uses_of.get(waiting.pop(), ())) - found
        if among is not None:
            new &= among
        found |= new
        waiting.extend(new)
    return found
