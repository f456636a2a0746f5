# SPDX-License-Identifier: GPL-3.0-or-later
"""How Dask is set up here: always encrypted where there is a token, and with no door beside the one for members."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from typing import Any, Final

import dask
import distributed
from distributed.core import Status
from distributed.utils import get_ip
from tornado.web import ErrorHandler

from ..runtime import wire
from ..runtime.engine.workers import InstalledAddon, WorkerInfo
from ..runtime.errors import EngineError
from ..runtime.hosts import is_loopback
from . import credentials
from .address import Address
from .plugin import INFOS, StationBringer, StationPlugin, is_reachable_unencrypted, is_topic
from .records import StationInfo
from .station import StationSettings

#: Seconds within which a scheduler must answer.
_TIMEOUT: Final = 10.0
#: Seconds of silence after which a connection is given up. The kernel tries a line that is cut after ever longer times,
#: each twice as long as the one before, the first a quarter of a second at most. So one that is back after half of it,
#: but for these two times, is used again before.
_SILENCE: Final = 75.0
_HERE: Final = "127.0.0.1"
#: By what names its pages are asked for, which of them there are, and what who asks otherwise is answered.
_HOSTS_OF_PAGES: Final = (_HERE, "localhost")
_PAGES: Final = [f"distributed.http.{name}" for name in ("scheduler.info", "scheduler.json", "health", "statics")]
_FORBIDDEN: Final = 403
#: What a scheduler says to be if its pages are seen on its own machine only.
_WITH_PAGES: Final = "PagesScheduler"
#: Seconds between two looks at whether tasks still run.
_LOOK_INTERVAL: Final = 0.1
#: What Dask answers a worker whose name another one has, and what it prints of each answer that is a refusal.
_NAME_TAKEN: Final = "name taken"
_REFUSED: Final = "Unable to connect to scheduler: "
#: How much Dask remembers for its developers of each kind: of what went over each connection, what its thread did in
#: each second ... A message may have a megabyte, and it would be a thousand of them.
_NUM_REMEMBERED: Final = 10
#: Dask gives a task whose worker is gone to no other: what becomes of it is decided at home, where retries are counted.
#: It does not look every 10 ms what its processes do, for which it keeps the text of each source file that it meets.
_SETTINGS: Final = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    "distributed.admin.tick.limit": "10s",
    "distributed.comm.timeouts.connect": f"{_TIMEOUT:.0f}s",
    "distributed.comm.timeouts.tcp": f"{_SILENCE:.0f}s",
    "distributed.admin.low-level-log-length": _NUM_REMEMBERED,
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
}


class NameTakenError(OSError):
    """A worker could not join its farm, for another worker there has its name."""


def set_up() -> None:
    """Set Dask up in this process. What its scheduler refuses is told by who asked for it, and not by Dask as well."""
    dask.config.set(_SETTINGS)
    logging.getLogger("distributed.worker").addFilter(lambda record: not str(record.msg).startswith(_REFUSED))


def fall_silent() -> None:
    """Let Dask print nothing more: this process ends, and that its connections break off is no fault."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    logging.getLogger("distributed.worker").setLevel(logging.CRITICAL)


class ForgettingScheduler(distributed.Scheduler):  # type: ignore[misc,unused-ignore]
    """Dask's scheduler, which keeps no news of jobs: it passes them on, to nobody if their bridge is gone."""

    def log_event(self, topic: Any, msg: Any) -> None:
        """As in Dask."""
        if not is_topic(topic):
            super().log_event(topic, msg)
        elif self._has_listeners(topic):
            super().log_event(topic, msg)
            self._broker.truncate(topic)

    def remove_client(self, client: str, stimulus_id: str | None = None) -> None:
        """As in Dask, which keeps what it knows of its topics."""
        super().remove_client(client, stimulus_id)
        own = [name for name, topic in self._broker._topics.items() if is_topic(name) and client in topic.subscribers]
        for name in own:
            del self._broker._topics[name]

    def _has_listeners(self, topic: str) -> bool:
        return topic in self._broker._topics  # asking for one makes it


class PagesScheduler(ForgettingScheduler):
    """The same with Dask's pages for this machine only, as nobody needs a token for them. They change nothing."""

    def __init__(self, *, port_of_pages: int, **options: Any) -> None:
        # Dask lets the pages of any website read what goes by a web socket of this machine.
        own = [f"{host}:{port_of_pages}" for host in _HOSTS_OF_PAGES]
        dask.config.set({"distributed.scheduler.dashboard.bokeh-application.allow_websocket_origin": own})
        # Whatever the user's configuration of Dask says: others end workers, or lead to other machines.
        dask.config.set({"distributed.scheduler.http.routes": _PAGES})
        super().__init__(dashboard=True, dashboard_address=f"{_HERE}:{port_of_pages}", **options)

    def start_http_server(self, *arguments: Any, **options: Any) -> None:
        """As in Dask, but a website whose name leads to this machine is not answered: it could read all pages."""
        super().start_http_server(*arguments, **options)
        application = self.http_application
        usual = application.find_handler

        def find_handler(request: Any, **kwargs: Any) -> Any:
            if request.host_name in _HOSTS_OF_PAGES:
                return usual(request, **kwargs)
            return application.get_handler_delegate(request, ErrorHandler, {"status_code": _FORBIDDEN})

        application.find_handler = find_handler


class Scheduler(ForgettingScheduler):
    """The same without them."""

    def start_http_server(self, *_args: Any, **_options: Any) -> None:
        """No server."""


class Worker(distributed.Worker):  # type: ignore[misc,unused-ignore]
    """The same of a worker, with a station."""

    def __init__(self, where: str, *, settings: StationSettings, **options: Any) -> None:
        self._station = StationPlugin(settings)
        super().__init__(where, plugins=(self._station,), memory_limit=0, **options)

    @property
    def is_dismissed(self) -> bool:
        """Whether the farm was stopped, so that it is not to be joined again."""
        return self._station.is_dismissed

    def start_http_server(self, *_args: Any, **_options: Any) -> None:
        """No server."""

    async def join(self) -> None:
        """Join the farm. Raises NameTakenError if another worker has its name, OSError if that can't be done."""
        try:
            await self
        except (RuntimeError, TimeoutError) as error:  # what Dask makes of any error there
            reason = str(error.__cause__ or error)
            raise (NameTakenError if _NAME_TAKEN in reason else OSError)(reason) from error

    async def close(self, *arguments: Any, **options: Any) -> Any:
        """As in Dask."""
        if self.is_dismissed:
            fall_silent()
        return await super().close(*arguments, **options)

    async def drain(self) -> None:
        """Begin nothing more, wait for what runs, and leave the farm: what has not begun goes to others."""
        self.status = Status.paused
        while self.state.executing_count and self.status is Status.paused:
            await asyncio.sleep(_LOOK_INTERVAL)
        fall_silent()
        await self.close_gracefully()


def security_for(address: Address) -> tuple[str, Any]:
    """The address as Dask has it, and the security to use. Raises EngineError."""
    if not address.is_plain:
        return f"tls://{address.text}", credentials.security(credentials.usual_file())
    return f"tcp://{address.text.removeprefix('tcp://')}", None


def own_address(scheduler: Address) -> str:
    """The address under which this machine reaches a scheduler, and so that one this machine."""
    try:
        found: str = get_ip(scheduler.host.strip("[]"), scheduler.port)
    except OSError:  # nobody knows that host yet
        return "127.0.0.1" if is_loopback(scheduler.host) else socket.gethostname()
    return found


async def connect(text: str) -> Any:
    """A client of the scheduler at an address, whose workers have stations then.

    Raises:
        EngineError: if it can't be reached, lets nobody in, or its workers can't have stations.
    """
    set_up()
    address = Address.parsed(text)
    where, security = security_for(address)
    try:
        client = await distributed.Client(
            where, security=security, asynchronous=True, timeout=_TIMEOUT, set_as_default=False
        )
    except (OSError, TimeoutError, ssl.SSLError) as error:
        reason = str(error.__cause__ or error).strip() or type(error).__name__
        lets_in = f"that {credentials.usual_file()} is its token"
        if address.is_plain:
            lets_in = "that it has no encryption; leave tcp:// out if it has a token"
        fix = f"See that it runs there, and {lets_in}"
        raise EngineError(f"the scheduler of the farm at {text} can't be reached ({reason})", fix) from error
    try:
        await _bring_stations(client)
    except Exception as error:
        await client.close()
        if isinstance(error, EngineError):
            raise
        message = f"the workers of the Dask cluster at {text} can't run background Blenders: {error}"
        fix = 'See that all of its Pythons have it: pip install "background-nodes[farm]"'
        raise EngineError(message.rstrip("."), fix) from error
    return client


async def _bring_stations(client: Any) -> None:
    """Raises EngineError if others could listen, or whatever Dask raises."""
    identity = await client.scheduler.identity(n_workers=0)
    if is_reachable_unencrypted(identity["address"]):
        message = f"the Dask cluster listens at {identity['address']} without encryption, where others reach it"
        raise EngineError(message, "Let it use TLS, or listen at this machine only: --host 127.0.0.1")
    await client.register_plugin(StationBringer())


async def dashboard(client: Any) -> str:
    """The address of Dask's own pages as this machine may reach them, "" if there are none. Raises OSError."""
    identity = await client.scheduler.identity(n_workers=0)
    port = identity["services"].get("dashboard", 0)
    if not port:
        return ""
    # Ours are seen on the scheduler's machine only, or by who brings them to this one.
    host = _HERE if identity["type"] == _WITH_PAGES else identity["address"].partition("://")[2].rpartition(":")[0]
    return f"http://{host}:{port}/status"


def station_info(address: str, said: Any, reply: Any) -> StationInfo:
    """A machine as people see it, by what the scheduler and its station tell of it."""
    name, place = str(said["name"]), address.partition("://")[2]
    if reply is None:
        return StationInfo(name, place, is_there=False)
    return StationInfo(
        name,
        place,
        slots=said["nthreads"],
        blender=reply["blender"],
        system=reply["system"],
        memory=reply["memory"],
        addons=_addons_told(reply["addons"]),
        shared=reply["shared"],
        resources={key: float(amount) for key, amount in sorted(said["resources"].items())},
        workers=tuple(wire.decode(WorkerInfo, info) for info in reply["infos"]),
    )


def _addons_told(told: Any) -> tuple[InstalledAddon, ...] | None:
    return None if told is None else tuple(wire.decode(InstalledAddon, each) for each in told)


async def stations(client: Any) -> dict[str, Any]:
    """What the scheduler knows of each worker, by its address. Raises OSError if it is gone."""
    identity = await client.scheduler.identity(n_workers=-1)
    found: dict[str, Any] = identity["workers"]
    return found


async def told_by_stations(client: Any, session: str = "") -> dict[str, tuple[Any, Any]]:
    """What the scheduler knows of each worker and what its station tells, by its address. Raises OSError.

    What a station tells is None if it does not answer: a worker may have none, which Dask does not say.
    """
    found = await stations(client)

    async def told(address: str) -> Any:
        with contextlib.suppress(OSError, TimeoutError):
            return await asyncio.wait_for(getattr(client.rpc(address), INFOS)(session=session), _TIMEOUT)
        return None

    replies = await asyncio.gather(*map(told, found))
    return {address: (found[address], reply) for address, reply in zip(found, replies, strict=True)}
