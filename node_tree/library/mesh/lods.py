# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the levels of detail of an object: copies with fewer triangles, by shares or by numbers.

Materials, UV maps, vertex groups, attributes, custom properties, hair and collision are kept. Shape keys are applied as
they stand, for the points that they move are no longer there.
"""

import re
from typing import NamedTuple

import bpy

from background_nodes.script import convert_to_mesh, log, track

LEVEL = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(%?)")


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        lods: The levels, the first one first.
        triangles: Number of triangles of each.
    """

    lods: list[bpy.types.Object]
    triangles: list[int]


def main(
    source: bpy.types.Object,
    levels: str = "50%, 25%, 10%",
    include_source: bool = False,
    apply_modifiers: bool = True,
    suffix: str = "_LOD",
    amounts: list[float] | None = None,
) -> Output:
    """Make levels of detail of `source`.

    Args:
        source: The object to reduce: a mesh, or a curve, text, surface, metaball or collection instance, which becomes
            one.
        levels: How many triangles each level has, with commas between them: a share as 25%, or a number as 5000.
        include_source: Give the object as it is, too, as level 0.
        apply_modifiers: Reduce what the modifiers make of the mesh. Without it the mesh itself is reduced and the
            modifiers stay, as a rigged character needs it.
        suffix: Between the object's name and the number of the level.
        amounts: The levels as a list, in place of Levels: shares from 0 to 1, numbers of triangles above.
    """
    name = source.name
    wanted = [listed(amount) for amount in amounts] if amounts else parsed(levels)
    whole = convert_to_mesh(source, keep_modifiers=not apply_modifiers)
    mesh_name, total = whole.data.name, triangles(whole.data)
    if not total:
        mend = "switch Apply Modifiers on" if whole.modifiers else "link an object with a surface"
        raise ValueError(f"{name} has no faces to reduce; {mend}")

    found = []
    for number, (amount, is_share) in enumerate(track(wanted, text="Reducing"), start=1):
        ratio = amount / 100.0 if is_share else amount / total
        if ratio > 1.0:
            log(f"{name} has {total:,} triangles, fewer than the {amount:,.0f} of level {number}: all are kept")
        level = whole.copy()
        level.data = reduced(whole.data, min(ratio, 1.0))
        level.name, level.data.name = f"{name}{suffix}{number}", f"{mesh_name}{suffix}{number}"
        check(level, ratio * total)
        found.append(level)
    if include_source:
        whole.name, whole.data.name = f"{name}{suffix}0", f"{mesh_name}{suffix}0"
        found.insert(0, whole)
    counts = [triangles(level.data) for level in found]
    log(", ".join(f"{level.name}: {count:,} triangles" for level, count in zip(found, counts, strict=True)))
    return Output(found, counts)


def listed(amount: float) -> tuple[float, bool]:
    """As `parsed` gives it: a share in percent, or a number of triangles."""
    if not 0.0 < amount < 1e12:
        raise ValueError(f"{amount:g} is no level; link shares up to 1, or numbers of triangles")
    if amount > 1.0 and amount != round(amount):
        raise ValueError(f"{amount:g} is no whole number of triangles; link {amount / 100.0:g} for a share")
    return (amount * 100.0, True) if amount <= 1.0 else (amount, False)


def parsed(levels: str) -> list[tuple[float, bool]]:
    """The amounts, and whether each is a share in percent."""
    found = []
    for text in filter(None, map(str.strip, levels.replace(";", ",").split(","))):
        match = LEVEL.fullmatch(text)
        amount = float(match[1]) if match else 0.0
        if not match or not amount or (match[2] and amount > 100.0):
            raise ValueError(f"{text} is no level; write shares up to 100% or numbers of triangles: 50%, 5000")
        if not match[2] and "." in text:
            raise ValueError(f"{text} is no whole number of triangles; write {amount * 100:g}% for a share")
        found.append((amount, bool(match[2])))
    if not found:
        raise ValueError("There is no level; write some, as in 50%, 25%, 10%")
    return found


def reduced(mesh: bpy.types.Mesh, ratio: float) -> bpy.types.Mesh:
    """A new mesh with a share of the triangles. It is made with an object that has no other modifiers."""
    item = bpy.data.objects.new(mesh.name, mesh)
    modifier = item.modifiers.new("Decimate", "DECIMATE")
    modifier.ratio = ratio
    modifier.use_collapse_triangulate = ratio < 1.0
    result = convert_to_mesh(item).data
    bpy.data.objects.remove(item)
    return result


def check(level: bpy.types.Object, wanted: float) -> None:
    count = triangles(level.data)
    if not count:
        raise ValueError(f"Nothing is left of {level.name}; take more triangles for that level")
    if count > 1.1 * wanted + 2:
        log(f"{level.name} has {count:,} triangles rather than {wanted:,.0f}: its borders let Blender go no further")


def triangles(mesh: bpy.types.Mesh) -> int:
    return sum(polygon.loop_total - 2 for polygon in mesh.polygons)
