# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of presets: what their nodes gave, a drawing of the graph, or an image of the artist's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import bpy
import numpy

from ...node_tree.group_node import GROUP_INPUT, GROUP_OUTPUT
from ...node_tree.node_shape import location
from ...runtime.blend_file.asset_data import Picture
from ...runtime.blender.image_pixels import to_screen
from ...runtime.errors import PresetError
from ...runtime.presets import graph_picture
from ...runtime.presets.graph_picture import SIZE, Color, DrawnLink, DrawnNode, DrawnSocket

#: Headers as Blender's own theme has them.
_NODE: Final[Color] = (0.514, 0.192, 0.290)
_HEADERS: Final[dict[str, Color]] = {
    "BackgroundNodeGroup": (0.184, 0.420, 0.278),
    GROUP_INPUT: (0.22, 0.22, 0.22),
    GROUP_OUTPUT: (0.22, 0.22, 0.22),
}
_WITHOUT_BUTTONS: Final = ("BackgroundNodeInput", GROUP_INPUT, GROUP_OUTPUT)
_FORMS: Final = {"NodeFrame": "FRAME", "NodeReroute": "DOT"}
_UNKNOWN_SOCKET: Final[Color] = (0.63, 0.63, 0.63)
#: How the names of files end that are images to Blender.
_IMAGE_ENDINGS: Final = (".png", ".jpg", ".jpeg", ".webp", ".exr", ".tif", ".tiff", ".tga", ".bmp", ".hdr")


def of_graph(nodes: Sequence[bpy.types.Node]) -> Picture:
    """A drawing of nodes of one tree, and of the links between them."""
    links = nodes[0].id_data.links if nodes else ()
    names = {node.name for node in nodes}
    drawn = [link for link in links if link.from_node.name in names and link.to_node.name in names]
    pixels = graph_picture.draw([_node(node, nodes) for node in nodes], map(_link, drawn))
    return Picture(SIZE, SIZE, pixels[::-1].tobytes())


def _node(node: bpy.types.Node, nodes: Sequence[bpy.types.Node]) -> DrawnNode:
    form = _FORMS.get(node.bl_idname, "COLLAPSED" if node.hide else "NODE")
    left, top = location(node)
    is_dot = form == "DOT"
    return DrawnNode(
        node.name,
        left,
        top,
        0.0 if is_dot else node.width,
        _socket_color(node.outputs[0]) if is_dot else _HEADERS.get(node.bl_idname, _NODE),
        len(node.label or getattr(node, "bl_label", "") or node.name),
        tuple(map(_socket, _shown(node.outputs))),
        tuple(map(_socket, _shown(node.inputs))),
        tuple(node.color) if node.use_custom_color else None,
        form,
        tuple(each.name for each in nodes if _is_in(each, node)) if form == "FRAME" else (),
        int(node.bl_idname not in _WITHOUT_BUTTONS),
    )


def _is_in(node: bpy.types.Node, frame: bpy.types.Node) -> bool:
    parent = node.parent
    while parent is not None and parent != frame:
        parent = parent.parent
    return parent is not None


def _shown(sockets: Iterable[bpy.types.NodeSocket]) -> Iterator[bpy.types.NodeSocket]:
    return (socket for socket in sockets if socket.enabled and not socket.hide and hasattr(socket, "socket_type"))


def _socket(socket: bpy.types.NodeSocket) -> DrawnSocket:
    is_shown = not socket.is_linked and (not socket.is_output or getattr(socket.node, "shows_output_values", False))
    is_tick = socket.socket_type.kind == "BOOLEAN" and not socket.socket_type.is_list
    form = "TICK" if is_tick else "INSIDE" if getattr(socket, "has_label_inside", False) else "BESIDE"
    return DrawnSocket(socket.identifier, _socket_color(socket), len(socket.name), form if is_shown else "")


def _socket_color(socket: bpy.types.NodeSocket) -> Color:
    found = getattr(socket, "draw_color_simple", None)
    return found()[:3] if found is not None else _UNKNOWN_SOCKET


def _link(link: bpy.types.NodeLink) -> DrawnLink:
    source, target = link.from_socket, link.to_socket
    color = _socket_color(source)
    return DrawnLink(link.from_node.name, source.identifier, link.to_node.name, target.identifier, color)


# Results


def of_result(nodes: Iterable[bpy.types.Node]) -> Picture | None:
    """What the nodes show of their last run: the first image or picture, of the last node that has any; else None."""
    for node in sorted(nodes, key=lambda node: -node.location.x):
        for socket in node.outputs:
            if getattr(socket, "has_result", False) and socket.shows_result:
                found = _of_socket(socket)
                if found is not None:
                    return found
    return None


def _of_socket(socket: bpy.types.NodeSocket) -> Picture | None:
    for item in socket.result_data_blocks[:1]:
        return of_image(item) if isinstance(item, bpy.types.Image) else _of_preview(item)
    result = getattr(socket, "result", None)
    path = result[0] if isinstance(result, tuple) and result else result
    if isinstance(path, str) and path.lower().endswith(_IMAGE_ENDINGS) and Path(bpy.path.abspath(path)).is_file():
        return of_file(bpy.path.abspath(path))
    return None


def _of_preview(item: bpy.types.ID) -> Picture | None:
    """The picture that Blender has of a data-block."""
    preview = item.preview
    if preview is None or not all(preview.image_size):
        return None
    width, height = preview.image_size
    pixels = numpy.array(preview.image_pixels_float, numpy.float32)
    return fitted(pixels.reshape(height, width, 4)) if pixels.any() else None


def of_file(path: str) -> Picture:
    """The picture in a file. Raises PresetError if it is none."""
    try:
        image = bpy.data.images.load(path, check_existing=False)
    except RuntimeError:
        raise PresetError(f'"{path}" can\'t be read as an image', "Choose a file that Blender can open") from None
    try:
        found = of_image(image)
    finally:
        bpy.data.images.remove(image)
    if found is None:
        raise PresetError(f'"{path}" has no pixels', "Choose a file that Blender can open")
    return found


def of_image(image: bpy.types.Image) -> Picture | None:
    """What an image shows; None if it has no pixels."""
    width, height = image.size
    if not width or not height or image.channels != 4 or len(image.pixels) != 4 * width * height:
        return None
    pixels = numpy.empty(4 * width * height, numpy.float32)
    image.pixels.foreach_get(pixels)
    pixels = pixels.reshape(height, width, 4)
    return fitted(_for_screens(pixels) if image.is_float else pixels)


def _for_screens(pixels: numpy.ndarray) -> numpy.ndarray:
    """Light as a screen shows it."""
    shown = to_screen(numpy.nan_to_num(pixels[..., :3]))
    return numpy.concatenate([shown, numpy.clip(pixels[..., 3:], 0.0, 1.0)], axis=2)


def fitted(pixels: numpy.ndarray) -> Picture:
    """Rows of pixels from the bottom, as large as a picture may be, in proportion, on a square that is clear."""
    height, width = pixels.shape[:2]
    scale = SIZE / max(width, height)
    columns, rows = (max(1, round(side * scale)) for side in (width, height))
    weighted = pixels.astype(numpy.float64)
    weighted[..., :3] *= weighted[..., 3:]
    small = _resized(_resized(weighted, rows).transpose(1, 0, 2), columns).transpose(1, 0, 2)
    alpha = small[..., 3:]
    small[..., :3] = numpy.divide(small[..., :3], alpha, out=numpy.zeros_like(small[..., :3]), where=alpha > 0.0)
    found = numpy.zeros((SIZE, SIZE, 4), numpy.uint8)
    top, left = (SIZE - rows) // 2, (SIZE - columns) // 2
    found[top : top + rows, left : left + columns] = numpy.round(numpy.clip(small, 0.0, 1.0) * 255.0)
    return Picture(SIZE, SIZE, found.tobytes())


def _resized(pixels: numpy.ndarray, rows: int) -> numpy.ndarray:
    """With so many rows, each the mean of those in its place; the nearest ones, if there are more than before."""
    num = pixels.shape[0]
    if rows >= num:
        return pixels[numpy.arange(rows) * num // rows]
    edges = numpy.arange(rows) * num // rows
    sums = numpy.add.reduceat(pixels, edges, axis=0)
    return numpy.asarray(sums / numpy.diff([*edges, num])[:, None, None])
