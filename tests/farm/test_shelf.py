"""The shelf of a station keeps files by digest, and no more than it may."""

import asyncio
import hashlib
import os
import threading
from pathlib import Path

import pytest

from background_nodes.farm import shelf as shelf_module
from background_nodes.farm.shelf import Shelf
from background_nodes.runtime.engine.carried_files import CarriedFile
from background_nodes.runtime.errors import StoreError
from background_nodes.runtime.scratch import room

from .conftest import PATIENCE


def carried(path, content: bytes) -> CarriedFile:
    path.write_bytes(content)
    return CarriedFile(path.name, hashlib.sha256(content).hexdigest(), len(content))


def test_file_is_found_by_its_digest_under_any_name(tmp_path):
    shelf = Shelf(tmp_path / "shelf")
    file = carried(tmp_path / "a", b"content")
    shelf.take(tmp_path / "a", file)
    (tmp_path / "a").unlink()
    shelf.place(file.digest, tmp_path / "deep" / "b")
    assert (tmp_path / "deep" / "b").read_bytes() == b"content"


def test_file_that_is_received_wrong_is_refused_and_gone(tmp_path):
    shelf = Shelf(tmp_path / "shelf")
    path = shelf.new_file("a" * 64)
    path.write_bytes(b"something else")
    with pytest.raises(StoreError, match="not what it was at its origin"):
        asyncio.run(shelf.take_received(path, "a" * 64))
    assert "a" * 64 not in shelf
    assert list((tmp_path / "shelf").iterdir()) == []


def test_others_are_answered_while_a_received_file_is_looked_at(tmp_path, monkeypatch):
    """A large one takes seconds, in which its worker could not even end a task that is cancelled."""
    shelf, answered = Shelf(tmp_path / "shelf"), threading.Event()
    digest = hashlib.sha256(b"content").hexdigest()
    path = shelf.new_file(digest)
    path.write_bytes(b"content")
    look = shelf_module._looked_at

    def looked_at(path: Path) -> tuple[str, int]:
        assert answered.wait(PATIENCE)
        return look(path)

    async def story() -> None:
        taking = asyncio.ensure_future(shelf.take_received(path, digest))
        await asyncio.sleep(0)
        answered.set()
        await taking

    monkeypatch.setattr(shelf_module, "_looked_at", looked_at)
    asyncio.run(story())
    assert digest in shelf


@pytest.mark.parametrize("digest", ["", "a" * 63, "../" + "a" * 61, "A" * 64])
def test_what_is_no_digest_names_no_file(tmp_path, digest):
    with pytest.raises(StoreError, match="no digest"):
        Shelf(tmp_path / "shelf").new_file(digest)


def test_what_was_not_used_for_longest_is_removed_first(tmp_path):
    shelf = Shelf(tmp_path / "shelf", max_size=25)
    files = [carried(tmp_path / name, name.encode() * 10) for name in "abc"]
    shelf.take(tmp_path / "a", files[0])
    shelf.take(tmp_path / "b", files[1])
    shelf.path(files[0].digest)
    shelf.take(tmp_path / "c", files[2])
    assert [file.digest in shelf for file in files] == [True, False, True]
    assert shelf.size == 20


def test_shelf_is_the_same_after_a_restart_but_for_what_was_being_received(tmp_path):
    shelf = Shelf(tmp_path / "shelf")
    file = carried(tmp_path / "a", b"content")
    shelf.take(tmp_path / "a", file)
    half = shelf.new_file("b" * 64)
    half.write_bytes(b"half")
    os.utime(half, (0.0, 0.0))
    shelf = Shelf(tmp_path / "shelf")
    assert file.digest in shelf
    assert [path.name for path in (tmp_path / "shelf").iterdir()] == [file.digest]


def test_shelf_makes_room_on_its_disk_by_what_was_not_used_for_longest(tmp_path, monkeypatch):
    """A disk of 30 bytes."""
    shelf = Shelf(tmp_path / "shelf")
    files = [carried(tmp_path / name, name.encode() * 10) for name in "abc"]
    for name, file in zip("abc", files, strict=True):
        shelf.take(tmp_path / name, file)
    monkeypatch.setattr(room, "free", lambda _folder: 30 - shelf.size)
    assert not shelf.make_room(31, ())
    for name, file in zip("abc", files, strict=True):
        shelf.take(tmp_path / name, file)
    assert shelf.make_room(10, {files[0].digest})
    assert [file.digest in shelf for file in files] == [True, False, True]
    assert not shelf.make_room(25, {files[0].digest}), "what is wanted itself stays"
    assert files[0].digest in shelf


def test_two_workers_may_keep_files_in_one_folder(tmp_path):
    """One has a file already that the other takes, removes one that the other knows, and starts while that receives."""
    ours, theirs = Shelf(tmp_path / "shelf", max_size=10), Shelf(tmp_path / "shelf")
    files = [carried(tmp_path / name, name.encode() * 10) for name in "ab"]
    for shelf in (ours, theirs):
        shelf.take(tmp_path / "a", files[0])
    ours.take(tmp_path / "b", files[1])
    assert files[0].digest not in theirs, "it has to be brought again"
    theirs.take(tmp_path / "a", files[0])
    theirs.place(files[0].digest, tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == b"a" * 10
    coming = ours.new_file("b" * 64)
    coming.touch()
    Shelf(tmp_path / "shelf")
    assert coming.exists()


def test_file_that_is_not_whole_is_on_no_shelf(tmp_path, monkeypatch):
    """Its disk knows no second names of files, and the worker ends while it is copied."""

    def copy_half(_source: str, target: str) -> None:
        Path(target).write_bytes(b"con")
        raise KeyboardInterrupt

    monkeypatch.setattr(shelf_module, "place_file", copy_half)
    file = carried(tmp_path / "a", b"content")
    with pytest.raises(KeyboardInterrupt):
        Shelf(tmp_path / "shelf").take(tmp_path / "a", file)
    assert file.digest not in Shelf(tmp_path / "shelf")


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_shelf_is_for_its_user_alone(tmp_path):
    Shelf(tmp_path / "shelf")
    assert (tmp_path / "shelf").stat().st_mode & 0o777 == 0o700
