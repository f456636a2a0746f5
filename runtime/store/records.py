# SPDX-License-Identifier: GPL-3.0-or-later
"""Records: what is kept under a key, and its form on disk, which tells whether it is still what was written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final

#: Bytes of a digest; a text of one has twice as many digits.
DIGEST_SIZE: Final = 32
_KEY = re.compile(r"[0-9a-f]{16,128}")
_DIGEST = re.compile(rf"[0-9a-f]{{{2 * DIGEST_SIZE}}}")
_SUFFIX = re.compile(r"\.[^/\\:\x00]+")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a blob.

    Attributes:
        suffix: what comes after the blob's stem in the file's name: ".blend", ".0.value.lines".
        digest: of its bytes, in hexadecimal digits: see `folder.digest_of_file`.
        size: in bytes.
        pieces: the lengths of the pieces in which it was hashed; none if it was hashed as a whole.
    """

    suffix: str
    digest: str
    size: int
    pieces: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept under a key.

    Attributes:
        key: hexadecimal digits.
        content: what the caller wants to find again, as plain JSON.
        seconds: how long it took to make.
        blobs: the files of each blob and log, by the names that the caller gave them.
    """

    key: str
    content: Mapping[str, Any]
    seconds: float
    blobs: Mapping[str, tuple[KeptFile, ...]]

    def files(self) -> Iterator[KeptFile]:
        """The files of all blobs."""
        for files in self.blobs.values():
            yield from files

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files())

    def encode(self) -> bytes:
        """The bytes of the record on disk: a digest, and the JSON that it is of."""
        blobs = {name: list(map(_row, files)) for name, files in self.blobs.items()}
        fields = {"key": self.key, "content": self.content, "seconds": self.seconds, "blobs": blobs}
        text = json.dumps(fields, separators=(",", ":")).encode("ascii")
        return digest_of(text).encode("ascii") + b"\n" + text

    @classmethod
    def decode(cls, data: bytes) -> Record:
        """Raises ValueError if these are not the bytes that were written."""
        digest, _, text = data.partition(b"\n")
        if digest != digest_of(text).encode("ascii"):
            raise ValueError("it is not as it was written")
        try:
            fields = json.loads(text)
            blobs = {name: tuple(map(_kept_file, rows)) for name, rows in fields["blobs"].items()}
            return cls(check_key(fields["key"]), fields["content"], float(fields["seconds"]), blobs)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it is no record ({error})") from error


def _row(file: KeptFile) -> list[Any]:
    return [file.suffix, file.digest, file.size, *([file.pieces] if file.pieces else [])]


def _kept_file(row: Any) -> KeptFile:
    # A record may come from anybody: none may lead out of the folder it is put into.
    match row:
        case [str(suffix), str(digest), int(size)] if _SUFFIX.fullmatch(suffix) and is_digest(digest):
            return KeptFile(suffix, digest, size)
        case [*_, int(size), [*pieces]] if (
            all(type(each) is int and each > 0 for each in pieces) and sum(pieces) == size
        ):
            return replace(_kept_file(row[:-1]), pieces=tuple(pieces))
    raise ValueError(f"{row!r:.80} is no file of a blob")


def check_key(key: str) -> str:
    """Return a key. Raises ValueError if it is none: it becomes the name of a file."""
    if not is_key(key):
        raise ValueError(f"{key!r:.80} is no key: 16 to 128 hexadecimal digits, in small letters")
    return key


def is_key(name: str) -> bool:
    """Whether a text can be a key."""
    return _KEY.fullmatch(name) is not None


def is_digest(name: str) -> bool:
    """Whether a text can be a digest."""
    return _DIGEST.fullmatch(name) is not None


def digest_of(data: bytes) -> str:
    """Hexadecimal digits that tell these bytes from all others."""
    return blake2b(data, digest_size=DIGEST_SIZE).hexdigest()
