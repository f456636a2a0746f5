# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs of a task as parts of its key: values by their JSON, data-blocks, files and folders by their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..scratch import value_files
from ..scratch.scratch import ScratchFolder
from ..scratch.typed_values import TypedValue
from ..script.signature import Parameter
from ..script.socket_types import OPEN_FILE, StoredRef
from .files import FileDigests, UnknownContentError, combined
from .key import Content, Element, InputPart

#: Letters of a value that people are shown.
_MAX_TEXT: Final = 40
#: Kinds of values that hold no paths.
_WITHOUT_TEXT: Final = frozenset({"BOOLEAN", "INT", "FLOAT", "VECTOR", "COLOR", "ROTATION", "MATRIX"})


@dataclass(frozen=True, slots=True)
class DataBlockContent:
    """A data-block by its content: an `Element`, and whether it looks different at another frame."""

    element: Element
    is_timed: bool = False


@dataclass(frozen=True, slots=True)
class Contents:
    """Where the content of what inputs name is found.

    Attributes:
        data_block: gives the content of a data-block.
        blend_file: gives the content of a whole .blend file, with that of the files it uses, by its path; `OPEN_FILE`
            for the open one.
        files: digests of files.
        folder: where large values are.
        whole_path: resolves `//`.
        written: whole paths of files that the task itself wrote: they don't count.

    The functions raise UnknownContentError where the content can't be told.
    """

    data_block: Callable[[StoredRef], DataBlockContent]
    blend_file: Callable[[str], DataBlockContent]
    files: FileDigests
    folder: ScratchFolder
    whole_path: Callable[[str], str] = str
    written: frozenset[str] = frozenset()


def input_part(parameter: Parameter, pieces: Iterable[tuple[TypedValue, str]], contents: Contents) -> InputPart:
    """An input as part of a key.

    Args:
        parameter: what the script takes.
        pieces: the values that it is given, each with the name of its conversion.
        contents: where the content of what they name is found.

    Raises:
        UnknownContentError: if some of it can't be told: the task's result can't be kept. The message says why.
        StoreError: if a file with a value can't be read.
    """
    return InputPart(
        identifier=parameter.identifier,
        label=parameter.label,
        type=parameter.type,
        contents=tuple(_content(value, conversion, parameter, contents) for value, conversion in pieces),
        annotation=parameter.annotation,
        is_optional=parameter.is_optional,
        is_output_path=parameter.is_output_path,
    )


def value_digest(value: TypedValue, folder: ScratchFolder) -> str:
    """The digest of a plain value, whether it is in files or not. Raises StoreError if one can't be read."""
    found = hashlib.blake2b(digest_size=16)
    for piece in value_files.json_pieces(value, folder):
        found.update(piece.encode("ascii"))
    return found.hexdigest()


def items_digest(columns: Iterable[tuple[str, Sequence[Any]]]) -> str:
    """The digest of what all items of a node are given, by parameter, as JSON."""
    text = json.dumps(sorted((name, list(values)) for name, values in columns))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _content(value: TypedValue, conversion: str, parameter: Parameter, contents: Contents) -> Content:
    if value.type.is_data_block:
        return _data_blocks(value, conversion, contents)
    if parameter.type.kind == "PATH":
        return _paths(value, conversion, parameter, contents)
    if parameter.type.kind == "BLEND_FILE":
        return _blend_files(value, conversion, contents)
    digest = value_digest(value, contents.folder)
    is_relative = value.type.kind not in _WITHOUT_TEXT and (value.is_in_files or '"//' in json.dumps(value.content))
    return Content(value.type, conversion, digest, _text(value), is_relative=is_relative)


def _data_blocks(value: TypedValue, conversion: str, contents: Contents) -> Content:
    found = [None if ref is None else contents.data_block(ref) for ref in value.parts()]
    names = [each.element.name for each in found if each]
    return Content(
        value.type,
        conversion,
        _joined("" if each is None else each.element.digest for each in found),
        names[0] if len(names) == 1 else f"{len(names)} data-blocks" if names else "nothing",
        tuple(each.element for each in found if each),
        is_timed=any(each.is_timed for each in found if each),
    )


def _paths(value: TypedValue, conversion: str, parameter: Parameter, contents: Contents) -> Content:
    given = list(value_files.elements(value, contents.folder))
    paths = [contents.whole_path(path) if isinstance(path, str) else "" for path in given]
    elements: list[Element] = []
    if not parameter.is_output_path:
        elements = [_file(path, parameter, contents) for path in paths if path]
    return Content(value.type, conversion, _joined(paths), _shown(given), tuple(elements))


def _file(path: str, parameter: Parameter, contents: Contents) -> Element:
    if not Path(path).is_absolute():
        raise UnknownContentError(f'"{parameter.label}": {path} is no whole path, so nobody knows which file is meant')
    found = {
        name: digest
        for name, digest in contents.files.content(path).items()
        if str(Path(path, name)) not in contents.written
    }
    return Element(path, combined(found), found)


def _blend_files(value: TypedValue, conversion: str, contents: Contents) -> Content:
    given = list(value_files.elements(value, contents.folder))
    found = [contents.blend_file(path) for path in given if isinstance(path, str)]
    names = ["this file" if path == OPEN_FILE else str(path) for path in given]
    digest = _joined(each.element.name for each in found)
    return Content(value.type, conversion, digest, ", ".join(names), tuple(each.element for each in found))


def _joined(texts: Iterable[str]) -> str:
    """One digest for several texts."""
    return hashlib.blake2b(json.dumps(list(texts)).encode(), digest_size=16).hexdigest()


# For people


def _text(value: TypedValue) -> str:
    if value.type.is_list or value.is_in_files:
        return f"{value.num_elements} values" if value.type.is_list else "a large value"
    return _shown([value.content])


def _shown(values: list[Any]) -> str:
    text = ", ".join(map(_one_shown, values)) or "nothing"
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 3]}..."


def _one_shown(value: Any) -> str:
    match value:
        case bool() | None:
            return {True: "on", False: "off", None: "nothing"}[value]
        case float():
            return f"{value:.6g}"  # as many digits as Blender's numbers have
        case list() | tuple():
            return f"({', '.join(map(_one_shown, _few(value)))})"
        case str():
            return f'"{value}"'
    return str(value)


def _few(values: Sequence[Any]) -> Iterator[Any]:
    yield from values[:16]
