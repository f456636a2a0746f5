# SPDX-License-Identifier: GPL-3.0-or-later
"""What these commands tell people, on standard error."""

from __future__ import annotations

import contextlib
import sys

from ..addon.command_line.terminal_text import harmless


def say(*lines: str) -> None:
    """Write lines, without characters that would steer a terminal."""
    with contextlib.suppress(OSError):
        sys.stderr.writelines(f"{harmless(line)}\n" for line in lines)
        sys.stderr.flush()
