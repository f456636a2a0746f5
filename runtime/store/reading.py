# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a store, and checks all that it reads."""

from __future__ import annotations

from collections.abc import Mapping

from .folder import FILES, RECORDS, Stamp, StoreFolder, digest_of_file, stamp_of
from .records import KeptFile, Record


class Reader:
    """Reads whole files of blobs once: after that, one counts as unchanged as long as its stamp is the same."""

    def __init__(self, folder: StoreFolder) -> None:
        self._folder = folder
        self._stamps: dict[str, Stamp] = {}  # of files that are whole, by digest

    def record(self, key: str) -> Record:
        """The record of a key.

        Raises:
            FileNotFoundError: if there is none.
            ValueError: if it is damaged.
            OSError: if it can't be read.
        """
        record = read_record(self._folder.file(RECORDS, key))
        if record.key != key:
            raise ValueError("it is of another key")
        return record

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
                if digest_of_file(path) != file.digest:
                    return "its bytes are others than were written"
                self._stamps[file.digest] = stamp
        except FileNotFoundError:
            return "it is gone"
        return ""

    def remember(self, stamps: Mapping[str, Stamp]) -> None:
        """Take these files for whole, because they were written by this process."""
        self._stamps.update(stamps)

    def forget(self) -> None:
        """Read every file anew."""
        self._stamps.clear()


def read_record(path: str) -> Record:
    """Raises what `Reader.record` does."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (`Path` takes as long as the reading)
        return Record.decode(file.readall())
