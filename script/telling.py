# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script says while it runs, what it is told, and where its own files go."""

from __future__ import annotations

import operator
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from ..runtime.scratch.partial_data import PartialDataFile

_Item = TypeVar("_Item")


class Reporter(Protocol):
    """What receives a script's progress. A worker sets one that limits how often reports are sent."""

    def progress(self, fraction: float, text: str) -> None: ...


class _Nobody:
    def progress(self, fraction: float, text: str) -> None:
        pass


_reporter: Reporter = _Nobody()
_output_folder: Path | None = None
_cancellation: Path | None = None
_next_look = 0.0
_partial_data: PartialDataFile | None = None
#: Seconds between two looks at whether a job was cancelled.
_LOOK_INTERVAL = 0.02


def set_reporter(reporter: Reporter | None) -> None:
    """Send reports to `reporter` from now on; None: to nobody. For workers and tests, not for scripts."""
    global _reporter  # noqa: PLW0603 (a process runs one script at a time)
    _reporter = _Nobody() if reporter is None else reporter


def progress(fraction: float, text: str = "") -> None:
    """Show on the node how far the script is. Cheap enough to be called in an inner loop.

    Args:
        fraction: 0.0 to 1.0; values outside are clamped.
        text: what is being done, a few words.
    """
    _reporter.progress(fraction, text)


def track(iterable: Iterable[_Item], total: int | None = None, text: str = "") -> Iterator[_Item]:
    """Yield the items of `iterable` and report the share of them that is done.

    Args:
        iterable: anything that can be looped over.
        total: the number of items, where `iterable` does not know it. With neither, only the text is shown.
        text: what is being done, a few words.
    """
    if total is None:
        total = operator.length_hint(iterable)
    progress(0.0, text)
    for index, item in enumerate(iterable, start=1):
        yield item
        if total > 0:
            progress(index / total, text)


def set_places(folder: Path | None, cancellation: Path | None, partial: PartialDataFile | None) -> None:
    """Set what `output_folder`, `is_cancelled` and `partial_data` use. For workers, not for scripts."""
    global _output_folder, _cancellation, _next_look, _partial_data
    _output_folder, _cancellation, _next_look, _partial_data = folder, cancellation, 0.0, partial


def is_cancelled() -> bool:
    """Whether the job was cancelled: the script is to end soon, and what it gives then still comes home.

    Cheap enough to be called in an inner loop. Nodes are ended without being asked: for them it is False.
    """
    global _next_look  # noqa: PLW0603
    now = time.monotonic()
    if _cancellation is None or now < _next_look:
        return False
    _next_look = 0.0 if _cancellation.exists() else now + _LOOK_INTERVAL
    return _next_look == 0.0


def partial_data(value: Any) -> None:
    """Hand over what a job has found so far, while it goes on: `Job.partial_data` in the add-on that sent it.

    What was handed over before is replaced. It stays if the script fails, is killed or takes too long. Each call writes
    a file: do it some times a second, not in an inner loop. For nodes, nothing becomes of it.

    Args:
        value: as it is now: anything that `python_data` may hold. No data-blocks.

    Raises:
        TypeError, ValueError: naming the part of it that can't be passed on.
    """
    from ..runtime.blender import python_data

    if _partial_data is not None:
        _partial_data.write(python_data.encode(value, "partial_data"))


def output_folder() -> Path:
    """A folder for files that outlive the script: it is there, empty, and no other task has it.

    A job's lives as long as the job, whose `Job.folder` names it: until the job is forgotten, or Blender ends. A node's
    lives until its run is removed from the last runs. What lies in Python's `tempfile` folder goes with the task.
    """
    if _output_folder is None:
        return Path(tempfile.mkdtemp())
    _output_folder.mkdir(parents=True, exist_ok=True)
    return _output_folder


def log(*values: object) -> None:
    """Write a line to the node's log, as `print` does, and flush it, so that it is there at once."""
    print(*values, flush=True)
