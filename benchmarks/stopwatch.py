"""Times functions, each without what is timed inside of it under another name."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

#: The most seconds in which the clocks are read.
_MOMENT = 0.0002


class Span(NamedTuple):
    """Milliseconds that something took: by the clock, of the processor's time, and in line for a processor.

    On a machine that has other things to do, the last says nothing of what was timed.
    """

    wall: float
    processor: float
    in_line: float

    @property
    def held(self) -> float:
        """How long it would have taken on an idle machine: the time by the clock, without waiting for a processor."""
        return max(self.processor, self.wall - self.in_line)

    def plus(self, other: Span) -> Span:
        return Span(*map(sum, zip(self, other, strict=True)))

    def minus(self, other: Span) -> Span:
        return Span(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


NOTHING = Span(0.0, 0.0, 0.0)


class Stopwatch:
    """Times functions of the thread that makes it.

    Attributes:
        spans: what the calls of each kind took, in their order.
    """

    def __init__(self) -> None:
        self.spans: dict[str, list[Span]] = defaultdict(list)
        self._kinds: list[str] = []
        self._inside = [NOTHING]
        self._line = _line_of_this_thread()

    def timed(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed as one of a kind; what it calls of the same kind is part of it."""

        @functools.wraps(function)
        def wrapper(*arguments: Any, **options: Any) -> Any:
            if self._kinds and self._kinds[-1] == kind:
                return function(*arguments, **options)
            start = self.now()
            self._kinds.append(kind)
            self._inside.append(NOTHING)
            try:
                return function(*arguments, **options)
            finally:
                self._kinds.pop()
                span = self.now().minus(start)
                self.spans[kind].append(span.minus(self._inside.pop()))
                self._inside[-1] = self._inside[-1].plus(span)

        return wrapper

    def now(self) -> Span:
        """All three of one moment: if another program got the processor meanwhile, they are read anew."""
        while True:
            start = time.perf_counter()
            in_line = 0 if self._line is None else int(os.pread(self._line, 100, 0).split()[1])
            processor = time.thread_time()
            if (end := time.perf_counter()) - start < _MOMENT:
                return Span(end * 1e3, processor * 1e3, in_line / 1e6)


def _line_of_this_thread() -> int | None:
    """A file that tells how long this thread has stood in line for a processor; None where there is none."""
    with contextlib.suppress(OSError):
        return os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
    return None
