"""Memory that a task frees is there for the next one, and goes back to the system if none comes."""

import ctypes
import sys
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


pytestmark = pytest.mark.skipif(not is_of_the_library(), reason="glibc alone can be told")
SIZE = 80 * 1024**2
#: Takes memory and frees it, and tells how many pages the system had to hand out, and what the process holds then.
TAKE = f"""
import resource
from background_nodes.runtime.pool.memory import resident_memory
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
taken = [bytearray(b"x") * {SIZE // 5} for _ in range(5)]
del taken
return {{"pages": resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, "held": resident_memory()}}
"""


def test_memory_that_a_task_freed_is_there_for_the_next_one(make_engine):
    engine = make_engine()
    pages = [engine.run(TAKE).value["pages"] for _ in range(2)]
    assert pages[0] > 4 * pages[1]


def test_idle_worker_gives_memory_back(make_engine):
    engine = make_engine()
    held = engine.run(TAKE).value["held"]
    (process,) = engine.pool.process_ids
    assert wait_until(lambda: resident_memory(process) < held - SIZE // 2)
