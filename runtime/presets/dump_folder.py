# SPDX-License-Identifier: GPL-3.0-or-later
"""A preset as a folder of text that people review, and that a library is built from.

preset.json    what is said of it
tree.json      its tree, in the text form
*.py           its scripts
picture.png    its picture
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..blend_file.asset_data import Picture
from ..errors import BuildError, DumpError, PresetError
from ..text_form import files
from . import png
from .preset import Preset, from_json, to_json

PRESET_FILE: Final = "preset.json"
PICTURE_FILE: Final = "picture.png"
FORMAT: Final = 1
#: What follows from the tree, and from the Blender that writes it.
_DERIVED: Final = frozenset({"blender", "needs_blender", "script_digests", "graph_digest", "catalog_id"})
_MAX_SIZE: Final = 4 * 1024 * 1024


def write(folder: Path, preset: Preset, data: Mapping[str, Any], picture: Picture | None) -> None:
    """Write a preset to a folder, which may hold an earlier version of it. Raises PresetError."""
    said = {name: value for name, value in to_json(preset).items() if name not in _DERIVED and value not in ("", 0, [])}
    text = json.dumps({"format": FORMAT, **dict(sorted(said.items()))}, ensure_ascii=False, indent=2) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.write_file(folder / files.TREE_FILE, data, scripts_beside=True)
        (folder / PRESET_FILE).write_bytes(text.encode())
        if picture is None:
            (folder / PICTURE_FILE).unlink(missing_ok=True)
        else:
            (folder / PICTURE_FILE).write_bytes(png.write(picture))
    except DumpError as error:
        raise PresetError(error.problems[0].message, error.problems[0].fix) from error
    except OSError as error:
        raise PresetError(f"{folder} can't be written: {error.strerror}", "Choose another folder") from error


def read(folder: Path) -> tuple[Preset, dict[str, Any], Picture | None]:
    """What a folder says: the preset, its tree in the text form, and its picture. Raises PresetError."""
    try:
        with (folder / PRESET_FILE).open("rb") as opened:
            record = json.loads(opened.read(_MAX_SIZE).decode("utf-8-sig"))
        if not isinstance(record, dict) or record.pop("format", None) != FORMAT:
            raise PresetError(f"{folder / PRESET_FILE} is of another format", "Use a newer Background Nodes")
        wrong = sorted(record.keys() & _DERIVED)
        if wrong:
            raise PresetError(f"{folder / PRESET_FILE} says {wrong[0]}, which follows from the tree", "Take it out")
        picture_file = folder / PICTURE_FILE
        picture = png.read(picture_file.read_bytes()) if picture_file.is_file() else None
    except (OSError, ValueError, RecursionError) as error:
        raise PresetError(
            f"{folder} is no preset as text ({error})", "Give a folder that `dump` has written"
        ) from error
    preset = from_json(record, file="", library="")
    try:
        data = files.read_file(folder)
    except BuildError as error:
        raise PresetError(error.problems[0].message, error.problems[0].fix) from error
    if "tree" not in data:
        raise PresetError(f"{folder / files.TREE_FILE} holds no whole tree", "Give a folder that `dump` has written")
    return preset, data, picture
