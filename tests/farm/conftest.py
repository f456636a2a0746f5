"""A farm on this machine: a scheduler and workers as processes of their own, with a token of their own."""

import itertools
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

#: Seconds after which a wait for something that must come is a failed test.
PATIENCE = 200.0


class Farm:
    """Runs `background-nodes farm` in a folder.

    Attributes:
        address: of the scheduler.
        folder: for the token and the output of each process.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.address = f"127.0.0.1:{free_port()}"
        self.environment = environment
        self._processes: dict[str, list[subprocess.Popen]] = {}

    def scheduler(self) -> subprocess.Popen:
        port = self.address.partition(":")[2]
        return self.started("scheduler", "the scheduler listens", "scheduler", "--port", port)

    def worker(self, name: str = "worker", *options: str) -> subprocess.Popen:
        return self.started(name, "has joined the farm", "worker", self.address, "--name", name, *options)

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Run an action to its end."""
        environment = self.environment | environment
        argv = [*COMMAND, *arguments]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=PATIENCE)

    def said(self, name: str) -> str:
        """What a process has printed."""
        return (self.folder / f"{name}.txt").read_text(encoding="utf-8")

    def wait_for(self, name: str, words: str, times: int = 1) -> None:
        wait_until(lambda: self.said(name).count(words) >= times, lambda: self.said(name))

    def process(self, name: str) -> subprocess.Popen:
        """The last process of a name."""
        return self._processes[name][-1]

    def close(self) -> None:
        for process in itertools.chain(*self._processes.values()):
            process.kill()
            process.wait()

    def started(self, name: str, words: str, *arguments: str) -> subprocess.Popen:
        """Start an action under a name of the test's own; it has said some words then."""
        with (self.folder / f"{name}.txt").open("wb") as output:
            argv = [*COMMAND, *arguments]
            process = subprocess.Popen(argv, env=self.environment, stdout=output, stderr=output)
        self._processes.setdefault(name, []).append(process)
        wait_until(lambda: words in self.said(name) or process.poll() is not None, lambda: self.said(name))
        assert process.poll() is None, self.said(name)
        return process


COMMAND = (sys.executable, "-m", "background_nodes.cli", "farm")
RUN = (*COMMAND[:-1], "run")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_until(condition, story=lambda: "") -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, story()
        time.sleep(0.02)


def children(process_id: int) -> list[int]:
    """The background Blenders of a worker."""
    found = subprocess.run(["ps", "-ww", "-o", "pid=,args=", "--ppid", str(process_id)], capture_output=True, text=True)
    return [int(re.match(r" *(\d+)", line)[1]) for line in found.stdout.splitlines() if "bootstrap.py" in line]


def make_files(folder: Path, count: int, length: int) -> Path:
    """A .blend file in a new folder, with the tree and the files of `make_files.py`."""
    folder.mkdir()
    program = Path(__file__).with_name("make_files.py")
    made = subprocess.run([sys.executable, program, folder, str(count), str(length)], capture_output=True, text=True)
    assert (folder / "scene.blend").exists(), made.stderr
    return folder / "scene.blend"


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """Variables of the environment for processes of a farm, which this process has, too."""
    from background_nodes.farm import credentials
    from background_nodes.farm.engine import ABSENCE_VARIABLE

    os.environ[credentials.VARIABLE] = str(tmp_path_factory.mktemp("token") / "farm.pem")
    credentials.make(credentials.usual_file())
    os.environ[ABSENCE_VARIABLE] = str(PATIENCE)
    os.environ["BACKGROUND_NODES_STORE"] = str(tmp_path_factory.mktemp("store"))
    return dict(os.environ)


@pytest.fixture(scope="module")
def farm(environment, tmp_path_factory):
    """A scheduler, and one worker with one slot, called "worker"."""
    farm = Farm(tmp_path_factory.mktemp("farm"), environment)
    farm.scheduler()
    farm.worker("worker", "--slots", "1")
    yield farm
    farm.close()


@pytest.fixture(scope="session")
def chain(tmp_path_factory):
    """A file with "First", and "Second", which takes what it gives."""
    file = tmp_path_factory.mktemp("chain") / "scene.blend"
    made = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("make_chain.py")), str(file)], capture_output=True, text=True
    )
    assert file.exists(), made.stderr
    return file
