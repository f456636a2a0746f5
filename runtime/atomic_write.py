# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that others read while they are written anew: they find what was there before, or all of the new content."""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path


def atomic_write(file: Path, content: str | bytes) -> None:
    """Write a file whole or not at all: beside it first, under a hidden name, then in its place.

    It is not waited for the disk, so what was written last may be lost if the machine stops. A text is written as
    UTF-8, its line ends as they are.

    Raises:
        OSError: it can't be written. The file is what it was before.
    """
    beside = file.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)
        beside.replace(file)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
