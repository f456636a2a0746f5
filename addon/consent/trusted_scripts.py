# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts that an artist trusts for good: a folder with a file for each, named by the script's digest.

A file appears whole or not at all, and nobody writes to it again. So any number of Blenders share the folder, and
what one of them adds or removes counts for all at once.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...runtime.atomic_write import atomic_write
from ...runtime.errors import StoreError
from ...runtime.keys.own_modules import ScriptPart

#: Scripts of the artist's own that are kept; those that did not run for the longest time go first.
MAX_WRITTEN: Final = 500

_ENDING: Final = ".json"


@dataclass(frozen=True, slots=True)
class TrustedScript:
    """A script that may run.

    Attributes:
        digest: of all its parts.
        name: of its text, or of its file.
        origin: the file that it came with or was written in, or that it is; "" for one that was never saved.
        is_own: whether the artist wrote it here; else it was allowed.
        date: when it was added, in seconds since the epoch.
        parts: itself, and its modules.
    """

    digest: str
    name: str
    origin: str
    is_own: bool
    date: float
    parts: tuple[ScriptPart, ...] = ()


class TrustedScripts:
    """The folder. `find_folder` is called once it is needed."""

    def __init__(self, find_folder: Callable[[], Path]) -> None:
        self._find_folder = find_folder
        self._listed: tuple[int, tuple[TrustedScript, ...]] | None = None

    @property
    def folder(self) -> Path:
        return self._find_folder()

    def __contains__(self, digest: str) -> bool:
        return os.path.isfile(self._file(digest))  # noqa: PTH113 (`Path.is_file` raises in a folder that is closed to us)

    def add(self, digest: str, name: str, origin: str, parts: Sequence[ScriptPart], *, is_own: bool) -> None:
        """Trust a script from now on. Raises StoreError if that can't be written."""
        record = {
            "name": name,
            "origin": origin,
            "is_own": is_own,
            "date": time.time(),
            "parts": [_to_json(part) for part in parts],
        }
        file = self._file(digest)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            atomic_write(file, json.dumps(record))
        except OSError as error:
            raise StoreError(f"{file} can't be written: {error}") from error
        if is_own:
            self._remove_oldest()

    def note_use(self, digest: str) -> None:
        """A trusted script ran: it is kept longer than those that did not."""
        with contextlib.suppress(OSError):  # read-only, or removed just now
            os.utime(self._file(digest))

    def remove(self, digests: Iterable[str]) -> None:
        """Trust scripts no longer. Raises StoreError if they can't be removed."""
        for digest in digests:
            try:
                self._file(digest).unlink(missing_ok=True)
            except OSError as error:
                raise StoreError(f"{self._file(digest)} can't be removed: {error}") from error

    def listed(self) -> tuple[TrustedScript, ...]:
        """All of them without their parts, the newest first. Reads files only after a change: may be asked to draw."""
        try:
            stamp = self.folder.stat().st_mtime_ns
        except OSError:
            return ()
        if self._listed is None or self._listed[0] != stamp:
            found = (self._read(file, has_parts=False) for file in self._files())
            scripts = sorted((script for script in found if script is not None), key=lambda script: -script.date)
            self._listed = stamp, tuple(scripts)
        return self._listed[1]

    def read(self, digest: str) -> TrustedScript | None:
        """One of them with its parts, None if it is gone."""
        return self._read(self._file(digest), has_parts=True)

    def _file(self, digest: str) -> Path:
        return self.folder / f"{digest}{_ENDING}"

    def _files(self) -> list[Path]:
        try:
            return list(self.folder.glob(f"*{_ENDING}"))
        except OSError:
            return []

    def _read(self, file: Path, *, has_parts: bool) -> TrustedScript | None:
        try:
            record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            parts = tuple(map(_from_json, record["parts"])) if has_parts else ()
            date, is_own = float(record["date"]), bool(record["is_own"])
            return TrustedScript(file.stem, str(record["name"]), str(record["origin"]), is_own, date, parts)
        except OSError:
            return None
        except (ValueError, TypeError, KeyError):  # damaged: it still says by its name what is trusted
            return TrustedScript(file.stem, file.stem[:12], "", is_own=False, date=0.0)

    def _remove_oldest(self) -> None:
        own = [script.digest for script in self.listed() if script.is_own]
        if len(own) > MAX_WRITTEN:
            self.remove(sorted(own, key=self._last_use)[: len(own) - MAX_WRITTEN])

    def _last_use(self, digest: str) -> float:
        try:
            return self._file(digest).stat().st_mtime
        except OSError:
            return 0.0


def _to_json(part: ScriptPart) -> dict[str, str]:
    if part.text is None:
        return {"name": part.name, "base64": base64.b64encode(part.content).decode("ascii")}
    return {"name": part.name, "text": part.text}


def _from_json(record: dict[str, str]) -> ScriptPart:
    if "text" in record:
        return ScriptPart(record["name"], record["text"].encode("utf-8"))
    return ScriptPart(record["name"], base64.b64decode(record["base64"]))
