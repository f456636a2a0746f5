# SPDX-License-Identifier: GPL-3.0-or-later
"""Look-ups and errands in the scheduler: what is found, copied or gathered before an item starts or results come home.

Tested one by one, as in `test_scheduler`; and with random events, where every run must end.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from background_nodes.runtime.errors import InvalidTransitionError
from background_nodes.runtime.planning.plan import Plan
from background_nodes.runtime.scheduling.events import (
    CancelRequested,
    EndRequested,
    Errand,
    ErrandFailed,
    ErrandLost,
    ErrandStarted,
    ErrandSucceeded,
    Event,
    FinishCurrentRequested,
    FinishRun,
    FreezeErrand,
    FreezeTask,
    GatherResults,
    InputsMissing,
    Instruction,
    LookUp,
    PauseRequested,
    ResultFound,
    ResultMissing,
    ResultsScattered,
    ResumeRequested,
    RetryRequested,
    RunBroke,
    RunStarted,
    StartErrand,
    StartTask,
    StopErrand,
    StopTask,
    TaskError,
    TaskFailed,
    TaskStarted,
    TaskSucceeded,
    ThawErrand,
    ThawTask,
    TimePassed,
    WorkerDied,
)
from background_nodes.runtime.scheduling.scheduler import Scheduler
from background_nodes.runtime.scheduling.states import RunState

from .plan_text import of_meshes

COPY = Errand("copy", "Copying scene.blend", is_needed=True, timeout=100.0)
GATHER = Errand("gather", "Gathering data-blocks", is_needed=False, timeout=10.0)
MORE = Errand("more", "Gathering data-blocks", is_needed=False, timeout=10.0)


class Stage:
    """A scheduler, and what may happen to it at `time`. Each method tells it one event and gives its instructions."""

    def __init__(self, plan: Plan, workers: int, timeout: float | None, *, looks_up: bool = False) -> None:
        self.scheduler = Scheduler(plan, workers, timeout, looks_up=looks_up)
        self.time = 0.0

    def tell(self, event: Event) -> list[Instruction]:
        instructions = self.scheduler.handle(event)
        self.scheduler.validate()
        return instructions

    def run(self) -> list[Instruction]:
        return self.tell(RunStarted(self.time))

    def miss(self, task: str, *errands: Errand, item: int = 0, attempt: int = 1) -> list[Instruction]:
        return self.tell(InputsMissing(self.time, task, item, attempt, errands))

    def find(self, task: str, item: int = 0, attempt: int = 1) -> list[Instruction]:
        return self.tell(ResultFound(self.time, task, item, attempt, {}))

    def miss_result(self, task: str, item: int = 0, attempt: int = 1) -> list[Instruction]:
        return self.tell(ResultMissing(self.time, task, item, attempt))

    def begin(self, errand: Errand, attempt: int = 1) -> list[Instruction]:
        return self.tell(ErrandStarted(self.time, errand.id, attempt))

    def do(self, errand: Errand, attempt: int = 1) -> list[Instruction]:
        return self.tell(ErrandSucceeded(self.time, errand.id, attempt))

    def fail(self, errand: Errand, attempt: int = 1) -> list[Instruction]:
        return self.tell(ErrandFailed(self.time, errand.id, attempt, TaskError("disk full")))

    def lose(self, errand: Errand, attempt: int = 1) -> list[Instruction]:
        return self.tell(ErrandLost(self.time, errand.id, attempt, "killed by signal 9"))

    def succeed(self, task: str, item: int = 0, attempt: int = 1) -> list[Instruction]:
        return self.tell(TaskSucceeded(self.time, task, item, attempt, {}))

    def cancel(self, task: str | None = None) -> list[Instruction]:
        return self.tell(CancelRequested(self.time, task))

    def pass_time(self, time: float) -> list[Instruction]:
        self.time = time
        return self.tell(TimePassed(time))

    def state(self, task: str) -> str:
        return self.scheduler.tasks[task].state.value

    def message(self, task: str) -> str:
        error = self.scheduler.tasks[task].error
        return error.message if error else ""


@pytest.fixture
def stage() -> Callable[..., Stage]:
    def make(
        text: str, *delivered: str, workers: int = 2, timeout: float | None = None, looks_up: bool = False
    ) -> Stage:
        made = Stage(of_meshes(text, *delivered), workers, timeout, looks_up=looks_up)
        made.run()
        return made

    return make


StageFactory = Callable[..., Stage]


def start(task: str, item: int = 0, attempt: int = 1) -> StartTask:
    return StartTask(task, item, attempt)


def look_up(task: str, item: int = 0, attempt: int = 1) -> LookUp:
    return LookUp(task, item, attempt)


# Before an item waits for a worker


def test_a_result_that_is_found_needs_no_worker(stage: StageFactory) -> None:
    chain = stage("a; b: a; c", workers=1, looks_up=True)
    assert chain.miss_result("c") == [start("c")], "the only worker"
    assert chain.find("a") == [look_up("b")]
    assert chain.find("b") == []
    assert chain.succeed("c") == [FinishRun(RunState.SUCCEEDED)]
    assert [task.is_cached for task in chain.scheduler.tasks.values()] == [True, True, False]


def test_results_are_looked_for_item_by_item(stage: StageFactory) -> None:
    mapped = stage("p: *3; q: p", looks_up=True)
    assert mapped.find("p", 1) == []
    assert mapped.miss_result("p", 0) == [start("p", 0)]
    assert mapped.find("p", 2) == []
    assert mapped.succeed("p", 0) == [look_up("q")]
    assert mapped.scheduler.tasks["p"].num_cached == 2
    assert not mapped.scheduler.tasks["p"].is_cached


def test_a_look_up_may_need_an_errand(stage: StageFactory) -> None:
    single = stage("a", looks_up=True)
    assert single.miss("a", MORE) == [StartErrand("more", 1)]
    assert single.do(MORE) == [look_up("a")]
    assert single.miss_result("a") == [start("a")]


def test_an_errand_of_a_look_up_may_fail(stage: StageFactory) -> None:
    single = stage("a", looks_up=True)
    single.miss("a", MORE)
    assert single.fail(MORE) == [look_up("a")]


def test_cancelling_ends_a_look_up_with_its_errand(stage: StageFactory) -> None:
    several = stage("a; b", looks_up=True)
    several.miss("a", MORE)
    assert several.cancel() == [StopErrand("more", 1), FinishRun(RunState.CANCELLED)]
    assert several.find("a") == [], "too late"
    assert several.miss_result("b") == []


def test_nothing_is_looked_for_while_a_run_is_paused(stage: StageFactory) -> None:
    chain = stage("a; b: a; c; d: c", looks_up=True)
    chain.miss("c", MORE)
    chain.tell(PauseRequested(0.0))
    assert chain.find("a") == chain.do(MORE) == []
    assert chain.cancel("c") == []
    assert chain.tell(ResumeRequested(0.0)) == [look_up("b")]
    assert chain.find("b") == [FinishRun(RunState.FAILED)], "one task was cancelled"


def test_a_worker_that_dies_does_not_lead_to_another_look_up(stage: StageFactory) -> None:
    single = stage("a", looks_up=True)
    single.miss_result("a")
    assert single.tell(WorkerDied(0.0, "a", 0, 1, "killed")) == [start("a", attempt=2)]


def test_a_retry_looks_up_what_did_not_succeed(stage: StageFactory) -> None:
    several = stage("a; b", looks_up=True)
    several.find("a")
    several.miss_result("b")
    several.tell(TaskFailed(0.0, "b", 0, 1, TaskError("no faces")))
    assert several.tell(RetryRequested(1.0)) == [look_up("b", attempt=2)]
    assert several.find("b", attempt=2) == [FinishRun(RunState.SUCCEEDED)]


def test_a_result_that_was_not_looked_for_is_an_error(stage: StageFactory) -> None:
    single = stage("a")
    with pytest.raises(InvalidTransitionError, match="item 0 is running"):
        single.find("a")


# Before an item starts


def test_what_an_item_misses_is_done_before_it_starts(stage: StageFactory) -> None:
    single = stage("a")
    assert single.miss("a", COPY, GATHER) == [StartErrand("copy", 1), StartErrand("gather", 1)]
    assert single.scheduler.tasks["a"].text == "Copying scene.blend"
    assert single.do(GATHER) == []
    assert single.do(COPY) == [start("a")]
    assert single.scheduler.tasks["a"].text == ""
    assert single.succeed("a") == [FinishRun(RunState.SUCCEEDED)]


def test_an_item_may_miss_something_else_after_that(stage: StageFactory) -> None:
    single = stage("a")
    single.miss("a", COPY)
    assert single.do(COPY) == [start("a")]
    assert single.miss("a", GATHER) == [StartErrand("gather", 1)]
    assert single.do(GATHER) == [start("a")]


def test_an_errand_that_several_wait_for_is_done_once(stage: StageFactory) -> None:
    several = stage("a; b; c", workers=3)
    assert several.miss("a", COPY) == [StartErrand("copy", 1)]
    assert several.miss("b", COPY, GATHER) == [StartErrand("gather", 1)]
    assert several.miss("c", COPY) == []
    assert several.do(COPY) == [start("a"), start("c")]
    assert several.do(GATHER) == [start("b")]


def test_an_item_that_waits_keeps_its_worker(stage: StageFactory) -> None:
    """Else the engine would get more requests than it has workers."""
    several = stage("a; b; c")
    assert several.miss("a", COPY) == [StartErrand("copy", 1)]
    assert several.miss("b", COPY) == []
    assert several.state("c") == "ready"


def test_a_needed_errand_that_fails_fails_who_waits_and_stops_what_else_they_wait_for(stage: StageFactory) -> None:
    several = stage("a; b; c: a", workers=2)
    several.miss("a", COPY, GATHER)
    several.miss("b", COPY)
    assert several.fail(COPY) == [StopErrand("gather", 1), FinishRun(RunState.FAILED)]
    assert [several.state(task) for task in "abc"] == ["failed", "failed", "skipped"]
    assert several.message("a") == "disk full"


def test_a_needed_errand_that_failed_is_tried_again_by_a_retry_only(stage: StageFactory) -> None:
    several = stage("a; b; c", workers=3)
    several.miss("a", COPY)
    several.fail(COPY)
    assert several.miss("b", COPY, GATHER) == [], "it would fail in the same way"
    assert several.miss("c", COPY) == [FinishRun(RunState.FAILED)]
    assert [several.message(task) for task in "abc"] == ["disk full"] * 3
    assert several.tell(RetryRequested(1.0)) == [start(task, attempt=2) for task in "abc"]
    assert several.miss("a", COPY, attempt=2) == [StartErrand("copy", 2)]


def test_an_errand_that_only_saves_time_may_fail(stage: StageFactory) -> None:
    single = stage("a")
    single.miss("a", GATHER, MORE)
    assert single.fail(GATHER) == []
    assert single.do(MORE) == [start("a")]


def test_a_lost_errand_is_tried_once_more(stage: StageFactory) -> None:
    single = stage("a")
    single.miss("a", COPY)
    assert single.lose(COPY) == [StartErrand("copy", 2)]
    assert single.lose(COPY) == [], "of the first attempt"
    assert single.do(COPY) == []
    assert single.do(COPY, attempt=2) == [start("a")]


def test_an_errand_lost_twice_has_failed(stage: StageFactory) -> None:
    single = stage("a")
    single.miss("a", COPY)
    single.lose(COPY)
    assert single.lose(COPY, attempt=2) == [FinishRun(RunState.FAILED)]
    assert single.message("a") == "Copying scene.blend failed: the background Blender ended (killed by signal 9)"


def test_an_errand_that_is_done_again_has_attempts_of_its_own(stage: StageFactory) -> None:
    """1. `a` waits and is cancelled, 2. `b` waits for the same, 3. a report on the first attempt arrives."""
    several = stage("a; b", workers=1)
    several.miss("a", COPY)
    assert several.cancel("a") == [StopTask("a", 0, 1), StopErrand("copy", 1), start("b")]
    assert several.miss("b", COPY) == [StartErrand("copy", 2)]
    assert several.do(COPY, attempt=1) == []
    assert several.lose(COPY, attempt=2) == [StartErrand("copy", 3)], "it has all its tries"
    assert several.do(COPY, attempt=3) == [start("b")]


def test_an_errand_is_stopped_with_the_last_who_waits_for_it(stage: StageFactory) -> None:
    several = stage("a; b")
    several.miss("a", COPY)
    several.miss("b", COPY)
    assert several.cancel("a") == [StopTask("a", 0, 1)]
    assert several.cancel("b") == [StopTask("b", 0, 1), StopErrand("copy", 1), FinishRun(RunState.FAILED)]


def test_cancelling_a_run_stops_its_errands(stage: StageFactory) -> None:
    several = stage("a; b")
    several.miss("a", COPY)
    assert several.cancel() == [
        StopTask("a", 0, 1),
        StopErrand("copy", 1),
        StopTask("b", 0, 1),
        FinishRun(RunState.CANCELLED),
    ]


def test_a_run_that_broke_stops_its_errands(stage: StageFactory) -> None:
    single = stage("a")
    single.miss("a", COPY)
    broke = RunBroke(0.0, TaskError("a bug"))
    assert single.tell(broke) == [StopTask("a", 0, 1), StopErrand("copy", 1), FinishRun(RunState.FAILED)]
    assert single.message("a") == "a bug"


def test_a_run_that_broke_fails_an_item_that_waits_for_its_next_try(stage: StageFactory) -> None:
    """1. The item's worker died. 2. The run is paused, so the item is not started again. 3. The run broke."""
    single = stage("a")
    single.tell(PauseRequested(0.0))
    single.tell(WorkerDied(0.0, "a", 0, 1, "killed"))
    assert single.tell(RunBroke(0.0, TaskError("a bug"))) == [FinishRun(RunState.FAILED)]
    assert single.message("a") == "a bug"


@pytest.mark.parametrize("errand", [COPY, GATHER], ids=["needed", "not needed"])
def test_an_errand_times_out_after_its_start(stage: StageFactory, errand: Errand) -> None:
    single = stage("a")
    single.miss("a", errand)
    assert single.scheduler.next_deadline() is None, "it waits for a worker"
    single.pass_time(1000.0)
    single.begin(errand)
    assert single.scheduler.next_deadline() == 1000.0 + errand.timeout
    assert single.pass_time(999.0 + errand.timeout) == []
    after = FinishRun(RunState.FAILED) if errand.is_needed else start("a")
    assert single.pass_time(1000.0 + errand.timeout) == [StopErrand(errand.id, 1), after]
    assert single.message("a") == ("Copying scene.blend failed: it took longer than 100 s" if errand.is_needed else "")


def test_each_attempt_of_an_errand_has_all_the_time(stage: StageFactory) -> None:
    single = stage("a")
    single.miss("a", GATHER)
    single.begin(GATHER)
    single.pass_time(9.0)
    single.lose(GATHER)
    single.begin(GATHER, attempt=2)
    assert single.pass_time(18.9) == []
    assert single.pass_time(19.0) == [StopErrand("gather", 2), start("a")]


def test_an_item_that_waits_for_an_errand_uses_up_no_time_of_its_own(stage: StageFactory) -> None:
    single = stage("a: timeout=5")
    single.miss("a", COPY)
    single.begin(COPY)
    assert single.pass_time(99.0) == []


def test_what_is_missed_by_an_item_that_has_ended_is_ignored(stage: StageFactory) -> None:
    several = stage("a; b")
    several.cancel("a")
    assert several.miss("a", COPY) == []


def test_stopping_after_the_current_tasks_lets_errands_end(stage: StageFactory) -> None:
    several = stage("a; b: a", workers=1)
    several.miss("a", COPY)
    assert several.tell(FinishCurrentRequested(0.0)) == []
    assert several.do(COPY) == [start("a")]
    assert several.succeed("a") == [FinishRun(RunState.CANCELLED)]


# Pause


def test_errands_stand_still_with_their_run_and_no_time_counts(stage: StageFactory) -> None:
    single = stage("a")
    single.miss("a", GATHER)
    single.begin(GATHER)
    assert single.tell(PauseRequested(1.0)) == [FreezeTask("a", 0, 1), FreezeErrand("gather", 1)]
    assert single.pass_time(500.0) == []
    assert single.scheduler.next_deadline() is None
    assert single.tell(ResumeRequested(500.0)) == [ThawTask("a", 0, 1), ThawErrand("gather", 1)]
    assert single.scheduler.next_deadline() == 509.0


def test_what_starts_while_a_run_stands_still_stands_still(stage: StageFactory) -> None:
    """A report that an errand or an item started may arrive after the run was paused."""
    several = stage("a; b")
    several.miss("a", GATHER)
    several.tell(PauseRequested(0.0))
    assert several.miss("b", MORE) == [FreezeErrand("more", 1), StartErrand("more", 1)]
    assert several.lose(MORE) == [FreezeErrand("more", 2), StartErrand("more", 2)]
    assert several.do(GATHER) == [FreezeTask("a", 0, 1), start("a")]


# Before results come home


def test_results_are_gathered_before_the_run_ends(stage: StageFactory) -> None:
    single = stage("a", "a")
    assert single.succeed("a") == [GatherResults()]
    assert single.tell(ResultsScattered(0.0, (GATHER, MORE))) == [StartErrand("gather", 1), StartErrand("more", 1)]
    assert single.do(MORE) == []
    assert single.scheduler.state is RunState.RUNNING
    assert single.do(GATHER) == [FinishRun(RunState.SUCCEEDED)]


def test_results_that_need_no_gathering_end_the_run(stage: StageFactory) -> None:
    single = stage("a", "a")
    single.succeed("a")
    assert single.tell(ResultsScattered(0.0, ())) == [FinishRun(RunState.SUCCEEDED)]


def test_a_run_without_results_for_home_gathers_none(stage: StageFactory) -> None:
    assert stage("a").succeed("a") == [FinishRun(RunState.SUCCEEDED)]


@pytest.mark.parametrize("is_scattered", [False, True])
@pytest.mark.parametrize(
    ("event", "state"),
    [
        (CancelRequested(5.0, None), RunState.SUCCEEDED),
        (EndRequested(5.0), RunState.SUCCEEDED),
        (TimePassed(100.0), RunState.SUCCEEDED),
        (RunBroke(5.0, TaskError("a bug")), RunState.FAILED),
    ],
    ids=["cancelled", "ended", "timed out", "broke"],
)
def test_gathering_results_can_be_ended(stage: StageFactory, event: Event, state: RunState, is_scattered: bool) -> None:
    single = stage("a", "a", timeout=50.0)
    single.succeed("a")
    if is_scattered:
        single.tell(ResultsScattered(0.0, (GATHER,)))
        assert single.tell(event) == [StopErrand("gather", 1), FinishRun(state)]
    else:
        assert single.tell(event) == [FinishRun(state)]
        assert single.tell(ResultsScattered(100.0, (GATHER,))) == [], "too late"


def test_gathering_results_is_tried_twice_and_then_left(stage: StageFactory) -> None:
    single = stage("a", "a")
    single.succeed("a")
    single.tell(ResultsScattered(0.0, (GATHER,)))
    assert single.lose(GATHER) == [StartErrand("gather", 2)]
    assert single.lose(GATHER, attempt=2) == [FinishRun(RunState.SUCCEEDED)]


def test_a_cancelled_run_gathers_what_it_has(stage: StageFactory) -> None:
    several = stage("a; b", "a", "b")
    several.succeed("a")
    assert several.cancel() == [StopTask("b", 0, 1), GatherResults()]
    several.tell(ResultsScattered(0.0, (GATHER,)))
    assert several.do(GATHER) == [FinishRun(RunState.CANCELLED)]


def test_a_run_that_is_to_end_now_gathers_nothing(stage: StageFactory) -> None:
    several = stage("a; b", "a", "b")
    several.succeed("a")
    assert several.tell(EndRequested(0.0)) == [StopTask("b", 0, 1), FinishRun(RunState.CANCELLED)]
    assert several.tell(EndRequested(0.0)) == []


def test_a_retry_gathers_once_more(stage: StageFactory) -> None:
    several = stage("a; b", "a", "b")
    several.succeed("a")
    several.tell(TaskFailed(0.0, "b", 0, 1, TaskError("no faces")))
    several.tell(ResultsScattered(0.0, (GATHER,)))
    assert several.do(GATHER) == [FinishRun(RunState.FAILED)]
    several.tell(RetryRequested(1.0))
    assert several.succeed("b", attempt=2) == [GatherResults()]
    assert several.tell(ResultsScattered(1.0, (GATHER,))) == [StartErrand("gather", 2)]


# By chance


class Chance:
    """Random reports of an engine and random requests of an artist, in any order that can occur."""

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        self._draw = draw
        text = self.choose(["a", "a; b: a", "a; b; c: a b", "p: *3; q: p", "p: *5; q: *p; r: q p"])
        delivered = [name for name in "abcpqr" if name in text and self.choose([True, False])]
        plan, num_workers, timeout = of_meshes(text, *delivered), self.choose([1, 2, 9]), self.choose([None, 60.0])
        self.scheduler = Scheduler(plan, num_workers, timeout, looks_up=self.choose([True, False]))
        self.time = 0.0
        self.lookups: list[LookUp] = []
        self.tasks: list[StartTask] = []
        self.errands: list[StartErrand] = []
        self.old: list[StartTask | StartErrand] = []
        self.has_ended = False

    def choose(self, choices: list[object]) -> object:
        return choices[self._draw(st.integers(0, len(choices) - 1))]

    def tell(self, event: Event) -> None:
        instructions = self.scheduler.handle(event)
        self.scheduler.validate()
        assert not any(isinstance(each, FinishRun) for each in instructions[:-1])
        for instruction in instructions:
            self._carry_out(instruction)

    def _carry_out(self, instruction: Instruction) -> None:
        match instruction:
            case LookUp():
                assert instruction not in self.lookups
                self.lookups.append(instruction)
            case StartTask():
                assert instruction not in self.tasks
                self.tasks.append(instruction)
            case StartErrand():
                assert instruction not in [*self.errands, *self.old], "each attempt has a name of its own"
                self.errands.append(instruction)
            case StopTask(task, item, attempt):
                self._drop(self.tasks, StartTask(task, item, attempt))
            case StopErrand(errand, attempt):
                assert StartErrand(errand, attempt) in self.errands
                self._drop(self.errands, StartErrand(errand, attempt))
            case GatherResults():
                self.tell(ResultsScattered(self.time, self._some_errands()))
            case FinishRun():
                assert not self.tasks
                assert not self.errands
                self.has_ended = True

    def _drop(self, started: list[object], instruction: StartTask | StartErrand) -> None:
        if instruction in started:
            started.remove(instruction)
            self.old.append(instruction)

    def _some_errands(self) -> tuple[Errand, ...]:
        return tuple(errand for errand in (COPY, GATHER, MORE) if errand.id != "copy" and self.choose([True, False]))

    def happen(self) -> None:
        """One random event."""
        self.time += self.choose([0.0, 1.0, 30.0])
        where = self.choose(["lookup", "task", "errand", "artist", "late", "time"])
        if where == "task" and self.tasks:
            self._let_happen_to_task(self.choose(self.tasks))
        elif where == "lookup" and self.lookups:
            self._answer(self.choose(self.lookups), self.choose(["found", "missing", "errands"]))
        elif where == "errand" and self.errands:
            self._let_happen_to_errand(self.choose(self.errands))
        elif where == "late" and self.old:
            self._let_happen_late(self.choose(self.old))
        elif where == "artist":
            self._let_artist_do()
        else:
            self.tell(TimePassed(self.time))

    def _answer(self, lookup: LookUp, answer: object) -> None:
        self.lookups.remove(lookup)
        name = self.time, lookup.task, lookup.item, lookup.attempt
        answers = {"found": ResultFound(*name, {}), "errands": InputsMissing(*name, (MORE,))}
        self.tell(answers.get(answer, ResultMissing(*name)))

    def _let_happen_to_task(self, task: StartTask) -> None:
        name = self.time, task.task, task.item, task.attempt
        item = self.scheduler.tasks[task.task].items[task.item]
        match self.choose(["missing", "start", "succeed", "succeed", "fail", "die"]):
            case "missing" if item.started is None and (errands := (self.choose([COPY, GATHER]), MORE)):
                self.tasks.remove(task)
                self.tell(InputsMissing(*name, errands))
            case "start" if item.started is None:
                self.tell(TaskStarted(*name))
            case end:
                self.tasks.remove(task)
                self.old.append(task)
                ends = {
                    "fail": TaskFailed(*name, TaskError("no faces")),
                    "die": WorkerDied(*name, "killed by signal 9"),
                }
                self.tell(ends.get(end, TaskSucceeded(*name, {})))

    def _let_happen_to_errand(self, errand: StartErrand) -> None:
        name = self.time, errand.errand, errand.attempt
        end = self.choose(["start", "succeed", "succeed", "fail", "lose"])
        if end == "start":
            self.tell(ErrandStarted(*name))
            return
        self._drop(self.errands, errand)
        ends = {"fail": ErrandFailed(*name, TaskError("disk full")), "lose": ErrandLost(*name, "killed by signal 9")}
        self.tell(ends.get(end, ErrandSucceeded(*name)))

    def _let_happen_late(self, old: StartTask | StartErrand) -> None:
        if isinstance(old, StartErrand):
            name = self.time, old.errand, old.attempt
            self.tell(self.choose([ErrandSucceeded(*name), ErrandLost(*name, "late"), ErrandStarted(*name)]))
        else:
            where = self.time, old.task, old.item, old.attempt
            self.tell(self.choose([TaskSucceeded(*where, {}), WorkerDied(*where, "late")]))

    def _let_artist_do(self) -> None:
        task = self.choose(list(self.scheduler.tasks))
        plain = [PauseRequested, ResumeRequested, FinishCurrentRequested, EndRequested]
        event = self.choose([*plain, "cancel", "cancel task", "break"])
        if event == "cancel":
            self.tell(CancelRequested(self.time, None))
        elif event == "cancel task":
            self.tell(CancelRequested(self.time, task))
        elif event == "break":
            self.tell(RunBroke(self.time, TaskError("a bug")))
        else:
            self.tell(event(self.time))

    def carry_on_to_the_end(self) -> None:
        """The artist lets it go on, and everything succeeds."""
        self.tell(ResumeRequested(self.time))
        for _ in range(1000):
            if self.has_ended:
                return
            if self.lookups:
                self._answer(self.lookups[0], "missing")
            elif self.errands:
                errand = self.errands[0]
                self._drop(self.errands, errand)
                self.tell(ErrandSucceeded(self.time, errand.errand, errand.attempt))
            else:
                task = self.tasks.pop(0)
                self.tell(TaskSucceeded(self.time, task.task, task.item, task.attempt, {}))
        raise AssertionError("it goes on for ever")


@given(st.data())
@settings(max_examples=100)
def test_whatever_happens_to_a_run_with_errands_it_ends_and_its_invariants_hold(data: st.DataObject) -> None:
    chance = Chance(data.draw)
    chance.tell(RunStarted(0.0))
    for _ in range(data.draw(st.integers(1, 3))):
        for _ in range(data.draw(st.integers(0, 25))):
            if not chance.has_ended:
                chance.happen()
        if not chance.has_ended:
            chance.carry_on_to_the_end()
        assert chance.scheduler.state.is_final
        if chance.scheduler.state is RunState.SUCCEEDED:
            return
        if all(record.state == "succeeded" for record in chance.scheduler.tasks.values()):
            return
        chance.has_ended = False
        chance.tell(RetryRequested(chance.time))
    if not chance.has_ended:
        chance.carry_on_to_the_end()
