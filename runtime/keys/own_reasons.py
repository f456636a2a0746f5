# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a task would run whatever it is given by others: what was changed of itself, in words for an artist."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Final

from .key import InputPart, KeyParts
from .reasons import Cause, Reason, reasons

#: What a task depends on only if its script or its inputs let it: an input that is not known yet may do so.
_BY_INPUTS: Final = ("scene", "open_file", "devices", "others")


def own_reasons(
    old: KeyParts, new: KeyParts, identifiers: Collection[str], text_of: Callable[[str], str | None]
) -> tuple[Reason, ...]:
    """The difference between two keys, of one of which some inputs are not known yet; nothing if these decide.

    Args:
        old: the parts of the key of the last result.
        new: the parts of the key it has now, without the inputs that are not known.
        identifiers: of all inputs that it has now.
        text_of: as in `reasons.reasons`.
    """
    if {each.identifier for each in old.inputs} != set(identifiers):
        return (Reason(Cause.SOCKETS_CHANGED),)
    known = {each.identifier for each in new.inputs}
    unsure: dict[str, Any] = {name: None for name in _BY_INPUTS if None in (getattr(old, name), getattr(new, name))}
    if known != set(identifiers):
        unsure["others"] = None  # what all items are given may be among the inputs that are not known
    before, after = (
        replace(parts, inputs=tuple(_alone(each) for each in parts.inputs if each.identifier in known), **unsure)
        for parts in (old, new)
    )
    return reasons(before, after, text_of)


def _alone(part: InputPart) -> InputPart:
    """An input without what its data-blocks share with other inputs."""
    contents = [
        replace(
            content,
            elements=tuple(replace(each, number=0, blob=0, origins=(), are_unchanged=()) for each in content.elements),
        )
        for content in part.contents
    ]
    return replace(part, contents=tuple(contents))
