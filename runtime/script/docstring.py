# SPDX-License-Identifier: GPL-3.0-or-later
"""Google-style docstrings: the first paragraph and the description of each name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

_NAMED_SECTIONS: Final = ("Args", "Arguments", "Parameters", "Attributes")
_HEADER: Final = re.compile(r"([A-Z][A-Za-z ]*):\s*$")
_ENTRY: Final = re.compile(r"(?P<names>\*{0,2}\w+(?:\s*,\s*\w+)*)\s*(?:\([^)]*\))?\s*:\s*(?P<text>.*)")


@dataclass(frozen=True, slots=True)
class Docstring:
    """What a docstring says, each part on one line.

    Attributes:
        summary: the first paragraph.
        names: what the sections on arguments and attributes say, name by name.
        returns: what the section on the return value says.
    """

    summary: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    returns: str = ""


def read_docstring(text: str | None) -> Docstring:
    """Read what `ast.get_docstring` gives; None reads as empty."""
    lines = inspect.cleandoc(text or "").splitlines()
    names: dict[str, str] = {}
    returns = ""
    for header, body in _sections(lines):
        if header in _NAMED_SECTIONS:
            names.update(_entries(body))
        elif header == "Returns":
            returns = _one_line(body)
    return Docstring(_summary(lines), names, returns)


def _summary(lines: list[str]) -> str:
    paragraph: list[str] = []
    for line in lines:
        if not line.strip() or _HEADER.fullmatch(line):
            break
        paragraph.append(line)
    return _one_line(paragraph)


def _sections(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each header with the indented lines below it."""
    header, body = "", list[str]()
    for line in lines:
        if line.strip() and not line[0].isspace():
            yield header, body
            match = _HEADER.fullmatch(line)
            header, body = (match[1] if match else ""), []
        else:
            body.append(line)
    yield header, body


def _entries(body: list[str]) -> dict[str, str]:
    """`name: text`, `name (type): text` and `one, another: text`; lines that are indented further continue it."""
    entries: list[tuple[str, list[str]]] = []
    for line in inspect.cleandoc("\n".join(["", *body])).splitlines():
        match = _ENTRY.fullmatch(line)
        if match:
            entries.append((match["names"], [match["text"]]))
        elif entries:
            entries[-1][1].append(line)
    return {name.strip(" *"): _one_line(text) for names, text in entries for name in names.split(",")}


def _one_line(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())
