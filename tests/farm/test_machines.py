"""Two machines as network namespaces: each has an address of its own, and a link of 1 Gbit/s (and 1 ms, if the
kernel has that) to the others.

Only root may make them, and not in CI: there the machine is shared.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys

import pytest

from background_nodes.farm import credentials

from .conftest import COMMAND, PATIENCE, Farm, wait_until
from .test_farm import MAKE_SCENE

#: Of the network for measurements (RFC 2544), which nobody should use otherwise.
NETWORK = "198.18.77"
HOME = f"{NETWORK}.1"
#: All but where the scheduler is: `office` is who runs node trees, the others work.
MACHINES = {"render1": f"{NETWORK}.2", "render2": f"{NETWORK}.3", "office": f"{NETWORK}.4"}
WORKERS = ("render1", "render2")


def reason_not_to() -> str:
    if os.environ.get("CI"):
        return "never in CI"
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("tc"):
        return "needs root, ip and tc"
    if "198.18." in subprocess.run(["ip", "route"], capture_output=True, text=True).stdout:
        return "somebody uses its network"
    probe = f"bn-probe-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode != 0:
        return "this system lets nobody make network namespaces"
    subprocess.run(["ip", "netns", "delete", probe], check=True)
    return ""


class Network:
    """A switch, and a namespace for each machine. All names end in a number of this process."""

    def __init__(self) -> None:
        self._number = os.getpid() % 10_000
        self._switch = f"bn{self._number}"

    def begin(self) -> None:
        ip("link", "add", self._switch, "type", "bridge")
        ip("address", "add", f"{HOME}/24", "dev", self._switch)
        ip("link", "set", self._switch, "up")
        for name, address in MACHINES.items():
            outer, inner, space = self.link(name), f"{self.link(name)}i", self.space(name)
            ip("netns", "add", space)
            ip("link", "add", outer, "type", "veth", "peer", "name", inner)
            ip("link", "set", inner, "netns", space)
            ip("link", "set", outer, "master", self._switch, "up")
            for words in (f"address add {address}/24 dev {inner}", f"link set {inner} up", "link set lo up"):
                ip("-n", space, *words.split())
            slow_down((), outer)
            slow_down(("ip", "netns", "exec", space), inner)

    def space(self, name: str) -> str:
        return f"bn{self._number}-{name}"

    def link(self, name: str) -> str:
        return f"bn{self._number}v{list(MACHINES).index(name)}"

    def cut(self, name: str) -> None:
        ip("link", "set", self.link(name), "down")

    def mend(self, name: str) -> None:
        ip("link", "set", self.link(name), "up")

    def close(self) -> None:
        for name in MACHINES:
            subprocess.run(["ip", "netns", "delete", self.space(name)])
            subprocess.run(
                ["ip", "link", "delete", self.link(name)], capture_output=True
            )  # mostly gone with the other end
        subprocess.run(["ip", "link", "delete", self._switch])


def slow_down(where: tuple[str, ...], device: str) -> None:
    """Make a link as slow as the system can: some kernels have no delay, and some no rate either."""
    for limit in ("netem delay 0.5ms rate 1gbit", "tbf rate 1gbit burst 1mb latency 50ms"):
        argv = [*where, "tc", "qdisc", "add", "dev", device, "root", *limit.split()]
        if subprocess.run(argv, capture_output=True).returncode == 0:
            break
    else:
        limit = "nothing"
    print(f"{device} is slowed down by {limit}")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


class FarmOfMachines(Farm):
    """A scheduler at home, and a worker with one slot on each machine."""

    def __init__(self, folder, environment, network: Network) -> None:
        super().__init__(folder, environment)
        self.address = f"{HOME}:{self.address.partition(':')[2]}"
        self._network = network

    def scheduler(self) -> None:
        port = self.address.partition(":")[2]
        self._started("scheduler", "the scheduler listens", "scheduler", "--host", HOME, "--port", port)

    def machine(self, name: str) -> None:
        enter = ("ip", "netns", "exec", self._network.space(name))
        argv = [*enter, *COMMAND, "worker", self.address, "--name", name, "--slots", "1", "--host", MACHINES[name]]
        with (self.folder / f"{name}.txt").open("wb") as output:
            process = subprocess.Popen(argv, env=self.environment, stdout=output, stderr=output)
        self._processes.setdefault(name, []).append(process)
        wait_until(lambda: "has joined the farm" in self.said(name), lambda: self.said(name))


@pytest.fixture(scope="module")
def network():
    if reason := reason_not_to():
        pytest.skip(reason)
    network = Network()
    try:
        network.begin()
        yield network
    finally:
        network.close()


@pytest.fixture
def machines(network, environment, tmp_path):
    farm = FarmOfMachines(tmp_path, environment, network)
    farm.scheduler()
    for name in MACHINES:
        farm.machine(name)
    yield farm
    farm.close()


def run(farm: Farm, file, **environment) -> subprocess.Popen:
    argv = [sys.executable, "-m", "background_nodes.cli", "run", str(file), "--json", "--allow-scripts"]
    return subprocess.Popen(
        [*argv, "--engine", f"dask://{farm.address}"],
        env=farm.environment | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_graph_runs_on_two_machines_and_a_result_goes_from_one_to_the_other(machines, tmp_path):
    """Left and Right wait for each other; the one that is not where Thicken was gets its result over the link."""
    file, meeting = tmp_path / "scene.blend", tmp_path / "meeting"
    meeting.mkdir()
    subprocess.run([sys.executable, str(MAKE_SCENE), str(file), str(meeting)], capture_output=True)
    ended = run(machines, file)
    told, errors = ended.communicate(timeout=PATIENCE)
    assert ended.returncode == 0, errors
    assert {task["state"] for task in json.loads(told)["tasks"].values()} == {"succeeded"}
    lines = list(itertools.chain(*(machines.said(name).splitlines() for name in MACHINES)))
    came = [line.rpartition(" ")[2] for line in lines if " came from " in line and ".blend" in line]
    assert {place.rpartition(":")[0].removeprefix("tls://") for place in came} & {*MACHINES.values()}, came


def test_nothing_gets_in_over_the_network_without_the_token(machines, tmp_path):
    ended = machines.command("status", machines.address, **{credentials.VARIABLE: str(tmp_path / "none")})
    assert ended.returncode == 2
    assert "nothing goes there without one" in ended.stderr
    assert [line.partition(" at ")[0] for line in machines.command("status", machines.address).stdout.splitlines()] == [
        *MACHINES
    ]
