# SPDX-License-Identifier: GPL-3.0-or-later
"""What a group node tells of all tasks in it, and runs that are asked for by names of paths."""

from __future__ import annotations

import pytest

from background_nodes.runtime.engine import messages
from background_nodes.runtime.errors import RunError

from .growth import LINEAR, growth, num_steps
from .test_session import end, tick
from .test_session import host as host
from .test_session import session as session

NESTED = "a; g/b: a; g/h/c: g/b; g/h/d: g/b; e: g/h/c g/h/d"


def test_group_runs_from_its_first_start_to_its_last_end(session, host):
    run = session.start(host.add(NESTED), workers=1)
    states = []
    for name in ("a", "g/b", "g/h/c", "g/h/d", "e"):
        tick(session)
        states.append((str(run.groups["G"].state), str(run.groups["G / H"].state)))
        host.engine.succeed(name)
    end(session, host)
    assert states == [
        ("waiting", "waiting"),
        ("running", "waiting"),
        ("running", "running"),
        ("running", "running"),
        ("succeeded", "succeeded"),
    ]
    assert run.groups["G"].seconds > 0.0
    assert [task.name for task in run.groups["G"].tasks] == ["G / B", "G / H / C", "G / H / D"]


def test_group_tells_progress_and_text_of_what_runs_by_its_name_in_the_group(session, host):
    run = session.start(host.add("g/a; g/h/b: g/a"))
    tick(session)
    group = run.groups["G"]
    host.engine.start("g/a")
    host.engine.report("g/a", messages.Progressed(0.5, "Half"))
    tick(session)
    assert (group.progress, group.text, run.groups["G / H"].text) == (0.25, "A: Half", "")
    host.engine.succeed("g/a")
    tick(session)
    host.engine.start("g/h/b")
    tick(session)
    assert (group.progress, group.text, run.groups["G / H"].text) == (0.5, "H / B", "B")
    run.pause()
    assert group.is_paused
    run.resume()
    end(session, host)
    assert (group.progress, group.text, group.is_paused) == (1.0, "", False)


def test_first_error_in_a_group_is_that_of_what_failed_and_not_of_what_was_skipped(session, host):
    run = session.start(host.add("g/a; g/h/b: g/a; g/c; x: g/h/b"))
    tick(session)
    host.engine.fail("g/a", "no faces")
    end(session, host)
    assert run.groups["G"].state == "failed"
    assert run.groups["G"].failed is run.tasks["G / A"]
    assert run.groups["G"].error.message == "no faces"
    assert run.groups["G / H"].state == "skipped"
    assert run.groups["G / H"].failed is run.tasks["G / H / B"]
    assert run.groups["G"].progress == 1.0


def test_mapped_group_counts_the_items_with_which_all_is_done(session, host):
    run = session.start(host.add("list[]; g/a: *3; g/b: *g/a; h/a: *3; h/b: *2"), workers=9)
    tick(session)
    for item in ("g/a", "g/a 1"):
        host.engine.succeed(item)
    tick(session)
    group = run.groups["G"]
    assert (group.is_mapped, group.num_done, group.num_items) == (True, 0, 3)
    host.engine.succeed("g/a 2")
    tick(session)
    host.engine.succeed("g/b 1")
    tick(session)
    assert (group.num_done, group.num_items) == (1, 3)
    assert not run.groups["H"].is_mapped  # its lists are of different lengths


def test_group_is_cached_only_if_all_in_it_is(session, host):
    host.has_store = True
    tree = host.add("g/a; g/b: g/a; c: g/b")
    end_of(session, host, session.start(tree))
    run = session.start(tree)
    end_of(session, host, run)
    assert (run.groups["G"].cached, run.groups["G"].num_cached) == (True, 2)
    host.plans[tree.session_uid] = "g/a; g/b: g/a *2; c: g/b"
    run = session.start(tree)
    end_of(session, host, run)
    assert (run.groups["G"].cached, run.groups["G"].num_cached, run.groups["G"].state) == (False, 1, "succeeded")


def end_of(session, host, run) -> None:
    """Let a run end, with all its results kept."""
    end(session, host)
    while not run.is_home:
        end(session, host)
    run.wait(60.0)


def test_a_group_is_cancelled_by_its_name_and_what_is_beside_it_goes_on(session, host):
    run = session.start(host.add("a; g/b; g/h/c; x: g/b; y: a"), workers=9)
    tick(session)
    run.cancel("G")
    end(session, host)
    states = {name: str(task.state) for name, task in run.tasks.items()}
    assert states == {
        "A": "succeeded",
        "G / B": "cancelled",
        "G / H / C": "cancelled",
        "X": "skipped",
        "Y": "succeeded",
    }
    with pytest.raises(RunError, match='no node "H"'):
        run.cancel("H")


def test_one_node_in_a_group_is_cancelled_by_the_name_of_its_path(session, host):
    run = session.start(host.add("g/a; g/b"), workers=9)
    tick(session)
    run.cancel("G / A")
    end(session, host)
    assert [str(task.state) for task in run.tasks.values()] == ["cancelled", "succeeded"]
    assert run.groups["G"].state == "cancelled"


def test_nodes_of_a_run_are_found_by_the_ids_of_their_paths(session, host):
    run = session.start(host.add(NESTED))
    assert run.at("g/h/c") is run.tasks["G / H / C"]
    assert run.at("g/h") is run.groups["G / H"]
    assert run.at("a") is run.tasks["A"]
    assert run.at("c") is None


def test_tasks_are_looked_through_once_for_all_that_is_drawn_of_a_group(session, host):
    run = session.start(host.add("; ".join(f"g/h/a{number}" for number in range(200))))
    tick(session)
    group = run.groups["G"]

    def draw() -> None:
        assert (group.state, group.is_paused, group.is_mapped, group.cached) == ("running", False, False, False)
        assert (group.progress, group.text, group.error) == (0.0, "H / A0", None)

    first = num_steps(draw)
    assert num_steps(draw) < first / 10
    run.note("something is new")
    assert num_steps(draw) > first / 2


def test_groups_of_a_run_are_found_in_proportion_to_its_tasks(session, host):
    def make(number: int):
        plan = "; ".join(f"g{index % 10}/h/a{index}" for index in range(number))
        tree = host.add(plan)

        def work() -> None:
            assert len(session.start(tree).groups) == min(20, 2 * number)

        return work

    assert growth(make, 40) < LINEAR
