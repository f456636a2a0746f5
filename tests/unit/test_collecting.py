"""Files that a job wrote are copied home: those that it wrote, as it wrote them, and to no other place."""

import contextlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from background_nodes.runtime.engine.kept_results import KeptResult
from background_nodes.runtime.errors import StoreError
from background_nodes.runtime.keys.files import FileDigests, FileState
from background_nodes.runtime.store.store import Store
from background_nodes.submit import collecting
from background_nodes.submit.division import Step

from .test_job_folder import JOB

pytestmark = pytest.mark.any_python


@pytest.fixture
def job(tmp_path):
    """The folder of a job with one step."""
    folder = tmp_path / "job"
    (folder / "files").mkdir(parents=True)
    replace(JOB, steps=(Step("Write", ("w",)),)).save(folder)
    return folder


def collected(job: Path, *written: FileState) -> list[Path]:
    """What is copied if the job says that it wrote this."""
    with contextlib.closing(Store(job / "store")) as store, contextlib.closing(Store(job / "home")) as home:
        kept = KeptResult("", "", written=written)
        store.set_last("w 0", store.keep("ab" * 16, kept.encode()))
        return collecting.collect(job, home, job.parent / "came").files


def state(path: Path) -> FileState:
    return FileDigests().state(str(path))


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_files_and_those_of_folders_keep_their_places(job, tmp_path):
    (job / "files" / "out" / "inner").mkdir(parents=True)
    for name in ("alone.txt", "out/one.txt", "out/inner/two.txt"):
        (job / "files" / name).write_text(name)
    collected(job, state(job / "files" / "alone.txt"), state(job / "files" / "out"))
    assert names(tmp_path / "came") == ["alone.txt", "out/inner/two.txt", "out/one.txt"]


def test_path_that_leads_out_of_the_job_is_copied_to_no_other_place(job, tmp_path):
    """Who can write to the job's store says that it wrote files/../evil.txt: a place beside the folder for copies."""
    (job / "evil.txt").write_text("evil")
    assert collected(job, replace(state(job / "evil.txt"), path=f"{job}/files/../evil.txt")) == []
    assert not (tmp_path / "evil.txt").exists()


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="links need rights on Windows")
def test_link_that_leads_out_of_the_job_is_not_followed(job, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    (job / "files" / "out").mkdir()
    (job / "files" / "out" / "link.txt").symlink_to(tmp_path / "secret.txt")
    for path in (job / "files" / "out" / "link.txt", job / "files" / "out"):
        with pytest.raises(StoreError, match="leads out of the job"):
            collected(job, state(path))
    assert names(tmp_path / "came") == []


def test_file_that_was_changed_since_the_job_wrote_it_is_not_taken_for_its_result(job):
    file = job / "files" / "a.txt"
    file.write_text("as it was")
    before = state(file)
    file.write_text("another one")
    with pytest.raises(StoreError, match="not as the job has written it"):
        collected(job, before)
    file.unlink()
    with pytest.raises(StoreError, match="not there any more"):
        collected(job, before)
