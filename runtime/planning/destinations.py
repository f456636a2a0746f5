# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a file may be written: not over the open .blend file, nor over a file that it uses."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import MisfitError

_FIX = "Give another name"


@dataclass(frozen=True, slots=True)
class NumberedFiles:
    """The frames of a sequence, or the tiles of an image: files of one folder whose names differ in a number.

    Attributes:
        folder: its absolute path.
        names: a regular expression of their names.
    """

    folder: str
    names: str

    def __contains__(self, path: str) -> bool:
        """Whether a path leads to one of them, also by a link."""
        return any(
            re.fullmatch(self.names, each.name, re.IGNORECASE) and is_same(str(each.parent), (self.folder,))
            for each in (Path(path), Path(os.path.realpath(path)))
        )


@dataclass(frozen=True, slots=True)
class FilesInUse:
    """The files that the artist works on, by their absolute paths.

    Attributes:
        open_file: the open .blend file, "" if it was never saved.
        libraries: the .blend files it is linked to.
        images: the files of its images.
        numbered: the files of its image sequences and of its images of several tiles.
        others: all other files that its data-blocks name.
    """

    open_file: str = ""
    libraries: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    numbered: tuple[NumberedFiles, ...] = ()
    others: tuple[str, ...] = ()


def check(path: str, in_use: FilesInUse) -> None:
    """Raise MisfitError if no file can be written to `path`, or must not."""
    if not path:
        raise MisfitError("no file is named", "Give the path of the file to write")
    check_place(path)
    if path.endswith(("/", os.sep)) or Path(path).is_dir():
        raise MisfitError(f"{path} is a folder", "Give the path of a file")
    if is_same(path, (in_use.open_file,)):
        raise MisfitError(f"{path} is the open file itself, which a run never writes", _FIX)
    if is_same(path, in_use.libraries):
        raise MisfitError(f"{path} is a library that the open file uses", _FIX)


def check_place(path: str) -> None:
    """Raise MisfitError if neither a file nor a folder can be made at `path`, or written to if it is there.

    What `~` and variables mean is known to shells only: Blender does not know it, either.
    """
    if "\0" in path:
        raise MisfitError("a path can't hold the character 0", _FIX)
    whole = Path(path)
    if not whole.is_absolute():
        raise MisfitError(
            f"{path} is no whole path", "Begin it with // for the folder of the open file, or give all of it"
        )
    above = (whole, *whole.parents) if whole.is_dir() else whole.parents  # a file is replaced, so it may be read-only
    folder = next(filter(os.path.lexists, above), None)
    if folder is None:
        raise MisfitError(f"there is no {whole.anchor}", "Choose a folder on another drive")
    if not folder.is_dir():
        raise MisfitError(f"{folder} is no folder, so nothing can be in it", _FIX)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise MisfitError(f"nothing can be written to {folder}", "Choose another folder")


def is_same(path: str, others: Iterable[str]) -> bool:
    """Whether a path leads to one of the other files, also by links, or in another case where case does not count."""
    return any(_is_same_file(path, other) for other in others if other)


def _is_same_file(path: str, other: str) -> bool:
    try:
        return Path(path).samefile(other)
    except (OSError, ValueError):  # one of them is not there
        return _spelled_out(path) == _spelled_out(other)


def _spelled_out(path: str) -> str:
    return os.path.normcase(os.path.realpath(path))
