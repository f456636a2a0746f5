# SPDX-License-Identifier: GPL-3.0-or-later
"""Where two versions of a script differ."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from ..errors import SignatureError
from ..script.signature import ScriptSource, parse
from .source_tree import digest_of

#: The fields of statements that hold statements.
_BODIES: Final = ("body", "handlers", "orelse", "finalbody", "cases")


def changed_line(old: str, new: str) -> int | None:
    """The line of the new text where the first statement that is not the old one's begins, None if there is none.

    Comments and layout don't count. Where statements were only removed at the end, it is the last line that is left.
    """
    try:
        before, after = list(_statements(old)), list(_statements(new))
    except (SignatureError, RecursionError, MemoryError):
        return None
    same = 0
    while same < min(len(before), len(after)) and before[same][0] == after[same][0]:
        same += 1
    if same < len(after):
        return after[same][1]
    return after[-1][1] if after and same < len(before) else None


def _statements(text: str) -> Iterator[tuple[str, int]]:
    """Each statement, one after another, of a compound one its head: what and where in others it is, and its line."""
    waiting: list[tuple[str, ast.AST]] = [("", statement) for statement in reversed(parse(ScriptSource(text, "")).body)]
    while waiting:
        place, statement = waiting.pop()
        bodies = {name: body for name in _BODIES if isinstance(body := getattr(statement, name, None), list)}
        head = [value for name, value in ast.iter_fields(statement) if name not in bodies]
        line = statement.pattern.lineno if isinstance(statement, ast.match_case) else getattr(statement, "lineno", 0)
        yield digest_of([place, type(statement).__name__, *head]), line
        inner = [(f"{place}.{name}", each) for name, body in bodies.items() for each in body]
        waiting.extend(reversed(inner))
