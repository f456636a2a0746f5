# SPDX-License-Identifier: GPL-3.0-or-later
"""The scheduler, driven by hand: each test says what happened and what the scheduler must answer.

Plans are written as in `plan_text`.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import pytest

from background_nodes.runtime.errors import InvalidTransitionError
from background_nodes.runtime.planning.plan import Plan, PlannedTask
from background_nodes.runtime.planning.sources import FromTask
from background_nodes.runtime.scheduling.events import (
    CancelRequested,
    Event,
    FinishCurrentRequested,
    FinishRun,
    FreezeTask,
    Instruction,
    PauseRequested,
    ResumeRequested,
    RetryRequested,
    RunStarted,
    StartTask,
    StopTask,
    TaskError,
    TaskFailed,
    TaskProgressed,
    TaskStarted,
    TaskSucceeded,
    ThawTask,
    TimePassed,
    Usage,
    WorkerDied,
)
from background_nodes.runtime.scheduling.records import TaskRecord
from background_nodes.runtime.scheduling.scheduler import Scheduler
from background_nodes.runtime.scheduling.states import (
    ITEM_RETRIES,
    ITEM_TRANSITIONS,
    TASK_RETRIES,
    TASK_TRANSITIONS,
    RunState,
    TaskState,
)
from background_nodes.runtime.script.signature import ScriptSource

from .plan_text import parse_plan

RUN_SUCCEEDED = FinishRun(RunState.SUCCEEDED)
RUN_FAILED = FinishRun(RunState.FAILED)
RUN_CANCELLED = FinishRun(RunState.CANCELLED)


# A scheduler with a clock that is set by hand


class Stage:
    """A scheduler and what may happen to it. Each method tells it one event at `time` and gives its instructions."""

    def __init__(self, plan: Plan, workers: int, timeout: float | None) -> None:
        self.scheduler = Scheduler(plan, workers, timeout)
        self.time = 0.0

    def tell(self, event: Event) -> list[Instruction]:
        return self.scheduler.handle(event)

    def run(self) -> list[Instruction]:
        return self.tell(RunStarted(self.time))

    def begin(self, task: str, item: int = 0, attempt: int = 1) -> list[Instruction]:
        return self.tell(TaskStarted(self.time, task, item, attempt))

    def progress(self, fraction: float, task: str, item: int = 0, attempt: int = 1) -> list[Instruction]:
        return self.tell(TaskProgressed(self.time, task, item, attempt, fraction, f"at {fraction}"))

    def succeed(self, task: str, item: int = 0, attempt: int = 1, length: int | None = None) -> list[Instruction]:
        lengths = {} if length is None else {"result": length}
        return self.tell(TaskSucceeded(self.time, task, item, attempt, lengths))

    def fail(self, task: str, item: int = 0, attempt: int = 1, message: str = "no faces") -> list[Instruction]:
        return self.tell(TaskFailed(self.time, task, item, attempt, TaskError(message, "Traceback ...", 7)))

    def die(self, task: str, item: int = 0, attempt: int = 1) -> list[Instruction]:
        return self.tell(WorkerDied(self.time, task, item, attempt, "killed by signal 9"))

    def cancel(self, task: str | None = None) -> list[Instruction]:
        return self.tell(CancelRequested(self.time, task))

    def pause(self) -> list[Instruction]:
        return self.tell(PauseRequested(self.time))

    def resume(self) -> list[Instruction]:
        return self.tell(ResumeRequested(self.time))

    def finish_current(self) -> list[Instruction]:
        return self.tell(FinishCurrentRequested(self.time))

    def retry(self, *tasks: PlannedTask) -> list[Instruction]:
        return self.tell(RetryRequested(self.time, tasks))

    def pass_time(self, time: float) -> list[Instruction]:
        self.time = time
        return self.tell(TimePassed(time))

    def states(self) -> dict[str, str]:
        return {name: record.state.value for name, record in self.scheduler.tasks.items()}

    def item_states(self, task: str) -> list[str]:
        return [item.state.value for item in self.scheduler.tasks[task].items]

    def message(self, task: str) -> str | None:
        error = self.scheduler.tasks[task].error
        return error.message if error else None


def start(task: str, item: int = 0, attempt: int = 1) -> StartTask:
    return StartTask(task, item, attempt)


def stop(task: str, item: int = 0, attempt: int = 1) -> StopTask:
    return StopTask(task, item, attempt)


def freeze(task: str, item: int = 0, attempt: int = 1) -> FreezeTask:
    return FreezeTask(task, item, attempt)


def thaw(task: str, item: int = 0, attempt: int = 1) -> ThawTask:
    return ThawTask(task, item, attempt)


StageFactory = Callable[..., Stage]


@pytest.fixture
def stage() -> Iterator[StageFactory]:
    """Makes stages; at the end of the test every one of them must still hold its invariants."""
    stages: list[Stage] = []

    def make(plan: str | Plan, workers: int = 2, timeout: float | None = None) -> Stage:
        stages.append(Stage(parse_plan(plan) if isinstance(plan, str) else plan, workers, timeout))
        return stages[-1]

    yield make
    for made in stages:
        made.scheduler.validate()


# Order


def test_an_empty_plan_succeeds_at_once(stage: StageFactory) -> None:
    empty = stage("")
    assert empty.pass_time(1.0) == []
    assert empty.run() == [RUN_SUCCEEDED]
    assert empty.scheduler.state is RunState.SUCCEEDED
    assert empty.scheduler.finished == 1.0


def test_a_chain_runs_in_order(stage: StageFactory) -> None:
    chain = stage("a; b: a; c: b")
    assert chain.run() == [start("a")]
    assert chain.begin("a") == []
    assert chain.succeed("a") == [start("b")]
    assert chain.succeed("b") == [start("c")]
    assert chain.succeed("c") == [RUN_SUCCEEDED]


def test_no_more_items_start_than_there_are_workers(stage: StageFactory) -> None:
    wide = stage("a; b; c; d", workers=3)
    assert wide.run() == [start("a"), start("b"), start("c")]
    assert wide.succeed("b") == [start("d")]
    assert wide.succeed("d") == []


def test_a_task_waits_for_all_it_depends_on(stage: StageFactory) -> None:
    join = stage("a; b; c: a b")
    join.run()
    assert join.succeed("b") == []
    assert join.states() == {"a": "running", "b": "succeeded", "c": "waiting"}
    assert join.succeed("a") == [start("c")]


def test_the_longest_way_starts_first(stage: StageFactory) -> None:
    assert stage("a; b; c: b; d; e: d; f: e", workers=3).run() == [start("d"), start("b"), start("a")]


def test_a_higher_rank_overtakes_items_that_wait(stage: StageFactory) -> None:
    mixed = stage("parts: *4 rank=1; a rank=9; b: a rank=9", workers=1)
    assert mixed.run() == [start("a")]
    assert mixed.succeed("a") == [start("b")]
    assert mixed.succeed("b") == [start("parts", 0)]


def test_tasks_of_one_rank_start_in_plan_order_and_items_in_list_order(stage: StageFactory) -> None:
    assert stage("a: *2; b; c: *2", workers=5).run() == [
        start("a", 0),
        start("a", 1),
        start("b"),
        start("c", 0),
        start("c", 1),
    ]


def test_a_task_is_running_once_given_to_a_worker_and_started_once_the_worker_began(stage: StageFactory) -> None:
    single = stage("a")
    single.time = 1.0
    single.run()
    record = single.scheduler.tasks["a"]
    assert (record.state, record.started, record.finished) == (TaskState.RUNNING, None, None)
    single.time = 2.0
    single.begin("a")
    single.time = 5.0
    single.succeed("a")
    assert (record.state, record.started, record.finished) == (TaskState.SUCCEEDED, 2.0, 5.0)
    assert (record.items[0].started, record.items[0].finished) == (2.0, 5.0)


def test_a_result_from_the_store_needs_no_start(stage: StageFactory) -> None:
    single = stage("a")
    single.run()
    assert single.succeed("a") == [RUN_SUCCEEDED]
    assert single.scheduler.tasks["a"].started is None
    assert single.scheduler.tasks["a"].progress == 1.0


@pytest.mark.parametrize("num_workers", [0, -1])
def test_a_run_without_workers_is_refused(num_workers: int) -> None:
    with pytest.raises(ValueError, match="at least one worker"):
        Scheduler(parse_plan("a"), num_workers)


def test_a_plan_out_of_order_is_refused() -> None:
    tasks = parse_plan("a; b: a").tasks
    with pytest.raises(ValueError, match='"B" before "A"'):
        Scheduler(Plan("Test", tasks[::-1]), 1)


# Mapped tasks


def test_a_map_over_a_constant_expands_at_the_start(stage: StageFactory) -> None:
    mapped = stage("bake: *3; join: bake")
    record = mapped.scheduler.tasks["bake"]
    assert (record.is_mapped, record.num_items, record.items) == (True, None, [])
    assert mapped.run() == [start("bake", 0), start("bake", 1)]
    assert record.num_items == 3
    assert mapped.succeed("bake", 1) == [start("bake", 2)]
    assert mapped.succeed("bake", 0) == []
    assert (record.num_done, record.state) == (2, TaskState.RUNNING)
    assert mapped.succeed("bake", 2) == [start("join")]


def test_a_map_over_a_list_output_expands_when_the_list_is_known(stage: StageFactory) -> None:
    mapped = stage("split[]; bake: *split", workers=9)
    mapped.run()
    assert mapped.succeed("split", length=3) == [start("bake", 0), start("bake", 1), start("bake", 2)]


def test_a_map_over_a_maps_single_results_has_as_many_items(stage: StageFactory) -> None:
    mapped = stage("bake: *2; export: *bake", workers=9)
    mapped.run()
    mapped.succeed("bake", 1)
    assert mapped.succeed("bake", 0) == [start("export", 0), start("export", 1)]


def test_a_map_over_a_maps_lists_has_the_sum_of_their_lengths(stage: StageFactory) -> None:
    mapped = stage("split[]: *3; bake: *split", workers=9)
    mapped.run()
    mapped.succeed("split", 0, length=2)
    mapped.succeed("split", 1, length=0)
    assert mapped.succeed("split", 2, length=1) == [start("bake", 0), start("bake", 1), start("bake", 2)]


def test_a_map_over_two_lists_of_one_length_pairs_them(stage: StageFactory) -> None:
    mapped = stage("split[]; bake: *split *2", workers=9)
    mapped.run()
    assert mapped.succeed("split", length=2) == [start("bake", 0), start("bake", 1)]


def test_a_map_over_lists_of_different_lengths_fails_and_names_them(stage: StageFactory) -> None:
    mapped = stage("split[]; bake: *split *24; join: bake")
    mapped.run()
    assert mapped.succeed("split", length=3) == [RUN_FAILED]
    assert mapped.states() == {"split": "succeeded", "bake": "failed", "join": "skipped"}
    message = 'the lists it is mapped over differ in length: "From Split" has 3, "From 24" has 24'
    assert mapped.message("bake") == message


def test_a_map_over_something_that_gave_no_list_fails(stage: StageFactory) -> None:
    mapped = stage("split[]; bake: *split")
    mapped.run()
    assert mapped.succeed("split") == [RUN_FAILED]
    assert mapped.message("bake") == '"From Split" got no list to be mapped over'


def test_a_map_over_lists_of_which_one_is_missing_fails(stage: StageFactory) -> None:
    mapped = stage("split[]: *2; bake: *split")
    mapped.run()
    mapped.succeed("split", 0, length=1)
    mapped.succeed("split", 1)
    assert mapped.states()["bake"] == "failed"


def test_a_map_over_an_empty_list_succeeds_at_once(stage: StageFactory) -> None:
    mapped = stage("split[]; bake: *split; join: bake")
    mapped.run()
    assert mapped.succeed("split", length=0) == [start("join")]
    record = mapped.scheduler.tasks["bake"]
    assert (record.state, record.num_items, record.progress) == (TaskState.SUCCEEDED, 0, 1.0)


def test_empty_maps_in_a_row_succeed_at_once(stage: StageFactory) -> None:
    assert stage("a[]: *0; b: *a; c[]: *b; d: *c").run() == [RUN_SUCCEEDED]


def test_a_failed_item_fails_its_task_after_the_others_and_keeps_their_results(stage: StageFactory) -> None:
    mapped = stage("split[]: *3; join: split", workers=1)
    assert mapped.run() == [start("split", 0)]
    assert mapped.fail("split", 0, message="no faces") == [start("split", 1)]
    assert mapped.states()["split"] == "running"
    assert mapped.succeed("split", 1, length=5) == [start("split", 2)]
    assert mapped.fail("split", 2, message="other") == [RUN_FAILED]
    assert mapped.states() == {"split": "failed", "join": "skipped"}
    assert mapped.item_states("split") == ["failed", "succeeded", "failed"]
    record = mapped.scheduler.tasks["split"]
    assert record.error == TaskError("2 of 3 items failed; item 0: no faces", "Traceback ...", 7, item=0)
    assert record.items[1].lengths == {"result": 5}
    assert record.items[2].error == TaskError("other", "Traceback ...", 7)
    assert record.num_done == 3


def test_a_map_with_failed_and_timed_out_items_is_failed_and_counts_both(stage: StageFactory) -> None:
    mapped = stage("bake: *3 timeout=5", workers=3)
    mapped.run()
    mapped.begin("bake", 0)
    assert mapped.pass_time(5.0) == [stop("bake", 0)]
    mapped.fail("bake", 1)
    assert mapped.succeed("bake", 2) == [RUN_FAILED]
    assert mapped.states() == {"bake": "failed"}
    assert mapped.message("bake") == "1 of 3 items failed, 1 of 3 items timed out; item 1: no faces"


def test_a_map_with_timed_out_items_only_is_timed_out(stage: StageFactory) -> None:
    mapped = stage("bake: *2 timeout=5")
    mapped.run()
    mapped.begin("bake", 1)
    mapped.succeed("bake", 0)
    assert mapped.pass_time(5.0) == [stop("bake", 1), RUN_FAILED]
    assert mapped.states() == {"bake": "timed_out"}
    assert mapped.message("bake") == "1 of 2 items timed out; item 1: timed out after 5 s"


# Failure


def test_a_failure_skips_all_that_is_downstream_and_nothing_else(stage: StageFactory) -> None:
    graph = stage("bake; other; mid: bake; end: mid other; more: other")
    graph.run()
    assert graph.fail("bake") == []
    assert graph.states() == {
        "bake": "failed",
        "other": "running",
        "mid": "skipped",
        "end": "skipped",
        "more": "waiting",
    }
    assert graph.scheduler.tasks["bake"].error == TaskError("no faces", "Traceback ...", 7)
    assert graph.message("mid") == graph.message("end") == 'skipped because "Bake" failed'
    assert graph.succeed("other") == [start("more")]
    assert graph.succeed("more") == [RUN_FAILED]


def test_a_diamond_with_a_map_and_a_failing_branch_keeps_what_it_can(stage: StageFactory) -> None:
    diamond = stage("split[]; bake: *split; measure: split; join: bake measure; report: measure", workers=4)
    assert diamond.run() == [start("split")]
    # join is as far away from both; measure comes after bake in the plan.
    assert diamond.succeed("split", length=24) == [start("bake", item) for item in range(4)]
    for item in range(20):
        assert diamond.succeed("bake", item) == [start("bake", item + 4)]
    assert diamond.fail("bake", 20) == [start("measure")]
    assert diamond.fail("measure", message="no scale") == []
    assert diamond.states() == {
        "split": "succeeded",
        "bake": "running",
        "measure": "failed",
        "join": "skipped",
        "report": "skipped",
    }
    diamond.succeed("bake", 21)
    diamond.succeed("bake", 22)
    assert diamond.succeed("bake", 23) == [RUN_FAILED]
    assert diamond.message("bake") == "1 of 24 items failed; item 20: no faces"
    assert diamond.message("measure") == "no scale"
    assert diamond.message("join") == diamond.message("report") == 'skipped because "Measure" failed'
    assert Counter(diamond.item_states("bake")) == {"succeeded": 23, "failed": 1}


# Cancelling


def test_cancelling_a_run_stops_what_runs_and_ends_the_rest(stage: StageFactory) -> None:
    graph = stage("a; b: *3; c: a b", workers=3)
    assert graph.run() == [start("a"), start("b", 0), start("b", 1)]
    graph.succeed("b", 0)
    assert graph.cancel() == [stop("a"), stop("b", 1), stop("b", 2), RUN_CANCELLED]
    assert graph.states() == {"a": "cancelled", "b": "cancelled", "c": "cancelled"}
    assert graph.item_states("b") == ["succeeded", "cancelled", "cancelled"]
    assert graph.message("b") is None
    assert graph.cancel() == []


def test_cancelling_a_run_keeps_what_ended_before(stage: StageFactory) -> None:
    graph = stage("a; b; c: a; d: b; e: *2", workers=2)
    graph.run()
    graph.succeed("a")
    graph.fail("b")
    graph.cancel()
    states = {"a": "succeeded", "b": "failed", "c": "cancelled", "d": "skipped", "e": "cancelled"}
    assert graph.states() == states


def test_a_cancelled_map_still_tells_which_items_failed(stage: StageFactory) -> None:
    mapped = stage("bake: *3", workers=1)
    mapped.run()
    mapped.fail("bake", 0)
    assert mapped.cancel() == [stop("bake", 1), RUN_CANCELLED]
    assert mapped.item_states("bake") == ["failed", "cancelled", "cancelled"]
    assert mapped.message("bake") == "1 of 3 items failed; item 0: no faces"
    assert mapped.scheduler.tasks["bake"].num_done == 1


def test_cancelling_a_run_before_it_starts_finishes_it(stage: StageFactory) -> None:
    graph = stage("a; b: a")
    assert graph.cancel() == [RUN_CANCELLED]
    assert graph.run() == []
    assert graph.states() == {"a": "cancelled", "b": "cancelled"}


def test_cancelling_a_running_task_frees_its_worker_and_skips_its_dependents(stage: StageFactory) -> None:
    graph = stage("bake; b; c; d: bake", workers=2)
    assert graph.run() == [start("bake"), start("b")]
    assert graph.cancel("bake") == [stop("bake"), start("c")]
    assert graph.states() == {"bake": "cancelled", "b": "running", "c": "running", "d": "skipped"}
    assert graph.message("d") == 'skipped because "Bake" was cancelled'
    graph.succeed("b")
    assert graph.succeed("c") == [RUN_FAILED]


def test_cancelling_a_waiting_task_needs_no_stop(stage: StageFactory) -> None:
    graph = stage("a; b: a; c: b")
    graph.run()
    assert graph.cancel("b") == []
    assert graph.states() == {"a": "running", "b": "cancelled", "c": "skipped"}
    assert graph.succeed("a") == [RUN_FAILED]


def test_cancelling_a_ready_task_takes_it_off_the_queue(stage: StageFactory) -> None:
    graph = stage("a; b; c", workers=1)
    graph.run()
    assert graph.cancel("b") == []
    assert graph.succeed("a") == [start("c")]


def test_cancelling_a_task_before_the_run_starts_starts_nothing(stage: StageFactory) -> None:
    graph = stage("a; b")
    assert graph.cancel("a") == []
    assert graph.run() == [start("b")]


def test_cancelling_all_tasks_before_the_run_starts_finishes_it_at_its_start(stage: StageFactory) -> None:
    single = stage("a")
    assert single.cancel("a") == []
    assert single.run() == [RUN_FAILED]


def test_cancelling_the_last_task_finishes_the_run(stage: StageFactory) -> None:
    single = stage("a")
    single.run()
    assert single.cancel("a") == [stop("a"), RUN_FAILED]


def test_cancelling_a_final_task_does_nothing(stage: StageFactory) -> None:
    graph = stage("a; b: a")
    graph.run()
    graph.succeed("a")
    assert graph.cancel("a") == []
    assert graph.states() == {"a": "succeeded", "b": "running"}


def test_cancelling_an_unknown_task_raises(stage: StageFactory) -> None:
    with pytest.raises(KeyError):
        stage("a").cancel("b")


@pytest.mark.parametrize("late", [Stage.begin, Stage.succeed, Stage.fail, Stage.die])
def test_what_a_cancelled_task_still_sends_is_ignored(stage: StageFactory, late: Callable[..., object]) -> None:
    graph = stage("a; b; c: a")
    graph.run()
    graph.cancel("a")
    assert late(graph, "a") == []
    assert graph.progress(0.5, "a") == []
    assert graph.states() == {"a": "cancelled", "b": "running", "c": "skipped"}
    assert graph.scheduler.tasks["a"].progress == 0.0


def test_a_success_that_overtakes_its_cancel_stands(stage: StageFactory) -> None:
    single = stage("a")
    single.run()
    assert single.succeed("a") == [RUN_SUCCEEDED]
    assert single.cancel("a") == []
    assert single.cancel() == []
    assert single.scheduler.state is RunState.SUCCEEDED


# Workers that die


def test_a_dead_worker_is_answered_by_another_attempt(stage: StageFactory) -> None:
    single = stage("a")
    single.run()
    single.begin("a")
    single.progress(0.8, "a")
    assert single.die("a") == [start("a", attempt=2)]
    item = single.scheduler.tasks["a"].items[0]
    assert (item.progress, item.text, item.started, item.attempt) == (0.0, "", None, 2)
    assert single.scheduler.tasks["a"].progress == 0.0
    assert single.begin("a", attempt=2) == []
    assert single.succeed("a", attempt=2) == [RUN_SUCCEEDED]


def test_another_attempt_goes_before_others_of_its_rank(stage: StageFactory) -> None:
    graph = stage("gate rank=0; x: gate; y: gate; late rank=0", workers=2)
    assert graph.run() == [start("gate"), start("late")]
    assert graph.succeed("gate") == [start("x")]
    assert graph.die("late") == [start("late", attempt=2)]
    assert graph.succeed("x") == [start("y")]


def test_another_attempt_goes_after_a_higher_rank(stage: StageFactory) -> None:
    crowded = stage_with_a_queued_attempt(stage)
    assert crowded.succeed("x") == [start("late", attempt=2)]


def stage_with_a_queued_attempt(stage: StageFactory) -> Stage:
    """`x` and `y` run, and `late`, whose worker died, waits for its second attempt."""
    crowded = stage("gate; x: gate rank=9; y: gate rank=9; late", workers=2, timeout=60.0)
    assert crowded.run() == [start("gate"), start("late")]
    assert crowded.succeed("gate") == [start("x")]
    assert crowded.die("late") == [start("y")]
    assert (crowded.states()["late"], crowded.item_states("late")) == ("running", ["ready"])
    return crowded


def test_a_worker_that_dies_too_often_fails_the_item_and_says_so(stage: StageFactory) -> None:
    graph = stage("a retries=2; b: a")
    graph.run()
    assert graph.die("a") == [start("a", attempt=2)]
    assert graph.die("a", attempt=2) == [start("a", attempt=3)]
    assert graph.die("a", attempt=3) == [RUN_FAILED]
    assert graph.message("a") == "the worker died (killed by signal 9); tried 3 times"


def test_without_retries_the_first_death_fails(stage: StageFactory) -> None:
    single = stage("a retries=0")
    single.run()
    assert single.die("a") == [RUN_FAILED]
    assert single.message("a") == "the worker died (killed by signal 9)"


def test_a_failure_is_no_death_and_is_not_tried_again(stage: StageFactory) -> None:
    single = stage("a retries=3")
    single.run()
    assert single.fail("a") == [RUN_FAILED]


@pytest.mark.parametrize("late", [Stage.begin, Stage.succeed, Stage.fail, Stage.die])
def test_what_an_old_attempt_still_sends_is_ignored(stage: StageFactory, late: Callable[..., object]) -> None:
    single = stage("a")
    single.run()
    single.die("a")
    assert late(single, "a", attempt=1) == []
    assert single.progress(0.5, "a", attempt=1) == []
    assert single.scheduler.tasks["a"].progress == 0.0
    assert single.succeed("a", attempt=2) == [RUN_SUCCEEDED]


def test_an_item_that_waits_for_another_attempt_can_be_cancelled(stage: StageFactory) -> None:
    crowded = stage_with_a_queued_attempt(stage)
    assert crowded.cancel("late") == []
    assert crowded.item_states("late") == ["cancelled"]


def test_an_attempt_that_was_not_started_cannot_send_anything(stage: StageFactory) -> None:
    crowded = stage_with_a_queued_attempt(stage)
    with pytest.raises(InvalidTransitionError, match="item 0 is ready, attempt 2"):
        crowded.begin("late", attempt=2)


# Time


def test_a_task_times_out_after_its_start_on_the_worker(stage: StageFactory) -> None:
    graph = stage("bake timeout=5; end: bake")
    graph.run()
    assert graph.scheduler.next_deadline() is None
    graph.time = 10.0
    graph.begin("bake")
    assert graph.scheduler.next_deadline() == 15.0
    assert graph.pass_time(14.9) == []
    assert graph.pass_time(15.0) == [stop("bake"), RUN_FAILED]
    assert graph.states() == {"bake": "timed_out", "end": "skipped"}
    assert graph.message("bake") == "timed out after 5 s"
    assert graph.message("end") == 'skipped because "Bake" timed out'
    assert graph.succeed("bake") == []
    assert graph.scheduler.next_deadline() is None


def test_an_item_that_times_out_makes_room_for_the_next(stage: StageFactory) -> None:
    mapped = stage("bake: *3 timeout=2.5", workers=1)
    mapped.run()
    mapped.begin("bake", 0)
    assert mapped.pass_time(3.0) == [stop("bake", 0), start("bake", 1)]
    error = mapped.scheduler.tasks["bake"].items[0].error
    assert error == TaskError("timed out after 2.5 s")


def test_each_attempt_has_the_whole_timeout(stage: StageFactory) -> None:
    single = stage("a timeout=5")
    single.run()
    single.begin("a")
    single.time = 4.0
    single.die("a")
    assert single.scheduler.next_deadline() is None
    assert single.pass_time(6.0) == []
    single.begin("a", attempt=2)
    assert single.scheduler.next_deadline() == 11.0
    assert single.pass_time(11.0) == [stop("a", attempt=2), RUN_FAILED]


def test_the_next_deadline_is_the_earliest_that_still_counts(stage: StageFactory) -> None:
    graph = stage("a timeout=9; b timeout=3; c timeout=6", workers=3, timeout=100.0)
    assert graph.scheduler.next_deadline() is None
    graph.run()
    assert graph.scheduler.next_deadline() == 100.0
    for task in "abc":
        graph.begin(task)
    assert graph.scheduler.next_deadline() == 3.0
    graph.succeed("b")
    assert graph.scheduler.next_deadline() == 6.0
    graph.cancel("c")
    assert graph.scheduler.next_deadline() == 9.0
    graph.succeed("a")
    assert graph.scheduler.next_deadline() is None


def test_a_run_that_times_out_stops_what_runs_and_skips_what_never_started(stage: StageFactory) -> None:
    graph = stage("done; a; b: *3; c; d: a", workers=2, timeout=60.0)
    graph.time = 1.0
    assert graph.run() == [start("a"), start("done")]
    graph.succeed("done")
    graph.fail("b", 0)
    assert graph.pass_time(60.9) == []
    assert graph.pass_time(61.0) == [stop("a"), stop("b", 1), RUN_FAILED]
    states = {"done": "succeeded", "a": "timed_out", "b": "timed_out", "c": "skipped", "d": "skipped"}
    assert graph.states() == states
    assert graph.item_states("b") == ["failed", "timed_out", "skipped"]
    for task in "acd":
        assert graph.message(task) == "the run timed out after 60 s"
    assert graph.message("b") == "the run timed out after 60 s; 1 of 3 items failed; item 0: no faces"
    assert graph.pass_time(99.0) == []


def test_a_run_that_times_out_between_two_attempts_times_the_item_out(stage: StageFactory) -> None:
    crowded = stage_with_a_queued_attempt(stage)
    assert crowded.pass_time(60.0) == [stop("x"), stop("y"), RUN_FAILED]
    assert crowded.states() == {"gate": "succeeded", "x": "timed_out", "y": "timed_out", "late": "timed_out"}
    assert crowded.item_states("late") == ["timed_out"]


@pytest.mark.parametrize("timeout", [None, 0.0])
def test_a_run_without_a_timeout_never_times_out(stage: StageFactory, timeout: float | None) -> None:
    single = stage("a", timeout=timeout)
    single.run()
    single.begin("a")
    assert single.scheduler.next_deadline() is None
    assert single.pass_time(1e9) == []


def test_time_before_the_run_starts_does_not_count(stage: StageFactory) -> None:
    single = stage("a", timeout=5.0)
    assert single.pass_time(100.0) == []
    assert single.run() == [start("a")]
    assert single.scheduler.next_deadline() == 105.0


# Progress


def test_a_tasks_progress_is_that_of_its_item(stage: StageFactory) -> None:
    single = stage("a")
    single.run()
    single.progress(0.25, "a")
    record = single.scheduler.tasks["a"]
    assert (record.progress, record.text, record.num_items, record.num_done) == (0.25, "at 0.25", 1, 0)


def test_a_maps_progress_is_the_mean_of_its_items(stage: StageFactory) -> None:
    mapped = stage("bake: *4", workers=3)
    mapped.run()
    record = mapped.scheduler.tasks["bake"]
    mapped.progress(0.5, "bake", 0)
    mapped.progress(0.25, "bake", 1)
    assert record.progress == pytest.approx(0.75 / 4)
    mapped.succeed("bake", 0)
    assert record.progress == pytest.approx(1.25 / 4)
    assert record.items[0].progress == 1.0
    mapped.die("bake", 1)
    assert record.progress == pytest.approx(1.0 / 4)


@pytest.mark.parametrize(("fraction", "shown"), [(-1.0, 0.0), (1.5, 1.0), (math.inf, 1.0), (-math.inf, 0.0)])
def test_progress_is_clamped(stage: StageFactory, fraction: float, shown: float) -> None:
    single = stage("a")
    single.run()
    single.progress(fraction, "a")
    assert single.scheduler.tasks["a"].progress == shown


def test_progress_that_is_no_number_changes_the_text_only(stage: StageFactory) -> None:
    single = stage("a")
    single.run()
    single.progress(0.5, "a")
    single.progress(math.nan, "a")
    assert single.scheduler.tasks["a"].progress == 0.5
    assert single.scheduler.tasks["a"].text == "at nan"


# Pause


def test_a_pause_freezes_what_runs_and_starts_nothing(stage: StageFactory) -> None:
    graph = stage("a; b; c")
    graph.run()
    graph.begin("a")
    assert graph.pause() == [freeze("a"), freeze("b")]
    assert graph.scheduler.is_paused
    assert graph.pause() == []
    assert graph.succeed("a") == []
    assert graph.resume() == [thaw("b"), start("c")]
    assert graph.resume() == []
    assert not graph.scheduler.is_paused


def test_no_time_counts_while_paused(stage: StageFactory) -> None:
    graph = stage("a timeout=5", timeout=60.0)
    graph.time = 10.0
    graph.run()
    graph.begin("a")
    assert graph.scheduler.next_deadline() == 15.0
    graph.time = 12.0
    graph.pause()
    assert graph.scheduler.next_deadline() is None
    assert graph.pass_time(1000.0) == []
    graph.resume()
    assert graph.scheduler.next_deadline() == 1003.0
    graph.time = 1001.0
    graph.tell(TaskSucceeded(graph.time, "a", 0, 1, {}, Usage(seconds=991.0)))
    record = graph.scheduler.tasks["a"]
    assert (record.started, record.finished) == (10.0, 13.0)
    assert record.items[0].usage.seconds == 3.0
    assert graph.scheduler.finished == 13.0


def test_a_runs_timeout_waits_for_a_pause(stage: StageFactory) -> None:
    graph = stage("a", timeout=60.0)
    graph.run()
    graph.time = 59.0
    graph.pause()
    graph.time = 500.0
    graph.resume()
    assert graph.pass_time(500.5) == []
    assert graph.pass_time(501.0) == [stop("a"), RUN_FAILED]


def test_a_paused_run_can_be_cancelled(stage: StageFactory) -> None:
    graph = stage("a; b; c")
    graph.run()
    graph.pause()
    assert graph.cancel("a") == [stop("a")]
    assert graph.cancel() == [stop("b"), RUN_CANCELLED]
    assert not graph.scheduler.is_paused
    assert graph.resume() == graph.pause() == []


def test_a_run_whose_last_task_could_not_be_frozen_ends(stage: StageFactory) -> None:
    graph = stage("a")
    graph.run()
    graph.pause()
    assert graph.succeed("a") == [RUN_SUCCEEDED]
    assert not graph.scheduler.is_paused


def test_a_worker_that_dies_while_paused_is_replaced_on_resume(stage: StageFactory) -> None:
    graph = stage("a")
    graph.run()
    graph.begin("a")
    graph.pause()
    assert graph.die("a") == []
    assert graph.resume() == [start("a", attempt=2)]


# Stop after the current tasks


def test_stopping_after_the_current_tasks_cancels_the_rest(stage: StageFactory) -> None:
    graph = stage("a; bake: *3; c: a bake; d", workers=2)
    graph.run()
    assert graph.finish_current() == []
    assert graph.scheduler.is_finishing
    assert graph.states() == {"a": "running", "bake": "running", "c": "cancelled", "d": "cancelled"}
    assert graph.item_states("bake") == ["running", "cancelled", "cancelled"]
    assert graph.succeed("a") == []
    assert graph.succeed("bake") == [RUN_CANCELLED]
    assert graph.states() == {"a": "succeeded", "bake": "cancelled", "c": "cancelled", "d": "cancelled"}


def test_stopping_when_all_that_is_left_runs_lets_the_run_succeed(stage: StageFactory) -> None:
    graph = stage("a; b: a")
    graph.run()
    graph.succeed("a")
    graph.finish_current()
    assert graph.succeed("b") == [RUN_SUCCEEDED]


def test_stopping_when_nothing_runs_ends_at_once(stage: StageFactory) -> None:
    graph = stage("a")
    graph.run()
    graph.pause()
    graph.die("a")
    assert graph.finish_current() == [RUN_CANCELLED]


def test_stopping_lets_a_paused_run_go_on(stage: StageFactory) -> None:
    graph = stage("a; b: a")
    graph.run()
    graph.pause()
    assert graph.finish_current() == [thaw("a")]
    assert graph.succeed("a") == [RUN_CANCELLED]


def test_stopping_tries_nothing_again(stage: StageFactory) -> None:
    graph = stage("a retries=3")
    graph.run()
    graph.finish_current()
    assert graph.die("a") == [RUN_FAILED]
    assert graph.message("a") == "the worker died (killed by signal 9)"


# Retry


def test_a_retry_runs_what_did_not_succeed(stage: StageFactory) -> None:
    graph = stage("a; b: a; c: b; d: a", workers=9)
    graph.run()
    graph.succeed("a")
    graph.succeed("d")
    assert graph.fail("b") == [RUN_FAILED]
    assert graph.retry() == [start("b", attempt=2)]
    assert graph.scheduler.state is RunState.RUNNING
    assert graph.states() == {"a": "succeeded", "b": "running", "c": "waiting", "d": "succeeded"}
    assert graph.message("b") is None
    assert [record.round for record in graph.scheduler.tasks.values()] == [0, 1, 1, 0]
    assert graph.succeed("b", attempt=2) == [start("c")]
    assert graph.succeed("c") == [RUN_SUCCEEDED]


def test_a_retry_of_a_mapped_task_runs_its_items_that_did_not_succeed(stage: StageFactory) -> None:
    graph = stage("bake: *4; join: bake", workers=4)
    graph.run()
    graph.succeed("bake", 0)
    graph.fail("bake", 1)
    graph.succeed("bake", 2)
    assert graph.fail("bake", 3) == [RUN_FAILED]
    assert graph.retry() == [start("bake", 1, 2), start("bake", 3, 2)]
    assert (graph.scheduler.tasks["bake"].num_done, graph.scheduler.tasks["bake"].progress) == (2, 0.5)
    graph.succeed("bake", 1, 2)
    assert graph.succeed("bake", 3, 2) == [start("join")]


def test_a_retry_gives_each_item_all_its_tries_again(stage: StageFactory) -> None:
    graph = stage("a retries=1")
    graph.run()
    graph.die("a")
    assert graph.die("a", attempt=2) == [RUN_FAILED]
    assert graph.retry() == [start("a", attempt=3)]
    assert graph.die("a", attempt=3) == [start("a", attempt=4)]
    assert graph.die("a", attempt=4) == [RUN_FAILED]
    assert graph.message("a") == "the worker died (killed by signal 9); tried 2 times"


def test_a_retry_counts_no_time_before_it(stage: StageFactory) -> None:
    graph = stage("a timeout=5", timeout=60.0)
    graph.run()
    graph.begin("a")
    graph.pass_time(5.0)
    graph.time = 1000.0
    graph.retry()
    assert graph.scheduler.next_deadline() == 1060.0
    graph.time = 1001.0
    graph.begin("a", attempt=2)
    assert graph.scheduler.next_deadline() == 1006.0
    assert graph.pass_time(1006.0) == [stop("a", attempt=2), RUN_FAILED]
    assert graph.scheduler.finished == 11.0


def test_a_retry_takes_the_task_in_its_new_form(stage: StageFactory) -> None:
    graph = stage("a retries=0")
    graph.run()
    graph.die("a")
    fixed = dataclasses.replace(graph.scheduler.tasks["a"].planned, script=ScriptSource("fixed", "test"))
    graph.retry(fixed)
    assert graph.scheduler.tasks["a"].planned is fixed


def test_a_cancelled_run_can_be_retried_whole(stage: StageFactory) -> None:
    graph = stage("a; b: a; c", workers=1)
    graph.run()
    graph.succeed("a")
    graph.cancel()
    assert graph.retry() == [start("b", attempt=2)]
    assert graph.succeed("b", attempt=1) == []
    assert graph.succeed("b", attempt=2) == [start("c", attempt=2)]
    assert graph.succeed("c", attempt=2) == [RUN_SUCCEEDED]


def test_a_retry_after_lists_of_different_lengths_counts_them_anew(stage: StageFactory) -> None:
    graph = stage("split[]; bake: *split *2")
    graph.run()
    assert graph.succeed("split", length=3) == [RUN_FAILED]
    assert graph.retry() == [RUN_FAILED]


@pytest.mark.parametrize("is_over", [False, True])
def test_what_runs_or_succeeded_cannot_be_retried(stage: StageFactory, is_over: bool) -> None:
    graph = stage("a")
    graph.run()
    if is_over:
        graph.succeed("a")
    with pytest.raises(InvalidTransitionError, match="can't be"):
        graph.retry()


# What can't be


@pytest.mark.parametrize(
    "event",
    [
        TaskStarted(1.0, "nobody", 0, 1),
        TaskStarted(1.0, "a", 1, 1),
        TaskStarted(1.0, "a", -1, 1),
        TaskSucceeded(1.0, "a", 0, 2, {}),
        TaskStarted(1.0, "b", 0, 1),
        TaskFailed(1.0, "c", 0, 1, TaskError("no faces")),
        TaskProgressed(1.0, "c", 0, 1, 0.5, ""),
        WorkerDied(1.0, "d", 0, 1, "killed by signal 9"),
        RunStarted(1.0),
    ],
    ids=str,
)
def test_an_event_that_cannot_be_raises_and_changes_nothing(stage: StageFactory, event: Event) -> None:
    graph = stage("a; b; c; d: a", workers=1)
    graph.run()
    before = graph.states()
    with pytest.raises(InvalidTransitionError, match="can't be"):
        graph.tell(event)
    assert graph.states() == before
    assert graph.succeed("a") == [start("b")]


def test_a_task_cannot_start_twice(stage: StageFactory) -> None:
    single = stage("a")
    single.run()
    single.begin("a")
    with pytest.raises(InvalidTransitionError, match=r"started at 0\.000"):
        single.begin("a")


def test_nothing_can_happen_to_a_task_before_the_run_starts(stage: StageFactory) -> None:
    with pytest.raises(InvalidTransitionError, match="has 0 items"):
        stage("a").succeed("a")


def test_an_invalid_event_carries_the_tasks_story(stage: StageFactory) -> None:
    single = stage("bake")
    single.run()
    with pytest.raises(InvalidTransitionError, match='task "Bake"') as caught:
        single.succeed("bake", attempt=2)
    assert caught.value.story == (
        "0.000 waiting -> ready",
        "0.000 ready -> running",
        "0.000 item 0, attempt 1: ready -> running",
    )


def test_a_story_keeps_its_last_lines_only(stage: StageFactory) -> None:
    mapped = stage("bake: *100", workers=100)
    mapped.run()
    assert len(mapped.scheduler.tasks["bake"].story) == 50


def test_a_retry_opens_each_final_state_but_the_success_of_an_item() -> None:
    final = {state for state in TaskState if state.is_final}
    assert (set(TASK_RETRIES), set(ITEM_RETRIES)) == (final, final - {TaskState.SUCCEEDED})
    assert not any(state.is_final for table in (TASK_RETRIES, ITEM_RETRIES) for state in table.values())


@pytest.mark.parametrize("table", [TASK_TRANSITIONS, ITEM_TRANSITIONS], ids=["tasks", "items"])
def test_final_states_and_no_others_have_no_way_out(table: Mapping[TaskState, frozenset[TaskState]]) -> None:
    assert not any(state.is_final for state in table)
    assert {state for ways in table.values() for state in ways if not state.is_final} <= table.keys()


def test_a_transition_that_is_not_in_the_table_raises(stage: StageFactory) -> None:
    record = Scheduler(parse_plan("a"), 1).tasks["a"]
    with pytest.raises(InvalidTransitionError, match="a waiting task can't become succeeded"):
        record.move(TaskState.SUCCEEDED, 0.0)


def test_validation_finds_a_record_that_lies() -> None:
    scheduler = Scheduler(parse_plan("a"), 1)
    scheduler.handle(RunStarted(0.0))
    scheduler.tasks["a"].num_open = 7
    with pytest.raises(InvalidTransitionError, match="num_open"):
        scheduler.validate()


# At random


def random_plan(chance: random.Random) -> str:
    lines: list[str] = []
    for index in range(chance.randint(1, 14)):
        sources = chance.sample(range(index), min(index, chance.choice((0, 1, 1, 2, 3))))
        words = [f"t{source}" for source in sources]
        lists = [source for source in sources if lines[source].startswith(f"t{source}[]") or "*" in lines[source]]
        if lists and chance.random() < 0.6:
            words[sources.index(lists[0])] = f"*t{lists[0]}"
        elif chance.random() < 0.3:
            words.append(f"*{chance.randint(0, 6)}")
        name = f"t{index}[]" if chance.random() < 0.4 else f"t{index}"
        lines.append(f"{name}: {' '.join(words)} retries={chance.randint(0, 2)} timeout={chance.choice((0, 0, 5))}")
    return "\n".join(lines)


def elements_there(record: TaskRecord) -> list[bool]:
    """Of each element that a task gives, whether it is there: an item that did not succeed stands for one."""
    found: list[bool] = []
    for item in record.items:
        is_there = item.state is TaskState.SUCCEEDED
        found += [is_there] * (item.lengths["result"] if is_there and record.planned.outputs[0].type.is_list else 1)
    return found


class Simulation:
    """Random workers: they start, report, succeed, fail, die, hang, and send messages after they were stopped."""

    def __init__(self, stage: Stage, workers: int, chance: random.Random) -> None:
        self.stage = stage
        self.scheduler = stage.scheduler
        self.workers = workers
        self.chance = chance
        self.plan = {task: record.planned for task, record in self.scheduler.tasks.items()}
        self.busy: list[StartTask] = []
        self.begun: set[StartTask] = set()
        self.overtaken: list[StartTask] = []
        self.first_attempts: dict[tuple[str, int], int] = {}
        self.frozen: set[StartTask] = set()
        self.finished: list[FinishRun] = []

    def run_to_end(self) -> None:
        self.carry_out(self.stage.run())
        self.run_on()

    def run_on(self) -> None:
        for _ in range(10_000):
            if self.finished:
                break
            self.carry_out(self.next_step())
            self.scheduler.validate()
        self.send_leftovers()

    def carry_out(self, instructions: list[Instruction]) -> None:
        for instruction in instructions:
            assert not self.finished
            match instruction:
                case StartTask():
                    self.start(instruction)
                case StopTask(task, item, attempt):
                    self.release(StartTask(task, item, attempt))
                case FreezeTask(task, item, attempt):
                    given = StartTask(task, item, attempt)
                    assert given in self.busy
                    assert given not in self.frozen
                    self.frozen.add(given)
                case ThawTask(task, item, attempt):
                    self.frozen.remove(StartTask(task, item, attempt))
                case FinishRun():
                    self.finished.append(instruction)

    def start(self, given: StartTask) -> None:
        planned = self.plan[given.task]
        first = self.first_attempts.setdefault((given.task, given.item), given.attempt)
        assert first <= given.attempt <= first + planned.settings.retries
        assert not self.scheduler.is_paused
        assert not self.scheduler.is_finishing
        assert self.is_all_there(planned, given.item)
        self.busy.append(given)
        assert len(self.busy) <= self.workers

    def is_all_there(self, planned: PlannedTask, item: int) -> bool:
        """Whether the tasks that an item depends on have ended, and have given what it takes."""
        records = [self.scheduler.tasks[dependency] for dependency in planned.dependencies]
        assert all(record.state.is_final for record in records)
        for argument in planned.arguments:
            (source,) = argument.sources
            if isinstance(source, FromTask):
                record = self.scheduler.tasks[source.task]
                is_there = elements_there(record) if argument.is_mapped else [record.state is TaskState.SUCCEEDED]
                if not is_there[item if argument.is_mapped else 0]:
                    return False
        return True

    def release(self, given: StartTask) -> None:
        self.busy.remove(given)
        self.frozen.discard(given)
        self.overtaken.append(given)

    def next_step(self) -> list[Instruction]:
        self.stage.time += self.chance.random()
        roll = self.chance.random()
        if roll < 0.01:
            return self.stage.cancel(self.chance.choice(list(self.plan)))
        if roll < 0.012:
            return self.stage.cancel()
        if roll < 0.015:
            return self.stage.finish_current()
        if roll < 0.04:
            return self.stage.pause()
        if self.scheduler.is_paused and roll < 0.5:
            return self.stage.resume()
        if roll < 0.1:
            return self.stage.tell(TimePassed(self.stage.time))
        if roll < 0.15 and self.overtaken:
            return self.send_late(self.chance.choice(self.overtaken))
        return self.work(self.chance.choice(self.busy)) if self.busy else []

    def retry(self) -> None:
        """Retry the run, which is over."""
        self.stage.time += 100.0
        self.first_attempts.clear()
        self.finished.clear()
        self.carry_out(self.stage.retry())
        self.scheduler.validate()
        self.run_on()

    def work(self, given: StartTask) -> list[Instruction]:
        name = (given.task, given.item, given.attempt)
        if given not in self.begun:
            self.begun.add(given)
            return self.stage.begin(*name)
        roll = self.chance.random()
        if roll < 0.4:
            return self.stage.progress(self.chance.uniform(-0.2, 1.2), *name)
        self.release(given)
        if roll < 0.85:
            return self.stage.succeed(*name, length=self.chance.randint(0, 4))
        return self.stage.fail(*name) if roll < 0.92 else self.stage.die(*name)

    def send_late(self, given: StartTask) -> list[Instruction]:
        name = (given.task, given.item, given.attempt)
        send = self.chance.choice((self.stage.begin, self.stage.succeed, self.stage.fail, self.stage.die))
        assert send(*name) == []
        return []

    def send_leftovers(self) -> None:
        assert self.busy == []
        for given in self.overtaken:
            self.send_late(given)
        assert self.stage.pass_time(self.stage.time + 1e6) == []


@pytest.mark.parametrize("seed", range(300))
def test_random_plans_with_random_outcomes_come_to_an_end(stage: StageFactory, seed: int) -> None:
    chance = random.Random(seed)
    workers = chance.randint(1, 5)
    simulation = Simulation(stage(random_plan(chance), workers, chance.choice((None, None, 20.0))), workers, chance)
    simulation.run_to_end()
    scheduler = simulation.scheduler
    succeeded = {name for name, record in scheduler.tasks.items() if record.state is TaskState.SUCCEEDED}
    if scheduler.state is not RunState.SUCCEEDED and len(succeeded) < len(scheduler.tasks):
        simulation.retry()
        assert all(scheduler.tasks[name].state is TaskState.SUCCEEDED for name in succeeded)
    states = {record.state for record in scheduler.tasks.values()}
    assert simulation.finished == [FinishRun(scheduler.state)]
    assert all(state.is_final for state in states)
    for record in scheduler.tasks.values():
        for item in record.items:
            assert item.gap is None or not simulation.is_all_there(record.planned, item.index)
    if scheduler.state is not RunState.CANCELLED:
        assert (scheduler.state is RunState.SUCCEEDED) == (states == {TaskState.SUCCEEDED})


# Ten thousand tasks


def chain_plan() -> str:
    return "\n".join(["t0", *(f"t{index}: t{index - 1}" for index in range(1, 10_000))])


def fan_plan() -> str:
    return "\n".join(["t0", *(f"t{index}: t0" for index in range(1, 9_999)), "t9999: t1 t2 t3"])


def layered_plan() -> str:
    chance = random.Random(1)
    lines = [f"t{index}" for index in range(100)]
    for index in range(100, 10_000):
        layer = index // 100 * 100
        sources = chance.sample(range(layer - 100, layer), 3)
        lines.append(f"t{index}: {' '.join(f't{source}' for source in sources)}")
    return "\n".join(lines)


def map_plan() -> str:
    return "split[]; bake: *split; join: bake"


def succeed_to_end(stage: Stage) -> int:
    pending = stage.run()
    num_started = 0
    while not isinstance(pending[-1], FinishRun):
        instruction = pending.pop()
        assert isinstance(instruction, StartTask)
        num_started += 1
        stage.time += 0.001
        name = (instruction.task, instruction.item, instruction.attempt)
        stage.begin(*name)
        stage.progress(0.5, *name)
        pending += stage.succeed(*name, length=10_000)
    return num_started


@pytest.mark.parametrize(
    ("make_plan", "num_items"),
    [(chain_plan, 10_000), (fan_plan, 10_000), (layered_plan, 10_000), (map_plan, 10_002)],
)
def test_ten_thousand_tasks_run_to_the_end(
    stage: StageFactory,
    make_plan: Callable[[], str],
    num_items: int,
) -> None:
    large = stage(make_plan(), workers=8)
    assert succeed_to_end(large) == num_items
    assert large.scheduler.state is RunState.SUCCEEDED


def test_a_failure_skips_a_chain_of_ten_thousand(stage: StageFactory) -> None:
    chain = stage(chain_plan())
    chain.run()
    assert chain.fail("t0") == [RUN_FAILED]
    assert chain.message("t9999") == 'skipped because "T0" failed'


def test_ten_thousand_empty_maps_in_a_row_succeed_at_once(stage: StageFactory) -> None:
    lines = ["t0: *0", *(f"t{index}: *t{index - 1}" for index in range(1, 10_000))]
    assert stage("\n".join(lines)).run() == [RUN_SUCCEEDED]
