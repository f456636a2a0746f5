"""Detached runs: they go on whatever becomes of who began them, and are found again with their results."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from background_nodes.farm.engine import ABSENCE_VARIABLE
from background_nodes.runtime.engine import published_runs

from .conftest import PATIENCE, RUN, Farm, wait_until


class Artist:
    """Somebody who runs the chain on a farm. Each node waits for a file of its name in `gates`.

    Attributes:
        file: of the chain.
        notes: a file with a line for each time that a node ran.
    """

    def __init__(self, farm: Farm, chain: Path, folder: Path) -> None:
        self.file = chain
        self.gates, self.notes = folder / "gates", folder / "notes.txt"
        self.gates.mkdir()
        self._farm = farm
        self._environment = farm.environment | {"BACKGROUND_NODES_STORE": str(folder / "store")}
        settings = [f"--set=First.given={folder}"]
        self._arguments = [str(chain), "--allow-scripts", "--json", *settings, "--engine", f"dask://{farm.address}"]
        self._started: list[subprocess.Popen] = []

    def detach(self) -> str:
        """Returns the name of the run."""
        ended = subprocess.run(
            [*RUN, *self._arguments, "--detach"],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stderr.partition("goes on as ")[2][:8]

    def run(self, *options: str) -> subprocess.Popen:
        run = subprocess.Popen(
            [*RUN, *self._arguments, *options],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(run)
        return run

    def result(self, run: subprocess.Popen) -> dict:
        told, errors = run.communicate(timeout=PATIENCE)
        assert told, errors
        return json.loads(told)["tasks"]

    def open_gate(self, *nodes: str) -> None:
        for node in nodes:
            (self.gates / node).touch()

    def ran(self) -> list[str]:
        return self.notes.read_text().split() if self.notes.exists() else []

    def place(self, name: str) -> published_runs.Place:
        return published_runs.Place(Path(self._environment["BACKGROUND_NODES_STORE"]) / "runs" / name)

    def runs(self, *options: str) -> str:
        ended = self._farm.command("runs", *options, BACKGROUND_NODES_STORE=self._environment["BACKGROUND_NODES_STORE"])
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def close(self) -> None:
        for run in self._started:
            run.kill()
            run.communicate()
        for path in (self.gates.parent / "store" / "runs").glob("*/lock"):
            place = published_runs.Place(path.parent)
            if place.is_alive():
                os.kill(int(path.read_text()), signal.SIGKILL)


@pytest.fixture
def artist(farm, chain, tmp_path):
    artist = Artist(farm, chain, tmp_path)
    yield artist
    artist.close()


def test_run_goes_on_when_who_began_it_has_ended_and_who_follows_it_is_killed(artist):
    """The next one follows it to its end: each node ran once, and the one after finds all of it cached."""
    name = artist.detach()
    wait_until(lambda: artist.ran() == ["First"])
    wait_until(lambda: artist.place(name).read().progress == 0.25)
    assert f"{name}: Chain of {artist.file}" in (told := artist.runs())
    assert told.endswith(": running, 25%\n")
    follower = artist.run()
    iter_until(follower.stderr, "First: running")
    follower.kill()
    artist.open_gate("First")
    wait_until(lambda: artist.ran() == ["First", "Second"])
    follower = artist.run()
    iter_until(follower.stderr, "Second: running")
    artist.open_gate("Second")
    tasks = artist.result(follower)
    assert {task["state"] for task in tasks.values()} == {"succeeded"}, tasks
    assert tasks["First"]["cached"]
    assert artist.ran() == ["First", "Second"]
    wait_until(lambda: not artist.place(name).is_alive())
    assert "succeeded" in artist.runs()
    assert all(task["cached"] for task in artist.result(artist.run()).values())


def test_detached_process_that_is_killed_leaves_the_rest_to_who_follows(artist):
    name = artist.detach()
    artist.open_gate("First")
    wait_until(lambda: artist.ran() == ["First", "Second"])
    follower = artist.run()
    iter_until(follower.stderr, "Second: running")
    os.kill(int((artist.place(name).path / "lock").read_text()), signal.SIGKILL)
    artist.open_gate("Second")
    tasks = artist.result(follower)
    assert {task["state"] for task in tasks.values()} == {"succeeded"}, tasks
    assert tasks["First"]["cached"]
    assert artist.ran() == ["First", "Second", "Second"]
    assert "ended from outside at 75%; what had finished is kept" in artist.runs()


def test_detached_run_whose_scheduler_dies_tells_what_failed_and_keeps_the_rest(environment, chain, tmp_path):
    farm = Farm(tmp_path, environment | {ABSENCE_VARIABLE: "0"})
    farm.scheduler()
    farm.worker("worker", "--slots", "1")
    artist = Artist(farm, chain, tmp_path)
    try:
        name = artist.detach()
        artist.open_gate("First")
        wait_until(lambda: artist.ran() == ["First", "Second"])
        farm.process("scheduler").kill()
        wait_until(lambda: not artist.place(name).is_alive(), artist.runs)
        assert f"failed: Second: the scheduler of the farm at {farm.address} can't be reached" in artist.runs()
        artist.open_gate("Second")
        at_home = artist.run("--engine", "pool")
        assert artist.result(at_home)["First"]["cached"]
    finally:
        artist.close()
        farm.close()


def test_what_does_not_begin_says_why_and_what_goes_on_is_ended_by_its_name(artist):
    at_home = artist.run("--engine", "pool", "--detach")
    assert at_home.wait(PATIENCE) == 2
    assert "only a run on a farm can be detached" in at_home.stderr.read(), "nobody would follow it"
    wrong = artist.run("--tree", "None", "--detach")
    assert wrong.wait(PATIENCE) == 1
    assert "the detached run did not begin" in (said := wrong.stderr.read())
    assert "there is no such background node tree" in said
    assert artist.runs() == "no run was detached in the last month\n"
    name = artist.detach()
    refused = artist.run("--detach")
    assert refused.wait(PATIENCE) == 1
    assert f"goes on already. Follow it, or end it: background-nodes farm runs --end {name}" in refused.stderr.read()
    artist.runs("--end", name)
    wait_until(lambda: not artist.place(name).is_alive())
    assert ": cancelled" in artist.runs()


def iter_until(stream, words: str) -> str:
    """The line of a stream with these words."""
    for line in stream:
        if words in line:
            return line
    raise AssertionError(f"{words!r} was never said")
