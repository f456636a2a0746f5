# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads script files, but only files that can be scripts: a node of somebody else's .blend may name any file."""

from __future__ import annotations

import importlib.util
import os
import re
import stat
from pathlib import Path
from typing import Final

from ..errors import SignatureError

#: Bytes of a file, or characters of a text. The densest source of that length takes a second to be parsed.
MAX_SIZE: Final = 256 * 1024
#: The error for a larger one.
TOO_LONG: Final = (
    f"larger than a script can be ({MAX_SIZE // 1024} KB); move what makes it so long to a module or a file"
)

_MODULE: Final = re.compile(r"(?:[^\W\d]\w*/)*[^\W\d]\w*\.py")
#: Bytes that a name of a custom property of Blender has.
_MAX_MODULE: Final = 60

#: Opening does not block, even if a pipe takes the file's place after the check.
_FLAGS: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


def read(path: Path) -> str:
    """The source in a file. Raises SignatureError if it can't be one; the message says why."""
    check(path)
    content = beginning(path)
    if len(content) > MAX_SIZE:  # some files, such as those of /proc, are larger than they report
        raise SignatureError(f"{path} is {TOO_LONG}")
    return decoded(content)


def decoded(content: bytes) -> str:
    """The source in the content of a file. Raises SignatureError if it is in no encoding that Python knows."""
    try:
        return importlib.util.decode_source(content)
    except (SyntaxError, LookupError, ValueError) as error:
        raise _unreadable(error) from error


def is_module_path(path: str) -> bool:
    """Whether a module of a script that is a text can have this path ("tools.py"): it leads to nowhere else."""
    return _MODULE.fullmatch(path) is not None and len(path.encode()) <= _MAX_MODULE


def beginning(path: Path) -> bytes:
    """The start of a file: all of it, if it can be a script. Raises SignatureError if it can't be read."""
    try:
        _check_kind(path, path.stat())
        with open(path, "rb", opener=_open) as file:
            _check_kind(path, os.fstat(file.fileno()))
            return file.read(MAX_SIZE + 1) or b""
    except (OSError, ValueError) as error:
        raise _unreadable(error) from error


def check(path: Path) -> None:
    """Raise SignatureError if there is no file at `path` that can be a script. The file is not opened."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(error) from error
    _check_kind(path, status)
    if status.st_size > MAX_SIZE:
        raise SignatureError(f"{path} is {TOO_LONG}")


def _check_kind(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):  # opening a pipe blocks, opening a device may have any effect
        raise SignatureError(f"{path} is no file that can be read; choose a Python file")


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | _FLAGS)


def _unreadable(error: Exception) -> SignatureError:
    return SignatureError(f"the file can't be read: {error}")
