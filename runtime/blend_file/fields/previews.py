# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of data-blocks, an icon and a larger one each. Those that somebody chose count; Blender draws the others."""

from __future__ import annotations

from ..dna import Dna
from ..rows import Rows

PREVIEW = "PreviewImage"
#: A bit of the flag of each picture.
_CHOSEN = 1 << 1


def is_chosen(preview: memoryview, dna: Dna) -> list[bool]:
    """Whether somebody chose each of the pictures."""
    field = dna.field(PREVIEW, "flag")
    return [bool(flag & _CHOSEN) for flag in preview[field.offset : field.offset + field.num_bytes].cast("H")]


def addresses(preview: memoryview, dna: Dna) -> list[int]:
    """Where the pixels of each of the pictures are."""
    field = dna.field(PREVIEW, "rect")
    return preview[field.offset : field.offset + field.num_bytes].cast("Q").tolist()


def clear_drawn(rows: Rows) -> None:
    """Set what says something of drawn pictures to 0."""
    flags = rows.items("flag")
    flags[:, :, 0] &= _CHOSEN
    flags[:, :, 1:] = 0
    for name in ("h", "rect", "w"):
        rows.items(name)[flags[:, :, 0] == 0] = 0
