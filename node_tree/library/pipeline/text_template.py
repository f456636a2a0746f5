# SPDX-License-Identifier: GPL-3.0-or-later
"""Put values into a text: a path, a name, a caption."""

import re
from typing import Any

#: {name}, or {number:04d} with a format; {{ and }} are the signs themselves.
FIELD = re.compile(r"\{\{|\}\}|\{([^{}:]*)(?::([^{}]*))?\}|[{}]")


def main(
    template: str,
    name: str = "",
    number: int = 0,
    value: float = 0.0,
    values: dict | None = None,
) -> str:
    """Fill `template`.

    Args:
        template: The text, with {name}, {number}, {value} and the names in Values where these shall be. A colon and a
            format may follow, as in {number:03d} for 007 or {value:.2f} for 0.25.
        name: What {name} stands for.
        number: What {number} stands for.
        value: What {value} stands for.
        values: JSON with more: {size} is its entry size, {size/0} the first of a list.

    Returns:
        The text.
    """
    if not template:
        raise ValueError("The template is empty; write a text such as {name}_{number:03d}")
    known: dict[str, Any] = {"name": name, "number": number, "value": value, **(values or {})}

    def filled(match: re.Match) -> str:
        whole = match[0]
        if whole in ("{{", "}}"):
            return whole[0]
        if match[1] is None:
            raise ValueError(f"A {whole} of {template} stands alone; write it twice if you mean the sign")
        found = entry(known, match[1].strip())
        try:
            return format(found, match[2] or "")
        except (ValueError, TypeError):
            raise ValueError(f"{found!r} can't be written as {match[2]}; change the format in {whole}") from None

    return FIELD.sub(filled, template)


def entry(known: dict[str, Any], path: str) -> Any:
    found: Any = known
    for part in path.split("/"):
        if isinstance(found, dict) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            raise ValueError(f"Nothing is called {{{path}}}; there are {', '.join(f'{{{each}}}' for each in known)}")
    return found
