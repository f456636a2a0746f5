# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether data-blocks of two .blend files have the same content: compared byte by byte, in half the time of hashing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy

from ..errors import BlendFileError
from .anatomy import local_parts
from .blocks import mapped
from .chunks import CHUNK

#: Bytes that are compared sooner than an array is made of them: each vertex may have its weights in a block of its own.
_SHORT: Final = 4096


def equal(first: Path, second: Path, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Find out which local data-blocks have the same content, whatever they use.

    Args:
        first: a .blend file that nobody changes meanwhile.
        second: another one.
        pairs: names in the first file and in the second, with their codes, such as ("MECube", "MECube").

    Returns:
        those pairs of which both are there, and are equal; none if a file can't be read.
    """
    pairs = set(pairs)
    try:
        ones = local_parts(mapped(first), {one for one, _other in pairs})
        others = local_parts(mapped(second), {other for _one, other in pairs})
    except BlendFileError:
        return set()
    return {
        (one, other) for one, other in pairs if one in ones and other in others and _are_equal(ones[one], others[other])
    }


def _are_equal(parts: Sequence[memoryview], others: Sequence[memoryview]) -> bool:
    if list(map(len, parts)) != list(map(len, others)):
        return False
    return all(_is_equal(part, other) for part, other in zip(parts, others, strict=True))


def _is_equal(part: memoryview, other: memoryview) -> bool:
    if len(part) <= _SHORT:
        return bytes(part) == bytes(other)
    return all(
        numpy.array_equal(*(numpy.frombuffer(each[start : start + CHUNK], numpy.uint8) for each in (part, other)))
        for start in range(0, len(part), CHUNK)
    )
