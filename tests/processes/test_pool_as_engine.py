"""The pool keeps the promises of engines."""

import pytest

from background_nodes.runtime.pool.pool import Pool
from background_nodes.runtime.scratch.scratch import Scratch

from ..engine_suite import Bench, EngineSuite

pytestmark = pytest.mark.any_blender


@pytest.fixture(scope="module")
def new_bench(launcher):
    def new_bench(folder) -> Bench:
        scratch = Scratch(folder / "scratch")
        return Bench(Pool(launcher, scratch, 1), scratch, folder / "gate")

    return new_bench


class TestPool(EngineSuite):
    """The suite, with the fixture above."""
