# SPDX-License-Identifier: GPL-3.0-or-later
"""The farm as an engine of a foreground: it starts a bridge, and speaks with it over a pipe. Dask is not here."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any, Final

from ..runtime.engine import messages
from ..runtime.engine.interface import Lost, NoWorker, Report, Request
from ..runtime.engine.workers import WorkerInfo, WorkerSettings
from ..runtime.errors import EngineError, SignatureError, TransportError
from ..runtime.keys import own_modules
from ..runtime.pool.launcher import read_tail
from ..runtime.pool.transport import Channel
from ..runtime.scratch.scratch import Scratch
from .address import Address
from .records import VERSION, FarmInfo, Order, Told, decoded, encoded, needs_of

#: By what the engine is chosen, and how a menu shows it.
NAME: Final = "dask"
LABEL: Final = "Farm"
DESCRIPTION: Final = "Run on the machines of a farm, or of a Dask cluster that is there already"
#: How many tasks a run has under way if nobody says how many: the farm's own queue decides which of them run.
_MANY: Final = 1000
#: Seconds for which a scheduler is waited for that was there before, if the environment says no other number.
_ABSENCE: Final = 60.0
ABSENCE_VARIABLE: Final = "BACKGROUND_NODES_FARM_ABSENCE"
#: How often in a row the scheduler may be lost before anything is heard of a request.
_MOST_LOSSES: Final = 3
#: Seconds that a bridge has to end by itself.
_PATIENCE: Final = 5.0
#: Seconds between two looks at whether the bridge has ended unnoticed.
_LOOK_INTERVAL: Final = 1.0
#: Seconds for which the farm's first answer is waited for.
_ANSWER: Final = 30.0
#: Under the name by which pip installs it; in Blender this package has another one.
BRIDGE: Final = "background_nodes.farm.bridge"


_PREFERENCES_STAY: Final = (
    "the artist's preferences are not sent to other machines: they tell of paths here, and add-ons keep passwords there"
)


#: What a Python says that lacks something.
_LACKING: Final = ("No module named", "Error while finding module specification")


@dataclass(frozen=True, slots=True)
class Way:
    """The way to a farm.

    Attributes:
        python: what runs the bridge.
        address: of the scheduler.
        shared: a folder that machines of the farm see, too, "" for none.
    """

    python: str
    address: Address
    shared: str = ""


class FarmEngine:
    """A `ManagedEngine` whose workers are those of a farm.

    Attributes:
        farm: what its machines do, as was told last; None before, and without `look`.
        reason: why the bridge could do nothing, "" if it could.
        capacity: how many requests the session has under way at most. The farm may have fewer workers.
        is_low: has no meaning here: the workers of a farm are set up where they run.
    """

    def __init__(self, find_way: Callable[[], Way], scratch: Scratch, *, may_wait: bool = False) -> None:
        """`find_way` is asked before each request that comes while nothing is under way. It may raise EngineError.

        If it `may_wait`, `why_not` waits for the farm's first answer: for who has no window that would stand still.
        """
        self.capacity = 1
        self.is_low = False
        self.farm: FarmInfo | None = None
        self.reason = ""
        self._find_way = find_way
        self._may_wait = may_wait
        self._way: Way | None = None  # of the bridge
        self._has_spoken = False  # the bridge
        self._was_lost = False  # the scheduler, by the last bridge
        self._is_looking = False
        self._num_losses = 0  # since something was told of a request
        self._scratch = scratch
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._log = Path()
        self._counter = itertools.count(1)
        self._numbers: dict[Hashable, int] = {}
        self._keys: dict[int, Hashable] = {}
        self._waiting: dict[int, Order] = {}  # of requests that have not started
        self._frozen: set[Hashable] = set()
        self._reports: deque[tuple[Hashable, Report]] = deque()
        self._infos: tuple[WorkerInfo, ...] = ()
        self._blender = ""
        self._addons: Mapping[str, str] = {}

    @classmethod
    def at(cls, address: str, scratch: Scratch) -> FarmEngine:
        """The engine for the text of an address. Raises EngineError if that makes no sense, or is refused."""
        way = Way(sys.executable, Address.parsed(address), os.environ.get("BACKGROUND_NODES_FARM_SHARED", ""))
        return cls(lambda: way, scratch, may_wait=True)

    @property
    def num_workers(self) -> int:
        return len(self._infos)

    def usual_capacity(self, here: int) -> int:  # noqa: ARG002 (machines are those of the farm)
        return _MANY

    def why_not(self, needs: str, addons: Collection[str] = ()) -> str:
        """As in `ManagedEngine`. What machines there are is not known before the farm has answered once."""
        self._listen()
        if self.farm is None:
            self.look()
            deadline = time.monotonic() + (_ANSWER if self._may_wait else 0.0)
            while self.farm is None and self._channel is not None and time.monotonic() < deadline:
                connection.wait(self.wakers(), _LOOK_INTERVAL)
                self._listen()
        return "" if self.farm is None else self.farm.lacks(needs_of(needs, self._versions_of(addons)))

    def _versions_of(self, addons: Collection[str]) -> dict[str, str]:
        return {module: self._addons.get(module, "") for module in addons}

    def infos(self) -> tuple[WorkerInfo, ...]:
        return self._infos

    def use_settings(self, settings: WorkerSettings) -> None:
        """Use workers of a version of Blender, and with add-ons of these versions. All else is set where they run."""
        self._blender, self._addons = settings.blender, settings.addons

    def look(self) -> None:
        """Keep `farm` up to date from now on."""
        if fault := self._need_bridge():
            self.reason = fault
        self._is_looking = True
        self._post(Order("look", 0))

    def end_used(self) -> None:
        self._post(Order("end used", 0))

    def submit(self, request: Request) -> None:
        fault = self._need_bridge()
        number = next(self._counter)
        self._numbers[request.key], self._keys[number] = number, request.key
        script = ""
        try:
            if isinstance(request.task, messages.Execute):
                script = own_modules.digest(own_modules.read(request.task.script))
        except SignatureError as error:
            fault = str(error)
        if request.kind.preferences:
            fault = str(EngineError(_PREFERENCES_STAY, "Use the engine of this machine, or factory settings"))
        if fault:
            self._end(number, NoWorker(fault))
            return
        task = messages.encode(request.task).decode()
        addons = self._versions_of(request.kind.addons)
        order = Order("submit", number, task, request.is_fresh, self._blender, request.needs, addons, script)
        self._waiting[number] = order
        self._post_request(order)

    def stop(self, key: Hashable) -> None:
        self._frozen.discard(key)
        self._reports = deque(entry for entry in self._reports if entry[0] != key)
        number = self._numbers.pop(key, None)
        if number is not None:
            del self._keys[number]
            self._waiting.pop(number, None)
            self._post(Order("stop", number))

    def freeze(self, key: Hashable) -> None:
        self._frozen.add(key)
        if key in self._numbers:
            self._post(Order("freeze", self._numbers[key]))

    def thaw(self, key: Hashable) -> None:
        self._frozen.discard(key)
        if key in self._numbers:
            self._post(Order("thaw", self._numbers[key]))

    def poll(self, until: float | None = None) -> list[tuple[Hashable, Report]]:
        self._listen(until)
        reports = list(self._reports)
        self._reports.clear()
        return reports

    def _listen(self, until: float | None = None) -> None:
        while self._channel is not None and (until is None or time.monotonic() < until):
            try:
                data = self._channel.take_bytes()
                if data is None:
                    break
                self._hear(decoded(Told, data))
            except (EOFError, TransportError) as error:
                self._lose_bridge(str(error))

    def wakers(self) -> Sequence[Any]:
        return [] if self._channel is None else [self._channel.connection]

    def next_look(self) -> float | None:
        if self._reports:
            return 0.0
        return time.monotonic() + _LOOK_INTERVAL if self._keys else None

    def close(self) -> None:
        """Withdraw all requests: their Blenders end as soon as the farm hears of it. The bridge ends now."""
        self._reports.clear()
        self._numbers.clear()
        self._keys.clear()
        self._waiting.clear()
        self._infos = ()
        self._was_lost = self._is_looking = False
        self._leave()

    def _need_bridge(self) -> str:
        """Have a bridge that goes the way that is to be gone now. Returns why that can't be, or ""."""
        if self._process is not None and self._process.poll() is not None:
            self._listen()  # to its end
        if self._channel is not None and self._keys:
            return ""
        try:
            way = self._find_way()
        except EngineError as error:
            return str(error)
        if self._channel is not None and way == self._way:
            return ""
        self._leave()
        return self._start_bridge(way)

    def _start_bridge(self, way: Way) -> str:
        """Start the bridge. Returns why that can't be, or ""."""
        self.reason, self.farm = "", None
        self._way, self._has_spoken = way, False
        try:
            folder = self._scratch.new_folder()
            self._log = folder / "bridge.log"
            ours, theirs = Channel.pair()
            handle = theirs.fileno()
            # -P: nothing is imported from the folder that Blender was started in.
            argv = [way.python, "-P", "-m", BRIDGE, str(os.getpid()), str(handle)]
            patience = _absence() if self._was_lost else 0.0
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    [*argv, str(self._scratch.path), way.address.text, VERSION, way.shared, str(patience)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[handle],
                )
            theirs.close()
        except (OSError, ValueError) as error:
            return f"the bridge to the farm can't be started: {error}"
        self._channel = ours
        return ""

    def _post(self, order: Order) -> None:
        if self._channel is not None:
            with contextlib.suppress(OSError):  # it is gone, as `poll` will tell
                self._channel.post_bytes(encoded(order).encode())

    def _post_request(self, order: Order) -> None:
        if self._keys[order.number] in self._frozen:
            self._post(Order("freeze", order.number))
        self._post(order)

    def _hear(self, told: Told) -> None:
        self._has_spoken, self._was_lost = True, False
        if not told.number and told.lost:
            self._lose_scheduler(told.lost)
            return
        if not told.number:
            self._infos, self.farm = told.workers, told.farm or self.farm
            self.reason = told.no_worker or self.reason
            return
        self._num_losses = 0
        if told.number not in self._keys:
            return
        if told.lost:
            self._end(told.number, Lost(told.lost))
        elif told.no_worker:
            self._end(told.number, NoWorker(told.no_worker))
        else:
            report = messages.decode(told.report.encode())
            self._waiting.pop(told.number, None)
            if isinstance(report, messages.Started | messages.Progressed):
                self._reports.append((self._keys[told.number], report))
            elif isinstance(report, messages.Outcome):
                self._end(told.number, report)

    def _end(self, number: int, report: Report) -> None:
        key = self._keys.pop(number)
        self._waiting.pop(number, None)
        if self._numbers.get(key) == number:
            del self._numbers[key]
        self._frozen.discard(key)
        self._reports.append((key, report))

    def _lose_scheduler(self, reason: str) -> None:
        """The scheduler is lost, and what had started with it. The rest waits in another bridge until it is back."""
        self._leave()
        self._infos, self.farm, self._was_lost = (), None, True
        self._num_losses += 1
        is_in_vain = self._num_losses > _MOST_LOSSES
        for number in [number for number in self._keys if is_in_vain or number not in self._waiting]:
            self._end(number, Lost(reason))
        if (self._waiting or self._is_looking) and self._way is not None:
            fault = self._start_bridge(self._way)
            if self._is_looking:
                self._post(Order("look", 0))
            for number, order in list(self._waiting.items()):
                if fault:
                    self._end(number, NoWorker(fault))
                else:
                    self._post_request(order)

    def _lose_bridge(self, fault: str) -> None:
        """The bridge has ended, or says what makes no sense. The next request starts another one."""
        python = "" if self._way is None else self._way.python
        self._leave()
        printed = "" if self.reason else read_tail(self._log)
        told = "\n".join(filter(None, [f"the bridge to the farm has ended {fault}".rstrip(), printed]))
        if not self._has_spoken and not self.reason:
            self.reason = told
            if any(words in printed for words in _LACKING):
                fix = 'Install it with: pip install "background-nodes[farm]"'
                self.reason = str(EngineError(f"{python} lacks what a farm needs: {printed}", fix))
        for number in list(self._keys):
            self._end(number, NoWorker(self.reason) if self.reason else Lost(told))
        self._infos, self.farm = (), None

    def _leave(self) -> None:
        """Close the channel, which ends the bridge."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            if not self._has_spoken:
                self._process.kill()  # it has begun nothing, and waits for an answer of the farm: so would this one
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def _absence() -> float:
    """Seconds for which a scheduler that was lost is waited for."""
    with contextlib.suppress(ValueError):
        return float(os.environ.get(ABSENCE_VARIABLE, _ABSENCE))
    return _ABSENCE
