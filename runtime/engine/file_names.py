# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes file names that every system accepts, and numbers those that would be the same."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

#: Bytes of the longest name that is made: file systems allow 255, and endings and numbers come after it.
_MAX_NAME = 200
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
#: What Windows takes for a device, whatever the ending.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\..*)?", re.IGNORECASE)


def file_name(text: str) -> str:
    """`text` as the name of a file (without ending) that Windows, macOS and Linux all accept."""
    name = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", text))
    name = name.encode("utf-8", "replace")[:_MAX_NAME].decode("utf-8", "ignore").strip(" .")
    return f"_{name}" if _DEVICES.fullmatch(name) else name or "Unnamed"


def numbered(paths: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Different paths: of those that are the same, the first stays as it is and the others get a number."""
    folders: dict[str, str] = {}
    wanted = [os.fspath(path) for path in paths]
    keys = [file_key(path, folders) for path in wanted]
    taken = set(keys)
    numbers: dict[str, int] = {}  # the last number given, by the key of the wanted path
    found = []
    for path, key in zip(wanted, keys, strict=True):
        number, own = numbers.get(key, 0) + 1, path
        while number > 1 and file_key(own := _with_number(path, number), folders) in taken:
            number += 1
        numbers[key] = number
        taken.add(file_key(own, folders))
        found.append(Path(own))
    return found


def _with_number(path: str, number: int) -> str:
    parts = Path(path)
    return str(parts.with_name(f"{parts.stem}_{number}{parts.suffix}"))


def file_key(path: str | os.PathLike[str], folders: dict[str, str] | None = None) -> str:
    """A text that is the same for all spellings of a path, by the rules of all systems together.

    `folders` is a cache of the keys of folders, for callers that have many paths.
    """
    folder, name = os.path.split(os.fspath(path))
    folders = {} if folders is None else folders
    if folder not in folders:
        folders[folder] = _folded(os.path.realpath(folder))
    return f"{folders[folder]}{os.sep}{_folded(name.rstrip(' .') or name)}"


def _folded(text: str) -> str:
    if text.isascii():  # most are, and a node may have thousands of items
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
