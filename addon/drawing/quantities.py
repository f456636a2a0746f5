# SPDX-License-Identifier: GPL-3.0-or-later
"""How spans of time and sizes in memory are told: short, and so that they do not flicker while they grow."""

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


def memory_size(size: int) -> str:
    """Bytes, in Blender's own units: `310 MB`, `1.2 GB`."""
    return f"{size / 1024**2:.0f} MB" if size < 1000 * 1024**2 else f"{size / 1024**3:.1f} GB"
