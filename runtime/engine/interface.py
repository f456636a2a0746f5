# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine runs tasks. The pool of this machine is one; a render farm can be another, and tests have a fake.

    submit -> Started, Progressed ..., an outcome | Lost | NoWorker

The runner drives an engine and knows nothing of how it works. Nothing that goes in or comes out names a file of this
machine, except files that an artist named: blobs and logs are known by their names in the scratch folder.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from . import messages


@dataclass(frozen=True, slots=True)
class Request:
    """What an engine is asked to do.

    Attributes:
        key: identifies the request, and all reports on it.
        task: the message for the worker.
        is_fresh: whether the task needs a worker in which nothing ran before.
        needs: what its machine must have, as in `planning.needs`; "" for nothing.
        kept_as: the key under which the store will keep its result, "" if that is unknown, or it will not.
    """

    key: Hashable
    task: messages.Task
    is_fresh: bool = False
    needs: str = ""
    kept_as: str = ""

    @property
    def kind(self) -> messages.WorkerKind:
        """What its worker must have from its start. What copies data-blocks has no add-ons, which might change them."""
        if not isinstance(self.task, messages.Execute):
            return messages.PLAIN
        kind = self.task.kind
        return replace(kind, folder=self.task.folder) if kind.preferences else kind


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker of a task is gone, and did not report an outcome. `reason` is a phrase."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoWorker:
    """There is no worker for a task, and none can be started."""

    reason: str


@dataclass(frozen=True, slots=True)
class Kept:
    """Another process has done a task, and the store has the result under `Request.kept_as`.

    If it is not there, or does not hold any more, the task is submitted once more, without that key.
    """


Report = messages.Started | messages.Progressed | messages.Outcome | Lost | NoWorker | Kept


class Engine(Protocol):
    """Runs tasks. All its methods are called from one thread, and none but `close` waits.

    Each request gets these reports, in this order: `Started` at most once, `Progressed` any number of times after it,
    and one end: an outcome, `Lost`, `NoWorker` or `Kept`. After `stop` it gets no more.
    """

    def submit(self, request: Request) -> None:
        """Accept a task. `poll` returns the reports on it."""

    def stop(self, key: Hashable) -> None:
        """Withdraw a request, whatever its worker is doing."""

    def freeze(self, key: Hashable) -> None:
        """Freeze a request, whether it is queued, running or not submitted yet. It may still end."""

    def thaw(self, key: Hashable) -> None:
        """Let a frozen request continue."""

    def poll(self, until: float | None = None) -> list[tuple[Hashable, Report]]:
        """Return the reports that have arrived, in order of arrival.

        Args:
            until: the time (of `time.monotonic`) after which no more are taken; the next call takes the rest.
        """

    def wakers(self) -> Sequence[Any]:
        """What becomes readable when there is something to poll: sockets, pipes, connections or file descriptors.

        They are for `multiprocessing.connection.wait`, which can wait for several engines at once.
        """

    def next_look(self) -> float | None:
        """The time (of `time.monotonic`) at which to poll even if nothing became readable, None if there is none."""

    def close(self) -> None:
        """Withdraw all requests and end all workers, now."""
