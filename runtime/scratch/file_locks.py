# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks on files. The system frees a lock however its process ends, so nothing that is locked stays so for long."""

from __future__ import annotations

import os
import time
from typing import IO

#: Windows locks bytes and lets nobody read them, so the byte that is locked is beyond all that is written.
_LOCKED_BYTE = 2**30


def lock(file: IO[bytes]) -> bool:
    """Take the lock on a file that was opened to be written, until it is closed; False if somebody else has it.

    Raises:
        OSError: if this file system has no locks.
    """
    try:
        if os.name == "nt":
            import msvcrt

            place = file.tell()
            file.seek(_LOCKED_BYTE)
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
            finally:
                file.seek(place)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def lock_within(file: IO[bytes], seconds: float, interval: float) -> bool:
    """As `lock`, tried again each `interval` seconds for a while; False if somebody else has it still."""
    end = time.monotonic() + seconds
    while not lock(file):
        if time.monotonic() > end:
            return False
        time.sleep(interval)
    return True
