"""Give an object a thickness."""

import bpy

from background_nodes.script import Length, progress


def main(
    source: bpy.types.Object,
    thickness: Length = 0.1,
) -> bpy.types.Object:
    """Parameters are inputs, what is returned is the output.

    Args:
        source: The object, a copy: yours stays as it is.
        thickness: How thick its faces become.
    """
    progress(0.5, "Adding thickness")
    modifier = source.modifiers.new("Solidify", "SOLIDIFY")
    modifier.thickness = thickness
    return source
