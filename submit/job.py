# SPDX-License-Identifier: GPL-3.0-or-later
"""A job's folder: what is in it, and the file that says what is to be done.

job.json        what is to be done, by whom, and with which scripts
files/          the .blend file, and what it needs
store/          what was done so far
places/         where this folder is on the machines that did it
addons/         add-ons that its nodes need
unneeded/       which tasks did not have to run
claims/         which task has written to which path
template.json   for OpenJD
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Final

from ..runtime import wire
from ..runtime.errors import BackgroundNodesError
from ..runtime.version import RESULTS_VERSION, __version__
from .division import Step

VERSION: Final = 2
#: Of Background Nodes: another one gives other results, or keeps them under other keys.
PROGRAM: Final = f"{__version__} ({RESULTS_VERSION})"
JOB: Final = "job.json"
FILES: Final = "files"
STORE: Final = "store"
PLACES: Final = "places"
UNNEEDED: Final = "unneeded"
CLAIMS: Final = "claims"


class JobError(BackgroundNodesError):
    """A job's folder is none, or can't be used here."""


class RefusedError(JobError):
    """A farm does not take a job."""


@dataclass(frozen=True, slots=True)
class AllowedScript:
    """A script that the one who submitted the job allows to run: by its digest, as `own_modules.digest`."""

    digest: str
    name: str


@dataclass(frozen=True, slots=True)
class PackedAddon:
    """An add-on that was packed: its module, the name of its file or folder, and the digest of what is in that."""

    module: str
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done.

    Attributes:
        name: for people.
        file: the .blend file, as seen from the job's folder.
        project: the folder around all files that nodes name, as seen from there.
        home: the whole path of what was submitted, on the machine where that was done.
        tree: the name of the node tree.
        until: the names of the nodes to run until; none for all.
        settings: inputs to set, as --set takes them.
        blender: the version that has to run it.
        submitter: who allows the scripts.
        scripts: those that may run.
        steps: in an order in which they can run.
        program: the version of Background Nodes that has to run it.
        addons: the add-ons that its nodes need, and not each Blender has.
    """

    name: str
    file: str
    project: str
    home: str
    tree: str
    until: tuple[str, ...]
    settings: tuple[str, ...]
    blender: str
    submitter: str
    scripts: tuple[AllowedScript, ...]
    steps: tuple[Step, ...]
    program: str = ""
    addons: tuple[PackedAddon, ...] = ()
    version: int = VERSION

    def save(self, folder: Path) -> None:
        """Write it into a job's folder. Raises OSError."""
        (folder / JOB).write_bytes(self._encoded())

    def _encoded(self) -> bytes:
        return json.dumps(wire.encode(self), indent=1).encode() + b"\n"

    @property
    def digest(self) -> str:
        """Of its file. A farm is told it apart from the folder, so nobody changes the job there afterwards."""
        return hashlib.sha256(self._encoded()).hexdigest()

    @classmethod
    def load(cls, folder: Path, digest: str = "") -> Job:
        """Read it from a job's folder. Raises JobError, also if its digest is not the one that is given."""
        path = folder / JOB
        try:
            text = path.read_bytes()
            if digest and hashlib.sha256(text).hexdigest() != digest:
                raise JobError(
                    f"{path} is not as it was submitted: somebody has changed it since. Submit the job again"
                )
            data = json.loads(text)
            if not isinstance(data, dict) or data.get("version") != VERSION:
                raise JobError(f"{path} is of another version of Background Nodes. Submit the job again")
            job: Job = wire.decode(cls, data)
        except FileNotFoundError:
            raise JobError(f"{folder} is no folder of a job: it has no {JOB}") from None
        except (OSError, ValueError, TypeError) as error:
            raise JobError(f"{path} can't be read: {error}") from error
        file, inside = PurePosixPath(job.file), (folder / FILES).resolve()
        for each in (file, PurePosixPath(job.project)):
            is_inside = each.parts[:1] == (FILES,) and ".." not in each.parts
            if not is_inside or not (folder / each).resolve().is_relative_to(inside):
                raise JobError(f"{path} names a file outside of the job: {each}")
        if not job.steps or len(PurePath(job.home).parents) < len(file.parts) - 1:
            raise JobError(f"{path} is of no job that was submitted. Submit it again")
        return job


def note_place(folder: Path) -> None:
    """Note where the job's folder is on this machine: results may tell of it, and a script of what a link leads to.

    Raises OSError.
    """
    for place in (folder, folder.resolve()):
        _note(folder / PLACES, str(place))


def places(folder: Path) -> tuple[str, ...]:
    """Where the job's folder was on the machines that did some of it. Raises OSError."""
    return _noted(folder / PLACES)


def note_unneeded(folder: Path, task: str) -> None:
    """Note that nothing needs what a task gives, so that it has not run. Raises OSError."""
    _note(folder / UNNEEDED, task)


def unneeded(folder: Path) -> tuple[str, ...]:
    """The ids of the tasks that were not needed, as far as that is known. Raises OSError."""
    return _noted(folder / UNNEEDED)


def claims(folder: Path) -> Path:
    """The path that the names of the job's claims are made from: see `own_files`. Raises OSError."""
    (folder / CLAIMS).mkdir(exist_ok=True)
    return folder / CLAIMS / "job"


def _note(folder: Path, text: str) -> None:
    """Note a text in a file of its own: several machines may do so at once."""
    data = os.fsencode(text)
    path = folder / f"{hashlib.sha256(data).hexdigest()[:16]}.txt"
    if not path.exists():
        folder.mkdir(exist_ok=True)
        beside = path.with_suffix(f".{os.urandom(4).hex()}")
        beside.write_bytes(data)
        beside.replace(path)


def _noted(folder: Path) -> tuple[str, ...]:
    return tuple(os.fsdecode(file.read_bytes()) for file in sorted(folder.glob("*.txt")))


def submitter() -> str:
    """Who submits jobs here: USER@MACHINE."""
    return f"{getpass.getuser()}@{socket.gethostname()}"
