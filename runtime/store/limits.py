# SPDX-License-Identifier: GPL-3.0-or-later
"""How much is kept, and what is removed first to make room.

What is worth most stays: what took many seconds for each of its bytes. Each week in which it was not used halves that.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

#: Which file of a store: its table and its name.
Place = tuple[str, str]

#: Seconds without use after which something is worth half as much: a week.
_HALF_LIFE: Final = 7 * 24 * 3600.0
#: What everything counts beside its own seconds and bytes.
_LEAST_SECONDS: Final = 0.05
_LEAST_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """How many bytes a store may have, and how many must stay free on its disk."""

    max_size: int = 20 * 1024**3
    min_free: int = 5 * 1024**3


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in a store that may be removed.

    Attributes:
        place: where it is.
        used: when it was last used, in seconds since 1970.
        seconds: how long it took to make.
        files: the sizes of all files that go with it, by what tells them apart. Other entries may need them, too.
    """

    place: Place
    used: float
    seconds: float
    files: Mapping[str, int]


def choose(entries: Sequence[Entry], needed: Collection[Place], excess: int, now: float) -> list[Place]:
    """What to remove so that `excess` bytes become free, or as many as can; nothing that is `needed`."""
    users = Counter(file for entry in entries for file in entry.files)
    held = {file for entry in entries if entry.place in needed for file in entry.files}

    def worth(entry: Entry) -> float:
        size = sum(size / users[file] for file, size in entry.files.items() if file not in held)
        # As a logarithm, for after a hundred years nothing is left of the number itself.
        age = max(0.0, now - entry.used)
        return math.log2((entry.seconds + _LEAST_SECONDS) / (size + _LEAST_BYTES)) - age / _HALF_LIFE

    ranks = {entry.place: worth(entry) for entry in entries}
    chosen: list[Place] = []
    for entry in sorted(entries, key=lambda entry: ranks[entry.place]):
        if excess <= 0:
            break
        if entry.files.keys() <= held:  # it is needed, or would make no room
            continue
        chosen.append(entry.place)
        for file, size in entry.files.items():
            users[file] -= 1
            if not users[file]:
                excess -= size
    return chosen


def shown(size: float) -> str:
    """Bytes for people: "1.5 GB"."""
    for unit in ("bytes", "KB", "MB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GB"
