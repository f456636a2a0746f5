# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the long contents of blobs: where they lie, and the digests of their chunks.

A worker leaves it beside its blob, in NAME.chunks.json. So of the blob of the next task only what that task has changed
is hashed.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..errors import StoreError
from . import chunks
from .chunks import DIGEST_SIZE, KnownChunk, num_chunks

#: How many samples tell which contents may be equal, and the bytes of each.
_NUM_SAMPLES: Final = 8
_SAMPLE: Final = 16


@dataclass(frozen=True, slots=True)
class LongContent:
    """A content of more than one chunk, as it lies in a file.

    Attributes:
        start: where it starts there.
        length: in bytes.
        digests: of its chunks, one after the other.
        samples: some of its bytes.
    """

    start: int
    length: int
    digests: bytes
    samples: tuple[bytes, ...]

    def chunks(self, file: Path) -> list[KnownChunk]:
        """Its chunks, if it lies in that file."""
        return [
            KnownChunk(
                file,
                self.start + place * chunks.CHUNK,
                self.digests[place * DIGEST_SIZE : (place + 1) * DIGEST_SIZE],
            )
            for place in range(num_chunks(self.length))
        ]


@dataclass(slots=True)
class LongContents:
    """The long contents of a blob that is being digested.

    Attributes:
        earlier: blobs that it may have contents in common with. They are looked at when it has long ones.
        own: what was noted of it.
    """

    earlier: Sequence[Path] = ()
    own: list[LongContent] = field(default_factory=list)
    _known: dict[tuple[int, int, bytes], tuple[Path, LongContent]] | None = None

    def find(self, content: memoryview) -> list[KnownChunk]:
        """The chunks of the content of an earlier blob that a long content has most samples in common with."""
        if self._known is None:
            self._known = dict(_by_samples(self.earlier))
        samples = _samples(content) if self._known else ()
        found = (self._known.get((len(content), place, sample)) for place, sample in enumerate(samples))
        most = Counter(filter(None, found)).most_common(1)
        return [chunk for (file, known), _count in most for chunk in known.chunks(file)]

    def note(self, start: int, content: memoryview, digests: bytes) -> None:
        """Note where a long content lies in the blob, and the digests of its chunks."""
        self.own.append(LongContent(start, len(content), digests, _samples(content)))

    def save(self, blob: Path) -> None:
        """Write what was noted beside the blob. Raises StoreError if that can't be done."""
        if not self.own:
            return
        rows = [[each.start, each.length, each.digests.hex(), [one.hex() for one in each.samples]] for each in self.own]
        try:
            _file(blob).write_text(json.dumps({"chunk": chunks.CHUNK, "contents": rows}), encoding="utf-8")
        except OSError as error:
            raise StoreError(f"what is in {blob} can't be noted: {error}") from error


def read(blob: Path) -> list[LongContent]:
    """What is known of the long contents of a blob; nothing if that can't be read."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        record = json.loads(_file(blob).read_text(encoding="utf-8"))
        rows = record["contents"] if record["chunk"] == chunks.CHUNK else ()
        found = [
            LongContent(int(start), int(length), bytes.fromhex(digests), tuple(map(bytes.fromhex, samples)))
            for start, length, digests, samples in rows
        ]
        return [each for each in found if len(each.digests) == DIGEST_SIZE * num_chunks(each.length)]
    return []


def pieces(blob: Path) -> list[tuple[int, bytes | None]]:
    """All of a blob in pieces: how long each is, and its digest if it is known. None at all if nothing is known."""
    found: list[tuple[int, bytes | None]] = []
    end = 0
    for each in sorted(read(blob), key=lambda each: each.start):
        if each.start < end:
            return []
        found += [(each.start - end, None)] if each.start > end else []
        end = each.start + each.length
        lengths = (min(chunks.CHUNK, end - chunk.start) for chunk in each.chunks(blob))
        found += zip(lengths, (chunk.digest for chunk in each.chunks(blob)), strict=True)
    try:
        rest = blob.stat().st_size - end if found else 0
    except OSError:
        return []
    if rest < 0:
        return []
    return [*found, (rest, None)] if rest else found


def _by_samples(blobs: Iterable[Path]) -> Iterator[tuple[tuple[int, int, bytes], tuple[Path, LongContent]]]:
    for blob in blobs:
        for each in read(blob):
            for place, sample in enumerate(each.samples):
                yield (each.length, place, sample), (blob, each)


def _samples(content: memoryview) -> tuple[bytes, ...]:
    """Some bytes of a content, from places that lie evenly in it."""
    step = len(content) // _NUM_SAMPLES
    return tuple(bytes(content[start : start + _SAMPLE]) for start in range(0, step * _NUM_SAMPLES, step))


def _file(blob: Path) -> Path:
    return blob.with_suffix(".chunks.json")
