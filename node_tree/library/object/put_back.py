# SPDX-License-Identifier: GPL-3.0-or-later
"""Move an object back to where it was before *Move to Origin*."""

import bpy
from mathutils import Matrix

from background_nodes.script import editable, place_object


def main(source: bpy.types.Object, way_back: Matrix) -> bpy.types.Object:
    """Move `source`.

    Args:
        source: The object that was moved, or one that was made of it.
        way_back: What *Move to Origin* gave.

    Returns:
        The same object where it was.
    """
    source = editable(source)
    bpy.context.view_layer.update()
    place_object(source, way_back @ source.matrix_world, free=False)
    return source
