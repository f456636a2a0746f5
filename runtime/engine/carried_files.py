# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of the scratch folder a task reads and leaves, for engines whose workers have a folder of their own.

A file is named as in the scratch folder, with what may stand beside it: "000012.blend", "000012.json". A folder's files
are named with the folder: "000013.files/picture.png". Everything that another machine needs of this one is among them,
but for files that an artist named: those are looked for under the same path there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import StoreError
from ..scratch import value_files
from ..scratch.removal import files_beside
from ..scratch.scratch import ScratchFolder
from ..scratch.typed_values import TypedValue
from ..script.socket_types import StoredRef
from .messages import CopyFile, Execute, Failed, Gather, Outcome, Succeeded, Task

#: What ends names of files beside a blob that are values, which a task reads only if it is given them.
_VALUES = (".value", ".value.lines")
#: What ends names of files that say who writes to a path, and that a script is to end.
_OF_THE_RUN = (".claim", ".cancelled", ".unfinished")


@dataclass(frozen=True, slots=True)
class CarriedFile:
    """A file as it is carried from machine to machine.

    Attributes:
        name: in the scratch folder.
        digest: SHA-256 of its bytes, in hexadecimal digits.
        size: in bytes.
    """

    name: str
    digest: str
    size: int

    @classmethod
    def of(cls, name: str, folder: ScratchFolder) -> CarriedFile:
        """Reads the file. Raises StoreError if it can't be read."""
        path = place_of(name, folder)
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                return cls(name, digest, file.tell())
        except OSError as error:
            raise StoreError(f"{path} can't be read: {error}") from error


def place_of(name: str, folder: ScratchFolder) -> Path:
    """The path of a file in a scratch folder. Raises StoreError if a name leads out of that."""
    parts = PurePosixPath(name).parts
    if not parts or name != "/".join(parts) or ".." in parts or "\\" in name or "\x00" in name or name[0] in "/.":
        raise StoreError(f"{name!r:.80} is no name of a file in the scratch folder")
    return folder.file(parts[0]).joinpath(*parts[1:])


def files_read(task: Task, folder: ScratchFolder) -> tuple[str, ...]:
    """The names of the files that a task reads, each once. Raises StoreError if a value can't be read."""
    return tuple(dict.fromkeys(_files_read(task, folder)))


def _files_read(task: Task, folder: ScratchFolder) -> Iterator[str]:
    match task:
        case Gather(refs=refs):
            yield from _of_blobs((ref.blob for ref in refs), folder)
        case Execute():
            for argument in task.arguments:
                for piece in argument.pieces:
                    yield from _of_value(piece.value, folder)
            yield from _of_blobs(filter(None, [task.file_copy, task.kind.preferences]), folder)
            if task.shared.place:
                place = Path(task.shared.place).stem
                yield from (name for name in _beside(task.shared.place, folder) if name.endswith(".in_use.json"))
                yield from (name for name in [task.shared.items] if name and name.startswith(f"{place}."))
        case CopyFile():
            pass


def _of_value(value: TypedValue, folder: ScratchFolder) -> Iterator[str]:
    for name in value.files():
        yield name
        if folder.file(f"{name}.lines").exists():
            yield f"{name}.lines"
    if value.type.is_data_block:
        yield from _of_blobs((ref.blob for ref in value_files.elements(value, folder) if _is_ref(ref)), folder)


def _is_ref(element: object) -> bool:
    return isinstance(element, StoredRef)


def _of_blobs(blobs: Iterator[str] | filter[str], folder: ScratchFolder) -> Iterator[str]:
    for blob in dict.fromkeys(blobs):
        yield from (name for name in _beside(blob, folder) if not name.endswith(_VALUES))


def files_left(task: Task, outcome: Outcome | None, folder: ScratchFolder) -> tuple[str, ...]:
    """The names of the files that a task left: its log, and its results if it did not fail."""
    stems = [] if outcome is None or isinstance(outcome, Failed) else [task.blob]
    stems += [task.log] if isinstance(task, Execute) else []
    if isinstance(task, Execute) and task.shared.place and isinstance(outcome, Succeeded):
        stems.append(task.shared.place)
    names = (name for stem in stems for name in _beside(stem, folder))
    given = () if not isinstance(task, Execute) else (task.shared.items,)
    return tuple(name for name in names if name not in given and not name.endswith((".in_use.json", *_OF_THE_RUN[1:])))


def _beside(name: str, folder: ScratchFolder) -> list[str]:
    """The names of the files that have the stem of one, in order; those of folders, too."""
    parent = folder.file(name).parent
    found = files_beside([folder.file(name)])
    inner = (each for path in found for each in (path.rglob("*") if path.is_dir() else [path]))
    return sorted(path.relative_to(parent).as_posix() for path in inner if path.is_file())
