# SPDX-License-Identifier: GPL-3.0-or-later
"""The artist's settings for runs and jobs, in one value. The session gets it, and does not know the preferences."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from ...runtime.engine.kinds import POOL
from ...runtime.engine.workers import WorkerLimits
from ...runtime.store.limits import Limits


def default_num_workers() -> int:
    """Half of the processors, so that the artist has the other half; at least 2, at most 8."""
    return min(8, max(2, (os.cpu_count() or 2) // 2))


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings for runs and jobs.

    Attributes:
        num_workers: how many background Blenders work at the same time.
        limits: when a background Blender ends by itself between two tasks.
        memory_limit: bytes that a background Blender may hold during a task, 0 for no limit.
        history_size: bytes on disk that the last runs may keep for their logs and for a retry.
        uses_store: whether results are kept in the store, and taken from it.
        store_folder: where the store is, "" for its usual place.
        store_limits: how large it may become.
        artist_first: what runs do while the artist needs the computer: "LOWER", "PAUSE" or "OFF".
        use_gpu: whether tasks render with the devices that Blender's preferences choose for Cycles.
        engine: what carries tasks out, as `EngineKinds.find` reads it.
    """

    num_workers: int = field(default_factory=default_num_workers)
    limits: WorkerLimits = field(default_factory=WorkerLimits)
    memory_limit: int = 0
    history_size: int = 4 * 1024**3
    uses_store: bool = True
    store_folder: str = ""
    store_limits: Limits = field(default_factory=Limits)
    artist_first: str = "LOWER"
    use_gpu: bool = True
    engine: str = POOL
