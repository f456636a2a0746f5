# SPDX-License-Identifier: GPL-3.0-or-later
"""What a foreground does with the tasks that a detached run is at. That run is what the test writes of one."""

from dataclasses import replace

import pytest

from background_nodes.farm import following
from background_nodes.farm.following import Following
from background_nodes.runtime.engine import messages, published_runs
from background_nodes.runtime.engine.interface import Kept, Request
from background_nodes.runtime.engine.published_runs import PublishedItem, PublishedRun, PublishedTask
from background_nodes.runtime.planning.graph import SceneSettings
from background_nodes.runtime.script.signature import ScriptSource

from .fake_engine import FakeEngine


class Detached:
    """A detached run of one task, "a"."""

    def __init__(self) -> None:
        self._run = PublishedRun("scene.blend", "Tree", "dask", 0.0, "running")
        self.place = published_runs.new_place(self._run)
        self._lock = self.place.hold()
        (self.place.path / "lock").write_text("1")  # of another process

    def tell(self, state: str, **item: object) -> None:
        tasks = {"a": PublishedTask("Node", state, (PublishedItem(state, **item),) if item else ())}
        self.place.write(replace(self._run, tasks=tasks))

    def end(self) -> None:
        self._lock.close()


@pytest.fixture(autouse=True)
def at_once(monkeypatch, tmp_path):
    monkeypatch.setenv("BACKGROUND_NODES_STORE", str(tmp_path))
    monkeypatch.setattr(following, "_INTERVAL", 0.0)
    monkeypatch.setattr(following, "_SEARCH_INTERVAL", 0.0)


@pytest.fixture
def detached():
    detached = Detached()
    yield detached
    detached.end()


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
def follower(engine):
    return Following(engine)


def request(kept_as: str = "key", task: str = "a") -> Request:
    script = ScriptSource("def main(): pass\n", "a.py")
    told = messages.Execute("Node", script, (), (), SceneSettings(), "000001.blend", "000001.log", task=task)
    return Request("request", told, kept_as=kept_as)


def reports(follower) -> list:
    return [report for _key, report in follower.poll()]


def test_what_nobody_is_at_goes_to_the_engine(engine, follower, detached):
    detached.tell("running", key="key")
    follower.submit(request(task="b"))
    assert engine.submitted == [request(task="b")]


def test_bar_goes_on_and_the_result_is_taken_from_the_store(engine, follower, detached):
    detached.tell("ready", key="key")
    follower.submit(request())
    assert reports(follower) == []
    detached.tell("running", key="key", progress=0.5, text="half")
    assert reports(follower) == [messages.Started(), messages.Progressed(0.5, "half")]
    assert reports(follower) == []
    detached.tell("succeeded", key="key", progress=1.0)
    assert reports(follower) == [messages.Progressed(1.0, ""), Kept()]
    assert engine.submitted == []


def test_task_that_is_another_one_by_now_is_done_here(engine, follower, detached):
    detached.tell("running", key="key of before")
    follower.submit(request())
    assert engine.submitted == [request()]


def test_task_waits_for_one_whose_key_is_not_known_there_yet(engine, follower, detached):
    detached.tell("waiting")
    follower.submit(request())
    assert reports(follower) == []
    detached.tell("running", key="another")
    assert reports(follower) == []
    assert engine.submitted == [request()]


@pytest.mark.parametrize("state", ["waiting", "running"])
def test_task_does_not_wait_for_one_that_is_far_behind(engine, follower, detached, monkeypatch, state):
    """All that it takes is here, and there not: what makes that is another one there, however long it takes."""
    detached.tell(state)
    follower.submit(request())
    assert reports(follower) == []
    assert engine.submitted == []
    monkeypatch.setattr(following, "_LAG", 0.0)
    assert reports(follower) == []
    assert engine.submitted == [request()]


def test_task_of_which_nothing_is_kept_is_done_once_the_other_one_has_ended(engine, follower, detached):
    detached.tell("running", progress=0.5)
    follower.submit(request(kept_as=""))
    assert reports(follower) == [messages.Started(), messages.Progressed(0.5, "")]
    assert engine.submitted == []
    detached.tell("succeeded", progress=0.5)
    assert reports(follower) == []
    assert engine.submitted == [request(kept_as="")]


def test_error_is_told_once_and_a_retry_is_done_here(engine, follower, detached):
    detached.tell("failed", key="key", error="no faces", traceback="Traceback ...", line=3)
    follower.submit(request())
    assert reports(follower) == [messages.Started(), messages.Failed("no faces", "Traceback ...", 3)]
    follower.submit(request())
    assert engine.submitted == [request()]


@pytest.mark.parametrize("state", ["failed", "timed_out", "cancelled", "skipped"])
def test_what_did_not_fail_by_its_script_is_done_here(engine, follower, detached, state):
    """Its worker died, nobody could serve it, or it was given less time there."""
    detached.tell("running", key="key")
    follower.submit(request())
    detached.tell(state, key="key", error="the worker died (the scheduler of the farm was lost)")
    assert reports(follower) == []
    assert engine.submitted == [request()]


@pytest.mark.parametrize("item", [{}, {"key": "key"}], ids=["before it has items", "in the middle"])
def test_process_that_is_gone_leaves_what_it_was_at(engine, follower, detached, item):
    detached.tell("running", **item)
    follower.submit(request())
    reports(follower)
    detached.end()
    reports(follower)
    assert engine.submitted == [request()]


def test_task_that_the_engine_takes_over_starts_but_once(engine, follower, detached):
    detached.tell("running", key="key")
    follower.submit(request())
    assert messages.Started() in reports(follower)
    detached.end()
    reports(follower)
    engine.report_on("request", messages.Started(), messages.Progressed(0.5, "half"))
    assert reports(follower) == [messages.Progressed(0.5, "half")]


def test_what_it_told_last_counts_when_it_is_gone(engine, follower, detached):
    detached.tell("running", key="key")
    follower.submit(request())
    detached.tell("succeeded", key="key")
    detached.end()
    assert Kept() in reports(follower)
    assert engine.submitted == []


def test_request_that_is_stopped_is_told_of_no_more_and_the_detached_run_goes_on(engine, follower, detached):
    detached.tell("running", key="key")
    follower.submit(request())
    follower.stop("request")
    detached.tell("succeeded", key="key")
    assert reports(follower) == []
    assert not detached.place.is_to_end


@pytest.mark.parametrize("is_paused", [True, False])
def test_pause_holds_for_what_the_engine_takes_over(engine, follower, detached, is_paused):
    """A run is paused, or goes on again, while its task waits for a detached run, which ends then."""
    detached.tell("running", key="key")
    if not is_paused:
        follower.freeze("request")  # the run was paused before
    follower.submit(request())
    (follower.freeze if is_paused else follower.thaw)("request")
    detached.end()
    reports(follower)
    assert engine.submitted == [request()]
    assert engine.frozen == ({"request"} if is_paused else set())


def test_process_that_tells_of_its_own_run_follows_none(engine, follower, detached):
    detached.tell("running", key="key")
    own = published_runs.new_place(PublishedRun("scene.blend", "Tree", "dask", 0.0))
    with own.hold():
        follower.submit(request())
    assert engine.submitted == [request()]


def test_run_is_told_of_for_a_month_after_its_end(detached, monkeypatch):
    detached.tell("running", key="key")
    monkeypatch.setattr(published_runs, "_KEPT", -1.0)
    assert [place.name for place in published_runs.places()] == [detached.place.name]
    detached.end()
    assert list(published_runs.places()) == []
    assert not detached.place.path.exists()


def test_process_that_never_begins_is_waited_for_two_minutes(monkeypatch):
    place = published_runs.new_place(PublishedRun("scene.blend", "Tree", "dask", published_runs.time.time()))
    assert place.is_alive()
    monkeypatch.setattr(published_runs, "_PATIENCE", 0.0)
    assert not place.is_alive()
