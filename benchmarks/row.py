"""One line of the table."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """What was measured.

    Attributes:
        name: what it is.
        value: our figure, with its unit.
        against: what it is compared with, with its unit; "" if with nothing.
        ratio: of the two, as the target counts it; None if there is none.
        target: what is to be reached, in words; "" for no target.
        is_met: whether the target was reached; None if there is none.
        details: all that was measured, for the JSON file.
    """

    name: str
    value: str
    against: str = ""
    ratio: float | None = None
    target: str = ""
    is_met: bool | None = None
    details: dict[str, object] = field(default_factory=dict)


def spread(seconds: Iterable[float]) -> dict[str, float]:
    """The figures of a series, in seconds."""
    ordered = sorted(seconds)
    return {
        "count": len(ordered),
        "minimum": ordered[0],
        "median": statistics.median(ordered),
        "p90": ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))],
        "maximum": ordered[-1],
    }


def milliseconds(seconds: float) -> str:
    return f"{1000.0 * seconds:,.1f} ms"
