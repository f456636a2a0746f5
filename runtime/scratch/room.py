# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a file that can't be written: mostly, its disk is full."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Final

from ..errors import UnwrittenError, as_sentences

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def is_lacking(error: BaseException) -> bool:
    """Whether an error says that a disk is full, or that this user may have no more of it."""
    return isinstance(error, OSError) and error.errno in _FULL


def free(folder: Path) -> int | None:
    """Bytes that are free where a folder is; None if that can't be told."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def free_in(folder: Path) -> str:
    """The same in words: "23.6 MB are free in /tmp"."""
    found = free(folder)
    return f"nobody knows how much is free in {folder}" if found is None else f"{megabytes(found)} are free in {folder}"


def megabytes(size: int) -> str:
    """Bytes for people."""
    return f"{size / 1024**2:,.1f} MB"


def unwritten(what: str, path: Path, error: Exception) -> UnwrittenError:
    """The error to raise for a file that can't be written; `what` is what it is to hold, a phrase in the plural."""
    message = f"{what} can't be written to {path}, and {free_in(path.parent)}: {str(error).strip()}"
    return UnwrittenError(as_sentences(message, "Make room there"))
