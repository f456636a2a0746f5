# SPDX-License-Identifier: GPL-3.0-or-later
"""Detached runs: a run in a process of its own, that goes on whatever becomes of the one that began it.

That process is the command `run` on the saved file. It has a bridge of its own, keeps what it finishes in the same
store, and tells how far it is (`published_runs`), so that any later run of the same nodes follows it: `following.py`.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ..runtime.engine.published_runs import STARTING, Place, PublishedRun, RunHead, beginning, new_place, places
from ..runtime.errors import EngineError
from ..runtime.scheduling.states import RunState

#: Seconds between two looks at whether a process has begun with its run.
_INTERVAL: Final = 0.05


class Detached:
    """A process that was started for a run.

    Attributes:
        place: where it tells of the run.
        file: the whole path of what it runs, without links.
    """

    def __init__(self, command: Sequence[str], file: str, tree: str, engine: str) -> None:
        """Start it.

        Args:
            command: what runs the tree; it is told where to tell of the run.
            file: the path of what it runs.
            tree: its name, "" for the only one.
            engine: as `--engine` has it.

        Raises:
            EngineError: if a detached run of this tree goes on, or the process can't be started.
            StoreError: if there is no place to tell of it.
        """
        self.file = path = os.path.realpath(file)
        with beginning():
            for place, run in of_file(path):
                if (not tree or not run.tree or tree == run.tree) and place.is_alive():
                    message = f'a detached run of "{run.tree or Path(path).name}" goes on already'
                    raise EngineError(message, f"Follow it, or end it: background-nodes farm runs --end {place.name}")
            self.place = new_place(PublishedRun(path, tree, engine, time.time()))
        try:
            with self.place.output.open("wb") as output:
                self._process = subprocess.Popen(
                    [*command, "--publish", str(self.place.path)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
        except OSError as error:
            self.place.remove()
            raise EngineError(f"no process can be started for the run: {error}", f"See {command[0]}") from error

    def has_begun(self) -> bool:
        """Whether the run has begun. Raises EngineError if it ended before, and will not."""
        run = self.place.read()
        if run is not None and run.tasks:
            return True
        if self._process.poll() is None:
            return run is not None and run.state == RunState.SUCCEEDED  # of a tree without tasks
        if run is not None and run.state == RunState.SUCCEEDED:
            return True
        printed = self.place.output.read_text(encoding="utf-8", errors="replace").strip()
        self.place.remove()
        fix = "Mend that, and start it again"
        raise EngineError(f"the detached run did not begin: {printed[-2000:] or 'nothing was said'}", fix)

    def wait_until_begun(self) -> None:
        """Wait for `has_begun`. Raises EngineError."""
        while not self.has_begun():
            time.sleep(_INTERVAL)


def of_file(path: str) -> list[tuple[Place, RunHead]]:
    """The detached runs of a file that are told of, the last one at the end."""
    path = os.path.realpath(path)
    found = [(place, run) for place in places() if (run := place.read_head()) is not None and run.file == path]
    return sorted(found, key=lambda each: each[1].started)


def words(run: RunHead, *, is_alive: bool) -> str:
    """What becomes of a detached run, in a few words; `is_alive` says whether its process lives."""
    if is_alive:
        return "starting" if run.state == STARTING else f"running, {run.progress:.0%}"
    if run.state in (STARTING, RunState.RUNNING):
        return f"ended from outside at {run.progress:.0%}; what had finished is kept"
    return f"{run.state}: {run.error}" if run.error else run.state
