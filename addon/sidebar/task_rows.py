# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks of a run as rows: those in a group below the row of the group, in the order that the artist wants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from ...runtime.planning.node_path import groups_of
from ..session.run import Run, Status

#: What decides the order of rows beside each other.
Key = Callable[[Status], float]


@dataclass(eq=False, slots=True)
class Row:
    """A task or a group, in so many groups as `depth` says.

    Attributes:
        place: that among all rows of the run.
        rows: of a group, those in it.
    """

    status: Status
    depth: int
    place: int = 0
    rows: list[Row] = field(default_factory=list)

    @property
    def node_id(self) -> str:
        return self.status.node_id


#: The rows of the last run of each tree that was asked for: they stay the same.
_known: dict[int, tuple[Run, tuple[Row, ...]]] = {}


def rows_of(run: Run) -> tuple[Row, ...]:
    """All rows of a run, each group above those in it. They stay the same while it is the last run of its tree."""
    known = _known.get(run.tree_uid)
    if known is None or known[0] is not run:
        known = _known[run.tree_uid] = run, tuple(_flat(_nested(run)))
        for place, row in enumerate(known[1]):
            row.place = place
    return known[1]


def forget() -> None:
    _known.clear()


def _nested(run: Run) -> list[Row]:
    outer: list[Row] = []
    groups: dict[str, Row] = {}
    for task in run.tasks.values():
        beside, depth = outer, 0
        for node_id in groups_of(task.node_id):
            group = run.at(node_id)
            if group is None:
                continue
            if node_id not in groups:
                groups[node_id] = Row(group, depth)
                beside.append(groups[node_id])
            beside, depth = groups[node_id].rows, depth + 1
        beside.append(Row(task, depth))
    return outer


def _flat(rows: list[Row]) -> list[Row]:
    return [each for row in rows for each in (row, *_flat(row.rows))]


def shown_rows(
    rows: Collection[Row],
    key: Key | None = None,
    *,
    is_reversed: bool = False,
    folded: Collection[str] = (),
    is_wanted: Callable[[Row], bool] | None = None,
) -> list[Row]:
    """The rows to be seen, in their order.

    Args:
        rows: all rows of a run.
        key: what decides the order of rows beside each other; None for the order in which the nodes can run.
        is_reversed: whether it is the other way round.
        folded: ids of groups whose rows are not shown.
        is_wanted: what is looked for, be it in a folded group: it is shown with the groups it is in.
    """
    wanted = None if is_wanted is None else _with_groups(row for row in rows if is_wanted(row))
    found: list[Row] = []
    waiting = _sorted([row for row in rows if row.depth == 0], key, is_reversed=is_reversed)[::-1]
    while waiting:
        row = waiting.pop()
        if wanted is None or row.node_id in wanted:
            found.append(row)
        if wanted is not None or row.node_id not in folded:
            waiting += _sorted(row.rows, key, is_reversed=is_reversed)[::-1]
    return found


def _with_groups(rows: Iterable[Row]) -> set[str]:
    return {node_id for row in rows for node_id in (*groups_of(row.node_id), row.node_id)}


def _sorted(rows: list[Row], key: Key | None, *, is_reversed: bool) -> list[Row]:
    in_order = rows if key is None else sorted(rows, key=lambda row: key(row.status))
    return in_order[::-1] if is_reversed else in_order
