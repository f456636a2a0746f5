"""A worker whose disk is full."""

import errno
import os
import resource
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

pytestmark = pytest.mark.skipif(os.name == "nt", reason="workers run on Linux")


@pytest.fixture
def bench(farm, tmp_path):
    scratch = Scratch(tmp_path / "scratch")
    bench = Bench(FarmEngine.at(farm.address, scratch), scratch, tmp_path / "gate")
    yield bench
    bench.close()


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
