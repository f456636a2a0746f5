# SPDX-License-Identifier: GPL-3.0-or-later
"""Results that come home a few at a time: which of them have to come together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

from ..reach import reached
from ..scratch.contents import Contents, DataBlockName, Origin
from ..script.socket_types import StoredRef


def portions(
    refs: Iterable[StoredRef], contents_of: Callable[[str], Contents], is_here: Callable[[Origin], bool]
) -> list[list[StoredRef]]:
    """Part results into the smallest portions, in their order but for those that have to come together.

    These are results that use each other, and results of one original.

    Args:
        refs: the results.
        contents_of: returns what is beside a blob.
        is_here: whether something of that origin is in the open file.
    """
    groups = _Groups()
    refs = list(dict.fromkeys(refs))
    for blob in dict.fromkeys(ref.blob for ref in refs):
        contents = contents_of(blob)
        leading = _leading(contents) & contents.used_by(contents.roots)
        for user in leading:
            for used in leading.intersection(contents.uses.get(user, ())):
                groups.join((user, blob), (used, blob))
    for ref in refs:
        name = _name(ref)
        origin = contents_of(ref.blob).origin(name, ref.blob)
        if is_here(origin):
            groups.join((name, ref.blob), origin.ref)
    together: dict[Hashable, list[StoredRef]] = {}
    for ref in refs:
        together.setdefault(groups.find((_name(ref), ref.blob)), []).append(ref)
    return list(together.values())


def _name(ref: StoredRef) -> DataBlockName:
    return DataBlockName(ref.kind, ref.name, ref.library)


def _leading(contents: Contents) -> set[DataBlockName]:
    """The roots, and all that uses one of them, at once or by way of others."""
    users: dict[DataBlockName, list[DataBlockName]] = {}
    for user, used in contents.uses.items():
        for name in used:
            users.setdefault(name, []).append(user)
    return reached(contents.roots, users)


class _Groups:
    """Things that were joined, one with another."""

    def __init__(self) -> None:
        self._parents: dict[Hashable, Hashable] = {}

    def join(self, one: Hashable, other: Hashable) -> None:
        self._parents[self.find(one)] = self.find(other)

    def find(self, item: Hashable) -> Hashable:
        """What stands for the group of an item."""
        while (parent := self._parents.setdefault(item, item)) != item:
            self._parents[item] = item = self._parents[parent]
        return item
