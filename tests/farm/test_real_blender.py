"""A worker with a Blender of its own instead of Python's module: `--blender PATH`, and what is done in it."""

import os
import sys

import pytest

from background_nodes.farm.blender_version import version_of
from background_nodes.farm.engine import FarmEngine
from background_nodes.runtime.engine.workers import WorkerSettings
from background_nodes.runtime.scratch.scratch import Scratch

from ..engine_suite import Bench
from .conftest import Farm, children, wait_until
from .test_farm import has_ended

#: Set by noxfile.py.
BLENDER = os.environ.get("BACKGROUND_NODES_FARM_BLENDER", "")

pytestmark = pytest.mark.skipif(not BLENDER, reason="where there is a Blender: BACKGROUND_NODES_FARM_BLENDER=PATH")


@pytest.fixture(scope="module")
def real_farm(environment, tmp_path_factory):
    farm = Farm(tmp_path_factory.mktemp("farm"), environment)
    farm.scheduler()
    farm.worker("worker", "--slots", "1", "--blender", BLENDER)
    yield farm
    farm.close()


def test_task_runs_in_the_blender_of_the_worker_and_a_cancelled_one_ends_it(real_farm, tmp_path, monkeypatch):
    """The graph is sent by a foreground with the same version; what it sees is the program, not the module."""
    body = "import bpy\n\ndef main():\n    return [bpy.app.version_string.split()[0], bool(bpy.app.binary_path)]\n"
    scratch = Scratch(tmp_path / "scratch")
    bench = Bench(FarmEngine.at(real_farm.address, scratch), scratch, tmp_path / "gate")
    monkeypatch.setitem(sys.modules[Bench.__module__].SCRIPTS, "says", body)
    bench.engine.use_settings(WorkerSettings(blender=version_of(BLENDER)))
    bench.submit("a", "says")
    bench.hear("a: started", "a: gave 2")
    assert bench.gave.content == [version_of(BLENDER), True]
    bench.submit("b", "waits")
    bench.hear("a: started", "a: gave 2", "b: started")
    (blender,) = children(real_farm.process("worker").pid)
    bench.engine.stop("b")
    wait_until(lambda: has_ended(blender))
    bench.close()
