# SPDX-License-Identifier: GPL-3.0-or-later
"""What data-blocks use and is not in their .blend file: the files that they name, and libraries."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import BlendFileError
from ..keys.files import FileDigests, Stamp, stamp
from .anatomy import Anatomy, anatomy
from .fields.named_files import Form, NamedFile

DIGEST_SIZE = 16
#: What is in the place of the number of a tile, and what that looks like.
_TILES = {"<UDIM>": r"\d{4}", "<UVTILE>": r"u\d+_v\d+"}


class Outside:
    """Looks at files. Those that the system says are untouched are not read again.

    Args:
        files: digests of files.
    """

    def __init__(self, files: FileDigests) -> None:
        self.files = files
        self._libraries: dict[Path, tuple[Stamp, str, Anatomy]] = {}

    def named(self, named: NamedFile, folder: Path) -> bytes:
        """A digest of the files that a path means. Of files that are not there, the last part of the path counts.

        Args:
            named: the path and what it means.
            folder: that of the .blend file, to which the path may be relative.

        Raises:
            UnknownContentError: if a file can't be read.
        """
        found = dict(_found(named, absolute(named.path, folder)))
        digest = hashlib.blake2b(digest_size=DIGEST_SIZE)
        digest.update(_encoded(f"{named.place}\0{named.form.name if found else named.last_part}"))
        for number, file in sorted(found.items()):
            digest.update(_encoded(f"\0{number}\0{self.files.file(str(file))}"))
        return digest.digest()

    def library(self, file: Path) -> Anatomy:
        """What a .blend file of the artist holds. Raises BlendFileError if it can't be read."""
        try:
            found = stamp(file.stat())
            digest = self.files.file(str(file))
            known = self._libraries.get(file)
            if known is None or known[:2] != (found, digest):
                # Not mapped into memory: who cuts the file off then would end this Blender.
                known = found, digest, anatomy(memoryview(file.read_bytes()))
                self._libraries[file] = known
        except OSError as error:
            raise BlendFileError("can't be read") from error
        return known[2]


def absolute(path: str, folder: Path) -> Path:
    """A path as Blender spells it: what starts with // is relative to the folder of the .blend file."""
    return folder / path[2:].replace("\\", "/") if path.startswith("//") else Path(path)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _found(named: NamedFile, path: Path) -> Iterator[tuple[str, Path]]:
    """The files that are there, each by its number."""
    pattern = _pattern(named.form, path)
    if pattern is None:
        if path.is_file():
            yield "", path
        return
    try:
        entries = list(os.scandir(path.parent))
    except OSError:
        return
    for entry in entries:
        match = re.fullmatch(pattern, entry.name)
        if match is not None and entry.is_file():
            yield ".".join(match.groups()), path.parent / entry.name


def _pattern(form: Form, path: Path) -> str | None:
    """What the names of the files look like; None if there is one only."""
    if form is Form.FRAMES:
        parts = re.fullmatch(r"(.*?)(\d+)(\D*)", path.stem)
        if parts is None:
            return None
        head, _number, tail = map(re.escape, parts.groups())
        return rf"{head}(\d+){tail}{re.escape(path.suffix)}"
    if form is Form.TILES:
        pattern = re.escape(path.name)
        for mark, numbers in _TILES.items():
            pattern = pattern.replace(re.escape(mark), f"({numbers})")
        return pattern
    return None
