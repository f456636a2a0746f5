# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole .blend files as inputs of tasks: what a file on disk must be, and the copy of one that tasks work on."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import MisfitError
from .socket_types import Value

#: How a .blend file starts: as it is, or compressed by Blender 3.0 and later (Zstandard) or by earlier ones (gzip).
_BEGINNINGS: Final = (b"BLENDER", b"\x28\xb5\x2f\xfd", b"\x1f\x8b")
#: What the last bytes of an uncompressed one contain, and how many bytes these are at most.
_END, _END_SIZE = b"ENDB", 64


@dataclass(frozen=True, slots=True)
class FileCopy:
    """A copy of a .blend file.

    Attributes:
        blob: name of the blob that is the copy.
        filepath: where the file itself is, "" if it was never saved.
    """

    blob: str
    filepath: str


def checked(value: Value) -> str:
    """Return `value` if it is the path of a .blend file that exists and is whole, judging by its start and end.

    Raises:
        MisfitError: if it is not.
    """
    if not isinstance(value, str):
        raise MisfitError(f"{value!r:.40} is no path", "Give the path of a .blend file")
    if not value:
        raise MisfitError("the path of the .blend file is empty", "Give the path of a .blend file")
    if not Path(value).is_absolute():
        raise MisfitError(f"{value} is no whole path", "Give the path from the drive or the root on")
    _check_content(value)
    return value


def _check_content(path: str) -> None:
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # to read a pipe would block
            raise MisfitError(f"{path} is no file", "Choose a .blend file")
        with Path(path).open("rb") as file:
            beginning = file.read(8)
            end_offset = file.seek(0, os.SEEK_END) - _END_SIZE
            file.seek(max(0, end_offset))
            end = file.read()
    except FileNotFoundError:
        raise MisfitError(f"the file {path} is missing", "Choose another .blend file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MisfitError(f"the file {path} can't be read ({reason})", "Choose another .blend file") from None
    if not beginning.startswith(_BEGINNINGS):
        raise MisfitError(f"{path} is no .blend file", "Choose a .blend file")
    if beginning.startswith(b"BLENDER") and _END not in end:
        raise MisfitError(
            f"{path} is cut off: its end is missing", "Choose a whole .blend file, or an earlier save of it"
        )
