# SPDX-License-Identifier: GPL-3.0-or-later
"""Text for a terminal: names, progress and errors come from files and scripts, and a terminal obeys what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

#: Control characters, and those that turn the direction of writing or break a line without showing it.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")

#: So much of 80 columns names take at most: the rest is for what is told of them.
_MAX_NAME: Final = 32


def harmless(text: str) -> str:
    """`text` with such characters spelled out, as in Python. Tabs and ends of lines stay."""
    return _UNSAFE.sub(lambda match: match[0] if match[0] in "\n\t" else _escaped(match[0]), text)


def one_line(text: str) -> str:
    """The same with ends of lines and tabs as spaces, so that no name can pass for another line."""
    return _UNSAFE.sub(lambda match: " " if match[0] in "\n\t\r" else _escaped(match[0]), text)


def name_width(names: Iterable[str]) -> int:
    """How wide a column of names is: a longer name, such as that of a node in groups, moves its own line only."""
    return min(_MAX_NAME, max(map(len, names), default=0))


def _escaped(character: str) -> str:
    return ascii(character)[1:-1]
