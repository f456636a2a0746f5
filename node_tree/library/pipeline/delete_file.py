# SPDX-License-Identifier: GPL-3.0-or-later
"""Delete a file: to the trash, or for good. You are asked before such a node runs for the first time.

Nothing outside of the folder that you name is touched, and with *Dry Run*, which is on at first, nothing at all: the
log tells what would go. It runs each time.
"""

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote

from background_nodes.script import claim, log

CACHE = False


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        deleted: Whether it is gone now. Off in a dry run, and if it was not there.
        trashed: Where it is in the trash, None if it is not there or the system does not tell.
    """

    deleted: bool
    trashed: Path | None


def main(
    filepath: Path,
    within: Path,
    way: Literal["Trash", "For Good"] = "Trash",
    dry_run: bool = True,
    allow_missing: bool = True,
) -> Output:
    """Delete `filepath`.

    Args:
        filepath: The file. A link is deleted itself, not what it leads to. Folders are refused.
        within: The folder that it must be in, or in a folder of that. What is elsewhere is refused.
        way: Trash moves it to the trash of the system, from where it can be taken back. For Good deletes it.
        dry_run: Delete nothing, and only tell what would be deleted.
        allow_missing: Do nothing if there is no such file. Off, that is an error.
    """
    check_place(filepath, within)
    if not os.path.lexists(filepath):
        if not allow_missing:
            raise ValueError(f"There is no file {filepath}; choose one that is there, or switch Allow Missing on")
        log(f"{filepath} is not there")
        return Output(deleted=False, trashed=None)
    if filepath.is_dir() and not filepath.is_symlink():
        raise ValueError(f"{filepath} is a folder; only files are deleted")
    check_use(filepath)
    if dry_run:
        log(f"Would delete {filepath} ({'to the trash' if way == 'Trash' else 'for good'})")
        return Output(deleted=False, trashed=None)
    trashed = None
    if way == "Trash":
        trashed = to_trash(filepath)
    else:
        filepath.unlink()
    log(f"Deleted {filepath}" + (f"; it is in {trashed.parent}" if trashed else ""))
    return Output(deleted=True, trashed=trashed)


def check_place(filepath: Path, within: Path) -> None:
    """Raise ValueError unless the file is in the folder, wherever links lead."""
    if not within.is_dir():
        raise ValueError(f"There is no folder {within}; choose one that is there")
    folder = within.resolve()
    if folder == Path(folder.anchor) or folder == Path.home().resolve():
        raise ValueError(f"{within} holds far more than what you want to delete from; choose a folder in it")
    if not filepath.parent.resolve().is_relative_to(folder):
        raise ValueError(f"{filepath} is not in {within}; nothing outside of it is deleted")


def check_use(filepath: Path) -> None:
    """Raise ValueError for what the open file uses, or what another node writes."""
    try:
        claim(filepath)
    except ValueError as error:
        reason = str(error).removeprefix(f"{filepath} is ").partition(" and would be")[0].partition("; ")[0]
        raise ValueError(f"{filepath} is {reason}, so it is not deleted; choose another file") from None


# The trash


def to_trash(path: Path) -> Path | None:
    """Move a file to the trash; where it is there. Raises ValueError if there is none."""
    try:
        if sys.platform == "win32":
            return to_recycle_bin(path)
        if sys.platform == "darwin":
            return moved(path, Path.home() / ".Trash")
        return to_freedesktop_trash(path)
    except OSError as error:
        raise ValueError(f"{path} can't be moved to the trash ({error}); choose For Good") from None


def moved(path: Path, folder: Path) -> Path:
    target, number = folder / path.name, 2
    while os.path.lexists(target):
        target, number = folder / f"{path.stem} {number}{path.suffix}", number + 1
    shutil.move(path, target)
    return target


def to_freedesktop_trash(path: Path) -> Path:
    """As the freedesktop.org Trash specification 1.0 says: a note in info/ first, then the file in files/."""
    device = path.lstat().st_dev
    trash = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "Trash"
    trash.mkdir(parents=True, exist_ok=True, mode=0o700)
    named = path.absolute()
    if trash.stat().st_dev != device:
        top = top_folder(path.parent.resolve(), device)
        trash = top / f".Trash-{os.getuid()}"
        trash.mkdir(exist_ok=True, mode=0o700)
        named = path.parent.resolve().relative_to(top) / path.name
    for name in ("files", "info"):
        (trash / name).mkdir(exist_ok=True, mode=0o700)
    note = f"[Trash Info]\nPath={quote(str(named))}\nDeletionDate={time.strftime('%Y-%m-%dT%H:%M:%S')}\n"
    number = 1
    while True:
        name = path.name if number == 1 else f"{path.stem}.{number}{path.suffix}"
        info = trash / "info" / f"{name}.trashinfo"
        try:
            with info.open("x", encoding="utf-8") as file:
                file.write(note)
            break
        except FileExistsError:
            number += 1
    try:
        os.rename(path, trash / "files" / name)  # noqa: PTH104 (a link is moved itself)
    except OSError:
        info.unlink()
        raise
    return trash / "files" / name


def top_folder(folder: Path, device: int) -> Path:
    """The folder at which a disk is mounted."""
    while folder != folder.parent and folder.parent.stat().st_dev == device:
        folder = folder.parent
    return folder


def to_recycle_bin(path: Path) -> None:
    """By the Windows shell: SHFileOperationW, FO_DELETE with FOF_ALLOWUNDO, and no dialog."""
    import ctypes
    from ctypes import wintypes

    class Operation(ctypes.Structure):
        _fields_ = (
            ("hwnd", wintypes.HWND),
            ("wFunc", wintypes.UINT),
            ("pFrom", wintypes.LPCWSTR),
            ("pTo", wintypes.LPCWSTR),
            ("fFlags", wintypes.WORD),
            ("fAnyOperationsAborted", wintypes.BOOL),
            ("hNameMappings", wintypes.LPVOID),
            ("lpszProgressTitle", wintypes.LPCWSTR),
        )

    delete, allow_undo, silent = 3, 0x40, 0x4 | 0x10 | 0x400
    operation = Operation(None, delete, f"{path.absolute()}\0", None, allow_undo | silent, False, None, None)
    code = ctypes.windll.shell32.SHFileOperationW(ctypes.byref(operation))
    if code or operation.fAnyOperationsAborted:
        raise OSError(f"the shell gave {code}")
