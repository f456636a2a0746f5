# SPDX-License-Identifier: GPL-3.0-or-later
"""Where scripts come from: what the artist wrote here, as opposed to what came with a file, an append or a link.

A text that came in is followed from then on. What is written in a text is the artist's own if what stood there before
may run; else it is as foreign as that was, however little of it is left: a script that is opened to be read is not
allowed by a key that was pressed. What the content of a text once was foreign stays so wherever it turns up again, by
undo, redo, a copy, or another file.

Texts are known by their `session_uid`, contents by their digest.

Where Blender runs the Python code in the open file, its scripts run, too. What came as text with nodes is not of that
file.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ...runtime.keys import own_modules

_EMPTY: Final = own_modules.digest_of_text("")


class Standing(enum.IntEnum):
    """For how long a script may run."""

    NONE = 0
    SESSION = 1
    LASTING = 2


class Origins:
    """What came, and what was written here.

    Args:
        standing: tells whether a script may run because the artist allowed it.
    """

    def __init__(self, standing: Callable[[str], Standing]) -> None:
        self._allowed = standing
        self._texts: dict[int, str] = {}  # what each text held when it was last looked at
        self._foreign: dict[str, str] = {}  # content that came, and with what
        self._written: dict[str, Standing] = {}
        self._not_of_a_file: set[str] = set()
        self._named_files: set[Path] = set()
        self._chosen_files: set[Path] = set()
        self._files_named_elsewhere: set[Path] = set()

    # Texts

    def knows(self, uid: int) -> bool:
        return uid in self._texts

    def came(self, uid: int, digest: str, source: str) -> None:
        """A text came with a file: opened, appended, linked."""
        self._texts[uid] = digest
        self._add_foreign(digest, source)

    def came_as_text(self, uid: int, digest: str, source: str) -> None:
        """A text came with nodes that were no .blend file: whoever trusts the open one knows nothing of it."""
        if not self.standing(digest):
            self._not_of_a_file.add(digest)
        self.came(uid, digest, source)

    def is_text_of_open_file(self, digest: str) -> bool:
        """Whether who trusts the open file trusts a text or a module, too."""
        return digest not in self._not_of_a_file

    def saw(self, uid: int, digest: str, *, is_reloaded: bool = False) -> None:
        """What a text holds now. One that nobody knew yet was made here.

        Args:
            uid: of the text.
            digest: of what it holds.
            is_reloaded: whether that was read from a file which is not the artist's own.
        """
        before = self._texts.get(uid, _EMPTY)
        self._texts[uid] = digest
        if before == digest or digest in self._foreign or digest == _EMPTY:
            return
        standing = Standing.NONE if is_reloaded else self.standing(before)
        if standing:
            self._written[digest] = max(standing, self._written.get(digest, Standing.NONE))
        elif digest not in self._written:
            self._add_foreign(digest, self._foreign.get(before, ""))
            if before in self._not_of_a_file:
                self._not_of_a_file.add(digest)

    def made(self, uid: int, digest: str) -> None:
        """A text was made here of what ships with Background Nodes: it is the artist's own, whatever came before."""
        self._texts[uid] = digest
        self._written[digest] = Standing.LASTING

    def forget_texts(self) -> None:
        """Another file was opened. What was written here stays known by its content."""
        self._texts.clear()

    def standing(self, digest: str) -> Standing:
        """For how long a script may run: as the artist wrote or allowed it."""
        if digest == _EMPTY:
            return Standing.LASTING
        return max(self._written.get(digest, Standing.NONE), self._allowed(digest))

    def was_written_here(self, digest: str) -> bool:
        """Whether it is the artist's own, and more than a change of what is allowed for this session only."""
        return self._written.get(digest) is Standing.LASTING

    def source(self, digest: str) -> str:
        """What it came with, "" if nobody knows."""
        return self._foreign.get(digest, "")

    def revoke(self, digest: str) -> None:
        """It is the artist's own no longer."""
        self._written.pop(digest, None)
        self._add_foreign(digest, "")

    def _add_foreign(self, digest: str, source: str) -> None:
        if digest != _EMPTY and not self._foreign.get(digest):
            self._foreign[digest] = source

    # Files

    def named(self, path: Path) -> None:
        """A node tree names a file as a script. If nobody chose it here, the tree came with it."""
        if path not in self._chosen_files:
            self._named_files.add(path)

    def named_elsewhere(self, path: Path) -> None:
        """A node that came as text names a file as its script."""
        self.named(path)
        if path not in self._chosen_files:
            self._files_named_elsewhere.add(path)

    def chose(self, path: Path, *, may_run: bool) -> None:
        """The artist chose a file, or edits it elsewhere: it is theirs, unless it came and may not run yet."""
        if may_run or path not in self._named_files:
            self._chosen_files.add(path)

    def is_own_file(self, path: Path) -> bool:
        return path in self._chosen_files

    def is_file_of_open_file(self, path: Path | None) -> bool:
        """Whether who trusts the open file trusts a file that a node names, too."""
        return path not in self._files_named_elsewhere

    def is_named_file(self, path: Path) -> bool:
        return path in self._named_files and path not in self._chosen_files
