"""Machines as network namespaces: each has an address of its own, and a link of 1 Gbit/s (and 1 ms, if the kernel has
that) to the others.

Only root may make them, and not in CI: there the machine is shared. What a line that is cut costs needs minutes, as it
takes so long until anybody gives up a connection. On a machine that is busy, a test may take longer than pytest waits:
`-o faulthandler_timeout=3600`.
"""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from background_nodes.farm import credentials
from background_nodes.farm.engine import ABSENCE_VARIABLE

from .conftest import COMMAND, PATIENCE, RUN, Farm, children, wait_until
from .test_farm import MAKE_SCENE

MAKE_ITEMS = Path(__file__).with_name("make_items.py")

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
        self.started("scheduler", "the scheduler listens", "scheduler", "--host", HOME, "--port", port)

    def enter(self, name: str) -> tuple[str, ...]:
        """What is before a command that runs on a machine."""
        return ("ip", "netns", "exec", self._network.space(name))

    def blenders(self, name: str) -> list[int]:
        return children(self.process(name).pid)

    def reaches_scheduler(self, name: str) -> bool:
        """Whether a machine does: it may take a while until a line is used again that was mended."""
        argv = [*self.enter(name), *COMMAND, "status", self.address]
        return subprocess.run(argv, env=self.environment, capture_output=True).returncode == 0

    def wait_until_idle(self, name: str) -> None:
        """Wait until a worker says that it does nothing."""

        def is_idle() -> bool:
            lines = self.command("status", self.address).stdout.splitlines()
            return any(line.startswith(f"{name} at ") and "working" not in line for line in lines)

        wait_until(is_idle)

    def machine(self, name: str) -> None:
        argv = [
            *self.enter(name),
            *COMMAND,
            "worker",
            self.address,
            "--name",
            name,
            "--slots",
            "1",
            "--host",
            MACHINES[name],
        ]
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
    # A store for each test: one that finds what another one has made would print nothing.
    farm = FarmOfMachines(tmp_path, environment | {"BACKGROUND_NODES_STORE": str(tmp_path / "store")}, network)
    farm.scheduler()
    for name in WORKERS:
        farm.machine(name)
    yield farm
    farm.close()


def run(farm: Farm, file, *options: str, enter: tuple[str, ...] = ()) -> subprocess.Popen:
    argv = [*enter, *RUN, str(file), "--json", "--allow-scripts", *options]
    return subprocess.Popen(
        [*argv, "--engine", f"dask://{farm.address}"],
        env=farm.environment,
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
    lines = list(itertools.chain(*(machines.said(name).splitlines() for name in WORKERS)))
    came = [line.rpartition(" ")[2] for line in lines if " came from " in line and ".blend" in line]
    assert {place.rpartition(":")[0].removeprefix("tls://") for place in came} & {*MACHINES.values()}, came


def test_nothing_gets_in_over_the_network_without_the_token(machines, tmp_path):
    ended = machines.command("status", machines.address, **{credentials.VARIABLE: str(tmp_path / "none")})
    assert ended.returncode == 2
    assert "nothing goes there without one" in ended.stderr
    assert [line.partition(" at ")[0] for line in machines.command("status", machines.address).stdout.splitlines()] == [
        *WORKERS
    ]


# Lines that are cut


class Items:
    """A run of a list that is mapped, from the office. Each item sleeps, and notes that it has begun, and is done."""

    def __init__(self, machines: FarmOfMachines, folder: Path, num_items: int, seconds: float) -> None:
        self.num_items = num_items
        self._machines, self._folder, self._file = machines, folder, folder / "items.blend"
        argv = [sys.executable, str(MAKE_ITEMS), str(self._file), str(folder), str(num_items), str(seconds)]
        made = subprocess.run(argv, capture_output=True, text=True)
        assert self._file.exists(), made.stderr

    def start(self, *options: str) -> None:
        self._process = run(self._machines, self._file, *options, enter=self._machines.enter("office"))

    def noted(self, name: str) -> list[str]:
        notes = self._folder / f"{name}.txt"
        return notes.read_text().split() if notes.exists() else []

    def wait_for_more(self, count: int) -> None:
        """Wait until so many more items have begun, and the run has not ended."""
        wanted = len(self.noted("begun")) + count
        wait_until(lambda: len(self.noted("begun")) >= wanted or self._process.poll() is not None)
        assert self._process.poll() is None, self._process.communicate()

    def detach(self) -> str:
        """Start it detached. Returns its name."""
        self.start("--detach")
        _told, errors = self._process.communicate(timeout=PATIENCE)
        assert " goes on as " in errors, errors
        return errors.partition(" goes on as ")[2][:8]

    def end(self) -> tuple[str, dict]:
        """Wait for its end. Returns what it said, and the tasks."""
        told, errors = self._process.communicate(timeout=2 * PATIENCE)
        assert told, errors
        return errors, json.loads(told)["tasks"]

    def told_of_runs(self) -> str:
        ended = self._machines.command("runs")
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def next_run_does_the_rest(self) -> None:
        """What came home before the line was cut is not done again."""
        count = len(self.noted("begun"))
        (self._folder / "hurry.txt").touch()
        wait_until(lambda: self._machines.reaches_scheduler("office"))
        self.start()
        self.ends_well()
        assert len(self.noted("begun")) < count + self.num_items

    def ends_well(self) -> None:
        """Each result was taken, and once."""
        errors, tasks = self.end()
        assert {task["state"] for task in tasks.values()} == {"succeeded"}, errors
        assert tasks["Total"]["log"].split() == ["squares", *(str(number**2) for number in range(self.num_items))]


@pytest.mark.parametrize("options", [(), ("--no-cache",)])
@pytest.mark.parametrize("name", ["render1", "office"])
def test_line_that_is_cut_for_half_a_minute_costs_no_item(machines, network, tmp_path, name, options):
    items = Items(machines, tmp_path, 16, 6.0)
    items.start(*options)
    items.wait_for_more(3)
    network.cut(name)
    time.sleep(30.0)
    network.mend(name)
    items.ends_well()
    assert sorted(items.noted("begun"), key=int) == [str(number) for number in range(16)], "each once"


def test_item_of_a_machine_that_is_cut_off_for_good_runs_on_the_other_one(machines, network, tmp_path):
    items = Items(machines, tmp_path, 16, 6.0)
    items.start()
    items.wait_for_more(3)
    network.cut("render1")
    try:
        items.ends_well()
        wait_until(lambda: not machines.blenders("render1"))
        assert machines.command("status", machines.address).stdout.startswith("render2 at ")
    finally:
        network.mend("render1")
    machines.wait_for("render1", "has joined the farm", times=2)


def test_office_that_is_cut_off_for_good_says_so_and_nothing_is_left_running(machines, network, tmp_path):
    machines.environment = machines.environment | {ABSENCE_VARIABLE: "10"}
    items = Items(machines, tmp_path, 32, 6.0)
    items.start()
    wait_until(lambda: len(items.noted("done")) >= 3)
    network.cut("office")
    try:
        errors, tasks = items.end()
        assert tasks["Square"]["state"] == "failed"
        assert tasks["Total"]["state"] == "skipped"
        assert f"the scheduler of the farm at {machines.address} can't be reached" in errors
        for name in WORKERS:
            machines.wait_until_idle(name)
    finally:
        network.mend("office")
    items.next_run_does_the_rest()


def test_detached_run_of_an_office_that_is_cut_off_for_good_ends_and_says_so(machines, network, tmp_path):
    """It goes on when who began it is gone, but not without a line: its process is on the same machine."""
    machines.environment = machines.environment | {ABSENCE_VARIABLE: "10"}
    items = Items(machines, tmp_path, 32, 6.0)
    name = items.detach()
    wait_until(lambda: len(items.noted("done")) >= 3)
    network.cut("office")
    try:
        wait_until(lambda: ": running" not in items.told_of_runs())
        told = items.told_of_runs()
        assert told.startswith(f"{name}: Items of {tmp_path / 'items.blend'}")
        assert ": failed" in told
        assert f"the scheduler of the farm at {machines.address} can't be reached" in told
        for worker in WORKERS:
            machines.wait_until_idle(worker)
    finally:
        network.mend("office")
    items.next_run_does_the_rest()


def test_office_that_is_back_after_its_connections_were_given_up_goes_on(machines, network, tmp_path):
    items = Items(machines, tmp_path, 30, 6.0)
    items.start()
    items.wait_for_more(3)
    network.cut("office")
    time.sleep(90.0)
    network.mend("office")
    items.ends_well()


def test_machine_that_is_suspended_for_a_minute_goes_on_with_its_item(machines, tmp_path):
    items = Items(machines, tmp_path, 16, 6.0)
    items.start()
    items.wait_for_more(3)
    machines.process("render1").send_signal(signal.SIGSTOP)
    time.sleep(60.0)
    machines.process("render1").send_signal(signal.SIGCONT)
    items.ends_well()
    assert sorted(items.noted("begun"), key=int) == [str(number) for number in range(16)], "each once"


def test_two_machines_share_the_items_of_a_list(machines, tmp_path):
    """How long one takes, and two, is printed. Items sleep, so it is the same on a busy machine."""
    for folder in ("warm", "two", "one"):
        (tmp_path / folder).mkdir()
    warm, two, one = (
        Items(machines, tmp_path / folder, count, 2.0) for folder, count in (("warm", 4), ("two", 20), ("one", 20))
    )
    seconds = {}
    for name, items in (("warm", warm), ("two", two), ("one", one)):
        if name == "one":
            machines.process("render2").send_signal(signal.SIGTERM)
            machines.process("render2").wait(PATIENCE)
        items.start("--no-cache")
        errors, tasks = items.end()
        assert {task["state"] for task in tasks.values()} == {"succeeded"}, errors
        seconds[name] = tasks["Square"]["seconds"]
    print(f"{seconds}: {seconds['one'] / seconds['two']:.2f} times as fast, load {os.getloadavg()}")
    shares = [machines.said(name).count('"Square" of ') for name in WORKERS]
    assert min(shares[1], shares[0] - 20) >= 9, "of the 24 items that both did"
