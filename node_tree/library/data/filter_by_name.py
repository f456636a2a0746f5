# SPDX-License-Identifier: GPL-3.0-or-later
"""Divide data-blocks into those whose names fit a pattern and the others."""

from fnmatch import fnmatchcase
from typing import NamedTuple

import bpy

from background_nodes.script import log


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        matching: What fits, in the same order.
        others: What does not.
    """

    matching: list[bpy.types.ID]
    others: list[bpy.types.ID]


def main(data: list[bpy.types.ID], pattern: str = "*") -> Output:
    """Filter `data`.

    Args:
        data: Objects, materials, images ...
        pattern: * stands for any text, ? for any letter. Several patterns have ; between them, as in *_high; *_HP.
            Upper and lower case are the same.
    """
    patterns = [each.strip().casefold() for each in pattern.split(";") if each.strip()]
    if not patterns:
        raise ValueError("The pattern is empty; write * for all")
    patterns = [each.replace("[", "[[]") for each in patterns]  # which else would stand for several letters
    fits = [any(fnmatchcase(item.name.casefold(), each) for each in patterns) for item in data]
    found = Output(
        [item for item, fit in zip(data, fits, strict=True) if fit],
        [item for item, fit in zip(data, fits, strict=True) if not fit],
    )
    log(f"{len(found.matching)} of {len(data)} fit {pattern}")
    return found
