# SPDX-License-Identifier: GPL-3.0-or-later
"""The records on the wire between the foreground and a worker, and how values look there.

Each message is one JSON object with its class's name under "message". Data-blocks never travel here: a message names
the blob that holds them.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .errors import TransportError
from .types import StoredRef, Value


@dataclass(frozen=True, slots=True)
class Execute:
    """To a worker: carry out one task.

    Attributes:
        node: the node's name, for messages.
        script: `ScriptSource` as a dict.
        arguments: one dict per parameter, see `results.Results.request`.
        outputs: [identifier, label, kind, is_list] of each output.
        scene: `SceneSettings` as a dict.
        blob: path of the blob the worker writes its results' data-blocks to.
        log: path of the file that takes what the script prints.
        addons: modules of the add-ons that are to be enabled first.
        file_copy: path of the blob that the script has open as its file, "" for an empty file.
    """

    node: str
    script: dict[str, Any]
    arguments: list[dict[str, Any]]
    outputs: list[list[Any]]
    scene: dict[str, Any]
    blob: str
    log: str
    addons: list[str] = field(default_factory=list)
    file_copy: str = ""


@dataclass(frozen=True, slots=True)
class Gather:
    """To a worker: write data-blocks of several blobs into one. Answered by `Succeeded` with their refs as `data`.

    Attributes:
        refs: the data-blocks in wire form.
        blob: path of the blob to write.
    """

    refs: list[Any]
    blob: str


@dataclass(frozen=True, slots=True)
class CopyFile:
    """To a worker: write all that is in a .blend file into a blob. Answered by `Succeeded` with nothing.

    Attributes:
        filepath: path of the file, which is only read.
        blob: path of the blob to write.
    """

    filepath: str
    blob: str


@dataclass(frozen=True, slots=True)
class Idle:
    """From a worker: it is clean and waits for a task."""


@dataclass(frozen=True, slots=True)
class Started:
    """From a worker: it begins with its task."""


@dataclass(frozen=True, slots=True)
class Progressed:
    """From a worker: how far its script is."""

    fraction: float
    text: str


@dataclass(frozen=True, slots=True)
class Succeeded:
    """From a worker: its task's results, by output identifier, in wire form; `seconds`, `peak_memory`: see `Usage`."""

    values: dict[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    peak_memory: int | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """From a worker: its task's error; `line` is the script's own, 1-based."""

    error: str
    traceback: str = ""
    line: int | None = None
    seconds: float | None = None
    peak_memory: int | None = None


@dataclass(frozen=True, slots=True)
class Retiring:
    """From a worker: it is about to end by its own will, and why."""

    reason: str


Message = Execute | Gather | CopyFile | Idle | Started | Progressed | Succeeded | Failed | Retiring

_CLASSES: dict[str, type[Any]] = {
    cls.__name__: cls for cls in (Execute, Gather, CopyFile, Idle, Started, Progressed, Succeeded, Failed, Retiring)
}


#: One of our own: a script may put another function in the place of `json.dumps`.
_ENCODER = json.JSONEncoder()


def encode(message: Message) -> bytes:
    """The bytes of a message. Lone surrogates in texts survive: JSON escapes them."""
    fields = {name.name: getattr(message, name.name) for name in dataclasses.fields(message)}
    return _ENCODER.encode({"message": type(message).__name__, **fields}).encode()


def decode(data: bytes) -> Message:
    """The message in `data`.

    Raises:
        TransportError: if it is none.
    """
    try:
        fields = json.loads(data)
        message: Message = _CLASSES[fields.pop("message")](**fields)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TransportError(f"not a message: {data[:80]!r} ({error})") from error
    return message


class WireForm:
    """Values as JSON: tuples as lists, data-blocks as objects that name their blob; the socket's type tells which."""

    #: The names in the wire form of a data-block.
    REF_FIELDS: ClassVar[frozenset[str]] = frozenset(name.name for name in dataclasses.fields(StoredRef))

    @classmethod
    def of(cls, value: Value) -> Any:
        if isinstance(value, StoredRef):
            return dataclasses.asdict(value)
        if isinstance(value, tuple | list):
            return [cls.of(item) for item in value]
        return value

    @classmethod
    def stored_refs(cls, value: Any) -> list[StoredRef]:
        """The data-blocks in the wire form of a data-block socket's value, in order; None is left out."""
        items = value if isinstance(value, list) else [value]
        return [StoredRef(**item) for item in items if item is not None]
