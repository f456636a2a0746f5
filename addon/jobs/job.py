# SPDX-License-Identifier: GPL-3.0-or-later
"""`Job`: a script that a `JobManager` sends to a background Blender. Part of the public Python API."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ...runtime.scheduling.events import TaskError
from . import waiting
from .retrieved import RetrievedDataBlocks
from .work import Work

#: How many characters of the log's end `Job.issue` shows.
_MAX_LOG: Final = 10_000


class Job:
    """A script that runs, or is to run, in a background Blender. A `JobManager` makes it."""

    __slots__ = ("__weakref__", "_work")

    def __init__(self, work: Work) -> None:
        self._work = work

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if not name.startswith("_") or name.endswith("__")]

    def __repr__(self) -> str:
        return f"<Job {self.name!r} {self.state}>"

    @property
    def name(self) -> str:
        return self._work.request.name

    @property
    def state(self) -> str:
        """One of "QUEUED", "ACTIVE", "COMPLETED" (its results are home), "DROPPED"."""
        return self._work.state

    @property
    def progress(self) -> float:
        """0.0 to 1.0, as the script reported it."""
        return self._work.progress

    @property
    def text(self) -> str:
        """What it is doing, as the script reported it."""
        return self._work.text

    @property
    def is_over(self) -> bool:
        """Whether it is completed or dropped."""
        return self._work.is_over

    @property
    def was_killed(self) -> bool:
        """Whether `kill` ended it."""
        return self._work.was_killed

    @property
    def was_cancelled(self) -> bool:
        """Whether its script was asked to end; if it did in time, the job may be completed all the same."""
        return self._work.was_cancelled

    @property
    def has_timed_out(self) -> bool:
        """Whether it was dropped because it took too long."""
        return self._work.has_timed_out

    @property
    def num_attempts(self) -> int:
        """How often it was started."""
        return self._work.num_attempts

    @property
    def error(self) -> TaskError | None:
        """Why it was dropped: `message`, `traceback` and the script's `line`."""
        return self._work.error

    @property
    def issue(self) -> str:
        """Why it was dropped, as a text of several lines; "" if it was not."""
        error = self.error
        if error is None:
            return ""
        parts = [f"The job {self.name!r} was dropped: {error.message}"]
        parts += [error.traceback.rstrip()] if error.traceback else []
        log = self.log.rstrip()
        parts += [f"What was printed last:\n{log[-_MAX_LOG:]}"] if log else []
        return "\n\n".join(parts) + "\n"

    @property
    def seconds(self) -> float:
        """For how many seconds it has run so far, or ran."""
        return self._work.seconds

    @property
    def log(self) -> str:
        """What the script and Blender printed, in the last attempt; "" once it is forgotten."""
        return self._work.log

    @property
    def folder(self) -> Path | None:
        """The folder that its script gets from `background_nodes.script.output_folder()`: as long as the job is known.

        It is there once the script has asked for it. None before the job starts, and after it was forgotten.
        """
        return self._work.folder

    @property
    def filepath(self) -> str:
        """The file that was open when it was added; "" if that was never saved."""
        return self._work.request.filepath

    @property
    def python_data(self) -> Any:
        """The script's `python_data`; None unless the job is completed."""
        return self._work.python_data

    @property
    def partial_data(self) -> Any:
        """What its script handed over last by `background_nodes.script.partial_data`, in this attempt.

        It stays when the job has ended, however it did. None if there is nothing, and once the job was forgotten.
        """
        return self._work.partial_data()

    @property
    def data_blocks(self) -> RetrievedDataBlocks | None:
        """The script's `data_blocks` as they are in the open file; None unless the job is completed."""
        return self._work.data_blocks

    @property
    def kept(self) -> RetrievedDataBlocks | None:
        """The open file's data-blocks that no result took the place of, because they were changed, or made, meanwhile.

        None unless the job is completed and `overwrite_data` was on.
        """
        return self._work.kept

    def cancel(self, grace: float = 5.0) -> None:
        """Ask its script to end, as `background_nodes.script.is_cancelled()` tells it. What it gives then comes home.

        A job that does not run yet is dropped; one that still runs after `grace` seconds is killed.
        """
        self._work.cancel(grace)

    def kill(self) -> None:
        """End it, with its background Blender if it has one. Results that are home stay."""
        self._work.kill()

    def wait(self, timeout: float | None = None) -> str:
        """Carry it on until it has ended, or for `timeout` seconds. Returns its state.

        The state is "ACTIVE", too, if its results wait for the artist to leave a mode: that can't happen meanwhile.
        """
        waiting.wait_for([self._work], timeout)
        return self.state
