"""Runs that go on at the same time: none writes over a file of another one."""

from __future__ import annotations

import textwrap

import bpy
import pytest

import background_nodes
from tests.blender.jobs import PATIENCE
from tests.blender.jobs import add as add_job

from .graphs import advance, new_tree, script

pytestmark = pytest.mark.any_blender

#: Where it writes is known before the run.
KNOWN = """
    import os, time
    from background_nodes.script import OutputPath, claim

    def main(path: OutputPath, text: str, gate: str = "") -> str:
        claim(path)
        progress(0.5)
        while gate and not os.path.exists(gate): time.sleep(0.01)
        path.write_text(text)
        return text
"""
#: Where it writes is not.
COMPUTED = """
    import os, pathlib, time
    from background_nodes.script import claim

    def main(path: str, text: str, gate: str = "") -> str:
        file = claim(path + ".txt")
        progress(0.5)
        while gate and not os.path.exists(gate): time.sleep(0.01)
        file.write_text(text)
        return text
"""
#: It claims nothing, but its result says that it wrote it.
UNCLAIMED = """
    import pathlib

    def main(path: str, text: str) -> pathlib.Path:
        file = pathlib.Path(path + ".txt")
        file.write_text(text)
        return file
"""


@pytest.fixture
def gate(tmp_path):
    return tmp_path / "gate"


@pytest.fixture
def begin(session, gate):
    """Begins a run of a tree; its node "Writer" has claimed a file then, and waits at the gate."""
    runs = []

    def begun(path, name: str = "First"):
        tree = new_tree(name)
        script(tree, "Writer", COMPUTED, path=str(path), text=name, gate=str(gate))
        run = session.start(tree, workers=2)
        runs.append(run)
        advance(run, lambda: run.tasks["Writer"].progress >= 0.5)
        return run

    yield begun
    for run in runs:
        run.cancel()
        run.wait(PATIENCE)


def second(path, source: str = COMPUTED):
    tree = new_tree("Second")
    script(tree, "Writer", source, path=str(path), text="Second")
    return background_nodes.run(tree, workers=2)


def errors(run) -> dict[str, str]:
    return {name: task.error.message for name, task in run.tasks.items() if task.error}


def test_file_of_a_run_that_goes_on_is_not_written_over(begin, tmp_path, gate):
    """1. A run claims a file, 2. another one would write it and fails, 3. the first one writes it."""
    first = begin(tmp_path / "out")
    found = errors(second(tmp_path / "out"))["Writer"]
    assert 'out.txt is written by item 1 of "Writer" of "First", which runs at the same time; wait until' in found
    assert 'socket "Path":' in found
    assert not (tmp_path / "out.txt").exists()
    gate.touch()
    first.wait(PATIENCE)
    assert (errors(first), (tmp_path / "out.txt").read_text()) == ({}, "First")


def test_file_that_is_known_to_be_written_stops_a_run_before_it_begins(begin, tmp_path):
    begin(tmp_path / "out")
    with pytest.raises(background_nodes.CompileError) as raised:
        second(tmp_path / "out.txt", KNOWN)
    (problem,) = raised.value.problems
    assert (problem.node, problem.socket) == ("Writer", "Path")
    assert 'is written by item 1 of "Writer" of "First", which runs at the same time' in problem.message


def test_file_of_a_run_that_is_over_is_written_over(begin, tmp_path, gate):
    gate.touch()
    for source in (COMPUTED, KNOWN, UNCLAIMED):
        first = begin(tmp_path / "out")
        first.wait(PATIENCE)
        assert errors(first) == {}
        assert errors(second(tmp_path / ("out.txt" if source is KNOWN else "out"), source)) == {}
        assert (tmp_path / "out.txt").read_text() == "Second"


def test_of_runs_that_went_on_at_the_same_time_the_one_that_writes_later_fails(begin, tmp_path, gate):
    """1. A run begins, 2. another one writes a file and is over, 3. the first one would write it."""
    tree = new_tree("First")
    script(tree, "Waiting", COMPUTED, path=str(tmp_path / "other"), text="", gate=str(gate))
    writer = script(tree, "Writer", COMPUTED, path=str(tmp_path / "out"), text="First")
    tree.links.new(tree.nodes["Waiting"].outputs[0], writer.inputs["Gate"])
    from background_nodes.addon.session.current import session

    first = session.start(tree, workers=2)
    advance(first, lambda: first.tasks["Waiting"].progress >= 0.5)
    assert errors(second(tmp_path / "out")) == {}
    gate.touch()
    first.wait(PATIENCE)
    assert 'was written by item 1 of "Writer" of "Second", which ran at the same time; run' in errors(first)["Writer"]
    assert (tmp_path / "out.txt").read_text() == "Second"
    first.retry()
    first.wait(PATIENCE)
    assert (errors(first), (tmp_path / "out.txt").read_text()) == ({}, "First")


@pytest.mark.parametrize("how", ["cancel", "pause"])
def test_file_of_a_run_is_free_once_it_is_cancelled_but_not_while_it_is_paused(begin, tmp_path, how):
    first = begin(tmp_path / "out")
    getattr(first, how)()
    first.wait(0.0)
    found = errors(second(tmp_path / "out"))
    assert bool(found) == (how == "pause")


def test_result_whose_file_another_run_writes_is_not_used_again(begin, tmp_path, store):
    assert errors(second(tmp_path / "out")) == {}
    assert second(tmp_path / "out").tasks["Writer"].cached
    begin(tmp_path / "out")
    assert "which runs at the same time" in errors(second(tmp_path / "out"))["Writer"]


def test_file_of_a_result_that_is_used_again_is_not_written_over(tmp_path, store, gate):
    """1. A run uses a result again, 2. it waits, 3. another run would write the result's file."""
    from background_nodes.addon.session.current import session

    assert errors(second(tmp_path / "out")) == {}
    tree = bpy.data.node_groups["Second"]
    script(tree, "Waiting", COMPUTED, path=str(tmp_path / "other"), text="", gate=str(gate))
    run = session.start(tree, workers=2)
    advance(run, lambda: run.tasks["Waiting"].progress >= 0.5)
    other = new_tree("Other")
    script(other, "Other", COMPUTED, path=str(tmp_path / "out"), text="Other")
    assert run.tasks["Writer"].cached
    assert 'by item 1 of "Writer" of "Second"' in errors(background_nodes.run(other, workers=2))["Other"]
    gate.touch()
    run.wait(PATIENCE)
    assert errors(run) == {}


def test_file_that_was_written_without_a_claim_is_an_error_all_the_same(begin, tmp_path):
    begin(tmp_path / "out")
    found = errors(second(tmp_path / "out", UNCLAIMED))["Writer"]
    assert 'of "First", which runs at the same time, and this script has written over it; wait' in found


def test_job_does_not_write_over_the_file_of_a_run(begin, tmp_path, manager, write):
    begin(tmp_path / "out")
    source = "from background_nodes.script import claim\nclaim(path)"
    add_job(manager, "job", write(textwrap.dedent(source)), passed_data={"path": str(tmp_path / "out.txt")})
    job = manager.get_job("job")
    job.wait(PATIENCE)
    assert 'by item 1 of "Writer" of "First", which runs at the same time' in job.issue
