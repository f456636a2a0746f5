# SPDX-License-Identifier: GPL-3.0-or-later
"""How many results come home at once: fewer where a portion takes long, as far as all of them take no longer for it.

After each portion Blender brings the window up to date, which in a scene of thousands of objects takes a fifth of a
second however small the portion is. A portion takes about as long there: in smaller ones the window would stand longer
in all.
"""

from __future__ import annotations

import math

#: Seconds that a step of a portion may take, without what Blender takes to load data-blocks.
_AIM = 0.004
#: How much longer all results may take in smaller portions.
_MOST_LOSS = 1.1
#: The most results in a portion that grows because the window takes long after each.
_MOST_SETTLING = 96
#: The share of the time of a call after which no other step is begun, if there is little time for it.
_SHARE = 0.25


def last_start(seconds: float) -> float:
    """The seconds after which a call that may take so many begins no other step: most take no longer than their aim."""
    return max(_SHARE * seconds, seconds - _AIM)


class PortionSize:
    """The size of the next portion, in `now`."""

    def __init__(self, most: int) -> None:
        self.now = self._most = most
        self._least = 1
        self._each_before = math.inf  # seconds for each result in portions of twice the size
        # Of the portion that is under way:
        self._num_results = 0
        self._seconds = 0.0
        self._longest = 0.0
        self._settling = 0.0

    def begin(self, num_results: int) -> None:
        """A portion of so many results begins."""
        self._num_results, self._seconds, self._longest, self._settling = max(num_results, 1), 0.0, 0.0, 0.0

    def note(self, loading: float, rest: float) -> None:
        """Note the seconds that a step of it took: to load data-blocks, and for the rest."""
        self._seconds += loading + rest
        self._longest = max(self._longest, rest)

    def note_settling(self, seconds: float) -> None:
        """Note the seconds that Blender took to bring the window up to date after a step."""
        self._settling += seconds

    def end(self) -> None:
        """The portion is home."""
        if self._settling > _AIM:
            self._fit_to_settling()
            return
        each = self._seconds / self._num_results
        is_loss, self._each_before = each > _MOST_LOSS * self._each_before, math.inf
        if is_loss:
            self.now = self._least = min(2 * self.now, self._most)
        elif self._longest > _AIM and self.now > self._least:
            self._each_before = each
            self.now = max(self.now // 2, 1)
        elif self._longest < _AIM / 2:
            self.now = min(2 * self.now, self._most)

    def _fit_to_settling(self) -> None:
        """Let a portion take between half and twice as long as what comes after each."""
        self._each_before = math.inf
        if self._seconds > 2.0 * self._settling:
            self.now = max(self.now // 2, self._least)
        elif self._seconds < self._settling / 2.0 and self._num_results >= self.now:
            self.now = min(2 * self.now, max(self._most, _MOST_SETTLING))
