"""What is reported when a run ends."""

from __future__ import annotations

import pytest

import background_nodes
from background_nodes.addon.editor.end_report import summary

from .graphs import new_tree, script


@pytest.fixture
def tree():
    return new_tree()


def test_success_tells_the_tree_and_the_time(tree):
    script(tree, "Good", "def main() -> int: return 1")
    level, message = summary(background_nodes.run(tree))
    assert level == "INFO"
    assert message.startswith('"Tree" ran in ')


def test_failure_is_a_warning_that_names_the_nodes_at_fault_only(tree):
    bad = script(tree, "Bad", "def main() -> int: raise ValueError")
    script(tree, "Skipped", "def main(value: int) -> int: return value", value=bad)
    level, message = summary(background_nodes.run(tree))
    assert level == "WARNING"
    assert message.endswith(": Bad")


def test_many_failures_are_counted(tree):
    for number in range(5):
        script(tree, f"Bad {number}", "def main() -> int: raise ValueError")
    assert summary(background_nodes.run(tree))[1].endswith("Bad 0, Bad 1, Bad 2 and 2 more")


def test_notes_are_told_as_a_warning(tree):
    script(tree, "Good", "def main() -> int: return 1")
    run = background_nodes.run(tree)
    run.note("Something could not be done")
    level, message = summary(run)
    assert level == "WARNING"
    assert message.endswith("Something could not be done")


@pytest.mark.any_blender
def test_many_notes_are_counted(tree):
    script(tree, "Good", "def main() -> int: return 1")
    run = background_nodes.run(tree)
    for number in range(1000):
        run.note(f"Result {number} could not be brought home")
    message = summary(run)[1]
    assert message.endswith("Result 11 could not be brought home. 988 more: Copy Report has all of them")
    assert "Result 12" not in message
