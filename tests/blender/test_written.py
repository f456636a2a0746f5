"""What was not edited since it was written for a run is neither written nor hashed again: counted.

On the wheel everything is in doubt, so the tests say themselves what was edited. What a window tells: tests/gui.
"""

from __future__ import annotations

import bpy
import pytest

from background_nodes.runtime.blend_file import blob_digests
from background_nodes.runtime.blender import blobs
from background_nodes.runtime.blender.edits import edits

from .graphs import new_material, new_tree, quad, script

COUNT = "def main(source: bpy.types.Object) -> int: return len(source.data.vertices)"


@pytest.fixture
def tree(store):
    return new_tree()


@pytest.fixture
def work(monkeypatch) -> list[str]:
    """What is written and hashed, in order."""
    done = []
    for module, name in ((blobs, "write"), (blob_digests, "find")):
        monkeypatch.setattr(module, name, _noting(getattr(module, name), name, done))
    return done


def _noting(function, name, done):
    def called(*arguments, **options):
        done.append(name)
        return function(*arguments, **options)

    return called


@pytest.fixture
def edited(monkeypatch) -> set[bpy.types.ID]:
    """What was edited since the last run."""
    found: set[bpy.types.ID] = set()
    monkeypatch.setattr(edits, "is_all_in_doubt", lambda since: False)
    monkeypatch.setattr(edits, "may_have_changed", lambda item, since: item in found)
    return found


def rock(name: str) -> bpy.types.Object:
    item = quad(name)
    item.data.materials.append(bpy.data.materials.get("Stone") or new_material("Stone"))
    return item


def ran(session, tree) -> set[str]:
    """Run a tree. Gives the tasks that a worker ran."""
    run = session.start(tree)
    run.wait()
    assert all(task.error is None for task in run.tasks.values())
    return {name for name, task in run.tasks.items() if not task.cached}


def test_second_run_of_what_was_not_edited_writes_and_hashes_nothing(tree, session, edited, work):
    script(tree, "Count", COUNT, source=rock("Rock"))
    assert ran(session, tree) == {"Count"}
    assert work[0] == "write"
    work.clear()

    assert ran(session, tree) == set()
    assert work == []


def test_forecast_writes_for_the_run_that_follows(tree, session, edited, work):
    script(tree, "Count", COUNT, source=rock("Rock"))
    session.forecast(tree)
    work.clear()

    assert ran(session, tree) == {"Count"}
    session.forecast(tree)
    assert work == []


def test_only_what_depends_on_an_edit_is_written_again(tree, session, edited, work):
    first, second = rock("First"), rock("Second")
    for item in (first, second):
        script(tree, item.name, COUNT, source=item)
    ran(session, tree)
    second.data.vertices[0].co.x = 5.0
    edited.add(second.data)
    work.clear()

    assert ran(session, tree) == {"Second"}
    assert work.count("write") == 1
    edited.clear()
    work.clear()
    assert ran(session, tree) == set()
    assert work == []


def test_what_is_used_by_both_is_one_after_one_of_them_was_written_again(tree, session, edited):
    first, second = rock("First"), rock("Second")
    source = """
        def main(first: bpy.types.Object, second: bpy.types.Object) -> bool:
            return first.data.materials[0] == second.data.materials[0]
    """
    node = script(tree, "Shared", source, first=first, second=second)
    ran(session, tree)
    edited.add(second)
    second.location.x = 1.0

    assert ran(session, tree) == {"Shared"}
    assert node.outputs[0].result
    assert ran(session, tree) == set(), "written once more, and equal"


def test_what_was_written_again_for_nothing_is_still_cached(tree, session, edited, work):
    first, second = rock("First"), rock("Second")
    source = "def main(first: bpy.types.Object, second: bpy.types.Object) -> int: return 1"
    script(tree, "Both", source, first=first, second=second)
    ran(session, tree)
    edited.add(second)
    work.clear()

    assert ran(session, tree) == set()
    assert work.count("write") == 1


def test_blobs_of_a_forgotten_run_serve_the_next_one(tree, session, edited, work):
    item = rock("Rock")
    node = script(tree, "Count", COUNT, source=item)
    ran(session, tree)
    (run,) = session.history
    run.forget()
    session.forget_file()
    node.script.write("# another text\n")
    work.clear()

    ran(session, tree)
    assert "write" not in work


def test_in_doubt_all_is_written_again(tree, session, work):
    script(tree, "Count", COUNT, source=rock("Rock"))
    ran(session, tree)
    work.clear()

    assert ran(session, tree) == set()
    assert work.count("write") == 1


def test_a_forecast_that_may_write_nothing_knows_what_was_not_edited(tree, session, edited, work):
    stone = rock("Rock")
    script(tree, "Count", COUNT, source=stone)
    ran(session, tree)
    work.clear()
    assert forecast_without_writing(session, tree) == {"Count": "cached"}
    edited.add(stone)
    assert forecast_without_writing(session, tree) == {"Count": "waits"}
    assert work == []


def forecast_without_writing(session, tree) -> dict[str, str]:
    forecaster = session.forecaster(tree, writes=False)
    while not forecaster.update():
        session.update_jobs(0.01)
    forecaster.close()
    return {name: str(task.state) for name, task in forecaster.result.tasks.items()}
