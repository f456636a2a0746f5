# SPDX-License-Identifier: GPL-3.0-or-later
"""The store: what was kept under a key is found again, whole and as it was, or not at all.

It knows nothing of scripts, of what keys mean, or of Blender. Under each key there is a record: JSON of the caller, and
the files of *blobs* and logs, which are all files with the same stem, as in the scratch folder. They are kept by the
digests of their bytes, so the same file is there once.

Any number of processes may use a store at the same time, and any thread of them. Who reads waits for nobody. Who writes
waits for the store's lock, which nobody holds for long. What makes room is in `upkeep`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from ..errors import StoreError
from ..scratch import room
from ..scratch.removal import files_beside
from .draft import Draft
from .folder import FILES, LASTS, RECORDS, Piece, StoreFolder
from .leases import Leases
from .limits import Limits
from .reading import Reader
from .records import KeptFile, Record, check_key, digest_of

_logger = logging.getLogger(__name__)
_T = TypeVar("_T")

#: Seconds after which a record that is found is marked as used once more.
_USE_INTERVAL: Final = 600.0
#: How often something is written if somebody removes the store's folder meanwhile.
_ATTEMPTS: Final = 5


class Store:
    """A store in a folder, which is made when something is kept. `note` is told what goes wrong without an error."""

    def __init__(
        self, folder: Path, limits: Limits | None = None, note: Callable[[str], None] = _logger.warning
    ) -> None:
        self.limits = limits or Limits()
        self.folder = StoreFolder(folder)
        self.leases = Leases(self.folder)
        self.reader = Reader(self.folder)
        self.note = note
        self.num_damaged = 0  # of the records that were found to be
        self.num_kept = self.size_kept = 0  # records that this process has kept, and the bytes of their files

    def close(self) -> None:
        """Need nothing any more: see `lease`."""
        self.leases.close()

    # What is there

    def find(self, key: str) -> Record | None:
        """The record of a key, if all of it is there as it was written. It counts as used now.

        What is damaged is removed, and noted. Files are read the first time that this process needs them; after that,
        their size, time and inode tell whether they are the same.
        """
        record = self.check(key)
        if record is not None:
            self.mark_as_used(key)
        return record

    def check(self, key: str) -> Record | None:
        """As `find`, but it does not count as used."""
        return self._found(key, is_read=True)

    def peek(self, key: str) -> Record | None:
        """As `check`, but files are only looked at, not read: `place` reads those that it places."""
        return self._found(key, is_read=False)

    def mark_as_used(self, key: str) -> None:
        """Let a record count as used now, by the time of its file; also where the clock was ahead."""
        path = self.folder.file(RECORDS, key)
        with contextlib.suppress(OSError):  # a read-only store
            if abs(time.time() - os.stat(path).st_mtime) > _USE_INTERVAL:  # noqa: PTH116
                os.utime(path)

    def last(self, subject: str) -> Record | None:
        """The newest record of a subject (see `set_last`), even if `find` does not find it any more."""
        path = self.folder.file(LASTS, _subject_name(subject))
        try:
            return self.reader.last(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError as error:
            self.note(f"{path} is damaged: {error}")
            with contextlib.suppress(OSError):
                os.unlink(path)  # noqa: PTH108
        except OSError as error:
            self.note(f"{path} can't be read: {error}")
        return None

    def place(self, record: Record, blob: str, folder: Path, stem: str, but: Collection[str] = ()) -> None:
        """Put the files of a blob into a folder, under another stem, but for those with some suffixes.

        Nobody may write to them.

        Raises:
            StoreError: if one can't be put there, or is damaged or gone: then `find` finds the record no more. In any
                case none is there.
        """
        placed: list[str] = []
        try:
            for file in record.blobs[blob]:
                self._require(record.key, file)
                if file.suffix not in but:
                    target = f"{folder}{os.sep}{stem}{file.suffix}"
                    place_file(self.folder.file(FILES, file.digest), target)
                    placed.append(target)
        except (OSError, StoreError) as error:
            for target in placed:
                with contextlib.suppress(OSError):
                    os.unlink(target)  # noqa: PTH108
            raise StoreError(f"a kept result can't be put into {folder}: {error}") from error

    # What is kept

    def keep(
        self,
        key: str,
        content: Mapping[str, Any],
        seconds: float = 0.0,
        blobs: Mapping[str, Path] | None = None,
        copied: Collection[str] = (),
        pieces: Mapping[Path, Sequence[Piece]] | None = None,
    ) -> Record:
        """Keep a record under a key, in the place of what was there; whole or not at all.

        Args:
            key: hexadecimal digits.
            content: plain JSON.
            seconds: how long it took to make.
            blobs: a file of each blob or log, by any name; those beside it with the same stem are kept with it. Where
                the disk allows it, they are not copied but get a second name and become read-only: nobody may write to
                them any more.
            copied: the names of those that are copied in any case, because somebody may still write to them (logs).
            pieces: files of which the digests of some pieces are known. These are not read before the result is needed.

        Raises:
            StoreError: if it can't be written (a full disk, say: `upkeep.prune` may help), or a blob has no files.
            ValueError: if the key is none.
        """
        check_key(key)

        def fill(draft: Draft) -> Record:
            kept = {
                name: tuple(_add(draft, path, pieces or {}, may_link=name not in copied))
                for name, path in (blobs or {}).items()
            }
            record = Record(key, content, seconds, kept)
            draft.add(record.encode(), RECORDS, key)
            return record

        record = self._write(fill)
        self.num_kept += 1
        self.size_kept += record.size
        return record

    def set_last(self, subject: str, record: Record, earlier: Record | None = None) -> None:
        """Let a record be the newest one of a subject (any text). Raises StoreError if that can't be written.

        The `earlier` one is in memory no longer: with thousands of runs, that would fill.
        """
        if earlier is not None and earlier.key != record.key:
            self.reader.forget_record(earlier.key)
        name = _subject_name(subject)
        path = Path(self.folder.file(RECORDS, record.key))
        with contextlib.suppress(OSError):
            if path.samefile(self.folder.file(LASTS, name)):
                return
        self._write(lambda draft: draft.add_again(path, record.encode(), LASTS, name))

    def lease(self, holder: str, keys: Iterable[str]) -> None:
        """Let a holder (any text) need just these records from now on: they are not removed to make room.

        That ends with `close`, or with this process, however that ends. What `find` finds after this call stays. As it
        waits for the store's lock, it is nothing for the window's thread.
        """
        try:
            self.leases.hold(holder, keys)
        except (OSError, StoreError) as error:
            self.note(f"kept results that are needed may be removed to make room: {error}")

    def remove(self, key: str) -> None:
        """Remove a record; its files go with the next `upkeep.prune`. Raises StoreError if that can't be done."""
        try:
            Path(self.folder.file(RECORDS, check_key(key))).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"a kept result can't be removed: {error}") from error

    def _write(self, fill: Callable[[Draft], _T]) -> _T:
        for attempt in range(_ATTEMPTS):
            try:
                with Draft(self.folder, self.leases, self.limits) as draft:
                    result = fill(draft)
                    with self.folder.locked():
                        draft.put()
                self.reader.remember(draft.stamps)
                return result
            except OSError as error:
                if isinstance(error, FileNotFoundError | FileExistsError) and attempt < _ATTEMPTS - 1:
                    continue  # somebody removes the store's folder, maybe while it is made anew
                fix = ". Make room there, or name another store" if room.is_lacking(error) else ""
                raise StoreError(f"nothing can be kept in {self.folder.path}: {error}{fix}") from error
        raise AssertionError

    # What is checked

    def _found(self, key: str, *, is_read: bool) -> Record | None:
        check_key(key)
        try:
            record = self.reader.record(key)
            for file in record.files():
                if fault := self.reader.fault(file, is_read=is_read):
                    self._discard(key, file, fault)
                    return None
            return record
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError as error:
            self._discard(key, None, str(error))
        except OSError as error:
            self.note(f"a kept result can't be read: {error}")
        return None

    def _require(self, key: str, file: KeptFile) -> None:
        """Raise StoreError if a file is not as it was written."""
        if fault := self.reader.fault(file):
            self._discard(key, file, fault)
            raise StoreError(f"{self.folder.file(FILES, file.digest)}: {fault}")

    def _discard(self, key: str, file: KeptFile | None, fault: str) -> None:
        """Remove a record that is damaged, or one of its files is; unless somebody has kept it anew meanwhile.

        The window's thread may ask for this, so it waits for nobody: what stays is removed when it is found again.
        """
        path = Path(self.folder.file(RECORDS, key) if file is None else self.folder.file(FILES, file.digest))
        try:
            with self.folder.locked(waits=False):
                if not self._is_damaged(key, file):
                    return
                path.unlink(missing_ok=True)
                Path(self.folder.file(RECORDS, key)).unlink(missing_ok=True)
            outcome = "is removed"
        except FileNotFoundError:  # somebody has removed the whole store
            return
        except (OSError, StoreError) as error:
            outcome = f"can't be removed ({error})"
        self.num_damaged += 1
        self.note(f"a kept result was damaged and {outcome}: {path}: {fault}")

    def _is_damaged(self, key: str, file: KeptFile | None) -> bool:
        try:
            record = self.reader.record(key)
            return file is not None and file in record.files() and bool(self.reader.fault(file))
        except FileNotFoundError:
            return False  # somebody has removed it
        except ValueError:
            return True


def _subject_name(subject: str) -> str:
    return digest_of(subject.encode("utf-8", "surrogatepass"))


def _add(draft: Draft, path: Path, pieces: Mapping[Path, Sequence[Piece]], *, may_link: bool) -> Iterator[KeptFile]:
    """Add the files of a blob to a draft."""
    files = sorted(files_beside([path]))
    if not files:
        raise StoreError(f"there is nothing to keep at {path}")
    for file in files:
        suffix = file.name.removeprefix(path.stem)
        yield draft.add_file(file, suffix, may_link=may_link, pieces=pieces.get(file, ()))


def place_file(kept: str, target: str) -> None:
    """Give a file a second name, or copy it. Nothing that is there already is written to."""
    try:
        os.link(kept, target)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:  # another disk, one without links, or too many of them
        try:
            with Path(kept).open("rb") as source, Path(target).open("xb") as copy:
                shutil.copyfileobj(source, copy, 1024**2)
        except FileExistsError:
            raise
        except OSError:
            Path(target).unlink(missing_ok=True)
            raise
