# SPDX-License-Identifier: GPL-3.0-or-later
"""List the files in a folder, for nodes that work on each of them.

It runs again when a file in the folder is new, gone or changed; with more than 2,000 files in it, each time.
"""

import os
import re
import unicodedata
from fnmatch import fnmatchcase
from pathlib import Path

from background_nodes.script import log


def main(folder: Path, pattern: str = "*", recursive: bool = False, allow_none: bool = False) -> list[Path]:
    """List the files in `folder`.

    Args:
        folder: The folder to look in.
        pattern: Which files: * stands for any text, ? for any letter. Several patterns have ; between them, as in
            *.obj; *.glb. Upper and lower case are the same.
        recursive: Look in the folders in it, too. Links to folders are not followed.
        allow_none: Give an empty list where no file fits. Off, that is an error.

    Returns:
        The files in the order of their names, rock2 before rock10. Those whose names begin with a dot are left out,
        unless the pattern has the dot, too.
    """
    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder}; choose one that is there")
    # A bracket is one, as in rock [old].obj: Python would take it for several letters.
    patterns = [folded(each.strip()).replace("[", "[[]") for each in pattern.split(";") if each.strip()]
    if not patterns:
        raise ValueError("The pattern is empty; write * for all files")
    found = sorted(files(folder, patterns, recursive), key=lambda path: natural(path.relative_to(folder)))
    if not (found or allow_none):
        raise ValueError(f"No file in {folder} fits {pattern}; write another pattern, or switch Allow None on")
    log(f"{len(found)} files in {folder}")
    return found


def files(folder: Path, patterns: list[str], recursive: bool) -> list[Path]:
    found = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        paths = [Path(place, name) for name in names if fits(name, patterns)]
        found += [path for path in paths if path.is_file()]
        folders[:] = [name for name in folders if recursive and not name.startswith(".")]
    return found


def refuse(error: OSError) -> None:
    raise ValueError(f"{error.filename} can't be read ({error.strerror}); what is in it would be missing")


def fits(name: str, patterns: list[str]) -> bool:
    return any(
        fnmatchcase(folded(name), pattern) and (not name.startswith(".") or pattern.startswith("."))
        for pattern in patterns
    )


def folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def natural(path: Path) -> list:
    """What sorts paths as people do: numbers by their value, folders by folder."""
    return [
        [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", folded(name)) if part]
        for name in path.parts
    ] + [str(path)]
