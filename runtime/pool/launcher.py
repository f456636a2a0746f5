# SPDX-License-Identifier: GPL-3.0-or-later
"""How a worker process is started: with the Blender binary, or with the Python that has the `bpy` wheel."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from dataclasses import astuple, dataclass, field
from pathlib import Path

from .. import wire
from ..engine.messages import PLAIN, WorkerKind
from ..engine.workers import AddonPlaces, CyclesDevices, WorkerLimits
from ..errors import LaunchError
from ..scratch.scratch import ScratchFolder
from .process import Process
from .spawner import Order, Spawner, inherited_handle
from .transport import Channel

#: The file in a worker's folder that takes what it prints outside of its tasks.
WORKER_LOG = "worker.log"
#: The folder for temporary files in a worker's folder.
_TEMPORARY = "temporary"
#: The folder beside it for what Blender writes to its configuration: preferences and the startup file.
_CONFIGURATION = "configuration"

#: The file of Blender's preferences in a folder for its configuration.
PREFERENCES = "userpref.blend"
#: What keeps Blender from reading them; and what takes its place where it is to read them, lest they let scripts in
#: files run by themselves.
_FACTORY_SETTINGS, _OWN_PREFERENCES = "--factory-startup", "--disable-autoexec"
#: Both go before what preferences say of online access.
_OFFLINE, _ONLINE = "--offline-mode", "--online-mode"
#: Variables of the environment that are nothing for scripts: where the token of a farm is.
_NOT_FOR_SCRIPTS = frozenset({"BACKGROUND_NODES_FARM_TOKEN"})

BOOTSTRAP = Path(__file__).parents[1] / "worker" / "bootstrap.py"


@dataclass(frozen=True, slots=True)
class Launcher:
    """Starts workers: `command` is the program and its options up to the bootstrap script."""

    command: tuple[str, ...]
    limits: WorkerLimits = field(default_factory=WorkerLimits)
    devices: CyclesDevices = field(default_factory=CyclesDevices)
    places: AddonPlaces = field(default_factory=AddonPlaces)
    is_online: bool = False

    @classmethod
    def for_blender(cls, binary_path: str, script: Path = BOOTSTRAP) -> Launcher:
        """The launcher for `bpy.app.binary_path`, which is "" where bpy is a wheel in this Python."""
        if binary_path:
            options = ("--background", _FACTORY_SETTINGS, _OFFLINE, "-noaudio", "--python")
            return cls((binary_path, *options, str(script), "--"))
        return cls((sys.executable, str(script), "--"))

    def launch(
        self, folder: Path, scratch: ScratchFolder, spawner: Spawner, kind: WorkerKind = PLAIN
    ) -> tuple[Process, Channel]:
        """Start a worker of a kind with `folder` for its log and for all temporary files, its own and its scripts'.

        It has a configuration of its own there: a script that saves the preferences, which are Blender's factory
        settings or a copy of the artist's, must not write over these. Add-ons and extensions are found where they are.

        Messages name blobs and logs; the worker finds them in `scratch`.

        Raises:
            LaunchError: if what a worker needs can't be made.
        """
        try:
            environment = environment_of(folder)
            if kind.preferences:
                artists = scratch.inner(kind.folder).file(kind.preferences)
                shutil.copyfile(artists, folder / _CONFIGURATION / PREFERENCES)
            ours, theirs = Channel.pair()
        except OSError as error:
            raise LaunchError(self.failure(error)) from error
        changed = {_FACTORY_SETTINGS: _OWN_PREFERENCES, _OFFLINE: _ONLINE if self.is_online else _OFFLINE}
        argv = (
            *(changed.get(word, word) if kind.preferences else word for word in self.command),
            str(os.getpid()),
            str(inherited_handle(theirs)),
            *map(str, astuple(self.limits)),
            self.devices.argument(),
            json.dumps(wire.encode(kind)),
            json.dumps(wire.encode(self.places)),
            str(int(self.is_online)),
            str(scratch.path),
        )
        process = spawner.start(Order(argv, environment, folder / WORKER_LOG, theirs))
        return process, ours

    def failure(self, error: Exception) -> str:
        """What is told of an error that kept the program from being started."""
        return f"the worker {self.command[0]!r} can't be started: {error}"


def environment_of(folder: Path) -> dict[str, str]:
    """The environment of a background Blender, whose variables keep what it writes by itself in folders in this one.

    What is nothing for scripts is not in it.

    Raises OSError if they can't be made.
    """
    for name in (_TEMPORARY, _CONFIGURATION):
        (folder / name).mkdir()
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder / _TEMPORARY))
    given = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_SCRIPTS}
    return given | temporary | {"BLENDER_USER_CONFIG": str(folder / _CONFIGURATION)}


def read_tail(path: Path, size: int = 2000) -> str:
    """The end of a log: its last `size` bytes as text."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - size))
            return file.read().decode("utf-8", "replace").strip()
    except OSError:
        return ""


def describe_exit(returncode: int | None) -> str:
    """An exit code in words: "Blender crashed (SIGSEGV)", "Blender exited with code 3"."""
    if returncode is None:
        return "Blender closed its channel"
    if returncode < 0:
        return f"Blender crashed or was killed ({_signal_name(-returncode)})"
    return f"Blender exited with code {returncode}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
