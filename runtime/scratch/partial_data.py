# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running script has handed over so far, in a file that others read meanwhile.

The first line is a number that grows, so that a reader sees at once whether it has that already; the rest is one JSON
text.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from pathlib import Path
from typing import Any, Final

from ..errors import StoreError
from .value_files import check_size

#: Kept here because a script may replace the functions.
_ENCODER, _DECODER = json.JSONEncoder(), json.JSONDecoder()
_rename = os.replace
#: How often, and after how many seconds, it is tried again where somebody is reading: Windows replaces no open file.
_NUM_TRIES: Final = 100
_PAUSE: Final = 0.01
_MAX_DIGITS: Final = 20


class PartialDataFile:
    """The file. It is always there as a whole, or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()  # a script may have threads
        self._num_written = 0

    def write(self, content: Any) -> None:
        """Put something in the place of what is there. For the worker, with what JSON holds.

        Raises:
            StoreError: if it is too large, or can't be written.
        """
        text = _ENCODER.encode(content)
        check_size(len(text))
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            with self._lock:
                fresh.parent.mkdir(parents=True, exist_ok=True)  # on a farm it may be a folder of another machine
                self._num_written += 1
                fresh.write_text(f"{self._num_written}\n{text}", encoding="ascii", newline="\n")
                self._put(fresh)
        except OSError as error:
            raise StoreError(f"partial results can't be written to {self._path}: {error}") from error

    def _put(self, fresh: Path) -> None:
        for _ in range(_NUM_TRIES):
            with contextlib.suppress(PermissionError):
                _rename(fresh, self._path)
                return
            time.sleep(_PAUSE)
        _rename(fresh, self._path)

    def number(self) -> int:
        """The number of what is there, 0 if nothing is. It takes microseconds."""
        try:
            with self._path.open("rb") as file:
                return int(file.readline(_MAX_DIGITS))
        except (OSError, ValueError):
            return 0

    def read(self) -> tuple[int, Any]:
        """The number, and what is there; 0 and None if nothing is.

        Raises:
            StoreError: if it can't be read.
        """
        try:
            first, _, text = self._path.read_text(encoding="ascii").partition("\n")
            return int(first), _DECODER.decode(text)
        except FileNotFoundError:
            return 0, None
        except (OSError, ValueError) as error:
            raise StoreError(f"partial results can't be read from {self._path}: {error}") from error
