"""What the artist reads can be translated: no words are put together with values outside of a translated string."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: The command line, which speaks English as its JSON does; and scripts.
NOT_IN_A_WINDOW = ("addon/command_line/", "node_tree/lookup.py")
FILES = [
    path.relative_to(ROOT).as_posix()
    for folder in ("addon", "node_tree")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not path.relative_to(ROOT)
    .as_posix()
    .startswith((*NOT_IN_A_WINDOW, "node_tree/library/", "addon/scripts/templates/"))
]
#: Units are the same in all languages.
UNITS = {"ms", "MB", "GB"}


def shown_values(tree: ast.AST) -> Iterator[ast.expr]:
    """What is given to a layout as its text, or reported by an operator."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "text")
            if node.func.attr in ("report", "poll_message_set"):
                yield from node.args


def words_beside_values(value: ast.expr) -> list[str]:
    """The words of an f-string; nobody can translate those."""
    texts = [
        part.value
        for joined in ast.walk(value)
        if isinstance(joined, ast.JoinedStr)
        for part in joined.values
        if isinstance(part, ast.Constant)
    ]
    return [word for text in texts for word in re.findall(r"[A-Za-z]{2,}", text) if word not in UNITS]


def untranslated_formats(value: ast.expr) -> list[str]:
    """Strings that are formatted before they are translated."""
    return [
        call.func.value.value
        for call in ast.walk(value)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "format"
        and isinstance(call.func.value, ast.Constant)
    ]


@pytest.mark.parametrize("file", FILES)
def test_text_with_values_in_it_is_translated_first(file):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    wrong = [
        f"line {value.lineno}: {found}"
        for value in shown_values(tree)
        for found in (words_beside_values(value) or untranslated_formats(value))
    ]
    assert not wrong
