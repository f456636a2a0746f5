# SPDX-License-Identifier: GPL-3.0-or-later
"""Two that begin with a detached run of the same tree at the same time: one of them does."""

import subprocess
import sys
import threading

import pytest

from background_nodes.farm import detaching
from background_nodes.farm.detaching import Detached
from background_nodes.runtime.engine import published_runs
from background_nodes.runtime.engine.published_runs import PublishedRun
from background_nodes.runtime.errors import EngineError, StoreError
from background_nodes.runtime.scratch import file_locks

#: Is in the midst of beginning with a run, and says so.
BEGINS = """
import runpy, sys
_, locks, path = sys.argv
with open(path, "ab") as file:
    assert runpy.run_path(locks)["lock"](file)
    print("in", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def own_store(monkeypatch, tmp_path):
    monkeypatch.setenv("BACKGROUND_NODES_STORE", str(tmp_path / "store"))


def test_second_of_two_that_detach_at_the_same_moment_is_told_of_the_first(monkeypatch, tmp_path):
    """
    1. One looks which runs go on, and finds none.
    2. Another one wants to look, too.
    3. The first one tells of its run.
    4. The other one looks.
    """
    lock, wants = file_locks.lock, threading.Event()

    def tried(file):
        has_it = lock(file)
        if not has_it:
            wants.set()
        return has_it

    file = str(tmp_path / "scene.blend")
    told: list[Exception] = []

    def detach() -> None:
        try:
            Detached([sys.executable, "-c", ""], file, "Tree", "dask://here")
        except EngineError as error:
            told.append(error)

    other = threading.Thread(target=detach)
    with published_runs.beginning():
        assert detaching.of_file(file) == []
        monkeypatch.setattr(file_locks, "lock", tried)
        other.start()
        assert wants.wait(60.0)
        first = published_runs.new_place(PublishedRun(file, "Tree", "dask://here", published_runs.time.time()))
    other.join()
    (error,) = told
    assert 'a detached run of "Tree" goes on already' in str(error)
    assert f"background-nodes farm runs --end {first.name}" in str(error)
    assert [place.name for place in published_runs.places()] == [first.name]


def test_process_that_is_killed_as_it_begins_keeps_nobody_from_beginning(monkeypatch):
    monkeypatch.setattr(published_runs, "_BEGINNING_TIMEOUT", 0.0)
    with published_runs.beginning():
        pass
    argv = [sys.executable, "-c", BEGINS, file_locks.__file__, str(published_runs.folder() / "beginning")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"in\n"
        with pytest.raises(StoreError, match="another process keeps the lock"), published_runs.beginning():
            pass
        process.kill()
        process.wait()
        with published_runs.beginning():
            pass


def test_who_may_not_tell_of_a_run_leaves_what_is_told_of_its_process(monkeypatch):
    monkeypatch.setattr(published_runs, "_LOOK", 0.0)
    place = published_runs.new_place(PublishedRun("scene.blend", "Tree", "dask", 0.0))
    with place.hold():
        with pytest.raises(BlockingIOError):
            place.hold()
        assert place.is_own


def test_who_looks_at_all_runs_does_not_remove_one_that_is_just_being_made(monkeypatch):
    """
    1. One makes the folder of its run.
    2. Another one looks at all runs, and removes those of which nothing was told for a month.
    3. The first one tells of its run.
    """
    write = published_runs.Place.write

    def look_and_write(place, run):
        assert list(published_runs.places()) == []
        write(place, run)

    monkeypatch.setattr(published_runs.Place, "write", look_and_write)
    made = published_runs.new_place(PublishedRun("scene.blend", "Tree", "dask", 0.0))
    assert list(published_runs.places()) == [made]
    assert [path.name for path in published_runs.folder().iterdir()] == [made.name]
