# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the list of tasks: those in a group are below the row of the group, whatever their order."""

from __future__ import annotations

from background_nodes.addon.sidebar.task_rows import Row, rows_of, shown_rows

from .growth import LINEAR, growth
from .test_session import host as host
from .test_session import session as session

#: What runs first in a group may run after something outside that another node in the group waits for.
NESTED = "a; g/b: a; c: a; g/h/d: c; e: g/h/d; g/f: c"


def told(rows: list[Row]) -> str:
    return " ".join(f"{'-' * row.depth}{row.status.name.rpartition(' / ')[2]}" for row in rows)


def test_rows_of_a_group_are_together_below_it(session, host):
    rows = rows_of(session.start(host.add(NESTED)))
    assert told(shown_rows(rows)) == "A G -B -H --D -F C E"
    assert [row.place for row in rows] == list(range(8))


def test_rows_are_sorted_within_their_group_and_a_group_stands_above_its_rows_the_other_way_round_too(session, host):
    run = session.start(host.add(NESTED))
    rows = rows_of(run)
    names = {row.node_id: index for index, row in enumerate(sorted(rows, key=lambda row: row.status.name))}
    assert told(shown_rows(rows, lambda status: names[status.node_id])) == "A C E G -B -F -H --D"
    assert told(shown_rows(rows, lambda status: names[status.node_id], is_reversed=True)) == "G -H --D -F -B E C A"


def test_folded_group_hides_its_rows_unless_they_are_looked_for(session, host):
    rows = rows_of(session.start(host.add(NESTED)))
    assert told(shown_rows(rows, folded={"g"})) == "A G C E"
    assert told(shown_rows(rows, folded={"g/h"})) == "A G -B -H -F C E"
    assert told(shown_rows(rows, folded={"g"}, is_wanted=lambda row: row.node_id.endswith("d"))) == "G -H --D"
    assert told(shown_rows(rows, is_wanted=lambda row: False)) == ""


def test_rows_stay_the_same_for_a_run_and_are_others_for_the_next_one(session, host):
    tree = host.add("a; g/b")
    run = session.start(tree)
    assert rows_of(run) is rows_of(run)
    run.cancel()
    session.settle(run)
    again = session.start(tree)
    assert rows_of(again) is not rows_of(run)


def test_rows_cost_in_proportion_to_their_number(session, host):
    def make(number: int):
        run = session.start(host.add("; ".join(f"g{index % 7}/h{index % 3}/a{index}" for index in range(number))))
        return lambda: shown_rows(rows_of(run), lambda status: status.progress, is_wanted=lambda row: True)

    assert growth(make, 40) < LINEAR
