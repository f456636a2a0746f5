# SPDX-License-Identifier: GPL-3.0-or-later
"""The digests of what is in a blob. A worker leaves them beside its blob, in NAME.digests.json."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..errors import BlendFileError, StoreError
from ..scratch.contents import DataBlockName
from .digests import Digest, digests, whole_digest
from .fields.named_files import NamedState
from .long_contents import LongContents
from .outside import Outside

#: The digest of each data-block of a blob.
Digests = Mapping[DataBlockName, Digest]

#: Stands for all that is in a file.
WHOLE: Final = DataBlockName("", "", "")


def find(blob: Path, outside: Outside) -> Digests:
    """The digests of what is in a blob. If they are beside it, they are taken from there.

    Args:
        blob: the blob.
        outside: looks at the files that data-blocks name.

    Raises:
        BlendFileError, StoreError: if they can't be read.
    """
    return read(blob) if _file(blob).exists() else digests(blob, outside)


def noted(blob: Path, outside: Outside, sources: Sequence[Path]) -> Digests:
    """As `find`. What there is of its long contents is noted beside it, for the blobs that are made from it.

    `sources`: blobs that it may have long contents in common with: see `write`.
    """
    if _file(blob).exists():
        return read(blob)
    long = LongContents(sources)
    found = digests(blob, outside, long)
    if blob.exists():  # nobody has removed it meanwhile
        with contextlib.suppress(StoreError):  # they are hashed again then
            long.save(blob)
    return found


def of_file(file: Path, outside: Outside) -> Digests:
    """The digest of all of a .blend file of the artist, under the name `WHOLE`. Raises BlendFileError."""
    return {WHOLE: whole_digest(file, outside)}


def together(found: Digests) -> Digest:
    """One digest for all that is in a blob which is a copy of a whole file, or as `of_file` gives it."""
    if WHOLE in found:
        return found[WHOLE]
    if reason := next((digest.reason for digest in found.values() if digest.reason), ""):
        return Digest("", reason, True)
    rows = sorted([*name, digest.content, digest.arrangement] for name, digest in found.items())
    content = hashlib.blake2b(json.dumps(rows).encode(), digest_size=16).hexdigest()
    files = dict.fromkeys(state for digest in found.values() for state in digest.files)
    return Digest(content if found else "", "", True, content, files=tuple(files))


def write(blob: Path, outside: Outside, sources: Sequence[Path] = ()) -> None:
    """Write the digests of what is in a blob beside it.

    Args:
        blob: the blob.
        outside: looks at the files that data-blocks name.
        sources: the blobs that it was made from. What it has in common with them need not be hashed again.

    Raises:
        StoreError: if the blob can't be read, or they can't be written.
    """
    long = LongContents(sources)
    try:
        rows = [[*name, *_row(digest)] for name, digest in digests(blob, outside, long).items()]
        _file(blob).write_text(json.dumps(rows), encoding="utf-8")
        long.save(blob)
    except (BlendFileError, OSError) as error:
        raise StoreError(f"what is in {blob} can't be told: {error}") from error


def read(blob: Path) -> Digests:
    """The digests that are beside a blob. Raises StoreError if they can't be read."""
    try:
        rows = json.loads(_file(blob).read_text(encoding="utf-8"))
        return {DataBlockName(*row[:3]): _digest(*row[3:]) for row in rows}
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"what is in {blob} can't be told: {error}") from error


def size(blob: Path) -> int | None:
    """Bytes of the digests that are beside a blob; None if there are none."""
    try:
        return _file(blob).stat().st_size
    except OSError:
        return None


def _row(digest: Digest) -> list[Any]:
    values = [getattr(digest, each.name) for each in dataclasses.fields(digest) if each.name != "files"]
    return [*values, [dataclasses.astuple(state) for state in digest.files]]


def _digest(*values: Any) -> Digest:
    digest = Digest(*values)
    uses = tuple(DataBlockName(*use) for use in digest.uses)
    return dataclasses.replace(digest, uses=uses, files=tuple(_state(*state) for state in values[-1]))


def _state(path: str, form: str, digest: str, stamps: str) -> NamedState:
    return NamedState(path, form, digest, stamps)


def _file(blob: Path) -> Path:
    return blob.with_suffix(".digests.json")
