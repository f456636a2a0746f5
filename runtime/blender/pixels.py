# SPDX-License-Identifier: GPL-3.0-or-later
"""Unsaved pixels of images. No .blend holds them, so they travel beside a blob.

    NAME.N.pixels          of an image, as raw 32 bit floats, exactly as they are in memory
    NAME.N.<UDIM>.png      of each tile of a tiled image; .exr, if they are floats

Packing them into the artist's image would change it. A worker's may be packed; but what Blender reads from packed files
is not always what was packed: alpha is multiplied into straight floats once more, and taken out of premultiplied bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bpy
import numpy

from ..errors import StoreError
from ..scratch.contents import PixelFile
from .temporary_files import is_temporary

_UDIM = "<UDIM>"


def is_unsaved(image: bpy.types.Image) -> bool:
    """Whether an image has pixels that its file has not. Renders have no file, and movies can't be painted."""
    return image.is_dirty and image.source not in {"VIEWER", "MOVIE"}


def write(image: bpy.types.Image, stem: Path) -> PixelFile:
    """Write the pixels of an unsaved image to files whose names start with `stem`. The image is left as it is.

    Raises:
        StoreError: if Python can't read all of its pixels.
        OSError, RuntimeError: if they can't be written.
    """
    if reason := unreadable(image):
        raise StoreError(f'the image "{image.name}" {reason}. Save or pack the image first')
    if image.source == "TILED":
        name = f"{stem.name}.{_UDIM}.{'exr' if image.is_float else 'png'}"
        _save_tiles(image, stem.with_name(name))
    else:
        name = f"{stem.name}.pixels"
        _values(image).tofile(stem.with_name(name))
    return PixelFile(name, *image.size)


def unreadable(image: bpy.types.Image) -> str:
    """Why Python can't read all pixels of an unsaved image, "" if they can. It sees one frame and view."""
    if image.source == "SEQUENCE":
        return "is a sequence with unsaved changes"
    if image.is_multiview:
        return "has several views with unsaved changes"
    return ""


def restore(image: bpy.types.Image, file: PixelFile, folder: Path) -> None:
    """Give an image its unsaved pixels back, after its blob was loaded."""
    path = folder / file.name
    if _UDIM in file.name:
        _adopt(image, path)
        return
    values = numpy.fromfile(path, numpy.float32)
    if not all(image.size):  # its file is gone, or never was
        _fill(image, file, values)
        return
    if tuple(image.size) != (file.width, file.height):
        image.scale(file.width, file.height)
    if len(image.pixels) == len(values):
        _set_values(image, values)


def pack_unsaved(images: Iterable[bpy.types.Image]) -> None:
    """Pack the images that are unsaved, so that the artist's file keeps them when it is saved. For workers only.

    Images that packing would change are packed and stay unsaved: so they come home exactly, and are almost exact when
    the artist's file is saved and opened again.
    """
    for image in images:
        if is_unsaved(image) and image.library is None and image.source in {"FILE", "GENERATED"}:
            _pack(image)


def pack_temporary(images: Iterable[bpy.types.Image]) -> None:
    """Pack those of the images whose file is gone when the task has ended."""
    for image in images:
        is_on_disk = image.source in {"FILE", "TILED"} and image.library is None and not image.packed_files
        if is_on_disk and image.filepath and is_temporary(bpy.path.abspath(image.filepath)):
            image.pack()


def _pack(image: bpy.types.Image) -> None:
    if image.is_multiview:  # what is packed of it has all its views
        image.pack()
        return
    values = _values(image)
    packed = _as_packed(image, values)
    if packed is None:
        image.pack()
        return
    _set_values(image, packed)
    image.pack()
    _set_values(image, values)


def _as_packed(image: bpy.types.Image, values: Any) -> Any:
    """What to pack, so that reading it gives the nearest to `values`; None if packing them gives them exactly."""
    if _is_exact(image) and (_ignores_alpha(image) or _is_opaque(image, values)):
        return None
    if image.alpha_mode == "STRAIGHT" and image.is_float:
        return _without_alpha(values)
    if image.alpha_mode == "PREMUL" and not image.is_float:
        return _times_alpha(values)
    return values


def _is_exact(image: bpy.types.Image) -> bool:
    """Whether reading a file of these pixels gives their colours as they are: floats are kept in a linear space."""
    return not image.is_float or image.colorspace_settings.is_data or image.colorspace_settings.name == _linear()


def _ignores_alpha(image: bpy.types.Image) -> bool:
    """Whether reading a file of these pixels leaves alpha alone, and colours unmultiplied by it."""
    if image.colorspace_settings.is_data:
        return image.alpha_mode != "NONE"
    return image.alpha_mode in {"CHANNEL_PACKED", "PREMUL" if image.is_float else "STRAIGHT"}


def _is_opaque(image: bpy.types.Image, values: Any) -> bool:
    return image.channels != 4 or bool((values[3::4] == 1.0).all())


def _without_alpha(values: Any) -> Any:
    """Colours divided by their alpha, but where it is 0."""
    pixels = values.reshape(-1, 4).copy()
    alpha = pixels[:, 3:]
    numpy.divide(pixels[:, :3], alpha, out=pixels[:, :3], where=alpha != 0.0)
    return pixels.ravel()


def _times_alpha(values: Any) -> Any:
    pixels = values.reshape(-1, 4).copy()
    pixels[:, :3] *= pixels[:, 3:]
    return pixels.ravel()


def _linear() -> str:
    """The name of the colour space in which Blender keeps floats."""
    image = bpy.data.images.new("~", 1, 1, float_buffer=True)
    try:
        return str(image.colorspace_settings.name)
    finally:
        bpy.data.images.remove(image)


def _values(image: bpy.types.Image) -> Any:
    values = numpy.empty(len(image.pixels), numpy.float32)
    image.pixels.foreach_get(values)
    return values


def _set_values(image: bpy.types.Image, values: Any) -> None:
    image.pixels.foreach_set(values)
    image.update()


def _fill(image: bpy.types.Image, file: PixelFile, values: Any) -> None:
    """Give pixels to an image that has none. Only generated ones get any, and packing makes those what it was."""
    filepath = image.filepath_raw
    generated = image.generated_width, image.generated_height
    image.source = "GENERATED"
    image.generated_width, image.generated_height = file.width, file.height
    if len(image.pixels) != len(values):
        return
    _set_values(image, values)
    _pack(image)
    image.generated_width, image.generated_height = generated  # which reloads it
    image.filepath_raw = filepath
    if not numpy.array_equal(_values(image), values):
        _set_values(image, values)


# Tiles


def _save_tiles(image: bpy.types.Image, path: Path) -> None:
    """Save a copy of each tile. The image keeps its path, its format and its unsaved pixels."""
    before = image.filepath_raw, image.file_format
    try:
        image.file_format = "OPEN_EXR" if image.is_float else "PNG"
        if "save_copy" in image.bl_rna.functions["save"].parameters:
            image.save(filepath=str(path), save_copy=True)
        else:  # 4.2
            with bpy.context.temp_override(edit_image=image):
                bpy.ops.image.save_as(filepath=str(path), copy=True, relative_path=False, save_as_render=False)
    finally:
        image.filepath_raw, image.file_format = before
    if not (_is_exact(image) and _ignores_alpha(image)):
        for tile in image.tiles:
            _allow_for_alpha(image, str(path).replace(_UDIM, str(tile.number)))


def _allow_for_alpha(image: bpy.types.Image, file: str) -> None:
    """Make what is read from the file of a tile what the tile is; its pixels themselves can't be set."""
    tile = bpy.data.images.load(file)
    try:
        tile.alpha_mode = "CHANNEL_PACKED"
        tile.colorspace_settings.name = image.colorspace_settings.name
        values = _values(tile)
        if image.alpha_mode == "NONE" or _is_opaque(tile, values):
            return
        if not _is_exact(image) or not image.is_float:
            mode = image.bl_rna.properties["alpha_mode"].enum_items[image.alpha_mode].name
            space = image.colorspace_settings.name
            raise StoreError(
                f'the image "{image.name}" has tiles with unsaved changes, and with transparency that is '
                f"lost on the way ({mode}, {space}). Save or pack the image first"
            )
        _set_values(tile, _without_alpha(values))
        tile.save()
    finally:
        bpy.data.images.remove(tile)


def _adopt(image: bpy.types.Image, path: Path) -> None:
    """Pack copies of tiles in the place of what the image had."""
    before = image.filepath_raw, image.file_format
    if image.packed_files:
        image.unpack(method="REMOVE")
    image.filepath_raw = str(path)
    labels = {tile.number: tile.label for tile in image.tiles}
    image.reload()
    for tile in image.tiles:  # all but the first are new
        tile.label = labels[tile.number]
    image.pack()
    image.filepath_raw, image.file_format = before
    for packed in image.packed_files:  # where they would be unpacked to: not where they came from
        packed.filepath = image.filepath_raw.replace(_UDIM, str(packed.tile_number))
