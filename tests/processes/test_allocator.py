"""Memory that a task frees is there for the next one, and goes back to the system if that does not need it."""

import ctypes
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from background_nodes.runtime.pool.memory import resident_memory

from .conftest import wait_until


def is_of_the_library() -> bool:
    """Whether the C library allocates memory here: some Blenders bring an allocator of their own."""
    if sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"):
        return False
    loaded = Path("/proc/self/maps").read_text(encoding="utf-8")
    return "tbbmalloc_proxy" not in loaded and "jemalloc" not in loaded


def keeps_long_blocks() -> bool:
    """Whether this glibc keeps blocks of more than 32 MB if it is told to: newer ones do."""
    version = os.confstr("CS_GNU_LIBC_VERSION") or ""
    return tuple(map(int, version.split()[-1].split("."))) >= (2, 36)


pytestmark = pytest.mark.skipif(not is_of_the_library(), reason="glibc alone can be told")
MB = 1024**2
#: Takes memory and frees it, and tells how many pages the system had to hand out, and what the process holds then.
TAKE = """
import resource
from background_nodes.runtime.pool.memory import resident_memory
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
taken = [bytearray(b"x") * {size} for _ in range({count})]
del taken
return {{"pages": resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, "held": resident_memory()}}
"""
HELD = "from background_nodes.runtime.pool.memory import resident_memory; return resident_memory()"
#: So many blocks, and the megabytes of each.
BLOCKS = [
    (5, 16),
    pytest.param(2, 48, marks=pytest.mark.skipif(not keeps_long_blocks(), reason="it gives them back at once")),
]


def take(count: int, megabytes: int) -> str:
    return TAKE.format(count=count, size=megabytes * MB)


@pytest.mark.parametrize(("count", "megabytes"), BLOCKS)
def test_memory_that_a_task_freed_is_there_for_the_next_one(make_engine, count, megabytes):
    engine = make_engine()
    pages = [engine.run(take(count, megabytes)).value["pages"] for _ in range(2)]
    assert pages[0] > 4 * pages[1]


@pytest.mark.parametrize(("count", "megabytes"), BLOCKS)
def test_idle_worker_gives_memory_back(make_engine, count, megabytes):
    engine = make_engine()
    held = engine.run(take(count, megabytes)).value["held"]
    (process,) = engine.pool.process_ids
    assert wait_until(lambda: resident_memory(process) < held - count * megabytes * MB // 2)


@pytest.mark.oldest_and_newest
def test_worker_that_is_never_idle_gives_memory_back_that_its_next_task_does_not_need(launcher, make_engine, tmp_path):
    from background_nodes.runtime.pool.launcher import BOOTSTRAP

    program = tmp_path / "busy.py"
    program.write_text(f"""
import sys
sys.path.insert(0, {str(BOOTSTRAP.parent)!r})
import bootstrap
bootstrap.alias_package()
from background_nodes.runtime.worker import worker
worker._BREAK = 1e6
bootstrap._main(*sys.argv[sys.argv.index("--") + 1 :])
""")
    engine = make_engine(command=tuple(str(program) if part == str(BOOTSTRAP) else part for part in launcher.command))
    held = engine.run(take(5, 120)).value["held"]
    assert engine.run(HELD).value < held - 300 * MB


@pytest.mark.oldest_and_newest
def test_little_is_kept_where_a_limit_is_set_to_what_a_worker_may_hold(make_engine):
    """What one task has freed must not make the next one hold too much."""
    from background_nodes.runtime.engine.workers import WorkerSettings

    engine = make_engine()
    limits = WorkerSettings().limits
    assert limits.max_kept > 300 * MB
    engine.pool.use_settings(WorkerSettings(limits=replace(limits, idle_seconds=60.0), memory_limit=4 * 1024 * MB))
    outcome = engine.run(take(5, 120))
    assert outcome.value["held"] < 600 * MB
