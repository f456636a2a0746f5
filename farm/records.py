# SPDX-License-Identifier: GPL-3.0-or-later
"""What foreground, bridge and station tell each other: records of plain values, as JSON on each way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from ..runtime import wire
from ..runtime.engine.carried_files import CarriedFile
from ..runtime.engine.workers import InstalledAddon, WorkerInfo
from ..runtime.errors import TransportError
from ..runtime.planning.needs import Needs, Offer, parsed
from ..runtime.version import RESULTS_VERSION, __version__

_Record = TypeVar("_Record")

#: Of foreground, bridge and station: others would not understand each other, or would give other results.
VERSION: Final = f"{__version__} ({RESULTS_VERSION})"


@dataclass(frozen=True, slots=True)
class Order:
    """From the foreground to its bridge.

    Attributes:
        order: "submit", "stop", "freeze", "thaw"; or "end used" or "look", which are about no request.
        number: of the request.
        task: the message for the worker, as JSON; of "submit" only.
        is_fresh: as in `interface.Request`.
        blender: as in `workers.WorkerSettings`; of "submit" only.
        needs: as in `interface.Request`.
        addons: versions of the add-ons that it enables, as they are at home, by their modules.
        script: the digest of the task's script and the modules beside it, as the user allowed it; "" if it has none.
    """

    order: str
    number: int
    task: str = ""
    is_fresh: bool = False
    blender: str = ""
    needs: str = ""
    addons: Mapping[str, str] = field(default_factory=dict)
    script: str = ""

    @property
    def wanted(self) -> Needs:
        """All that it needs of a machine."""
        return needs_of(self.needs, self.addons)


@dataclass(frozen=True, slots=True)
class StationInfo:
    """A machine of a farm as people see it.

    Attributes:
        name, address: of its worker.
        is_there: whether it answers; all that follows is unknown if it does not.
        slots: how many background Blenders work at the same time.
        blender: their version.
        system: "Linux", for one.
        memory: bytes that the machine has.
        resources: what else it says to have: names and amounts.
        addons: those that its Blender can enable; None if that is not known.
        shared: its path of the folder that other machines see, too; "" if it has none.
        is_by_folder: whether large files go between it and this home by that.
        workers: what each background Blender does.
    """

    name: str
    address: str
    is_there: bool = True
    slots: int = 0
    blender: str = ""
    system: str = ""
    memory: int = 0
    resources: dict[str, float] = field(default_factory=dict)
    addons: tuple[InstalledAddon, ...] | None = None
    shared: str = ""
    is_by_folder: bool = False
    workers: tuple[WorkerInfo, ...] = ()

    @property
    def own_addons(self) -> tuple[str, ...]:
        """The add-ons that did not come with its Blender, as people read them: modules with versions."""
        own = (each for each in self.addons or () if not each.is_bundled)
        return tuple(f"{each.module} {each.version}".strip() for each in own)

    def lacks(self, needs: Needs) -> str:
        """What it has not of what a task needs, "" if it has all."""
        if not self.is_there:
            return "an answer"
        addons = None if self.addons is None else {each.module: each.version for each in self.addons}
        return Offer(self.system, self.memory, self.blender, self.resources, addons).lacks(needs)


@dataclass(frozen=True, slots=True)
class FarmInfo:
    """What is seen of a farm.

    Attributes:
        stations: its machines, by their names.
        dashboard: the address of Dask's pages, "" for none.
        fault: why nothing can be written from here to the folder that machines share; "" if it can, or there is none.
    """

    stations: tuple[StationInfo, ...] = ()
    dashboard: str = ""
    fault: str = ""

    def lacks(self, needs: Needs) -> str:
        """Why none of its machines has what a task needs, "" if one has, or there is none."""
        lacking = {station.name: station.lacks(needs) for station in self.stations}
        if not lacking or not all(lacking.values()):
            return ""
        told = ", ".join(f"{name} has not {what}" for name, what in lacking.items())
        return f"no machine of the farm has it: {told}"


@dataclass(frozen=True, slots=True)
class Told:
    """From the bridge to its foreground, about a request, or about the workers.

    Attributes:
        number: of the request; 0 if it is about the workers.
        report: a message of the worker, as JSON; "" if there is none.
        lost: why its worker is lost; if it is about the workers: why the scheduler is, so that this bridge ends.
        no_worker: why there is none.
        workers: what each does.
        farm: what is seen of all of it, if the foreground wants to know.
    """

    number: int = 0
    report: str = ""
    lost: str = ""
    no_worker: str = ""
    workers: tuple[WorkerInfo, ...] = ()
    farm: FarmInfo | None = None


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file, and the addresses of stations that hold it."""

    file: CarriedFile
    holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """From a bridge to a station, by way of Dask: a task, and the files that it reads.

    Attributes:
        session: of the foreground, as a word; names of files are its own.
        user: whose foreground that is, for people.
        key: of the task in Dask.
        task: the message for the worker, as JSON.
        is_fresh: as in `interface.Request`.
        blender: as in `workers.WorkerSettings`.
        files: what it reads.
        version: of Background Nodes at home.
        script, addons: as in `Order`.
    """

    session: str
    user: str
    key: str
    task: str
    is_fresh: bool
    blender: str
    files: tuple[HeldFile, ...]
    version: str = ""
    script: str = ""
    addons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobEnd:
    """From a station to a bridge: how a job ended, and the files that it left on the station's shelf.

    Attributes:
        address: of the station.
        report: the outcome as JSON; "" if there is none.
        lost: why its worker is lost, if it is.
        no_worker: why there is none, if so.
        files: what it left.
    """

    address: str
    report: str = ""
    lost: str = ""
    no_worker: str = ""
    files: tuple[CarriedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class JobNews:
    """From a station to a bridge while a job is under way.

    Attributes:
        key: of the task in Dask.
        address: of the station.
        report: a message of the worker as JSON, "" if there is none.
        wanted: digest of a file that the station has to be sent, "" if none is.
        log: what the script printed, from a place in its log on.
        log_start: that place, in bytes.
    """

    key: str
    address: str
    report: str = ""
    wanted: str = ""
    log: str = ""
    log_start: int = 0


def needs_of(text: str, addons: Mapping[str, str]) -> Needs:
    """What an artist wrote, and add-ons. Raises ValueError if the text makes no sense."""
    return replace(parsed(text), addons=addons)


def encoded(record: Any) -> str:
    """A record as a line of JSON."""
    return json.dumps(wire.encode(record), separators=(",", ":"))


def decoded(cls: type[_Record], text: str | bytes) -> _Record:
    """The record of a class. Raises TransportError if the text is none."""
    try:
        return wire.decode(cls, json.loads(text))
    except (ValueError, TypeError, RecursionError) as error:
        raise TransportError(f"not a {cls.__name__}: {text[:80]!r} ({error})") from error
