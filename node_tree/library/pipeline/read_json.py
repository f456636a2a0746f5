# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a JSON file, or a part of one."""

import json
from pathlib import Path
from typing import Any


def main(filepath: Path, part: str = "") -> Any:
    """Read `filepath`.

    Args:
        filepath: The .json file.
        part: Which part to take, empty for all: textures/0/size is the size of the first of textures.

    Returns:
        What is in the file. A node that takes numbers or texts takes it, too, if it is one.
    """
    if not filepath.is_file():
        raise ValueError(f"There is no file {filepath}; choose an existing .json file")
    try:
        content = json.loads(filepath.read_text(encoding="utf-8-sig"), parse_constant=refuse)
    except UnicodeDecodeError:
        raise ValueError(f"{filepath.name} is no text in UTF-8; save it as UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{filepath.name} is no JSON: {error.msg}, line {error.lineno}; mend it there") from None
    for name in filter(None, part.split("/")):
        content = inner(content, name, part, filepath.name)
    return content


def refuse(name: str) -> None:
    raise ValueError(f"The file has {name}, which is no number of JSON; write null or a number")


def inner(content: Any, name: str, part: str, file: str) -> Any:
    if isinstance(content, dict) and name in content:
        return content[name]
    if isinstance(content, list) and name.isdecimal() and int(name) < len(content):
        return content[int(name)]
    there = ", ".join(content) if isinstance(content, dict) else f"{len(content)} items" if content else "nothing"
    if not isinstance(content, dict | list):
        there = "a single value"
    raise ValueError(f"{file} has no {part}: where {name} should be, there is {there}; write another part")
