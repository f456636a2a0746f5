"""A machine that can't do a job: there is no room for it, or it has another Blender. Others may."""

import asyncio
import contextlib
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from background_nodes.farm import bridge as bridge_module
from background_nodes.farm import plugin
from background_nodes.farm.bridge import Bridge
from background_nodes.farm.records import VERSION, HeldFile, Job, JobEnd, Order, decoded, encoded
from background_nodes.farm.station import Station, StationSettings
from background_nodes.runtime.engine import messages
from background_nodes.runtime.engine.carried_files import CarriedFile
from background_nodes.runtime.scratch import room
from background_nodes.runtime.scratch.scratch import Scratch

from .conftest import PATIENCE, Farm, make_files

HERE = Path(__file__).parent
TASK = messages.encode(messages.Gather((), "000001.blend")).decode()
MACHINES = ("tls://render1:1", "tls://render2:1")
SAID = {"name": "render", "nthreads": 1, "resources": {}}
REPLY = {"blender": "5.2.0", "system": "Linux", "memory": 1, "addons": None}
REPLY |= {"shared": "", "infos": [], "num_others": 0}


class DaskClient:
    """Gives each job to the first machine that it may go to, which ends it as it is told to."""

    status = "running"

    def __init__(self, ends: dict[str, JobEnd]) -> None:
        self.went: list[str] = []
        self._ends = ends

    def submit(self, _does: object, text: str, *, workers=MACHINES, **_options: object) -> asyncio.Future:
        assert decoded(Job, text).version == VERSION
        end = asyncio.get_running_loop().create_future()
        self.went.append(workers[0])
        end.set_result(encoded(self._ends[workers[0]]))
        return end

    def rpc(self, _address: str) -> None:
        raise AssertionError("nothing has to be copied")


@pytest.fixture
def scratch(tmp_path):
    with contextlib.closing(Scratch(tmp_path / "scratch")) as scratch:
        yield scratch


@pytest.fixture(autouse=True)
def machines(monkeypatch):
    """Those of the farm, by their addresses."""
    found = dict.fromkeys(MACHINES, (SAID, REPLY))

    async def told(*_arguments: object) -> dict:
        return found

    monkeypatch.setattr(bridge_module, "stations", told)
    monkeypatch.setattr(bridge_module, "told_by_stations", told)
    return found


def run(client: DaskClient, scratch: Scratch):
    """What the foreground is told in the end of a task."""
    told = []

    async def story() -> None:
        bridge = Bridge(client, told.append, scratch.folder)
        bridge.obey(Order("submit", 1, TASK))
        async with asyncio.timeout(PATIENCE):
            while not told:
                await asyncio.sleep(0.01)

    asyncio.run(story())
    return told[-1]


def test_job_that_a_machine_can_not_do_goes_to_another_one(scratch):
    gathered = messages.encode(messages.Gathered(())).decode()
    ends = {MACHINES[0]: JobEnd(MACHINES[0], no_worker="no room"), MACHINES[1]: JobEnd(MACHINES[1], gathered)}
    client = DaskClient(ends)
    told = run(client, scratch)
    assert client.went == [*MACHINES]
    assert told.report == gathered


def test_job_that_no_machine_can_do_fails_with_what_each_of_them_says(scratch):
    client = DaskClient({address: JobEnd(address, no_worker=f"{address} is full") for address in MACHINES})
    told = run(client, scratch)
    assert client.went == [*MACHINES]
    assert told.no_worker == "tls://render1:1 is full\ntls://render2:1 is full"


def test_result_for_which_there_is_no_room_at_home_is_not_made_again(scratch, monkeypatch, tmp_path):
    async def copy(_rpc: object, _address: str, _digest: str, path: object) -> bool:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(plugin, "copy", copy)
    left = CarriedFile("000001.blend", "a" * 64, 1000)
    end = JobEnd(MACHINES[0], messages.encode(messages.Gathered(())).decode(), files=(left,))
    told = run(DaskClient({MACHINES[0]: end}), scratch)
    assert "its results can't be written to" in told.no_worker
    assert str(tmp_path / "scratch") in told.no_worker
    assert "No space left on device. Make room there." in told.no_worker
    assert [path for path in scratch.path.rglob("000001*") if path.is_file()] == []


def test_nothing_is_sent_to_a_machine_that_has_no_room_for_it(monkeypatch, tmp_path):
    monkeypatch.setattr(room, "free", lambda _folder: 1024**2)
    held = HeldFile(CarriedFile("000002.blend", "a" * 64, 5 * 1024**2))
    job = Job("0123", "somebody", "key", TASK, is_fresh=False, blender="", files=(held,), version=VERSION)

    async def copy(*_arguments: object) -> bool:
        raise AssertionError("it is not asked for")

    async def story() -> JobEnd | None:
        station = Station(StationSettings(folder=tmp_path / "kept"), 1, "tls://render1:1", "render1")
        try:
            return await station.carry_out(job, print, copy)
        finally:
            await station.close()

    end = asyncio.run(story())
    assert end.no_worker == (
        f"render1 has no room for what it reads (5.0 MB): 1.0 MB are free in {tmp_path / 'kept' / 'shelf'}. "
        "Make room there, or start the worker with another --folder."
    )


# A disk of 2 MB at home


@pytest.fixture
def files(tmp_path):
    """A file with 8 items that each make a text of 420 KB, and one node that takes what is made of all of them."""
    return make_files(tmp_path / "project", 8, 60_000)


def run_files(farm: Farm, file: Path, **environment: str) -> dict:
    """The report of a run, whose store leaves nothing of its disk free."""
    options = ["--json", "--allow-scripts", "--engine", f"dask://{farm.address}"]
    argv = [sys.executable, HERE / "run_to_the_brim.py", file, *options]
    environment = farm.environment | environment
    ended = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert ended.stdout, ended.stderr
    return json.loads(ended.stdout)


def make_room(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)


def num_cached(report: dict) -> dict[str, int]:
    return {name: task["items"]["cached"] for name, task in report["tasks"].items() if task["items"]}


def test_results_that_the_store_has_no_room_for_count_but_are_not_kept_and_it_is_told(farm, files, tiny_disk):
    store = tiny_disk / "store"
    full = run_files(farm, files, BACKGROUND_NODES_STORE=str(store))
    assert full["state"] == "succeeded"
    (note,) = full["notes"]
    assert note.startswith(f"Results are not kept for later runs: the disk of {store} has no room for 410 KB: ")
    assert note.endswith(" must stay free. Make room there, or name another store")
    assert list((store / "v1" / "new").iterdir()) == []
    make_room(tiny_disk)
    again = run_files(farm, files, BACKGROUND_NODES_STORE=str(store))
    assert (again["state"], again["notes"]) == ("succeeded", [])
    assert num_cached(again) == {"Read": 8, "Repeat": 4, "Measure": 8}
    assert again["tasks"]["Total"]["cached"]


def test_results_for_which_there_is_no_room_at_home_fail_and_the_next_run_makes_them_only(
    farm, files, tiny_disk, tmp_path
):
    home = {"TMPDIR": str(tiny_disk), "BACKGROUND_NODES_STORE": str(tmp_path / "store")}
    full = run_files(farm, files, **home)
    assert full["state"] == "failed"
    repeat = full["tasks"]["Repeat"]["items"]
    assert 0 < repeat["succeeded"] < 8
    for item in repeat["not_succeeded"]:
        message = item["error"]["message"]
        assert message.startswith(f"its results can't be written to {tiny_disk}")
        assert message.endswith("No space left on device. Make room there.")
    assert full["tasks"]["Total"]["state"] == "skipped"
    assert [path for path in tiny_disk.rglob("*") if path.is_file()] == []
    make_room(tiny_disk)
    again = run_files(farm, files, **home)
    assert again["state"] == "succeeded"
    assert num_cached(again)["Repeat"] == repeat["succeeded"]
    assert [path for path in tiny_disk.rglob("*") if path.is_file()] == []
