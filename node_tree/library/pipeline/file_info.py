# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a path apart, and tell whether there is a file and how large it is."""

from pathlib import Path
from typing import NamedTuple


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        name: The name without its ending: rock of /models/rock.v2.obj is rock.v2.
        ending: The ending in lower case, with its dot.
        folder: The folder that it is in.
        exists: Whether there is a file or folder.
        is_folder: Whether it is a folder.
        size: Bytes of the file, or of all files in the folder.
    """

    name: str
    ending: str
    folder: str
    exists: bool
    is_folder: bool
    size: int


def main(filepath: Path) -> Output:
    """Look at `filepath`.

    Args:
        filepath: A file or a folder, which need not be there.
    """
    is_folder = filepath.is_dir()
    files = [each for each in filepath.rglob("*") if each.is_file()] if is_folder else [filepath]
    return Output(
        name=filepath.name if is_folder else filepath.stem,
        ending="" if is_folder else filepath.suffix.lower(),
        folder=str(filepath.parent),
        exists=filepath.exists(),
        is_folder=is_folder,
        size=sum(each.stat().st_size for each in files if each.exists()),
    )
