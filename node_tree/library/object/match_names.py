# SPDX-License-Identifier: GPL-3.0-or-later
"""Pair low-poly objects with their high-poly ones by name, *Rock_low* with *Rock_high*, for nodes that bake each pair.

A low-poly object may have several high-poly ones: *Rock_high*, *Rock_high_moss*. These are given as one instance.
"""

import re
from typing import NamedTuple

import bpy

from background_nodes.script import log


class Output(NamedTuple):
    """What the node gives. The lists are in the same order.

    Attributes:
        lows: The low-poly objects, in the order of the list.
        highs: The high-poly object of each.
        cages: The cage of each, if they have some; otherwise empty.
        names: What the names of a pair have in common.
    """

    lows: list[bpy.types.Object]
    highs: list[bpy.types.Object]
    cages: list[bpy.types.Object]
    names: list[str]


def main(
    objects: list[bpy.types.Object],
    low: str = "_low",
    high: str = "_high",
    cage: str = "_cage",
    allow_unmatched: bool = False,
) -> Output:
    """Pair `objects`.

    Args:
        objects: The objects of both kinds, and cages.
        low: What the names of low-poly objects end in. Upper and lower case are the same.
        high: What those of high-poly objects have in its place; more may follow.
        cage: What those of cages have in its place.
        allow_unmatched: Leave out what has no partner. Off, that is an error.
    """
    endings = [each.strip().casefold() for each in (low, high, cage)]
    if not all(endings) or len(set(endings)) < 3:
        raise ValueError("The endings must be three different texts, such as _low, _high and _cage")
    found = [sorted_by_name(objects, ending) for ending in endings]
    lows, cages = (only_ones(kind, ending) for kind, ending in ((found[0], low), (found[2], cage)))
    highs = gathered(lows, found[1])
    check(objects, lows, highs, cages, allow_unmatched)
    pairs = [key for key in lows if highs[key]]
    if not pairs:
        raise ValueError(f"No object ends in {low} with a partner in {high}; rename them, or write other endings")
    log("\n".join(f"{lows[key].name}: {', '.join(item.name for item in highs[key])}" for key in pairs))
    return Output(
        [lows[key] for key in pairs],
        [as_one(highs[key], base_name(lows[key].name, low) + high) for key in pairs],
        [cages[key] for key in pairs] if any(key in cages for key in pairs) else [],
        [base_name(lows[key].name, low) for key in pairs],
    )


def sorted_by_name(objects: list[bpy.types.Object], ending: str) -> list[tuple[str, str, bpy.types.Object]]:
    """What stands before the ending, what behind it, and the object; of those that have the ending in their names."""
    pattern = re.compile(rf"(.*){re.escape(ending)}(.*)", re.DOTALL)
    matches = [(pattern.fullmatch(item.name.casefold()), item) for item in dict.fromkeys(objects)]
    return [(match[1], match[2], item) for match, item in matches if match]


def only_ones(found: list[tuple[str, str, bpy.types.Object]], ending: str) -> dict[str, bpy.types.Object]:
    """By what a pair has in common; Blender's own number may follow the ending, nothing else."""
    result: dict[str, bpy.types.Object] = {}
    for base, rest, item in found:
        if not re.fullmatch(r"(\.\d+)?", rest):
            continue
        if base + rest in result:
            raise ValueError(f"{result[base + rest].name} and {item.name} both are the one with {ending}; rename one")
        result[base + rest] = item
    return result


def gathered(
    lows: dict[str, bpy.types.Object], found: list[tuple[str, str, bpy.types.Object]]
) -> dict[str, list[bpy.types.Object]]:
    """The high-poly objects of each low-poly one. A number of Blender's own goes before one that is just one more."""
    highs: dict[str, list[bpy.types.Object]] = {key: [] for key in lows}
    for base, rest, item in found:
        number = re.search(r"\.\d+$", rest)
        keys = [base + number[0]] if number else []
        key = next((key for key in (*keys, base) if key in highs), None)
        if key is not None:
            highs[key].append(item)
    return highs


def check(
    objects: list[bpy.types.Object],
    lows: dict[str, bpy.types.Object],
    highs: dict[str, list[bpy.types.Object]],
    cages: dict[str, bpy.types.Object],
    allow_unmatched: bool,
) -> None:
    """Raise ValueError, or log, if something has no partner."""
    paired = {item for key in lows if highs[key] for item in (lows[key], *highs[key])}
    paired |= {item for key, item in cages.items() if highs.get(key)}
    alone = [item.name for item in dict.fromkeys(objects) if item not in paired]
    uncaged = [lows[key].name for key in lows if highs[key] and key not in cages]
    if uncaged and any(highs.get(key) for key in cages):
        raise ValueError(f"{', '.join(uncaged)} has no cage, but others have; make one, or leave all cages out")
    if alone and not allow_unmatched:
        raise ValueError(f"{', '.join(alone)} has no partner; rename it, take it out, or switch Allow Unmatched on")
    if alone:
        log(f"Left out, as they have no partner: {', '.join(alone)}")


def base_name(name: str, ending: str) -> str:
    place = name.casefold().rfind(ending.strip().casefold())
    return name[:place] + name[place + len(ending.strip()) :]


def as_one(items: list[bpy.types.Object], name: str) -> bpy.types.Object:
    """The only one, or an instance of a collection of all, where they are."""
    if len(items) == 1:
        return items[0]
    together = bpy.data.collections.new(name)
    for item in items:
        together.objects.link(item)
    result = bpy.data.objects.new(name, None)
    result.instance_type, result.instance_collection = "COLLECTION", together
    bpy.context.scene.collection.objects.link(result)
    return result
