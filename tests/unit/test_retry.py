# SPDX-License-Identifier: GPL-3.0-or-later
"""What a retry takes over from a tree that has changed, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from background_nodes.runtime.errors import RunError
from background_nodes.runtime.planning.graph import NodeSettings
from background_nodes.runtime.planning.plan import Argument, Plan, PlannedTask, TaskOutput
from background_nodes.runtime.planning.retry import retried_tasks
from background_nodes.runtime.planning.sources import Constant
from background_nodes.runtime.script.signature import Parameter, ScriptSource
from background_nodes.runtime.script.socket_types import LiveRef, SocketType

from .plan_text import FLOAT, FLOATS, SCRIPT, parse_plan

OBJECT = SocketType("Object")


def with_task(plan: Plan, task: str, **changes: object) -> Plan:
    """The plan with another task in the place of one."""
    return replace(plan, tasks=tuple(replace(item, **changes) if item.id == task else item for item in plan.tasks))


def retried(before: Plan, after: Plan, task: str) -> PlannedTask:
    (found,) = retried_tasks([item for item in before.tasks if item.id == task], after)
    return found


def taking(value: object, socket_type: SocketType) -> Plan:
    """A plan of one task that is given a constant."""
    argument = Argument(Parameter("value", "Value", socket_type), (Constant(value, socket_type),))
    return Plan("Test", (PlannedTask("a", "A", SCRIPT, (argument,)),))


def test_an_unchanged_task_stays_as_it_is() -> None:
    plan = parse_plan("a; b: a *3")
    assert retried(plan, parse_plan("a; b: a *3"), "b") == plan.tasks[1]


def test_a_fixed_script_and_new_settings_are_taken_over() -> None:
    plan = parse_plan("a; b: a")
    fixed, settings = ScriptSource("fixed", "test"), NodeSettings(timeout=60.0)
    found = retried(plan, with_task(plan, "b", script=fixed, settings=settings), "b")
    assert (found.script, found.settings, found.arguments) == (fixed, settings, plan.tasks[1].arguments)


def test_a_node_with_another_name_keeps_the_one_that_the_run_knows() -> None:
    plan = parse_plan("a")
    assert retried(plan, with_task(plan, "a", name="Renamed"), "a").name == "A"


def test_a_new_value_is_taken_over() -> None:
    found = retried(taking(0.5, FLOAT), taking(0.75, FLOAT), "a")
    assert found.arguments[0].sources == (Constant(0.75, FLOAT),)


def test_a_data_block_with_another_name_is_the_one_that_the_snapshot_knows() -> None:
    before = taking(LiveRef("Object", "Rock", 7), OBJECT)
    assert retried(before, taking(LiveRef("Object", "Renamed", 7), OBJECT), "a") == before.tasks[0]


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (parse_plan("a"), "the node is gone or muted"),
        (parse_plan("a; c; b: c *3"), "its inputs have changed"),
        (parse_plan("a; b: a *3 *3"), "its inputs have changed"),
        (parse_plan("a; b[]: a *3"), "its outputs have changed"),
    ],
)
def test_a_task_that_depends_on_something_else_now_is_refused(after: Plan, reason: str) -> None:
    with pytest.raises(
        RunError, match=f'"B" can\'t be tried again by itself, as {reason}. Run the node tree as a whole'
    ):
        retried(parse_plan("a; b: a *3"), after, "b")


def test_another_data_block_is_refused() -> None:
    before, after = taking(LiveRef("Object", "Rock", 7), OBJECT), taking(LiveRef("Object", "Rock", 8), OBJECT)
    with pytest.raises(RunError, match="its inputs have changed"):
        retried(before, after, "a")


def test_another_list_to_run_over_is_refused() -> None:
    plan = parse_plan("b: *3")
    argument = replace(plan.tasks[0].arguments[0], sources=(Constant((1.0, 2.0, 3.0), FLOATS),))
    with pytest.raises(RunError, match="the list that it runs over has changed"):
        retried(plan, with_task(plan, "b", arguments=(argument,)), "b")


def test_another_output_is_refused() -> None:
    plan = parse_plan("a")
    outputs = (TaskOutput("other", "Other", FLOAT),)
    with pytest.raises(RunError, match="its outputs have changed"):
        retried(plan, with_task(plan, "a", outputs=outputs), "a")
