# SPDX-License-Identifier: GPL-3.0-or-later
"""The records on the wire between the foreground and a worker.

Each message is one JSON object with its class's name under "message"; `wire` makes the rest of it from the fields.
Data-blocks never travel here: a message names the blob that holds them. Blobs and logs are named, and
each side finds the names in the scratch folder as it sees it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .. import wire
from ..errors import BackgroundNodesError, TransportError, UnwrittenError
from ..keys.files import FileState
from ..planning.graph import SceneSettings
from ..planning.plan import TaskOutput
from ..scratch.typed_values import TypedValue
from ..script.signature import Parameter, ScriptSource
from ..script.socket_types import SocketType, StoredRef
from .going_runs import GoingRun


@dataclass(frozen=True, slots=True)
class Piece:
    """What one link or constant gives to an argument; `conversion` is a name out of `socket_types.CONVERSIONS`."""

    value: TypedValue
    conversion: str = ""


@dataclass(frozen=True, slots=True)
class GivenArgument:
    """An argument of a script: what a worker needs to know of the parameter, and the pieces of its value.

    All but `pieces` are as in `signature.Parameter`. Several pieces make one list, in order.
    """

    identifier: str
    label: str
    type: SocketType
    pieces: tuple[Piece, ...]
    annotation: str = ""
    is_optional: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str | int | bool | float, ...] = ()

    @classmethod
    def of(cls, parameter: Parameter, pieces: tuple[Piece, ...]) -> GivenArgument:
        return cls(
            identifier=parameter.identifier,
            label=parameter.label,
            type=parameter.type,
            pieces=pieces,
            annotation=parameter.annotation,
            is_optional=parameter.is_optional,
            minimum=parameter.minimum,
            maximum=parameter.maximum,
            choices=parameter.choices,
        )


@dataclass(frozen=True, slots=True)
class SharedFiles:
    """What a task is told of the files that its run shares: see `run_files`.

    Attributes:
        place: what the names of the shared files start with, "" if there are none.
        items: name of the file that says what each item is given, "" if there is one item.
        open_file: path of the artist's open file when the run started, "" if that was never saved.
        going: what the run says of itself to others. The path of the claims is left out: each machine has its own.
    """

    place: str = ""
    items: str = ""
    open_file: str = ""
    going: GoingRun = field(default_factory=GoingRun)


@dataclass(frozen=True, slots=True)
class WorkerKind:
    """What a worker has from its start, beside Blender itself. A task runs in a worker of its kind.

    Attributes:
        addons: modules of the add-ons that are enabled, in this order.
        preferences: name of the file in the scratch folder with the artist's preferences, "" for factory settings.
        folder: where that is found, as in `Execute`.
    """

    addons: tuple[str, ...] = ()
    preferences: str = ""
    folder: str = ""


#: Blender itself: that of most tasks.
PLAIN: Final = WorkerKind()


@dataclass(frozen=True, slots=True)
class Execute:
    """To a worker: run one task.

    Attributes:
        node: the node's name, for messages.
        script: what to execute.
        arguments: what it is given.
        outputs: what it must give.
        scene: settings of the worker's scene.
        blob: name of the blob the worker writes its results' data-blocks to.
        log: name of the log that takes what the script prints.
        kind: what its worker has from its start.
        file_copy: name of the blob that the script has open as its file, "" for an empty file.
        task: the task's id.
        item: which of its items this is.
        shared: what it is told of its run's files.
        is_digested: whether the worker writes the digests of what is in the blob beside it.
        folder: where its names are found, as in `ScratchFolder.inner`.
        position: the number of the item among those of its task that are not skipped.
    """

    node: str
    script: ScriptSource
    arguments: tuple[GivenArgument, ...]
    outputs: tuple[TaskOutput, ...]
    scene: SceneSettings
    blob: str
    log: str
    kind: WorkerKind = PLAIN
    file_copy: str = ""
    task: str = ""
    item: int = 0
    shared: SharedFiles = field(default_factory=SharedFiles)
    is_digested: bool = False
    folder: str = ""
    position: int = 0

    @property
    def open_file(self) -> str:
        """Path of the artist's file that the script sees as the open one, "" if that was never saved."""
        whole = next((argument for argument in self.arguments if argument.type.kind == "BLEND_FILE"), None)
        return self.shared.open_file if whole is None else str(whole.pieces[0].value.content)


@dataclass(frozen=True, slots=True)
class Gather:
    """To a worker: write data-blocks of several blobs into one. Answered by `Gathered`.

    Attributes:
        refs: the data-blocks.
        blob: name of the blob to write.
        folder: as in `Execute`.
    """

    refs: tuple[StoredRef, ...]
    blob: str
    folder: str = ""


@dataclass(frozen=True, slots=True)
class CopyFile:
    """To a worker: write all that is in a .blend file into a blob. Answered by `Copied`.

    Attributes:
        filepath: path of the file, which is only read.
        blob: name of the blob to write.
        folder: as in `Execute`.
    """

    filepath: str
    blob: str
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Idle:
    """From a worker: it is clean and waits for a task."""


@dataclass(frozen=True, slots=True)
class Started:
    """From a worker: it starts its task."""


@dataclass(frozen=True, slots=True)
class Progressed:
    """From a worker: how far its script is."""

    fraction: float
    text: str


@dataclass(frozen=True, slots=True)
class Succeeded:
    """From a worker: its task's results.

    Attributes:
        values: by output identifier.
        seconds, peak_memory: see `events.Usage`.
        read: files that the script says it depends on, as they were when it said so.
        written: files that it claimed or that its results name, as they were at its end.
        claimed: the paths of those that it claimed.
        obstacle: why the results can't be kept, "" if they can.
        warning: why they may be wrong though the script succeeded, "" if nothing is known.
    """

    values: Mapping[str, TypedValue] = field(default_factory=dict)
    seconds: float | None = None
    peak_memory: int | None = None
    read: tuple[FileState, ...] = ()
    written: tuple[FileState, ...] = ()
    claimed: tuple[str, ...] = ()
    obstacle: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Gathered:
    """From a worker: where the data-blocks of a `Gather` are now, in its order."""

    refs: tuple[StoredRef, ...]


@dataclass(frozen=True, slots=True)
class Copied:
    """From a worker: the file of a `CopyFile` is in the blob."""


@dataclass(frozen=True, slots=True)
class Failed:
    """From a worker: its task's error.

    Attributes:
        error, traceback: as people see it.
        line: of the script, 1-based.
        seconds, peak_memory: as in `Succeeded`.
        is_unwritten: whether its files could not be written, as in `UnwrittenError`: another machine may have room.
    """

    error: str
    traceback: str = ""
    line: int | None = None
    seconds: float | None = None
    peak_memory: int | None = None
    is_unwritten: bool = False

    @classmethod
    def of(cls, error: BackgroundNodesError) -> Failed:
        """For an error of ours, which needs no traceback."""
        return cls(str(error), is_unwritten=isinstance(error, UnwrittenError))


@dataclass(frozen=True, slots=True)
class Retiring:
    """From a worker: it is about to end by itself, for `reason`."""

    reason: str


#: What a worker is asked to do.
Task = Execute | Gather | CopyFile
#: What it answers with at the end of it.
Outcome = Succeeded | Gathered | Copied | Failed
Message = Task | Idle | Started | Progressed | Outcome | Retiring

_CLASSES: dict[str, type[Any]] = {
    cls.__name__: cls
    for cls in (
        *(Execute, Gather, CopyFile),
        *(Idle, Started, Progressed, Retiring),
        *(Succeeded, Gathered, Copied, Failed),
    )
}


class _Encoder(json.JSONEncoder):
    """A class of its own, because a script may replace `json.dumps` and the methods of `json.JSONEncoder`."""

    encode, iterencode, default = json.JSONEncoder.encode, json.JSONEncoder.iterencode, json.JSONEncoder.default


_ENCODER = _Encoder(separators=(",", ":"))


def encode(message: Message) -> bytes:
    """The bytes of a message. Lone surrogates in texts survive: JSON escapes them."""
    return _ENCODER.encode({"message": type(message).__name__, **wire.encode(message)}).encode()


def decode(data: bytes) -> Message:
    """The message in `data`.

    Raises:
        TransportError: if `data` is no message.
    """
    try:
        fields = json.loads(data)
        message: Message = wire.decode(_CLASSES[fields.pop("message")], fields)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TransportError(f"not a message: {data[:80]!r} ({error})") from error
    return message
