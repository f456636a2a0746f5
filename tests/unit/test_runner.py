# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner with an engine that the test drives by hand (`fake_engine`). Plans are written as in `plan_text`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any

import pytest

from background_nodes.runtime.engine import messages, runner
from background_nodes.runtime.engine.active_run import ActiveRun
from background_nodes.runtime.engine.interface import Lost, NoWorker, Report
from background_nodes.runtime.engine.run_files import read_context
from background_nodes.runtime.engine.runner import Runner
from background_nodes.runtime.errors import InvalidTransitionError, RunError, StoreError
from background_nodes.runtime.planning.destinations import FilesInUse
from background_nodes.runtime.planning.plan import Argument, Plan, PlannedTask
from background_nodes.runtime.planning.sources import Constant
from background_nodes.runtime.scheduling.states import RunState
from background_nodes.runtime.scratch import value_files
from background_nodes.runtime.scratch.scratch import Scratch
from background_nodes.runtime.scratch.typed_values import TypedValue
from background_nodes.runtime.scratch.value_files import loaded
from background_nodes.runtime.script.signature import Parameter, ScriptSource
from background_nodes.runtime.script.socket_types import SocketType, StoredRef

from ..store_files import files_in
from . import fake_engine
from .fake_engine import FakeEngine, answer, placed
from .plan_text import FLOAT, FLOATS, SCRIPT, of_meshes, parse_plan

Listener = Callable[[ActiveRun, "str | None"], None]


class Clock:
    """Takes the place of `time`: the test sets the time, and each reading may advance it by `step`."""

    def __init__(self) -> None:
        self.now = 100.0
        self.step = 0.0

    def monotonic(self) -> float:
        self.now += self.step
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Stage:
    """A runner with its engine and scratch folder, and what its runs' listeners heard."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.engine = FakeEngine()
        self.scratch = Scratch(folder)
        self.runner = Runner(self.engine, self.scratch)
        self.clock = clock
        self.runs: list[ActiveRun] = []
        self.heard: list[str] = []

    def start(
        self, plan: str | Plan, workers: int = 2, listener: Listener | None = None, timeout: float | None = None
    ) -> ActiveRun:
        """Start a run. A listener is called with the run and the task, and hears of nothing before it has started."""
        parsed = parse_plan(plan) if isinstance(plan, str) else plan
        run = self.runner.start(parsed, {}, workers, timeout, listener=lambda task: self._hear(run, task, listener))
        self.runs.append(run)
        return run

    def _hear(self, run: ActiveRun, task: str | None, listener: Listener | None) -> None:
        self.heard.append(f"{task} {run.scheduler.tasks[task].state}" if task else f"run {run.state}")
        if listener is not None:
            listener(run, task)

    def succeed(self, *names: str) -> None:
        """Let requests succeed, and the runner take their reports."""
        for name in names:
            self.engine.succeed(name)
        self.runner.update()

    def fail(self, *names: str) -> None:
        for name in names:
            self.engine.fail(name)
        self.runner.update()

    def lose(self, *names: str) -> None:
        for name in names:
            self.engine.lose(name)
        self.runner.update()

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds
        self.runner.update()

    def work_off(self) -> None:
        """Let all requests succeed until the run is over."""
        for _ in range(1000):
            if not self.runner.is_active:
                return
            self.engine.succeed_all()
            self.runner.update()
        raise AssertionError(f"it goes on for ever: {self.engine.waiting()}")

    def write(self, *names: str) -> None:
        """The workers of requests write the files that they were told to write."""
        for name in names:
            self.scratch.file(self.engine.task(name).blob).write_bytes(b"x")

    def files(self) -> list[str]:
        """The blobs and logs; not what a run keeps beside them for its tasks (`run_files`)."""
        return [name for name in files_in(self.scratch) if not name.endswith((".in_use.json", ".items.json"))]


def states(run: ActiveRun) -> dict[str, str]:
    return {name: record.state.value for name, record in run.scheduler.tasks.items()}


def message(run: ActiveRun, task: str) -> str:
    error = run.scheduler.tasks[task].error
    return error.message if error else ""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(runner, "time", made)
    monkeypatch.setattr(fake_engine, "time", made)
    return made


@pytest.fixture
def stage(tmp_path: Path, clock: Clock) -> Iterator[Stage]:
    """A stage. At the end of the test each run must still hold its invariants."""
    made = Stage(tmp_path, clock)
    yield made
    clock.step = 0.0
    for run in made.runs:
        run.scheduler.validate()
    made.runner.close()
    assert not made.runner.is_active


# From instructions to the engine and back


def test_a_chain_is_given_to_the_engine_in_order(stage: Stage) -> None:
    run = stage.start("a; b: a")
    assert stage.engine.waiting() == ["a"]
    stage.succeed("a")
    assert stage.engine.waiting() == ["b"]
    stage.succeed("b")
    assert run.state is RunState.SUCCEEDED
    assert not stage.runner.is_active
    assert [stage.engine.task(name).node for name in ("a", "b")] == ["A", "B"]


def test_a_task_is_given_what_those_before_it_gave(stage: Stage) -> None:
    stage.start("a; parts[]; b: a *parts")
    stage.engine.succeed("a", result=0.25)
    stage.engine.succeed("parts", result=(1.0, 2.0))
    stage.runner.update()
    given = [
        [piece.value.content for arg in stage.engine.task(name).arguments for piece in arg.pieces]
        for name in ("b", "b 1")
    ]
    assert given == [[0.25, 1.0], [0.25, 2.0]]


def test_each_attempt_writes_files_of_its_own_and_the_last_ones_go(stage: Stage) -> None:
    run = stage.start("a")
    first = stage.engine.task("a")
    stage.write("a")
    stage.lose("a")
    second = stage.engine.task("a")
    assert {first.blob, first.log}.isdisjoint({second.blob, second.log})
    stage.write("a")
    assert stage.files() == [second.blob]
    assert run.log_file("a", 0) == stage.scratch.file(second.log)


def test_a_task_that_wants_a_fresh_process_asks_for_one(stage: Stage) -> None:
    (task,) = parse_plan("a").tasks
    settings = dataclasses.replace(task.settings, fresh_process=True)
    stage.start(Plan("Test", (dataclasses.replace(task, settings=settings),)))
    assert stage.engine.request("a").is_fresh


def test_no_worker_fails_the_task_and_says_why(stage: Stage) -> None:
    run = stage.start("a")
    stage.engine.report("a", NoWorker("background Blender does not start"))
    stage.runner.update()
    assert (run.state, message(run, "a")) == (RunState.FAILED, "background Blender does not start")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "the worker gave nothing instead of a float"),
        ({"result": TypedValue(SocketType("STRING"), "")}, "the worker gave a string instead of a float"),
        ({"result": TypedValue(SocketType("FLOAT", is_list=True), ())}, "a list of float instead of a float"),
    ],
)
def test_a_result_of_another_type_fails_its_task(stage: Stage, values: dict[str, TypedValue], told: str) -> None:
    run = stage.start("a; b: a")
    stage.engine.report("a", messages.Started(), messages.Succeeded(values))
    stage.runner.update()
    assert states(run) == {"a": "failed", "b": "skipped"}
    assert message(run, "a").startswith('output "Result": ')
    assert told in message(run, "a")


def test_runs_go_on_side_by_side(stage: Stage) -> None:
    first, second = stage.start("a; b: a"), stage.start("a; b: a")
    stage.engine.fail("a", run=first.number)
    stage.engine.succeed("a", run=second.number)
    stage.runner.update()
    assert (first.state, second.state) == (RunState.FAILED, RunState.RUNNING)
    assert stage.engine.waiting(first.number) == []
    stage.succeed("b")
    assert second.state is RunState.SUCCEEDED


def test_pause_freezes_and_resume_thaws(stage: Stage) -> None:
    run = stage.start("a; b")
    stage.runner.pause(run)
    stage.runner.resume(run)
    assert stage.engine.calls[2:] == ["freeze a", "freeze b", "thaw a", "thaw b"]


def test_the_time_of_a_task_counts_from_its_start(stage: Stage) -> None:
    run = stage.start("a: timeout=5")
    stage.pass_time(100.0)
    stage.engine.start("a")
    stage.runner.update()
    stage.pass_time(4.9)
    assert run.state is RunState.RUNNING
    stage.pass_time(0.2)
    assert (states(run), stage.engine.calls[-1]) == ({"a": "timed_out"}, "stop a")


def test_waiting_lasts_until_the_next_time_is_over_and_no_longer(stage: Stage) -> None:
    run = stage.start("a", timeout=7.0)
    stage.runner.update(timeout=None)
    assert (run.state, stage.clock.now) == (RunState.FAILED, 107.0)


# Large constants


def taking(task: str, value: object, *, is_mapped: bool = False) -> PlannedTask:
    """A task that is given a constant."""
    argument = Argument(Parameter("values", "Values", FLOATS), (Constant(value, FLOATS),), is_mapped)
    return PlannedTask(task, task.title(), SCRIPT, (argument,))


def taken(stage: Stage, task: str) -> TypedValue:
    """What a task is given for its only argument."""
    return stage.engine.task(task).arguments[0].pieces[0].value


def test_a_large_constant_is_written_once_and_is_in_no_request(stage: Stage) -> None:
    many = tuple(number / 7 for number in range(5_000))
    run = stage.start(Plan("Test", (taking("a", many), taking("b", many), taking("c", (1.0, 2.0)))), workers=3)
    stage.lose("a")
    assert taken(stage, "a") == taken(stage, "b")
    assert len(taken(stage, "a").files()) == len(stage.files()) == 1
    assert loaded(taken(stage, "a"), stage.scratch.folder).content == many
    assert taken(stage, "c").content == (1.0, 2.0)
    stage.runner.forget(run)
    assert stage.files() == []


def test_a_large_constant_that_was_changed_is_sent_in_a_retry(stage: Stage) -> None:
    values = [tuple(number + start for number in range(5_000)) for start in (0.5, 1.5)]
    run = stage.start(Plan("Test", (taking("a", values[0]),)))
    for value in (values[1], (1.0,)):
        stage.fail("a")
        stage.runner.retry(run, [taking("a", value)])
        assert loaded(taken(stage, "a"), stage.scratch.folder).content == value


def test_a_large_list_that_a_task_is_mapped_over_goes_item_by_item(stage: Stage) -> None:
    stage.start(Plan("Test", (taking("a", tuple(number / 7 for number in range(5_000)), is_mapped=True),)))
    assert taken(stage, "a 1").content == 1 / 7


def test_a_constant_that_is_too_large_is_an_error_before_the_run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_files, "TOO_LARGE", 200_000)
    plan = Plan("Test", (taking("a", (0.5,) * 10_000), taking("b", (0.5,) * 100_000)))
    with pytest.raises(StoreError, match=r'"B", "Values": values of .* MB are too much'):
        stage.start(plan)
    assert (stage.runner.is_active, stage.files()) == (False, [])


# The artist's files


def spared(stage: Stage, task: str) -> list[str]:
    """The names of the open file that a task must not write over."""
    return [in_use.open_file for in_use in read_context(stage.engine.task(task), stage.scratch.folder).in_use()]


def test_tasks_spare_the_open_file_under_its_new_name(stage: Stage) -> None:
    stage.start("a; b: a")
    stage.runner.protect(FilesInUse("/new.blend"))
    assert spared(stage, "a") == ["", "/new.blend"]
    stage.succeed("a")
    assert spared(stage, "b") == ["", "/new.blend"]


def test_tasks_that_are_tried_again_spare_what_was_saved_since_the_run(stage: Stage) -> None:
    run = stage.start("a")
    stage.fail("a")
    stage.runner.protect(FilesInUse("/new.blend"))
    stage.runner.retry(run)
    assert spared(stage, "a") == ["", "/new.blend"]


# Who hears of a run


def test_a_change_is_heard_of_after_its_instructions_were_carried_out(stage: Stage) -> None:
    asked: list[list[str]] = []
    stage.start("a; b: a", listener=lambda run, task: asked.append(list(stage.engine.calls)))
    stage.succeed("a")
    assert asked == [["submit a"], ["submit a", "submit b"]]  # a started; a succeeded


def test_the_end_of_a_run_is_heard_once_and_last(stage: Stage) -> None:
    stage.start("a")
    stage.succeed("a")
    assert stage.heard == ["a running", "a succeeded", "run succeeded"]


def test_a_run_cancelled_by_who_hears_of_its_first_failure_ends(stage: Stage) -> None:
    """1. `a` fails, 2. the listener hears of it, 3. and cancels the run, while `b` is under way."""

    def cancel_at_first_failure(run: ActiveRun, task: str | None) -> None:
        if task == "a" and run.scheduler.tasks["a"].state == "failed":
            stage.runner.cancel(run)

    run = stage.start("a; b", workers=1, listener=cancel_at_first_failure)
    stage.fail("a")
    assert run.state is RunState.CANCELLED
    assert states(run) == {"a": "failed", "b": "cancelled"}
    assert stage.engine.calls == ["submit a", "submit b", "stop b"]
    assert not stage.runner.is_active


def test_a_run_cancelled_by_who_hears_of_a_success_ends(stage: Stage) -> None:
    run = stage.start("a; b: a", listener=lambda run, task: stage.runner.cancel(run))
    stage.succeed("a")
    assert states(run) == {"a": "succeeded", "b": "cancelled"}, "what has come counts"
    assert stage.engine.waiting() == []


def test_a_run_retried_by_who_hears_of_its_end_goes_on(stage: Stage) -> None:
    retried: list[int] = []

    def retry_once(run: ActiveRun, task: str | None) -> None:
        if run.state.is_final and not retried:
            retried.append(run.number)
            stage.runner.retry(run)

    run = stage.start("a; b: a", listener=retry_once)
    stage.fail("a")
    assert (run.state, stage.engine.waiting()) == (RunState.RUNNING, ["a"])
    stage.succeed("a")
    stage.succeed("b")
    assert run.state is RunState.SUCCEEDED


def test_a_run_started_by_who_hears_of_another_goes_on(stage: Stage) -> None:
    def start_next(run: ActiveRun, task: str | None) -> None:
        if run.state.is_final and task is None and len(stage.runs) < 3:
            stage.start("a", listener=start_next)

    stage.start("a", listener=start_next)
    for _ in range(3):
        stage.succeed("a")
    assert [run.state for run in stage.runs] == [RunState.SUCCEEDED] * 3
    assert [run.number for run in stage.runs] == [1, 2, 3]


def test_a_runner_closed_by_who_hears_of_a_run_ends_all_and_tells_once(stage: Stage) -> None:
    other = stage.start("x")
    run = stage.start("a; b: a", listener=lambda run, task: stage.runner.close())
    stage.engine.succeed("a")
    stage.engine.succeed("x")
    stage.runner.update()
    assert (run.state, other.state) == (RunState.CANCELLED, RunState.CANCELLED)
    assert stage.engine.is_closed
    assert stage.heard.count("run cancelled") == 2


def test_a_closed_runner_starts_and_retries_nothing(stage: Stage) -> None:
    run = stage.start("a")
    stage.runner.close()
    with pytest.raises(RunError, match="about to end"):
        stage.start("b")
    with pytest.raises(RunError, match="about to end"):
        stage.runner.retry(run)
    assert not stage.runner.is_active


def test_who_hears_of_a_run_cannot_wait_for_one(stage: Stage) -> None:
    """Nothing is carried out before the listener returns, so it would wait for ever."""
    refused: list[str] = []

    def wait(run: ActiveRun, task: str | None) -> None:
        try:
            stage.runner.update(None)
        except RunError as error:
            refused.append(str(error))

    run = stage.start("a", listener=wait)
    stage.succeed("a")
    assert run.state is RunState.SUCCEEDED
    assert len(refused) == 3
    assert "can't wait" in refused[0]


# Faults of ours


def broken(run: ActiveRun, told: str) -> bool:
    """Whether a run ended with a fault, which its error tells with the traceback."""
    error = run.error
    assert error is not None
    assert re.search(told, error.message), error.message
    assert "please report it" in error.message
    assert error.traceback.startswith("Traceback ")
    return run.state is RunState.FAILED


def test_a_listener_that_raises_ends_its_run_and_no_other(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    def raise_it(run: ActiveRun, task: str | None) -> None:
        raise ZeroDivisionError("drawing")

    run, other = stage.start("a; b", listener=raise_it), stage.start("x")
    stage.engine.start("a")
    stage.runner.update()
    assert broken(run, "ZeroDivisionError: drawing")
    assert states(run) == {"a": "failed", "b": "failed"}
    assert stage.engine.waiting() == ["x"]
    stage.succeed("x")
    assert other.state is RunState.SUCCEEDED
    assert not stage.runner.is_active


def test_a_listener_that_raises_at_the_end_of_its_run_changes_nothing(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    def raise_at_end(run: ActiveRun, task: str | None) -> None:
        if task is None:
            raise ZeroDivisionError("drawing")

    run = stage.start("a", listener=raise_at_end)
    stage.succeed("a")
    assert (run.state, run.error) == (RunState.SUCCEEDED, None)
    assert "ZeroDivisionError: drawing" in capsys.readouterr().err


@pytest.mark.parametrize("call", ["submit", "stop", "freeze", "thaw"])
def test_an_engine_that_raises_ends_the_run_and_no_other(
    stage: Stage, call: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other, run = stage.start("x"), stage.start("a; b: a; c")
    stage.engine.start("a")
    if call == "thaw":
        stage.runner.pause(run)
    stage.engine.faults[call] = OSError("no such device")
    if call == "submit":
        stage.succeed("a")
    stage.runner.update()
    if call == "stop":
        stage.runner.cancel(run, "a")
    if call == "freeze":
        stage.runner.pause(run)
    if call == "thaw":
        stage.runner.resume(run)
    assert broken(run, "OSError: no such device")
    assert all(record.state.is_final for record in run.scheduler.tasks.values())
    stage.engine.faults.clear()
    stage.succeed("x")
    assert other.state is RunState.SUCCEEDED
    assert not stage.runner.is_active


def test_an_engine_that_raises_at_the_end_of_a_run_is_told_of_and_the_rest_is_stopped(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop_once(key: Hashable) -> None:
        stage.engine.stop = stop  # type: ignore[method-assign]
        raise OSError("no such device")

    run = stage.start("a; b")
    stop, stage.engine.stop = stage.engine.stop, stop_once  # type: ignore[method-assign]
    stage.runner.cancel(run)
    assert run.state is RunState.CANCELLED
    assert "OSError: no such device" in capsys.readouterr().err
    assert stage.engine.calls[-1] == "stop b"
    assert not stage.runner.is_active


def test_an_engine_that_cannot_be_asked_ends_all_runs_and_the_timer_goes_on(stage: Stage) -> None:
    """No report would arrive for them any more."""
    runs = [stage.start("a; b: a"), stage.start("a")]
    stage.engine.faults["poll"] = OSError("too many open files")
    stage.runner.update()
    assert all(broken(run, "OSError: too many open files") for run in runs)
    assert not stage.runner.is_active
    assert stage.heard == ["run failed", "run failed"]
    assert stage.engine.waiting() == []


@pytest.mark.parametrize(
    "report",
    [
        messages.Progressed("half", 1),  # type: ignore[arg-type]
        messages.Succeeded(None),  # type: ignore[arg-type]
        messages.Succeeded({"result": 1.0}),  # type: ignore[dict-item]
        messages.Idle(),
        "garbage",
        None,
    ],
    ids=repr,
)
def test_a_report_of_the_wrong_shape_ends_its_run_and_no_other(stage: Stage, report: Any) -> None:
    run, other = stage.start("a; b: a"), stage.start("x")
    stage.engine.report("a", messages.Started(), report)
    stage.runner.update()
    assert broken(run, "Error: ")
    assert "a" in run.scheduler.tasks
    stage.succeed("x")
    assert other.state is RunState.SUCCEEDED
    assert stage.engine.waiting() == []


def test_results_that_cannot_be_kept_end_the_run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def put(*args: object) -> None:
        raise MemoryError("full")

    run = stage.start("a; b")
    monkeypatch.setattr(run.results, "put", put)
    stage.succeed("a")
    assert broken(run, "MemoryError: full")
    assert stage.engine.calls[-2:] == ["stop a", "stop b"]


def test_a_full_disk_fails_the_task_and_says_so(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def new_blob() -> str:
        raise StoreError("no folder can be made: disk full")

    run = stage.start("a; b: a; c", workers=1)
    monkeypatch.setattr(stage.scratch, "new_blob", new_blob)
    stage.succeed("a")
    assert run.state is RunState.FAILED
    assert (run.error, message(run, "b")) == (None, "no folder can be made: disk full")
    assert message(run, "c") == "no folder can be made: disk full"


def test_a_scheduler_that_is_broken_for_good_leaves_nothing_with_the_engine(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def handle(event: object) -> None:
        raise IndexError("no such item")

    run, other = stage.runner.start(parse_plan("a; b"), {}, 2), stage.start("x")
    monkeypatch.setattr(run.scheduler, "handle", handle)
    stage.engine.start("a")
    stage.runner.update()
    assert broken(run, "IndexError: no such item")
    assert stage.engine.waiting() == ["x"]
    stage.succeed("x")
    assert other.state is RunState.SUCCEEDED


def test_a_run_that_broke_can_be_tried_again(stage: Stage) -> None:
    run = stage.start("a; b: a")
    stage.engine.faults["poll"] = OSError("too many open files")
    stage.runner.update()
    stage.engine.faults.clear()
    stage.runner.retry(run)
    stage.work_off()
    assert (run.state, run.error) == (RunState.SUCCEEDED, None)


# Retry


def with_constant(value: float) -> PlannedTask:
    argument = Argument(Parameter("value", "Value", FLOAT), (Constant(value, FLOAT),))
    return PlannedTask("a", "A", SCRIPT, (argument,))


def sent(stage: Stage, name: str) -> object:
    return stage.engine.task(name).arguments[0].pieces[0].value.content


def test_a_retry_sends_the_new_value_however_often(stage: Stage) -> None:
    """Constants were keyed by `id()`: a new one could get the value of an old one at the same place in memory."""
    run = stage.start(Plan("Test", (with_constant(0.0),)))
    for index in range(1, 11):
        stage.fail("a")
        stage.runner.retry(run, [with_constant(float(index))])
        assert sent(stage, "a") == float(index)


def test_a_retry_takes_the_new_script_and_the_results_there_are(stage: Stage) -> None:
    run = stage.start("a; b: a")
    stage.engine.succeed("a", result=0.125)
    stage.runner.update()
    stage.fail("b")
    fixed = dataclasses.replace(run.tasks["b"], script=ScriptSource("fixed", "test"))
    stage.runner.retry(run, [fixed])
    assert stage.engine.waiting() == ["b"]
    assert (stage.engine.task("b").script.text, sent(stage, "b")) == ("fixed", 0.125)


SEEING = "from background_nodes.script import items\ndef main(): ..."


@pytest.mark.parametrize(("seeing", "num_redone"), [("", "1 1 1"), ("a", "1 1 1"), ("b", "1 3 3"), ("c", "1 1 3")])
def test_a_retry_tells_all_items_anew_of_those_that_were_skipped(stage: Stage, seeing: str, num_redone: str) -> None:
    """Else they were told of different numbers of items, and one could want the file that another one has written."""
    plan = parse_plan("a: *3; b: *a; c: *b")
    seen = ScriptSource("from background_nodes.script import items\n\ndef main(): ...", "test")
    tasks = [dataclasses.replace(task, script=seen) if task.id == seeing else task for task in plan.tasks]
    run = stage.start(dataclasses.replace(plan, tasks=tuple(tasks)), workers=3)
    (second,) = (request for request in stage.engine.open_requests() if request.task.item == 1)
    stage.engine.report_on(second.key, messages.Started(), messages.Failed("no faces", "", 1))
    stage.work_off()
    assert [request.task.position for request in stage.engine.submitted if request.task.task == "c"] == [0, 1]
    stage.engine.submitted.clear()
    stage.runner.retry(run)
    stage.work_off()
    assert run.state is RunState.SUCCEEDED
    asked = [request.task for request in stage.engine.submitted]
    assert " ".join(str(sum(each.task == task for each in asked)) for task in "abc") == num_redone
    told = [(each.item, each.position) for each in asked if each.task == seeing]
    assert all(item == position for item, position in told)


@pytest.mark.parametrize("is_over", [False, True])
def test_what_runs_or_succeeded_is_not_retried(stage: Stage, is_over: bool) -> None:
    run = stage.start("a")
    if is_over:
        stage.succeed("a")
    with pytest.raises(InvalidTransitionError, match="tried again"):
        stage.runner.retry(run)


# What arrives late

REPORTS: list[Report] = [
    messages.Started(),
    messages.Progressed(0.5, "half"),
    messages.Succeeded({"result": TypedValue(FLOAT, 0.5)}),
    messages.Failed("no faces"),
    messages.Gathered(()),
    messages.Copied(),
    Lost("killed by signal 9"),
    NoWorker("none"),
]


def time_out(stage: Stage, run: ActiveRun) -> None:
    stage.engine.start("a")
    stage.runner.update()
    stage.pass_time(6.0)


def lose_and_start(stage: Stage, run: ActiveRun) -> None:
    stage.lose("a")
    stage.engine.start("a")
    stage.runner.update()


def cancel_and_retry(stage: Stage, run: ActiveRun) -> None:
    stage.runner.cancel(run)
    stage.runner.retry(run)


#: How the first attempt of `a` comes to its end.
SITUATIONS: dict[str, Callable[[Stage, ActiveRun], object]] = {
    "next attempt": lambda stage, run: stage.lose("a"),
    "next attempt under way": lose_and_start,
    "succeeded": lambda stage, run: stage.succeed("a"),
    "failed": lambda stage, run: stage.fail("a"),
    "cancelled": lambda stage, run: stage.runner.cancel(run, "a"),
    "timed out": time_out,
    "run over": lambda stage, run: stage.runner.cancel(run),
    "run tried again": cancel_and_retry,
    "run forgotten": lambda stage, run: stage.runner.forget(run),
    "runner closed": lambda stage, run: stage.runner.close(),
}


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: type(report).__name__)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_is_said_of_an_attempt_that_is_over_changes_nothing(stage: Stage, situation: str, report: Report) -> None:
    run = stage.start("a: timeout=5; b: a; c")
    key = stage.engine.request("a").key
    SITUATIONS[situation](stage, run)
    before = states(run), run.state, stage.engine.waiting(), run.results.item("a", 0), run.error
    stage.engine.report_on(key, report)
    stage.runner.update()
    assert (states(run), run.state, stage.engine.waiting(), run.results.item("a", 0), run.error) == before


@pytest.mark.parametrize("end", ["Succeeded", "Failed", "Lost"])
def test_an_end_without_a_start_counts(stage: Stage, end: str) -> None:
    run = stage.start("a: retries=0")
    report = next(report for report in REPORTS if type(report).__name__ == end)
    stage.engine.report("a", report)
    stage.runner.update()
    assert run.state is (RunState.SUCCEEDED if end == "Succeeded" else RunState.FAILED)


@pytest.mark.parametrize("report", [messages.Gathered(()), messages.Copied()], ids=["Gathered", "Copied"])
def test_the_answer_to_another_question_fails_the_task(stage: Stage, report: Report) -> None:
    run = stage.start("a")
    stage.engine.report("a", messages.Started(), report)
    stage.runner.update()
    assert message(run, "a") == f"the worker answered with {type(report).__name__}"


def test_reports_on_what_nobody_asked_for_are_ignored(stage: Stage) -> None:
    run = stage.start("a")
    stage.engine.report_on("a stranger", messages.Started())
    stage.engine.report_on(("another", 1), messages.Copied())
    stage.succeed("a")
    assert run.state is RunState.SUCCEEDED


# Copying and gathering before a task


@pytest.fixture
def blend_file(tmp_path: Path) -> str:
    path = tmp_path / "scene.blend"
    path.write_bytes(b"BLENDER-v502" + b"\0" * 64 + b"ENDB")
    return str(path)


def copying(path: str, text: str = "a; b") -> Plan:
    """Tasks that all work on a file."""
    kind = SocketType("BLEND_FILE")
    argument = Argument(Parameter("file", "File", kind), (Constant(path, kind),))
    return Plan(
        "Test",
        tuple(dataclasses.replace(task, arguments=(argument, *task.arguments)) for task in parse_plan(text).tasks),
    )


#: `join` takes so many meshes of different blobs that they are gathered first.
GATHERING = "parts: *40; join: parts"


def gather(stage: Stage, plan: Plan | None = None, **options: Any) -> ActiveRun:
    """Start a run and bring it to where it gathers: the request is "Gathering 0"."""
    run = stage.start(plan or of_meshes(GATHERING), workers=40, **options)
    stage.engine.succeed_all()
    stage.runner.update()
    assert stage.engine.waiting() == ["Gathering 0"]
    return run


def blobs_of(stage: Stage, name: str) -> set[str]:
    """The blobs that a task is given data-blocks of."""
    pieces = [piece for argument in stage.engine.task(name).arguments for piece in argument.pieces]
    return {ref.blob for piece in pieces for ref in piece.value.refs()}


def test_a_file_is_copied_once_before_all_that_work_on_it(stage: Stage, blend_file: str) -> None:
    run = stage.start(copying(blend_file, "a; b; c: b"))
    assert stage.engine.waiting() == ["Copying 0"]
    copy = stage.engine.task("Copying 0")
    assert copy.filepath == blend_file
    assert [run.scheduler.tasks[name].text for name in ("a", "b", "c")] == ["Copying scene.blend"] * 2 + [""]
    stage.succeed("Copying 0")
    assert stage.engine.waiting() == ["b", "a"], "that of the higher rank first"
    stage.succeed("a", "b")
    assert [stage.engine.task(name).file_copy for name in ("a", "b", "c")] == [copy.blob] * 3
    stage.succeed("c")
    assert run.state is RunState.SUCCEEDED
    assert len(stage.engine.submitted) == 4


def test_a_file_that_cannot_be_copied_fails_what_works_on_it(stage: Stage, blend_file: str) -> None:
    run = stage.start(copying(blend_file))
    stage.write("Copying 0")
    stage.engine.report("Copying 0", messages.Failed("not a library"))
    stage.runner.update()
    assert (run.state, message(run, "a"), message(run, "b")) == (RunState.FAILED, "not a library", "not a library")
    assert stage.files() == []


def test_a_file_that_is_gone_fails_the_task_and_names_its_socket(stage: Stage, blend_file: str) -> None:
    Path(blend_file).unlink()
    run = stage.start(copying(blend_file))
    assert run.state is RunState.FAILED
    assert message(run, "a").startswith('socket "File": the file ')


def test_what_is_strewn_over_many_blobs_is_gathered_first(stage: Stage) -> None:
    run = gather(stage)
    assert run.scheduler.tasks["join"].text == "Gathering data-blocks"
    assert len(stage.engine.task("Gathering 0").refs) == 40
    stage.succeed("Gathering 0")
    assert blobs_of(stage, "join") == {stage.engine.task("Gathering 0").blob}
    stage.succeed("join")
    assert run.state is RunState.SUCCEEDED


def test_what_is_strewn_over_few_blobs_is_not(stage: Stage) -> None:
    stage.start(of_meshes("parts: *31; join: parts"), workers=31)
    stage.engine.succeed_all()
    stage.runner.update()
    assert stage.engine.waiting() == ["join"]


def test_so_many_data_blocks_that_they_make_many_blobs_again_are_gathered_once(stage: Stage) -> None:
    run = stage.start(of_meshes(f"parts: *{64 * 40}; join: parts"), workers=64 * 40)
    stage.work_off()
    assert run.state is RunState.SUCCEEDED
    assert len(blobs_of(stage, "join")) == 40


def test_what_was_gathered_and_is_gathered_again_comes_from_the_last_blob(stage: Stage) -> None:
    """1. Each `join` gathers its 40 blobs in one, 2. `all` takes the same data-blocks, from 32 blobs by then."""
    names = range(33)
    lines = [line for n in names for line in (f"parts{n}: *40", f"join{n}: parts{n}")]
    lines.append("all: " + " ".join(f"parts{n} join{n}" for n in names))
    run = stage.start(of_meshes("\n".join(lines)), workers=5000)
    stage.work_off()
    assert run.state is RunState.SUCCEEDED
    assert len(blobs_of(stage, "all")) <= (33 * 41 + 63) // 64


@pytest.mark.parametrize("outcome", ["in one blob", "gathered", "in vain"])
def test_a_list_that_all_items_take_is_looked_through_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    """A mapped node that also takes a whole list looked at all its data-blocks for each item."""
    whole = "whole[]" if outcome == "in one blob" else "whole: *200"
    run = stage.start(of_meshes(f"each[]; {whole}; both: *each whole"), workers=4)
    if outcome == "in one blob":
        stage.engine.succeed("whole", result=placed("Mesh", "w.blend", map(str, range(200))).content)
    stage.engine.succeed("each", result=placed("Mesh", "e.blend", map(str, range(200))).content)
    stage.runner.update()
    while "both" not in stage.engine.waiting():
        gathering = [name for name in stage.engine.waiting() if name.startswith("Gathering")]
        for name in gathering if outcome == "in vain" else ():
            stage.engine.fail(name)
        stage.engine.succeed_all()
        stage.runner.update()
    num_seen = 0

    def counted(value: TypedValue) -> Iterator[StoredRef]:
        nonlocal num_seen
        for ref in refs(value):
            num_seen += 1
            yield ref

    refs = TypedValue.refs
    monkeypatch.setattr(TypedValue, "refs", counted)
    stage.work_off()
    assert run.state is RunState.SUCCEEDED
    assert 0 < num_seen <= 2 * 200


def test_gathering_in_vain_lets_the_task_load_from_where_its_data_blocks_are(stage: Stage) -> None:
    gather(stage)
    stage.write("Gathering 0")
    stage.fail("Gathering 0")
    assert stage.engine.waiting() == ["join"]
    assert len(blobs_of(stage, "join")) == 40
    assert stage.files() == []


def test_one_gathering_of_two_in_vain_is_the_end_of_it(stage: Stage) -> None:
    run = stage.start(of_meshes("parts: *128; join: parts"), workers=128)
    stage.engine.succeed_all()
    stage.runner.update()
    assert stage.engine.waiting() == ["Gathering 0", "Gathering 1"]
    stage.fail("Gathering 1")
    stage.succeed("Gathering 0")
    assert stage.engine.waiting() == ["join"]
    assert len(blobs_of(stage, "join")) == 65
    stage.work_off()
    assert run.state is RunState.SUCCEEDED


def test_a_gathering_whose_worker_dies_is_tried_once_more(stage: Stage) -> None:
    run = gather(stage)
    stage.write("Gathering 0")
    first = stage.engine.request("Gathering 0")
    stage.lose("Gathering 0")
    assert stage.engine.waiting() == ["Gathering 0"]
    assert stage.engine.task("Gathering 0").blob != first.task.blob
    assert stage.files() == []
    stage.succeed("Gathering 0")
    assert len(blobs_of(stage, "join")) == 1
    stage.succeed("join")
    assert run.state is RunState.SUCCEEDED


def test_a_gathering_whose_worker_dies_twice_is_in_vain(stage: Stage) -> None:
    gather(stage)
    stage.lose("Gathering 0")
    stage.lose("Gathering 0")
    assert stage.engine.waiting() == ["join"]


def test_a_copying_whose_worker_dies_twice_fails_what_waits_for_it(stage: Stage, blend_file: str) -> None:
    run = stage.start(copying(blend_file))
    stage.lose("Copying 0")
    stage.lose("Copying 0")
    assert run.state is RunState.FAILED
    assert message(run, "a") == "Copying scene.blend failed: the background Blender ended (killed by signal 9)"


def test_a_gathering_that_takes_too_long_is_stopped_and_in_vain(stage: Stage) -> None:
    gather(stage)
    stage.write("Gathering 0")
    stage.engine.start("Gathering 0")
    stage.runner.update()
    stage.pass_time(601.0)
    assert stage.engine.calls[-2:] == ["stop Gathering 0", "submit join"]
    assert stage.files() == []


def test_a_copying_that_waits_for_a_worker_takes_no_time(stage: Stage, blend_file: str) -> None:
    """Its timeout counts from its start: the workers may be busy with another run for hours."""
    run = stage.start(copying(blend_file, "a"))
    stage.pass_time(7200.0)
    assert run.state is RunState.RUNNING
    stage.engine.start("Copying 0")
    stage.runner.update()
    stage.pass_time(1801.0)
    assert message(run, "a") == "Copying scene.blend failed: it took longer than 1800 s"


@pytest.mark.parametrize("how", ["cancel", "cancel task", "forget"])
def test_a_gathering_that_nobody_waits_for_any_more_is_stopped_and_leaves_no_blob(stage: Stage, how: str) -> None:
    run = gather(stage)
    stage.write("Gathering 0")
    match how:
        case "cancel":
            stage.runner.cancel(run)
        case "cancel task":
            stage.runner.cancel(run, "join")
        case "forget":
            stage.runner.forget(run)
    assert stage.engine.calls[-2:] == ["stop join", "stop Gathering 0"]
    assert run.state is RunState.CANCELLED if how != "cancel task" else RunState.FAILED
    assert stage.files() == []
    assert not stage.runner.is_active


def test_a_copying_goes_on_as_long_as_one_waits_for_it(stage: Stage, blend_file: str) -> None:
    run = stage.start(copying(blend_file))
    stage.runner.cancel(run, "a")
    assert stage.engine.waiting() == ["Copying 0"]
    stage.succeed("Copying 0")
    assert stage.engine.waiting() == ["b"]


@pytest.mark.parametrize("kind", ["Gathering", "Copying"])
def test_an_errand_under_way_stands_still_with_its_run(stage: Stage, blend_file: str, kind: str) -> None:
    run = gather(stage) if kind == "Gathering" else stage.start(copying(blend_file))
    stage.engine.calls.clear()
    stage.runner.pause(run)
    assert f"freeze {kind} 0" in stage.engine.calls
    stage.pass_time(100_000.0)
    stage.runner.resume(run)
    assert f"thaw {kind} 0" in stage.engine.calls
    stage.work_off()
    assert run.state is RunState.SUCCEEDED


def test_an_errand_that_ends_although_it_stands_still_starts_nothing_that_moves(stage: Stage) -> None:
    run = gather(stage)
    stage.runner.pause(run)
    key = stage.engine.request("Gathering 0").key
    stage.engine.calls.clear()
    stage.succeed("Gathering 0")
    assert stage.engine.calls == ["freeze join", "submit join"]
    assert key not in {request.key for request in stage.engine.submitted if request.key in stage.engine.frozen - {key}}
    stage.runner.resume(run)
    assert stage.engine.request("join").key not in stage.engine.frozen


def test_an_errand_whose_worker_dies_while_it_stands_still_goes_on_standing_still(stage: Stage) -> None:
    run = gather(stage)
    stage.runner.pause(run)
    stage.lose("Gathering 0")
    assert stage.engine.request("Gathering 0").key in stage.engine.frozen
    stage.runner.resume(run)
    assert stage.engine.request("Gathering 0").key not in stage.engine.frozen


@pytest.mark.parametrize(
    "report",
    [
        "answer",
        messages.Failed("no"),
        Lost("killed"),
        NoWorker("none"),
        messages.Started(),
        messages.Progressed(0.5, ""),
    ],
    ids=["answer", "Failed", "Lost", "NoWorker", "Started", "Progressed"],
)
@pytest.mark.parametrize("situation", ["stopped", "stopped and started again", "lost", "done", "run over", "forgotten"])
@pytest.mark.parametrize("kind", ["Gathering", "Copying"])
def test_what_is_said_of_an_errand_that_is_over_changes_nothing(
    stage: Stage, blend_file: str, kind: str, situation: str, report: Any
) -> None:
    """Else a data-block would be looked for in a blob that was removed."""
    works = Plan("Test", (*copying(blend_file, "join").tasks, *parse_plan("other").tasks))
    run = gather(stage) if kind == "Gathering" else stage.start(works)
    errand = stage.engine.request(f"{kind} 0")
    stage.engine.report_on(errand.key, answer(errand) if report == "answer" else report)
    late, stage.engine._reports = list(stage.engine._reports), type(stage.engine._reports)()
    match situation:
        case "stopped":
            stage.runner.cancel(run, "join")
        case "stopped and started again":
            stage.runner.cancel(run)
            stage.runner.retry(run)
        case "lost":
            stage.lose(f"{kind} 0")
        case "done":
            stage.succeed(f"{kind} 0")
        case "run over":
            stage.runner.cancel(run)
        case "forgotten":
            stage.runner.forget(run)
    before = states(run), run.state, stage.engine.waiting(), dict(run.results._moves), dict(run.results.copies)
    stage.engine._reports.extend(late)
    stage.runner.update()
    after = states(run), run.state, stage.engine.waiting(), dict(run.results._moves), dict(run.results.copies)
    assert after == before
    assert run.error is None


def test_the_answer_to_another_errand_is_in_vain(stage: Stage, blend_file: str) -> None:
    run = stage.start(copying(blend_file, "a"))
    stage.engine.report("Copying 0", messages.Started(), messages.Gathered(()))
    stage.runner.update()
    assert message(run, "a") == "the worker answered with Gathered"


# Gathering before results come home

HOME = of_meshes("a; b; c; d", "a", "b", "c", "d")


def bring_home(stage: Stage, **options: Any) -> ActiveRun:
    """Start a run and bring it to where its results are gathered: the request is "Gathering 0"."""
    run = stage.start(HOME, workers=4, **options)
    for name in "abcd":
        stage.write(name)
    stage.succeed("a", "b", "c", "d")
    assert stage.engine.waiting() == ["Gathering 0"]
    assert run.state is RunState.RUNNING
    return run


def homes(run: ActiveRun) -> set[str]:
    """The blobs that results come home from."""
    return {ref.blob for ref in run.home_refs()}


def test_results_in_many_blobs_are_gathered_before_they_come_home(stage: Stage) -> None:
    run = bring_home(stage)
    stage.succeed("Gathering 0")
    assert run.state is RunState.SUCCEEDED
    assert homes(run) == {stage.engine.task("Gathering 0").blob}
    assert stage.heard[-1] == "run succeeded"


def test_results_in_few_blobs_come_home_as_they_are(stage: Stage) -> None:
    run = stage.start(of_meshes("a; b; c; d", "a", "b", "c"), workers=4)
    stage.succeed("a", "b", "c", "d")
    assert run.state is RunState.SUCCEEDED
    assert len(homes(run)) == 3


@pytest.mark.parametrize("how", ["cancelled", "timed out", "run timed out", "failed", "lost twice", "no worker"])
def test_results_come_home_from_where_they_are_if_gathering_is_in_vain(stage: Stage, how: str) -> None:
    run = bring_home(stage, timeout=1000.0)
    stage.write("Gathering 0")
    match how:
        case "cancelled":
            stage.runner.cancel(run)
        case "timed out":
            stage.engine.start("Gathering 0")
            stage.runner.update()
            stage.pass_time(601.0)
        case "run timed out":
            stage.pass_time(1001.0)
        case "failed":
            stage.fail("Gathering 0")
        case "lost twice":
            stage.lose("Gathering 0")
            stage.lose("Gathering 0")
        case "no worker":
            stage.engine.report("Gathering 0", NoWorker("none"))
            stage.runner.update()
    assert run.state is RunState.SUCCEEDED
    assert len(homes(run)) == 4
    assert stage.files() == sorted(homes(run)), "what was gathered is gone"
    assert not stage.runner.is_active


def test_a_run_forgotten_while_its_results_are_gathered_ends_and_leaves_nothing(stage: Stage) -> None:
    run = bring_home(stage)
    stage.write("Gathering 0")
    stage.runner.forget(run)
    assert (run.state.is_final, stage.engine.calls[-1], stage.files()) == (True, "stop Gathering 0", [])


def test_a_run_forgotten_under_way_gathers_nothing_and_leaves_nothing(stage: Stage) -> None:
    run = stage.start(of_meshes("a; b; c; d; e", "a", "b", "c", "d", "e"), workers=5)
    for name in "abcde":
        stage.write(name)
    stage.succeed("a", "b", "c", "d")
    stage.runner.forget(run)
    assert (run.state, stage.engine.waiting(), stage.files()) == (RunState.CANCELLED, [], [])


def test_a_run_forgotten_by_who_hears_of_it_leaves_nothing(stage: Stage) -> None:
    """An event that is in the inbox already may still start something."""

    def forget(run: ActiveRun, task: str | None) -> None:
        if task == "a" and run.scheduler.tasks["a"].state == "succeeded":
            stage.runner.forget(run)

    run = stage.start(of_meshes("a; b; c: a; d: b"), workers=4, listener=forget)
    submit = stage.engine.submit

    def write_at_once(request: Any) -> None:
        submit(request)
        for name in (request.task.blob, request.task.log):
            stage.scratch.file(name).write_bytes(b"x")

    stage.engine.submit = write_at_once  # type: ignore[method-assign]
    stage.succeed("a", "b")
    assert (run.state, stage.engine.waiting(), stage.files()) == (RunState.CANCELLED, [], [])


def test_cancelling_a_run_gathers_what_it_had_and_cancelling_once_more_ends_that(stage: Stage) -> None:
    run = stage.start(of_meshes("a; b; c; d; e", "a", "b", "c", "d", "e"), workers=5)
    stage.succeed("a", "b", "c", "d")
    stage.runner.cancel(run)
    assert (run.state, stage.engine.waiting()) == (RunState.RUNNING, ["Gathering 0"])
    stage.runner.cancel(run)
    assert (run.state, stage.engine.waiting(), len(homes(run))) == (RunState.CANCELLED, [], 4)


def test_closing_asks_the_engine_for_nothing_more(stage: Stage) -> None:
    run = stage.start(of_meshes("a; b; c; d; e", "a", "b", "c", "d", "e"), workers=5)
    stage.succeed("a", "b", "c", "d")
    stage.engine.calls.clear()
    stage.runner.close()
    assert (run.state, stage.engine.calls) == (RunState.CANCELLED, ["stop e", "close"])
    stage.engine.report("e", messages.Started())
    stage.runner.update()


def test_results_that_were_gathered_stand_still_with_their_run(stage: Stage) -> None:
    run = bring_home(stage)
    stage.runner.pause(run)
    assert stage.engine.calls[-1] == "freeze Gathering 0"
    stage.pass_time(100_000.0)
    assert run.state is RunState.RUNNING
    stage.runner.resume(run)
    stage.succeed("Gathering 0")
    assert run.state is RunState.SUCCEEDED


def test_a_retry_gathers_what_is_new(stage: Stage) -> None:
    run = stage.start(HOME, workers=4)
    stage.succeed("a")
    stage.fail("b", "c", "d")
    assert run.state is RunState.FAILED
    stage.runner.retry(run)
    stage.succeed("b", "c", "d")
    assert run.state is RunState.SUCCEEDED
    assert len(homes(run)) == 3


# Budget


def test_what_there_is_no_time_for_is_left_to_the_next_call_in_order(stage: Stage) -> None:
    stage.start("; ".join("abcdef"), workers=6)
    for name in "abcdef":
        stage.engine.start(name)
    stage.clock.step = 0.001
    stage.runner.update(budget=0.008)
    heard = len(stage.heard)
    assert 0 < heard < 6
    calls = 1
    while len(stage.heard) < 6:
        before = len(stage.heard)
        stage.runner.update(budget=0.008)
        calls += 1
        assert len(stage.heard) > before, "each call gets on"
    assert stage.heard == [f"{name} running" for name in "abcdef"]
    assert calls > 2


def test_a_worker_that_talks_all_the_time_does_not_pile_up_what_it_says(stage: Stage) -> None:
    """1. There are more reports than there is time for, 2. so the engine is not polled, 3. until all are taken."""
    stage.start("a; b", workers=2)
    stage.engine.start("a")
    stage.engine.report("a", *[messages.Progressed(n / 100, "") for n in range(100)])
    stage.runner.update()
    stage.engine.report("a", *[messages.Progressed(n / 100, "") for n in range(100)])
    for _ in range(50):
        stage.clock.step = 0.001
        stage.runner.update(budget=0.008)
        stage.clock.step = 0.0
        stage.engine.report("a", messages.Progressed(0.5, ""))
        assert len(stage.runner._inbox) <= 8


def test_a_request_comes_after_what_was_left(stage: Stage) -> None:
    run = stage.start("a; b", workers=2)
    stage.engine.succeed("a")
    stage.engine.succeed("b")
    stage.clock.step = 0.001
    stage.runner.update(budget=0.0045)
    assert len(stage.runner._inbox) > 0
    stage.runner.cancel(run)
    assert stage.runner._inbox == stage.runner._inbox.__class__()
    stage.runner.update()
    assert all(record.state.is_final for record in run.scheduler.tasks.values())
