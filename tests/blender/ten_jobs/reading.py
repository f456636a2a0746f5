# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures as another program reads them: Pillow, or Blender itself where its Python has none beside."""

from __future__ import annotations

import tempfile
from pathlib import Path

import bpy
import numpy as np
import pytest

try:
    import PIL.Image as pictures  # noqa: N813 (as it is named in the field)
    import trimesh
except ImportError:
    pictures = trimesh = None

#: For jobs whose outcome only other programs can tell: a real Blender's Python has none.
needs_other_programs = pytest.mark.skipif(pictures is None, reason="Pillow and trimesh are not in this Python")


def picture(source: Path | bytes) -> np.ndarray:
    """A picture file, or what is in one: rows from the top, columns, RGB from 0 to 1 as they are in the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = source
        if isinstance(source, bytes):
            path = Path(folder, "picture.png")
            path.write_bytes(source)
        if pictures:
            with pictures.open(path) as opened:
                return np.asarray(opened.convert("RGB"), float) / 255.0
        image = bpy.data.images.load(str(path))
        image.colorspace_settings.name = "Non-Color"
        values = np.empty((image.size[1], image.size[0], image.channels), np.float32)
        image.pixels.foreach_get(values.ravel())
        bpy.data.images.remove(image)
        return values[::-1, :, :3].astype(float)
