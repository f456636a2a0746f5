# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read before the results of a job come home: where they are from, what they would replace."""

from __future__ import annotations

from collections.abc import Callable

from .arriving import JobArrival


class Preparation:
    """An arrival that is prepared, perhaps on another thread: of thousands of results it takes a second.

    Attributes:
        arrival: what was prepared; None if it is not, or can't be.
        is_done: whether all of it is read, or can't be.
    """

    def __init__(self, make: Callable[[], JobArrival], *, compares: bool) -> None:
        """With `compares`, something may have been edited since the job was added, and will be compared with that."""
        self._make = make
        self._compares = compares
        self._error: Exception | None = None
        self.arrival: JobArrival | None = None
        self.is_done = False

    def do(self) -> None:
        """Prepare it."""
        try:
            arrival = self._make()
            if self._compares:
                arrival.read_ahead()
            self.arrival = arrival
        except Exception as error:  # noqa: BLE001 (whoever takes it is told)
            self._error = error
        self.is_done = True

    def taken(self) -> JobArrival:
        """What was prepared. Raises StoreError if it can't be read, and whatever else went wrong."""
        if self._error is not None:
            raise self._error
        assert self.arrival is not None
        return self.arrival
