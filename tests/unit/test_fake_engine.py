"""The engine that tests use in place of a real one keeps the promises of real ones."""

import pytest

from background_nodes.runtime.engine import messages
from background_nodes.runtime.engine.interface import Lost, Report
from background_nodes.runtime.engine.workers import WorkerInfo
from background_nodes.runtime.scratch import value_files
from background_nodes.runtime.scratch.scratch import Scratch
from background_nodes.runtime.scratch.typed_values import TypedValue
from background_nodes.runtime.script.socket_types import SocketType

from ..engine_suite import Bench, EngineSuite
from .fake_engine import FakeEngine

pytestmark = pytest.mark.any_python


class WorkingBench(Bench):
    """Does what one worker would do: takes the first request that is not frozen, and reports as its script would."""

    def __init__(self, scratch, gate) -> None:
        super().__init__(FakeEngine(), scratch, gate)
        self._current = None

    def look(self) -> None:
        engine = self.engine
        requests = engine.open_requests()
        if self._current not in requests:
            self._current = next((each for each in requests if each.key not in engine.frozen), None)
            if self._current is not None:
                engine.report_on(self._current.key, messages.Started())
        current = self._current
        if current is not None and current.key not in engine.frozen:
            engine.report_on(current.key, *self._reports(current.task.node))
        name = current.task.node if current in engine.open_requests() else ""
        engine.workers = () if engine.is_closed else (WorkerInfo(1, "working" if name else "idle", name, 0),)
        super().look()

    def _reports(self, does: str) -> tuple[Report, ...]:
        match does:
            case "steps":
                return messages.Progressed(0.5, "half"), self._gave(7)
            case "steps often":
                failed = messages.Failed("ValueError: 1000", "Traceback ...", 5)
                return messages.Progressed(0.5, "500"), messages.Progressed(1.0, "1000"), failed
            case "raises":
                return (messages.Failed("ValueError: no faces", "Traceback ...", 3),)
            case "dies":
                return (Lost("killed by signal 9"),)
            case "gives much":
                return (self._gave(list(range(20_000))),)
            case "waits" if not self._gate.exists():
                return ()
        return (self._gave(7),)

    def _gave(self, content) -> messages.Succeeded:
        value = TypedValue(SocketType("ANY"), content)
        return messages.Succeeded({"result": value_files.stored_whole(value, self.scratch)})


@pytest.fixture(scope="module")
def new_bench():
    return lambda folder: WorkingBench(Scratch(folder / "scratch"), folder / "gate")


class TestFakeEngine(EngineSuite):
    """The suite, with the fixture above."""
