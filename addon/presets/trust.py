# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of trusted scripts of libraries that a person has confirmed here: what is on them may run.

What was confirmed is kept in the user's own folder, so the gate asks no library. A list that has changed counts no
more, until somebody confirms what it is now.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...runtime import wire
from ...runtime.atomic_write import atomic_write
from ...runtime.errors import StoreError
from ...runtime.presets.library import PresetLibrary
from ...runtime.presets.trust_list import TrustList
from ..consent.current import consent, user_folder
from .libraries import libraries

_ENDING: Final = ".json"


@dataclass(frozen=True, slots=True)
class _Confirmed:
    """What is kept of a list."""

    library: str
    name: str
    digest: str
    scripts: dict[str, str]


@dataclass(frozen=True, slots=True)
class ListQuestion:
    """A list that a person is to confirm.

    Attributes:
        list: as it is now.
        added: scripts that are on it and were not on the one that was confirmed last, by their digests.
        removed: those that are no more.
    """

    list: TrustList
    added: tuple[str, ...]
    removed: tuple[str, ...]


class TrustLists:
    """What was confirmed, in a folder with a file for each library. `find_folder` is called once it is needed."""

    def __init__(self, find_folder: Callable[[], Path], find_libraries: Callable[[], Sequence[PresetLibrary]]) -> None:
        self._find_folder = find_folder
        self._find_libraries = find_libraries
        self._known: tuple[int, dict[str, _Confirmed]] | None = None

    def allows(self, digest: str) -> bool:
        """Whether a script is on a list that was confirmed, and that is in its library as it was confirmed.

        A library that is away, or was not read yet, is taken to be as it was.
        """
        found = [each for each in self._confirmed().values() if digest in each.scripts]
        now = {str(library.folder): library.trust_digest for library in self._find_libraries()} if found else {}
        return any(now.get(each.library) in (None, each.digest) for each in found)

    def questions(self) -> tuple[ListQuestion, ...]:
        """The lists of all libraries that nobody has confirmed here as they are."""
        return tuple(self._questions())

    def _questions(self) -> Iterator[ListQuestion]:
        confirmed = self._confirmed()
        for found in filter(None, (library.trust_list for library in self._find_libraries())):
            known = confirmed.get(found.library)
            before = {} if known is None else known.scripts
            if found.scripts and (known is None or known.digest != found.digest):
                added = tuple(digest for digest in found.scripts if digest not in before)
                yield ListQuestion(found, added, tuple(digest for digest in before if digest not in found.scripts))

    def confirm(self, trusted: TrustList) -> None:
        """Let all scripts on a list run from now on, as long as it stays what it is. Raises StoreError."""
        record = _Confirmed(trusted.library, trusted.name, trusted.digest, dict(trusted.scripts))
        file = self._file(trusted.library)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(file, json.dumps(wire.encode(record)))
        except OSError as error:
            raise StoreError(f"{file} can't be written: {error}") from error
        self._known = None

    def revoke(self, library: str) -> None:
        """Ask for the list of a library again. Raises StoreError."""
        try:
            self._file(library).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{self._file(library)} can't be removed: {error}") from error
        self._known = None

    def confirmed(self) -> tuple[str, ...]:
        """The libraries whose lists were confirmed."""
        return tuple(self._confirmed())

    def _file(self, library: str) -> Path:
        return self._find_folder() / f"{hashlib.sha256(library.encode()).hexdigest()}{_ENDING}"

    def _confirmed(self) -> dict[str, _Confirmed]:
        """By library. Files are read only after a change: this may be asked while Blender draws."""
        folder = self._find_folder()
        try:
            stamp = folder.stat().st_mtime_ns
        except OSError:
            return {}
        if self._known is None or self._known[0] != stamp:
            self._known = stamp, {record.library: record for record in _read(folder)}
        return self._known[1]


def _read(folder: Path) -> Iterator[_Confirmed]:
    for file in sorted(folder.glob(f"*{_ENDING}")):
        try:
            yield wire.decode(_Confirmed, json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # damaged: it is asked for again
            continue


trust_lists = TrustLists(lambda: user_folder("trusted_lists"), libraries.all)


def register() -> None:
    consent.use_trust_lists(trust_lists.allows)


def unregister() -> None:
    consent.use_trust_lists(None)
