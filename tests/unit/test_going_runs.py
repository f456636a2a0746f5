"""Which runs of this machine go on: for as long as their processes live, and no longer."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from background_nodes.runtime.engine import going_runs, own_files
from background_nodes.runtime.engine.going_runs import GoingRun, Mark
from background_nodes.runtime.engine.own_files import Owner, TaskContext, claim, using
from background_nodes.runtime.scratch import file_locks

ROOT = Path(__file__).resolve().parents[2]
#: Says that a run goes on, or that a task of it does that has claimed a path, until it is killed.
PROGRAM = """
import sys
from tests.conftest import import_this_folder
import_this_folder()
from background_nodes.runtime.engine.going_runs import GoingRun, Mark
from background_nodes.runtime.engine.own_files import Owner, claim_file, other_owner
from pathlib import Path
kind, run, claims, path = sys.argv[1:]
mark = Mark(GoingRun(run, "Theirs", "/shots/a.blend", claims))
mark.hold(is_task=kind == "task")
other_owner(claim_file(path, Path(claims)), Owner("id", 0, "Export"))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):  # for other processes, too
        monkeypatch.setenv(name, str(tmp_path / "caches"))
    return going_runs.folder()


@pytest.fixture
def process(tmp_path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts another process that has claimed `tmp_path / "out"`, and holds the mark of its run or of its task."""
    with contextlib.ExitStack() as stack:

        def start(kind: str, run: str = "theirs") -> subprocess.Popen[str]:
            arguments = [kind, run, str(claims_of(tmp_path, run)), str(tmp_path / "out")]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            command = [sys.executable, "-c", PROGRAM, *arguments]
            started = stack.enter_context(subprocess.Popen(command, cwd=ROOT, text=True, **pipes))
            stack.callback(started.kill)
            assert started.stdout.readline() == "held\n"
            return started

        yield start


def claims_of(folder: Path, run: str) -> Path:
    return folder / f"{run}.blend"


def other(path: Path, own: GoingRun | None = None) -> str:
    """The id of another run that writes a path, "" if there is none."""
    note = going_runs.other_run(own_files.stem_of(path), own or GoingRun())
    return "" if note is None else note.said.run


@contextlib.contextmanager
def task(folder: Path, run: str, started: float = 0.0) -> Iterator[None]:
    """Within the block, this process carries out a task of a run."""
    said = GoingRun(run, run.title(), "", str(claims_of(folder, run)), started)
    owner = Owner(f"task of {run}", 0, "Save")
    with using(TaskContext(owner, claims_of(folder, run), going=said)):
        yield


def held(folder: Path, run: str) -> Mark:
    mark = Mark(GoingRun(run, run.title(), "", str(claims_of(folder, run))))
    mark.hold()
    return mark


@pytest.mark.parametrize("killed", ["run", "task"])
def test_claim_ends_with_the_processes_of_its_run_however_they_end(process, tmp_path, killed, folder):
    """1. A run and its worker are killed, one after the other; 2. another run claims the file of the task."""
    processes = {kind: process(kind) for kind in ("run", "task")}
    first = processes.pop(killed)
    first.kill()
    first.wait()
    assert other(tmp_path / "out") == "theirs"
    (last,) = processes.values()
    last.kill()
    last.wait()
    with task(tmp_path, "ours"):
        assert claim(tmp_path / "out") == tmp_path / "out"
    assert [path.name for path in folder.iterdir()] == ["turn"]


def test_file_of_a_run_that_goes_on_is_an_error_that_says_who_writes_it(process, tmp_path):
    process("run")
    expected = r'out is written by item 1 of "Export" of "Theirs" of a.blend, which runs at the same time; wait until'
    with task(tmp_path, "ours"), pytest.raises(ValueError, match=expected):
        claim(tmp_path / "out")
    with task(tmp_path, "ours"):
        assert claim(tmp_path / "other") == tmp_path / "other"


def test_worker_whose_run_is_over_is_waited_for(process, tmp_path, monkeypatch):
    """1. A run is cancelled, 2. its worker has not ended yet, 3. another run claims the file, 4. the worker ends."""
    worker = process("task")
    looks = []

    def look(*arguments):
        looks.append(1)
        if len(looks) == 3:
            worker.kill()
            worker.wait()
        return found(*arguments)

    found = going_runs.other_run
    monkeypatch.setattr(going_runs, "other_run", look)
    with task(tmp_path, "ours"):
        claim(tmp_path / "out")
    assert len(looks) == 3


def test_claim_that_was_refused_is_nobody_s(process, tmp_path):
    theirs = process("run")
    with task(tmp_path, "ours"):
        with pytest.raises(ValueError, match="is written by"):
            claim(tmp_path / "out")
        assert other(tmp_path / "out", GoingRun("theirs")) == ""
        theirs.kill()
        theirs.wait()
        claim(tmp_path / "out")
        assert other(tmp_path / "out", GoingRun("theirs")) == "ours"


def test_run_that_began_before_another_one_ended_does_not_write_its_files(tmp_path, folder):
    early, theirs = held(tmp_path, "early"), held(tmp_path, "theirs")
    with task(tmp_path, "theirs", theirs.said.started):
        claim(tmp_path / "out")
    theirs.release()
    expected = r'was written by item 1 of "Save" of "Theirs", which ran at the same time; run this once more'
    with task(tmp_path, "early", early.said.started), pytest.raises(ValueError, match=expected):
        claim(tmp_path / "out")
    late = held(tmp_path, "late")
    with task(tmp_path, "late", late.said.started):
        claim(tmp_path / "out")
    early.release()
    late.release()
    held(tmp_path, "last").release()
    assert list(folder.iterdir()) == [folder / "turn"]


def test_retry_of_a_run_has_its_files_again(tmp_path):
    mark = held(tmp_path, "ours")
    with task(tmp_path, "ours"):
        claim(tmp_path / "out")
    mark.release()
    assert other(tmp_path / "out") == ""
    mark.hold()
    assert other(tmp_path / "out") == "ours"
    with task(tmp_path, "ours", mark.said.started):
        claim(tmp_path / "out")
    mark.release()


@pytest.mark.parametrize("is_made", [True, False])
def test_where_nothing_can_be_locked_or_written_runs_go_on_without_it(tmp_path, monkeypatch, folder, is_made):
    def no_locks(_file):
        raise OSError("no locks here")

    if is_made:
        monkeypatch.setattr(file_locks, "lock", no_locks)
    else:
        folder.parent.mkdir(parents=True)
        folder.write_text("")
    mark = held(tmp_path, "theirs")
    with task(tmp_path, "ours"):
        claim(tmp_path / "out")
    mark.release()
    assert not is_made or {path.name for path in folder.iterdir()} <= {"turn"}


def test_what_a_process_left_that_was_killed_while_it_wrote_is_removed_later(tmp_path, folder):
    folder.mkdir(parents=True)
    for name, age in (("new.going", 0.0), ("old.going", 7200.0)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age,) * 2)
    held(tmp_path, "ours").release()
    assert [path.name for path in folder.iterdir()] == ["new.going"]
