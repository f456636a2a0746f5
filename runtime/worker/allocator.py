# SPDX-License-Identifier: GPL-3.0-or-later
"""The C library's memory allocator: it keeps what a task frees for the next one, and gives it back if none comes.

The system clears each page that it hands out, which takes longer than Blender takes to fill it: a mesh of a million
vertices is opened in a quarter of the time without that. This is set in the process itself, so that what scripts start
does not inherit it. Where Blender has an allocator of its own, nothing changes.
"""

from __future__ import annotations

import ctypes
import sys

#: Blocks of up to 32 MB are taken from what was freed, the most that every glibc allows; 128 MB of that are kept.
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
_SETTINGS = ((_M_MMAP_THRESHOLD, 32 * 1024**2), (_M_TRIM_THRESHOLD, 128 * 1024**2))

_library = ctypes.CDLL(None) if sys.platform == "linux" else None
#: Asked for once, as the library keeps each function that it was asked for. Only glibc has them.
_mallopt, _malloc_trim = getattr(_library, "mallopt", None), getattr(_library, "malloc_trim", None)


def keep_freed() -> None:
    """Keep freed memory from now on."""
    if _mallopt is not None:
        for parameter, value in _SETTINGS:
            _mallopt(parameter, value)


def give_back() -> None:
    """Give what is free back to the system."""
    if _malloc_trim is not None:
        _malloc_trim(0)
