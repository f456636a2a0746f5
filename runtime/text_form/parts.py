# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a text: of JSON that may hold anything, with how they are refused; of an interface that was checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn

from ..errors import BuildError, Problem

#: What to do about a text that is none of ours.
FIX: Final = "Give a text that Background Nodes has written"


def dict_of(owner: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object under a key; none there is an empty one. Raises BuildError."""
    found = owner.get(key, {})
    if not isinstance(found, dict):
        refuse(f'"{key}" is no JSON object')
    return found


def list_of(owner: Mapping[str, Any], key: str) -> list[Any]:
    """The list under a key; none there is an empty one. Raises BuildError."""
    found = owner.get(key, [])
    if not isinstance(found, list):
        refuse(f'"{key}" is no list')
    return found


def sockets_in(items: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The inputs and outputs of an interface, those in its panels, too."""
    for item in items:
        if "panel" in item:
            yield from sockets_in(item.get("items", []))
        else:
            yield item


def only(owner: Mapping[str, Any], where: str, *known: str) -> None:
    """Refuse what nobody would heed: a misspelt key changes nothing without a word."""
    for key in owner:
        if key not in known:
            raise BuildError([Problem(shortened(where), "", f"{shown(key)} means nothing there", FIX)])


def is_numbers(value: Any, count: int) -> bool:
    """Whether something is a list of so many numbers."""
    is_list = isinstance(value, list) and len(value) == count
    return is_list and all(isinstance(each, int | float) and not isinstance(each, bool) for each in value)


def shown(value: Any) -> str:
    """Something as a message shows it."""
    try:
        text = repr(value)
    except ValueError:  # Python does not write whole numbers of thousands of digits
        text = "a number"
    return shortened(text)


def shortened(text: str, limit: int = 80) -> str:
    """A text as a message shows it."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def refuse(message: str, fix: str = FIX) -> NoReturn:
    """Raise BuildError."""
    raise BuildError([Problem("", "", message, fix)])
