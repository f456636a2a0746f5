# SPDX-License-Identifier: GPL-3.0-or-later
"""What data-blocks use and is not in their .blend file: the files that they name, and libraries."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import BlendFileError
from ..keys.files import FileDigests, Stamp, UnknownContentError, each, stamp
from .anatomy import Anatomy, anatomy
from .fields.named_files import Form, NamedFile, NamedState, name_pattern

DIGEST_SIZE = 16


class Outside:
    """Looks at files. Those that the system says are untouched are not read again.

    Args:
        files: digests of files.
    """

    def __init__(self, files: FileDigests) -> None:
        self.files = files
        self._libraries: dict[Path, tuple[Stamp, str, Anatomy]] = {}

    def state(self, named: NamedFile, folder: Path) -> NamedState:
        """The files that a path means, as they are now. Of files that are not there, the last part of the path counts.

        Args:
            named: the path and what it means.
            folder: that of the .blend file, to which the path may be relative.

        Raises:
            UnknownContentError: if a file can't be read.
        """
        path = absolute(named.path, folder)
        found = sorted(_found(named.form, path))
        stamps = _stamps(found)  # before the files are read, so that no later change has the same
        digest = hashlib.blake2b(_encoded(named.form.name if found else named.last_part), digest_size=DIGEST_SIZE)
        contents = each(self.files.file, (str(file) for _number, file in found))
        for (number, _file), content in zip(found, contents, strict=True):
            digest.update(_encoded(f"\0{number}\0{content}"))
        return NamedState(str(path), named.form.name, digest.hexdigest(), stamps)

    def is_as_it_was(self, state: NamedState, *, may_trust_times: bool) -> bool:
        """Whether the files that a path means are what they were; False also where that can't be told.

        `may_trust_times`: whether equal sizes and times are enough.
        """
        form, path = Form[state.form], Path(state.path)
        if may_trust_times and _stamps(sorted(_found(form, path))) == state.stamps != "":
            return True
        try:
            return self.state(NamedFile(state.path, form), path.parent).digest == state.digest
        except UnknownContentError:
            return False

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


def _stamps(files: list[tuple[str, Path]]) -> str:
    """What tells without reading some files that they are the same, "" if there are none, or one can't be asked."""
    try:
        states = [(number, *stamp(path.stat())) for number, path in files]
    except OSError:
        return ""
    return hashlib.blake2b(_encoded(repr(states)), digest_size=DIGEST_SIZE).hexdigest() if states else ""


def _found(form: Form, path: Path) -> Iterator[tuple[str, Path]]:
    """The files that are there, each by its number."""
    pattern = name_pattern(form, path)
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
