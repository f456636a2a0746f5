# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn what viewports show of an object into its own mesh: modifiers applied, instances realized.

Materials, UV maps, vertex groups, attributes, custom properties, hair and collision are kept. Shape keys are applied as
they stand now, because a modifier may change the points that they move; cloth and the like as they are in this frame.
"""

from typing import NamedTuple

import bpy

from background_nodes.script import convert_to_mesh, progress


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        applied: The same object with a plain mesh and no modifiers.
        faces: Number of faces that came out.
    """

    applied: bpy.types.Object
    faces: int


def main(source: bpy.types.Object, suffix: str = "_Applied") -> Output:
    """Apply the modifiers of `source`.

    Args:
        source: The object whose modifiers are applied, those that are shown in viewports. A curve, text, surface,
            metaball or collection instance becomes a mesh.
        suffix: Added to the object's name.
    """
    progress(0.1, f"Applying {len(source.modifiers)} modifiers")
    name = source.name
    applied = convert_to_mesh(source)
    if not applied.data.vertices:
        makes = "It makes points, curves or a volume, or nothing at all"
        raise ValueError(f"Nothing of {name} is a mesh; link another object. {makes}")
    applied.name = name + suffix
    applied.data.name += suffix
    return Output(applied, len(applied.data.polygons))
