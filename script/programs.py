# SPDX-License-Identifier: GPL-3.0-or-later
"""Other programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from .telling import log


def run_program(
    command: Sequence[str],
    *,
    folder: str | os.PathLike[str],
    seconds: float = 0.0,
    on_line: Callable[[str], None] = log,
) -> int:
    """Run a program and wait for its end. What it has started ends with it, where the system tells of that.

    No shell reads the command. The program gets no input.

    Args:
        command: the program, and its arguments.
        folder: where it works.
        seconds: how long it may take; 0 is as long as it likes.
        on_line: hears each line that it prints, and each state of a bar that it draws anew on one line.

    Returns:
        its exit code; below 0 the number of the signal that ended it.

    Raises:
        TimeoutError: if it takes longer.
        OSError: if it can't be started.
    """
    from ..runtime.worker import programs

    return programs.run_program(command, folder=folder, seconds=seconds, on_line=on_line)
