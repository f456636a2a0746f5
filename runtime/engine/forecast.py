# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run would do, told before it: which nodes would run and why, which are cached, and which wait for others."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


class Outlook(enum.StrEnum):
    """What would become of a node.

    A node that was changed itself counts as `RUNS`, also where what it takes from other nodes is not known yet. It is
    cached after all if just that was asked before.
    """

    RUNS = "runs"
    WAITS = "waits"  # it is cached unless what it takes changes
    CACHED = "cached"
    NEVER_CACHED = "never_cached"  # it runs each time
    FAILS = "fails"  # it can't start
    NOT_NEEDED = "not_needed"  # switches take other inputs than what it gives


@dataclass(frozen=True, slots=True)
class TaskForecast:
    """What would become of a node.

    Attributes:
        name, node_id: the node's name, and its `uid`.
        state: what would become of it; compares equal to "runs", "waits", "cached" and so on.
        reasons: why it would run, as `Task.reasons` tells it then; why it can't start.
        waits_for: what it takes and nobody knows yet: names of nodes, and of data-blocks that were not looked at.
        num_items: how many items it has, None if that hangs on another node.
        num_run: how many of them would run for sure; 1 at least if they can't be counted yet.
        num_cached: how many have a result from an earlier run.
        seconds: how long those that would run take together, of a node that waits all of them, by its last run; None if
            that is not known.
        peak_memory: the most bytes that a background Blender held for it the last time; None if that is not known.
    """

    name: str
    node_id: str
    state: Outlook
    reasons: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    num_items: int | None = 1
    num_run: int = 0
    num_cached: int = 0
    seconds: float | None = None
    peak_memory: int | None = None

    @property
    def is_sure_to_run(self) -> bool:
        return self.state in (Outlook.RUNS, Outlook.NEVER_CACHED)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would do.

    Attributes:
        tasks: what would become of each node, by its name, in an order in which they can run.
        seconds: how long the nodes take that would run for sure; None if that is not known of one of them.
        most_seconds: the same if all nodes that wait run, too.
    """

    tasks: Mapping[str, TaskForecast]
    seconds: float | None = 0.0
    most_seconds: float | None = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "tasks", MappingProxyType(dict(self.tasks)))

    @property
    def running(self) -> tuple[TaskForecast, ...]:
        """The nodes that would run for sure."""
        return tuple(task for task in self.tasks.values() if task.is_sure_to_run)

    @property
    def waiting(self) -> tuple[TaskForecast, ...]:
        """The nodes that would run only if what they take changes."""
        return tuple(task for task in self.tasks.values() if task.state is Outlook.WAITS)

    @property
    def cached(self) -> tuple[TaskForecast, ...]:
        """The nodes whose results are kept."""
        return tuple(task for task in self.tasks.values() if task.state is Outlook.CACHED)

    @property
    def peak_memory(self) -> int | None:
        """The most bytes that a background Blender held for one of the nodes that would run; None if not known."""
        known = [task.peak_memory for task in self.running if task.peak_memory is not None]
        return max(known, default=None)

    def of(self, node_id: str) -> TaskForecast | None:
        """What would become of the node with this `uid`."""
        return next((task for task in self.tasks.values() if task.node_id == node_id), None)
