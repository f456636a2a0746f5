# SPDX-License-Identifier: GPL-3.0-or-later
"""The C library's memory allocator: it keeps what a task frees for the next one, and gives it back if none comes.

The system clears each page that it hands out, which takes longer than Blender takes to fill it: a large mesh is opened
in a quarter of the time without that. This is set in the process itself, so that what scripts start does not inherit
it. Where Blender has an allocator of its own, nothing changes.
"""

from __future__ import annotations

import ctypes
import sys

#: The names of glibc's settings.
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
#: Blocks of more than a quarter of what may be kept are given back at once. Older ones of glibc give back those of more
#: than 32 MB: so long is an array of a mesh of a million vertices.
_PART, _LENGTH_FOR_ALL = 4, 32 * 1024**2

_library = ctypes.CDLL(None) if sys.platform == "linux" else None
#: Asked for once, as the library keeps each function that it was asked for. Only glibc has them.
_mallopt, _malloc_trim = getattr(_library, "mallopt", None), getattr(_library, "malloc_trim", None)


def keep_freed(most: int) -> None:
    """Keep freed memory from now on, so many bytes of it at most."""
    if _mallopt is not None:
        any(_mallopt(_M_MMAP_THRESHOLD, size) for size in (most // _PART, _LENGTH_FOR_ALL))
        _mallopt(_M_TRIM_THRESHOLD, most)


def give_back() -> None:
    """Give what is free back to the system."""
    if _malloc_trim is not None:
        _malloc_trim(0)
