"""A Dask cluster that was there before: plain `dask scheduler` and `dask worker`, begun with nothing of ours."""

import os
import subprocess
import sys

import pytest

from background_nodes.farm import credentials
from background_nodes.farm.address import Address
from background_nodes.farm.engine import FarmEngine
from background_nodes.runtime.errors import EngineError
from background_nodes.runtime.scratch.scratch import Scratch

from ..engine_suite import Bench
from .conftest import Farm, free_port, wait_until

HERE = "tcp://127.0.0.1"
SCHEDULER = ("-m", "distributed.cli.dask_scheduler", "--no-dashboard")
WORKER = ("-m", "distributed.cli.dask_worker", "--no-dashboard", "--nthreads", "1")


class Cluster(Farm):
    """Runs the commands of Dask."""

    def scheduler(self, *options: str) -> None:
        port = self.address.rpartition(":")[2]
        self._run("scheduler", "Scheduler at:", *SCHEDULER, "--port", port, *options)

    def worker(self, name="worker", *options: str, **environment: str) -> None:
        self.environment = self.environment | environment
        self._run(name, "Registered to:", *WORKER, self.address, "--name", name, *options)

    def _run(self, name: str, words: str, *arguments: str) -> None:
        with (self.folder / f"{name}.txt").open("wb") as output:
            argv = [sys.executable, *arguments]
            process = subprocess.Popen(argv, env=self.environment, stdout=output, stderr=output, cwd=self.folder)
        self._processes.setdefault(name, []).append(process)
        wait_until(lambda: words in self.said(name) or process.poll() is not None, lambda: self.said(name))
        assert process.poll() is None, self.said(name)


@pytest.fixture
def cluster(environment, tmp_path):
    cluster = Cluster(tmp_path, dict(environment))
    cluster.address = f"{HERE}:{free_port()}"
    yield cluster
    cluster.close()


def bench_at(address: str, folder) -> Bench:
    scratch = Scratch(folder / "scratch")
    return Bench(FarmEngine.at(address, scratch), scratch, folder / "gate")


def test_plain_dask_cluster_gets_stations_and_keeps_them_for_the_next(cluster, tmp_path):
    """The first request comes before there is a worker, and the second from another foreground."""
    cluster.scheduler("--host", "127.0.0.1")
    bench = bench_at(cluster.address, tmp_path)
    bench.submit("a", "steps")
    cluster.worker("render1", "--host", "127.0.0.1")
    bench.hear("a: started", "a: 0.5 half", "a: gave 7")
    bench.submit("b", "raises")
    bench.hear(*bench.heard[:3], "b: started", "b: failed in line 3: ValueError: no faces")
    bench.close()
    other = bench_at(cluster.address, tmp_path / "other")
    other.submit("a", "gives")
    other.hear("a: started", "a: gave 7")
    other.close()
    status = cluster.command("status", cluster.address)
    assert status.stdout.startswith("render1 at 127.0.0.1:")
    assert "1 slots, " in status.stdout


def test_worker_of_a_cluster_without_a_blender_says_so(cluster, tmp_path):
    """The configuration of Dask on the worker says which Blender it is to use."""
    cluster.scheduler("--host", "127.0.0.1")
    none = str(tmp_path / "none")
    cluster.worker("worker", "--host", "127.0.0.1", "--no-nanny", DASK_BACKGROUND_NODES__BLENDER=none)
    bench = bench_at(cluster.address, tmp_path)
    bench.submit("a", "gives")
    bench.listen(lambda: bench.heard)
    assert bench.heard[0].startswith(f"a: no worker: the workers of the Dask cluster at {cluster.address} can't run")
    assert f"{none} can't be used" in bench.heard[0]
    bench.close()


def test_plain_cluster_that_others_reach_is_refused(cluster, tmp_path):
    """It is spoken with at this machine's own address, but listens at others, too."""
    cluster.scheduler("--host", "0.0.0.0")
    bench = bench_at(cluster.address, tmp_path)
    bench.submit("a", "gives")
    bench.listen(lambda: bench.heard)
    assert "without encryption, where others reach it" in bench.heard[0]
    bench.close()


def test_plain_cluster_of_another_machine_is_refused(environment):
    assert os.environ[credentials.VARIABLE]
    assert Address.parsed("tcp://127.0.0.1:1").text == "tcp://127.0.0.1:1"
    with pytest.raises(EngineError, match="nothing goes to other machines without encryption"):
        Address.parsed("tcp://render1:8786")
