# SPDX-License-Identifier: GPL-3.0-or-later
"""How an editor shows nodes, modifiers and constraints: fields that count only for who can see them.

By which names Python comes to them is told in `keys.arrangement`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

import numpy

from ...keys import arrangement
from ..rows import Rows

_ALL = -1
#: Bits of `bNode.flag`: selected, with its options, preview shown, folded, active, and what its being active says of
#: its image: that it is baked to, painted on.
_NODE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 14 | 1 << 19
#: Of `bNodeSocket.flag`: selected, unfolded. A hidden socket is another thing than a folded one.
_SOCKET = 1 << 0 | 1 << 6
_CONSTRAINT_IS_ACTIVE = 1 << 4
_MODIFIER_IS_ACTIVE = 1 << 2

#: By struct: fields, and which of their bits.
_FIELDS: Mapping[str, Mapping[str, int]] = {
    "bConstraint": {"flag": _CONSTRAINT_IS_ACTIVE, "ui_expand_flag": _ALL},
    "bNode": {
        **dict.fromkeys(("height", "location", "locx", "locy", "offsetx", "offsety", "width"), _ALL),
        "flag": _NODE,
    },
    "bNodePanelState": {"flag": _ALL},
    "bNodeSocket": {"flag": _SOCKET},
    "bNodeTree": {"tree_interface.active_index": _ALL},
}
#: Of all modifiers: what begins their structs.
_OF_MODIFIERS: Mapping[str, int] = {
    "modifier.flag": _MODIFIER_IS_ACTIVE,
    "modifier.layout_panel_open_flag": _ALL,
    "modifier.ui_expand_flag": _ALL,
}


def take_arrangement(rows: Rows) -> Iterator[tuple[int, bytes]]:
    """Set the fields to 0 that tell how something is arranged. Gives what they were, by data-block."""
    fields = _FIELDS.get(rows.struct.name) or (_OF_MODIFIERS if rows.has("modifier.ui_expand_flag") else {})
    taken = [rows.take_bits(name, bits) for name, bits in fields.items() if rows.has(name)]
    if taken:
        table = numpy.hstack(taken)
        for owner, start, end in rows.parts():
            yield owner, table[start:end].tobytes()


#: What sees it without a script: paths and expressions of drivers, and what nodes are told to read.
_READING: Mapping[str, tuple[str, ...]] = {
    "ChannelDriver": ("expression",),
    "DriverVar": tuple(f"targets[{number}].rna_path" for number in range(8)),
    "NodeShaderAttribute": ("name",),
}


def owners_seeing(rows: Rows, letters_of: Callable[[Rows, str], list[bytes]]) -> Iterator[int]:
    """The data-blocks that look different if something that they use is arranged in another way.

    Args:
        rows: structs.
        letters_of: gives the letters that a pointer of each leads to.
    """
    for name in filter(rows.has, _READING.get(rows.struct.name, ())):
        texts = letters_of(rows, name) if rows.is_pointer(name) else rows.strings(name).tolist()
        for owner, text in zip(rows.owners.tolist(), texts, strict=True):
            if arrangement.is_seen_by(os.fsdecode(text)):
                yield owner
