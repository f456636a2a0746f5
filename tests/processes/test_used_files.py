"""A worker tells with a result which files it depends on, and which ones it wrote."""

from dataclasses import replace
from pathlib import Path

import pytest

from .conftest import planned


@pytest.fixture
def run_and_tell(warm, monkeypatch):
    """Runs a script whose result is a path; returns what its worker told at the end."""
    from background_nodes.runtime.script.socket_types import SocketType

    told, poll = [], warm.pool.poll

    def recorded(until=None):
        reports = poll(until)
        told.extend(report for _key, report in reports)
        return reports

    monkeypatch.setattr(warm.pool, "poll", recorded)

    def run(body: str, **options):
        task = planned(body, **options)
        output = replace(task.outputs[0], type=SocketType("PATH", is_list=True))
        warm.wait(warm.start(replace(task, outputs=(output,))))
        return told[-1]

    return run


def test_files_that_were_read_and_written_are_told(run_and_tell, tmp_path):
    from background_nodes.runtime.keys.files import FileDigests

    (tmp_path / "read.json").write_text("{}")
    outcome = run_and_tell(f"""
        from pathlib import Path
        from background_nodes.script import claim, depends_on, written_whole
        folder = Path({str(tmp_path)!r})
        depends_on(folder / "read.json").read_text()
        depends_on(folder / "missing.json")
        claim(folder / "claimed.txt").write_text("1")
        claim(folder / "never written.txt")
        with written_whole(folder / "whole.txt") as beside:
            beside.write_text("2")
        (folder / "named.txt").write_text("3")
        return [folder / "named.txt"]
    """)
    digests = FileDigests()
    assert outcome.obstacle == ""
    assert [(Path(state.path).name, state.digest) for state in outcome.read] == [
        ("read.json", digests.file(str(tmp_path / "read.json"))),
        ("missing.json", "missing"),
    ]
    assert [Path(state.path).name for state in outcome.written] == ["claimed.txt", "named.txt", "whole.txt"]
    assert all(map(digests.is_as_it_was, (*outcome.read, *outcome.written)))


def test_file_next_to_the_script_can_be_named(run_and_tell, tmp_path):
    (tmp_path / "table.csv").write_text("1")
    outcome = run_and_tell(
        """
        from pathlib import Path
        from background_nodes.script import depends_on

        def main():
            return [depends_on(Path(__file__).parent / "table.csv")]
        """,
        folder=tmp_path,
    )
    assert [state.path for state in outcome.read] == [str(tmp_path / "table.csv")]


def test_task_after_it_starts_with_nothing(run_and_tell, tmp_path):
    run_and_tell(f"from background_nodes.script import depends_on\nreturn [depends_on({str(tmp_path)!r})]")
    outcome = run_and_tell("return []")
    assert (outcome.read, outcome.written, outcome.obstacle) == ((), (), "")


def test_file_that_changes_meanwhile_is_an_obstacle(run_and_tell, tmp_path):
    outcome = run_and_tell(f"""
        from background_nodes.script import depends_on
        path = depends_on({str(tmp_path / "a.txt")!r})
        path.write_text("1")
        return []
    """)
    assert outcome.obstacle == f"{tmp_path / 'a.txt'} changed while the script ran"
