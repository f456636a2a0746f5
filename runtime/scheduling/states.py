# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of a run, a task and an item, and which may follow which."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final


class TaskState(enum.StrEnum):
    """The state of a task, or of one item of it. An item exists once its task is ready, so it is never waiting."""

    WAITING = "waiting"  # for tasks it depends on
    READY = "ready"  # for a worker
    RUNNING = "running"  # given to a worker; for a task: at least one of its items was
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"  # never started, because another task or the run did not succeed

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow but a retry of the run."""
        return self in _FINAL


class RunState(enum.StrEnum):
    """The state of a run.

    A new run is running. It ends as cancelled only if the whole run was cancelled, or finished before all had started.
    """

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow but a retry."""
        return self is not RunState.RUNNING


#: What may follow each state of a task. Nothing follows a final one.
TASK_TRANSITIONS: Final[Mapping[TaskState, frozenset[TaskState]]] = {
    TaskState.WAITING: frozenset({TaskState.READY, TaskState.CANCELLED, TaskState.SKIPPED}),
    TaskState.READY: frozenset(
        {
            TaskState.RUNNING,
            TaskState.SUCCEEDED,  # mapped over an empty list, or all its results were found in the store
            TaskState.FAILED,  # mapped over lists of different lengths, or its inputs can't be prepared
            TaskState.CANCELLED,
            TaskState.SKIPPED,  # the run timed out, or what its items take did not succeed
        }
    ),
    TaskState.RUNNING: frozenset(
        {
            TaskState.SUCCEEDED,
            TaskState.FAILED,
            TaskState.CANCELLED,
            TaskState.TIMED_OUT,
            TaskState.SKIPPED,  # some of its items
        }
    ),
}

#: What may follow each state of an item.
ITEM_TRANSITIONS: Final[Mapping[TaskState, frozenset[TaskState]]] = {
    TaskState.READY: frozenset(
        {
            TaskState.RUNNING,
            TaskState.SUCCEEDED,  # its result was found in the store
            TaskState.CANCELLED,
            TaskState.SKIPPED,  # the run timed out, or an item that it takes something of did not succeed
            TaskState.TIMED_OUT,  # the run timed out while the item was queued for another try
            TaskState.FAILED,  # the run broke meanwhile
        }
    ),
    TaskState.RUNNING: frozenset(
        {
            TaskState.READY,  # its worker died: another try
            TaskState.SUCCEEDED,
            TaskState.FAILED,
            TaskState.CANCELLED,
            TaskState.TIMED_OUT,
        }
    ),
}

_FINAL: Final = frozenset(TaskState) - TASK_TRANSITIONS.keys()

#: What a retry of the run makes of the final states of tasks and of items; what succeeded stays, but for tasks that are
#: done anew.
TASK_RETRIES: Final[Mapping[TaskState, TaskState]] = dict.fromkeys(_FINAL, TaskState.WAITING)
ITEM_RETRIES: Final[Mapping[TaskState, TaskState]] = dict.fromkeys(_FINAL - {TaskState.SUCCEEDED}, TaskState.READY)
