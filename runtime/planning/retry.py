# SPDX-License-Identifier: GPL-3.0-or-later
"""Retry: the tasks that did not succeed in a run, as the node tree has them now.

A script may have been fixed, or a value or setting changed. Inputs from other tasks and from the snapshot must be the
same, or results of two different trees would be mixed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ..errors import RunError
from ..script.socket_types import LiveRef, SocketType
from .plan import Argument, Plan, PlannedTask
from .sources import Constant, Source


def retried_tasks(tasks: Iterable[PlannedTask], plan: Plan) -> list[PlannedTask]:
    """Return tasks with what has changed in the node tree.

    Args:
        tasks: those that are to be tried again, as the run has them.
        plan: of the node tree as it is now.

    Raises:
        RunError: if more has changed than can be taken over; it names the node.
    """
    new = {task.id: task for task in plan.tasks}
    return [_retried(task, new) for task in tasks]


def _retried(old: PlannedTask, tasks: Mapping[str, PlannedTask]) -> PlannedTask:
    new = tasks.get(old.id)
    if new is None:
        raise _refusal(old, "the node is gone or muted")
    if new.outputs != old.outputs:
        raise _refusal(old, "its outputs have changed")
    if [_shape(argument) for argument in new.arguments] != [_shape(argument) for argument in old.arguments]:
        raise _refusal(old, "its inputs have changed")
    pairs = zip(old.arguments, new.arguments, strict=True)
    if new.loops != old.loops or any(before.is_mapped and before.sources != after.sources for before, after in pairs):
        raise _refusal(old, "the list that it runs over has changed")
    arguments = tuple(map(_merged, old.arguments, new.arguments))
    return replace(old, script=new.script, settings=new.settings, arguments=arguments)


def _refusal(task: PlannedTask, reason: str) -> RunError:
    return RunError(f'"{task.name}" can\'t be tried again by itself, as {reason}. Run the node tree as a whole')


def _shape(argument: Argument) -> tuple[str, SocketType, bool, tuple[object, ...]]:
    """What must be the same in both arguments."""
    parameter = argument.parameter
    return parameter.identifier, parameter.type, argument.is_mapped, tuple(map(_origin, argument.sources))


def _origin(source: Source) -> object:
    """Of a constant, only which data-blocks it is; what went through a group must be the same in all."""
    return (source.type, tuple(_session_uids(source))) if isinstance(source, Constant) else source


def _session_uids(constant: Constant) -> Iterator[int]:
    """The uids of a constant's data-blocks, which the snapshot holds."""
    values = constant.value if isinstance(constant.value, tuple) else (constant.value,)
    return (value.session_uid for value in values if isinstance(value, LiveRef))


def _merged(old: Argument, new: Argument) -> Argument:
    """The new argument, but with the old data-blocks: the snapshot knows them by the names they had."""
    pairs = zip(old.sources, new.sources, strict=True)
    sources = tuple(before if before.type.is_data_block else after for before, after in pairs)
    return replace(new, sources=sources)
