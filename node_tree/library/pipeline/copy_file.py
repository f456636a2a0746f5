# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy a file. What is there already is left alone, unless it is the same or you allow to replace it."""

import filecmp
import os
import shutil
from pathlib import Path
from typing import Literal

from background_nodes.script import OutputPath, claim, log, numbered, own_file, written_whole


def main(source: Path, destination: OutputPath, if_it_exists: Literal["Error", "Replace", "Number"] = "Error") -> Path:
    """Copy `source`.

    Args:
        source: The file to copy.
        destination: Where to. Folders that don't exist are made; where it ends in a slash, or is a folder, the name of
            the source is added.
        if_it_exists: What to do if another file is there already: an error, replace it, or give the copy a number. A
            file with the same content counts as the copy.

    Returns:
        The copy.
    """
    if not source.is_file():
        raise ValueError(f"There is no file {source}; choose one that is there")
    path = own_file(lambda item: place(item["source"], item["destination"]), source=source, destination=destination)
    if os.path.realpath(path) == os.path.realpath(source):
        raise ValueError(f"{source} is its own destination; choose another place")
    if path.is_dir():
        raise ValueError(f"{path} is a folder; choose another name")
    if path.exists() and not filecmp.cmp(source, path, shallow=False):
        if if_it_exists == "Error":
            raise ValueError(f"{path} is there already, and is not the same; choose another name, or Replace")
        if if_it_exists == "Number":
            path = free(path, source)
    copy(source, path)
    log(f"Copied to {path}")
    return path


def place(source: str, destination: str) -> Path:
    path = Path(destination)
    is_folder = str(destination).endswith(("/", os.sep)) or path.is_dir()
    return path / Path(source).name if is_folder else path


def free(path: Path, source: Path) -> Path:
    """The path with the first number that no other file has."""
    count = 2
    while True:
        candidate = numbered([path] * count)[-1]
        if not candidate.exists() or filecmp.cmp(source, candidate, shallow=False):
            return candidate
        count += 1


def copy(source: Path, path: Path) -> None:
    if not source.stat().st_size:  # nothing is written, so it can't be half written
        claim(path).parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        return
    with written_whole(path) as beside:
        shutil.copy2(source, beside)
