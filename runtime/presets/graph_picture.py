# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of a graph: nodes as boxes with a header, links as curves. No text, which nobody could read at that size.

Drawn with arrays, so that it is the same in a window, in background and on a machine without a graphics card.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy

Color = tuple[float, float, float]

#: Pixels of a side.
SIZE: Final = 256
#: Sizes in UI units, as those of nodes.
HEADER: Final = 26.0
ROW: Final = 22.0
_FOOT: Final = 8.0
_ROUND: Final = 5.0
_LETTER: Final = 6.0
_BAR: Final = 7.0
_FRAME_MARGIN: Final = 24.0
#: The margin of the picture in pixels, and the most pixels for a UI unit: a single node does not fill it all.
_MARGIN: Final = 16.0
_MAX_SCALE: Final = 1.25
#: Pixels for a UI unit below which a node is its header and body: a socket would be less than a pixel.
_MIN_SCALE_OF_SOCKETS: Final = 0.12
#: More are too small to be seen one by one.
_MAX_NODES: Final = 1000
_MAX_LINKS: Final = 2000

_BACKGROUND: Final = (0.115, 0.115, 0.115)
_DOT: Final = (0.165, 0.165, 0.165)
_BODY: Final = (0.188, 0.188, 0.188)
_OUTLINE: Final = (0.05, 0.05, 0.05)
_INK: Final = (0.88, 0.88, 0.88)
_FIELD: Final = (0.33, 0.33, 0.33)
_DOT_DISTANCE: Final = 16


@dataclass(frozen=True, slots=True)
class DrawnSocket:
    """A socket of a node: the colour of its dot, how many letters its label has.

    Attributes:
        field: what shows its value: "BESIDE" its label, with the label "INSIDE", a "TICK" box, "" for nothing.
    """

    identifier: str
    color: Color
    num_letters: int
    field: str = ""


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """A node as it is drawn.

    Attributes:
        key: names it for links.
        left: its place, in UI units; `top` likewise, upwards.
        color: of its header.
        body: of what is below that, None for the usual colour.
        outputs: drawn above the inputs, as Blender does, and above so many rows of `buttons`.
        form: "NODE", "COLLAPSED", "FRAME" (around `inside`), or "DOT" (a reroute).
        inside: the keys of the nodes in a frame.
    """

    key: str
    left: float
    top: float
    width: float
    color: Color
    num_letters: int
    outputs: tuple[DrawnSocket, ...] = ()
    inputs: tuple[DrawnSocket, ...] = ()
    body: Color | None = None
    form: str = "NODE"
    inside: tuple[str, ...] = ()
    buttons: int = 0

    @property
    def height(self) -> float:
        if self.form != "NODE":
            return HEADER
        return HEADER + ROW * (len(self.outputs) + self.buttons + len(self.inputs)) + _FOOT

    def place_of(self, identifier: str, *, is_output: bool) -> tuple[float, float] | None:
        """Where the dot of a socket is, None if there is no such socket."""
        if self.form == "DOT":
            return self.left, self.top
        wanted = self.outputs if is_output else self.inputs
        found = next((socket for socket in wanted if socket.identifier == identifier), None)
        if found is None:
            return None
        x = self.left + self.width if is_output else self.left
        if self.form == "COLLAPSED":
            return x, self.top - HEADER / 2.0
        row = wanted.index(found) + (0 if is_output else len(self.outputs) + self.buttons)
        return x, self.top - HEADER - ROW * (row + 0.5)


@dataclass(frozen=True, slots=True)
class DrawnLink:
    """A link, by the keys of nodes and the identifiers of sockets."""

    from_node: str
    from_socket: str
    to_node: str
    to_socket: str
    color: Color


def draw(nodes: Sequence[DrawnNode], links: Iterable[DrawnLink] = ()) -> numpy.ndarray:
    """The picture: rows from the top, each pixel red, green, blue, alpha."""
    canvas = _Canvas()
    shown = [node for node in nodes if node.form != "FRAME"][:_MAX_NODES]
    by_key = {node.key: node for node in shown}
    view = _View(shown)
    for frame in (node for node in nodes if node.form == "FRAME"):
        _draw_frame(canvas, view, frame, [by_key[key] for key in frame.inside if key in by_key])
    for link in list(links)[:_MAX_LINKS]:
        _draw_link(canvas, view, link, by_key)
    for node in shown:
        _draw_node(canvas, view, node)
    return canvas.pixels()


class _View:
    """Where in the picture a place of the graph is."""

    def __init__(self, nodes: Sequence[DrawnNode]) -> None:
        left = min((node.left for node in nodes), default=0.0)
        right = max((node.left + node.width for node in nodes), default=1.0)
        top = max((node.top for node in nodes), default=1.0)
        bottom = min((node.top - node.height for node in nodes), default=0.0)
        room = SIZE - 2.0 * _MARGIN
        self.scale = min(_MAX_SCALE, room / max(right - left, 1.0), room / max(top - bottom, 1.0))
        self._x = (left + right) / 2.0
        self._y = (top + bottom) / 2.0

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        return SIZE / 2.0 + (x - self._x) * self.scale, SIZE / 2.0 - (y - self._y) * self.scale


class _Canvas:
    """Colours from 0 to 1, rows from the top."""

    def __init__(self) -> None:
        self._colors: numpy.ndarray = numpy.empty((SIZE, SIZE, 3), numpy.float32)
        self._colors[:] = _BACKGROUND
        half = _DOT_DISTANCE // 2
        self._colors[half::_DOT_DISTANCE, half::_DOT_DISTANCE] = _DOT

    def box(
        self, left: float, top: float, right: float, bottom: float, radius: float, color: Color, alpha: float = 1.0
    ) -> None:
        """A rectangle with round corners."""
        self._fill(*_rounded(left, top, right, bottom, radius, 0.0), color, alpha)

    def shadow(self, left: float, top: float, right: float, bottom: float, radius: float, size: float) -> None:
        self._fill(*_rounded(left, top, right, bottom, radius, size), (0.0, 0.0, 0.0), 0.45)

    def dot(self, x: float, y: float, radius: float, color: Color) -> None:
        self.box(x - radius, y - radius, x + radius, y + radius, radius, color)

    def curve(self, points: numpy.ndarray, width: float, color: Color) -> None:
        """A line with an outline, through points that are about a pixel apart."""
        reach = int(numpy.ceil(width / 2.0)) + 2
        offsets = numpy.arange(-reach, reach + 1)
        places = numpy.floor(points).astype(int)
        left, top = places.min(axis=0) - reach
        shape = numpy.ptp(places, axis=0) + 2 * reach + 1
        columns = places[:, 0][:, None, None] + offsets[None, None, :]
        rows = places[:, 1][:, None, None] + offsets[None, :, None]
        distance = numpy.hypot(columns + 0.5 - points[:, 0][:, None, None], rows + 0.5 - points[:, 1][:, None, None])
        nearest = numpy.full((shape[1], shape[0]), numpy.inf, numpy.float32)
        numpy.minimum.at(nearest, (rows - top, columns - left), distance.astype(numpy.float32))
        first_x, first_y = max(left, 0), max(top, 0)
        inside = width / 2.0 + 0.5 - nearest[first_y - top :, first_x - left :]
        self._fill(first_x, first_y, numpy.clip(inside + 0.8, 0.0, 1.0), _OUTLINE, 0.7)
        self._fill(first_x, first_y, numpy.clip(inside, 0.0, 1.0), color)

    def _fill(self, left: int, top: int, cover: numpy.ndarray, color: Color, alpha: float = 1.0) -> None:
        """Mix a colour in where `cover`, whose corner lies at `left` and `top`, says how much."""
        part = self._colors[top : top + cover.shape[0], left : left + cover.shape[1]]
        cover = cover[: part.shape[0], : part.shape[1]]
        part += cover[..., None] * alpha * (numpy.array(color, numpy.float32) - part)

    def pixels(self) -> numpy.ndarray:
        found = numpy.empty((SIZE, SIZE, 4), numpy.uint8)
        found[..., :3] = numpy.round(numpy.clip(self._colors, 0.0, 1.0) * 255.0)
        left, top, cover = _rounded(0.0, 0.0, SIZE, SIZE, 16.0, 0.0)
        found[..., 3] = 0
        found[top : top + cover.shape[0], left : left + cover.shape[1], 3] = numpy.round(cover * 255.0)
        return found


def _rounded(
    left: float, top: float, right: float, bottom: float, radius: float, softness: float
) -> tuple[int, int, numpy.ndarray]:
    """How much of each pixel a rectangle with round corners covers, and where the corner of these pixels is."""
    margin = 1.0 + softness
    first_x, last_x = (
        int(numpy.clip(edge, 0, SIZE)) for edge in (numpy.floor(left - margin), numpy.ceil(right + margin))
    )
    first_y, last_y = (
        int(numpy.clip(edge, 0, SIZE)) for edge in (numpy.floor(top - margin), numpy.ceil(bottom + margin))
    )
    half_width, half_height = (right - left) / 2.0, (bottom - top) / 2.0
    radius = min(radius, half_width, half_height)
    x = numpy.abs(numpy.arange(first_x, last_x) + 0.5 - (left + right) / 2.0)[None, :] - half_width + radius
    y = numpy.abs(numpy.arange(first_y, last_y) + 0.5 - (top + bottom) / 2.0)[:, None] - half_height + radius
    distance = (
        numpy.hypot(numpy.maximum(x, 0.0), numpy.maximum(y, 0.0)) + numpy.minimum(numpy.maximum(x, y), 0.0) - radius
    )
    cover = numpy.clip(0.5 - distance, 0.0, 1.0)
    if softness:
        cover = numpy.maximum(cover, numpy.clip(1.0 - distance / softness, 0.0, 1.0) ** 2)
    return first_x, first_y, cover.astype(numpy.float32)


def _draw_frame(canvas: _Canvas, view: _View, frame: DrawnNode, inside: Sequence[DrawnNode]) -> None:
    if not inside:
        return
    left = min(node.left for node in inside) - _FRAME_MARGIN
    right = max(node.left + node.width for node in inside) + _FRAME_MARGIN
    top = max(node.top for node in inside) + _FRAME_MARGIN
    bottom = min(node.top - node.height for node in inside) - _FRAME_MARGIN
    corners = (*view.to_picture(left, top), *view.to_picture(right, bottom))
    canvas.box(*corners, _ROUND * view.scale, frame.body or _INK, 0.5 if frame.body else 0.07)


def _draw_link(canvas: _Canvas, view: _View, link: DrawnLink, nodes: dict[str, DrawnNode]) -> None:
    if link.from_node not in nodes or link.to_node not in nodes:
        return
    start = nodes[link.from_node].place_of(link.from_socket, is_output=True)
    end = nodes[link.to_node].place_of(link.to_socket, is_output=False)
    if start is None or end is None:
        return
    points = _curve(view.to_picture(*start), view.to_picture(*end))
    canvas.curve(points, float(numpy.clip(3.0 * view.scale, 1.6, 3.5)), link.color)


def _curve(start: tuple[float, float], end: tuple[float, float]) -> numpy.ndarray:
    """As Blender bends links: level where they leave and arrive."""
    reach = max(abs(end[0] - start[0]) * 0.5, min(abs(end[1] - start[1]) * 0.4, 24.0))
    handles = numpy.array([start, (start[0] + reach, start[1]), (end[0] - reach, end[1]), end])
    length = numpy.abs(numpy.diff(handles, axis=0)).sum()
    t = numpy.linspace(0.0, 1.0, max(2, int(length)))[:, None]
    weights = numpy.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    return numpy.asarray(weights @ handles)


def _draw_node(canvas: _Canvas, view: _View, node: DrawnNode) -> None:
    scale = view.scale
    if node.form == "DOT":
        canvas.dot(*view.to_picture(node.left, node.top), max(1.5, 5.0 * scale), node.color)
        return
    left, top = view.to_picture(node.left, node.top)
    right, bottom = view.to_picture(node.left + node.width, node.top - node.height)
    header = top + HEADER * scale
    radius = (HEADER / 2.0 if node.form == "COLLAPSED" else _ROUND) * scale
    canvas.shadow(left, top + 2.0 * scale, right, bottom + 3.0 * scale, radius, 9.0 * scale)
    canvas.box(left - 1.0, top - 1.0, right + 1.0, bottom + 1.0, radius + 1.0, _OUTLINE)
    canvas.box(left, top, right, bottom, radius, node.body or _BODY)
    canvas.box(left, top, right, header, radius, node.color)
    if node.form == "NODE":
        canvas.box(left, top + radius, right, header, 0.0, node.color)
    title = min(node.num_letters * _LETTER * scale, right - left - 28.0 * scale)
    _draw_bar(canvas, left + 14.0 * scale, (top + header) / 2.0, title, scale, _INK, 0.92)
    if scale < _MIN_SCALE_OF_SOCKETS:
        return
    for is_output, sockets in ((True, node.outputs), (False, node.inputs)):
        for socket in sockets:
            _draw_socket(canvas, view, node, socket, is_output=is_output)


def _draw_socket(canvas: _Canvas, view: _View, node: DrawnNode, socket: DrawnSocket, *, is_output: bool) -> None:
    place = node.place_of(socket.identifier, is_output=is_output)
    if place is None:
        return
    (x, y), scale = view.to_picture(*place), view.scale
    if node.form == "NODE":
        _draw_row(canvas, socket, x, y, node.width * scale, scale, is_output=is_output)
    radius = max(1.3, 5.0 * scale)
    canvas.dot(x, y, radius + max(0.5, 1.2 * scale), _OUTLINE)
    canvas.dot(x, y, radius, socket.color)


def _draw_row(
    canvas: _Canvas, socket: DrawnSocket, x: float, y: float, width: float, scale: float, *, is_output: bool
) -> None:
    """The label of a socket, and the field of its value."""
    margin, half = 14.0 * scale, 8.0 * scale
    inner = width - 2.0 * margin
    left = x + margin - (width if is_output else 0.0)
    right = left + inner + 2.0 * scale
    label = min(socket.num_letters * _LETTER * scale, inner * (0.5 if socket.field == "BESIDE" else 0.8))
    if socket.field == "TICK":
        canvas.box(left, y - half, left + 2.0 * half, y + half, 3.0 * scale, _FIELD)
        left += 2.0 * half + 6.0 * scale
    elif socket.field:
        start = left if socket.field == "INSIDE" else left + max(label + 8.0 * scale, inner * 0.5)
        canvas.box(start, y - half, right, y + half, 3.0 * scale, _FIELD)
        left += 10.0 * scale if socket.field == "INSIDE" else 0.0
    if is_output and not socket.field:
        left = x - margin - label
    _draw_bar(canvas, left, y, label, scale, _INK, 0.42)


def _draw_bar(
    canvas: _Canvas, left: float, middle: float, length: float, scale: float, color: Color, alpha: float
) -> None:
    """Stands for a line of text."""
    half = max(0.6, _BAR * scale / 2.0)
    if length > 0.0:
        canvas.box(left, middle - half, left + length, middle + half, half, color, alpha)
