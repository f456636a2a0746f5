# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is in a store at one moment, for those who make room."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from typing import Final

from .folder import FILES, LASTS, RECORDS, Stamp, StoreFolder, stamp_of
from .limits import Entry, Place
from .reading import read_record

#: As how many seconds of work the newest record of a subject counts: it tells why the next one was made.
_LAST_SECONDS: Final = 1.0
#: Begins what the file of a record itself is called among its files; the others are called by their digests.
_INODE: Final = "inode "
_SECOND: Final = 10**9


class Inventory:
    """What is in a store.

    Attributes:
        entries: the records that can be read, and the newest ones of subjects.
        damaged: the records that can't.
        files: the sizes of the files of blobs, by digest.
    """

    def __init__(self, folder: StoreFolder) -> None:
        self._folder = folder
        self._stamps: dict[str, Stamp] = {}  # of the records that were read, by key
        self.entries: dict[Place, Entry] = {}
        self.damaged: list[Place] = []
        self.files: dict[str, int] = {}

    def update(self) -> None:
        """Look again. What did not change is not looked at closely, so the second time is short."""
        before, self.entries, self.damaged = self.entries, {}, []
        for found in self._folder.entries(RECORDS):
            with contextlib.suppress(FileNotFoundError):  # somebody removes it just now
                self._add_record(found, before.get((RECORDS, found.name)))
        for found in self._folder.entries(LASTS):
            with contextlib.suppress(FileNotFoundError):
                self._add_last(found, before.get((LASTS, found.name)))
        sizes, self.files = self.files, {}
        for found in self._folder.entries(FILES):
            with contextlib.suppress(FileNotFoundError):
                size = sizes.get(found.name)
                self.files[found.name] = found.stat().st_size if size is None else size

    @property
    def keys(self) -> list[str]:
        """The keys of all records, damaged or not."""
        return [name for table, name in (*self.entries, *self.damaged) if table == RECORDS]

    def size(self, without: Collection[Place] = ()) -> int:
        """Bytes of all there is, or would be without some of it."""
        gone = set(without)
        left = (entry.files for entry in self.entries.values() if entry.place not in gone)
        files = {name: size for name, size in self.files.items() if (FILES, name) not in gone}
        own = {name: size for files in left for name, size in files.items() if name.startswith(_INODE)}
        return sum(files.values()) + sum(own.values())

    def unneeded_files(self, without: Collection[Place] = ()) -> list[Place]:
        """The files of blobs that no record needs, once some are gone."""
        gone = set(without)
        needed = {file for entry in self.entries.values() if entry.place not in gone for file in entry.files}
        return [(FILES, digest) for digest in self.files if digest not in needed]

    def _add_record(self, found: os.DirEntry[str], before: Entry | None) -> None:
        place, stamp = (RECORDS, found.name), stamp_of(found.path)
        if before is not None and self._stamps[found.name] == stamp:
            self.entries[place] = before
            return
        try:
            record = read_record(found.path)
        except ValueError:
            self.damaged.append(place)
            return
        files = {file.digest: file.size for file in record.files()}
        self._stamps[found.name] = stamp
        self.entries[place] = Entry(place, stamp.changed / _SECOND, record.seconds, _own_file(stamp) | files)

    def _add_last(self, found: os.DirEntry[str], before: Entry | None) -> None:
        place = (LASTS, found.name)
        if before is None or f"{_INODE}{found.inode()}" not in before.files:
            stamp = stamp_of(found.path)
            before = Entry(place, stamp.changed / _SECOND, _LAST_SECONDS, _own_file(stamp))
        self.entries[place] = before


def _own_file(stamp: Stamp) -> dict[str, int]:
    """The file of an entry itself, by its inode: the newest record of a subject may be a second name of a record."""
    return {f"{_INODE}{stamp.inode}": stamp.size}
