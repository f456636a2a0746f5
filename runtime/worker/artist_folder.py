# SPDX-License-Identifier: GPL-3.0-or-later
"""`//` in a worker: it means the folder of the artist's file, to scripts and to Blender, though that file is not open.

Blender resolves `//` by the path of the open file, and has no call that sets it without writing a file there. So it is
set where it stands in memory, after a look whether that is the place. The name behind the folder is no file's, and too
long to become one: a script that saves the open file, or removes it, can't do that to the artist's.

A script that works on a whole file may save that: the open file is its copy, elsewhere. There `//` is resolved for
`bpy.path` and for operators; to the rest of Blender it is the copy's folder, where nothing may be left.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import bpy

#: Where Blender's `Main` has the path of the open file: behind two pointers.
_OFFSET: Final = 2 * ctypes.sizeof(ctypes.c_void_p)
_SIZE: Final = 1024
#: No file system takes a name of more than 255 bytes. This is the ending of one; Blender's error shows it.
_NO_NAME: Final = (
    "blend is the artist's file, which a background Blender does not write: save under another name".ljust(300, "_")
)
#: Operators that are to see the path of the open file itself.
_FILE_OPERATORS: Final = frozenset({"save_mainfile", "save_as_mainfile", "open_mainfile", "revert_mainfile"})


@dataclass(frozen=True, slots=True)
class _Place:
    """The folder and the open file as a script sees them.

    Attributes:
        folder: what `//` means, "" if the artist's file was never saved.
        path: of the open file, as Blender tells it, as long as the script opens no other.
        is_copy: whether that is the copy of a whole file.
    """

    folder: str
    path: str
    is_copy: bool


_place: _Place | None = None


@contextlib.contextmanager
def entered(open_file: str, copy: Path | None = None) -> Iterator[None]:
    """Within the block, `//` is the folder of a file.

    Args:
        open_file: path of the file, "" if it was never saved.
        copy: path of a copy of it that is the open file; None if another one is, whose path nobody needs.
    """
    global _place  # noqa: PLW0603 (Blender has one open file)
    folder = str(Path(open_file).parent) if open_file else ""
    if copy is None:
        _set_path(_path_of_no_file(open_file))
    _place = _Place(folder, bpy.data.filepath, copy is not None)
    try:
        yield
    finally:
        _place = None


@contextlib.contextmanager
def same_path() -> Iterator[None]:
    """After the block, in which another file is opened, the open file has the path that it had: `//` means the same."""
    path = bpy.data.filepath
    yield
    if bpy.data.filepath != path:
        _set_path(path)


def install() -> None:
    """Let `bpy.path` and operators know of the place. For workers, before others hold on to them."""
    bpy.path.abspath = _abspath
    bpy.path.relpath = _relpath
    bpy.ops._bpy_ops_submodule__getattr__ = lambda module, name: _Operator(_find_operator(module, name), name)


# bpy.path

_blender_abspath: Final = bpy.path.abspath
_blender_relpath: Final = bpy.path.relpath


def _abspath(path: Any, *, start: Any = None, library: Any = None) -> Any:
    """As Blender's own, but `//` is the folder of the artist's file. Raises ValueError if that was never saved."""
    prefix: Any = b"//" if isinstance(path, bytes) else "//"
    place = _current()
    if place is None or start is not None or library or not path.startswith(prefix):
        return _blender_abspath(path, start=start, library=library)
    if not place.folder:
        raise ValueError(f"{path!r} is relative to the open file, which was never saved: save it, or give a whole path")
    folder: Any = os.fsencode(place.folder) if isinstance(path, bytes) else place.folder
    return os.path.join(folder, path[2:])  # noqa: PTH118 (as Blender does: of bytes, too, and "//" ends in a slash)


def _relpath(path: Any, *, start: Any = None) -> Any:
    """As Blender's own. In a whole file there are no relative paths: its copy lies elsewhere."""
    place = _current()
    return path if start is None and place is not None and place.is_copy else _blender_relpath(path, start=start)


def _current() -> _Place | None:
    """The place, as long as the script has opened no other file, nor saved this one as another."""
    return _place if _place is not None and _place.path == bpy.data.filepath else None


# Operators

_find_operator: Final[Callable[[str, str], Any]] = bpy.ops._bpy_ops_submodule__getattr__


class _Operator:
    """An operator that takes `//` in its paths, which Blender's own do not all do: they write to the system's root."""

    def __init__(self, operator: Any, name: str) -> None:
        self._operator = operator
        self._name = name

    def __call__(self, *arguments: Any, **properties: Any) -> Any:
        if _place is None:
            return self._operator(*arguments, **properties)
        for name, value in properties.items():
            if isinstance(value, str) and value.startswith("//") and self._is_path(name):
                properties[name] = _abspath(value)
        with _whole_file_in_its_folder(self._name):
            return self._operator(*arguments, **properties)

    def _is_path(self, name: str) -> bool:
        definition = self._operator.get_rna_type().properties.get(name)
        return definition is not None and (definition.subtype in {"FILE_PATH", "DIR_PATH"} or name == "filepath")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operator, name)

    def __repr__(self) -> str:
        return repr(self._operator)


@contextlib.contextmanager
def _whole_file_in_its_folder(operator: str) -> Iterator[None]:
    """Within the block, Blender believes a whole file's copy to be where the file is: it renders to `//` there."""
    place = _current()
    if place is None or not place.is_copy or not place.folder or operator in _FILE_OPERATORS:
        yield
        return
    path = _path_of_no_file(str(Path(place.folder) / Path(place.path).name))
    if not _set_path(path):
        yield
        return
    try:
        yield
    finally:
        if bpy.data.filepath == path:  # else the operator has opened another file
            _set_path(place.path)


# The path of the open file


def _path_of_no_file(file: str) -> str:
    """A path in the folder of a file that begins like its name, and that nothing can be written to."""
    if not file:
        return ""
    start = str(Path(file).with_suffix("")).encode("utf-8", "surrogateescape")
    return (start + b"." + _NO_NAME.encode())[: _SIZE - 1].decode("utf-8", "surrogateescape")


def _set_path(path: str) -> bool:
    """Set the path of the open file. False, and nothing is changed, if this Blender has it elsewhere."""
    field = (ctypes.c_char * _SIZE).from_address(bpy.data.as_pointer() + _OFFSET)
    before = field.value
    if before.decode("utf-8", "surrogateescape") != bpy.data.filepath:
        return False
    if not before:  # no proof yet: many a place holds nothing
        field[0] = b"/"
        is_there = bpy.data.filepath.startswith("/")
        field[0] = b"\0"
        if not is_there:
            return False
    field.value = path.encode("utf-8", "surrogateescape")
    return True
