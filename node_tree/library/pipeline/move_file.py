# SPDX-License-Identifier: GPL-3.0-or-later
"""Move or rename a file. What is there already is left alone, unless it is the same or you allow to replace it.

It runs each time: what was moved away and is there again is moved again.
"""

import filecmp
import os
import shutil
from pathlib import Path
from typing import Literal

from background_nodes.script import OutputPath, claim, log, numbered, own_file, written_whole

CACHE = False


def main(source: Path, destination: OutputPath, if_it_exists: Literal["Error", "Replace", "Number"] = "Error") -> Path:
    """Move `source`.

    Args:
        source: The file to move.
        destination: Where to. Folders that don't exist are made; where it ends in a slash, or is a folder, the name of
            the source is kept.
        if_it_exists: What to do if another file is there already: an error, replace it, or give the moved one a number.
            A file with the same content takes its place.

    Returns:
        Where it is now.
    """
    path = own_file(lambda item: place(item["source"], item["destination"]), source=source, destination=destination)
    check_source(source, path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; choose another name")
    if path.exists() and not filecmp.cmp(source, path, shallow=False):
        if if_it_exists == "Error":
            raise ValueError(f"{path} is there already, and is not the same; choose another name, or Replace")
        if if_it_exists == "Number":
            path = free(path)
    check_use(source)
    move(source, path)
    log(f"Moved {source} to {path}")
    return path


def check_source(source: Path, path: Path) -> None:
    if source.is_dir():
        raise ValueError(f"{source} is a folder; choose a file")
    if not source.is_file():
        there = (
            f"; {path} is there, so it may have been moved before" if path.is_file() else "; choose one that is there"
        )
        raise ValueError(f"There is no file {source}{there}")
    if os.path.realpath(path) == os.path.realpath(source):
        raise ValueError(f"{source} is its own destination; choose another place")


def check_use(source: Path) -> None:
    """Raise ValueError for what the open file uses, or what another node writes."""
    try:
        claim(source)
    except ValueError as error:
        reason = str(error).removeprefix(f"{source} is ").partition(" and would be")[0].partition("; ")[0]
        raise ValueError(f"{source} is {reason}, so it is not moved; choose another file") from None


def place(source: str, destination: str) -> Path:
    path = Path(destination)
    is_folder = str(destination).endswith(("/", os.sep)) or path.is_dir()
    return path / Path(source).name if is_folder else path


def free(path: Path) -> Path:
    """The path with the first number that no other file has."""
    count = 2
    while (candidate := numbered([path] * count)[-1]).exists():
        count += 1
    return candidate


def move(source: Path, path: Path) -> None:
    """On the same disk in one step, else by a copy that is complete before the source goes."""
    claim(path).parent.mkdir(parents=True, exist_ok=True)
    if path.parent.stat().st_dev == source.lstat().st_dev and not source.is_symlink():
        source.replace(path)
        return
    if source.stat().st_size:
        with written_whole(path) as beside:
            shutil.copy2(source, beside)
    else:
        path.write_bytes(b"")
    source.unlink()
