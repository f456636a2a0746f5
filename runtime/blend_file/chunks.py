# SPDX-License-Identifier: GPL-3.0-or-later
"""Long contents in chunks, hashed on several threads: a large mesh has many megabytes.

The hash of a chunk is SHA-256, which processors compute themselves: twice as fast as BLAKE2, which is faster without.
A chunk that is equal to one whose digest is known is not hashed: to compare them takes a fifth of the time.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

#: Bytes of a chunk. What is no longer is hashed as it is.
CHUNK: Final = 1 << 20
#: Bytes of the digest of a chunk.
DIGEST_SIZE: Final = 32
#: So many chunks take longer than to start a thread.
_WORTH_A_THREAD: Final = 4
#: Bytes of a known chunk that are read at once.
_READ: Final = 1 << 18
_MAX_THREADS: Final = min(8, os.cpu_count() or 1)


class KnownChunk(NamedTuple):
    """A chunk in a file that nobody changes, and its digest."""

    file: Path
    start: int
    digest: bytes


#: Finds the known chunks that those of a long content may be equal to, in their order; none if it knows of none.
Find = Callable[[memoryview], Sequence[KnownChunk]]


def shortened(contents: Sequence[memoryview], find: Find = lambda _content: ()) -> Iterator[bytes | memoryview]:
    """The contents, with the digests of its chunks in place of each long one. Who hashes them hashes lengths, too.

    What `find` finds makes it faster. It changes nothing else, as long as those digests are right.
    """
    chunks = [pair for content in contents if is_long(content) for pair in _pairs(content, find(content))]
    digests = iter(_digests(chunks))
    for content in contents:
        if is_long(content):
            yield b"".join(itertools.islice(digests, num_chunks(len(content))))
        else:
            yield content


def is_long(content: memoryview) -> bool:
    """Whether a content is more than one chunk."""
    return len(content) > CHUNK


def num_chunks(length: int) -> int:
    """How many chunks a content has."""
    return -(-length // CHUNK)


_Pair = tuple[memoryview, KnownChunk | None]


def _pairs(content: memoryview, known: Sequence[KnownChunk]) -> Iterator[_Pair]:
    """Each chunk, with the known one that it may be equal to."""
    chunks = (content[start : start + CHUNK] for start in range(0, len(content), CHUNK))
    return itertools.zip_longest(chunks, known[: num_chunks(len(content))])


def _digests(chunks: Sequence[_Pair]) -> Iterable[bytes]:
    num_threads = min(_MAX_THREADS, len(chunks) // _WORTH_A_THREAD)
    if num_threads < 2:
        return map(_digest, chunks)
    try:
        with ThreadPoolExecutor(num_threads) as threads:
            return list(threads.map(_digest, chunks))
    except Exception:  # noqa: BLE001 (the script that has just run may have used up all threads, or changed Python's)
        return map(_digest, chunks)


def _digest(pair: _Pair) -> bytes:
    chunk, known = pair
    return sha256(chunk).digest() if known is None or not _are_equal(chunk, known) else known.digest


def _are_equal(chunk: memoryview, known: KnownChunk) -> bool:
    """Whether a known chunk is the same, and can be read."""
    buffer = bytearray(min(len(chunk), _READ))
    try:
        # Not mapped into memory, where all of it would count as this process's.
        with open(known.file, "rb", buffering=0) as file:  # noqa: PTH123 (asked for each chunk, and `Path` takes its time)
            file.seek(known.start)
            for start in range(0, len(chunk), _READ):
                part = chunk[start : start + _READ]
                del buffer[len(part) :]
                # Other bytes-like objects are compared number by number.
                if file.readinto(buffer) != len(part) or buffer != part:
                    return False
    except OSError:
        return False
    return True
