"""The scratch folder is private and is removed with its owner; a full disk is a clear error."""

import contextlib
import shutil
import stat
import sys
import threading
from pathlib import Path

import pytest

from background_nodes.runtime.errors import StoreError
from background_nodes.runtime.scratch.scratch import Scratch

from ..store_files import files_in
from .conftest import Engine, planned

pytestmark = pytest.mark.any_blender


def test_store_is_this_users_alone_and_goes_when_closed(tmp_path):
    scratch = Scratch(tmp_path)
    assert stat.S_IMODE(scratch.path.stat().st_mode) == 0o700
    scratch.new_folder()
    scratch.file(scratch.new_blob()).write_bytes(b"x")
    scratch.close()
    scratch.close()
    assert list(tmp_path.iterdir()) == []


def test_names_are_never_given_twice(tmp_path):
    scratch = Scratch(tmp_path)
    names = [make() for _ in range(5) for make in (scratch.new_blob, scratch.new_log, scratch.new_folder)]
    assert len({Path(name).stem for name in names}) == 15
    scratch.close()


def test_blob_is_removed_with_what_lies_beside_it_and_nothing_else(tmp_path):
    scratch = Scratch(tmp_path)
    name, other = scratch.new_blob(), scratch.new_blob()
    blob = scratch.file(name)
    for path in (blob, blob.with_suffix(".json"), blob.with_suffix(".1.pixels"), scratch.file(other)):
        path.write_bytes(b"x")
    assert (scratch.size([name]), scratch.size([name, other])) == (3, 4)
    scratch.remove([name])
    scratch.remove([name])
    assert files_in(scratch) == [other]
    scratch.close()


def test_size_of_many_blobs_is_told_bit_by_bit(tmp_path):
    scratch = Scratch(tmp_path)
    names = [scratch.new_blob() for _ in range(1000)]
    for name in names:
        scratch.file(name).write_bytes(b"x")
    sizes = list(scratch.sizes(names))
    assert sum(sizes) == scratch.size(names) == 1000
    assert max(sizes) <= 100
    scratch.close()


def test_nobody_waits_for_a_removal_nor_for_its_thread_to_start(tmp_path, monkeypatch):
    scratch = Scratch(tmp_path)
    may_remove = threading.Event()
    monkeypatch.setattr(threading.Thread, "start", None)  # it returns after the thread's first turn
    monkeypatch.setattr(Path, "unlink", lambda _path: may_remove.wait())
    files = [scratch.file(scratch.new_blob()) for _ in range(2)]
    for file in files:
        file.write_bytes(b"x")
        scratch.remove([file.name])
    assert all(file.exists() for file in files)
    may_remove.set()
    scratch.close()
    assert not scratch.path.exists()


def test_parent_that_can_not_be_made_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file/store"):
        Scratch(tmp_path / "file" / "store")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder where even root may not write")
def test_parent_that_can_not_be_written_is_an_error():
    with pytest.raises(StoreError, match="no folder for results can be made in /proc"):
        Scratch(Path("/proc"))


def test_store_whose_owner_lives_is_not_swept(tmp_path):
    first, second = Scratch(tmp_path), Scratch(tmp_path)
    second.wait_for_removals()
    assert first.path.exists()
    assert first.path != second.path
    first.close()
    second.close()


def test_store_of_another_foreground_is_swept_only_when_that_is_gone(start_foreground, tmp_path):
    process = start_foreground(
        "scratch = Scratch(parent); print(scratch.path, flush=True); __import__('time').sleep(1000)"
    )
    theirs = Path(process.stdout.readline().strip())
    ours = Scratch(theirs.parent)
    ours.close()
    assert theirs.exists()
    process.kill()
    process.wait()
    assert theirs.exists(), "or the test shows nothing"
    ours = Scratch(theirs.parent)
    ours.wait_for_removals()
    assert list(theirs.parent.iterdir()) == [ours.path]
    ours.close()


def test_sweeping_follows_no_links_and_stumbles_over_nothing(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "owner.lock").write_text("")
    (tmp_path / "background_nodes-link").symlink_to(tmp_path / "precious")
    (tmp_path / "background_nodes-file").write_text("")
    (tmp_path / "background_nodes-folder" / "owner.lock").mkdir(parents=True)
    Scratch(tmp_path).close()
    assert (tmp_path / "precious" / "owner.lock").exists()


MESH = """
import bpy
def main(vertices=%d):
    mesh = bpy.data.meshes.new("mesh")
    mesh.vertices.add(vertices)
    return mesh
"""


def test_full_disk_fails_the_task_and_the_next_one_is_fine_when_there_is_room(launcher, tiny_disk):
    engine = Engine(launcher, Scratch(tiny_disk), 1)
    try:
        assert engine.run("return 1").value == 1
        outcome = engine.run("print('x' * 10_000_000)")
        assert outcome.state == "failed"
        assert "No space left on device" in outcome.message
        for log in engine.scratch.path.rglob("*.log"):
            log.unlink()
        assert engine.run("print('y'); return 2").value == 2

        filler = tiny_disk / "filler"
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(b"x" * 3 * 1024**2)
        outcome = engine.run("return 3")
        assert outcome.state in {"failed", "succeeded"}
        assert outcome.state == "succeeded" or "No space left" in outcome.message
        filler.unlink()
        assert engine.run("return 4").value == 4
    finally:
        engine.close()
    assert list(tiny_disk.iterdir()) == []


def test_blob_that_finds_no_room_fails_the_task_and_is_not_left_half_written(launcher, tiny_disk):
    from dataclasses import replace

    from background_nodes.runtime.planning.plan import TaskOutput
    from background_nodes.runtime.script.socket_types import SocketType

    def mesh(vertices: int):
        task = planned(MESH % vertices)
        return replace(task, outputs=(TaskOutput("result", "Result", SocketType("Mesh")),))

    engine = Engine(launcher, Scratch(tiny_disk), 1)
    try:
        run = engine.wait(engine.start(mesh(1_000_000)))
        outcome = engine.outcome(run)
        assert outcome.state == "failed"
        assert "can't be written" in outcome.message or "No space left" in outcome.message
        assert files_in(engine.scratch, "*.blend*") == []
        assert engine.wait(engine.start(mesh(10))).state == "succeeded"
    finally:
        engine.close()


def test_store_on_a_full_disk_is_an_error_and_leaves_nothing(tiny_disk):
    (tiny_disk / "filler").touch()
    with pytest.raises(OSError, match="No space"):
        (tiny_disk / "filler").write_bytes(b"x" * 3 * 1024**2)
    with contextlib.suppress(StoreError):  # an empty folder may still find room
        Scratch(tiny_disk).close()
    assert [path.name for path in tiny_disk.iterdir()] == ["filler"]


def test_store_that_vanished_is_made_anew(launcher, tmp_path):
    """Some systems clean the temporary folder while Blender runs."""
    engine = Engine(launcher, Scratch(tmp_path), 1)
    shutil.rmtree(engine.scratch.path)
    assert engine.run("return 1").value == 1
    engine.close()


def test_log_that_can_not_be_made_fails_the_task_alone(launcher, tmp_path):
    engine = Engine(launcher, Scratch(tmp_path), 1)
    assert engine.run("return 1").value == 1
    pid = engine.pool.process_ids[0]
    folder = engine.scratch.file("000001.log").parent
    moved = folder.rename(tmp_path / "moved")
    folder.touch()
    for _ in range(3):
        assert "no folder can be made" in engine.run("return 1").message
    folder.unlink()
    moved.rename(folder)
    assert engine.run("return 1").value == 1
    assert engine.pool.process_ids[0] == pid
    engine.close()


def test_two_foregrounds_side_by_side_touch_no_file_of_each_other(start_foreground):
    body = """
        engine = Engine(launcher, Scratch(parent), 1)
        for round in range(3):
            run = engine.wait(engine.start(*(planned(f"print({round}); return {round}", f"t{i}") for i in range(5))))
            assert [engine.outcome(run, f"t{i}").value for i in range(5)] == [round] * 5
            assert [engine.outcome(run, f"t{i}").log for i in range(5)] == [f"{round}\\n"] * 5
        engine.close()
        print("fine", flush=True)
        """
    processes = [start_foreground(body), start_foreground(body)]
    assert [process.communicate()[0] for process in processes] == ["fine\n"] * 2


def test_store_that_somebody_removed_is_made_anew_for_the_next_run(make_engine):
    engine = make_engine()
    write = "import tempfile; print('here'); return tempfile.TemporaryFile().write(b'1234')"
    assert engine.run(write).value == 4
    shutil.rmtree(engine.scratch.path)
    outcome = engine.run(write)
    assert (outcome.state, outcome.value, outcome.log) == ("succeeded", 4, "here\n")
    assert stat.S_IMODE(engine.scratch.path.stat().st_mode) == 0o700
    assert (engine.scratch.path / "owner.lock").exists()
