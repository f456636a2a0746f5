"""Logs: what they say, and that they leave nothing in the file."""

from __future__ import annotations

import bpy
import pytest

import background_nodes
from background_nodes.addon.sidebar import log

from .graphs import editor, new_tree, script

FAILS_FOR_TWO = """
def main(number: int) -> int:
    print("number", number)
    if number == 2:
        raise ValueError("two is bad")
    return number
"""


@pytest.fixture
def tree():
    return new_tree()


@pytest.fixture
def mapped(tree):
    """A node that fails for one of its items."""
    numbers = script(tree, "Numbers", "def main() -> list[int]: return [0, 1, 2]")
    return script(tree, "Each", FAILS_FOR_TWO, number=numbers)


def shown_log(tree, name: str) -> str:
    with editor(tree):
        assert bpy.ops.background_nodes.log_show(node_name=name) == {"FINISHED"}
    return bpy.data.texts[log.NAME].as_string()


def test_log_says_how_the_task_ended_and_what_it_printed(tree):
    script(tree, "Talks", "def main() -> int:\n    print('hello')\n    return 1")
    background_nodes.run(tree)
    lines = shown_log(tree, "Talks").splitlines()
    assert lines[0] == "Talks · Tree"
    assert lines[1].startswith("Succeeded")
    assert lines[2:] == ["", "hello"]


def test_log_of_a_silent_task_says_that_it_printed_nothing(tree):
    script(tree, "Silent", "def main() -> int: return 1")
    background_nodes.run(tree)
    assert shown_log(tree, "Silent").endswith("\n\nIt printed nothing\n")


def test_log_of_a_failed_task_begins_with_its_error_and_traceback(tree):
    script(tree, "Fails", "def main() -> int:\n    print('before')\n    raise ValueError('no')")
    background_nodes.run(tree)
    text = shown_log(tree, "Fails")
    assert text.index("ValueError: no") < text.index("Traceback") < text.index("before")


def test_log_of_a_mapped_task_begins_with_the_items_that_failed(tree, mapped):
    background_nodes.run(tree)
    titles = [line for line in shown_log(tree, "Each").splitlines() if line.startswith("--- ")]
    assert [title.split(":")[0] for title in titles] == ["--- Item 2", "--- Item 0", "--- Item 1"]


def test_one_text_is_used_again(tree, mapped):
    background_nodes.run(tree)
    shown_log(tree, "Numbers")
    number = len(bpy.data.texts)
    assert shown_log(tree, "Each").startswith("Each · Tree")
    assert len(bpy.data.texts) == number


def test_log_without_a_name_is_that_of_the_active_node(tree, mapped):
    background_nodes.run(tree)
    tree.nodes.active = mapped
    assert shown_log(tree, "").startswith("Each · Tree")


def test_log_of_a_node_that_did_not_run_says_so(tree, mapped):
    with editor(tree):
        assert bpy.ops.background_nodes.log_show(node_name="Each") == {"CANCELLED"}


def test_log_is_in_no_saved_file(tree, mapped, tmp_path):
    background_nodes.run(tree)
    shown_log(tree, "Each")
    path = str(tmp_path / "file.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path, copy=True)
    assert log.NAME in bpy.data.texts
    with bpy.data.libraries.load(path) as (there, _wanted):
        assert log.NAME not in there.texts
        assert "Each.py" in there.texts


def test_log_is_there_after_an_undo_to_before_it(tree, mapped):
    background_nodes.run(tree)
    bpy.ops.ed.undo_push(message="before")
    text = shown_log(tree, "Each")
    bpy.data.meshes.new("Mesh")
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    assert bpy.data.texts[log.NAME].as_string() == text
    assert bpy.data.texts[log.NAME].is_runtime_data
