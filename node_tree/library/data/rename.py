# SPDX-License-Identifier: GPL-3.0-or-later
"""Give data-blocks names by a pattern: with their old names, numbers, and texts replaced."""

import re
from typing import Annotated, Literal

import bpy

from background_nodes.script import Range, log

#: {name}, {index}, {index:03} ...; {{ and }} are the signs themselves.
FIELD = re.compile(r"\{\{|\}\}|\{(name|index|count|kind)(?::(0?[0-9]{1,2}))?\}|[{}]")


def main(
    data: list[bpy.types.ID],
    pattern: str = "{name}",
    find: str = "",
    replace: str = "",
    case: Literal["Keep", "Upper", "Lower", "Title"] = "Keep",
    start: Annotated[int, Range(0)] = 1,
    name_meshes_alike: bool = True,
) -> list[bpy.types.ID]:
    """Rename `data`.

    Args:
        data: What to rename: objects, materials, images ...
        pattern: The new name, with {name} for the old one, {index} for the number of the item ({index:03} for 007),
            {count} for how many there are, {kind} for Mesh, Light, Image ...
        find: A text in the old name that is replaced before. Upper and lower case differ.
        replace: What takes its place.
        case: Change all letters of the new name.
        start: The number of the first item.
        name_meshes_alike: Give the mesh or other data of an object the same name, unless others use it, too.

    Returns:
        The same data-blocks.
    """
    if not data:
        raise ValueError("There is nothing to rename; link data-blocks to Data")
    linked = [item for item in data if not item.is_editable or item.override_library]
    if linked:
        raise ValueError(f"{linked[0].name} belongs to a library, whose names are its own; link a copy of yours")
    names = [
        new_name(pattern, item, item.name.replace(find, replace) if find else item.name, start + index, len(data), case)
        for index, item in enumerate(data)
    ]
    check_different(data, names)
    for item in data:
        item.name = "renaming"
    for item, name in zip(data, names, strict=True):
        item.name = name
        if item.name != name:
            why = "it is too long" if item.name == name[: len(item.name)] else "something that comes along has it"
            raise ValueError(f"Nothing can be called {name}, as {why}; write another pattern")
        inner = getattr(item, "data", None) if isinstance(item, bpy.types.Object) else None
        if name_meshes_alike and inner and inner.users == 1 and inner.is_editable:
            inner.name = name
    log(f"Renamed {len(data)} data-blocks, the first to {names[0]}")
    return data


def new_name(pattern: str, item: bpy.types.ID, name: str, index: int, count: int, case: str) -> str:
    kind = item.type.replace("_", " ").title() if isinstance(item, bpy.types.Object) else type(item).__name__
    values = {"name": name, "index": index, "count": count, "kind": kind}

    def filled(match: re.Match) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        if not match[1]:
            raise ValueError(f"{pattern} has a {match[0]} that belongs to nothing; use {{name}}, {{index}}, {{count}}")
        text = str(values[match[1]])
        width = match[2] or "0"
        return text.rjust(int(width), "0" if width.startswith("0") else " ")

    result = FIELD.sub(filled, pattern).strip()
    if not result:
        raise ValueError(f"The new name of {item.name} is empty; write another pattern")
    return {"Upper": result.upper(), "Lower": result.lower(), "Title": result.title()}.get(case, result)


def check_different(data: list[bpy.types.ID], names: list[str]) -> None:
    """Raise ValueError if two of a kind would have the same name: Blender would give one a number."""
    taken: dict[tuple[str, str], bpy.types.ID] = {}
    for item, name in zip(data, names, strict=True):
        other = taken.setdefault((item.id_type, name), item)
        if other != item:
            raise ValueError(f"{other.name} and {item.name} would both be {name}; add {{index}} to the pattern")
