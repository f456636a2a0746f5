# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs of a task as parts of its key: values by their JSON, data-blocks, files and folders by their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ..scratch import value_files
from ..scratch.contents import Origin
from ..scratch.scratch import ScratchFolder
from ..scratch.typed_values import TypedValue
from ..script.signature import Parameter
from ..script.socket_types import OPEN_FILE, StoredRef
from .files import FileDigests, UnknownContentError, combined, each, without
from .key import Content, Element, InputPart

#: Letters of a value that people are shown.
_MAX_TEXT: Final = 40
#: Kinds of values that hold no paths.
_WITHOUT_TEXT: Final = frozenset({"BOOLEAN", "INT", "FLOAT", "VECTOR", "COLOR", "ROTATION", "MATRIX"})


@dataclass(frozen=True, slots=True)
class DataBlockContent:
    """A data-block by its content.

    Attributes:
        element: the content.
        is_timed: whether it looks different at another frame.
        origins: where it and all that it uses are from.
        birthplace: of the blobs that were written from one file, what they name as such; "" if there is one only.
    """

    element: Element
    is_timed: bool = False
    origins: tuple[Origin, ...] = ()
    birthplace: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """Where the content of what inputs name is found.

    Attributes:
        data_block: gives the content of a data-block.
        blend_file: gives the content of a whole .blend file, with that of the files it uses, by its path, or for the
            open one by `OPEN_FILE`; the name of the element is the whole path.
        files: digests of files.
        folder: where large values are.
        whole_path: resolves `//`.
        written: whole paths of files that the task itself wrote: they don't count.
        value_digest: gives the digest of a plain value, None for `value_digest` of this module.

    The functions raise UnknownContentError where the content can't be told.
    """

    data_block: Callable[[StoredRef], DataBlockContent]
    blend_file: Callable[[str], DataBlockContent]
    files: FileDigests
    folder: ScratchFolder
    whole_path: Callable[[str], str] = str
    written: frozenset[str] = frozenset()
    value_digest: Callable[[TypedValue], str] | None = None


def input_parts(
    arguments: Iterable[tuple[Parameter, Iterable[tuple[TypedValue, str]]]], contents: Contents
) -> tuple[InputPart, ...]:
    """The inputs of one item as parts of its key.

    Args:
        arguments: what the script takes, each with the values it is given and the names of their conversions.
        contents: where the content of what they name is found.

    Raises:
        UnknownContentError: if some of it can't be told: the task's result can't be kept. The message says why.
        StoreError: if a file with a value can't be read.
    """
    reading = _Reading(contents)
    return tuple(reading.input_part(parameter, pieces) for parameter, pieces in arguments)


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


class _Reading:
    """Reads the inputs of one item, and numbers the data-blocks, blobs and origins among them as they come."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._refs: dict[StoredRef, int] = {}
        self._blobs: dict[str, int] = {}
        self._origins: dict[StoredRef, int] = {}

    def input_part(self, parameter: Parameter, pieces: Iterable[tuple[TypedValue, str]]) -> InputPart:
        return InputPart(
            identifier=parameter.identifier,
            label=parameter.label,
            type=parameter.type,
            contents=tuple(self._content(value, conversion, parameter) for value, conversion in pieces),
            annotation=parameter.annotation,
            is_optional=parameter.is_optional,
            is_output_path=parameter.is_output_path,
        )

    def _content(self, value: TypedValue, conversion: str, parameter: Parameter) -> Content:
        if value.type.is_data_block:
            return self._data_blocks(value, conversion)
        if parameter.type.kind == "PATH":
            return self._paths(value, conversion, parameter)
        if parameter.type.kind == "BLEND_FILE":
            return self._blend_files(value, conversion)
        known = self._contents.value_digest
        digest = value_digest(value, self._contents.folder) if known is None else known(value)
        is_relative = value.type.kind not in _WITHOUT_TEXT and (value.is_in_files or '"//' in json.dumps(value.content))
        return Content(value.type, conversion, digest, _text(value), is_relative=is_relative)

    def _data_blocks(self, value: TypedValue, conversion: str) -> Content:
        given: list[StoredRef | None] = list(value_files.elements(value, self._contents.folder))
        found = [(ref, self._contents.data_block(ref)) for ref in given if ref is not None]
        elements = tuple(self._numbered(ref, each) for ref, each in found)
        names = [each.name for each in elements]
        return Content(
            value.type,
            conversion,
            _joined("" if ref is None else f"in {ref.library}" for ref in given),
            names[0] if len(names) == 1 else f"{len(names)} data-blocks" if names else "nothing",
            elements,
            is_timed=any(each.is_timed for _ref, each in found),
        )

    def _numbered(self, ref: StoredRef, content: DataBlockContent) -> Element:
        return replace(
            content.element,
            number=self._refs.setdefault(ref, len(self._refs)),
            blob=self._blobs.setdefault(content.birthplace or ref.blob, len(self._blobs)),
            origins=tuple(self._origins.setdefault(each.ref, len(self._origins)) for each in content.origins),
            are_unchanged=tuple(each.is_unchanged for each in content.origins),
        )

    def _paths(self, value: TypedValue, conversion: str, parameter: Parameter) -> Content:
        given = list(value_files.elements(value, self._contents.folder))
        paths = [self._contents.whole_path(path) if isinstance(path, str) else "" for path in given]
        elements: list[Element] = []
        if not parameter.is_output_path:
            elements = each(lambda path: self._file(path, parameter), filter(None, paths))
        return Content(value.type, conversion, _joined(paths), _shown(given), tuple(elements))

    def _file(self, path: str, parameter: Parameter) -> Element:
        if not Path(path).is_absolute():
            raise UnknownContentError(
                f'"{parameter.label}": {path} is no whole path, so nobody knows which file is meant'
            )
        found = without(self._contents.files.content(path), path, self._contents.written)
        return Element(path, combined(found), found)

    def _blend_files(self, value: TypedValue, conversion: str) -> Content:
        given = list(value_files.elements(value, self._contents.folder))
        elements = tuple(self._contents.blend_file(path).element for path in given if isinstance(path, str))
        names = ["this file" if path == OPEN_FILE else str(path) for path in given]
        return Content(value.type, conversion, _joined(each.name for each in elements), ", ".join(names), elements)


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
