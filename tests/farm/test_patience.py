"""What waits for something that does not come any more: a request for machines, a machine for the rest of a file.

Bridge and station are here in this process, so that their patience can be short.
"""

import asyncio
import contextlib
import hashlib
import threading
from dataclasses import replace

import pytest

from background_nodes.farm import bridge as bridge_module
from background_nodes.farm import plugin
from background_nodes.farm import station as station_module
from background_nodes.farm.bridge import Bridge
from background_nodes.farm.engine import FarmEngine
from background_nodes.farm.records import VERSION, HeldFile, Job, Order, StationInfo, Told, decoded, encoded
from background_nodes.farm.station import Station, StationSettings
from background_nodes.runtime.engine import messages
from background_nodes.runtime.engine.carried_files import CarriedFile
from background_nodes.runtime.engine.messages import WorkerKind
from background_nodes.runtime.planning.needs import parsed
from background_nodes.runtime.pool.transport import Channel
from background_nodes.runtime.scratch.scratch import Scratch

from ..engine_suite import Bench
from .conftest import PATIENCE

TASK = messages.encode(messages.Gather((), "000001.blend")).decode()


class DaskClient:
    """Takes tasks, and never does one."""

    status = "running"

    def __init__(self) -> None:
        self.submitted: list[dict] = []

    def submit(self, *_arguments: object, **options: object) -> asyncio.Future:
        self.submitted.append(options)
        return asyncio.get_running_loop().create_future()


async def until(condition) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def scratch(tmp_path):
    with contextlib.closing(Scratch(tmp_path / "scratch")) as scratch:
        yield scratch


def test_requests_whose_machines_have_all_left_are_told_of_it_together(monkeypatch, scratch):
    """They are in Dask's queue when the only worker leaves. Dask would let them wait for ever."""
    found = {"tls://render1:1": {"nthreads": 1}}

    async def stations(_client: object) -> dict:
        return found

    monkeypatch.setattr(bridge_module, "stations", stations)
    told, client = [], DaskClient()

    async def story() -> None:
        bridge = Bridge(client, told.append, scratch.folder)
        for number in (1, 2):
            bridge.obey(Order("submit", number, TASK))
        await until(lambda: len(client.submitted) == 2)
        info = StationInfo("render1", "render1:1", blender="5.2.0")
        bridge._begin_without_able({"tls://render1:1": info})
        found.clear()
        bridge._has_stations = False
        bridge._begin_without_able({})
        assert told == []
        monkeypatch.setattr(bridge_module, "_PATIENCE", 0.0)
        for request in bridge._requests.values():
            request.end_of_patience = 0.0
        bridge._begin_without_able({})
        await until(lambda: len(told) == 2)

    asyncio.run(story())
    assert [each.number for each in told] == [1, 2]
    assert all("no worker has joined the farm" in each.no_worker for each in told)


def test_rest_of_a_file_that_does_not_come_is_not_waited_for_for_ever(monkeypatch, tmp_path):
    """Its bridge was killed in the middle."""
    monkeypatch.setattr(station_module, "_SILENCE", 0.05)
    digest = hashlib.sha256(b"whole").hexdigest()

    async def story() -> None:
        station = Station(StationSettings(folder=tmp_path), 1, "tls://render1:1")
        await station.receive("1", digest, b"who", is_last=False, error="")
        (half,) = (tmp_path / "shelf").iterdir()
        await until(lambda: not half.exists())
        for piece, is_last in ((b"who", False), (b"le", True)):
            await station.receive("2", digest, piece, is_last=is_last, error="")
        assert digest in station.shelf
        await station.close()

    asyncio.run(story())


def test_file_that_has_not_come_is_asked_for_again(monkeypatch, tmp_path):
    """Home was cut off while it sent it, and does not know what had arrived."""
    monkeypatch.setattr(station_module, "_ASK_INTERVAL", 0.01)
    file = CarriedFile("000001.blend", hashlib.sha256(b"whole").hexdigest(), 5)
    job = Job("0" * 16, "ann", "key", TASK, is_fresh=False, blender="", files=(), version=VERSION)
    asked: list[str] = []

    async def copy(*_arguments: object) -> bool:
        return False

    async def story() -> None:
        station = Station(StationSettings(folder=tmp_path), 1, "tls://render1:1")
        folder = station._scratch.folder.inner("0" * 16)
        bringing = asyncio.ensure_future(
            station._bring(job, HeldFile(file), folder, lambda news: asked.append(news.wanted), copy)
        )
        await until(lambda: len(asked) >= 3)
        await station.receive("1", file.digest, b"whole", is_last=True, error="")
        await bringing
        await station.close()

    asyncio.run(story())
    assert {*asked} == {file.digest}


# A machine that does not answer


class Machine:
    """What Dask gives to speak with a station: each operation is a coroutine of this."""

    async def background_nodes_infos(self, **_told: object) -> dict:
        return ANSWER


class Suspended(Machine):
    """Its kernel keeps connections open, and nothing answers."""

    async def background_nodes_get(self, **_told: object) -> dict:
        return await asyncio.get_running_loop().create_future()

    async def background_nodes_infos(self, **_told: object) -> dict:
        return await asyncio.get_running_loop().create_future()


class Slow(Machine):
    """It sends a file whenever `is_there`, and answers all the while."""

    def __init__(self) -> None:
        self.is_there = asyncio.Event()
        self.num_asked = 0

    async def background_nodes_get(self, **_told: object) -> dict:
        await self.is_there.wait()
        return {"is_here": True, "data": b"whole"}

    async def background_nodes_infos(self, **_told: object) -> dict:
        self.num_asked += 1
        return ANSWER


class CutOff(Slow):
    """Connections to it break a few times."""

    async def background_nodes_get(self, **_told: object) -> dict:
        self.num_asked += 1
        if self.num_asked < 3:
            raise OSError("the connection was closed")
        return {"is_here": True, "data": b"whole"}


ANSWER = {"infos": [], "blender": "5.2.0", "num_others": 0, "system": "Linux", "memory": 2**34, "shared": ""}
ANSWER |= {"addons": None}
WHOLE = hashlib.sha256(b"whole").hexdigest()


def test_machine_that_is_suspended_is_not_waited_for_and_one_that_is_slow_is(monkeypatch, tmp_path):
    monkeypatch.setattr(plugin, "_SLOW", 0.01)
    monkeypatch.setattr(plugin, "_TIMEOUT", 0.05)

    async def story() -> None:
        with pytest.raises(plugin.SilenceError, match="tls://render1:1 does not answer"):
            await plugin.copy(lambda _address: Suspended(), "tls://render1:1", WHOLE, tmp_path / "a")
        slow = Slow()
        copying = asyncio.ensure_future(plugin.copy(lambda _address: slow, "tls://render2:1", WHOLE, tmp_path / "b"))
        await until(lambda: slow.num_asked >= 3)
        slow.is_there.set()
        assert await copying

    asyncio.run(story())
    assert (tmp_path / "b").read_bytes() == b"whole"


def test_result_is_asked_for_again_while_its_machine_is_only_cut_off(monkeypatch, scratch, tmp_path):
    known: dict[str, dict] = {"tls://render1:1": {}}

    async def stations(_client: object) -> dict:
        return known

    monkeypatch.setattr(bridge_module, "stations", stations)
    monkeypatch.setattr(bridge_module, "_LOOK_INTERVAL", 0.0)
    client = DaskClient()

    async def story() -> None:
        bridge = Bridge(client, lambda _told: None, scratch.folder)
        cut_off = CutOff()
        client.rpc = lambda _address: cut_off
        assert await bridge._copied(WHOLE, "tls://render1:1", tmp_path / "a")
        known.clear()
        cut_off.num_asked = 0
        with pytest.raises(plugin.SilenceError):  # the scheduler does not know it any more
            await bridge._copied(WHOLE, "tls://render1:1", tmp_path / "b")
        assert cut_off.num_asked == 1

    asyncio.run(story())
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_machine_that_is_silent_for_a_while_still_has_what_tasks_need(monkeypatch, scratch):
    """With no other that has it, its tasks wait for it, and do not fail."""
    known = {"tls://render1:1": {"name": "render1", "nthreads": 1, "resources": {"GPU": 1.0}}}
    replies = [ANSWER, None]

    async def stations(_client: object) -> dict:
        return known

    async def told_by_stations(_client: object, _session: str) -> dict:
        return {address: (said, replies.pop(0)) for address, said in known.items()}

    monkeypatch.setattr(bridge_module, "stations", stations)
    monkeypatch.setattr(bridge_module, "told_by_stations", told_by_stations)

    async def story() -> None:
        bridge = Bridge(DaskClient(), lambda _told: None, scratch.folder)
        assert not (await bridge._described())["tls://render1:1"].lacks(parsed("GPU=1"))
        await bridge._look_once()
        assert not replies, "it was silent"
        assert not (await bridge._described())["tls://render1:1"].lacks(parsed("GPU=1"))

    asyncio.run(story())


def test_what_a_machine_held_is_not_looked_for_there_when_it_has_left(monkeypatch, scratch):
    """It comes back under another address, and without its files. To knock at the old one takes ten seconds a file."""
    said = {"nthreads": 1, "name": "render1", "resources": {}}
    known = {"tls://render1:1": said}

    async def told_by_stations(_client: object, _session: str) -> dict:
        return dict.fromkeys(known, (said, ANSWER))

    monkeypatch.setattr(bridge_module, "told_by_stations", told_by_stations)

    async def story() -> None:
        bridge = Bridge(DaskClient(), lambda _told: None, scratch.folder)
        await bridge._look_once()
        bridge._note_holder(WHOLE, "tls://render1:1")
        file = CarriedFile("000001.blend", WHOLE, 5)
        assert bridge._nearest([file]) == "tls://render1:1"
        known.clear()
        known["tls://render1:2"] = said
        await bridge._look_once()
        assert bridge._nearest([file]) == ""
        assert bridge._holders[WHOLE] == []

    asyncio.run(story())


# A scheduler that is lost


class Bridges:
    """Bridges of an engine that end whenever the test says that the scheduler was lost.

    Attributes:
        orders: what the present one was given.
    """

    def __init__(self, engine: FarmEngine) -> None:
        self._engine, self.orders, self._ours = engine, [], None
        engine._start_bridge = self._start

    def _start(self, _way: object) -> str:
        self.close()
        theirs, self._ours = Channel.pair()
        self._engine._channel, self._engine._has_spoken = theirs, False
        self._engine._way = _way
        self.orders.clear()
        return ""

    def close(self) -> None:
        if self._ours is not None:
            self._ours.close()

    def tell(self, told: Told) -> None:
        self._ours.post_bytes(encoded(told).encode())

    def listen(self, num_orders: int) -> list[tuple[str, int]]:
        read = self._ours.reader()
        for _ in range(num_orders):
            order = decoded(Order, self._ours.receive_bytes(read))
            self.orders.append((order.order, order.number))
        return self.orders


def test_scheduler_that_is_lost_again_and_again_is_waited_for_but_not_for_ever(environment, scratch, tmp_path):
    """1. a has started, b has not, c is frozen. 2. It is lost: a is told so, the next bridge has the others."""
    bench = Bench(FarmEngine.at("127.0.0.1:1", scratch), scratch, tmp_path / "gate")
    bridges = Bridges(bench.engine)
    bench.engine.freeze("c")
    for key in "abc":
        bench.submit(key, "gives")
    assert bridges.listen(4) == [("submit", 1), ("submit", 2), ("freeze", 3), ("submit", 3)]
    bridges.tell(Told(1, messages.encode(messages.Started()).decode()))
    bench.hear("a: started")
    lost = Told(lost="the scheduler of the farm was lost")
    for _ in range(3):
        bridges.tell(lost)
        bench.listen(lambda: bridges.orders == [])
        bench.hear("a: started", "a: lost")
        assert bridges.listen(3) == [("submit", 2), ("freeze", 3), ("submit", 3)]
    bridges.tell(lost)
    bench.hear("a: started", "a: lost", "b: lost", "c: lost")
    bridges.close()
    bench.close()


def test_who_looks_at_the_farm_looks_again_when_the_scheduler_was_lost(environment, scratch):
    engine = FarmEngine.at("127.0.0.1:1", scratch)
    bridges = Bridges(engine)
    engine.look()
    assert bridges.listen(1) == [("look", 0)]
    bridges.tell(Told(lost="the scheduler of the farm was lost"))
    while bridges.orders:
        engine.poll()
    assert bridges.listen(1) == [("look", 0)]
    bridges.close()
    engine.close()


def test_preferences_of_the_artist_are_not_sent(environment, scratch, tmp_path):
    bench = Bench(FarmEngine.at("127.0.0.1:1", scratch), scratch, tmp_path / "gate")
    request = bench.request("a", "gives")
    task = replace(request.task, kind=WorkerKind(preferences="000009.blend"))
    bench.engine.submit(replace(request, task=task))
    bench.listen(lambda: bench.heard)
    assert bench.heard[0].startswith("a: no worker: the artist's preferences are not sent to other machines")
    bench.close()


def test_station_that_closes_as_its_thread_begins_ends_that(monkeypatch, tmp_path):
    """1. The thread looks whether it is to end. 2. It is told so, and rung for. 3. It takes the ring, and waits."""
    has_rung, pipe = threading.Event(), station_module.Pipe

    class Ears:
        def __init__(self, ears) -> None:
            self._ears = ears
            self.recv_bytes, self.fileno = ears.recv_bytes, ears.fileno

        def poll(self) -> bool:
            assert has_rung.wait(PATIENCE)
            return self._ears.poll()

    def new_pipe(duplex: bool):
        ears, bell = pipe(duplex=duplex)
        return Ears(ears), bell

    monkeypatch.setattr(station_module, "Pipe", new_pipe)

    async def story() -> None:
        station = Station(StationSettings(folder=tmp_path), 1, "tls://render1:1")
        closing = asyncio.ensure_future(station.close())
        await asyncio.sleep(0)
        has_rung.set()
        station._thread.join(PATIENCE)
        assert not station._thread.is_alive()
        await closing

    asyncio.run(story())
