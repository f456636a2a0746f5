# SPDX-License-Identifier: GPL-3.0-or-later
"""Append data-blocks of one kind from a .blend file, by name."""

import fnmatch
from pathlib import Path
from typing import Literal

import bpy

from background_nodes.script import depends_on, log, progress

#: What each kind is called in `bpy.data`.
KINDS = {
    "Object": "objects",
    "Collection": "collections",
    "Mesh": "meshes",
    "Material": "materials",
    "Image": "images",
    "Node Group": "node_groups",
    "World": "worlds",
    "Action": "actions",
}


def main(
    filepath: Path,
    kind: Literal["Object", "Collection", "Mesh", "Material", "Image", "Node Group", "World", "Action"] = "Object",
    name: str = "*",
) -> list[bpy.types.ID]:
    """Append from `filepath`.

    Args:
        filepath: The .blend file.
        kind: What to append.
        name: Its name, or a pattern for several: * stands for any text, ? for any letter.

    Returns:
        The data-blocks, in the order of their names, with all that they depend on.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    if not path.is_file():
        raise ValueError(f"There is no file {path}; choose an existing .blend file")

    progress(0.1, f"Reading {path.name}")
    try:
        with bpy.data.libraries.load(str(path), link=False) as (there, wanted):
            names = matching(getattr(there, KINDS[kind]), name)
            if not names:
                raise ValueError(f"{path.name} has no {kind.lower()} named {name}")
            setattr(wanted, KINDS[kind], names)
    except OSError as error:
        raise ValueError(f"{path.name} can't be read: {error}") from None
    found = dict(zip(names, getattr(wanted, KINDS[kind]), strict=True))
    lost = [name for name, data_block in found.items() if data_block is None]
    if lost:
        raise ValueError(f"{', '.join(lost)} can't be appended from {path.name}; the log may tell why")
    for file in (*bpy.data.libraries, *bpy.data.images):
        if file.filepath and not file.packed_file:
            depends_on(bpy.path.abspath(file.filepath, library=file.library))
    log(f"Appended {len(names)} from {path}")
    return list(found.values())


def matching(names: list[str], pattern: str) -> list[str]:
    """The name that is just this, else those that the pattern stands for. A name may well be "Rock [old]" or "Why?"."""
    if pattern in names:
        return [pattern]
    return sorted(name for name in names if fnmatch.fnmatchcase(name, pattern.replace("[", "[[]")))
