"""The doors by which somebody without the token could come in, knocked at for real. More of them are in test_farm."""

import asyncio
import hashlib
import http.client
import os
import socket
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from background_nodes.farm import credentials, detaching
from background_nodes.farm.bridge import __name__ as bridge
from background_nodes.farm.engine import FarmEngine
from background_nodes.farm.records import VERSION
from background_nodes.farm.shared_folder import SharedFolder
from background_nodes.farm.station import Station, StationSettings
from background_nodes.runtime.engine import published_runs
from background_nodes.runtime.engine.published_runs import PublishedRun
from background_nodes.runtime.errors import StoreError
from background_nodes.runtime.pool.transport import Channel
from background_nodes.runtime.scratch.scratch import Scratch

from .conftest import PATIENCE, Farm, free_port
from .test_cluster import Cluster
from .test_farm import answers, context

HERE = "127.0.0.1"
#: This machine, too, under an address at which nothing listens that listens at `HERE` alone.
ELSEWHERE = "127.0.0.2"


def listening(process_id: int) -> set[tuple[str, int]]:
    """Where a process and its children listen."""
    first = psutil.Process(process_id)
    return {
        connection.laddr[:2]
        for process in (first, *first.children(recursive=True))
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }


# Dask's pages


@pytest.fixture
def pages(environment, tmp_path):
    """The port of a farm's pages, where the configuration of Dask asks for those that are not ours, too."""
    scheduler = "distributed.http.scheduler"
    routes = repr([f"{scheduler}.{name}" for name in ("info", "api")] + ["distributed.http.proxy"])
    farm = Farm(tmp_path, environment | {"DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES": routes})
    port = free_port()
    own = farm.address.rpartition(":")[2]
    farm.started("scheduler", "the scheduler listens", "scheduler", "--port", own, "--dashboard", str(port))
    assert listening(farm.process("scheduler").pid) == {(HERE, int(own)), (HERE, port)}
    yield port
    farm.close()


def asked(port: int, path: str, host: str = HERE, method: str = "GET") -> tuple[int, str]:
    """What the pages answer who asks for a path, and calls their machine by a name."""
    with closing(http.client.HTTPConnection(HERE, port, timeout=PATIENCE)) as connection:
        connection.request(method, path, "{}" if method == "POST" else None, {"Host": f"{host}:{port}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")


def test_pages_are_seen_on_their_machine_alone_by_its_own_name_and_change_nothing(pages):
    assert asked(pages, "/info/main/workers.html")[0] == 200
    assert asked(pages, "/json/counts.json", "localhost")[0] == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((ELSEWHERE, pages), PATIENCE)
    for name in ("website.example", "127.0.0.1.website.example", "localhost.website.example", ELSEWHERE):
        status, text = asked(pages, "/info/main/workers.html", name)
        assert status == 403
        assert "Scheduler" not in text
    for path in ("/api/v1/retire_workers", "/api/v1/adaptive_target", "/info/main/workers.html"):
        assert asked(pages, path, method="POST")[0] in (404, 405)
    assert asked(pages, "/api/v1/get_workers")[0] == 404
    assert asked(pages, f"/proxy/{pages}/{HERE}/info/main/workers.html")[0] == 404


def test_pages_show_nothing_of_the_token(pages, environment):
    token = Path(environment[credentials.VARIABLE])
    secrets = [line for line in token.read_text().splitlines() if "-" not in line]
    for path in ("/info/main/workers.html", "/info/main/logs.html", "/json/identity.json", "/sitemap.json"):
        status, text = asked(pages, path)
        assert status == 200
        assert not any(secret in text for secret in secrets)


# A cluster that was there already, with TLS


def test_nobody_gets_in_by_any_door_of_a_cluster_with_a_nanny_without_its_token(environment, tmp_path):
    token, other = environment[credentials.VARIABLE], tmp_path / "other.pem"
    credentials.make(other)
    options = ["--protocol", "tls", "--tls-ca-file", token, "--tls-cert", token, "--tls-key", token, "--host", HERE]
    options += ["--dashboard-address", f"{HERE}:0"]  # else there is a page for everybody, as docs/farm.md says
    cluster = Cluster(tmp_path, dict(environment))
    cluster.address = f"tls://{HERE}:{free_port()}"
    try:
        cluster.scheduler(*options)
        cluster.worker("worker", *options, "--nanny")
        doors = {place for name in ("scheduler", "worker") for place in listening(cluster.process(name).pid)}
        assert {host for host, _port in doors} == {HERE}
        ports = {port for _host, port in doors if not is_page(port)}
        assert len(ports) == 3, "scheduler, nanny and worker"
        for port in ports:
            assert not answers(port, None)
            assert not answers(port, context())
            assert not answers(port, context(other))
            assert answers(port, context(Path(token)))
    finally:
        cluster.close()


def is_page(port: int) -> bool:
    """Whether a port speaks HTTP."""
    try:
        return asked(port, "/health")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


# The pipe to the bridge


def test_bridge_listens_nowhere_and_nobody_else_opens_its_pipe(farm, tmp_path):
    with closing(Scratch(tmp_path / "scratch")) as scratch:
        engine = FarmEngine.at(farm.address, scratch)
        try:
            engine.why_not("memory=1")
            process = psutil.Process(engine._process.pid)
            assert listening(process.pid) == set()
            assert not [each.laddr for each in process.net_connections("unix") if each.laddr]
            handle = process.cmdline()[process.cmdline().index(bridge) + 2]
            with pytest.raises(OSError, match="No such device"):
                os.open(f"/proc/{process.pid}/fd/{handle}", os.O_RDWR)
            assert not os.get_inheritable(engine._channel.fileno())
        finally:
            engine.close()


@pytest.mark.parametrize(
    "written",
    [b"BgN1\0\0\0\x08not json", b"GET / HTTP/1.1\r\n\r\n", b"BgN1\xff\xff\xff\xff"],
    ids=["no order", "no message", "too long"],
)
def test_bridge_ends_when_its_pipe_brings_what_is_no_order(farm, tmp_path, written):
    with closing(Scratch(tmp_path / "scratch")) as scratch:
        ours, theirs = Channel.pair()
        handle = str(theirs.fileno())
        arguments = [str(os.getpid()), handle, str(scratch.path), farm.address, VERSION, "", "0"]
        process = subprocess.Popen([sys.executable, "-P", "-m", bridge, *arguments], pass_fds=[int(handle)])
        try:
            theirs.close()
            ours.connection.setblocking(True)
            ours.connection.sendall(written)
            assert process.wait(PATIENCE) == 1
        finally:
            ours.close()
            process.kill()
            process.wait()


# What is told of detached runs


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """The folder of runs in a store that a group shares."""
    monkeypatch.setenv("BACKGROUND_NODES_STORE", str(tmp_path / "store"))
    (tmp_path / "store" / "runs").mkdir(parents=True)
    (tmp_path / "store" / "runs").chmod(0o777)
    return tmp_path / "store" / "runs"


RUN = PublishedRun("/scene.blend", "Tree", "dask", 1e12, "running")


def test_run_is_told_to_its_user_alone_whatever_new_files_are_usually_allowed(runs):
    before = os.umask(0)
    try:
        place = published_runs.new_place(RUN)
        with place.hold():
            place.write(RUN)
    finally:
        os.umask(before)
    assert stat.S_IMODE(place.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((place.path / "run.json").stat().st_mode) == 0o600
    assert [found.name for found, _run in detaching.of_file("/scene.blend")] == [place.name]


@pytest.mark.parametrize("forged", ["others may write there", "of another user", "a link to elsewhere"])
def test_run_that_somebody_else_may_have_told_of_is_none(runs, forged):
    place = published_runs.new_place(RUN)
    if forged == "others may write there":
        place.path.chmod(0o770)
    elif forged == "of another user":
        if os.geteuid() != 0:
            pytest.skip("needs root")
        os.chown(place.path, 12345, 12345)
    else:
        place.path.rename(runs / "elsewhere")
        place.path.symlink_to(runs / "elsewhere")
    assert list(published_runs.places()) == []
    assert detaching.of_file("/scene.blend") == []
    assert place.path.exists(), "nor is it removed"


@pytest.mark.parametrize(
    "text",
    ["", "null", '{"file": "/scene.blend"}', "!!python/object/apply:os.system [touch pwned]", "__import__('os')"],
)
def test_run_that_was_changed_by_hand_into_what_is_none_is_left_out(runs, text):
    place = published_runs.new_place(RUN)
    (place.path / "run.json").write_text(text)
    assert place.read() is None
    assert detaching.of_file("/scene.blend") == []


def test_place_where_others_may_write_whatever_is_done_is_refused(runs, monkeypatch):
    """Such as a drive that knows no modes."""
    made = Path.mkdir
    monkeypatch.setattr(Path, "mkdir", lambda path, *_mode, **options: (made(path, **options), path.chmod(0o777)))
    with pytest.raises(StoreError, match="others may write there"):
        published_runs.new_place(RUN)
    assert list(runs.iterdir()) == []


# The shared folder


def test_shared_folder_lets_in_its_user_alone_and_what_was_changed_there_is_not_used(tmp_path):
    shared = SharedFolder(tmp_path)
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("files", "probes")} == {0o700}
    digest = hashlib.sha256(b"what was sent").hexdigest()
    (tmp_path / "sent").write_bytes(b"what was sent")
    shared.put(tmp_path / "sent", digest)
    (tmp_path / "files" / digest).write_bytes(b"what was forged")

    async def story() -> None:
        station = Station(StationSettings(folder=tmp_path / "kept", shared=tmp_path), 1, "tls://render1:1")
        try:
            assert not await station.receive_shared(digest)
            assert digest not in station.shelf
        finally:
            await station.close()

    asyncio.run(story())
