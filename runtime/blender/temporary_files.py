# SPDX-License-Identifier: GPL-3.0-or-later
"""The temporary files of a worker, its scripts' and Blender's own: none of them outlives its task."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

#: How the names of folders begin that Blender makes in the one for temporary files.
_BLENDERS = "blender_"

_folder: Path | None = None  # of this worker; elsewhere there is none


def folder() -> Path:
    """The worker's temporary folder."""
    assert _folder is not None
    return _folder


def script_folder() -> Path:
    """The folder in it with the script for processes that the script starts. It stays until another one comes."""
    return folder() / "background_nodes_script"


def is_temporary(path: str | Path) -> bool:
    """Whether a file is gone when the task has ended, because it lies in the worker's temporary folder."""
    return _folder is not None and Path(path).resolve().is_relative_to(_folder)


class TemporaryFiles:
    """What lies in a worker's temporary folder.

    Args:
        scratch: the folder that has been made for workers. What lies elsewhere is somebody else's.
        folder: that folder.
        blenders: Blender's own temporary folder in it, which is emptied but stays.
        configuration: the folder of the worker's configuration, which stays, empty: without it Blender would go back to
            the artist's.

    Raises:
        FileNotFoundError: if one of the three is not in `scratch`. Where a folder can't be written to, as on a full
            disk, Python and Blender take another one, which all programs use.
    """

    def __init__(self, scratch: Path, folder: Path, blenders: Path, configuration: Path) -> None:
        global _folder  # noqa: PLW0603 (a process has one)
        kept = (folder.resolve(), blenders.resolve(), configuration.resolve())
        for each in kept:
            if scratch.resolve() not in each.parents:
                raise FileNotFoundError(f"its own folder in {scratch} can't be written to. Is the disk full?")
        _folder = self._folder = kept[0]
        self._kept = set(map(str, kept))

    def remove(self) -> str:
        """Remove them all.

        Returns:
            "" or why that can't be done.
        """
        try:
            for kept in self._kept:
                if os.path.realpath(kept) != kept:
                    return f"its script has made a link of its folder {kept}"
                for entry in _entries(kept):
                    if entry.path not in self._kept and entry.path != str(script_folder()):
                        _remove(entry)
        except OSError as error:
            return f"a temporary file of its script can't be removed: {error}"
        return ""


def remove_blenders_folder(folder: str) -> None:
    """Remove the temporary folder that Blender has made for itself, and removes at a regular exit only.

    Where it could make none, as on a full disk, it names the one that all programs use: that stays.
    """
    if Path(folder).name.startswith(_BLENDERS):
        shutil.rmtree(folder, ignore_errors=True)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder, which is made if a script has removed it."""
    try:
        return list(os.scandir(folder))
    except FileNotFoundError:
        Path(folder).mkdir(parents=True, exist_ok=True)
        return []


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path)
    else:
        Path(entry.path).unlink()
