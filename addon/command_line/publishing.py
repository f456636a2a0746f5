# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells other processes how far a run of the command line is, so that they can follow it: see `published_runs`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from ...runtime.engine.published_runs import Place, PublishedRun
from ...runtime.errors import BackgroundNodesError
from ...runtime.scheduling.states import RunState, TaskState
from ..session.run import Run

#: Seconds between two looks at what has changed.
_INTERVAL: Final = 0.2


class Publisher:
    """Tells of one run in the folder of a place."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._told = place.read() or PublishedRun("", "", "", time.time())
        self._next = 0.0
        self.tell(replace(self._told, state="running"))

    def tell(self, run: PublishedRun) -> None:
        self._told = run
        with contextlib.suppress(OSError):  # the run goes on if its disk is full, and its results are kept elsewhere
            self._place.write(run)

    def update(self, run: Run, *, is_over: bool = False) -> None:
        """Tell how far a run is, unless that was done just now; cancel it if somebody wants that."""
        if not is_over and time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _INTERVAL
        if self._place.is_to_end and not run.state.is_final:
            run.cancel()
        error = "" if run.state is not RunState.FAILED else "\n".join(_errors(run))
        state = str(run.state) if is_over else "running"
        told = replace(
            self._told,
            tree=run.tree_name,
            state=state,
            progress=run.progress,
            error=error,
            tasks=run.published_tasks(),
        )
        if told != self._told:
            self.tell(told)

    def refuse(self, error: str) -> None:
        """Tell that the run did not begin."""
        self.tell(replace(self._told, state=str(RunState.FAILED), error=error))


@contextlib.contextmanager
def published(folder: str | None) -> Iterator[Publisher | None]:
    """What tells of a run in a folder within the block; None if there is no folder.

    Raises:
        BackgroundNodesError: if another process tells of one there.
    """
    if folder is None:
        yield None
        return
    place = Place(Path(folder))
    try:
        held = place.hold()
    except OSError as error:
        raise BackgroundNodesError(f"nothing can be told in {folder}: {error}") from error
    with held:
        publisher = Publisher(place)
        try:
            yield publisher
        except BackgroundNodesError as error:
            publisher.refuse(str(error))
            raise


def _errors(run: Run) -> Iterator[str]:
    for task in run.tasks.values():
        if task.error is not None and task.state in (TaskState.FAILED, TaskState.TIMED_OUT):
            yield f"{task.name}: {task.error.message}"
    yield from run.notes
