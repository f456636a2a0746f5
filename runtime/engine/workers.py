# SPDX-License-Identifier: GPL-3.0-or-later
"""What a session wants of an engine beside `Engine`: to set its workers, and to tell people what they do."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from .interface import Engine

#: Bytes of freed memory that a worker keeps if what it may hold is limited.
_KEPT_WITH_LIMIT: Final = 128 * 1024**2


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker as people see it.

    Attributes:
        process_id: of its process.
        state: "starting", "idle", "working", "cleaning up", "ending" or "paused".
        task_name: the node's name if it does a task of one, "" otherwise.
        memory: bytes it holds; 0 where the system does not tell.
    """

    process_id: int
    state: str
    task_name: str
    memory: int


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """When a worker ends by itself between two tasks, and what it keeps until the next one.

    Attributes:
        idle_seconds: how long it waits for the next task.
        max_tasks: how many tasks it takes: so many that starting another one costs a task nothing. That memory grows is
            seen by `max_memory`; this is for what nobody measures.
        max_memory: bytes of memory it may hold after its reset.
        max_kept: bytes of what a task freed that it keeps for the next one, see `worker/allocator.py`.
    """

    idle_seconds: float = 300.0
    max_tasks: int = 10_000
    max_memory: int = 4 * 1024**3
    max_kept: int = 1024**3


@dataclass(frozen=True, slots=True)
class CyclesDevices:
    """What Cycles is to render with: `backend` ("CUDA", "METAL" ...; "" for the processor alone) and ids of devices."""

    backend: str = ""
    ids: tuple[str, ...] = ()

    def argument(self) -> str:
        """A text for a command line, which `from_argument` reads."""
        return json.dumps([self.backend, *self.ids])

    @classmethod
    def from_argument(cls, text: str) -> CyclesDevices:
        backend, *ids = json.loads(text)
        return cls(backend, tuple(ids))


@dataclass(frozen=True, slots=True)
class AddonPlaces:
    """Where the artist's preferences say that add-ons are, which workers with factory settings would not find.

    Attributes:
        repositories: of extensions: the name of the module of each, and its folder.
        script_folders: folders of scripts, with a folder `addons` in them.
    """

    repositories: tuple[tuple[str, str], ...] = ()
    script_folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InstalledAddon:
    """An add-on that a Blender can enable.

    Attributes:
        module: as the preferences name it.
        version: as it says it itself, "1.2.0"; "" if it says none.
        is_bundled: whether it came with Blender.
    """

    module: str
    version: str = ""
    is_bundled: bool = False


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Settings of workers.

    Attributes:
        limits: when one ends by itself.
        memory_limit: bytes that one may hold while it does a task, 0 for no limit.
        devices: what tasks render with.
        blender: the version of Blender that they must be, "5.2.3"; "" if that does not matter.
        places: where add-ons are.
        addons: the versions of the add-ons that are here, by their modules. Those that tasks enable must be the same.
        is_online: whether workers with the artist's preferences may go online. Those with factory settings never may.
    """

    limits: WorkerLimits = field(default_factory=WorkerLimits)
    memory_limit: int = 0
    devices: CyclesDevices = field(default_factory=CyclesDevices)
    blender: str = ""
    places: AddonPlaces = field(default_factory=AddonPlaces)
    addons: Mapping[str, str] = field(default_factory=dict)
    is_online: bool = False

    @property
    def limits_of_each(self) -> WorkerLimits:
        """`limits`, with which a task's memory is not limited by what the task before it has freed."""
        return replace(self.limits, max_kept=_KEPT_WITH_LIMIT) if self.memory_limit else self.limits


class ManagedEngine(Engine, Protocol):
    """An engine whose workers a session manages.

    Attributes:
        capacity: how many workers there may be.
        is_low: whether workers are to have lower priority than other programs.
    """

    capacity: int
    is_low: bool

    @property
    def num_workers(self) -> int:
        """How many workers there are."""

    def usual_capacity(self, here: int) -> int:
        """How many workers there may be if nobody says how many, where `here` are usual on this machine."""

    def why_not(self, needs: str, addons: Collection[str] = ()) -> str:
        """Why no worker can do what needs this of its machine, a phrase; "" if one can, or that is not known.

        `needs` is as in `planning.needs`, and makes sense. `addons` are modules of add-ons that are here, and that the
        worker has to enable.
        """

    def infos(self) -> tuple[WorkerInfo, ...]:
        """What each worker does now."""

    def use_settings(self, settings: WorkerSettings) -> None:
        """Use other settings from now on. Workers that were started with others end when they are idle."""

    def end_used(self) -> None:
        """End the used workers that have no request, so that the next tasks get fresh ones."""
