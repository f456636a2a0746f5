# SPDX-License-Identifier: GPL-3.0-or-later
"""The temporary files of a worker, its scripts' and Blender's own: none of them outlives its task."""

from __future__ import annotations

import shutil
from pathlib import Path

_folder: Path | None = None  # of this worker; elsewhere there is none


def folder() -> Path:
    """The worker's temporary folder."""
    assert _folder is not None
    return _folder


def is_temporary(path: str | Path) -> bool:
    """Whether a file is gone when the task has ended, because it lies in the worker's temporary folder."""
    return _folder is not None and Path(path).resolve().is_relative_to(_folder)


class TemporaryFiles:
    """What lies in a worker's temporary folder.

    Args:
        folder: that folder.
        blenders: Blender's own temporary folder in it, which is emptied but stays.
        configuration: the folder of the worker's configuration, which stays, empty: without it Blender would go back to
            the artist's.
    """

    def __init__(self, folder: Path, blenders: Path, configuration: Path) -> None:
        global _folder  # noqa: PLW0603 (a process has one)
        _folder = self._folder = folder.resolve()
        self._kept = {self._folder, blenders.resolve(), configuration.resolve()}

    def remove(self) -> str:
        """Remove them all.

        Returns:
            "" or why that can't be done.
        """
        try:
            for kept in self._kept:
                kept.mkdir(parents=True, exist_ok=True)  # a script may have removed it
            for entry in [entry for kept in self._kept for entry in kept.iterdir()]:
                if entry not in self._kept:
                    _remove(entry)
        except OSError as error:
            return f"a temporary file of its script can't be removed: {error}"
        return ""


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()
