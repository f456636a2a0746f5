# SPDX-License-Identifier: GPL-3.0-or-later
"""How a span of time is told: short, and so that it does not flicker while it grows."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """`420 ms`, `7.3 s`, `42 s`, `3:07`, `1:02:07`."""
    if seconds < 0.9995:
        return f"{seconds * 1000.0:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def countdown(seconds: float) -> str:
    """What is left: whole seconds, for an estimate is no more exact than that."""
    return duration(max(1.0, float(round(seconds)))) if seconds >= 9.95 else f"{max(1, round(seconds))} s"
