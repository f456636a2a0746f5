# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong in a timer. Blender drops a timer that raises, without a word, and nothing would go on any more."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable


class Faults:
    """Calls what may raise. Each fault is printed once, with its traceback: a timer would go on and on."""

    def __init__(self) -> None:
        self._printed: set[tuple[type, str, int]] = set()

    def guard(self, function: Callable[..., object], *arguments: object) -> Exception | None:
        """Call a function; what it raised, None if nothing."""
        try:
            function(*arguments)
        except Exception as error:  # noqa: BLE001 (whatever it is: the others go on)
            self._print(error)
            return error
        return None

    def _print(self, error: Exception) -> None:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        fault = type(error), frame.filename, frame.lineno or 0
        if fault not in self._printed:
            self._printed.add(fault)
            traceback.print_exception(error, file=sys.stderr)
