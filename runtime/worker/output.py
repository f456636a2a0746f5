# SPDX-License-Identifier: GPL-3.0-or-later
"""What is printed during a task, by its script and by Blender itself, goes to the task's log."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: Kept here because a script may replace Python's functions.
_open = open

#: Asked for once: the library keeps each function that it was asked for, which would be put back after each task.
_flush_c = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None).fflush

#: What Blender prints for each file it opens. About blobs, this means nothing to the artist.
_CHATTER = re.compile(
    rb"(?:[\d:.]+ +blend +\| )?Read blend: .*\n"
    rb"|Warning: Library file, loading empty scene\n"
    rb"|Info: Total files \d+ \| Changed \d+ \| Failed \d+\n"
)


@contextlib.contextmanager
def captured_output(log: Path) -> Iterator[None]:
    """Within the block, all that this process prints, C code too, goes to the file `log`.

    If it prints nothing, no file is left.

    Raises:
        OSError: if the file can't be made.
    """
    streams = sys.stdout, sys.stderr
    flush(*streams)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    originals = [(number, os.dup(number)) for number in (0, 1, 2)]
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
    try:
        yield
    finally:
        flush(*streams)
        _flush_python()
        for number, original in originals:
            os.dup2(original, number)
            os.close(original)
        _remove_if_empty(log)


def _remove_if_empty(log: Path) -> None:
    """Remove a log, unless the foreground has emptied it because it was too long."""
    with contextlib.suppress(OSError):
        if not log.stat().st_size and not log.with_suffix(".head").exists():
            log.unlink()


@contextlib.contextmanager
def without_chatter(log: Path) -> Iterator[None]:
    """What Blender prints of the files that are opened within the block is taken out of `log`; errors stay."""
    _flush_python()
    start = _size(log)
    try:
        yield
    finally:
        _flush_python()
        with contextlib.suppress(OSError):  # a full disk is reported by what comes next
            _drop_chatter(log, start)


def _size(log: Path) -> int:
    with _open(log, "rb") as file:
        return file.seek(0, os.SEEK_END)


def _drop_chatter(log: Path, start: int) -> None:
    with _open(log, "rb+", buffering=0) as file:
        file.seek(start)
        printed = file.readall()
        kept = _CHATTER.sub(b"", printed)
        if kept != printed:
            file.seek(start)
            file.write(kept)
            file.truncate(start + len(kept))


def _flush_python() -> None:
    flush(getattr(sys, "stdout", None), getattr(sys, "stderr", None))


def flush(*streams: Any) -> None:
    """Flush what Python and C code (Blender itself, too) have printed and still buffer."""
    for stream in streams:
        with contextlib.suppress(Exception):  # a script may have closed or replaced it; or the disk is full
            stream.flush()
    _flush_c(None)
