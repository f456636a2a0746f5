"""Plan -> steps of a job."""

import pytest

from background_nodes.submit.division import divide, needed

from .plan_text import parse_plan

pytestmark = pytest.mark.any_python


def told(text: str, unkept=(), **num_items: int) -> list[str]:
    """The steps: their tasks, what they come after, and how many items they have."""
    steps = divide(parse_plan(text).tasks, unkept, num_items)
    lines = []
    for step in steps:
        after = f" after {' '.join(map(str, step.after))}" if step.after else ""
        lines.append(f"{'+'.join(step.tasks)}{after}{f', {step.num_items} items' if step.num_items else ''}")
    return lines


def test_each_task_is_a_step_after_those_whose_results_it_takes():
    assert told("a; b: a; c: a; d: b c") == ["a", "b after 0", "c after 0", "d after 1 2"]


def test_items_are_known_of_the_tasks_of_which_they_are_told():
    assert told("a[]: ; b: *a; c: *3", c=3) == ["a", "c, 3 items", "b after 0"] or told("a[]: ; b: *a; c: *3", c=3) == [
        "a",
        "b after 0",
        "c, 3 items",
    ]


def test_task_whose_result_is_never_kept_is_in_one_step_with_those_that_take_it():
    assert told("a; b: a; c: b; d: c", unkept={"b"}) == ["a", "b+c after 0", "d after 1"]


def test_step_of_several_tasks_is_never_done_item_by_item():
    assert told("a: *3; b: a", unkept={"a"}, a=3) == ["a+b"]


def test_steps_that_would_wait_for_each_other_are_one():
    """b is never kept, so a step with d; c comes between them."""
    assert told("a; b: a; c: b; d: b c", unkept={"b"}) == ["a", "b+c+d after 0"]
    assert told("a; b; x: a; y: x; z: a y", unkept={"a"}) == ["b", "a+x+y+z"] or told(
        "a; b; x: a; y: x; z: a y", unkept={"a"}
    ) == ["a+x+y+z", "b"]


def test_needed_tasks_are_those_wanted_and_all_before_them():
    tasks = parse_plan("a; b: a; c; d: b").tasks
    assert [task.id for task in needed(tasks, {"b"})] == ["a", "b"]
    assert [task.id for task in needed(tasks, {"d"})] == ["a", "b", "d"]
