# SPDX-License-Identifier: GPL-3.0-or-later
"""What `background-nodes farm` does: run a scheduler or a worker in this process, tell of a farm, or end it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any, Final

from ..runtime.engine import published_runs
from ..runtime.errors import BackgroundNodesError, EngineError
from ..runtime.hosts import is_loopback
from ..runtime.planning.needs import GIGABYTE
from . import detaching, shared_folder
from .engine import NAME
from .records import StationInfo

#: Seconds between two attempts of a worker to join its farm.
_REJOIN_INTERVAL: Final = 2.0
_EXIT_FAILED = 1
_EXIT_BAD_INPUT = 2


class Lines(logging.Formatter):
    """Each message on one line, in which nothing steers a terminal: names of nodes and scripts come from files."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (its name is Python's)
        return one_line(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 (the same)
        """A line that is cut is no fault of a program: where in Dask that was noticed is nothing for people."""
        error = ei[1]
        return one_line(f"({error})") if isinstance(error, OSError) else str(super().formatException(ei))


def one_line(text: str) -> str:
    """A text with what can't be printed spelled out, as in Python."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def carry_out(options: argparse.Namespace) -> int:
    """Do what the options ask for. Returns the exit code."""
    if options.action == "runs":
        return _runs(options)
    try:
        import cryptography  # noqa: F401
        import distributed  # noqa: F401 (it sets its own logs up)
    except ImportError as error:
        _say(f'background-nodes farm needs Dask ({error}). Install it with: pip install "background-nodes[farm]"')
        return _EXIT_BAD_INPUT
    logging.basicConfig()
    for handler in logging.getLogger().handlers:
        handler.setFormatter(Lines("%(message)s"))
    for handler in logging.getLogger("distributed").handlers:
        handler.setFormatter(Lines("%(asctime)s - %(name)s - %(levelname)s - %(message)s"))
    logging.getLogger("background_nodes").setLevel(logging.INFO)
    logging.getLogger("distributed").setLevel(logging.WARNING)
    actions = {"scheduler": _scheduler, "worker": _worker, "status": _status, "stop": _stop}
    try:
        return asyncio.run(actions[options.action](options))
    except EngineError as error:
        _say(str(error))
        return _EXIT_BAD_INPUT
    except (BackgroundNodesError, OSError) as error:
        _say(str(error))
        return _EXIT_FAILED


async def _scheduler(options: argparse.Namespace) -> int:
    from . import connections, credentials

    connections.set_up()
    token = credentials.usual_file()
    with contextlib.suppress(FileExistsError):
        credentials.make(token)
        _say(f"made the token of the farm, {token}: copy it to each machine that is to belong to it")
    ended = _end_signals()
    security = credentials.security(token)
    try:
        place = {"host": options.host, "port": options.port, "protocol": "tls://", "security": security}
        scheduler: Any
        if options.dashboard:
            scheduler = connections.PagesScheduler(port_of_pages=options.dashboard, **place)
        else:
            scheduler = connections.Scheduler(dashboard=False, **place)
        async with scheduler:
            _say(f"the scheduler listens at {scheduler.address.removeprefix('tls://')}")
            await _first(scheduler.finished(), ended.wait())
    except OSError as error:
        raise EngineError(f"{options.host}:{options.port} can't be used: {error}", "Give another --port") from error
    return 0


async def _worker(options: argparse.Namespace) -> int:
    from . import connections
    from .address import Address

    connections.set_up()
    address = Address.parsed(options.scheduler)
    where, security = connections.security_for(address)
    if security is None and options.host and not is_loopback(options.host):
        message = f"nothing listens at {options.host} without encryption, for others could reach it"
        raise EngineError(message, "Leave tcp:// out, so that the token is used")
    settings = _station_settings(options)
    ended = _end_signals()
    said: bool | None = None  # of what keeps it from joining: whether its name is taken
    number = 1
    while not ended.is_set():
        name = options.name or socket.gethostname()
        worker = connections.Worker(
            where,
            nthreads=options.slots or max(1, (os.cpu_count() or 2) // 2),
            name=name if number == 1 else f"{name}-{number}",
            host=options.host or await asyncio.to_thread(connections.own_address, address),
            security=security,
            settings=settings,
            resources=options.resources,
        )
        try:
            if not await _joined(worker, ended):
                break
        except OSError as error:
            is_taken = isinstance(error, connections.NameTakenError)
            if is_taken and not options.name:
                number += 1  # several workers on one machine, or machines that are called alike
                continue
            if is_taken is not said:
                _say(_why_not_joined(options.scheduler, options.name, "" if is_taken else str(error)))
            said = is_taken
            await _first(asyncio.sleep(_REJOIN_INTERVAL), ended.wait())
            continue
        _say(f"{worker.name} has joined the farm at {options.scheduler} with {worker.state.nthreads} slots")
        said, number = None, 1
        await _first(worker.finished(), ended.wait())
        if ended.is_set():
            _say("no new task begins; those that run are waited for. A second signal ends them")
            await worker.drain()
            _say(f"{worker.name} has left the farm")
        if worker.is_dismissed:
            _say("the farm was stopped")
            break
    return 0


def _station_settings(options: argparse.Namespace) -> Any:
    """How the station of a worker is set up. Raises EngineError or StoreError for what is wrong before it begins."""
    from .blender_version import version_of
    from .station import StationSettings

    version_of(options.blender)
    folder = Path(options.folder).absolute() if options.folder else None
    shared = options.shared or os.environ.get(shared_folder.VARIABLE)
    settings = StationSettings(
        options.blender,
        folder,
        int(options.memory_limit * GIGABYTE),
        shared=Path(shared).absolute() if shared else None,
    )
    if settings.shared is not None:
        shared_folder.SharedFolder(settings.shared)
    return settings


def _why_not_joined(scheduler: str, name: str, error: str) -> str:
    """`error`: "" if another worker has its name."""
    if not error:
        # It may be this machine, of which the scheduler does not know yet that it was cut off.
        told = f"the farm at {scheduler} has a worker called {name} already; trying again and again until that is gone"
        return f"{told}. If it is another machine, give this one another --name"
    return f"the scheduler at {scheduler} can't be reached ({error}); trying again and again"


async def _joined(worker: Any, ended: asyncio.Event) -> bool:
    """Whether a worker has joined its farm before somebody wants it to end. Raises OSError if it could not."""
    joining = asyncio.ensure_future(worker.join())
    await _first(asyncio.shield(joining), ended.wait())
    if not joining.done():
        joining.cancel()
        return False
    await joining
    return True


async def _status(options: argparse.Namespace) -> int:
    from . import connections

    async with await connections.connect(options.scheduler) as client:
        found = await connections.told_by_stations(client)
        infos = [connections.station_info(address, *told) for address, told in found.items()]
        for info in sorted(infos, key=lambda info: info.name):
            print(one_line(_words(info) if info.is_there else f"{info.name} at {info.address} does not answer"))
            for addon in info.own_addons if options.addons else ():
                print(one_line(f"  {addon}"))
        if not infos:
            print("no worker has joined")
    return 0


def _words(info: StationInfo) -> str:
    doing = [f"{worker.state} {worker.task_name}".strip() for worker in info.workers]
    has = [f"Blender {info.blender}", f"{info.slots} slots", f"{info.memory // GIGABYTE} GB", info.system]
    has += [f"{name}={amount:g}" for name, amount in info.resources.items()]
    has += [_num_addons(info)]
    has += [f"shared folder {info.shared}"] if info.shared else []
    return f"{info.name} at {info.address}: {', '.join(has)}; {', '.join(doing) or 'idle'}"


def _num_addons(info: StationInfo) -> str:
    """How many add-ons it has beside those that came with Blender."""
    if info.addons is None:
        return "add-ons unknown"
    return f"{len(info.own_addons)} add-on" + "s" * (len(info.own_addons) != 1)


async def _stop(options: argparse.Namespace) -> int:
    from . import connections, plugin

    client = await connections.connect(options.scheduler)
    for address in await connections.stations(client):
        await getattr(client.rpc(address), plugin.DISMISS)()
    await client.shutdown()
    return 0


def _runs(options: argparse.Namespace) -> int:
    found = {place.name: (place, run) for place in published_runs.places() if (run := place.read_head()) is not None}
    if options.end is None:
        for name, (place, run) in found.items():
            began = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started))
            told = detaching.words(run, is_alive=place.is_alive()).replace("\n", "; ")
            print(one_line(f"{name}: {run.tree or 'the tree'} of {run.file}, {began}: {told}"))
        if not found:
            print("no run was detached in the last month")
        return 0
    if options.end not in found:
        _say(f"there is no detached run {options.end}")
        return _EXIT_BAD_INPUT
    try:
        found[options.end][0].ask_to_end()
    except OSError as error:
        _say(f"it can't be ended: {error}")
        return _EXIT_FAILED
    return 0


def detach(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Start what `run` was told, in a process that goes on when this one ends. Returns the exit code."""
    if not (options.engine or "").startswith(f"{NAME}://"):
        _say(f"only a run on a farm can be detached. Give its address: --engine {NAME}://HOST:PORT")
        return _EXIT_BAD_INPUT
    # -P: nothing is imported from the folder that this was started in.
    command = [sys.executable, "-P", "-m", "background_nodes.cli", *(each for each in arguments if each != "--detach")]
    try:
        detached = detaching.Detached(command, options.file, options.tree or "", options.engine or "")
        detached.wait_until_begun()
    except BackgroundNodesError as error:
        _say(str(error))
        return _EXIT_FAILED
    _say(f"the run goes on as {detached.place.name}. The same command without --detach follows it")
    return 0


def _end_signals() -> asyncio.Event:
    """What is set by the first SIGTERM or Ctrl-C. The second one ends the process."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()

    def end(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        loop.call_soon_threadsafe(ended.set)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    return ended


async def _first(*awaitables: Awaitable[object]) -> None:
    """Wait until one of them is done, and cancel the others."""
    tasks = [asyncio.ensure_future(each) for each in awaitables]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
