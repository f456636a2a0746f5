"""The report for a bug: it holds what is needed to understand a fault, and no folder of the artist's."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

import background_nodes
from background_nodes.addon.session import problems
from background_nodes.addon.sidebar.report_text import report, without_own_folders

from .graphs import editor, new_tree, script


@pytest.fixture
def failed():
    """A tree of which one node failed, and its run."""
    tree = new_tree("Broken Tree")
    script(tree, "Good", "def main() -> int: return 1")
    script(tree, "Bad", "def main() -> int:\n    print('about to fail')\n    raise ValueError('no luck')")
    return tree, background_nodes.run(tree)


def test_report_tells_versions_tree_tasks_error_and_log(failed):
    text = report(*failed)
    assert f"Background Nodes {background_nodes.__version__}\n" in text
    assert f"Blender {bpy.app.version_string}" in text
    assert 'Tree "Broken Tree": 2 nodes' in text
    assert "Good: succeeded" in text
    assert "ValueError: no luck" in text
    assert 'File "Bad.py", line 7, in main' in text
    assert "Log:\nabout to fail" in text


def test_report_of_one_node_leaves_others_out(failed):
    tree, run = failed
    text = report(tree, run, run.tasks["Good"])
    assert 'Node "Good"' in text
    assert "no luck" not in text


def test_report_of_a_tree_that_did_not_run_tells_its_problems():
    tree = new_tree()
    script(tree, "Missing", "def main(source: bpy.types.Object) -> int: return 1")
    problems.find(tree)
    assert 'Problem: node "Missing", socket "Source"' in report(tree, None)


def test_long_log_is_told_by_its_end():
    tree = new_tree()
    script(tree, "Chatty", "def main() -> int:\n    print('x' * 9000 + 'the end')\n    raise ValueError")
    text = report(tree, background_nodes.run(tree))
    assert "The last 4000 characters of the log:\nxxx" in text
    assert "the end" in text
    assert len(text) < 6000


def test_report_names_no_folder_of_the_artist(tmp_path, monkeypatch):
    home = tmp_path / "home" / "jane"
    monkeypatch.setattr(Path, "home", lambda: home)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "secret project" / ".." / "file.blend"), check_existing=False)
    assert without_own_folders(f"{home}/scripts/a.py") == "~/scripts/a.py"
    assert "jane" not in without_own_folders(f'File "{home / "b.py"}", line 1')


def test_copy_report_puts_it_into_the_clipboard(failed):
    tree, _run = failed
    with editor(tree):
        assert bpy.ops.background_nodes.report_copy() == {"FINISHED"}
