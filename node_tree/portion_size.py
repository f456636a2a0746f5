# SPDX-License-Identifier: GPL-3.0-or-later
"""How many results come home at once: fewer where a portion takes long, as far as all of them take no longer for it."""

from __future__ import annotations

import math

#: Seconds that a portion may take, without what Blender takes to load it.
_AIM = 0.005
#: How much longer all results may take in smaller portions.
_MOST_LOSS = 1.1


class PortionSize:
    """The size of the next portion, in `now`."""

    def __init__(self, most: int) -> None:
        self.now = self._most = most
        self._least = 1
        self._each_before = math.inf  # seconds for each result in portions of twice the size

    def note(self, num_results: int, loading: float, rest: float) -> None:
        """Note the seconds that a portion of this size took: to load it, and for the rest."""
        each = (loading + rest) / num_results
        is_loss, self._each_before = each > _MOST_LOSS * self._each_before, math.inf
        if is_loss:
            self.now = self._least = min(2 * self.now, self._most)
        elif rest > _AIM and self.now > self._least:
            self._each_before = each
            self.now = max(self.now // 2, 1)
        elif rest < _AIM / 2:
            self.now = min(2 * self.now, self._most)
