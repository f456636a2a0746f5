# SPDX-License-Identifier: GPL-3.0-or-later
"""How ticks fit to redraws: Blender draws the window anew after each tick that has changed something.

Without a graphics card, or in a heavy scene, that takes many times as long as the tick. So a portion of a homecoming
takes about as long as the redraw that it costs: in smaller ones the window would stand for longer in all. And a run is
shown only once it goes on for a moment: a short one would take longer to be shown than to be carried out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

#: Seconds that a run goes on before anything of it is shown, unless it is over.
SHOWN_AFTER: Final = 0.2
#: How many times as long as usual a portion of a homecoming may take at most, however long a redraw takes.
_MOST_TIMES: Final = 25.0


class Pace:
    """Remembers how long the window took after the last tick that brought results home, and when runs are to be shown.

    Args:
        clock: gives the seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._settling = 0.0  # the seconds that it took, as far as the next tick tells: they made it come late
        self._due: float | None = None  # when the tick after the last one is to come, if that has changed the file
        self._has_changed = False
        self._shown_from = 0.0

    def run_starts(self, *, is_busy: bool) -> None:
        """A run starts; `is_busy` says whether another one goes on.

        One that starts as soon as a short one is over puts nothing off: else a row of them would not be shown at all.
        """
        now = self._clock()
        if not is_busy and now >= self._shown_from:
            self._shown_from = now + SHOWN_AFTER

    def may_show(self, *, is_busy: bool) -> bool:
        """Whether drawing is to hear of the runs now."""
        return not is_busy or self._clock() >= self._shown_from

    def changed(self) -> None:
        """This tick changes the file."""
        self._has_changed = True

    def tick_begins(self) -> None:
        """A tick begins: if it is late after one that has changed the file, that is what the redraw took."""
        late = -1.0 if self._due is None else self._clock() - self._due
        if late >= 0.0:  # else it was asked for before its time
            self._settling = late
        self._due, self._has_changed = None, False

    def tick_ends(self, interval: float | None) -> None:
        """A tick ends, and the next one is to come after so many seconds."""
        if self._has_changed and interval is not None:
            self._due = self._clock() + interval

    def portion(self, least: float) -> float:
        """The seconds that a portion of a homecoming may take: as long as the redraw after it, at least `least`."""
        return max(least, min(self._settling, _MOST_TIMES * least))
