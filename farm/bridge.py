# SPDX-License-Identifier: GPL-3.0-or-later
"""The bridge between one foreground and a farm: a process of its own, as Dask must not be in one with Blender.

    python -m background_nodes.farm.bridge PID_OF_FOREGROUND HANDLE SCRATCH HOST:PORT VERSION SHARED_FOLDER PATIENCE

It finds the files of tasks in the scratch folder of its foreground, and puts there what tasks leave. It ends with its
foreground; the farm then ends what it was doing for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import hashlib
import itertools
import math
import os
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from ..runtime.engine import carried_files, going_runs, messages, own_files
from ..runtime.engine.carried_files import CarriedFile
from ..runtime.engine.workers import WorkerInfo
from ..runtime.errors import BackgroundNodesError, EngineError, StoreError, TransportError, UnwrittenError
from ..runtime.planning.needs import parsed
from ..runtime.pool.transport import Channel
from ..runtime.scratch import room
from ..runtime.scratch.scratch import ScratchFolder
from ..runtime.store.folder import digest_of_file
from . import plugin
from .connections import connect, dashboard, station_info, stations, told_by_stations
from .records import VERSION, FarmInfo, HeldFile, Job, JobEnd, JobNews, Order, StationInfo, Told, decoded, encoded
from .shared_folder import PROBE_SIZE, SMALLEST, SharedFolder

#: Seconds within which a station must have joined the farm.
_PATIENCE: Final = 20.0
#: Seconds for which a station that does not answer is asked again for a result, while the scheduler knows it. That
#: knows one that is suspended for five minutes.
_SILENCE: Final = 330.0
#: Seconds between two looks at what the stations do, while they do something for this foreground.
_INFOS_INTERVAL: Final = 0.5
_LOOK_INTERVAL: Final = 0.2
#: Seconds after which it is looked again whether the shared folder can be used.
_PROBE_INTERVAL: Final = 60.0


@dataclass
class _Request:
    """A request of the foreground.

    Attributes:
        key: of its task in Dask; another one for each time that it was given to that.
        address: of the station that has started it, "" before.
        near: of the one that it is to go to if that is there, "" if it may be any.
        able: of those that have what it needs, which are the only ones that Dask gives it to; none if any may have it.
        unable: why stations that had it could not do it, by their addresses: another Blender, a full disk ...
        end_of_patience: when it is given to Dask anew though none of these is there any more, nor another one.
    """

    order: Order
    task: messages.Task
    key: str = ""
    future: Any = None
    address: str = ""
    near: str = ""
    able: Collection[str] = ()
    unable: dict[str, str] = field(default_factory=dict)
    end_of_patience: float = math.inf
    carrying: asyncio.Task[None] | None = None

    @property
    def why_none(self) -> str:
        """Why no station can do it, one reason a line."""
        return "\n".join(dict.fromkeys(self.unable.values()))


@dataclass
class _Known:
    """What is known of a file of the scratch folder: how it was when it was read, and who holds it."""

    state: tuple[int, int]
    file: CarriedFile


class Bridge:
    """Carries requests to a farm, and what it tells back."""

    def __init__(
        self, client: Any, tell: Callable[[Told], None], folder: ScratchFolder, shared: SharedFolder | None = None
    ) -> None:
        """`shared`: a folder that stations may see, too."""
        self._client = client
        self._shared = shared
        self._by_folder: dict[str, asyncio.Task[bool]] = {}  # whether large files go by it, by a station's address
        self._tell = tell
        self._folder = folder
        self._session = os.urandom(8).hex()
        self._user = f"{getpass.getuser()} at {socket.gethostname()}"
        self._requests: dict[int, _Request] = {}
        self._by_key: dict[str, _Request] = {}
        self._frozen: set[int] = set()
        self._numbers = itertools.count(1)
        self._transfers = itertools.count()
        self._known: dict[str, _Known] = {}  # files, by name
        self._holders: dict[str, list[str]] = {}  # addresses of stations, by digest
        self._paths: dict[str, Path] = {}  # files here, by digest
        self._sending: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._infos: tuple[WorkerInfo, ...] = ()
        self._turn = asyncio.Lock()
        self._asides: set[asyncio.Task[None]] = set()
        self._seen: dict[str, StationInfo] = {}  # as they answered last, by address
        self._slots: Counter[str] = Counter()  # by the station's address, those that no other foreground uses
        self._has_stations = False  # when that was last looked at
        self._lonely_since: float | None = None  # when it was first seen that nobody has joined
        self._is_watched = False
        self._is_lost = False  # the scheduler
        self._farm: FarmInfo | None = None

    def start(self) -> None:
        self._client.subscribe_topic(plugin.topic(self._session), self._hear)
        self._looking = asyncio.ensure_future(self._look())

    # From the foreground

    def obey(self, order: Order) -> None:
        """Do what the foreground asks for. Raises TransportError if that makes no sense."""
        request = self._requests.get(order.number)
        match order.order:
            case "submit":
                self._submit(order)
            case "stop":
                self._frozen.discard(order.number)
                if request is not None:
                    del self._requests[order.number]
                    self._take_back(request)
            case "freeze":
                self._frozen.add(order.number)
                if request is not None:
                    self._freeze(request)
            case "thaw":
                self._frozen.discard(order.number)
                if request is not None:
                    self._thaw(request)
            case "look":
                self._is_watched = True
            case "end used":
                self._soon(self._tell_stations(plugin.END_USED))
            case _:
                raise TransportError(f"nobody knows how to {order.order!r:.40}")

    def _submit(self, order: Order) -> None:
        task = messages.decode(order.task.encode())
        if not isinstance(task, messages.Task):
            raise TransportError(f"{type(task).__name__} is nothing that can be done")
        self._requests[order.number] = _Request(order, task)
        if order.number not in self._frozen:
            self._begin(self._requests[order.number])

    def _freeze(self, request: _Request) -> None:
        """Freeze what has started; what has not begins later."""
        if request.address:
            self._ask(request.address, plugin.FREEZE, key=request.key, is_frozen=True)
        else:
            self._take_back(request)

    def _thaw(self, request: _Request) -> None:
        if request.address:
            self._ask(request.address, plugin.FREEZE, key=request.key, is_frozen=False)
        elif request.carrying is None:
            self._begin(request)

    def _begin(self, request: _Request) -> None:
        request.carrying = asyncio.ensure_future(self._carry(request))

    def _take_back(self, request: _Request) -> None:
        """Take a request back from Dask, which ends what is done for it."""
        if request.carrying is not None:
            request.carrying.cancel()
            request.carrying = None
        if request.future is not None:
            future, request.future = request.future, None
            self._soon(_cancelled(future))
        self._by_key.pop(request.key, None)
        request.address = request.near = ""
        request.able, request.end_of_patience = (), math.inf

    # To the farm

    async def _carry(self, request: _Request) -> None:
        """Carry a request to the farm, and its end home."""
        number = request.order.number
        try:
            end = await self._end_of(request)
            while end.no_worker and await self._may_others(request, end):
                end = await self._end_of(request)
            told = await self._brought_home(request, end)
        except (EngineError, UnwrittenError) as error:
            told = Told(number, no_worker=str(error))
        except (BackgroundNodesError, OSError) as error:
            told = Told(number, lost=str(error))
        except asyncio.CancelledError:
            if request.carrying is not asyncio.current_task():
                return  # the foreground takes it back
            self._is_lost = True  # Dask has cancelled all: what becomes of it is decided at home
            return
        except Exception as error:  # noqa: BLE001 (Dask raises what a worker raised)
            told = Told(number, lost=f"{type(error).__name__}: {error}")
        if self._client.status != "running":
            self._is_lost = True  # and that is why
            return
        if self._requests.get(number) is request:
            del self._requests[number]
            self._frozen.discard(number)
            self._by_key.pop(request.key, None)
            request.future = None
            self._tell(told)

    async def _end_of(self, request: _Request) -> JobEnd:
        async with self._turn:  # so that Dask gets requests in their order
            await self._wait_for_stations()
            names = await asyncio.to_thread(carried_files.files_read, request.task, self._folder)
            files = [await asyncio.to_thread(self._file, name) for name in names]
            number = next(self._numbers)
            request.key = f"{plugin.NAME}-{self._session}-{number}"
            self._by_key[request.key] = request
            held = tuple(HeldFile(file, tuple(self._holders.get(file.digest, ()))) for file in files)
            order = request.order
            job = Job(
                self._session,
                self._user,
                request.key,
                order.task,
                order.is_fresh,
                order.blender,
                held,
                VERSION,
                order.script,
                order.addons,
            )
            options: dict[str, Any] = {"priority": -number}  # a higher one goes first in Dask
            able = await self._able(request) if order.needs or order.addons or request.unable else None
            if able is not None:
                request.able = able
                options |= {"workers": able, "resources": dict(parsed(order.needs).resources)}
            if (near := self._nearest(files)) and able is None:
                request.near = near
                options |= {"workers": [near], "allow_other_workers": True}
            request.future = self._client.submit(
                plugin.carry_out, encoded(job), key=request.key, pure=False, retries=0, **options
            )
        text = await request.future
        end = decoded(JobEnd, text)
        for file in files:
            self._note_holder(file.digest, end.address)
        return end

    async def _may_others(self, request: _Request, end: JobEnd) -> bool:
        """Whether there are stations that have not had a request yet which another one can't do."""
        request.unable[end.address] = end.no_worker
        needs, infos = request.order.wanted, await self._described()
        return any(address not in request.unable and not info.lacks(needs) for address, info in infos.items())

    async def _able(self, request: _Request) -> list[str]:
        """The stations that have what a task needs, but for those that can't do it.

        Raises:
            EngineError, UnwrittenError: if there is none.
        """
        needs, infos = request.order.wanted, await self._described()
        if FarmInfo(tuple(infos.values())).lacks(needs):  # or had it not: somebody may have installed an add-on
            infos = await self._described(anew=True)
        if not infos:  # the last one has just gone; with none to choose from, Dask would give it to any that comes
            raise EngineError("no worker of the farm is left", "Start one with: background-nodes farm worker")
        if lacking := FarmInfo(tuple(infos.values())).lacks(needs):
            raise EngineError(lacking, "Start a worker that has, or change what the node needs")
        able = [address for address, info in infos.items() if not info.lacks(needs)]
        if able and request.unable.keys() >= {*able}:
            raise UnwrittenError(request.why_none)
        return [address for address in able if address not in request.unable]

    async def _described(self, *, anew: bool = False) -> dict[str, StationInfo]:
        """The stations of the farm as each answered last, by address; `anew` asks all again. Raises OSError."""
        found = await stations(self._client)
        if anew or any(address not in self._seen or not self._seen[address].is_there for address in found):
            self._note(await told_by_stations(self._client, self._session))
        return {address: self._seen[address] for address in found if address in self._seen}

    def _note(self, told: Mapping[str, tuple[Any, Any]]) -> None:
        """Keep what stations tell. What one is stays as it is: if it does not answer now, it may do so soon."""
        for address, each in told.items():
            info = station_info(address, *each)
            if info.is_there or address not in self._seen:
                self._seen[address] = info

    def _forget(self, there: Collection[str]) -> None:
        """Know nothing any more of stations that have left: one that comes back has another address, and no files."""
        gone = (self._seen.keys() | self._slots.keys()).difference(there)
        if not gone:
            return
        for address in gone:
            self._seen.pop(address, None)
            self._slots.pop(address, None)
            self._by_folder.pop(address, None)
        for digest, holders in self._holders.items():
            self._holders[digest] = [each for each in holders if each not in gone]

    def _nearest(self, files: Iterable[CarriedFile]) -> str:
        """The station that holds most of what a task reads and has a free slot, "" if there is none."""
        sizes: Counter[str] = Counter()
        for file in files:
            for holder in self._holders.get(file.digest, ()):
                sizes[holder] += file.size
        own = self._num_own()
        free = (address for address, _size in sizes.most_common() if self._slots[address] > own[address])
        return next(free, "")

    def _num_own(self) -> Counter[str]:
        """How many requests of this foreground each station has."""
        return Counter(request.address or request.near for request in self._requests.values())

    async def _wait_for_stations(self) -> None:
        """Raises EngineError if nobody has joined the farm. All requests wait together, the next ones not once more."""
        if self._lonely_since is None:
            self._lonely_since = time.monotonic()
        while not self._has_stations:
            try:
                found = await stations(self._client)
                self._has_stations = bool(found)
            except OSError:  # who is cut off does not know whether it is alone
                self._lonely_since = time.monotonic()
            if not self._has_stations and time.monotonic() > self._lonely_since + _PATIENCE:
                raise EngineError("no worker has joined the farm", "Start one with: background-nodes farm worker")
            await asyncio.sleep(0.0 if self._has_stations else _LOOK_INTERVAL)
        self._lonely_since = None

    async def wait_for_loss(self) -> None:
        """Return when the scheduler is lost, and the foreground knows that."""
        while self._client.status == "running" and not self._is_lost:
            await asyncio.sleep(_LOOK_INTERVAL)
        self._requests.clear()
        self._tell(Told(lost="the scheduler of the farm was lost"))

    def _file(self, name: str) -> CarriedFile:
        """A file of the scratch folder; it is read once. Raises StoreError."""
        path = carried_files.place_of(name, self._folder)
        try:
            found = path.stat()
        except OSError as error:
            raise StoreError(f"{path} can't be read: {error}") from error
        state = found.st_size, found.st_mtime_ns
        known = self._known.get(name)
        if known is None or known.state != state:
            known = self._known[name] = _Known(state, CarriedFile.of(name, self._folder))
            self._paths[known.file.digest] = path
        return known.file

    def _note_holder(self, digest: str, address: str) -> None:
        holders = self._holders.setdefault(digest, [])
        if address not in holders:
            holders.append(address)

    # From the farm

    async def _brought_home(self, request: _Request, end: JobEnd) -> Told:
        """Bring home what a task left, and tell how it ended. Raises StoreError or OSError."""
        number = request.order.number
        for file in end.files:
            try:
                await self._bring_home(file, end.address)
            except OSError as error:
                if not room.is_lacking(error):
                    raise
                raise room.unwritten("its results", carried_files.place_of(file.name, self._folder), error) from error
        if end.no_worker or end.lost:
            return Told(number, lost=end.lost, no_worker=end.no_worker and request.why_none)
        report = messages.decode(end.report.encode())
        if isinstance(report, messages.Succeeded) and (taken := self._path_taken_by_others(request, report)):
            report = messages.Failed(taken, seconds=report.seconds, peak_memory=report.peak_memory)
        return Told(number, messages.encode(report).decode())

    async def _bring_home(self, file: CarriedFile, address: str) -> None:
        self._note_holder(file.digest, address)
        path = carried_files.place_of(file.name, self._folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Two machines may send their claims to one path at the same time.
        beside = path.with_name(f"{path.name}.{next(self._transfers)}.coming")
        try:
            is_taken = file.size >= SMALLEST and await self._taken_from_folder(file.digest, address, beside)
            if not is_taken or await asyncio.to_thread(digest_of_file, beside) != file.digest:
                if not await self._copied(file.digest, address, beside):
                    raise StoreError(f"{address} has lost a result")
                if await asyncio.to_thread(digest_of_file, beside) != file.digest:
                    raise StoreError(f"a result of {address} did not arrive as it was sent")
            if file.name.endswith(".claim") and path.exists():
                return  # what it means that there is one is found out later
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        state = path.stat()
        self._known[file.name] = _Known((state.st_size, state.st_mtime_ns), file)
        self._paths[file.digest] = path

    async def _copied(self, digest: str, address: str, target: Path) -> bool:
        """Copy a file of a station, be the line to it cut for a while. Returns whether it has it. Raises OSError."""
        deadline = time.monotonic() + _SILENCE
        while True:
            try:
                return await plugin.copy(self._client.rpc, address, digest, target)
            except plugin.SilenceError:
                is_there = time.monotonic() < deadline
                with contextlib.suppress(OSError):  # the scheduler may be behind the same line
                    is_there = is_there and address in await stations(self._client)
                if not is_there:
                    raise
            await asyncio.sleep(_LOOK_INTERVAL)

    def _path_taken_by_others(self, request: _Request, report: messages.Succeeded) -> str:
        """What is wrong if a task on another machine, or another run, has written to a path that this one wrote to.

        "" if nothing is.
        """
        task = request.task
        if not isinstance(task, messages.Execute) or not task.shared.place:
            return ""
        place = self._folder.file(task.shared.place)
        own = own_files.Owner(task.task, task.item, task.node)
        going = replace(task.shared.going, claims=str(place))
        stems = {own_files.stem_of(path): path for path in report.claimed}
        for stem, path in stems.items():
            file = going_runs.claim_file(place, stem)
            if file.exists() and (other := own_files.other_owner(file, own)) is not None:
                return str(own_files.taken(path, other))
        for stem, note in going_runs.other_runs(stems, going).items():
            return str(own_files.taken_elsewhere(stems[stem], note.said, is_written=True))
        return ""

    def _hear(self, event: tuple[float, str]) -> None:
        """A station has news of a job."""
        news = decoded(JobNews, event[1])
        request = self._by_key.get(news.key)
        if request is None:
            return
        if news.wanted:
            self._send_soon(news.wanted, news.address)
        if news.log and isinstance(request.task, messages.Execute):
            self._note_log(request.task.log, news)
        if not news.report:
            return
        report = messages.decode(news.report.encode())
        if isinstance(report, messages.Started):
            was_told, request.address = request.address != "", news.address
            if request.order.number in self._frozen:
                self._ask(news.address, plugin.FREEZE, key=request.key, is_frozen=True)
            if was_told:  # it has begun anew, mostly somewhere else
                return
        self._tell(Told(request.order.number, news.report))

    def _note_log(self, log: str, news: JobNews) -> None:
        """Show what a script has printed so far; at its end the whole log comes."""
        path = self._folder.file(log)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb" if not news.log_start else "ab") as file:
                file.write(news.log.encode())

    # By the shared folder

    async def _goes_by_folder(self, address: str) -> bool:
        """Whether large files go between here and a station by the shared folder; found out once.

        If that could not be found out, such as on a full disk, it is tried again a while later.
        """
        if self._shared is None:
            return False
        if address not in self._by_folder:
            self._by_folder[address] = asyncio.ensure_future(self._probed(self._shared, address))
        return await asyncio.shield(self._by_folder[address])

    async def _probed(self, shared: SharedFolder, address: str) -> bool:
        """Whether a station sees what is written there, and that is not much slower than to send it."""
        data, see = os.urandom(PROBE_SIZE), getattr(self._client.rpc(address), plugin.SEE)
        begin = time.monotonic()
        try:
            name = await asyncio.to_thread(shared.write_probe, data)
            try:
                seen = (await see(name=name))["digest"]
            finally:
                shared.remove_probe(name)
            if seen != hashlib.sha256(data).hexdigest():
                return False
            by_folder, begin = time.monotonic() - begin, time.monotonic()
            await see(data=data)
        except OSError:
            asyncio.get_running_loop().call_later(_PROBE_INTERVAL, self._by_folder.pop, address, None)
            return False
        return is_by_folder(by_folder, time.monotonic() - begin)

    async def _taken_from_folder(self, digest: str, address: str, target: Path) -> bool:
        """Take a result of a station by the shared folder. Returns whether that could be done."""
        if self._shared is None or not await self._goes_by_folder(address):
            return False
        try:
            reply = await plugin.asked(self._client.rpc, address, plugin.SHARE, digest=digest)
            return bool(reply["is_there"]) and await asyncio.to_thread(self._shared.take, digest, target)
        except OSError:
            return False

    async def _sent_by_folder(self, digest: str, address: str) -> bool:
        """Send a file to a station by the shared folder. Returns whether that could be done."""
        path = self._paths[digest]
        if self._shared is None or path.stat().st_size < SMALLEST or not await self._goes_by_folder(address):
            return False
        try:
            await asyncio.to_thread(self._shared.put, path, digest)
        except OSError:
            return False
        reply = await plugin.asked(self._client.rpc, address, plugin.PUT_SHARED, digest=digest)
        return bool(reply["is_here"])

    # Files for stations

    def _send_soon(self, digest: str, address: str) -> None:
        way = digest, address
        if way not in self._sending:
            self._sending[way] = asyncio.ensure_future(self._send(digest, address))
            self._sending[way].add_done_callback(lambda _task: self._sending.pop(way, None))

    async def _send(self, digest: str, address: str) -> None:
        """Send a file to a station, in pieces if not by the shared folder."""

        async def put(**told: object) -> Any:
            return await plugin.asked(self._client.rpc, address, plugin.PUT, **told)

        transfer = os.urandom(8).hex()
        try:
            if await self._sent_by_folder(digest, address):
                return
            with self._paths[digest].open("rb") as file:
                while True:
                    data = await asyncio.to_thread(file.read, plugin.PIECE)
                    is_last = len(data) < plugin.PIECE
                    reply = await put(transfer=transfer, digest=digest, data=data, is_last=is_last)
                    if is_last or reply.get("error"):
                        return
        except plugin.SilenceError:
            return  # it asks again, if it is still there
        except (OSError, KeyError) as error:
            with contextlib.suppress(OSError):
                await put(transfer=transfer, digest=digest, error=f"it can't be sent: {error}")

    # What the stations do

    def _soon(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for."""
        task = asyncio.ensure_future(coroutine)
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)

    def _ask(self, address: str, operation: str, **told: object) -> None:
        self._soon(self._asked(address, operation, told))

    async def _asked(self, address: str, operation: str, told: dict[str, object]) -> None:
        with contextlib.suppress(OSError):
            await getattr(self._client.rpc(address), operation)(**told)

    async def _tell_stations(self, operation: str) -> None:
        with contextlib.suppress(OSError):
            for address in await stations(self._client):
                self._ask(address, operation)

    async def _look(self) -> None:
        """Tell the foreground what the stations do, as often as that changes and it wants to know."""
        while True:
            is_busy = self._requests or any(info.task_name for info in self._infos)
            if is_busy or self._is_watched:
                with contextlib.suppress(OSError):
                    await self._look_once()
            await asyncio.sleep(_INFOS_INTERVAL)

    async def _look_once(self) -> None:
        found = await told_by_stations(self._client, self._session)
        self._has_stations = bool(found)
        self._forget(found)
        self._note(found)
        for address, (said, reply) in found.items():
            if reply is not None:
                self._slots[address] = said["nthreads"] - reply["num_others"]
        by_address = {address: station_info(address, *told) for address, told in found.items()}
        self._begin_without_able(by_address)
        if self._is_watched:
            by_address = {each: await self._with_way(each, info) for each, info in by_address.items()}
        infos = sorted(by_address.values(), key=lambda info: info.name)
        workers = tuple(worker for info in infos for worker in info.workers)
        fault = "" if self._shared is None else self._shared.fault
        farm = FarmInfo(tuple(infos), await dashboard(self._client), fault) if self._is_watched else None
        if workers != self._infos or farm != self._farm:
            self._infos, self._farm = workers, farm
            self._tell(Told(workers=workers, farm=farm))

    async def _with_way(self, address: str, info: StationInfo) -> StationInfo:
        return replace(info, is_by_folder=info.shared != "" and await self._goes_by_folder(address))

    def _begin_without_able(self, infos: Mapping[str, StationInfo]) -> None:
        """Give requests to Dask anew that wait for stations that are gone: one that comes back has another address.

        Where there is none any more, that is told in the end, and nobody waits for ever.
        """
        for request in list(self._requests.values()):
            if request.address or request.future is None or any(address in infos for address in request.able or infos):
                request.end_of_patience = math.inf
                continue
            request.end_of_patience = min(request.end_of_patience, time.monotonic() + _PATIENCE)
            has_others = any(not info.lacks(request.order.wanted) for info in infos.values())
            if has_others or time.monotonic() > request.end_of_patience:
                self._take_back(request)
                self._begin(request)


def is_by_folder(by_folder: float, by_wire: float) -> bool:
    """Which way large files go, by the seconds that each took.

    A folder may take twice as long: many machines read it at once, and home sends to one after the other.
    """
    return by_folder <= 2.0 * by_wire


async def _cancelled(future: Any) -> None:
    with contextlib.suppress(Exception):
        await future.cancel()


def _check(version: str) -> None:
    """Raises EngineError if the foreground has another version: they would not understand each other."""
    if version != VERSION:
        fix = "Install there the version that is in Blender"
        raise EngineError(f"{sys.executable} has Background Nodes {VERSION}, and not {version}", fix)


async def _connected(address: str, patience: float) -> Any:
    """A client, for which a scheduler that was there before may take so many seconds. Raises EngineError."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return await connect(address)
        except EngineError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(_LOOK_INTERVAL)


async def _main(channel: Channel, scratch: str, address: str, version: str, shared: str, patience: str) -> None:
    loop = asyncio.get_running_loop()

    def tell(told: Told) -> None:
        with contextlib.suppress(OSError):
            channel.post_bytes(encoded(told).encode())

    try:
        _check(version)
        folder = SharedFolder(Path(shared).absolute()) if shared else None
        client = await _connected(address, float(patience))
    except (EngineError, StoreError) as error:
        tell(Told(no_worker=str(error)))
        await asyncio.sleep(0.2)
        return
    bridge = Bridge(client, tell, ScratchFolder(Path(scratch)), folder)
    bridge.start()
    tell(Told())  # that there is a way

    def listen() -> None:
        read = channel.reader()
        try:
            while True:
                order = decoded(Order, channel.receive_bytes(read))
                loop.call_soon_threadsafe(bridge.obey, order)
        except EOFError:  # the foreground is gone, or has enough of this bridge
            os._exit(0)
        except TransportError as error:
            sys.stderr.write(f"{error}\n")
            os._exit(1)

    threading.Thread(target=listen, name="background_nodes foreground", daemon=True).start()
    await bridge.wait_for_loss()
    await asyncio.sleep(_LOOK_INTERVAL)  # what is told goes by another thread
    os._exit(0)  # the next request of the foreground starts another bridge


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the foreground, which says what is to end
    asyncio.run(_main(Channel.inherited(int(sys.argv[2])), *sys.argv[3:]))
