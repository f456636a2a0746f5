# SPDX-License-Identifier: GPL-3.0-or-later
"""A result of a job as it would be at home: what tells of files of the job's folder tells of those they are copies of.

Only what depends on no path is taken home: its key is the same wherever the files lie. What holds a path of the farm in
another place than those that are known stays there.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from ..runtime.blend_file.moved_paths import move_paths
from ..runtime.engine import kept_results
from ..runtime.engine.keeping import BLOB, LOG
from ..runtime.engine.kept_results import KeptResult
from ..runtime.errors import BlendFileError
from ..runtime.keys.key import KeyParts
from ..runtime.store.records import Record
from ..runtime.store.store import Store
from .job import FILES, Job

#: Inputs of these kinds count by their paths.
_PATHS: Final = frozenset({"PATH", "BLEND_FILE"})


class StaysError(Exception):
    """A result tells of the farm in a way that means nothing at home."""


@dataclass(frozen=True, slots=True)
class Homeward:
    """What becomes of paths of a job's files.

    Attributes:
        folders: where the job's folder was on the machines that did some of it, and where it is now.
        root: what the folder of the packed files stands for at home.
    """

    folders: tuple[str, ...]
    root: Path

    @classmethod
    def of(cls, job: Job, folders: Sequence[str]) -> Homeward:
        inner = PurePosixPath(job.file).relative_to(FILES)
        return cls(tuple(dict.fromkeys(folders)), Path(job.home).parents[len(inner.parts) - 1])

    def path(self, path: str) -> str:
        """A path at home; as it is, if it is none of a packed file."""
        for folder in self.folders:
            files = os.path.join(folder, FILES)  # noqa: PTH118 (text, as it stands in results)
            if path.startswith(files + os.sep):
                return str(self.root / path[len(files) + 1 :])
        return path

    def encoded(self, path: bytes) -> bytes:
        return os.fsencode(self.path(os.fsdecode(path)))

    def everywhere(self, data: Any) -> Any:
        """The same JSON, with all texts that are such paths as they are at home."""
        if isinstance(data, str):
            return self.path(data)
        if isinstance(data, list):
            return [self.everywhere(each) for each in data]
        if isinstance(data, dict):
            return {key: self.everywhere(each) for key, each in data.items()}
        return data

    def tells(self, data: bytes | bytearray) -> bool:
        """Whether some bytes hold a path of the job, as it is or as JSON spells it."""
        return any(mark in data for each in self.folders for mark in _spelled(each))


def _spelled(path: str) -> set[bytes]:
    """A path as it stands in a file, in JSON, and in JSON that is in JSON."""
    once = json.dumps(path)[1:-1]
    return {os.fsencode(path), once.encode(), json.dumps(once)[1:-1].encode()}


def bring(record: Record, store: Store, home: Store, homeward: Homeward) -> Record:
    """Keep a result of a job's store at home.

    Raises:
        StaysError: if it means nothing there.
        StoreError: if it can't be read or kept.
    """
    kept = _kept(record, homeward)
    with tempfile.TemporaryDirectory(prefix="background-nodes-") as name:
        folder, blobs = Path(name), {}
        for number, blob in enumerate(record.blobs):
            store.place(record, blob, folder, str(number))
            blobs[blob] = folder / (f"{number}.blend" if blob == BLOB else str(number))
            if blob != LOG:
                _move_files(folder, str(number), homeward)
        return home.keep(record.key, kept.encode(), record.seconds, blobs, copied=(LOG,))


def _kept(record: Record, homeward: Homeward) -> KeptResult:
    kept = kept_results.read(record)
    if kept is None or kept.written or kept.claimed:
        raise StaysError
    parts = KeyParts.from_json(json.dumps(homeward.everywhere(json.loads(kept.parts))))
    if parts.key() != record.key or any(each.type.kind in _PATHS and each.contents for each in parts.inputs):
        raise StaysError
    # Times are those of the copies: at home, the contents are looked at.
    named = tuple(replace(each, path=homeward.path(each.path), stamps="") for each in kept.named)
    read = tuple(replace(each, path=homeward.path(each.path), size=0, modified=0, changed=0) for each in kept.read)
    files = tuple(map(homeward.path, kept.files))
    found = replace(kept, parts=parts.to_json(), named=named, read=read, files=files)
    if homeward.tells(json.dumps(found.encode()).encode()):
        raise StaysError
    return found


def _move_files(folder: Path, stem: str, homeward: Homeward) -> None:
    """Give the paths in the files of a blob their places at home. The files of the store stay as they are."""
    for file in folder.glob(f"{stem}.*"):
        data = bytearray(file.read_bytes())
        if not homeward.tells(data):
            continue
        if file.suffix == ".blend":
            try:
                move_paths(data, homeward.encoded)
            except BlendFileError:
                raise StaysError from None
        elif file.name == f"{stem}.digests.json":
            data = bytearray(_without_stamps(homeward.everywhere(json.loads(data))))
        if homeward.tells(data):
            raise StaysError
        file.unlink()  # it may be the store's own, by a second name
        file.write_bytes(data)


def _without_stamps(rows: list[Any]) -> bytes:
    """Digests beside a blob, as they are at home, where the files have other times."""
    for row in rows:
        row[-1] = [[*state[:-1], ""] for state in row[-1]]
    return json.dumps(rows).encode()
