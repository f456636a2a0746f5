# SPDX-License-Identifier: GPL-3.0-or-later
"""Removals are done soon, and their caller does not wait for them."""

from __future__ import annotations

import os
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from background_nodes.runtime.scratch import removal
from background_nodes.runtime.scratch.removal import Remover
from background_nodes.runtime.scratch.scratch import Scratch


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    made = Scratch(tmp_path)
    yield made
    made.close()


def written(scratch: Scratch, name: str, *suffixes: str) -> list[Path]:
    files = [scratch.file(name), *(scratch.file(name).with_suffix(suffix) for suffix in suffixes)]
    for file in files:
        file.write_bytes(b"x")
    return files


def test_a_blob_goes_with_the_files_beside_it_and_no_other(scratch: Scratch) -> None:
    files = written(scratch, scratch.new_blob(), ".blend1", ".0.in_use.json", ".0.items.json")
    others = [*written(scratch, scratch.new_blob()), *written(scratch, scratch.new_log(), ".head", ".tail")]
    scratch.remove([files[0].name])
    scratch.wait_for_removals()
    assert [file.exists() for file in files] == [False] * 4
    assert [file.exists() for file in others] == [True] * 4


def test_folder_that_was_left_behind_is_removed_while_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / "background_nodes-left"
    left.mkdir()
    (left / "owner.lock").touch()
    threads = []
    rmtree = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", lambda *a, **k: (threads.append(threading.get_ident()), rmtree(*a, **k)))
    scratch = Scratch(tmp_path)
    scratch.wait_for_removals()
    assert not left.exists()
    assert threads
    assert threading.get_ident() not in threads
    scratch.close()


def test_what_is_not_there_and_folders_that_are_gone_are_no_error(scratch: Scratch) -> None:
    scratch.remove(["000007.blend", "999999.log"])
    scratch.remove_folder(scratch.path / "worker-000001")
    (blob,) = written(scratch, scratch.new_blob())
    scratch.remove([blob.name])
    scratch.wait_for_removals()
    assert not blob.exists()


def test_each_folder_is_looked_at_once_however_many_files_go(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Listing the folder for each log held the window for 2,000 items."""
    looks: Counter[str] = Counter()
    scandir = os.scandir

    def counted(path: Path) -> object:
        looks[Path(path).name] += 1
        return scandir(path)

    names = [scratch.new_blob() for _ in range(250)]
    for name in names:
        written(scratch, name)
    monkeypatch.setattr(removal.os, "scandir", counted)
    scratch.remove(names)
    scratch.wait_for_removals()
    assert looks == {"0000": 1, "0001": 1, "0002": 1}
    assert not list(scratch.path.rglob("*.blend"))


def test_who_removes_does_not_wait_for_it(scratch: Scratch) -> None:
    """1. A removal blocks, 2. more removals are asked for, 3. the first goes on, and all are done in order."""
    go_on, seen = threading.Event(), []
    remover = Remover()

    def slow() -> Iterator[Path]:
        go_on.wait(20)
        seen.append("first")
        yield from ()

    def quick() -> Iterator[Path]:
        seen.append("second")
        yield from ()

    remover.remove_files(slow())
    remover.remove_files(quick())
    assert seen == []
    go_on.set()
    remover.wait()
    assert seen == ["first", "second"]


def test_a_removal_that_raises_keeps_no_other_from_being_done(
    scratch: Scratch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> Iterator[Path]:
        raise ZeroDivisionError("a bug")
        yield

    remover = Remover()
    remover.remove_files(broken())
    (blob,) = written(scratch, scratch.new_blob())
    remover.remove_files([blob])
    remover.wait()
    assert not blob.exists()
    assert "ZeroDivisionError: a bug" in capsys.readouterr().err


def test_where_no_thread_can_be_had_it_is_removed_with_the_next(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_arguments: object) -> int:
        raise RuntimeError("can't start new thread")

    first, second = written(scratch, scratch.new_blob()), written(scratch, scratch.new_blob())
    with monkeypatch.context() as patched:
        patched.setattr(removal._thread, "start_new_thread", start)
        scratch.remove([first[0].name])
    assert first[0].exists()
    scratch.remove([second[0].name])
    scratch.wait_for_removals()
    assert not first[0].exists()
    assert not second[0].exists()


def test_closing_a_store_removes_all_of_it(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    written(scratch, scratch.new_blob())
    scratch.new_folder()
    scratch.remove(["000001.blend"])
    scratch.close()
    assert list(tmp_path.iterdir()) == []
    scratch.close()


def test_a_shared_blob_goes_when_all_have_removed_it(scratch: Scratch) -> None:
    (blob,) = written(scratch, scratch.new_blob())
    scratch.share([blob.name])
    scratch.remove([blob.name])
    scratch.wait_for_removals()
    assert blob.exists()
    scratch.remove([blob.name])
    scratch.wait_for_removals()
    assert not blob.exists()
