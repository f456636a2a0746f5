"""A folder that machines share: what is in it, who sees it, and which files go by it."""

import asyncio
import contextlib
import hashlib
import os
import shutil
import sys
from dataclasses import replace

import pytest

from background_nodes.farm import bridge as bridge_module
from background_nodes.farm import plugin, shared_folder
from background_nodes.farm.bridge import Bridge, is_by_folder
from background_nodes.farm.engine import FarmEngine
from background_nodes.farm.shared_folder import SharedFolder
from background_nodes.farm.shelf import Shelf
from background_nodes.runtime.engine import carried_files
from background_nodes.runtime.engine.carried_files import CarriedFile
from background_nodes.runtime.engine.messages import GivenArgument, Piece
from background_nodes.runtime.errors import StoreError
from background_nodes.runtime.scratch import value_files
from background_nodes.runtime.scratch.scratch import Scratch
from background_nodes.runtime.scratch.typed_values import TypedValue
from background_nodes.runtime.script.socket_types import SocketType

from ..engine_suite import Bench
from .conftest import Farm


@pytest.fixture
def shared(tmp_path):
    (tmp_path / "shared").mkdir()
    return SharedFolder(tmp_path / "shared")


def made(path, content: bytes) -> str:
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def test_file_is_there_for_all_who_see_the_folder(shared, tmp_path):
    digest = made(tmp_path / "a", b"content")
    shared.put(tmp_path / "a", digest)
    other = SharedFolder(shared.path)
    assert other.take(digest, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"content"
    assert not other.take("0" * 64, tmp_path / "c")


def test_what_was_not_used_for_longest_is_removed(tmp_path):
    (tmp_path / "shared").mkdir()
    shared = SharedFolder(tmp_path / "shared", max_size=25)
    digests = [made(tmp_path / name, name.encode() * 10) for name in "abc"]
    for number, (name, digest) in enumerate(zip("ab", digests, strict=False)):
        shared.put(tmp_path / name, digest)
        os.utime(shared.path / "files" / digest, (number, number))
    shared.take(digests[0], tmp_path / "again")
    shared.put(tmp_path / "c", digests[2])
    assert {path.name for path in (shared.path / "files").iterdir()} == {digests[0], digests[2]}


def test_full_disk_is_told_with_what_mends_it_and_nothing_half_written_stays(tiny_disk, tmp_path):
    """Others have filled it. What goes by the folder later is right, once there is room."""
    shared = SharedFolder(tiny_disk)
    filler = tiny_disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(bytes(3 * 1024**2))
    digest = made(tmp_path / "a", b"0123456789" * 100_000)
    for write in (lambda: shared.put(tmp_path / "a", digest), lambda: shared.write_probe(b"x" * 1024**2)):
        with pytest.raises(OSError, match="No space left"):
            write()
        assert shared.fault == (
            f"Nothing can be written to the shared folder {tiny_disk}, so files go from machine to machine: "
            f"No space left on device. Make room there: 0.0 MB are free in {tiny_disk}."
        )
        shared.fault = ""
    assert [path for path in tiny_disk.rglob("*") if path.is_file()] == [filler]
    filler.unlink()
    shared.put(tmp_path / "a", digest)
    assert shared.fault == ""
    assert shared.take(digest, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()


def test_on_a_full_disk_a_file_takes_the_place_of_what_was_not_used_for_longest(tiny_disk, tmp_path):
    """It is smaller than what the folder may hold."""
    shared = SharedFolder(tiny_disk)
    digests = [made(tmp_path / name, name.encode() * 600_000) for name in "abcd"]
    for number, (name, digest) in enumerate(zip("abc", digests, strict=False)):
        shared.put(tmp_path / name, digest)
        os.utime(tiny_disk / "files" / digest, (number, number))
    shared.take(digests[0], tmp_path / "again")
    shared.put(tmp_path / "d", digests[3])
    assert {path.name for path in (tiny_disk / "files").iterdir()} == {digests[0], digests[2], digests[3]}
    larger = made(tmp_path / "larger", bytes(3 * 1024**2))
    with pytest.raises(OSError, match="No space left"):
        shared.put(tmp_path / "larger", larger)
    assert len(list((tiny_disk / "files").iterdir())) == 3, "they would not make enough room"


def test_folder_that_is_not_there_is_refused_and_not_made(tmp_path):
    with pytest.raises(StoreError, match="can't be used"):
        SharedFolder(tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("digest", ["", "../" + "a" * 61, "A" * 64])
def test_what_is_no_digest_names_no_file(shared, tmp_path, digest):
    with pytest.raises(StoreError, match="no digest"):
        shared.take(digest, tmp_path / "a")
    assert shared.digest_of_probe(digest) == ""


class Rpc:
    """A station as a bridge asks it: it sees a folder, gets what is sent, and has one file, which it has shared."""

    def __init__(self, folder, content: bytes = b"") -> None:
        self._folder = folder
        self._content = content

    def rpc(self, _address: str):
        return self

    def __getattr__(self, name: str):
        return {plugin.SEE: self._see, plugin.SHARE: self._share, plugin.GET: self._get}[name]

    async def _see(self, name: str = "", data: bytes = b"") -> dict:
        return {"digest": self._folder.digest_of_probe(name) if name else hashlib.sha256(data).hexdigest()}

    async def _share(self, digest: str) -> dict:
        return {"is_there": True}

    async def _get(self, digest: str, offset: int) -> dict:
        return {"is_here": True, "data": self._content[offset:]}


@pytest.mark.parametrize("is_faster", [True, False])
@pytest.mark.parametrize("sees", ["the same", "another", "a copy of before"])
def test_folder_is_used_by_who_sees_the_very_same_if_it_is_faster(shared, tmp_path, monkeypatch, sees, is_faster):
    theirs = shared
    if sees != "the same":
        shutil.copytree(shared.path, tmp_path / "theirs")
        theirs = SharedFolder(tmp_path / "theirs")
    monkeypatch.setattr(bridge_module, "is_by_folder", lambda *_seconds: is_faster)

    async def found() -> bool:
        with contextlib.closing(Scratch(tmp_path / "scratch")) as scratch:
            return await Bridge(Rpc(theirs), print, scratch.folder, shared)._goes_by_folder("tls://render1:1")

    assert asyncio.run(found()) == (sees == "the same" and is_faster)
    assert list((shared.path / "probes").iterdir()) == []


@pytest.mark.parametrize("there", ["all of it", "damaged", "none"])
def test_result_that_the_folder_does_not_have_whole_comes_by_the_wire(shared, tmp_path, monkeypatch, there):
    content = b"0123456789" * 10_000
    digest = made(tmp_path / "a", content)
    if there != "none":
        shared.put(tmp_path / "a", digest)
    if there == "damaged":
        (shared.path / "files" / digest).write_bytes(content[:-1])
    monkeypatch.setattr(bridge_module, "is_by_folder", lambda *_seconds: True)

    async def bring(folder) -> None:
        station = Rpc(shared, b"" if there == "all of it" else content)
        await Bridge(station, print, folder, shared)._bring_home(CarriedFile("a.value", digest, len(content)), "tls://")

    with contextlib.closing(Scratch(tmp_path / "scratch")) as scratch:
        asyncio.run(bring(scratch.folder))
        assert carried_files.place_of("a.value", scratch.folder).read_bytes() == content


def test_probe_of_a_bridge_that_was_killed_is_removed_by_a_later_one(shared):
    old, new = shared.write_probe(b"old"), shared.write_probe(b"new")
    os.utime(shared.path / "probes" / old, (0, 0))
    last = shared.write_probe(b"last")
    assert {path.name for path in (shared.path / "probes").iterdir()} == {new, last}


def test_files_of_others_in_the_folder_stay_however_old_they_are(tmp_path):
    """Somebody may have had folders of these names there before; and a shelf may be where other files are."""
    theirs = [tmp_path / folder / "scene.blend" for folder in ("files", "probes", "shelf")]
    for file in theirs:
        file.parent.mkdir()
        file.touch()
        os.utime(file, (0, 0))
    shared = SharedFolder(tmp_path, max_size=1)
    shared.remove_probe(shared.write_probe(b"probe"))
    shared.put(tmp_path / "a", made(tmp_path / "a", b"content"))
    Shelf(tmp_path / "shelf", 1)
    assert all(file.exists() for file in theirs)


@pytest.mark.parametrize("name", ["files", "probes"])
def test_folder_that_leads_to_other_files_is_refused(tmp_path, name):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / name).symlink_to(tmp_path)
    with pytest.raises(StoreError, match=f"{name} leads elsewhere"):
        SharedFolder(tmp_path / "shared")


def test_folder_may_take_twice_as_long_as_the_wire():
    assert is_by_folder(0.19, 0.1)
    assert not is_by_folder(0.21, 0.1)


def test_large_files_go_by_the_folder_from_home_and_back_and_to_the_next_machine(
    environment, shared, tmp_path, monkeypatch
):
    """What the first task gives comes home by the folder, where the second machine finds it."""
    monkeypatch.setenv(shared_folder.VARIABLE, str(shared.path))
    farm = Farm(tmp_path, environment | {shared_folder.VARIABLE: str(shared.path)})
    scripts = sys.modules[Bench.__module__].SCRIPTS
    monkeypatch.setitem(scripts, "goes on", "def main(value):\n    return value + [1]\n")
    scratch = Scratch(tmp_path / "scratch")
    try:
        farm.scheduler()
        farm.worker("first", "--slots", "1", "--shared", str(shared.path), "--resources", "first=1")
        farm.worker("second", "--slots", "1", "--resources", "second=1")  # the environment tells it
        bench = Bench(FarmEngine.at(farm.address, scratch), scratch, tmp_path / "gate")
        given = value_files.stored_whole(TypedValue(SocketType("ANY"), list(range(30_000))), scratch)
        for name in ("first", "second"):
            request = bench.request(name, "goes on")
            argument = GivenArgument("value", "Value", given.type, (Piece(given),))
            task = replace(request.task, arguments=(argument,))
            bench.engine.submit(replace(request, task=task, needs=f"{name}=1"))
            bench.listen(lambda: len(bench.heard) == 2)
            assert "gave" in bench.heard.pop()
            bench.heard.clear()
            given = bench.gave
        bench.close()
    finally:
        farm.close()
    came = [_source(farm.said(name)) for name in ("first", "second")]
    if came[0] == "home":  # the disk here is that slow
        pytest.skip("files go by the wire here, as that is faster")
    assert came == ["the shared folder"] * 2
    assert len(list((shared.path / "files").iterdir())) == 3


def _source(said: str) -> str:
    """Where the value came from."""
    (line,) = [line for line in said.splitlines() if " came from " in line and ".value " in line]
    return line.partition(" came from ")[2]
