# SPDX-License-Identifier: GPL-3.0-or-later
"""Import the objects of an OBJ file, with the materials of the .mtl file beside it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import bpy

from background_nodes.script import Range, depends_on, log, progress


def main(
    filepath: Path,
    up: Literal["Y", "Z"] = "Y",
    scale: Annotated[float, Range(0.0001, 10000.0)] = 1.0,
    split_by_group: bool = False,
) -> list[bpy.types.Object]:
    """Import `filepath`.

    Args:
        filepath: The .obj file.
        up: The axis that points up in the file. Most programs write Y.
        scale: Multiplies the size.
        split_by_group: Make an object of each group, too.

    Returns:
        The objects in the file.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    if not path.is_file():
        raise ValueError(f"There is no file {path}; choose an existing .obj file")

    progress(0.1, f"Importing {path.name}")
    for materials in material_files(path):
        depends_on(materials)
        for texture in textures(materials):
            depends_on(texture)
    before = set(bpy.data.objects)
    bpy.ops.wm.obj_import(
        filepath=str(path),
        forward_axis="NEGATIVE_Z" if up == "Y" else "Y",
        up_axis=up,
        global_scale=scale,
        use_split_groups=split_by_group,
    )
    objects = [item for item in bpy.data.objects if item not in before]
    if not objects:
        raise ValueError(f"{path.name} holds no object that Blender can read")
    for image in bpy.data.images:
        if image.filepath and not image.packed_file:
            depends_on(image.filepath)
    log(f"Imported {len(objects)} objects from {path}")
    return objects


def material_files(path: Path) -> set[Path]:
    """The .mtl files that Blender may read: those that are named, however that is to be understood, and that beside."""
    names = {path.with_suffix(".mtl").name}
    with path.open(encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            if line.lstrip()[:6].lower() == "mtllib":
                parts = [line.strip()[6:]]
                while parts[-1].endswith("\\"):
                    parts[-1] = parts[-1][:-1]
                    parts.append(next(file, "").strip("\n"))
                # Which spaces stand for the end of a line depends on the version of Blender.
                names |= {name for gap in (" ", "  ", "   ") for name in mentioned(gap.join(parts))}
                names |= set("".join(parts).replace('"', "").split())
    return files_of(path.parent, names)


def textures(path: Path) -> set[Path]:
    """The images that an .mtl file may name. Where Blender does not find one, it looks beside the .mtl file."""
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return set()
    found = re.findall(r"^\s*(?:map_|bump|norm|disp|refl|decal)\S*\s+(.*)", text, re.IGNORECASE | re.MULTILINE)
    names = {name for line in found for name in mentioned(line)}
    return files_of(path.parent, names | {re.split(r"[/\\]", name)[-1] for name in names})


def mentioned(text: str) -> Iterator[str]:
    """The names that a text may mean: all of it, as names may have spaces, or what is left after some options."""
    text = text.replace('"', "").strip()
    return (text[word.start() :] for word in re.finditer(r"\S+", text))


def files_of(folder: Path, names: set[str]) -> set[Path]:
    return {folder / name for name in names if not os.path.isdir(folder / name)}  # noqa: PTH112 (takes any text)
