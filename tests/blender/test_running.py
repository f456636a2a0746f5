"""The operators that start a run and lead it to its end, and what a node tells of its task."""

from __future__ import annotations

import bpy
import pytest

from background_nodes.addon.drawing.quantities import countdown, duration
from background_nodes.addon.editor import node_status, redraw, run_text, status_icons
from background_nodes.addon.session import problems
from background_nodes.runtime.scheduling.events import TaskError

from .graphs import add, advance, editor, new_tree, script, value

WAIT = """
import time
def main() -> int:
    progress(0.5, "Waiting")
    time.sleep(600)
    return 1
"""


@pytest.fixture
def tree():
    return new_tree()


def call(tree, name: str, **properties):
    with editor(tree):
        return getattr(bpy.ops.background_nodes, name)(**properties)


def states(run) -> dict[str, str]:
    return {name: str(task.state) for name, task in run.tasks.items()}


@pytest.fixture
def chain(tree):
    """Two nodes in a row, and one beside them."""
    one = script(tree, "One", "def main() -> int: return 1")
    script(tree, "Two", "def main(number: int) -> int: return number + 1", number=one)
    script(tree, "Beside", "def main() -> int: return 5")
    for node in tree.nodes:
        node.select = False
    return tree


def test_run_carries_out_the_whole_tree(chain, session):
    assert call(chain, "run") == {"FINISHED"}
    assert states(session.run_of(chain)) == dict.fromkeys(("One", "Two", "Beside"), "succeeded")


def test_run_selected_carries_out_these_and_what_they_need(chain, session):
    chain.nodes["Two"].select = True
    assert call(chain, "run", scope="SELECTED") == {"FINISHED"}
    assert set(session.run_of(chain).tasks) == {"One", "Two"}


def test_run_to_active_carries_out_that_and_what_it_needs(chain, session):
    chain.nodes.active = chain.nodes["One"]
    assert call(chain, "run", scope="ACTIVE") == {"FINISHED"}
    assert set(session.run_of(chain).tasks) == {"One"}


def test_run_selected_with_nothing_selected_is_an_error(chain, session):
    with pytest.raises(RuntimeError, match="No node is selected"):
        call(chain, "run", scope="SELECTED")
    assert session.run_of(chain) is None


def test_force_run_begins_in_new_workers(tree):
    numbers = value(tree, "INT", tuple(range(8)), is_list=True)
    source = "import os, time\ndef main(number: int) -> int:\n    time.sleep(0.05)\n    return os.getpid()"
    node = script(tree, "Process", source, number=numbers)
    call(tree, "run")
    before = set(node.outputs[0].result)
    call(tree, "run", force=True)
    assert before.isdisjoint(node.outputs[0].result)


def test_problems_stop_the_run_and_are_all_reported(tree, session):
    script(tree, "One", "def main(number: int) -> int: return 1")
    script(tree, "Two", "def main(number: int) -> int: return 1")
    with pytest.raises(RuntimeError, match=r'(?s)"One".*"Two"'):
        call(tree, "run")
    assert session.run_of(tree) is None


def test_retry_runs_what_failed_with_the_fixed_script(tree, session):
    node = script(tree, "Fails", "def main() -> int: raise ValueError('no')")
    script(tree, "After", "def main(number: int) -> int: return number + 1", number=node)
    call(tree, "run")
    run = session.run_of(tree)
    assert states(run) == {"Fails": "failed", "After": "skipped"}
    node.script.from_string("def main() -> int: return 41")
    assert call(tree, "retry") == {"FINISHED"}
    assert states(run) == {"Fails": "succeeded", "After": "succeeded"}
    assert tree.nodes["After"].outputs[0].result == 42


def test_retry_of_a_success_is_refused(chain):
    call(chain, "run")
    with pytest.raises(RuntimeError, match="poll"):
        call(chain, "retry")


@pytest.fixture
def waiting(tree, session):
    """A run under way: one task that never ends by itself, one that needs it."""
    node = script(tree, "Wait", WAIT)
    script(tree, "After", "def main(number: int) -> int: return number", number=node)
    run = session.start(tree)
    advance(run, lambda: run.tasks["Wait"].progress > 0.0)
    yield run
    run.cancel()


def test_cancel_ends_the_run(tree, waiting):
    assert call(tree, "cancel") == {"FINISHED"}
    assert waiting.wait() == "cancelled"


def test_cancel_node_ends_that_and_what_needs_it(tree, waiting):
    assert call(tree, "cancel_node", node_name="Wait") == {"FINISHED"}
    waiting.wait()
    assert states(waiting) == {"Wait": "cancelled", "After": "skipped"}


def test_cancel_node_takes_the_active_node(tree, waiting):
    tree.nodes.active = tree.nodes["After"]
    assert call(tree, "cancel_node") == {"FINISHED"}
    assert str(waiting.tasks["After"].state) == "cancelled"
    assert str(waiting.tasks["Wait"].state) == "running"


def test_pause_holds_the_run_and_lets_it_go_on(tree, waiting):
    call(tree, "pause")
    assert waiting.is_paused
    assert [task.is_paused for task in waiting.tasks.values()] == [True, False], "the other one has not begun"
    call(tree, "pause")
    assert not waiting.is_paused
    assert not any(task.is_paused for task in waiting.tasks.values())


def test_paused_task_has_a_sign_of_its_own(waiting, monkeypatch):
    monkeypatch.setattr(status_icons, "_icon", lambda name, _color, _sign: name)  # there are none without a window
    task = waiting.tasks["Wait"]
    assert status_icons.icon_of(task) == "running"
    waiting.pause()
    assert status_icons.icon_of(task) == "paused"
    waiting.resume()
    assert status_icons.icon_of(task) == "running"


def test_cancelled_run_can_run_the_rest_and_a_failed_one_what_failed(tree, waiting):
    waiting.cancel()
    waiting.wait()
    assert run_text.retry_label(waiting) == "Run the Rest"


def test_run_says_what_keeps_it(waiting):
    waiting.pause()
    assert run_text.beside("1/2", waiting) == "1/2 · Paused"
    waiting.resume()
    waiting.finish_current()
    assert run_text.beside("1/2", waiting) == "1/2 · Stopping"


def test_stop_after_current_tasks_cancels_what_has_not_begun(tree, session):
    script(tree, "Now", "import time\ndef main() -> int:\n    progress(0.5)\n    time.sleep(0.3)\n    return 1")
    script(tree, "Later", "def main(number: int) -> int: return number", number=tree.nodes["Now"])
    run = session.start(tree)
    advance(run, lambda: run.tasks["Now"].progress > 0.0)
    assert call(tree, "finish_current") == {"FINISHED"}
    run.wait()
    assert states(run) == {"Now": "succeeded", "Later": "cancelled"}


@pytest.mark.parametrize("name", ["cancel", "cancel_node", "pause", "finish_current", "retry"])
def test_nothing_can_be_done_to_a_run_that_was_never_started(tree, name):
    add(tree, "BackgroundNodeOutput")
    with pytest.raises(RuntimeError, match="poll"):
        call(tree, name)


# What a node tells


def test_node_tells_less_where_it_is_narrow(waiting):
    task = waiting.tasks["Wait"]
    assert node_status._running_text(task, 5) == "50%"
    waiting.pause()
    assert node_status._running_text(task, 5) == "50%"
    assert node_status._running_text(task, 60) == "50% · Paused"


def test_bar_moves_towards_the_progress_and_arrives(waiting, monkeypatch):
    monkeypatch.setattr(redraw, "_pace", redraw._Pace())
    task = waiting.tasks["Wait"]
    shown = []
    for _ in range(40):
        redraw.update([waiting])
        shown.append(redraw.shown_progress(task))
    assert 0.0 < shown[0] < shown[1] < shown[2] < 0.5
    assert shown[-1] == 0.5


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0421, "42 ms"),
        (0.99999, "1.0 s"),
        (7.34, "7.3 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1:00"),
        (187.0, "3:07"),
        (3727.0, "1:02:07"),
    ],
)
def test_duration_is_told_short(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "1 s"), (7.6, "8 s"), (75.0, "1:15")])
def test_what_is_left_is_told_in_whole_seconds(seconds, text):
    assert countdown(seconds) == text


def test_tree_without_problems_is_said_to_be_ready_with_all_its_nodes(chain):
    assert call(chain, "problems_show") == {"FINISHED"}
    assert (problems.of(chain), problems.num_tasks(chain)) == ((), 3)


@pytest.mark.any_blender
@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("ValueError: Lamp has no surface", "Lamp has no surface"),
        ('1 of 6 items failed; "Lamp": RuntimeError: no surface', '1 of 6 items failed; "Lamp": no surface'),
        ("ValueError: the script says ValueError: no", "the script says ValueError: no"),
        ("ValueError", "ValueError"),
        ("KeyError: 'a'", "KeyError: 'a'"),
        ("timed out after 3 s", "timed out after 3 s"),
    ],
)
def test_error_is_told_in_the_words_of_the_scripts_author(message, told):
    assert run_text.error_text(TaskError(message)) == told
