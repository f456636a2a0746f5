# SPDX-License-Identifier: GPL-3.0-or-later
"""A station as a plugin of a Dask worker: tasks of Dask are jobs, and Dask lets stations speak with each other.

Dask is told of a job as of any task. When it takes one back, be it that somebody stopped it or that its bridge is gone,
the plugin hears of that and ends the background Blender.
"""

from __future__ import annotations

import asyncio
import hashlib
import platform
from pathlib import Path
from typing import Any, Final

import dask
import distributed
import psutil
from distributed.diagnostics.plugin import WorkerPlugin

from ..runtime import wire
from ..runtime.errors import BackgroundNodesError, EngineError, StoreError
from ..runtime.hosts import is_loopback
from ..runtime.planning.needs import GIGABYTE
from .records import Job, JobNews, decoded, encoded
from .station import Station, StationSettings

NAME: Final = "background_nodes"
#: What stations and bridges ask a station for, beside jobs.
GET, PUT, FREEZE = f"{NAME}_get", f"{NAME}_put", f"{NAME}_freeze"
PUT_SHARED, SHARE, SEE = f"{NAME}_put_shared", f"{NAME}_share", f"{NAME}_see"
INFOS, END_USED, DISMISS = f"{NAME}_infos", f"{NAME}_end_used", f"{NAME}_dismiss"
#: Bytes of a file that are sent at once.
PIECE: Final = 8 * 1024**2
#: Seconds without an answer after which it is looked whether a station is there at all, and those that it has for that.
_SLOW: Final = 60.0
_TIMEOUT: Final = 10.0


class SilenceError(OSError):
    """A station does not answer: the line is cut, it was killed, or it is suspended."""


def topic(session: str) -> str:
    """The topic of Dask's events under which the bridge of a session hears of its jobs."""
    return f"{NAME}-{session}"


def is_topic(name: object) -> bool:
    """Whether a topic, or several, is one of ours."""
    return isinstance(name, str) and name.startswith(f"{NAME}-")


async def carry_out(text: str) -> str:
    """Do a job; for Dask, which calls this in a worker.

    Returns:
        how it ended, as JSON; "" if it was stopped.

    Raises:
        BackgroundNodesError: if this worker has no station.
    """
    worker = distributed.get_worker()
    plugin = worker.plugins.get(NAME)
    if plugin is None or plugin.station is None:
        raise BackgroundNodesError(
            f"{worker.address} runs no background Blenders: see its log, or start it with: background-nodes farm worker"
        )
    job = decoded(Job, text)
    state = worker.state.tasks.get(job.key)
    if state is None or state.state == "cancelled":
        return ""

    def tell(news: JobNews) -> None:
        worker.log_event(topic(job.session), encoded(news))

    end = await plugin.station.carry_out(job, tell, plugin.copy)
    return "" if end is None else encoded(end)


class StationPlugin(WorkerPlugin):
    """Gives a Dask worker a station.

    Attributes:
        station: while the worker lives.
        is_dismissed: whether the farm was stopped, so that the worker is not to join it again.
    """

    name = NAME

    def __init__(self, settings: StationSettings) -> None:
        self.station: Station | None = None
        self.is_dismissed = False
        self._settings = settings
        self._worker: Any = None

    async def setup(self, worker: Any) -> None:
        self._worker = worker
        self.station = Station(self._settings, worker.state.nthreads, worker.address, str(worker.name))
        await self.station.addons.look()  # before it joins: nobody is to think that it has none
        worker.handlers |= {GET: self._get, PUT: self._put, FREEZE: self._freeze}
        worker.handlers |= {PUT_SHARED: self._put_shared, SHARE: self._share, SEE: self._see}
        worker.handlers |= {INFOS: self._infos, END_USED: self._end_used, DISMISS: self._dismiss}

    async def teardown(self, worker: Any) -> None:
        if self.station is not None:
            await self.station.close()
            self.station = None

    def transition(self, key: Any, start: str, finish: str, **_kwargs: Any) -> None:
        # Dask can't stop what it executes, and lets it end first.
        if start == "executing" and finish == "released" and self.station is not None:
            self.station.stop(key)

    async def copy(self, address: str, digest: str, path: Path) -> bool:
        """Copy a file of another station. Returns whether it has it. Raises OSError."""
        return await copy(self._worker.rpc, address, digest, path)

    async def _get(self, digest: str = "", offset: int = 0) -> dict[str, Any]:
        """A piece of a file."""
        if self.station is None or digest not in self.station.shelf:
            return {"is_here": False}
        with self.station.shelf.path(digest).open("rb") as file:
            file.seek(offset)
            return {"is_here": True, "data": file.read(PIECE)}

    async def _put(
        self, transfer: str = "", digest: str = "", data: bytes = b"", is_last: bool = False, error: str = ""
    ) -> dict[str, Any]:
        if self.station is not None:
            try:
                await self.station.receive(transfer, digest, data, is_last=is_last, error=error)
            except StoreError as fault:
                return {"error": str(fault)}
        return {}

    async def _put_shared(self, digest: str = "") -> dict[str, Any]:
        """Home has put a file into the shared folder."""
        return {"is_here": self.station is not None and await self.station.receive_shared(digest)}

    async def _share(self, digest: str = "") -> dict[str, Any]:
        """Put a file into the shared folder."""
        return {"is_there": self.station is not None and await self.station.share(digest)}

    async def _see(self, name: str = "", data: bytes = b"") -> dict[str, Any]:
        """The digest of a probe: of what is in the shared folder, or of what came."""
        if not name:
            return {"digest": hashlib.sha256(data).hexdigest()}
        shared = None if self.station is None else self.station.shared
        return {"digest": "" if shared is None else await asyncio.to_thread(shared.digest_of_probe, name)}

    async def _freeze(self, key: str = "", is_frozen: bool = True) -> dict[str, Any]:
        if self.station is not None:
            self.station.freeze(key, is_frozen=is_frozen)
        return {}

    async def _infos(self, session: str = "") -> dict[str, Any]:
        infos = () if self.station is None else self.station.infos
        addons = None if self.station is None else self.station.addons.found
        blender = "" if self.station is None else self.station.blender
        num_others = 0 if self.station is None else self.station.num_others(session)
        return {
            "infos": [wire.encode(info) for info in infos],
            "blender": blender,
            "num_others": num_others,
            "system": platform.system(),
            "memory": psutil.virtual_memory().total,
            "addons": None if addons is None else [wire.encode(each) for each in addons],
            "shared": "" if self.station is None or self.station.shared is None else str(self.station.shared.path),
        }

    async def _end_used(self) -> dict[str, Any]:
        if self.station is not None:
            self.station.end_used()
        return {}

    async def _dismiss(self) -> dict[str, Any]:
        self.is_dismissed = True
        return {}


class StationBringer(WorkerPlugin):
    """Gives a station to each worker of a cluster that was not started by `background-nodes farm`.

    How that is set up says the configuration of Dask there: `background-nodes.blender`, `.folder` and `.memory-limit`.
    """

    name = f"{NAME}_bringer"

    async def setup(self, worker: Any) -> None:
        """Raises BackgroundNodesError if the worker can have none, or others could listen to what it is sent."""
        if NAME in worker.plugins:
            return
        if is_reachable_unencrypted(worker.address):
            raise BackgroundNodesError(f"{worker.address} is not encrypted, and others reach it")
        try:
            await worker.plugin_add(StationPlugin(settings_of_cluster()), name=NAME, catch_errors=False)
        except EngineError as error:
            del worker.plugins[NAME]
            raise BackgroundNodesError(str(error)) from None  # those of other classes are not read at home


def is_reachable_unencrypted(address: str) -> bool:
    """Whether others could listen to what is sent to an address of Dask."""
    protocol, _, place = address.partition("://")
    return protocol != "tls" and not is_loopback(place.rpartition(":")[0])


def settings_of_cluster() -> StationSettings:
    """How a station is set up by the configuration of Dask in this process. Raises ValueError."""

    def told(name: str) -> Any:
        return dask.config.get(f"background-nodes.{name}", None)

    folder, shared = told("folder"), told("shared")
    memory_limit = float(told("memory-limit") or 0.0)
    return StationSettings(
        blender=str(told("blender") or ""),
        folder=Path(folder).absolute() if folder else None,
        memory_limit=int(memory_limit * GIGABYTE),
        shared=Path(shared).absolute() if shared else None,
    )


async def asked(rpc: Any, address: str, operation: str, **told: object) -> Any:
    """Ask a station for something that takes as long as its line is slow. Raises SilenceError if it does not answer."""
    call = asyncio.ensure_future(getattr(rpc(address), operation)(**told))
    try:
        while not (await asyncio.wait({call}, timeout=_SLOW))[0]:
            await asyncio.wait_for(getattr(rpc(address), INFOS)(), _TIMEOUT)
        return call.result()
    except OSError as error:
        raise SilenceError(f"{address} does not answer: {error}") from error
    finally:
        call.cancel()


async def copy(rpc: Any, address: str, digest: str, path: Path) -> bool:
    """Copy a file of a station to a path. Returns whether the station has it. Raises OSError."""
    offset = 0
    with path.open("wb") as file:
        while True:
            reply = await asked(rpc, address, GET, digest=digest, offset=offset)
            if not reply["is_here"]:
                return False
            file.write(reply["data"])
            offset += len(reply["data"])
            if len(reply["data"]) < PIECE:
                return True
