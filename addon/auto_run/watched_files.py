# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether files that trees have read are still as they were: looked at from time to time, on a thread of its own.

A disk may be slow, or gone: nobody waits for it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Container, Iterable, Mapping

#: Size and time of a file; None if there is none.
_Stamp = tuple[int, int] | None


class WatchedFiles:
    """Files by the `session_uid` of the tree whose last run has read them."""

    def __init__(self) -> None:
        self._stamps: dict[int, dict[str, _Stamp]] = {}
        self._look: threading.Thread | None = None
        self._found: dict[int, dict[str, _Stamp]] = {}

    def __bool__(self) -> bool:
        return any(self._stamps.values())

    def watch(self, tree: int, paths: Iterable[str]) -> None:
        """Watch these files from now on, and no others for the tree."""
        self._stamps[tree] = {path: _stamp(path) for path in paths}

    def renew(self, tree: int, paths: Iterable[str]) -> None:
        """Take some of the files of a tree as they are now: its own run may have written them."""
        known = self._stamps.get(tree, {})
        known.update((path, _stamp(path)) for path in paths if path in known)

    def keep(self, trees: Container[int]) -> None:
        """Watch no files of other trees any more."""
        self._stamps = {tree: files for tree, files in self._stamps.items() if tree in trees}

    def forget(self) -> None:
        self._stamps.clear()

    def changed(self) -> set[int]:
        """The trees whose files the last look found changed. Begins the next look, and waits for none."""
        if self._look is not None and self._look.is_alive():
            return set()
        found, self._found = self._found, {}
        changed = {tree for tree, now in found.items() if now.keys() == self._stamps.get(tree, {}).keys()}
        self._stamps.update((tree, found[tree]) for tree in changed)
        self._look = threading.Thread(target=self._find, args=(dict(self._stamps),), daemon=True)
        self._look.start()
        return changed

    def wait(self) -> None:
        """Until the look that goes on is over: for tests."""
        if self._look is not None:
            self._look.join()

    def _find(self, stamps: Mapping[int, Mapping[str, _Stamp]]) -> None:
        now = {tree: {path: _stamp(path) for path in known} for tree, known in stamps.items()}
        self._found = {tree: files for tree, files in now.items() if files != stamps[tree]}


def _stamp(path: str) -> _Stamp:
    try:
        found = os.stat(path)  # noqa: PTH116 (the path may be none)
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns
