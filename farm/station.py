# SPDX-License-Identifier: GPL-3.0-or-later
"""A station: the background Blenders of one machine of a farm, as a pool that a thread of its own carries on.

    job -> files that are missing -> pool -> news, an end -> files that the task left, on the shelf

All methods but those of the thread are called from the event loop of the process, which is Dask's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from multiprocessing import Pipe, connection
from pathlib import Path
from typing import Any, Final

from ..runtime.engine import carried_files, messages
from ..runtime.engine.carried_files import CarriedFile
from ..runtime.engine.interface import Kept, Lost, NoWorker, Report, Request
from ..runtime.engine.workers import WorkerInfo, WorkerSettings
from ..runtime.errors import SignatureError, StoreError, TransportError, UnwrittenError, as_sentences
from ..runtime.keys import own_modules
from ..runtime.pool.launcher import Launcher
from ..runtime.pool.pool import Pool
from ..runtime.scratch import room
from ..runtime.scratch.removal import remove_files
from ..runtime.scratch.scratch import Scratch, ScratchFolder
from .blender_version import version_of
from .machine_addons import MachineAddons
from .news import News, Tell
from .records import VERSION, HeldFile, Job, JobEnd, JobNews
from .shared_folder import SMALLEST, SharedFolder
from .shelf import USUAL_SIZE, Shelf

#: Seconds after which no more is expected of a file of which no piece has come: its bridge was killed. A slow line, by
#: which several files go at once, takes minutes for a piece.
_SILENCE: Final = 600.0
#: Seconds after which home is asked again for a file that has not come. It sends none twice at the same time.
_ASK_INTERVAL: Final = 10.0
#: Where a file came from, as the log tells it.
_FOLDER: Final = "the shared folder"

_log = logging.getLogger("background_nodes.farm")

#: Copies a file by its digest from the station of an address to a path; tells whether that station has it.
Copy = Callable[[str, str, Path], Awaitable[bool]]


@dataclass
class _Entry:
    """A job that is with the pool."""

    end: asyncio.Future[Report]
    news: News


@dataclass
class _Receiving:
    """A file that is being sent from home, and what gives it up if no piece of it comes any more."""

    path: Path
    giving_up: asyncio.TimerHandle | None = None

    def stop_timer(self) -> None:
        """Give it up no longer: a piece has come, or all of it."""
        if self.giving_up is not None:
            self.giving_up.cancel()


@dataclass(frozen=True, slots=True)
class StationSettings:
    """How a station is set up.

    Attributes:
        blender: path of Blender; "" for the module of this Python.
        folder: for what it keeps of files; None for a temporary one.
        memory_limit: bytes that a background Blender may hold during a task, 0 for no limit.
        shelf_size: bytes that the shelf may hold.
        shared: a folder that other machines see, too, for large files; None for none.
    """

    blender: str = ""
    folder: Path | None = None
    memory_limit: int = 0
    shelf_size: int = USUAL_SIZE
    shared: Path | None = None


class Station:
    """A pool with `slots` background Blenders, its scratch folder and its shelf."""

    def __init__(self, settings: StationSettings, slots: int, address: str, name: str = "") -> None:
        """`name` is what people call its machine. Raises EngineError without a Blender, StoreError without a folder."""
        self.address = address
        self._name = name or address
        self.blender = version_of(settings.blender)
        self.shared = None if settings.shared is None else SharedFolder(settings.shared)
        self._loop = asyncio.get_running_loop()
        self._scratch = Scratch(settings.folder)
        shelf = (settings.folder or self._scratch.path) / "shelf"
        try:
            self.shelf = Shelf(shelf, settings.shelf_size)
        except OSError as error:
            self._scratch.close()
            raise StoreError(f"{shelf} can't be used: {error}") from error
        self._pool = Pool(Launcher.for_blender(settings.blender), self._scratch, slots)
        self._pool.use_settings(WorkerSettings(memory_limit=settings.memory_limit))
        self.addons = MachineAddons(settings.blender, self._scratch.new_folder)
        self._following = asyncio.ensure_future(self.addons.follow())
        self._entries: dict[Hashable, _Entry] = {}
        self._jobs: dict[str, asyncio.Task[JobEnd]] = {}
        self._sessions: dict[str, str] = {}  # of jobs, by key
        self._coming: dict[str, asyncio.Future[None]] = {}  # files that are being brought, by digest
        self._from_folder: set[str] = set()  # files that home has sent by the shared folder, by digest
        self._receiving: dict[str, _Receiving] = {}
        self._uses: Counter[tuple[str, str]] = Counter()  # of files of the scratch folder, by session and name
        self._told_claims: set[tuple[str, str]] = set()
        self._calls: deque[Callable[[], None]] = deque()
        self._ears, self._bell = Pipe(duplex=False)
        self._is_closing = False
        self._thread = threading.Thread(target=self._carry_on, name="background_nodes pool", daemon=True)
        self._thread.start()

    @property
    def infos(self) -> tuple[WorkerInfo, ...]:
        """What each background Blender does."""
        return self._pool.infos()

    def num_others(self, session: str) -> int:
        """How many jobs there are of other sessions."""
        return sum(other != session for other in self._sessions.values())

    async def close(self) -> None:
        """End all jobs and background Blenders, and remove what they left but for the shelf."""
        for key in list(self._jobs):
            self.stop(key)
        self._following.cancel()
        self._is_closing = True
        self._ring()
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._scratch.close)

    # Jobs

    async def carry_out(self, job: Job, tell: Tell, copy: Copy) -> JobEnd | None:
        """Do a job. Returns how it ended, None if it was stopped."""
        task = asyncio.ensure_future(self._carry_out(job, tell, copy))
        self._jobs[job.key], self._sessions[job.key] = task, job.session
        try:
            return await task
        except asyncio.CancelledError:
            task.cancel()
            return None
        finally:
            del self._jobs[job.key], self._sessions[job.key]

    def stop(self, key: str) -> None:
        """Stop a job, whatever it does, if it is here."""
        if key in self._jobs:
            self._jobs[key].cancel()

    def freeze(self, key: str, *, is_frozen: bool) -> None:
        self._call(lambda: self._pool.freeze(key) if is_frozen else self._pool.thaw(key))

    def end_used(self) -> None:
        """End used Blenders that do nothing."""
        self._call(self._pool.end_used)

    async def _carry_out(self, job: Job, tell: Tell, copy: Copy) -> JobEnd:
        if reason := await self._misfit(job):
            return JobEnd(self.address, no_worker=f"the worker at {self.address} can't do it: {reason}")
        try:
            folder = self._scratch.folder.inner(job.session)
            task = replace(_task_of(job), folder=job.session)
        except (StoreError, TransportError) as error:
            return JobEnd(self.address, lost=str(error))
        if isinstance(task, messages.Execute):
            script = Path(task.script.filename).name
            _log.info('"%s" of %s: script %s (%s)', task.node, job.user, script, job.script[:12])
            if not await asyncio.to_thread(_is_allowed, task, job.script):
                reason = f"it is not what {job.user} has allowed, or a module beside it is another one on this machine"
                _log.warning('script %s of "%s" was refused: %s', script, task.node, reason)
                return JobEnd(self.address, no_worker=f"{self.address} does not run the script {script}: {reason}")
        else:
            _log.info("%s of %s", type(task).__name__, job.user)
        names = {held.file.name for held in job.files}
        with self._using(job.session, folder, names):
            try:
                await self._bring_all(job, task, folder, tell, copy)
            except UnwrittenError as error:
                return JobEnd(self.address, no_worker=str(error))
            except (OSError, StoreError) as error:
                return JobEnd(self.address, lost=f"{self._name} can't take its files: {error}")
            report = await self._do(job, task, folder, tell)
            if isinstance(report, messages.Failed) and report.is_unwritten and self.shelf.remove_all():
                report = await self._do(job, task, folder, tell)
            return await self._end(job, task, folder, report, names)

    async def _misfit(self, job: Job) -> str:
        """Why this station is none for a job, "" if it is one."""
        if job.version != VERSION:
            return f"it has Background Nodes {VERSION}, and {job.version or 'an older one'} asks for it"
        if job.blender not in ("", self.blender):
            return f"it has Blender {self.blender}, and Blender {job.blender} asks for it"
        lacking = await self.addons.lacks(job.addons)
        return f"it has not {lacking}" if lacking else ""

    async def _do(self, job: Job, task: messages.Task, folder: ScratchFolder, tell: Tell) -> Report:
        """Let the pool do the task of a job."""
        log = folder.file(task.log) if isinstance(task, messages.Execute) else None
        news = News(job.key, self.address, log, tell)
        entry = self._entries[job.key] = _Entry(self._loop.create_future(), news)
        self._call(lambda: self._pool.submit(Request(job.key, task, job.is_fresh)))
        watching = asyncio.ensure_future(news.watch())
        try:
            return await entry.end
        finally:
            watching.cancel()
            del self._entries[job.key]
            if not entry.end.done() or entry.end.cancelled():
                self._call(lambda: self._pool.stop(job.key))
                self._remove(task, folder, with_log=True)
            elif not isinstance(entry.end.result(), messages.Outcome):
                self._remove(task, folder, with_log=False)

    def _remove(self, task: messages.Task, folder: ScratchFolder, *, with_log: bool) -> None:
        """Remove what the Blender of a task has written that was killed, or has died: nobody else knows of it."""
        logs = [task.log] if with_log and isinstance(task, messages.Execute) else []
        self._call(lambda: remove_files(folder.file(name) for name in (task.blob, *logs)))

    async def _end(
        self, job: Job, task: messages.Task, folder: ScratchFolder, report: Report, names: set[str]
    ) -> JobEnd:
        """How a job ended, once what it left is on the shelf."""
        match report:
            case NoWorker(reason):
                return JobEnd(self.address, no_worker=f"{self._name}: {reason}")
            case Lost(reason):
                outcome, end = None, JobEnd(self.address, lost=reason)
            case messages.Started() | messages.Progressed() | Kept():
                raise AssertionError("no end of a pool")
            case messages.Failed(error, is_unwritten=True):
                reason = f"{self._name} has no room for its results: {error}"
                outcome, end = None, JobEnd(self.address, no_worker=reason)
            case _:
                outcome, end = report, JobEnd(self.address, messages.encode(report).decode())
        left = carried_files.files_left(task, outcome, folder)
        new = [name for name in left if (job.session, name) not in self._told_claims]
        try:
            files = await asyncio.to_thread(_carried, new, folder)
            for file in files:
                self.shelf.take(carried_files.place_of(file.name, folder), file)
        except (OSError, StoreError) as error:
            if room.is_lacking(error):
                return JobEnd(self.address, no_worker=str(self._no_room("its results", error)))
            return JobEnd(self.address, lost=f"its results can't be kept on {self._name}: {error}")
        claims = {file.name for file in files if file.name.endswith(".claim")}
        self._told_claims.update((job.session, name) for name in claims)
        new_names = {file.name for file in files} - claims - names
        names |= new_names
        self._uses.update((job.session, name) for name in new_names)
        return replace(end, files=tuple(files))

    # Files

    async def _bring_all(self, job: Job, task: messages.Task, folder: ScratchFolder, tell: Tell, copy: Copy) -> None:
        """Put all that a job reads into the scratch folder. Raises UnwrittenError, OSError or StoreError."""
        self._need_room(job)
        try:
            for held in job.files:
                await self._bring(job, held, folder, tell, copy)
            for own in (task.blob, *([task.log] if isinstance(task, messages.Execute) else [])):
                folder.file(own).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if room.is_lacking(error):
                raise self._no_room("what it reads", error) from error
            raise

    def _need_room(self, job: Job) -> None:
        """Let what a job reads have room, before any of it is sent. Raises UnwrittenError if there is none."""
        wanted = {held.file.digest: held.file.size for held in job.files}
        size = sum(size for digest, size in wanted.items() if digest not in self.shelf)
        if size and not self.shelf.make_room(size, wanted):
            raise self._no_room("what it reads", room.megabytes(size))

    def _no_room(self, what: str, reason: object) -> UnwrittenError:
        """The error that there is none; `what` is what it is for."""
        message = f"{self._name} has no room for {what} ({reason}): {room.free_in(self.shelf.folder)}"
        return UnwrittenError(as_sentences(message, "Make room there, or start the worker with another --folder"))

    @contextlib.contextmanager
    def _using(self, session: str, folder: ScratchFolder, names: set[str]) -> Iterator[None]:
        """Within the block, files of the scratch folder stay. `names` may grow."""
        self._uses.update((session, name) for name in names)
        try:
            yield
        finally:
            for name in names:
                self._uses[session, name] -= 1
                if not self._uses[session, name]:
                    del self._uses[session, name]
                    carried_files.place_of(name, folder).unlink(missing_ok=True)

    async def _bring(self, job: Job, held: HeldFile, folder: ScratchFolder, tell: Tell, copy: Copy) -> None:
        """Put a file that a job reads into the scratch folder: from the shelf, from another station, or from home.

        Raises:
            OSError, StoreError: if that can't be done.
        """
        file = held.file
        path = carried_files.place_of(file.name, folder)
        while file.digest not in self.shelf:
            if (coming := self._coming.get(file.digest)) is not None:
                with contextlib.suppress(StoreError):
                    await asyncio.shield(coming)
                continue
            coming = self._coming[file.digest] = self._loop.create_future()
            coming.add_done_callback(_look_at)
            try:
                source = await self._copied(held, copy)
                if not source:
                    source = "home"
                    while not coming.done():  # the line may be cut while it is sent
                        tell(JobNews(job.key, self.address, wanted=file.digest))
                        await asyncio.wait({coming}, timeout=_ASK_INTERVAL)
                    coming.result()
                    if file.digest in self._from_folder:
                        self._from_folder.discard(file.digest)
                        source = _FOLDER
                _log.info("%s (%d bytes) came from %s", file.name, file.size, source)
            finally:
                self._coming.pop(file.digest, None)
                if not coming.done():
                    coming.set_result(None)
        self.shelf.place(file.digest, path)

    async def _copied(self, held: HeldFile, copy: Copy) -> str:
        """Take a file from the shared folder or another station. Returns what has it, "" if none has."""
        if self.shared is not None and held.file.size >= SMALLEST and await self.take_shared(held.file.digest):
            return _FOLDER
        for holder in held.holders:
            if holder == self.address:
                continue
            path = self.shelf.new_file(held.file.digest)
            try:
                if await copy(holder, held.file.digest, path):
                    await self.shelf.take_received(path, held.file.digest)
                    return holder
            except (OSError, StoreError):  # it is gone, or has another file
                pass
            finally:
                path.unlink(missing_ok=True)
        return ""

    async def take_shared(self, digest: str) -> bool:
        """Take a file from the shared folder. Returns whether it is there, and what it should be."""
        if self.shared is None:
            return False
        path = self.shelf.new_file(digest)
        try:
            if not await asyncio.to_thread(self.shared.take, digest, path):
                return False
            await self.shelf.take_received(path, digest)
        except (OSError, StoreError):
            return False
        finally:
            path.unlink(missing_ok=True)
        return True

    async def receive_shared(self, digest: str) -> bool:
        """Take a file that home has put into the shared folder. Returns whether that could be done."""
        if not await self.take_shared(digest):
            return False
        coming = self._coming.get(digest)
        if coming is not None and not coming.done():
            self._from_folder.add(digest)
            coming.set_result(None)
        return True

    async def share(self, digest: str) -> bool:
        """Put a file into the shared folder. Returns whether it is there."""
        if self.shared is None or digest not in self.shelf:
            return False
        try:
            await asyncio.to_thread(self.shared.put, self.shelf.path(digest), digest)
        except (OSError, StoreError):
            if self.shared.fault:
                _log.warning("%s", self.shared.fault)
            return False
        return True

    async def receive(self, transfer: str, digest: str, data: bytes, *, is_last: bool, error: str) -> None:
        """Take a piece of a file from home; with `error`, it can't be sent. Raises StoreError."""
        coming = self._coming.get(digest)
        if error:
            self._give_up(transfer)
            if coming is not None and not coming.done():
                coming.set_exception(StoreError(error))
            return
        entry = self._receiving.setdefault(transfer, _Receiving(self.shelf.new_file(digest)))
        entry.stop_timer()
        entry.giving_up = self._loop.call_later(_SILENCE, self._give_up, transfer)
        try:
            with entry.path.open("ab") as file:
                file.write(data)
            if not is_last:
                return
            entry.stop_timer()
            await self.shelf.take_received(entry.path, digest)
            self._receiving.pop(transfer, None)
            if coming is not None and not coming.done():
                coming.set_result(None)
        except (OSError, StoreError) as fault:
            self._give_up(transfer)
            if coming is not None and not coming.done():
                is_full = room.is_lacking(fault)
                coming.set_exception(self._no_room("what it reads", fault) if is_full else StoreError(str(fault)))

    def _give_up(self, transfer: str) -> None:
        """Remove what has come of a file: its bridge sends no more of it, or the disk is full."""
        if (entry := self._receiving.pop(transfer, None)) is not None:
            entry.stop_timer()
            with contextlib.suppress(OSError):
                entry.path.unlink(missing_ok=True)

    # The thread of the pool

    def _call(self, call: Callable[[], None]) -> None:
        """Let the thread do something with the pool."""
        self._calls.append(call)
        self._ring()

    def _ring(self) -> None:
        self._bell.send_bytes(b"!")

    def _carry_on(self) -> None:
        while True:
            while self._ears.poll():
                self._ears.recv_bytes()
            if self._is_closing:  # not before: what rang for it has just been taken
                break
            while self._calls:
                self._calls.popleft()()
            if reports := self._pool.poll():
                self._loop.call_soon_threadsafe(self._hear, reports)
            time_ = self._pool.next_look()
            limit = None if time_ is None else max(0.0, time_ - time.monotonic())
            connection.wait([self._ears, *self._pool.wakers()], limit)
        self._pool.close()

    def _hear(self, reports: Iterable[tuple[Hashable, Report]]) -> None:
        for key, report in reports:
            entry = self._entries.get(key)
            if entry is None or entry.end.done():
                continue
            match report:
                case messages.Started():
                    entry.news.started(report)
                case messages.Progressed():
                    entry.news.progressed(report)
                case _:
                    entry.news.end()
                    entry.end.set_result(report)


def _is_allowed(task: messages.Execute, digest: str) -> bool:
    """Whether a script and the modules beside it, as they are on this machine, are those of a digest."""
    try:
        return own_modules.digest(own_modules.read(task.script)) == digest
    except SignatureError:
        return False


def _task_of(job: Job) -> messages.Task:
    """Raises TransportError if there is none."""
    task = messages.decode(job.task.encode())
    if not isinstance(task, messages.Task):
        raise TransportError(f"{type(task).__name__} is nothing that can be done")
    return task


def _carried(names: Iterable[str], folder: ScratchFolder) -> list[CarriedFile]:
    return [CarriedFile.of(name, folder) for name in names]


def _look_at(future: asyncio.Future[Any]) -> None:
    """An error that nobody waits for is no fault of the program."""
    if not future.cancelled():
        future.exception()
