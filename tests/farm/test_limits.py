"""A farm at its limits: a thousand tasks, a foreground that is killed, and a worker whose disk is full."""

import errno
import os
import resource
import subprocess
import sys
from dataclasses import replace

import pytest

from background_nodes.farm.engine import FarmEngine
from background_nodes.runtime.engine.messages import GivenArgument, Piece
from background_nodes.runtime.scratch import value_files
from background_nodes.runtime.scratch.scratch import Scratch
from background_nodes.runtime.scratch.typed_values import TypedValue
from background_nodes.runtime.script.socket_types import SocketType

from ..engine_suite import Bench
from .conftest import PATIENCE, RUN, children, wait_until
from .test_farm import has_ended

pytestmark = pytest.mark.skipif(os.name == "nt", reason="workers run on Linux")

NUM_TASKS = 1000


@pytest.fixture
def bench(farm, tmp_path):
    scratch = Scratch(tmp_path / "scratch")
    bench = Bench(FarmEngine.at(farm.address, scratch), scratch, tmp_path / "gate")
    yield bench
    bench.close()


def test_thousand_tasks_are_queued_and_of_those_that_are_cancelled_none_runs(bench, farm):
    """The first one runs and is cancelled with the most; the few others go on in their order, and nothing is left."""
    before = farm.said("worker").count('"gives" of ')
    bench.submit("0", "waits")
    for number in range(1, NUM_TASKS):
        bench.submit(str(number), "gives")
    bench.hear("0: started")
    (blender,) = children(farm.process("worker").pid)
    left = [str(number) for number in range(NUM_TASKS - 3, NUM_TASKS)]
    for number in reversed(range(NUM_TASKS - 3)):  # the one that runs at last: else the next would begin
        bench.engine.stop(str(number))
    wait_until(lambda: has_ended(blender))
    bench.heard.clear()
    bench.hear_each(*(f"{key}: {words}" for key in left for words in ("started", "gave 7")))
    assert farm.said("worker").count('"gives" of ') == before + len(left)


def test_run_that_is_killed_ends_what_was_done_for_it(farm, chain, tmp_path):
    """It is not detached: its bridge ends with it, and the farm ends its Blender."""
    options = ["--allow-scripts", f"--set=First.given={tmp_path}", "--engine", f"dask://{farm.address}"]
    arguments = [*RUN, str(chain), *options]
    with subprocess.Popen(arguments, env=farm.environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as run:
        wait_until((tmp_path / "notes.txt").exists)
        (blender,) = children(farm.process("worker").pid)
        run.kill()
        run.wait(PATIENCE)
    wait_until(lambda: has_ended(blender))


def test_disk_that_is_full_fails_what_needs_it_and_nothing_else(bench, farm, monkeypatch):
    """The worker may write no file as large as what a task reads, as if there were no room for it."""
    monkeypatch.setitem(sys.modules[Bench.__module__].SCRIPTS, "takes", "def main(value):\n    return len(value)\n")
    given = value_files.stored_whole(TypedValue(SocketType("ANY"), list(range(300_000))), bench.scratch)
    worker, room = farm.process("worker").pid, 1024**2
    had = resource.prlimit(worker, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    request = bench.request("a", "takes")
    task = replace(request.task, arguments=(GivenArgument("value", "Value", given.type, (Piece(given),)),))
    request = replace(request, task=task)
    bench.engine.submit(request)
    bench.listen(lambda: bench.reasons)
    assert "can't take its files" in bench.reasons[0]
    assert os.strerror(errno.EFBIG) in bench.reasons[0]
    bench.submit("b", "gives")
    bench.listen(lambda: "b: gave 7" in bench.heard)
    resource.prlimit(worker, resource.RLIMIT_FSIZE, had)
    bench.engine.submit(request)
    bench.listen(lambda: "a: gave 300000" in bench.heard)


def test_result_that_a_worker_can_not_write_is_told_and_no_part_of_it_stays(farm, bench, monkeypatch, tmp_path):
    """Its Blender may write no file as large. What its script has printed is no such file."""
    kept = tmp_path / "kept"
    farm.worker("render2", "--slots", "1", "--resources", "GPU=1", "--folder", str(kept))
    body = "def main():\n    print('begun')\n    return list(range(300_000))\n"
    monkeypatch.setitem(sys.modules[Bench.__module__].SCRIPTS, "gives more", body)
    bench.engine.submit(replace(bench.request("a", "gives"), needs="GPU=1"))
    bench.listen(lambda: "a: gave 7" in bench.heard)
    (blender,) = children(farm.process("render2").pid)
    had = resource.prlimit(blender, resource.RLIMIT_FSIZE, (1024**2, resource.RLIM_INFINITY))
    bench.engine.submit(replace(bench.request("b", "gives more"), needs="GPU=1"))
    bench.listen(lambda: [words for words in bench.heard if words.startswith("b: no worker")])
    told = bench.heard[-1]
    assert told.startswith('b: no worker: render2 has no room for its results: socket "Result": the values can\'t be')
    assert f"written to {kept}" in told
    assert "Make room there." in told
    assert [path for path in kept.rglob("*") if path.stat().st_size >= 1024**2 and path.is_file()] == []
    resource.prlimit(blender, resource.RLIMIT_FSIZE, had)
    bench.engine.submit(replace(bench.request("c", "gives more"), needs="GPU=1"))
    bench.listen(lambda: "c: gave 300000" in bench.heard)
