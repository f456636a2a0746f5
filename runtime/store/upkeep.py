# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a store within its limits, and whole. All of this takes its time; call it on a thread.

What is removed is moved aside while the store's lock is held, and removed after that: nobody waits for the removal of
large files.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import StoreError
from .folder import RECORDS
from .inventory import Inventory
from .leases import living
from .limits import Place, choose
from .store import Store


@dataclass(frozen=True, slots=True)
class Info:
    """What is in a store, and what it may have; in bytes, but for the numbers.

    Attributes:
        folder: where it is.
        num_records: how many results there are.
        num_needed: how many of them a living process needs.
        size: what it has now.
        max_size: what it may have.
        free: what is free on its disk.
        min_free: what must stay free.
    """

    folder: Path
    num_records: int
    num_needed: int
    size: int
    max_size: int
    free: int
    min_free: int


@dataclass(frozen=True, slots=True)
class Removed:
    """How many records were removed, and how many bytes with them and with what was left over."""

    num_records: int
    size: int


@dataclass(frozen=True, slots=True)
class Verified:
    """How many records were read, how many bytes with all their files, and how many were damaged and are removed."""

    num_records: int
    size: int
    num_damaged: int


def info(store: Store, inventory: Inventory | None = None) -> Info:
    """What is in a store. With an inventory of before, it takes less time. Raises StoreError if it can't be read."""
    with _errors(store):
        inventory = _inventory(store, inventory)
        records = {place for place in inventory.entries if place[0] == RECORDS}
        needed: set[Place] = set()
        with contextlib.suppress(OSError), store.folder.locked():  # a store that can't be written, or is not there
            needed = _needed(living(store.folder))
        limits = store.limits
        return Info(
            store.folder.path.parent,
            len(records),
            len(records & needed),
            inventory.size(),
            limits.max_size,
            store.folder.free(),
            limits.min_free,
        )


def verify(store: Store) -> Verified:
    """Read everything. What is damaged is removed, and noted. Raises StoreError if the store can't be read."""
    with _errors(store):
        inventory = _inventory(store)
        store.reader.forget()
        before = store.num_damaged
        for key in inventory.keys:
            store.check(key)
        return Verified(len(inventory.keys), inventory.size(), store.num_damaged - before)


def prune(store: Store, room: int = 0, inventory: Inventory | None = None) -> Removed:
    """Remove what is worth least until the store is within its limits, and what others have left over.

    What a living process needs stays: see `Store.lease`.

    Args:
        store: the store.
        room: bytes that are made free beyond the limits if it exceeds one of them: so it does not soon do so again.
        inventory: one of before, with which it takes less time. It is brought up to date.

    Raises:
        StoreError: if the store can't be read or written.
    """

    def chosen(inventory: Inventory, needed: set[Place]) -> list[Place]:
        now = time.time()
        for entry in inventory.entries.values():
            if entry.used > now:  # the clock was ahead: it ages from now on
                with contextlib.suppress(OSError):
                    os.utime(store.folder.file(*entry.place))
        excess = max(
            inventory.size(inventory.unneeded_files()) - store.limits.max_size,
            store.limits.min_free - store.folder.free(),
        )
        return choose(tuple(inventory.entries.values()), needed, excess + room if excess > 0 else 0, now)

    return _remove(store, chosen, inventory)


def clear(store: Store) -> Removed:
    """Remove everything, what others need too: they make it once more. Raises StoreError as `prune` does."""
    return _remove(store, lambda inventory, _needed: list(inventory.entries))


def clear_unused(store: Store) -> Removed:
    """Remove all results that no living process needs. Raises StoreError as `prune` does."""
    return _remove(
        store,
        lambda inventory, needed: [place for place in inventory.entries if place[0] == RECORDS and place not in needed],
    )


def _remove(
    store: Store, chosen: Callable[[Inventory, set[Place]], list[Place]], inventory: Inventory | None = None
) -> Removed:
    """Remove what is chosen, what is damaged, the files that nothing needs then, and what dead processes left."""
    if not store.folder.path.is_dir():
        return Removed(0, 0)
    with _errors(store):
        inventory = _inventory(store, inventory)
        store.leases.ensure()
        with store.folder.locked():
            new = list(store.folder.new.iterdir())  # before the leases: what is newer than those has its own
            leases = living(store.folder)
            inventory.update()
            places = chosen(inventory, _needed(leases)) + inventory.damaged
            places += inventory.unneeded_files(places)
            size = inventory.size() - inventory.size(places)
            aside = list(_moved_aside(store, places))
        for place in inventory.damaged:
            store.note(f"a kept result was damaged and is removed: {store.folder.file(*place)}")
        for path in (*aside, *(path for path in new if path.name.partition("-")[0] not in leases)):
            with contextlib.suppress(OSError):
                path.unlink()
    return Removed(sum(table == RECORDS for table, _name in places), size)


def _moved_aside(store: Store, places: Iterable[Place]) -> Iterator[Path]:
    """Move files to where nobody looks for them, and say where that is."""
    for place in places:
        path = store.folder.new / store.leases.new_name()
        with contextlib.suppress(OSError):  # Windows moves no file that somebody has open: it goes next time
            os.replace(store.folder.file(*place), path)  # noqa: PTH105
            store.reader.forget_file(place[1])
            yield path


def _inventory(store: Store, before: Inventory | None = None) -> Inventory:
    inventory = Inventory(store.folder) if before is None else before
    inventory.update()
    return inventory


def _needed(leases: Mapping[str, frozenset[str]]) -> set[Place]:
    return {(RECORDS, key) for keys in leases.values() for key in keys}


@contextlib.contextmanager
def _errors(store: Store) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"the store in {store.folder.path} can't be read or written: {error}") from error
