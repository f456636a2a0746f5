"""What every engine promises (`runtime/engine/interface.py`): the same tests for the fake one and for real ones.

A class of tests derives from `EngineSuite` and has a fixture `new_bench`: it makes a `Bench`, with an engine of one
worker, in a folder. All tests but one share it, so that a worker need not start for each.
"""

import platform
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from background_nodes.runtime.engine import messages
from background_nodes.runtime.engine.interface import Lost, NoWorker, Report, Request
from background_nodes.runtime.planning.graph import SceneSettings
from background_nodes.runtime.planning.plan import TaskOutput
from background_nodes.runtime.scratch import value_files
from background_nodes.runtime.scratch.scratch import Scratch
from background_nodes.runtime.scratch.typed_values import TypedValue
from background_nodes.runtime.script.signature import ScriptSource
from background_nodes.runtime.script.socket_types import SocketType

#: Seconds after which a wait for something that must come is a failed test.
PATIENCE = 200.0

#: What tasks do, by a word. GATE is a path: a task that waits goes on when there is a file.
SCRIPTS = {
    "gives": "def main():\n    return 7\n",
    "gives much": "def main():\n    return list(range(20_000))\n",
    "steps": "from background_nodes.script import progress\n\ndef main():\n    progress(0.5, 'half')\n    return 7\n",
    "steps often": "from background_nodes.script import progress\n\ndef main():\n"
    "    for number in range(1001): progress(number / 1000, number)\n    raise ValueError(number)\n",
    "raises": "def main():\n\n    raise ValueError('no faces')\n",
    "dies": "import os, signal\n\ndef main():\n    os.kill(os.getpid(), signal.SIGKILL)\n",
    "waits": "import os, time\n\ndef main():\n    while not os.path.exists(GATE): time.sleep(0.01)\n    return 7\n",
}


class Bench:
    """An engine, and what it reported. What tests submit is stopped by `clean_up`.

    Attributes:
        engine: a `ManagedEngine` with one worker.
        scratch: where it finds blobs and logs.
        heard: the reports of all requests, in the order of their arrival, each as "KEY: words".
        reasons: why workers were lost.
        gave: the last result.
    """

    def __init__(self, engine, scratch: Scratch, gate: Path) -> None:
        self.engine = engine
        self.scratch = scratch
        self.heard: list[str] = []
        self.reasons: list[str] = []
        self.gave: TypedValue | None = None
        self._gate = gate
        self._keys: set[str] = set()

    def request(self, key: str, does: str, *, is_fresh: bool = False) -> Request:
        script = ScriptSource(SCRIPTS[does].replace("GATE", repr(str(self._gate))), f"{does}.py")
        output = TaskOutput("result", "Result", SocketType("ANY"))
        blob, log = self.scratch.new_blob(), self.scratch.new_log()
        task = messages.Execute(does, script, (), (output,), SceneSettings(), blob, log)
        return Request(key, task, is_fresh)

    def submit(self, key: str, does: str, *, is_fresh: bool = False) -> Request:
        request = self.request(key, does, is_fresh=is_fresh)
        self._keys.add(key)
        self.engine.submit(request)
        return request

    def clean_up(self) -> None:
        """Stop what was asked for, and forget what was heard."""
        for key in self._keys:
            self.engine.stop(key)
        self._keys.clear()
        self.heard.clear()
        self._gate.unlink(missing_ok=True)

    def close(self) -> None:
        self.engine.close()
        self.scratch.close()

    def open_gate(self) -> None:
        self._gate.touch()

    def look(self) -> None:
        """Take what has arrived."""
        for key, report in self.engine.poll():
            self.heard.append(f"{key}: {self._words(report)}")

    def listen(self, until: Callable[[], object]) -> None:
        """Take what arrives until something is so."""
        deadline = time.monotonic() + PATIENCE
        while not until():
            assert time.monotonic() < deadline, f"nothing came after {self.heard}"
            self.look()
            time.sleep(0.002)

    def hear(self, *expected: str) -> None:
        """Wait until so many reports have come, and check that they are these."""
        self.listen(lambda: len(self.heard) >= len(expected) or self.heard != list(expected[: len(self.heard)]))
        assert self.heard == list(expected), self.reasons

    def hear_each(self, *expected: str) -> None:
        """The same, but reports on different requests may come in another order, if these start in this one.

        Results may still be on their way home while the worker has begun with the next task.
        """
        self.listen(lambda: len(self.heard) >= len(expected))
        assert sorted(self.heard, key=_key) == sorted(expected, key=_key)
        assert [words for words in self.heard if "started" in words] == [each for each in expected if "started" in each]

    def hears_nothing(self, seconds: float = 0.3) -> bool:
        """Whether nothing comes in a time in which something would."""
        num_heard, end = len(self.heard), time.monotonic() + seconds
        self.listen(lambda: time.monotonic() > end)
        return len(self.heard) == num_heard

    def _words(self, report: Report) -> str:
        match report:
            case messages.Started():
                return "started"
            case messages.Progressed(fraction, text):
                return f"{fraction} {text}"
            case messages.Succeeded():
                self.gave = report.values["result"]
                content = value_files.loaded(self.gave, self.scratch.folder).content
                return f"gave {content if isinstance(content, int) else len(content)}"
            case messages.Failed(error, _traceback, line):
                return f"failed in line {line}: {error}"
            case Lost(reason):
                self.reasons.append(reason)
                return "lost"
            case NoWorker(reason):
                return f"no worker: {reason}"
        return type(report).__name__


def _key(words: str) -> str:
    return words.partition(":")[0]


class EngineSuite:
    """The tests."""

    @pytest.fixture(scope="class")
    @classmethod
    def shared_bench(cls, new_bench, tmp_path_factory):
        bench = new_bench(tmp_path_factory.mktemp("bench"))
        yield bench
        bench.close()

    @pytest.fixture
    def bench(self, shared_bench):
        yield shared_bench
        shared_bench.clean_up()

    def test_task_starts_tells_its_progress_and_succeeds(self, bench):
        bench.submit("a", "steps")
        bench.hear("a: started", "a: 0.5 half", "a: gave 7")

    def test_of_progress_that_comes_too_often_the_last_is_told(self, bench):
        bench.submit("a", "steps often")
        bench.listen(lambda: bench.heard and bench.heard[-1].startswith("a: failed"))
        assert bench.heard[-2:] == ["a: 1.0 1000", "a: failed in line 5: ValueError: 1000"]

    def test_error_of_a_script_comes_with_its_line(self, bench):
        bench.submit("a", "raises")
        bench.hear("a: started", "a: failed in line 3: ValueError: no faces")

    def test_task_whose_worker_dies_is_lost_and_the_next_one_has_another(self, bench):
        bench.submit("a", "dies")
        bench.hear("a: started", "a: lost")
        bench.submit("b", "gives")
        bench.hear("a: started", "a: lost", "b: started", "b: gave 7")

    def test_one_worker_does_one_task_after_the_other_in_their_order(self, bench):
        for key, does in (("a", "steps"), ("b", "raises"), ("c", "gives")):
            bench.submit(key, does)
        bench.hear_each(
            *("a: started", "a: 0.5 half", "a: gave 7"),
            *("b: started", "b: failed in line 3: ValueError: no faces"),
            *("c: started", "c: gave 7"),
        )

    def test_task_that_is_stopped_while_it_runs_reports_no_more(self, bench):
        bench.submit("a", "waits")
        bench.hear("a: started")
        bench.engine.stop("a")
        bench.submit("b", "gives")
        bench.hear("a: started", "b: started", "b: gave 7")
        bench.open_gate()
        assert bench.hears_nothing()

    def test_task_that_is_stopped_in_the_queue_does_not_start(self, bench):
        bench.submit("a", "waits")
        bench.submit("b", "gives")
        bench.submit("c", "gives")
        bench.hear("a: started")
        bench.engine.stop("b")
        bench.open_gate()
        bench.hear_each("a: started", "a: gave 7", "c: started", "c: gave 7")
        assert bench.hears_nothing()

    def test_task_that_is_frozen_before_it_starts_waits_and_lets_others_go_first(self, bench):
        bench.engine.freeze("a")
        bench.submit("a", "gives")
        bench.submit("b", "gives")
        bench.hear("b: started", "b: gave 7")
        assert bench.hears_nothing()
        bench.engine.thaw("a")
        bench.hear("b: started", "b: gave 7", "a: started", "a: gave 7")

    def test_task_that_is_frozen_while_it_runs_goes_on_when_it_is_thawed(self, bench):
        bench.submit("a", "waits")
        bench.hear("a: started")
        bench.engine.freeze("a")
        assert bench.hears_nothing()
        bench.open_gate()
        bench.engine.thaw("a")
        bench.hear("a: started", "a: gave 7")

    def test_key_may_be_used_again_after_the_end(self, bench):
        bench.submit("a", "raises")
        bench.hear("a: started", "a: failed in line 3: ValueError: no faces")
        bench.heard.clear()
        bench.submit("a", "gives")
        bench.hear("a: started", "a: gave 7")

    def test_key_may_be_used_again_after_a_stop(self, bench):
        bench.submit("a", "waits")
        bench.hear("a: started")
        bench.engine.stop("a")
        bench.submit("a", "gives")
        bench.hear("a: started", "a: started", "a: gave 7")

    def test_large_value_is_in_a_file_of_the_scratch_folder(self, bench):
        bench.submit("a", "gives much")
        bench.hear("a: started", "a: gave 20000")

    def test_task_that_wants_a_fresh_worker_gets_one_though_all_are_used(self, bench):
        bench.submit("a", "gives")
        bench.hear("a: started", "a: gave 7")
        bench.submit("b", "gives", is_fresh=True)
        bench.hear("a: started", "a: gave 7", "b: started", "b: gave 7")

    def test_need_that_no_machine_has_is_told_before_and_one_that_all_have_is_none(self, bench):
        assert bench.engine.why_not(f"OS={platform.system()}") == ""
        bench.listen(lambda: bench.engine.why_not("memory=1000000"))
        assert "has not memory=1000000" in bench.engine.why_not("memory=1000000")
        assert bench.engine.why_not("memory=0.001") == ""

    def test_nothing_is_reported_after_the_end_of_the_engine(self, new_bench, tmp_path):
        bench = new_bench(tmp_path)
        bench.submit("a", "waits")
        bench.submit("b", "gives")
        bench.hear("a: started")
        bench.engine.close()
        bench.open_gate()
        bench.look()
        assert bench.heard == ["a: started"]
        assert bench.engine.num_workers == 0
        bench.close()

    def test_worker_is_told_with_what_it_does(self, bench):
        bench.submit("a", "waits")
        bench.hear("a: started")
        bench.listen(lambda: [info.task_name for info in bench.engine.infos()] == ["waits"])
        bench.open_gate()
        bench.hear("a: started", "a: gave 7")
        bench.listen(lambda: [info.task_name for info in bench.engine.infos()] == [""])
