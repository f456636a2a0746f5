# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields that say nothing in part, or in some structs only. See `run_time_fields` for those that never do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..rows import Rows
from .previews import PREVIEW, clear_drawn

#: Bits of `PointCache.flag`: what is simulated is kept; and what the last simulation found.
_BAKED, _FOUND = 1 << 0, 1 << 1 | 1 << 3 | 1 << 8 | 1 << 13 | 1 << 14
_IS_VALID = 1 << 2
#: Bits of `bPose.flag` that no property shows: what is to be computed again.
_TO_COMPUTE = 0xFF
#: Bits of `texflag`: the texture space is to be computed from the geometry; and that was done.
_AUTOMATIC, _DONE = 1 << 0, 1 << 1


def _point_cache(rows: Rows) -> None:
    rows.clear_bits("flag", _FOUND)
    unbaked = rows.numbers("flag") & _BAKED == 0
    rows.clear_bits("flag", _IS_VALID, unbaked)
    for name in ("editframe", "last_exact", "last_valid", "simframe"):
        rows.clear(name, unbaked)


def _pose(rows: Rows) -> None:
    rows.clear_bits("flag", _TO_COMPUTE)


def _texture_space(rows: Rows) -> None:
    is_automatic = rows.numbers("texflag") & _AUTOMATIC != 0
    rows.clear_bits("texflag", _DONE)
    for name in ("loc", "size"):
        rows.clear(name, is_automatic)


def _attribute_array(rows: Rows) -> None:
    """An empty array is nowhere: what its pointer leads to is whatever came to lie there."""
    rows.clear("data", rows.numbers("size") == 0)


_RULES: Mapping[str, Callable[[Rows], None]] = {
    "AttributeArray": _attribute_array,
    "Curve": _texture_space,
    "Mesh": _texture_space,
    "MetaBall": _texture_space,
    "PointCache": _point_cache,
    PREVIEW: clear_drawn,
    "bPose": _pose,
}


#: Fields of so many letters hold a text, which ends with the first zero, but for these.
_TEXT_SIZE = 30
_BINARY = frozenset({"elemstr", "s"})


def clear_run_time_values(rows: Rows) -> None:
    """Set what says nothing to 0."""
    for field in rows.struct.fields:
        is_text = field.type == "char" and field.count >= _TEXT_SIZE and not field.stars
        if is_text and field.name.rpartition(".")[2] not in _BINARY:
            rows.clear_after_text(field.name)
    if rows.struct.name in _RULES:
        _RULES[rows.struct.name](rows)
