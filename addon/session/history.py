# SPDX-License-Identifier: GPL-3.0-or-later
"""The last runs of all node trees, and how much of them is kept on disk."""

from __future__ import annotations

from collections.abc import Iterator

from .run import Run

_MAX_RUNS = 20


class History:
    """The last runs, the newest last. The oldest are forgotten when there are too many, or when they fill the disk."""

    def __init__(self) -> None:
        self._runs: list[Run] = []

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs)

    def add(self, run: Run) -> list[Run]:
        """Add a run. Returns those that are forgotten."""
        self._runs.append(run)
        forgotten = [other for other in self._runs if other.is_home][: max(0, len(self._runs) - _MAX_RUNS)]
        for oldest in forgotten:
            oldest.forget()
            self._runs.remove(oldest)
        return forgotten

    def trim(self, max_bytes: int) -> None:
        """Forget results and logs of the oldest runs until all keep at most `max_bytes`. The newest run stays."""
        kept = [run for run in self._runs[:-1] if run.is_home and run.is_kept]
        too_much = sum(run.size for run in self._runs) - max_bytes
        for run in kept:
            if too_much <= 0:
                return
            too_much -= run.size
            run.forget()

    def clear(self) -> None:
        for run in self._runs:
            run.forget()
        self._runs.clear()
