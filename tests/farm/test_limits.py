"""A farm at its limits: a thousand tasks, and a foreground that is killed."""

import os
import subprocess
import sys

import pytest

from background_nodes.farm.engine import FarmEngine
from background_nodes.runtime.scratch.scratch import Scratch

from ..engine_suite import Bench
from .conftest import PATIENCE, children, wait_until
from .test_detaching import MAKE_SCENE, RUN
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


def test_run_that_is_killed_ends_what_was_done_for_it(farm, tmp_path):
    """It is not detached: its bridge ends with it, and the farm ends its Blender."""
    file = tmp_path / "scene.blend"
    subprocess.run([sys.executable, str(MAKE_SCENE), str(file)], capture_output=True)
    arguments = [
        *RUN,
        str(file),
        "--allow-scripts",
        f"--set=First.given={tmp_path}",
        "--engine",
        f"dask://{farm.address}",
    ]
    with subprocess.Popen(arguments, env=farm.environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as run:
        wait_until((tmp_path / "notes.txt").exists)
        (blender,) = children(farm.process("worker").pid)
        run.kill()
        run.wait(PATIENCE)
    wait_until(lambda: has_ended(blender))
