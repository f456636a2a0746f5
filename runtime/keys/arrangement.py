# SPDX-License-Identifier: GPL-3.0-or-later
"""How an editor shows nodes, modifiers and constraints: where, how large, selected, folded. It changes nothing else.

These are the names by which Python and the paths of drivers come to it. Which fields of a file hold it is told in
`blend_file.fields.arranged_fields`.
"""

from __future__ import annotations

import re
from typing import Final

#: Attributes that lead from a data-block, or from a part of it, to what is arranged.
ROADS: Final = frozenset(
    {
        *("cloth", "constraints", "from_node", "from_socket", "get_output_node", "interface", "modifiers", "nodes"),
        *("to_node", "to_socket"),
    }
)
#: Attributes that tell how something is arranged. `foreach_get` reads one whose name may be computed.
NAMES: Final = frozenset(
    {
        *(
            "active",
            "active_index",
            "dimensions",
            "foreach_get",
            "height",
            "hide",
            "is_active",
            "is_collapsed",
            "location",
        ),
        *("location_absolute", "select", "show_expanded", "show_options", "show_preview", "show_texture", "width"),
    }
)
#: So begin those that tell which parts of a modifier's panel are open.
_OPEN: Final = "open_"
_ROAD: Final = re.compile(rf"\b(?:{'|'.join(sorted(ROADS))})\[")
_NAME: Final = re.compile(rf"(?:^|\.)(?:{'|'.join(sorted(NAMES))}|{_OPEN}\w+)(?:\[\w*\]?)?$")
_EXPRESSION: Final = re.compile(rf"\.(?:{'|'.join(sorted(NAMES))}|{_OPEN}\w+)\b")


def tells(name: str) -> bool:
    """Whether an attribute of that name may tell how something is arranged."""
    return name in NAMES or name.startswith(_OPEN)


def has_road(text: str) -> bool:
    """Whether a text, or a part of one, may be the path of a property that leads to what is arranged."""
    return _ROAD.search(text) is not None


def has_name(text: str) -> bool:
    """Whether a text, or a part of one, may be such a name or end with one."""
    return _NAME.search(text) is not None


def is_seen_by(expression: str) -> bool:
    """Whether the path or the expression of a driver may look at how something is arranged."""
    return has_road(expression) and _EXPRESSION.search(expression) is not None
