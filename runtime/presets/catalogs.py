# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogs of an asset library: Blender's own file, of which only lines are added and none is changed.

VERSION 1

0ba5cc07-...:Rocks/LODs:Rocks-LODs
"""

from __future__ import annotations

import contextlib
import errno
import uuid
from pathlib import Path
from typing import Final

from ..errors import PresetError

FILE_NAME: Final = "blender_assets.cats.txt"
_HEAD: Final = (
    "# This is an Asset Catalog Definition file for Blender.\n#\n"
    "# Empty lines and lines starting with `#` will be ignored.\n"
    "# The first non-ignored line should be the version indicator.\n"
    '# Other lines are of the format "UUID:catalog/path/for/assets:simple catalog name"\n\n'
    "VERSION 1\n\n"
)
_MAX_SIZE: Final = 4 * 1024 * 1024
_TRIES: Final = 20


def read(folder: Path) -> dict[str, str]:
    """The path of each catalog by its id. What is no catalog is passed over. Raises OSError if it can't be read."""
    return _parsed(_content(folder / FILE_NAME) or b"")


def id_of(folder: Path, path: str) -> str:
    """The id of a catalog by its path, which is added to the file if it is not there.

    Lines that others write meanwhile stay. Raises PresetError if the file can't be written.
    """
    path = clean(path)
    if not path:
        return ""
    file = folder / FILE_NAME
    try:
        for _ in range(_TRIES):
            before = _content(file)
            known = {found: catalog_id for catalog_id, found in _parsed(before or b"").items()}
            if path in known:
                return known[path]
            catalog_id = str(uuid.uuid4())
            line = f"{catalog_id}:{path}:{path.replace('/', '-')}\n".encode()
            if _replace(file, before, _joined(before, line)):
                return catalog_id
    except OSError as error:
        message = f"the catalogs of the library can't be written: {error.strerror}"
        raise PresetError(message, f"See who may write to {file}") from error
    raise PresetError("the catalogs of the library change all the time", "Save the preset once more")


def clean(path: str) -> str:
    """A path as Blender writes it: without empty parts, and without signs that mean something in the file."""
    parts = ("".join(sign for sign in part if sign.isprintable() and sign != ":") for part in path.split("/"))
    return "/".join(part for part in map(str.strip, parts) if part)


def _joined(before: bytes | None, line: bytes) -> bytes:
    if before is None or not before.strip():
        return _HEAD.encode() + line
    return before + (b"" if before.endswith(b"\n") else b"\n") + line


def _replace(file: Path, before: bytes | None, after: bytes) -> bool:
    """Write the file, if it is still what it was. Returns whether it was."""
    beside = file.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        beside.write_bytes(after)
        if _content(file) != before:
            return False
        beside.replace(file)
        return True
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def _content(file: Path) -> bytes | None:
    try:
        with file.open("rb") as opened:
            content = opened.read(_MAX_SIZE + 1)
    except FileNotFoundError:
        return None
    if len(content) > _MAX_SIZE:
        raise OSError(errno.EFBIG, "they are too large")
    return content


def _parsed(content: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        parts = line.strip().split(":")
        if line.startswith("#") or len(parts) < 2:
            continue
        with contextlib.suppress(ValueError):
            found.setdefault(str(uuid.UUID(parts[0])), clean(parts[1]))
    return found
