# SPDX-License-Identifier: GPL-3.0-or-later
"""The artist's own folders of scripts: what is in them, read anew in a thread, so that no menu waits for a disk."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..runtime.errors import SignatureError
from ..runtime.script import script_files
from ..runtime.script.signature import Signature
from .sources import looks_like_script

#: Seconds until folders are read again.
_FRESH_SECONDS = 2.0
#: Longest wait for folders that were not read before, in seconds: most are read by then.
_PATIENCE = 0.05
#: Folders in folders; what is deeper is no collection of scripts.
_MAX_DEPTH = 4
_MAX_SCRIPTS = 1000

#: Reads the signature of a file. Raises SignatureError.
SignatureReader = Callable[[str], Signature]


@dataclass(frozen=True, slots=True)
class FolderScript:
    """A script in one of the folders.

    Attributes:
        path: of the file.
        category: what it is listed under: the folders it is in, the artist's own being the first.
        signature: None if there is something wrong with it.
        error: what that is, "" for nothing.
        line: of the script at fault, 0 if none is.
    """

    path: str
    category: tuple[str, ...]
    signature: Signature | None
    error: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it was when it was read."""

    stamp: tuple[int, int, tuple[str, ...]]
    script: FolderScript | None


class ScriptFolders:
    """Folders of scripts, and what was found in them when they were last read."""

    def __init__(self, read_signature: SignatureReader) -> None:
        self._read_signature = read_signature
        self._folders: tuple[str, ...] = ()
        self._scripts: tuple[FolderScript, ...] = ()
        self._seen: dict[str, _Seen] = {}
        self._read_at = float("-inf")
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def scripts(self) -> tuple[FolderScript, ...]:
        """What was found, by folder and name. Costs nothing."""
        return self._scripts

    def set_folders(self, folders: Sequence[str]) -> None:
        """Use other folders. Their scripts are there at once, or a moment later."""
        if self._folders != tuple(folders):
            self._folders = tuple(folders)
            self._read_at = float("-inf")
            self.read_soon()
            if self._thread is not None:
                self._thread.join(_PATIENCE)

    def read_soon(self) -> None:
        """Read the folders in a thread, if that was not done just now."""
        is_reading = self._thread is not None and self._thread.is_alive()
        if is_reading or time.monotonic() - self._read_at < _FRESH_SECONDS:
            return
        self._thread = threading.Thread(target=self.read, name="script folders", daemon=True)
        self._thread.start()

    def read(self) -> None:
        """Read the folders now. Files that did not change are not opened."""
        with self._lock:
            folders = self._folders
            found = [(path, category) for folder in folders for path, category in _files(Path(folder))][:_MAX_SCRIPTS]
            self._seen = dict(self._look(found))
            self._scripts = tuple(seen.script for seen in self._seen.values() if seen.script is not None)
            if folders == self._folders:
                self._read_at = time.monotonic()

    def _look(self, found: Iterable[tuple[Path, tuple[str, ...]]]) -> Iterator[tuple[str, _Seen]]:
        for path, category in found:
            try:
                status = path.stat()
            except OSError:  # gone in this moment
                continue
            if not stat.S_ISREG(status.st_mode):
                continue
            stamp = (status.st_mtime_ns, status.st_size, category)
            known = self._seen.get(str(path))
            is_same = known is not None and known.stamp == stamp
            yield str(path), known if is_same else _Seen(stamp, self._script(path, category))

    def _script(self, path: Path, category: tuple[str, ...]) -> FolderScript | None:
        """The script in a file, None if it is a module without `main`, for others to import."""
        try:
            return FolderScript(str(path), category, self._read_signature(str(path)))
        except SignatureError as error:
            if not looks_like_script(_text(path)):
                return None
            return FolderScript(str(path), category, None, error.message, error.line or 0)


def _files(folder: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Each Python file with its category, by name; those of a folder before those of the folders in it."""
    for where, folders, names in os.walk(folder):
        parts = Path(where).relative_to(folder).parts
        is_deep = len(parts) >= _MAX_DEPTH
        folders[:] = [] if is_deep else sorted(name for name in folders if not name.startswith((".", "__")))
        for name in sorted(names):
            if name.endswith(".py") and not name.startswith((".", "__")):
                yield Path(where, name), parts or (folder.name,)


def _text(path: Path) -> str:
    try:
        return script_files.beginning(path).decode("utf-8", "replace")
    except SignatureError:
        return ""
