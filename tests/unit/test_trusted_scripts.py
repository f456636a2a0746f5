"""The folder of trusted scripts: kept for good, shared by several Blenders."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from background_nodes.addon.consent import trusted_scripts
from background_nodes.addon.consent.trusted_scripts import TrustedScripts
from background_nodes.runtime.errors import StoreError
from background_nodes.runtime.keys.own_modules import ScriptPart

PARTS = (ScriptPart("", "print('ü')".encode()), ScriptPart("fast.so", b"\x7fELF\0\xff"))


@pytest.fixture
def folder(awkward_path):
    return awkward_path / "trusted"


@pytest.fixture
def trusted(folder) -> TrustedScripts:
    return TrustedScripts(lambda: folder)


def add(trusted: TrustedScripts, digest: str, **options) -> None:
    trusted.add(digest, f"{digest}.py", "file.blend", PARTS, **{"is_own": False, **options})


def test_added_script_is_there_for_every_blender_with_its_parts(trusted, folder):
    add(trusted, "a")
    other = TrustedScripts(lambda: folder)
    assert ("a" in other, "b" in other) == (True, False)
    assert other.read("a").parts == PARTS
    assert [(script.name, script.origin, script.is_own) for script in other.listed()] == [("a.py", "file.blend", False)]


def test_script_removed_by_one_blender_is_trusted_by_none(trusted, folder):
    other = TrustedScripts(lambda: folder)
    add(trusted, "a")
    assert other.listed()
    trusted.remove(["a", "never there"])
    assert ("a" in other, other.listed()) == (False, ())


def test_two_blenders_lose_nothing_of_each_other(trusted, folder):
    others = [TrustedScripts(lambda: folder) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda pair: add(pair[1], f"{pair[0]}"), [(i, others[i % 4]) for i in range(40)]))
    assert {script.digest for script in trusted.listed()} == {str(i) for i in range(40)}
    assert {path.suffix for path in folder.iterdir()} == {".json"}


def test_own_scripts_that_did_not_run_for_longest_make_room(trusted, monkeypatch):
    monkeypatch.setattr(trusted_scripts, "MAX_WRITTEN", 3)
    add(trusted, "allowed")
    for number, digest in enumerate("abc"):
        add(trusted, digest, is_own=True)
        os.utime(trusted.folder / f"{digest}.json", (number, number))
    trusted.note_use("a")
    add(trusted, "d", is_own=True)
    assert {script.digest for script in trusted.listed()} == {"allowed", "a", "c", "d"}


def test_damaged_file_is_listed_so_that_it_can_be_removed(trusted, folder):
    folder.mkdir()
    (folder / "abc.json").write_bytes(b"\xff{")
    assert [script.digest for script in trusted.listed()] == ["abc"]
    trusted.remove(["abc"])
    assert trusted.listed() == ()


def test_folder_that_can_t_be_written_is_an_error_that_names_it(trusted, folder):
    folder.write_text("a file in its place")
    with pytest.raises(StoreError, match="can't be written"):
        add(trusted, "a")
    assert ("a" in trusted, trusted.listed()) == (False, ())
