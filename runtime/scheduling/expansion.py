# SPDX-License-Identifier: GPL-3.0-or-later
"""How many items a task has, once the tasks it depends on have succeeded."""

from __future__ import annotations

from collections.abc import Mapping

from ..planning.plan import Argument, PlannedTask
from ..planning.sources import Constant
from .events import TaskError
from .records import TaskRecord


def count_items(task: PlannedTask, records: Mapping[str, TaskRecord]) -> int | TaskError:
    """1 for an unmapped task, else the length of the lists it is mapped over.

    Returns an error if one of them is no list, or if their lengths differ.
    """
    mapped = task.mapped
    if not mapped:
        return 1
    lengths: list[int] = []
    for argument in mapped:
        length = _length(argument, records)
        if length is None:
            return TaskError(f'"{argument.parameter.label}" got no list to be mapped over')
        lengths.append(length)
    if len(set(lengths)) > 1:
        each = zip(mapped, lengths, strict=True)
        listing = ", ".join(f'"{argument.parameter.label}" has {length}' for argument, length in each)
        return TaskError(f"the lists it is mapped over differ in length: {listing}")
    return lengths[0]


def _length(argument: Argument, records: Mapping[str, TaskRecord]) -> int | None:
    (source,) = argument.sources
    if isinstance(source, Constant):
        return len(source.value) if isinstance(source.value, (tuple, list)) else None
    return records[source.task].output_length(source.output)
