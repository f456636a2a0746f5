"""Move an object, so that it stands beside the one that it was made of."""

import bpy
from mathutils import Vector


def main(source: bpy.types.Object, offset: Vector = (0.0, -3.0, 0.0), wireframe: bool = False) -> bpy.types.Object:
    """Move `source`.

    Args:
        source: What to move.
        offset: How far, in metres.
        wireframe: Show its edges in the viewport.
    """
    source.location += offset
    source.show_wire = source.show_all_edges = wireframe
    return source
