# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures as icons, which is how a layout draws them."""

from __future__ import annotations

from typing import Any

import bpy.utils.previews
import numpy

from ...runtime.blend_file.asset_data import Picture

_collections: list[Any] = []


def show(name: str, picture: Picture) -> None:
    """Let the icon of a name be this picture. Not to be called while Blender draws."""
    preview = _collections[0].get(name) or _collections[0].new(name)
    preview.image_size = picture.width, picture.height
    preview.image_pixels = numpy.frombuffer(picture.pixels, numpy.int32).tolist()


def icon_id(name: str) -> int:
    """The number of an icon, 0 if there is none of that name."""
    preview = _collections[0].get(name)
    return 0 if preview is None else preview.icon_id


def register() -> None:
    _collections.append(bpy.utils.previews.new())


def unregister() -> None:
    bpy.utils.previews.remove(_collections.pop())
