# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine: what carries tasks out. The pool of this machine is one; a farm can be another, and tests have a fake.

    submit -> Started, Progressed ..., an outcome | Lost | NoWorker

The runner drives an engine and knows nothing of how it works. Nothing that goes in or comes out names a file of this
machine but those that an artist named: blobs and logs go by the names that the scratch folder gave them.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from . import messages


@dataclass(frozen=True, slots=True)
class Request:
    """What an engine is asked for: a task, and whether it wants a worker in which nothing ran before.

    Attributes:
        key: names the request, and all reports on it.
        task: what to do.
        is_fresh: whether it wants a worker in which nothing ran before.
    """

    key: Hashable
    task: messages.Task
    is_fresh: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker that did a task is gone before it reported an end. `reason` is a phrase."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoWorker:
    """There is no worker for a task, and none can be had."""

    reason: str


Report = messages.Started | messages.Progressed | messages.Outcome | Lost | NoWorker


class Engine(Protocol):
    """Carries tasks out. All of it is called from one thread, and nothing in it waits.

    On each request come, in this order: `Started` at most once, `Progressed` any number of times after it, and one end:
    an outcome, `Lost` or `NoWorker`. After `stop` nothing more comes.
    """

    def submit(self, request: Request) -> None:
        """Take a task over. Its reports come out of `poll`."""

    def stop(self, key: Hashable) -> None:
        """Take a request back, whatever its worker is doing."""

    def freeze(self, key: Hashable) -> None:
        """Let a request stand still, be it waiting, under way or not submitted yet. It may end nevertheless."""

    def thaw(self, key: Hashable) -> None:
        """Let a frozen request go on."""

    def poll(self, until: float | None = None) -> list[tuple[Hashable, Report]]:
        """The reports that have come, in their order.

        Args:
            until: the time (of `time.monotonic`) after which no more are taken; the next call takes the rest.
        """

    def wakers(self) -> Sequence[Any]:
        """What becomes readable when there is something to poll: sockets, pipes, connections or their numbers.

        Who waits for several engines waits for those of all, see `multiprocessing.connection.wait`.
        """

    def next_look(self) -> float | None:
        """The time (of `time.monotonic`) at which to poll even if nothing became readable, None if there is none."""

    def close(self) -> None:
        """End everything, now."""
