# SPDX-License-Identifier: GPL-3.0-or-later
"""Chores: work on a thread, whose results are polled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from multiprocessing import connection

import pytest

from background_nodes.runtime.engine.chores import Chores, Done


@pytest.fixture
def chores() -> Iterator[Chores]:
    made = Chores()
    yield made
    made.close(0.0)


def all_done(chores: Chores, number: int) -> list[Done]:
    done: list[Done] = []
    while len(done) < number:
        assert connection.wait(list(chores.wakers()), 30.0), "nothing woke who waits"
        done += chores.poll()
    return done


def test_chores_are_done_in_their_order_on_another_thread(chores: Chores) -> None:
    for key in range(100):
        chores.add(key, lambda: threading.current_thread() is threading.main_thread())
    assert all_done(chores, 100) == [Done(key, False, None) for key in range(100)]


def test_a_chore_that_raises_is_told(chores: Chores) -> None:
    chores.add("zero", lambda: 1 // 0)
    (done,) = all_done(chores, 1)
    assert isinstance(done.error, ZeroDivisionError)
    chores.add("one", lambda: 1)
    assert all_done(chores, 1) == [Done("one", 1, None)]


def test_nothing_is_told_of_a_chore_that_was_dropped(chores: Chores) -> None:
    begun, may_end = threading.Event(), threading.Event()
    chores.add("begun", lambda: (begun.set(), may_end.wait(30.0)))
    chores.add("waits", lambda: 1)
    chores.add("wanted", lambda: 2)
    assert begun.wait(30.0)
    chores.drop("begun")
    chores.drop("waits")
    may_end.set()
    assert all_done(chores, 1) == [Done("wanted", 2, None)]


def test_a_dropped_chore_may_be_added_again(chores: Chores) -> None:
    begun, may_end = threading.Event(), threading.Event()
    chores.add("again", lambda: (begun.set(), may_end.wait(30.0), "old")[2])
    assert begun.wait(30.0)
    chores.drop("again")
    chores.add("again", lambda: "new")
    may_end.set()
    assert all_done(chores, 1) == [Done("again", "new", None)]


def test_closing_does_what_waits(chores: Chores) -> None:
    done: list[int] = []
    for number in range(100):
        chores.add(number, lambda number=number: done.append(number))
    chores.close(30.0)
    assert done == list(range(100))
    assert not chores.wakers()
    assert len(chores.poll()) == 100


def test_closing_late_does_what_was_begun_only(chores: Chores) -> None:
    begun, may_end, done = threading.Event(), threading.Event(), list[str]()
    chores.add("begun", lambda: (begun.set(), may_end.wait(30.0), done.append("begun")))
    chores.add("waits", lambda: done.append("waits"))
    assert begun.wait(30.0)
    threading.Timer(0.05, may_end.set).start()
    chores.close(0.0)
    assert done == ["begun"]


def test_chore_is_wanted_until_it_is_dropped_or_closing_takes_too_long(chores: Chores) -> None:
    begun, may_go_on, answers = threading.Event(), threading.Event(), list[bool]()

    def ask(key: str) -> None:
        answers.append(chores.is_wanted(key))
        begun.set()
        may_go_on.wait(30.0)
        answers.append(chores.is_wanted(key))

    chores.add("dropped", lambda: ask("dropped"))
    assert begun.wait(30.0)
    chores.drop("dropped")
    may_go_on.set()
    chores.add("wanted", lambda: ask("wanted"))
    all_done(chores, 1)
    assert answers == [True, False, True, True]
    chores.close(0.0)
    assert not chores.is_wanted("wanted")
