# SPDX-License-Identifier: GPL-3.0-or-later
"""Long contents in chunks, hashed on several threads: a large mesh has many megabytes.

The hash of a chunk is SHA-256, which processors compute themselves: twice as fast as BLAKE2, which is faster without.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Final

#: Bytes of a chunk. What is no longer is hashed as it is.
CHUNK: Final = 1 << 20
#: So many chunks take longer than to start a thread.
_WORTH_A_THREAD: Final = 4
_MAX_THREADS: Final = min(8, os.cpu_count() or 1)


def shortened(contents: Sequence[memoryview]) -> Iterator[bytes | memoryview]:
    """The contents, with the digests of its chunks in place of each long one. Who hashes them hashes lengths, too."""
    digests = iter(_digests([chunk for content in contents if len(content) > CHUNK for chunk in _chunks(content)]))
    for content in contents:
        if len(content) > CHUNK:
            yield b"".join(itertools.islice(digests, -(-len(content) // CHUNK)))
        else:
            yield content


def _chunks(content: memoryview) -> Iterator[memoryview]:
    return (content[start : start + CHUNK] for start in range(0, len(content), CHUNK))


def _digests(chunks: Sequence[memoryview]) -> Iterable[bytes]:
    num_threads = min(_MAX_THREADS, len(chunks) // _WORTH_A_THREAD)
    if num_threads < 2:
        return map(_digest, chunks)
    try:
        with ThreadPoolExecutor(num_threads) as threads:
            return list(threads.map(_digest, chunks))
    except Exception:  # noqa: BLE001 (the script that has just run may have used up all threads, or changed Python's)
        return map(_digest, chunks)


def _digest(chunk: memoryview) -> bytes:
    return sha256(chunk).digest()
