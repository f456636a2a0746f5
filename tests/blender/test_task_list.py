"""The list of tasks in the Sidebar: its rows, their order, and what a click on one does."""

from __future__ import annotations

import bpy
import pytest

from background_nodes.addon.sidebar import task_list, task_rows

from .graphs import editor, new_tree, script


@pytest.fixture
def tree():
    return new_tree()


def held_rows() -> int:
    """Let Blender hold the rows that the list asks for. Returns how many there are."""
    task_list._add()
    return len(bpy.context.window_manager.background_nodes_task_rows)


def test_active_row_is_that_of_the_active_node_and_selects_its_node(tree, session):
    first = script(tree, "First", "def main() -> int: return 1")
    second = script(tree, "Second", "def main(value: int) -> int: return value", value=first)
    session.start(tree).wait()
    window_manager = bpy.context.window_manager
    with editor(tree):
        window_manager.background_nodes_active_task_row = 0
        assert [node.name for node in tree.nodes if node.select] == ["First"]
        tree.nodes.active = second
        assert window_manager.background_nodes_active_task_row == 1
        window_manager.background_nodes_active_task_row = 7
        assert tree.nodes.active == second


def test_file_holds_no_rows_once_it_is_saved(tree, session, tmp_path):
    script(tree, "Node", "def main() -> int: return 1")
    run = session.start(tree)
    run.wait()
    task_list._wanted.append(len(task_rows.rows_of(run)))
    assert held_rows() >= 1
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"), copy=True)
    assert held_rows() == 0
