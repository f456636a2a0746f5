# SPDX-License-Identifier: GPL-3.0-or-later
"""Large values in files of their own: the foreground passes their names on and never reads them.

A file holds one JSON text. A list that is a task's result has each element on a line of its own, and a second file says
where each line starts, so that one element can be read alone:

    000012.0.value    [       000012.0.value.lines    where each line starts, and where one more would:
                      1.5,                            numbers of eight bytes
                      2.5
                      ]
"""

from __future__ import annotations

import itertools
import json
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from ..errors import StoreError
from ..script.socket_types import StoredRef
from . import room
from .scratch import Scratch, ScratchFolder
from .typed_values import TypedValue, ValueFile, from_json, to_json

#: A value is large if its JSON has at least this many characters.
LARGE: Final = 16 * 1024

#: Characters that are read at once where others wait for the thread.
PIECE: Final = 1024**2

#: A value of more characters is refused: a task that takes it holds it in memory.
TOO_LARGE: Final = 256 * 1024**2

#: Made here because a script may replace the functions of `json`.
_ENCODER = json.JSONEncoder()
_DECODER = json.JSONDecoder()

_BEGIN, _BETWEEN, _END = "[\n", ",\n", "\n]"
#: What can be encoded as one list with `_BETWEEN` between its elements.
_SCALARS: Final = frozenset({int, float, str, bool, type(None)})
_SCALARS_ENCODER = json.JSONEncoder(separators=(_BETWEEN, ": "))
#: A large element is in a file, so that these have no more than `PIECE` characters.
_MAX_JOINED: Final = PIECE // LARGE


def stored(value: TypedValue, name: str, folder: ScratchFolder) -> TypedValue:
    """Return the value; if it is large, with its content written to a file of that name.

    Raises:
        StoreError: if the file can't be written, or the value is too large.
    """
    if not isinstance(value.content, str | list | tuple | dict):
        return value
    lines = [_ENCODER.encode(to_json(part)) for part in value.parts()]
    size = sum(map(len, lines))
    if size < LARGE:
        return value
    check_size(size)
    if not value.type.is_list:
        return TypedValue(value.type, _write(lines[0], name, folder))
    return TypedValue(value.type, (_write_list(lines, name, folder),))


def stored_whole(value: TypedValue, scratch: Scratch, least: int = LARGE) -> TypedValue:
    """Return the value; if it has at least `least` characters, with its content written to a new file.

    That is faster than `stored`, but no element can be read alone. No part of the value may be in a file already.

    Raises:
        StoreError: if the file can't be written, or the value is too large.
    """
    if not isinstance(value.content, str | list | tuple | dict):
        return value
    parts = [to_json(part) for part in value.parts()] if value.type.is_data_block else value.parts()
    text = _ENCODER.encode(parts if value.type.is_list else parts[0])
    if len(text) < least:
        return value
    check_size(len(text))
    name = f"{Path(scratch.new_blob()).stem}.value"
    if not value.type.is_list:
        return TypedValue(value.type, _write(text, name, scratch.folder))
    _write_text(scratch.file(name), _BEGIN + text[1:-1] + _END)
    return TypedValue(value.type, (ValueFile(name, len(parts)),))


def elements(value: TypedValue, folder: ScratchFolder) -> Iterator[Any]:
    """The elements of a list, else the value as the only one; those in files are read.

    Raises:
        StoreError: if a file can't be read.
    """
    for part in value.parts():
        if not isinstance(part, ValueFile):
            yield part
        elif part.length is None:
            yield from_json(value.type.kind, _read(part, folder))
        else:
            yield from (from_json(value.type.kind, element) for element in _read(part, folder))


def loaded(value: TypedValue, folder: ScratchFolder) -> TypedValue:
    """The same value with nothing of it in files. Raises StoreError if one can't be read."""
    if not value.is_in_files:
        return value
    found = tuple(elements(value, folder))
    return TypedValue(value.type, found if value.type.is_list else found[0])


def named(value: TypedValue, folder: ScratchFolder) -> list[Any]:
    """The elements, data-blocks as their names. Raises StoreError if a file can't be read."""
    return [element.name if isinstance(element, StoredRef) else element for element in elements(value, folder)]


def json_text(value: TypedValue, folder: ScratchFolder) -> str:
    """The value as JSON. What is in files is copied as text. Raises StoreError if one can't be read."""
    return "".join(json_pieces(value, folder))


def json_pieces(value: TypedValue, folder: ScratchFolder) -> Iterator[str]:
    """The same in pieces of `PIECE` characters or a little more: one text, whichever elements of a list are in files.

    No file is open between two pieces.

    Raises:
        StoreError: if a file can't be read.
    """
    piece: list[str] = []
    size = 0
    for text in _texts(value, folder):
        piece.append(text)
        size += len(text)
        if size >= PIECE:
            yield "".join(piece)
            piece, size = [], 0
    if piece:
        yield "".join(piece)


def _texts(value: TypedValue, folder: ScratchFolder) -> Iterator[str]:
    parts = value.parts()
    if len(parts) == 1 and isinstance(parts[0], ValueFile) and parts[0].index is None:
        yield from _read_pieces(folder.file(parts[0].name))  # the whole value: to take it apart would take long
        return
    if not value.type.is_list:
        yield from _texts_of(parts[0], folder)
        return
    between = _BEGIN
    for part in _joined(parts):
        for text in _texts_of(part, folder):
            yield between
            yield text
            between = ""
        between = between or _BETWEEN
    yield _BEGIN + _END if between == _BEGIN else _END


def _joined(parts: Iterable[object]) -> Iterator[object]:
    """The same, with scalars that are next to each other as `_Scalars`: to encode them one by one takes long."""
    for are_scalars, group in itertools.groupby(parts, lambda part: type(part) in _SCALARS):
        while are_scalars and (scalars := _Scalars(itertools.islice(group, _MAX_JOINED))):
            yield scalars
        yield from group


class _Scalars(list[object]):
    """Some elements of a list, numbers and texts."""


def check_size(size: int) -> None:
    """Raise StoreError if JSON of so many characters is too much to be passed on."""
    if size > TOO_LARGE:
        limit = TOO_LARGE // 1024**2
        raise StoreError(f"values of {size / 1024**2:.0f} MB are too much to be passed on: at most {limit} MB are")


def _texts_of(part: object, folder: ScratchFolder) -> Iterator[str]:
    """The JSON of a part in pieces, none of them empty; of a list, of its elements without the brackets."""
    if isinstance(part, _Scalars):
        yield _SCALARS_ENCODER.encode(part)[1:-1]
    elif not isinstance(part, ValueFile):
        yield _ENCODER.encode(part)
    elif part.index is not None:
        yield _read_line(folder.file(part.name), part.index)
    elif part.length is None:
        yield from _read_pieces(folder.file(part.name))
    else:
        yield from _read_pieces(folder.file(part.name), len(_BEGIN), len(_END))


def _write(text: str, name: str, folder: ScratchFolder) -> ValueFile:
    _write_text(folder.file(name), text)
    return ValueFile(name)


def _write_list(lines: list[str], name: str, folder: ScratchFolder) -> ValueFile:
    path = folder.file(name)
    _write_text(path, _BEGIN + _BETWEEN.join(lines) + _END)
    try:
        _lines_path(path).write_bytes(array("Q", _offsets(lines)).tobytes())
    except OSError as error:
        raise room.unwritten("the values", path, error) from error
    return ValueFile(name, len(lines))


def _offsets(lines: Iterable[str]) -> Iterator[int]:
    offset = len(_BEGIN)
    for line in lines:  # JSON of this encoder is ASCII: a character is a byte
        yield offset
        offset += len(line) + len(_BETWEEN)
    yield offset


def _read(part: ValueFile, folder: ScratchFolder) -> Any:
    path = folder.file(part.name)
    try:
        return _DECODER.decode(_read_text(path) if part.index is None else _read_line(path, part.index))
    except ValueError as error:
        raise StoreError(f"the values in {path} can't be read: {error}") from error


def _read_line(path: Path, index: int) -> str:
    size = array("Q").itemsize
    try:
        with _lines_path(path).open("rb") as file:
            file.seek(index * size)
            start, end = array("Q", file.read(2 * size))
    except (OSError, ValueError) as error:
        raise StoreError(f"the values in {path} can't be read: {error}") from error
    return _read_part(path, start, end - start - len(_BETWEEN))


def _read_text(path: Path) -> str:
    return "".join(_read_pieces(path))


def _read_pieces(path: Path, start: int = 0, num_left_out: int = 0) -> Iterator[str]:
    """What a file holds from a place on, but for so many characters at its end."""
    try:
        end = path.stat().st_size - num_left_out
    except OSError as error:
        raise StoreError(f"the values in {path} can't be read: {error}") from error
    while start < end:
        yield _read_part(path, start, min(PIECE, end - start))
        start += PIECE


def _read_part(path: Path, start: int, size: int) -> str:
    try:
        with path.open("rb") as file:  # reading it as text looks at each line
            file.seek(start)
            text = file.read(size).decode("ascii")
    except (OSError, ValueError) as error:
        raise StoreError(f"the values in {path} can't be read: {error}") from error
    if len(text) < size:
        raise StoreError(f"the values in {path} can't be read: it became shorter")
    return text


def _write_text(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="ascii", newline="\n")
    except OSError as error:
        raise room.unwritten("the values", path, error) from error


def _lines_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.lines")
