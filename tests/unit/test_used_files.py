"""Files that a task reads and writes beside its inputs are told with its result."""

from pathlib import Path

from background_nodes.runtime.engine import used_files
from background_nodes.runtime.engine.own_files import written_whole
from background_nodes.runtime.engine.used_files import depends_on, noted
from background_nodes.runtime.keys.files import MISSING, FileDigests


def states(found) -> dict[str, str]:
    return {state.path: state.digest for state in found}


def test_file_that_was_read_is_told_as_it_was(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("1")
    with noted(str) as used:
        assert depends_on(str(path)) == path
        depends_on(path)
        used.finish(())
    assert states(used.read.values()) == {str(path): FileDigests().file(str(path))}
    assert not used.obstacle


def test_file_that_is_not_there_counts_too(tmp_path):
    with noted(str) as used:
        depends_on(tmp_path / "no")
    assert states(used.read.values()) == {str(tmp_path / "no"): MISSING}


def test_file_that_changes_while_the_script_runs_is_an_obstacle(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("1")
    with noted(str) as used:
        depends_on(path)
        path.write_text("22")
        used.finish(())
    assert used.obstacle == f"{path} changed while the script ran"


def test_path_of_the_open_file_s_folder_is_made_whole(tmp_path):
    with noted(lambda path: path.replace("//", f"{tmp_path}/")):
        assert depends_on("//a.json") == tmp_path / "a.json"


def test_path_that_is_not_whole_is_an_obstacle():
    with noted(str) as used:
        assert depends_on("a.json") == Path("a.json")
    assert used.obstacle == "it depends on a.json, which is no whole path"


def test_path_in_the_folder_of_a_file_that_was_never_saved_is_an_obstacle():
    def whole_path(path: str) -> str:
        raise ValueError(f"{path} is relative to the open file, which was never saved")

    with noted(whole_path) as used:
        depends_on("//a.json")
    assert "never saved" in used.obstacle


def test_folder_that_can_t_be_told_is_an_obstacle(tmp_path, monkeypatch):
    monkeypatch.setattr("background_nodes.runtime.keys.files.MAX_FILES", 0)
    (tmp_path / "a").touch()
    with noted(str) as used:
        depends_on(tmp_path)
    assert "more than 0 files" in used.obstacle


def test_files_that_were_claimed_or_named_and_are_there_are_told(tmp_path):
    (tmp_path / "named").write_text("1")
    with noted(str) as used:
        with written_whole(tmp_path / "written") as beside:
            beside.write_text("2")
        used_files.note_written(tmp_path / "claimed only")
        found = used.finish([str(tmp_path / "named"), "not whole"])
    assert [state.path for state in found] == [str(tmp_path / "named"), str(tmp_path / "written")]
    assert all(map(FileDigests().is_as_it_was, found))


def test_outside_of_a_task_nothing_is_noted(tmp_path):
    assert depends_on(tmp_path) == tmp_path
