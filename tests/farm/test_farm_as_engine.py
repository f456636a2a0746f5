"""The farm keeps the promises of engines."""

import pytest

from background_nodes.farm.engine import FarmEngine
from background_nodes.runtime.scratch.scratch import Scratch

from ..engine_suite import Bench, EngineSuite


@pytest.fixture(scope="module")
def new_bench(farm):
    def new_bench(folder) -> Bench:
        scratch = Scratch(folder / "scratch")
        return Bench(FarmEngine.at(farm.address, scratch), scratch, folder / "gate")

    return new_bench


class TestFarm(EngineSuite):
    """The suite, with the fixture above."""
