# SPDX-License-Identifier: GPL-3.0-or-later
"""Unwrap an object along its seams, and along its sharp edges if asked for, and pack the islands.

The mesh itself is unwrapped: apply modifiers that change it before. Those that make the only faces are applied.
"""

import math
from typing import Annotated, Literal

import bpy
import numpy as np

from background_nodes.script import (
    Angle,
    Pixels,
    Range,
    convert_to_mesh,
    edit_mode,
    edited_mesh,
    log,
    progress,
    uv_triangles,
)

METHODS = {"Angle Based": "ANGLE_BASED", "Conformal": "CONFORMAL", "Minimum Stretch": "MINIMUM_STRETCH"}


def main(
    source: bpy.types.Object,
    method: Literal["Angle Based", "Conformal", "Minimum Stretch"] = "Angle Based",
    seam_angle: Annotated[Angle, Range(0.0, math.pi)] = 1.04720,
    keep_seams: bool = True,
    margin_pixels: Annotated[Pixels, Range(0, 1024)] = 4,
    resolution: Annotated[Pixels, Range(16, 16384)] = 1024,
    iterations: Annotated[int, Range(1, 1000)] = 10,
    uv_map: str = "UVMap",
    suffix: str = "_Unwrapped",
) -> bpy.types.Object:
    """Unwrap `source`.

    Args:
        source: The object to unwrap: a mesh, or a curve, text, surface, metaball or collection instance, which becomes
            one.
        method: How faces are laid flat. Minimum Stretch is best for textures and slower; Blender before 4.3 unwraps
            Angle Based, then relaxes what is stretched.
        seam_angle: Edges at which faces turn by more than this become seams. 180° makes none.
        keep_seams: Use the seams that are there, too.
        margin_pixels: Space around each island and at the border, in pixels of a texture.
        resolution: Width of that texture.
        iterations: Minimum Stretch only: how long it goes on.
        uv_map: The UV map to write, made if there is none of that name.
        suffix: Added to the object's name.

    Returns:
        The same object with its new UV map active.
    """
    name = source.name
    unwrapped = convert_to_mesh(source, keep_modifiers=True)
    if not unwrapped.data.polygons and unwrapped.modifiers:
        log(f"{name} has no faces but those of its modifiers, so these are applied")
        unwrapped = convert_to_mesh(unwrapped)
    mesh = unwrapped.data
    if not mesh.polygons:
        raise ValueError(f"{name} has no faces to unwrap; link an object with a surface")
    layer = mesh.uv_layers.get(uv_map) or mesh.uv_layers.new(name=uv_map)
    if layer is None:
        raise ValueError(f"{name} has {len(mesh.uv_layers)} UV maps, and Blender allows no more; remove one")
    layer.active = layer.active_render = True
    if not uv_triangles(mesh, layer).has_area:
        raise ValueError(f"The faces of {name} have no area to unwrap; mend its mesh, or link another object")

    progress(0.1, "Marking seams")
    num_seams = mark_seams(mesh, seam_angle, keep_seams)
    progress(0.2, "Unwrapping")
    with edit_mode(unwrapped):
        bpy.ops.uv.select_all(action="SELECT")
        # Islands that touch would count as one where their faces do, too.
        bpy.ops.uv.unwrap(method=known(method), margin=0.01, **slim(method, iterations))
        if METHODS[method] != known(method):  # before 4.3
            bpy.ops.uv.minimize_stretch(fill_holes=True, blend=0.0, iterations=10 * iterations)
        progress(0.7, "Packing islands")
        # By boxes: a margin that is exact and shapes that are exact keep Blender busy for minutes.
        bpy.ops.uv.pack_islands(margin=margin_pixels / resolution, margin_method="FRACTION", shape_method="AABB")
    check(mesh, uv_map, name)
    log(f"{name} has {num_seams} seams")
    unwrapped.name = name + suffix
    mesh.name += suffix
    return unwrapped


def known(method: str) -> str:
    """What this Blender calls the method, or the one that takes its place."""
    names = bpy.ops.uv.unwrap.get_rna_type().properties["method"].enum_items.keys()
    if METHODS[method] in names:
        return METHODS[method]
    return "ANGLE_BASED"


def slim(method: str, iterations: int) -> dict:
    has_option = "iterations" in bpy.ops.uv.unwrap.get_rna_type().properties
    return {"iterations": iterations} if method == "Minimum Stretch" and has_option else {}


def mark_seams(mesh: bpy.types.Mesh, angle: float, keep: bool) -> int:
    """Mark edges at which faces turn by more than an angle, or that more than two faces share; returns how many."""
    with edited_mesh(mesh) as shape:
        for edge in shape.edges:
            is_sharp = len(edge.link_faces) > 2 or edge.calc_face_angle(0.0) > angle + 1e-5
            edge.seam = (keep and edge.seam) or is_sharp
    return sum(edge.use_seam for edge in mesh.edges)


def check(mesh: bpy.types.Mesh, uv_map: str, name: str) -> None:
    """Raise ValueError if there is no area in the UV map: a closed surface without seams can't be laid flat."""
    triangles = uv_triangles(mesh, mesh.uv_layers[uv_map])
    if not np.isfinite(triangles.uv).all() or np.abs(triangles.uv_areas).sum() < 1e-4:
        raise ValueError(f"{name} can't be laid flat; lower Seam Angle or mark seams, so that no part of it is closed")
