# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes took the last time that they ran, in this session or an earlier one, as the store knows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..planning.plan import PlannedTask
from ..scheduling.time_left import Past
from ..store.store import Store
from .kept_results import read, subject

#: Items of a node that are looked at: there may be thousands, and the others take about as long.
_MAX_ITEMS: Final = 24


def find_pasts(store: Store, tasks: Iterable[PlannedTask]) -> dict[str, Past]:
    """What tasks took, by their ids; those that never ran are left out. It reads files: call it on a thread."""
    found = ((task.id, past(store, task)) for task in tasks)
    return {task: known for task, known in found if known is not None}


def past(store: Store, task: PlannedTask) -> Past | None:
    """What a task took the last time that it ran; None if that is not known."""
    seconds: list[float] = []
    memory: list[int] = []
    num_items = 1
    while len(seconds) < min(num_items, _MAX_ITEMS):
        record = store.last(subject(task, len(seconds)))
        kept = None if record is None else read(record)
        if record is None or kept is None:
            break
        if not seconds:
            num_items = kept.num_items
        seconds.append(record.seconds)
        memory += [] if kept.peak_memory is None else [kept.peak_memory]
    if not seconds:
        return None
    return Past(sum(seconds) / len(seconds), num_items, max(memory, default=None))
