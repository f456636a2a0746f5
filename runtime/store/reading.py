# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a store, and checks all that it reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .folder import FILES, RECORDS, Stamp, StoreFolder, digest_of_file, stamp_of
from .records import KeptFile, Record

#: Bytes of records, as they are on disk, that are remembered.
_MAX_REMEMBERED: Final = 16 * 1024**2
#: Files that are known to be whole.
_MAX_STAMPS: Final = 50_000


class Reader:
    """Reads records and whole files of blobs once: after that, one counts as unchanged while its stamp is the same."""

    def __init__(self, folder: StoreFolder) -> None:
        self._folder = folder
        self._records: dict[str, tuple[Stamp, Record]] = {}  # by key
        self._size = 0  # of these records
        self._stamps: dict[str, Stamp] = {}  # of files that are whole, by digest

    def record(self, key: str) -> Record:
        """The record of a key.

        Raises:
            FileNotFoundError: if there is none.
            ValueError: if it is damaged.
            OSError: if it can't be read.
        """
        path = self._folder.file(RECORDS, key)
        stamp = stamp_of(path)
        known = self._records.get(key)
        if known is not None and known[0] == stamp:
            return known[1]
        record = read_record(path)
        if record.key != key:
            raise ValueError("it is of another key")
        return self._remembered(stamp, record)

    def last(self, path: str) -> Record:
        """The record in a file that may be a second name of the record of its key: that need not be read again then.

        Raises what `record` does.
        """
        stamp = stamp_of(path)
        return self._remembered(stamp, read_record(path))

    def fault(self, file: KeptFile, *, is_read: bool = True) -> str:
        """What is wrong with a file of a blob, "" if nothing is. Raises OSError if it can't be read.

        If it is not to be read, only its size is looked at.
        """
        path = self._folder.file(FILES, file.digest)
        try:
            stamp = stamp_of(path)
            if stamp.size != file.size:
                return f"it has {stamp.size} bytes, not {file.size}"
            if is_read and self._stamps.get(file.digest) != stamp:
                if digest_of_file(path, file.pieces) != file.digest:
                    return "its bytes are others than were written"
                self.remember({file.digest: stamp})
        except FileNotFoundError:
            return "it is gone"
        return ""

    def remember(self, stamps: Mapping[str, Stamp]) -> None:
        """Take these files for whole, because they were written by this process."""
        if len(self._stamps) > _MAX_STAMPS:
            self._stamps.clear()
        self._stamps.update(stamps)

    def forget_record(self, key: str) -> None:
        """Remember a record no longer, as hardly anybody will ask for it."""
        known = self._records.pop(key, None)
        if known is not None:
            self._size -= known[0].size

    def forget_file(self, name: str) -> None:
        """Remember a record or a file of a blob no longer, as it is removed."""
        self.forget_record(name)
        self._stamps.pop(name, None)

    def forget(self) -> None:
        """Read every file anew."""
        self._stamps.clear()
        self._records.clear()
        self._size = 0

    def _remembered(self, stamp: Stamp, record: Record) -> Record:
        """Remember a record. Returns the one that is known already, if it is of the same file."""
        known = self._records.get(record.key)
        if known is not None and known[0] == stamp:
            return known[1]
        if self._size > _MAX_REMEMBERED:
            self._records.clear()
            self._size = 0
        self.forget_record(record.key)
        self._records[record.key] = stamp, record
        self._size += stamp.size
        return record


def read_record(path: str) -> Record:
    """Raises what `Reader.record` does."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (`Path` takes as long as the reading)
        return Record.decode(file.readall())
