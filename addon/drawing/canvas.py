# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws rectangles and texts over a region: the rectangles of each colour in one go, then the texts."""

from __future__ import annotations

import blf
import gpu
from gpu_extras.batch import batch_for_shader

Color = tuple[float, float, float, float]

_FONT = 0


class Canvas:
    """Collects what is to be drawn, in pixels of the region; `draw` draws it."""

    def __init__(self) -> None:
        self._points: dict[Color, list[tuple[float, float]]] = {}
        self._texts: list[tuple[str, float, float, float, Color]] = []

    def rectangle(self, left: float, bottom: float, right: float, top: float, color: Color) -> None:
        corners = (left, bottom), (right, bottom), (right, top), (left, top)
        points = self._points.setdefault(color, [])
        points += (corners[0], corners[1], corners[2], corners[0], corners[2], corners[3])

    def frame(self, left: float, bottom: float, right: float, top: float, width: float, color: Color) -> None:
        """The outline of a rectangle, drawn around it."""
        self.rectangle(left - width, bottom - width, right + width, bottom, color)
        self.rectangle(left - width, top, right + width, top + width, color)
        self.rectangle(left - width, bottom, left, top, color)
        self.rectangle(right, bottom, right + width, top, color)

    def text(self, text: str, x: float, y: float, size: float, color: Color) -> None:
        """A line of text; `y` is its base line."""
        self._texts.append((text, x, y, size, color))

    def draw(self) -> None:
        if self._points:
            gpu.state.blend_set("ALPHA")
            # One that Blender draws its own windows with: others are compiled at their first use, which takes a while.
            shader = gpu.shader.from_builtin("UNIFORM_COLOR")
            for color, points in self._points.items():
                shader.uniform_float("color", color)
                batch_for_shader(shader, "TRIS", {"pos": points}).draw(shader)
            gpu.state.blend_set("NONE")
        for text, x, y, size, color in self._texts:
            blf.size(_FONT, size)
            blf.color(_FONT, *color)
            blf.position(_FONT, x, y, 0.0)
            blf.draw(_FONT, text)


def text_width(text: str, size: float) -> float:
    """The width of a text in pixels."""
    blf.size(_FONT, size)
    return blf.dimensions(_FONT, text)[0]
