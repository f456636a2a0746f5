# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that is longer than its panel is wide: a label for each line, broken between words."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import blf
import bpy
from bpy.app.translations import pgettext_iface as translated

#: The font of the interface.
_FONT = 0
#: Of a panel's width, what is left of and right of a label, in UI units.
_MARGIN = 64.0
_LINE_HEIGHT = 0.8


def draw(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    text: str,
    *,
    icon: str = "NONE",
    share: float = 1.0,
    width: int = 0,
    max_lines: int = 12,
) -> None:
    """A text as wide as a share of the region, or of a dialog of that `width` in UI pixels.

    The icon is before its first line; what is too long ends in dots.
    """
    scale = context.preferences.system.ui_scale
    points = context.preferences.ui_styles[0].widget.points * scale
    outer = width * scale if width else context.region.width
    inner = (outer - _MARGIN * scale) * share - (0.0 if icon == "NONE" else 20.0 * scale)
    lines = _lines(text, round(inner), round(points, 1))
    shown = [*lines[: max_lines - 1], f"{lines[max_lines - 1]} …"] if len(lines) > max_lines else lines
    column = layout.column(align=True)
    column.scale_y = _LINE_HEIGHT
    for index, line in enumerate(shown):
        line_icon = "NONE" if icon == "NONE" else icon if index == 0 else "BLANK1"
        column.label(text=line, icon=line_icon, translate=False)


def draw_rest(layout: bpy.types.UILayout, found: Sequence[object], most: int) -> None:
    """How many there are beyond the first ones, which are shown above; nothing if these are all."""
    if len(found) > most:
        layout.label(text=translated("and {count} more").format(count=len(found) - most), translate=False)


@functools.lru_cache(maxsize=512)
def _lines(text: str, width: int, points: float) -> tuple[str, ...]:
    blf.size(_FONT, points)
    lines: list[str] = []
    for paragraph in text.strip().splitlines():
        lines += _broken(paragraph, width)
    return tuple(lines) or ("",)


def _broken(paragraph: str, width: int) -> list[str]:
    lines = [""]
    for word in paragraph.split():
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if blf.dimensions(_FONT, longer)[0] <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
