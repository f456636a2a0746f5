# SPDX-License-Identifier: GPL-3.0-or-later
"""The session without Blender: its host is made of plain objects, its engine does what the test says.

Plans are written as in `plan_text`. A tree is a name and a uid; its plan is what `FakeHost.plans` has for it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from background_nodes.addon.session import keeper, pace
from background_nodes.addon.session.keeper import (
    BUSY_INTERVAL,
    FINISHING_INTERVAL,
    IDLE_INTERVAL,
    QUICK_INTERVAL,
    WATCHFUL_INTERVAL,
    Session,
)
from background_nodes.addon.session.run import Run
from background_nodes.addon.session.settings import Settings
from background_nodes.runtime.engine.kinds import POOL
from background_nodes.runtime.engine.run_files import read_context
from background_nodes.runtime.engine.runner import Runner
from background_nodes.runtime.engine.workers import WorkerInfo, WorkerSettings
from background_nodes.runtime.errors import CompileError, Problem, RunError, StoreError
from background_nodes.runtime.keys.key import Environment
from background_nodes.runtime.planning.destinations import FilesInUse
from background_nodes.runtime.planning.plan import Plan
from background_nodes.runtime.scratch.scratch import Scratch
from background_nodes.runtime.store.store import Store

from .fake_engine import FakeEngine
from .growth import LINEAR, growth, num_steps
from .plan_text import parse_plan

# A Blender that is none


@dataclass(frozen=True)
class FakeTree:
    name: str
    session_uid: int
    bl_idname: str = "BackgroundNodeTree"


class FakeWriter:
    def __init__(self, host: FakeHost) -> None:
        self.has_changed = True
        self.notes: list[str] = []
        self._host = host
        self._num_left = host.num_portions

    def prepare(self, _tree: FakeTree, _seconds: float) -> bool:
        self._host.num_unread -= 1
        return self._host.num_unread < 0

    def waits_for(self, _tree: FakeTree) -> str:
        return self._host.edited

    def write(self, tree: FakeTree, seconds: float) -> bool:
        count = self._num_left if seconds == math.inf else 1
        self._host.written += [tree.name] * count
        self._num_left -= count
        return self._num_left == 0

    def finish(self) -> None:
        self._host.num_unfinished = 0


@dataclass(frozen=True)
class FakeSnapshot:
    stored: dict[Any, Any] = field(default_factory=dict)
    blobs: tuple[Any, ...] = ()
    file: None = None


class FakeHost:
    def __init__(self, tmp_path: Any) -> None:
        self.plans: dict[int, str] = {}
        self.trees: dict[int, FakeTree] = {}
        self.engine = FakeEngine()
        self.engines: dict[str, FakeEngine] = {}  # the others, by what they were chosen by
        self.timer: Callable[[], float | None] | None = None
        self.written: list[str] = []
        self.undo_steps: list[str] = []
        self.edited = ""
        self.num_unread = 0
        self.num_unfinished = 0
        self.num_portions = 1
        self.can_await = True
        self.gesture: bool | Exception = False
        self.unallowed = ""  # the node whose script is
        self.does: str | Exception = ""
        self.has_store = False
        self._tmp_path = tmp_path

    def add(self, plan: str, name: str = "Tree") -> FakeTree:
        tree = FakeTree(name, len(self.trees) + 1)
        self.trees[tree.session_uid], self.plans[tree.session_uid] = tree, plan
        return tree

    def plan(self, tree: FakeTree, _until: Any) -> Any:
        return parse_plan(self.plans[tree.session_uid])

    checked_plan = plan

    def admit(self, tasks: Any) -> None:
        self.check_consent(tasks)

    def check_consent(self, tasks: Any) -> None:
        if self.unallowed in [task.id for task in tasks]:
            raise CompileError([Problem(self.unallowed, "", "its script is not allowed", "Allow it")])

    def find_tree(self, session_uid: int) -> FakeTree | None:
        return self.trees.get(session_uid)

    def node_ids(self) -> list[str]:
        return [task.id for plan in self.plans.values() for task in parse_plan(plan).tasks]

    def take_snapshot(self, _refs: Any, _scratch: Scratch, *, with_file: bool, **_options: bool) -> FakeSnapshot:
        assert not with_file
        return FakeSnapshot()

    def files_in_use(self) -> FilesInUse:
        return FilesInUse("/new.blend")

    def writer(self, _active: Any, _snapshot: Any) -> FakeWriter:
        return FakeWriter(self)

    def read_baselines(self, seconds: float) -> bool:
        self.num_unfinished = 0 if seconds == math.inf else max(0, self.num_unfinished - 1)
        return self.num_unfinished == 0

    def await_artist(self) -> bool:
        return self.can_await

    def push_undo(self, message: str) -> None:
        self.undo_steps.append(message)

    def new_store(self, settings: Settings) -> Store:
        if not self.has_store:
            raise StoreError("there is no place for a store")
        return Store(self._tmp_path / "store", settings.store_limits)

    def environment(self, plan: Plan) -> Environment:
        return Environment("5.2.2", "abc Linux")

    def new_scratch(self) -> Scratch:
        return Scratch(self._tmp_path)

    def new_engine(self, chosen: str, _scratch: Scratch) -> FakeEngine:
        return self.engines.setdefault(chosen, FakeEngine()) if chosen != POOL else self.engine

    def worker_settings(self, settings: Settings) -> WorkerSettings:
        return WorkerSettings(settings.limits, settings.memory_limit)

    def occupation(self) -> str:
        return _answer(self.does)

    def is_gesture_going_on(self) -> bool:
        return _answer(self.gesture)

    def start_timer(self, function: Callable[[], float | None]) -> None:
        self.timer = function

    def stop_timer(self, _function: Callable[[], float | None]) -> None:
        self.timer = None


def _answer(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer


@pytest.fixture
def host(tmp_path):
    return FakeHost(tmp_path)


@pytest.fixture
def session(host):
    session = Session(host)
    yield session
    session.close()


def tick(session: Session, times: int = 4) -> float | None:
    """Call the timer until nothing is left to take."""
    intervals = [session.tick() for _ in range(times)]
    return intervals[-1]


def end(session: Session, host: FakeHost) -> None:
    """Let all requests succeed, and those that follow from them."""
    tick(session)
    while host.engine.waiting():
        host.engine.succeed_all()
        tick(session)


def end_run(session: Session, host: FakeHost, run: Run) -> None:
    """Let all requests of a run succeed, however slow this machine is."""
    while not run.is_home:
        host.engine.succeed_all()
        session.tick()
        if not run.is_home:
            time.sleep(0.001)  # another thread works: to ask it without a pause would count as steps of ours


# A run


def test_run_comes_home_as_one_undo_step_and_is_told(session, host):
    ended: list[Run] = []
    session.ended.listen(ended.append)
    run = session.start(host.add("a; b: a"))
    assert host.timer == session.tick
    assert tick(session) <= BUSY_INTERVAL
    end(session, host)
    assert run.state == "succeeded"
    assert run.is_home
    assert host.written == ["Tree"]
    assert host.undo_steps == ["Background Nodes: Tree"]
    assert ended == [run]


@pytest.mark.parametrize("undo_fails", [False, True])
def test_what_happens_between_two_news_is_the_session_s_own(session, host, monkeypatch, capsys, undo_fails):
    told: list[str] = []
    for name in ("started", "results_come", "results_came"):
        getattr(session, name).listen(lambda run, name=name: told.append(f"{name} {len(host.written)}"))
    if undo_fails:
        monkeypatch.setattr(host, "push_undo", broken)
    session.start(host.add("a"))
    end(session, host)
    assert told == ["started 0", "results_come 0", "results_came 1"]
    assert ("KeyError" in capsys.readouterr().err) == undo_fails


def test_tick_comes_soon_after_a_task_started_or_ended_and_later_while_nothing_happens(session, host):
    session.start(host.add("a; b: a"))
    intervals = []
    for silence in (0.0, 0.2, 600.0):
        session._runner.last_step = time.monotonic() - silence
        intervals.append(session.tick())
    assert WATCHFUL_INTERVAL <= intervals[0] < intervals[1] < intervals[2] == BUSY_INTERVAL
    host.engine.succeed_all()
    assert session.tick() < BUSY_INTERVAL


def test_ticks_that_come_soon_are_told_as_often_as_they_can_be_seen_and_the_last_one_always(session, host, monkeypatch):
    seen: list[str] = []
    session.updated.listen(lambda runs: seen.append(str(runs[0].state)))
    monkeypatch.setattr(keeper, "BUSY_INTERVAL", 600.0)
    monkeypatch.setattr(pace, "SHOWN_AFTER", 0.0)
    session.start(host.add("a"))
    for _ in range(5):
        session.tick()
    assert seen == ["running"]
    end(session, host)
    assert seen[1] == "succeeded"


def test_tick_costs_the_same_however_many_tasks_wait_and_run_and_have_ended(session, host, monkeypatch):
    monkeypatch.setattr(keeper, "TICK_BUDGET", 600.0)

    def cost(plan: str, name: str) -> int:
        run = session.start(host.add(plan, name), workers=10)
        for _ in range(5):
            tick(session)
            host.engine.succeed_all()
        tick(session)
        assert run.tasks["A"].num_done == 50
        return num_steps(session.tick)

    few = cost("a: *100; b: *a", "Few")
    end(session, host)
    assert cost("a: *10000; b: *a; c: b", "Many") < 1.5 * few


def test_run_costs_no_more_than_in_proportion_to_its_items(session, host, monkeypatch):
    monkeypatch.setattr(keeper, "TICK_BUDGET", 600.0)

    def make(number: int) -> Callable[[], None]:
        run = session.start(host.add(f"a: *{number}; b: *a; c: b", str(number)), workers=number)

        def work() -> None:
            while not run.is_home:
                host.engine.succeed_all()
                session.tick()

        return work

    assert growth(make, 50) < LINEAR


def test_runs_one_after_the_other_cost_no_more_than_in_proportion_to_their_number(session, host):
    def make(number: int) -> Callable[[], None]:
        tree = host.add("a; b: a", str(number))

        def work() -> None:
            for _ in range(number):
                end_run(session, host, session.start(tree))

        return work

    assert growth(make, 30) < LINEAR


def test_runs_of_trees_that_are_removed_cost_no_more_than_in_proportion_to_their_number(session, host):
    def make(number: int) -> Callable[[], None]:
        def work() -> None:
            for index in range(number):
                tree = host.add("a", f"{number} {index}")
                end_run(session, host, session.start(tree))
                del host.trees[tree.session_uid]

        return work

    assert growth(make, 30) < LINEAR


def test_last_run_of_a_tree_that_is_gone_is_forgotten_with_the_others(session, host):
    trees = [host.add("a") for _ in range(30)]
    runs = []
    for tree in trees:
        runs.append(session.start(tree))
        end_run(session, host, runs[-1])
        host.trees.pop(trees[0].session_uid, None)
    assert runs[0] not in session.runs
    assert set(runs[1:]) == set(session.runs)


def test_last_runs_are_trimmed_at_no_more_than_in_proportion_to_their_files(session, host):
    session.use_settings(lambda: Settings(history_size=1))

    def make(number: int) -> Callable[[], None]:
        trees = [host.add(f"a: *{number}", f"{number} {index}") for index in range(2)]
        first = session.start(trees[0], workers=number)
        while not first.is_home:
            for name in first._active.names():
                session._runner.scratch.file(name).write_bytes(b"1")
            host.engine.succeed_all()
            session.tick()
        assert first.size >= number

        def work() -> None:
            end_run(session, host, session.start(trees[1]))
            assert not first.is_kept

        return work

    assert growth(make, 50) < LINEAR


class CountedText(str):
    """A text of which it is counted how often it is compared."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)


def test_notes_of_results_that_could_not_be_kept_cost_no_more_than_in_proportion(session, host):
    def make(number: int) -> Callable[[], None]:
        run = session.start(host.add("a", str(number)))
        end_run(session, host, run)

        def work() -> None:
            for index in range(number):
                session._note(CountedText(f"Result {index} is not kept"))
                session._note(CountedText(f"Result {index} is not kept"))
            assert len(run.notes) == number

        return work

    assert growth(make, 100) < LINEAR


@pytest.mark.parametrize("shape", ["side by side", "in a row"])
def test_nodes_are_cancelled_one_by_one_at_no_more_than_in_proportion_to_their_number(session, host, shape):
    def make(number: int) -> Callable[[], None]:
        names = [f"n{index}" for index in range(number)]
        links = [f": n{index - 1}" if index and shape == "in a row" else "" for index in range(number)]
        run = session.start(host.add("; ".join(map("{}{}".format, names, links)), f"{shape} {number}"), workers=number)
        tick(session)

        def work() -> None:
            for name in reversed(names):
                run.cancel(name.upper())
            assert run.state.is_final

        return work

    assert growth(make, 50) < LINEAR


def test_timer_ends_with_the_last_run(session, host):
    session.start(host.add("a"))
    end(session, host)
    assert session.tick() is None


def test_results_wait_for_the_end_of_edit_mode_and_of_a_gesture(session, host):
    run = session.start(host.add("a"))
    host.gesture = True
    end(session, host)
    assert not run.is_home
    host.gesture, host.edited = False, '"Cube" leaves Edit Mode'
    tick(session)
    assert run.notes == ('The results wait until "Cube" leaves Edit Mode',)
    host.edited = ""
    tick(session)
    assert run.is_home


def test_next_run_comes_home_in_the_next_tick_where_one_takes_long(session, host, monkeypatch):
    for name in ("A", "B"):
        session.start(host.add("a", name))
    host.gesture = True
    end(session, host)
    host.gesture = False
    monkeypatch.setattr(keeper, "TICK_BUDGET", -1.0)
    session.tick()  # what they wrote is measured
    assert host.undo_steps == []
    assert session.tick() == QUICK_INTERVAL
    assert host.undo_steps == ["Background Nodes: A"]
    assert session.tick() == QUICK_INTERVAL
    assert host.undo_steps == ["Background Nodes: A", "Background Nodes: B"]


def test_what_lies_beside_results_is_read_before_they_come_home(session, host, monkeypatch):
    monkeypatch.setattr(keeper, "TICK_BUDGET", 60.0)  # else a busy machine may take another tick
    run = session.start(host.add("a"))
    host.gesture = True
    end(session, host)
    host.gesture, host.num_unread = False, 2
    for _ in range(2):
        assert session.tick() == QUICK_INTERVAL
        assert not run.is_home
    session.tick()
    assert run.is_home


def test_what_is_left_of_a_homecoming_is_finished_soon_after_bit_by_bit(session, host):
    run = session.start(host.add("a"))
    end(session, host)
    assert run.is_home
    host.num_unfinished = 3
    assert [session.tick() for _ in range(3)] == [FINISHING_INTERVAL, FINISHING_INTERVAL, None]


def test_homecoming_is_finished_before_on_event_hears_of_it(session, host):
    left = []
    session.start(host.add("a"), on_event=lambda _event: left.append(host.num_unfinished))
    host.num_unfinished = 3
    end(session, host)
    assert left[-1] == 0


def test_homecoming_is_finished_when_a_run_was_waited_for(session, host):
    run = session.start(host.add("a"))
    host.gesture = True
    end(session, host)
    host.num_unfinished = 3
    run.wait()
    assert run.is_home
    assert host.num_unfinished == 0


@pytest.fixture
def coming(session, host, monkeypatch):
    """A run of which the first of three portions of results is home."""
    host.num_portions = 3
    run = session.start(host.add("a", "Coming"))
    host.gesture = True
    end(session, host)
    host.gesture = False
    monkeypatch.setattr(keeper, "TICK_BUDGET", 0.0)
    tick(session, 2)
    assert run.is_coming_home
    return run


def test_results_come_home_a_portion_a_tick_as_one_undo_step(session, host, coming):
    ended = []
    session.ended.listen(ended.append)
    assert session.has_homecomings
    assert session.tick() == FINISHING_INTERVAL
    assert (host.written, host.undo_steps, coming.is_home, ended) == (["Coming"] * 2, [], False, [])
    session.tick()
    assert (host.written, host.undo_steps) == (["Coming"] * 3, ["Background Nodes: Coming"])
    assert (coming.is_home, coming.is_coming_home, ended) == (True, False, [coming])
    session.tick()
    assert not session.has_homecomings


def test_portion_takes_about_as_long_as_the_redraw_after_the_last_one(session, host, coming, monkeypatch):
    given: list[float] = []
    write = FakeWriter.write
    monkeypatch.setattr(
        FakeWriter, "write", lambda writer, tree, seconds: (given.append(seconds), write(writer, tree, seconds))[1]
    )
    monkeypatch.setattr(keeper, "TICK_BUDGET", 0.004)
    session.tick()
    session._pace._due -= 0.08  # the window was drawn for so long
    session.tick()
    assert coming.is_home
    assert given[1] > 0.04


def test_tick_leaves_most_of_its_time_to_results_that_come_home(session, host, coming, monkeypatch):
    budgets = []
    monkeypatch.setattr(keeper, "TICK_BUDGET", 100.0)

    def update(*, budget: float) -> None:
        budgets.append(budget)

    monkeypatch.setattr(session._runner, "update", update)
    session.tick()
    assert not coming.is_home
    tick(session, 2)
    assert coming.is_home
    assert max(budgets[:2]) <= 25.0
    assert budgets[2] > 50.0


def test_results_begin_to_come_home_in_the_next_tick_where_little_time_is_left(session, host, monkeypatch):
    run = session.start(host.add("a"))
    host.gesture = True
    end(session, host)
    host.gesture = False
    monkeypatch.setattr(keeper, "TICK_BUDGET", 100.0)
    monkeypatch.setattr(session._runner, "update", lambda budget: None)
    lefts = iter([100.0, 100.0, 49.0])
    monkeypatch.setattr(keeper, "_left", lambda _deadline: next(lefts, 100.0))
    assert session.tick() == QUICK_INTERVAL
    assert not run.is_home
    session.tick()
    assert run.is_home


def test_what_results_are_like_is_read_in_the_tick_after_the_last_step(session, host, coming):
    host.num_portions = 1
    session.tick()
    host.num_unfinished = 1
    assert session.tick() == FINISHING_INTERVAL
    assert (coming.is_home, host.num_unfinished) == (True, 1)
    session.tick()
    assert host.num_unfinished == 0


@pytest.mark.parametrize("by", ["artist", "wait", "next run", "same tree", "job"])
def test_other_portions_come_home_before_anything_else_happens(session, host, coming, by):
    host.num_unfinished = 3
    {
        "artist": session.finish_homecomings,
        "wait": coming.wait,
        "next run": lambda: session.start(host.add("b", "Next")),
        "same tree": lambda: session.start(session.tree_of(coming)),
        "job": lambda: session.take_snapshot([]),
    }[by]()
    assert coming.is_home
    assert (host.written, host.undo_steps) == (["Coming"] * 3, ["Background Nodes: Coming"])
    assert host.num_unfinished == 0


def test_results_come_home_at_once_where_nobody_tells_of_the_artist(session, host):
    host.num_portions, host.can_await = 3, False
    run = session.start(host.add("a"))
    end(session, host)
    assert run.is_home
    assert host.undo_steps == ["Background Nodes: Tree"]


def test_other_portions_wait_while_data_is_edited(session, host, coming):
    host.edited = '"Cube" leaves Edit Mode'
    session.finish_homecomings()
    assert host.written == ["Coming"]
    assert coming.notes == ('The results wait until "Cube" leaves Edit Mode',)
    host.edited = ""
    session.tick()
    session.tick()
    assert coming.is_home


def test_portion_that_fails_ends_the_homecoming_with_a_note(session, host, coming, monkeypatch):
    def fail(_self, _tree, _seconds):
        raise StoreError("the disk is gone")

    monkeypatch.setattr(FakeWriter, "write", fail)
    session.tick()
    assert coming.is_home
    assert coming.notes == ("the disk is gone",)
    assert host.undo_steps == ["Background Nodes: Coming"]


def test_what_a_run_wrote_is_measured_bit_by_bit_before_it_comes_home(session, host, monkeypatch):
    parts = iter([10, 200, 3000])
    monkeypatch.setattr(Scratch, "sizes", lambda _scratch, _names: parts)
    run = session.start(host.add("a"))
    host.gesture = True
    end(session, host)
    host.gesture = False
    monkeypatch.setattr(keeper, "TICK_BUDGET", 0.0)
    assert tick(session, 2) == QUICK_INTERVAL
    assert not run.is_home
    assert next(parts) == 3000, "one part in each tick"
    tick(session, 1)
    assert run.is_home
    assert run.size == 210


def test_run_that_is_waited_for_is_measured_as_a_whole(session, host, monkeypatch):
    monkeypatch.setattr(Scratch, "sizes", lambda _scratch, _names: iter([10, 200, 3000]))
    run = session.start(host.add("a"))
    tick(session, 1)
    host.engine.succeed_all()
    run.wait()
    assert run.is_home
    assert run.size == 3210


def test_settings_hold_for_the_next_run(session, host):
    session.use_settings(lambda: Settings(num_workers=7, memory_limit=1024))
    session.start(host.add("a"))
    assert (host.engine.capacity, host.engine.settings) == (7, WorkerSettings(memory_limit=1024))


def test_a_run_that_wants_fresh_workers_ends_the_used_ones_first(session, host):
    session.start(host.add("a"), force=True)
    assert host.engine.calls == ["end used", "submit a"]


def test_workers_are_looked_after_while_there_are_any(session, host):
    session.start(host.add("a"))
    end(session, host)
    host.engine.workers = (WorkerInfo(123, "idle", "", 0),)
    assert session.worker_process_ids == (123,)
    assert session.tick() == IDLE_INTERVAL


@pytest.mark.parametrize(("choice", "is_low"), [("LOWER", True), ("OFF", False)])
def test_workers_have_low_priority_while_the_artist_works(session, host, choice, is_low):
    session.use_settings(lambda: Settings(artist_first=choice))
    session.start(host.add("a"))
    host.does = "Paused while you sculpt"
    tick(session)
    assert host.engine.is_low is is_low


def let_time_pass(host: FakeHost, session: Session) -> None:
    """Call whatever is a timer until none is left."""
    while host.timer is not None:
        function, host.timer = host.timer, None
        if function() is not None and host.timer is None:
            host.timer = function
            session.update_jobs(1.0)


def test_how_full_the_store_is_is_known_before_the_first_run(session, host):
    host.has_store = True
    assert session.store_info is None
    let_time_pass(host, session)
    assert session.store_info.num_records == 0


def test_a_store_that_is_not_there_is_looked_for_once(session, host):
    assert session.store_info is None
    let_time_pass(host, session)
    assert session.store_info is None
    assert host.timer is None


def test_running_tasks_hear_of_the_open_file_s_new_name(session, host):
    session.protect_files()  # before there was any run
    session.start(host.add("a"))
    session.protect_files()
    (_before, after) = read_context(host.engine.task("a"), session._runner.scratch.folder).in_use()
    assert after == FilesInUse("/new.blend")


@pytest.mark.parametrize("is_alone", [True, False])
def test_run_is_told_of_once_it_goes_on_for_a_moment_or_is_over(session, host, monkeypatch, is_alone):
    """A redraw may take longer than a short run; one beside it is told of all the while."""
    monkeypatch.setattr(pace, "SHOWN_AFTER", 0.0 if not is_alone else 600.0)
    monkeypatch.setattr(keeper, "BUSY_INTERVAL", 0.0)
    if not is_alone:
        session.start(host.add("a", "Long"))
        monkeypatch.setattr(pace, "SHOWN_AFTER", 600.0)
    seen: list[list[str]] = []
    session.updated.listen(lambda runs: seen.append([str(run.state) for run in runs]))
    session.start(host.add("b", "Short"))
    tick(session)
    assert seen == ([] if is_alone else [["running", "running"]] * 4)
    end(session, host)
    assert seen[-1] == ["succeeded"] * (1 if is_alone else 2)


def test_drawing_hears_after_the_fact(session, host, monkeypatch):
    monkeypatch.setattr(pace, "SHOWN_AFTER", 0.0)
    seen: list[list[str]] = []
    session.updated.listen(lambda runs: seen.append([str(run.state) for run in runs]))
    session.start(host.add("a"))
    end(session, host)
    assert seen[0] == ["running"]
    assert seen[-1] == ["succeeded"]


# on_event may call anything


def test_cancel_at_the_first_failure_ends_the_run(session, host):
    runs: list[Run] = []

    def hear(event):
        if event.task is not None and event.task.state == "failed":
            runs[0].cancel()

    runs.append(session.start(host.add("a; b; c: b"), workers=2, on_event=hear))
    tick(session)
    host.engine.fail("a")
    tick(session)
    assert runs[0].is_home
    assert runs[0].state == "cancelled"
    assert not host.engine.waiting()


def test_script_that_may_not_run_starts_nothing(session, host):
    host.unallowed = "b"
    with pytest.raises(CompileError, match="not allowed"):
        session.start(host.add("a; b"))
    assert (session.runs, host.timer) == ((), None)


def test_run_whose_caller_allows_scripts_asks_nobody_nor_does_its_retry(session, host):
    host.unallowed = "a"
    run = session.start(host.add("a"), allow_scripts=True)
    tick(session)
    host.engine.fail("a")
    tick(session)
    run.retry()
    end(session, host)
    assert run.state == "succeeded"


def test_retry_asks_for_what_it_runs_again_and_for_nothing_else(session, host):
    run = session.start(host.add("a; b"))
    tick(session)
    host.engine.succeed("a")
    host.engine.fail("b")
    tick(session)
    host.unallowed = "b"
    with pytest.raises(CompileError, match="not allowed"):
        run.retry()
    assert (run.state, host.engine.waiting()) == ("failed", [])
    host.unallowed = "a"  # it succeeded
    run.retry()
    assert run.state == "running"


def test_retry_from_the_end_of_a_run_runs_again(session, host):
    runs: list[Run] = []
    events: list[str] = []

    def hear(event):
        events.append(event.name)
        if event.name == "finished" and runs[0].can_retry and events.count("finished") < 2:
            runs[0].retry()

    ended: list[Run] = []
    session.ended.listen(ended.append)
    runs.append(session.start(host.add("a"), on_event=hear))
    tick(session)
    host.engine.fail("a")
    tick(session)
    assert not runs[0].is_home
    assert ended == [], "it is not over"
    end(session, host)
    assert runs[0].state == "succeeded"
    assert ended == runs


def test_waiting_goes_on_with_a_run_that_is_retried_at_its_end(session, host, monkeypatch):
    runs: list[Run] = []
    poll = host.engine.poll

    def poll_and_end(until=None):
        if host.engine.waiting():
            end_task = host.engine.succeed if runs and runs[0].notes else host.engine.fail
            end_task("a")
        return poll(until)

    def hear(event):
        if event.name == "finished" and runs[0].can_retry:
            runs[0].note("once more")
            runs[0].retry()

    monkeypatch.setattr(host.engine, "poll", poll_and_end)
    runs.append(session.start(host.add("a"), on_event=hear))
    assert runs[0].wait(5.0) == "succeeded"
    assert runs[0].is_home


def test_another_run_starts_from_the_end_of_a_run(session, host):
    first, second = host.add("a", "First"), host.add("a", "Second")

    def hear(event):
        if event.name == "finished":
            session.start(second)

    session.start(first, on_event=hear)
    end(session, host)
    assert host.written == ["First", "Second"]


def test_session_closes_from_the_end_of_a_run(session, host):
    session.start(host.add("a"), on_event=lambda event: session.close() if event.name == "finished" else None)
    session.start(host.add("a", "Other"), workers=1)
    tick(session)
    host.engine.succeed_all()
    assert tick(session) is None
    assert session.runs == ()
    assert host.timer is None


# What raises in the timer


def broken(*_arguments: object, **_options: object) -> None:
    raise KeyError("odd")


def test_fault_while_a_run_comes_home_ends_that_run_and_no_other(session, host, monkeypatch, capsys):
    bad, good = host.add("a", "Bad"), host.add("a", "Good")
    find_tree = host.find_tree
    monkeypatch.setattr(host, "find_tree", lambda uid: find_tree(uid) if uid != bad.session_uid else 1 / 0)
    ended: list[str] = []
    session.ended.listen(lambda run: ended.append(run.tree_name))
    broken, sound = session.start(bad), session.start(good)
    end(session, host)
    assert (broken.state, broken.is_home, broken.can_retry) == ("failed", True, False)
    assert "error of Background Nodes: ZeroDivisionError: division by zero" in broken.notes[-1]
    assert (sound.state, sound.is_home) == ("succeeded", True)
    assert sorted(ended) == ["Bad", "Good"]
    assert capsys.readouterr().err.count("Traceback") == 1
    assert session.tick() is None, "nothing says that it runs"


def test_fault_that_belongs_to_no_run_ends_those_that_wait_for_reports(session, host, monkeypatch, capsys):
    home = session.start(host.add("a", "Home"))
    end(session, host)
    run = session.start(host.add("a; b: a"))
    monkeypatch.setattr(Runner, "update", broken)
    tick(session)
    assert (run.state, run.is_home) == ("failed", True)
    assert "KeyError: 'odd'" in run.notes[-1]
    assert home.state == "succeeded"
    assert not session.is_busy
    assert capsys.readouterr().err.count("Traceback") == 1
    monkeypatch.undo()
    again = session.start(host.trees[2])
    end(session, host)
    assert again.state == "succeeded", "the next run goes well"


def test_run_that_can_not_even_be_broken_off_is_over_all_the_same(session, host, monkeypatch):
    run = session.start(host.add("a"))
    monkeypatch.setattr(Runner, "break_off", lambda *_arguments: 1 / 0)
    monkeypatch.setattr(Runner, "update", broken)
    tick(session)
    assert (run.state, run.is_home) == ("failed", True)
    assert not session.is_busy
    monkeypatch.undo()


def test_fault_in_artist_first_stops_nothing(session, host):
    session.use_settings(lambda: Settings(artist_first="PAUSE"))
    run = session.start(host.add("a"))
    host.does = "Paused while you sculpt"
    tick(session)
    assert run.is_paused
    host.does = RuntimeError("no window")
    tick(session)
    assert not run.is_paused, "what nobody knows any more is no reason to pause"
    end(session, host)
    assert run.state == "succeeded"


def test_fault_in_asking_for_a_gesture_ends_the_run_that_would_come_home(session, host):
    run = session.start(host.add("a"))
    host.gesture = RuntimeError("no window")
    end(session, host)
    assert (run.state, run.is_home) == ("failed", True)


def test_fault_in_drawing_is_printed_once_and_others_draw(session, host, capsys):
    drawn: list[Any] = []

    def draw(_runs):
        raise RuntimeError("no area")

    session.updated.listen(draw)
    session.updated.listen(drawn.append)
    session.ended.listen(draw)
    run = session.start(host.add("a"))
    end(session, host)
    assert (run.state, run.notes) == ("succeeded", ())
    assert len(drawn) > 2
    assert capsys.readouterr().err.count("RuntimeError: no area") == 2, "once for each news"


class FakeQueue:
    """A queue of jobs of which one runs."""

    is_waiting = is_behind = False

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.num_updates = 0

    def num_running_jobs(self) -> int:
        return 1

    def update(self, _deadline: float) -> None:
        self.num_updates += 1
        if self.fault is not None:
            raise self.fault

    def lose_file(self) -> None: ...

    def abandon(self, _reason: str) -> None: ...


def test_fault_in_one_queue_of_jobs_holds_up_no_other_and_no_run(session, host):
    queues = FakeQueue(RuntimeError("no job")), FakeQueue()
    for queue in queues:
        session.add_job_queue(queue)
    run = session.start(host.add("a"))
    end(session, host)
    assert run.state == "succeeded"
    assert all(queue.num_updates > 2 for queue in queues)
    assert session.tick() <= BUSY_INTERVAL


def test_subscriber_that_is_gone_hears_no_more(session, host, monkeypatch):
    monkeypatch.setattr(pace, "SHOWN_AFTER", 0.0)
    drawn: list[Any] = []
    session.updated.listen(drawn.append)
    session.start(host.add("a"))
    session.tick()
    session.updated.stop_listening(drawn.append)
    num_drawn = len(drawn)
    session.tick()
    assert len(drawn) == num_drawn == 1


# The engine


def test_run_uses_the_engine_that_the_settings_choose(session, host):
    tree = host.add("a")
    session.start(tree)
    end(session, host)
    session.use_settings(lambda: Settings(engine="other"))
    session.start(tree)
    tick(session)
    assert host.engines["other"].waiting() == ["a"]
    assert host.engine.is_closed


def test_engine_does_not_change_under_a_run(session, host):
    session.start(host.add("a"))
    session.use_settings(lambda: Settings(engine="other"))
    with pytest.raises(RunError, match='"other" can\'t be used while something runs on "pool"'):
        session.start(host.add("b", "Other Tree"))
    assert not host.engine.is_closed


def test_session_that_was_closed_begins_again_with_the_chosen_engine(session, host):
    session.use_settings(lambda: Settings(engine="other"))
    session.start(host.add("a"))
    session.close()
    host.engines.clear()
    session.start(host.add("a"))
    tick(session)
    assert host.engines["other"].waiting() == ["a"]


def test_run_has_as_many_workers_as_are_usual_for_its_engine(session, host, monkeypatch):
    monkeypatch.setattr(FakeEngine, "usual_capacity", lambda _self, here: 10 * here)
    session.use_settings(lambda: Settings(num_workers=2))
    session.start(host.add("a"))
    assert host.engine.capacity == 20
    session.start(host.add("a", "Other Tree"), workers=3)
    assert host.engine.capacity == 20
