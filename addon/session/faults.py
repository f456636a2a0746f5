# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors in timers. Blender drops a timer that raises, without a message, and then nothing would go on."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable


class Faults:
    """Calls functions that may raise. Each error is printed only once, as a timer would print it again and again."""

    def __init__(self) -> None:
        self._printed: set[tuple[type, str, int]] = set()

    def guard(self, function: Callable[..., object], *arguments: object) -> Exception | None:
        """Call a function. Returns what it raised, None if nothing."""
        try:
            function(*arguments)
        except Exception as error:  # noqa: BLE001 (whatever it is, the rest of the timer goes on)
            self._print(error)
            return error
        return None

    def _print(self, error: Exception) -> None:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        fault = type(error), frame.filename, frame.lineno or 0
        if fault not in self._printed:
            self._printed.add(fault)
            traceback.print_exception(error, file=sys.stderr)
