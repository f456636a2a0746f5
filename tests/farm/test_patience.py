"""What waits for something that does not come any more: a request for machines, a machine for the rest of a file.

Bridge and station are here in this process, so that their patience can be short.
"""

import asyncio
import contextlib
import hashlib
from dataclasses import replace

import pytest

from background_nodes.farm import bridge as bridge_module
from background_nodes.farm import station as station_module
from background_nodes.farm.bridge import Bridge
from background_nodes.farm.engine import FarmEngine
from background_nodes.farm.records import Order, StationInfo
from background_nodes.farm.station import Station, StationSettings
from background_nodes.runtime.engine import messages
from background_nodes.runtime.engine.messages import WorkerKind
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
        station.receive("1", digest, b"who", is_last=False, error="")
        (half,) = (tmp_path / "shelf").iterdir()
        await until(lambda: not half.exists())
        for piece, is_last in ((b"who", False), (b"le", True)):
            station.receive("2", digest, piece, is_last=is_last, error="")
        assert digest in station.shelf
        await station.close()

    asyncio.run(story())


def test_preferences_of_the_artist_are_not_sent(environment, scratch, tmp_path):
    bench = Bench(FarmEngine.at("127.0.0.1:1", scratch), scratch, tmp_path / "gate")
    request = bench.request("a", "gives")
    task = replace(request.task, kind=WorkerKind(preferences="000009.blend"))
    bench.engine.submit(replace(request, task=task))
    bench.listen(lambda: bench.heard)
    assert bench.heard[0].startswith("a: no worker: the artist's preferences are not sent to other machines")
    bench.close()
