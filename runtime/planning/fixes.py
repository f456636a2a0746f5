# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist can do about a name that is unknown, an input that gets no value, or one that does not fit."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from ..script.signature import Parameter
from ..script.socket_types import ANY_DATA_BLOCK, SocketType
from ..script.values import with_article

#: What to do instead of a conversion that is refused.
_DETOURS: Final[dict[tuple[str, str], str]] = {
    ("FLOAT", "INT"): "Round it in a script, or link an Integer",
    ("STRING", "INT"): "Turn the text into a number in a script, or link an Integer",
    ("STRING", "FLOAT"): "Turn the text into a number in a script, or link a Float",
    ("VECTOR", "FLOAT"): "Take one of its components in a script, or link a Float",
    ("COLOR", "FLOAT"): "Take one of its components in a script, or link a Float",
    ("Collection", "Object"): "Put a Split Collection node between them",
}


def ask_for_similar(name: str, names: Iterable[str]) -> str:
    """For a name that is unknown, the names like it; "" if there are none."""
    similar = [f'"{each}"' for each in difflib.get_close_matches(name, names)]
    return f"Did you mean {' or '.join(similar)}?" if similar else ""


def fix_missing(parameter: Parameter) -> str:
    """For an input with neither link nor value."""
    kind = "data-block" if parameter.type.kind == ANY_DATA_BLOCK else parameter.type.kind
    if parameter.type.is_data_block and parameter.type.is_list:
        return f"Link or choose data-blocks of type {kind}" if kind != "data-block" else "Link or choose data-blocks"
    if parameter.type.is_data_block:
        return f"Link {with_article(kind)} or choose one"
    if parameter.choices:
        return f"Link a value or choose one of {', '.join(map(str, parameter.choices))}"
    if parameter.type.kind == "ANY":
        return f"Link a {'list' if parameter.type.is_list else 'value'} or set one"
    return f"Link {with_article(str(parameter.type))} or set one"


def fix_unset(source: SocketType) -> str:
    """For a link from a node on which nothing is set; `source` is what it gives."""
    if source.is_data_block:
        wanted = "data-block" if source.kind == ANY_DATA_BLOCK else source.kind
        return f"Choose {with_article(wanted)} there"
    return f"Set {with_article(str(source))} there"


def fix_refused(source: SocketType, target: SocketType) -> str:
    """For a link whose value can't be converted."""
    detour = _DETOURS.get((source.kind, target.kind))
    if detour is not None:
        return detour
    wanted = "data-block" if target.kind == ANY_DATA_BLOCK else str(SocketType(target.kind))
    if source.is_data_block and not target.is_data_block:
        return f"Link an output that gives {with_article(wanted)}, or work it out from the {source.kind} in a script"
    return f"Link an output that gives {with_article(wanted)}"
