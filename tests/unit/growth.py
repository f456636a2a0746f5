# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts what Python does, so that a test can tell how it grows with the number of nodes, items, files ...

Seconds tell that only on a machine that has nothing else to do. Lines of Python and calls are counted; what a single
call does within Blender or in C is not.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

#: BACKGROUND_NODES_TEST_ALL=1 counts at ten times the usual sizes.
_SCALE = 10 if "BACKGROUND_NODES_TEST_ALL" in os.environ else 1
#: What a tenfold number may cost. What is quadratic costs nearly a hundred times as much.
LINEAR = 12.0


class StepClock:
    """In the place of the module `time`: while steps are counted, each of them takes a microsecond."""

    def __init__(self) -> None:
        self.num_steps = 0

    def monotonic(self) -> float:
        return self.num_steps / 1e6

    thread_time = monotonic

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def num_steps(function: Callable[[], object], clock: StepClock | None = None) -> int:
    """How many lines of Python a function executes, and how many calls of other code. A clock goes along."""
    clock = clock or StepClock()
    before = clock.num_steps

    def trace(_frame: Any, event: str, _argument: Any) -> Any:
        clock.num_steps += event == "line"
        return trace

    def profile(_frame: Any, event: str, _argument: Any) -> None:
        clock.num_steps += event == "c_call"

    traced, profiled = sys.gettrace(), sys.getprofile()
    sys.settrace(trace)
    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(profiled)
        sys.settrace(traced)
    return clock.num_steps - before


def growth(make: Callable[[int], Callable[[], object]], size: int = 100, clock: StepClock | None = None) -> float:
    """How many times as much ten times `size` costs; `make` prepares for a size and returns what is counted."""
    few, many = (num_steps(make(number), clock) for number in (_SCALE * size, 10 * _SCALE * size))
    return many / few
