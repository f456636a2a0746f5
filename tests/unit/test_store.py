# SPDX-License-Identifier: GPL-3.0-or-later
"""What was kept is found again as it was, or not at all; what is needed is not removed to make room."""

from __future__ import annotations

import dataclasses
import itertools
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import blake2b, sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from background_nodes.runtime.errors import StoreError
from background_nodes.runtime.scratch import file_locks
from background_nodes.runtime.store import folder as folder_module
from background_nodes.runtime.store import reading as reading_module
from background_nodes.runtime.store import upkeep
from background_nodes.runtime.store.draft import Draft
from background_nodes.runtime.store.folder import Piece, default_folder
from background_nodes.runtime.store.limits import Entry, Limits, choose
from background_nodes.runtime.store.records import KeptFile, Record
from background_nodes.runtime.store.store import Store

DAY = 24 * 3600.0
ROOMY = Limits(max_size=1024**3, min_free=0)
posix_only = pytest.mark.skipif(os.name != "posix", reason="what is kept is read-only on POSIX only")


def key(text: object) -> str:
    return blake2b(str(text).encode()).hexdigest()


@dataclasses.dataclass
class Place:
    """A folder for a store, and one for what is to be kept."""

    path: Path
    notes: list[str] = dataclasses.field(default_factory=list)
    stores: list[Store] = dataclasses.field(default_factory=list)
    numbers: Iterator[int] = dataclasses.field(default_factory=lambda: itertools.count(1))

    def store(self, limits: Limits = ROOMY) -> Store:
        """A store as a new process has it."""
        self.stores.append(Store(self.path / "store", limits, self.notes.append))
        return self.stores[-1]

    def blob(self, **files: bytes) -> Path:
        """A blob in scratch: `blob(blend=b"...", json=b"...")`."""
        stem = self.path / "scratch" / f"{next(self.numbers):06d}"
        stem.parent.mkdir(exist_ok=True)
        for suffix, content in files.items():
            stem.with_name(f"{stem.name}.{suffix.replace('_', '.')}").write_bytes(content)
        return stem.with_name(f"{stem.name}.{next(iter(files))}")

    def target(self) -> Path:
        """A new folder to place something in."""
        path = self.path / f"target {next(self.numbers)}"
        path.mkdir()
        return path

    def files(self, table: str = "") -> list[Path]:
        """The files in a table of the store, or in all of them."""
        tables = [table] if table else ["records", "files", "lasts"]
        return sorted(
            path for table in tables for path in (self.path / "store" / "v1" / table).rglob("*") if path.is_file()
        )

    def being_written(self) -> list[Path]:
        return list((self.path / "store" / "v1" / "new").glob("*"))


@pytest.fixture
def place(awkward_path: Path) -> Iterator[Place]:
    place = Place(awkward_path)
    yield place
    assert place.being_written() == []
    for store in place.stores:
        store.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def flip_bit(path: Path, *, keeps_time: bool = False) -> None:
    before = path.stat()
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    if keeps_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def set_age(store: Store, name: str, days: float) -> None:
    then = time.time() - days * DAY
    os.utime(store.folder.file("records", name), (then, then))


# Keeping and finding


def test_what_was_kept_is_found_by_another_process_and_placed_under_another_name(place):
    blob = place.blob(blend=b"blend", json=b"{}", **{"0_value_lines": b"\0\1"})
    content = {"parts": {"script": "ab"}, "values": [1, 0.5, None, float("inf"), "節点 \udcff"], "memory": 7}
    kept = place.store().keep(key("a"), content, 1.5, {"output": blob})
    found = place.store().find(key("a"))
    assert found == kept == place.store().peek(key("a"))
    assert (found.content, found.seconds, found.size) == (content, 1.5, 9)
    target = place.target()
    place.store().place(found, "output", target, "000099")
    assert contents(target) == {"000099.blend": b"blend", "000099.json": b"{}", "000099.0.value.lines": b"\0\1"}
    assert place.notes == []


def test_what_was_not_kept_is_not_found_and_looking_for_it_makes_nothing(place):
    store = place.store()
    assert store.find(key("a")) is store.peek(key("a")) is store.last("node") is None
    assert upkeep.prune(store) == upkeep.clear(store) == upkeep.Removed(0, 0)
    assert (upkeep.info(store).num_records, upkeep.verify(store).num_records) == (0, 0)
    store.remove(key("a"))
    assert list(place.path.iterdir()) == []
    assert place.notes == []


@pytest.mark.parametrize("name", ["", "ab", "../../../../etc/passwd", "AB" * 16, "a" * 200, "abcdefabcdefabcde\n"])
def test_key_that_is_no_key_is_refused(place, name):
    for act in (place.store().find, place.store().remove, lambda name: place.store().keep(name, {})):
        with pytest.raises(ValueError, match="is no key"):
            act(name)


def test_new_record_takes_the_place_of_the_old_one(place):
    store = place.store()
    for number in range(3):
        store.keep(key("a"), {"number": number}, blobs={"output": place.blob(blend=b"%d" % number)})
    assert place.store().find(key("a")).content == {"number": 2}
    upkeep.prune(store)
    assert [file.read_bytes() for file in place.files("files")] == [b"2"]


def test_record_without_blobs_takes_one_file(place):
    place.store().keep(key("a"), {"value": 3})
    assert len(place.files()) == 1
    assert place.store().find(key("a")).content == {"value": 3}


def test_same_bytes_are_kept_once_and_stay_while_somebody_needs_them(place):
    store = place.store()
    for name in "ab":
        store.keep(key(name), {}, blobs={"output": place.blob(blend=b"same")})
    assert len(place.files("files")) == 1
    store.remove(key("a"))
    upkeep.prune(store)
    assert store.find(key("b")) is not None
    store.remove(key("b"))
    assert upkeep.prune(store).size == 4
    assert place.files("files") == []


@posix_only
def test_kept_file_is_the_one_in_scratch_read_only_and_outlives_it(place):
    blob = place.blob(blend=b"data")
    record = place.store().keep(key("a"), {}, blobs={"output": blob})
    (kept,) = place.files("files")
    target = place.target()
    place.store().place(record, "output", target, "x")
    assert kept.samefile(blob)
    assert kept.samefile(target / "x.blend")
    assert stat.S_IMODE(kept.stat().st_mode) & 0o222 == 0
    blob.unlink()
    assert place.store().find(key("a")) is not None


def test_log_that_is_still_written_to_is_copied(place):
    log = place.blob(log=b"end", head=b"begin")
    record = place.store().keep(key("a"), {}, blobs={"log": log}, copied={"log"})
    with log.open("ab") as file:
        file.write(b" and more, by a process that the script has left")
    target = place.target()
    place.store().place(record, "log", target, "x")
    assert contents(target) == {"x.log": b"end", "x.head": b"begin"}


def no_link(*_paths: Path) -> None:
    raise PermissionError("there are no links on this disk")


def test_disk_without_links_gets_copies(place, monkeypatch):
    monkeypatch.setattr(os, "link", no_link)
    store, blob, target = place.store(), place.blob(blend=b"data"), place.target()
    record = store.keep(key("a"), {}, blobs={"output": blob})
    store.place(record, "output", target, "x")
    store.set_last("node", record)
    assert not place.files("files")[0].samefile(blob)
    assert contents(target) == {"x.blend": b"data"}
    assert store.last("node") == record


def test_blob_without_files_is_an_error_and_nothing_is_kept(place):
    with pytest.raises(StoreError, match="there is nothing to keep"):
        place.store().keep(key("a"), {}, blobs={"one": place.blob(blend=b"1"), "two": place.path / "000777.blend"})
    assert place.files() == []
    assert place.being_written() == []


@pytest.mark.parametrize("link", [os.link, no_link])
def test_nothing_that_is_there_is_written_over_and_a_half_placed_blob_is_taken_back(place, monkeypatch, link):
    monkeypatch.setattr(os, "link", link)
    record = place.store().keep(key("a"), {}, blobs={"output": place.blob(blend=b"new", json=b"{}")})
    target = place.target()
    (target / "x.json").write_bytes(b"mine")
    with pytest.raises(StoreError, match="can't be put into"):
        place.store().place(record, "output", target, "x")
    assert contents(target) == {"x.json": b"mine"}
    assert place.store().find(key("a")) is not None


def test_disk_that_fills_up_meanwhile_is_an_error_and_nothing_is_kept(place, monkeypatch):
    def copyfile(_source: Path, target: Path) -> None:
        target.write_bytes(b"da")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", copyfile)
    with pytest.raises(StoreError, match="No space left on device"):
        place.store().keep(key("a"), {}, blobs={"log": place.blob(log=b"data")}, copied={"log"})
    assert place.files() == []


@posix_only
def test_store_is_this_users_alone(place):
    place.store().keep(key("a"), {})
    assert stat.S_IMODE((place.path / "store").stat().st_mode) == 0o700
    assert stat.S_IMODE((place.path / "store" / "v1").stat().st_mode) == 0o700


# Damage


@pytest.fixture
def damaged(place) -> Callable[[Callable[[Path], None], str], Place]:
    """A place whose store has two results; a file of the first is damaged."""

    def make(damage: Callable[[Path], None], table: str) -> Place:
        store = place.store()
        store.keep(key("a"), {}, blobs={"output": place.blob(blend=b"first", json=b"{}")})
        (file, *_) = place.files(table)
        store.keep(key("b"), {}, blobs={"output": place.blob(blend=b"second")})
        damage(file)
        return place

    return make


@pytest.mark.parametrize("table", ["records", "files"])
@pytest.mark.parametrize("keeps_time", [True, False])
def test_one_bit_turned_is_a_miss_removed_noted_and_healed(damaged, table, keeps_time):
    place = damaged(lambda file: flip_bit(file, keeps_time=keeps_time), table)
    store = place.store()
    assert store.find(key("a")) is None
    assert len(place.notes) == 1
    assert "was damaged and is removed" in place.notes[0]
    assert len(place.files("records")) == 1
    assert store.find(key("a")) is None
    assert place.store().find(key("b")) is not None
    assert len(place.notes) == 1
    record = store.keep(key("a"), {}, blobs={"output": place.blob(blend=b"first", json=b"{}")})
    assert place.store().find(key("a")) == record


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.chmod(0o600) or file.write_bytes(b"")])
def test_file_that_is_gone_or_cut_is_a_miss_at_first_sight(damaged, damage):
    place = damaged(damage, "files")
    assert place.store().peek(key("a")) is None
    assert len(place.notes) == 1


def test_record_under_another_key_is_a_miss(place):
    store = place.store()
    store.keep(key("a"), {})
    other = Path(store.folder.file("records", key("b")))
    other.parent.mkdir(exist_ok=True)
    place.files("records")[0].rename(other)
    assert store.find(key("b")) is None
    assert "it is of another key" in place.notes[0]
    assert place.files() == []


def test_what_changed_after_it_was_read_is_read_again(place):
    store = place.store()
    store.keep(key("a"), {}, blobs={"output": place.blob(blend=b"first")})
    assert store.find(key("a")) is not None
    flip_bit(place.files("files")[0])
    assert store.find(key("a")) is None


def test_what_was_read_is_not_read_again(place, monkeypatch):
    place.store().keep(key("a"), {}, blobs={"output": place.blob(blend=b"first", json=b"{}")})
    read, store = [], place.store()
    digest_of_file = folder_module.digest_of_file
    monkeypatch.setattr(
        "background_nodes.runtime.store.reading.digest_of_file",
        lambda path, pieces: read.append(path) or digest_of_file(path, pieces),
    )
    assert store.peek(key("a")) is not None
    assert len(read) == 0
    for _time in range(3):
        assert store.find(key("a")) is not None
    assert len(read) == 2


def test_of_many_files_that_were_read_the_oldest_are_read_again(place, monkeypatch):
    """What is known of them takes memory for as long as Blender is open."""
    read, store = [], place.store()
    digest_of_file = folder_module.digest_of_file
    monkeypatch.setattr(
        reading_module, "digest_of_file", lambda path, pieces: read.append(path) or digest_of_file(path, pieces)
    )
    monkeypatch.setattr(reading_module, "_MAX_STAMPS", 2)
    for name in "abcde":
        store.keep(key(name), {}, blobs={"output": place.blob(blend=name.encode())})
    assert store.find(key("e")) is not None
    assert read == []
    assert store.find(key("a")) is not None
    assert len(read) == 1


def test_damaged_file_is_not_placed(damaged):
    place = damaged(lambda file: None, "files")
    store, target = place.store(), place.target()
    record = store.peek(key("a"))
    flip_bit(Path(store.folder.file("files", record.blobs["output"][-1].digest)))
    with pytest.raises(StoreError, match="its bytes are others than were written"):
        store.place(record, "output", target, "x")
    assert contents(target) == {}
    assert store.find(key("a")) is None


def test_damage_takes_every_result_that_needs_the_file_and_no_other(place):
    store = place.store()
    for name in "abc":
        store.keep(key(name), {}, blobs={"output": place.blob(blend=b"other" if name == "c" else b"same")})
    flip_bit(Path(store.folder.file("files", store.peek(key("a")).blobs["output"][0].digest)))
    found = [place.store().find(key(name)) is not None for name in "abc"]
    assert found == [False, False, True]
    assert len(place.notes) == 2


def test_what_can_not_be_read_is_a_miss_and_stays(place, monkeypatch):
    """A process that has too many files open must not take everything for damaged."""
    store = place.store()
    store.keep(key("a"), {}, blobs={"output": place.blob(blend=b"data")})

    def read(_path: str, _pieces: object) -> str:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr("background_nodes.runtime.store.reading.digest_of_file", read)
        assert place.store().find(key("a")) is None
    assert "Too many open files" in place.notes[0]
    assert place.store().find(key("a")) is not None


def test_what_another_process_has_kept_anew_is_not_removed_as_damaged(place, monkeypatch):
    """1. A file is damaged, 2. one process reads it, 3. another keeps the same again, 4. the first would remove it."""
    store = place.store()
    store.keep(key("a"), {}, blobs={"output": place.blob(blend=b"data")})
    flip_bit(place.files("files")[0])
    reader = place.store()
    locked = reader.folder.locked

    def locked_late(**options):
        monkeypatch.setattr(reader.folder, "locked", locked)
        store.keep(key("a"), {}, blobs={"output": place.blob(blend=b"data")})
        return locked(**options)

    monkeypatch.setattr(reader.folder, "locked", locked_late)
    assert reader.find(key("a")) is None
    assert reader.find(key("a")) is not None
    assert place.notes == []


def test_damage_is_a_miss_at_once_whoever_holds_the_lock_and_is_removed_later(damaged, monkeypatch):
    place = damaged(flip_bit, "files")
    store, other = place.store(), place.store()
    monkeypatch.setattr(folder_module.time, "sleep", lambda _seconds: pytest.fail("it waits"))
    with other.folder.locked():
        assert store.find(key("a")) is None
    assert "can't be removed" in place.notes.pop()
    assert store.find(key("a")) is None
    assert "is removed" in place.notes.pop()
    assert len(place.files("records")) == 1


@pytest.mark.parametrize("suffix", ["/../../x", "", "x", ".a/b", ".\\x", ".x:y"])
def test_record_that_leads_out_of_its_folder_is_damaged(place, suffix):
    store = place.store()
    store.keep(key("a"), {}, blobs={"output": place.blob(blend=b"data")})
    (file,) = store.peek(key("a")).files()
    (record,) = place.files("records")
    forged = Record(key("a"), {}, 0.0, {"output": (KeptFile(suffix, file.digest, file.size),)})
    record.write_bytes(forged.encode())
    assert place.store().find(key("a")) is None
    assert "is no file of a blob" in place.notes[0]


# Files of which the digests of some pieces are known


def keep_in_pieces(place: Place, *pieces: bytes, known: dict[int, bytes], name: str = "a") -> Record:
    """Keep a blob that consists of these pieces; of the known ones, by their places, it says that they are these."""
    blob = place.blob(blend=b"".join(pieces), json=b"{}")
    told = [
        Piece(len(piece), sha256(known[number]).digest() if number in known else None)
        for number, piece in enumerate(pieces)
    ]
    return place.store().keep(key(name), {}, blobs={"output": blob}, pieces={blob: told})


def test_file_in_pieces_is_found_and_placed_as_it_was(place):
    record = keep_in_pieces(place, b"one", b"two", b"3", known={1: b"two", 2: b"3"})
    (file, beside) = sorted(record.files(), key=lambda file: -file.size)
    assert (file.pieces, beside.pieces) == ((3, 3, 1), ())
    target = place.target()
    found = place.store().find(key("a"))
    assert found == record
    place.store().place(found, "output", target, "x")
    assert contents(target) == {"x.blend": b"onetwo3", "x.json": b"{}"}
    assert place.notes == []


def test_digest_of_a_file_in_pieces_is_the_same_whichever_are_known(place):
    digests = [
        next(keep_in_pieces(place, b"one", b"two", known=known).files()).digest
        for known in ({}, {0: b"one"}, {1: b"two"}, {0: b"one", 1: b"two"})
    ]
    assert len(set(digests)) == 1
    assert len(place.files("files")) == 2
    others = [keep_in_pieces(place, *pieces, known={}) for pieces in ([b"onet", b"wo"], [b"one", b"twO"], [b"onetwo"])]
    assert len({next(other.files()).digest for other in others} - set(digests)) == 3


def test_known_piece_is_not_read_and_if_it_is_another_one_the_result_is_a_miss(place):
    keep_in_pieces(place, b"one", b"two", known={1: b"other"})
    assert place.store().peek(key("a")) is not None
    assert place.store().find(key("a")) is None
    assert "its bytes are others than were written" in place.notes[0]
    assert place.files("records") == []


@pytest.mark.parametrize("number", range(3))
def test_one_bit_turned_in_any_piece_is_a_miss(place, number):
    pieces = [b"\0" * 101, b"\1" * 300_000, b"\2" * 99]
    file = next(keep_in_pieces(place, *pieces, known=dict(enumerate(pieces))).files())
    path = Path(place.store().folder.file("files", file.digest))
    data = bytearray(path.read_bytes())
    data[[0, 300_000, -1][number]] ^= 4
    path.chmod(0o600)
    path.write_bytes(data)
    assert place.store().find(key("a")) is None
    assert len(place.notes) == 1


def test_file_that_is_longer_than_its_pieces_is_hashed_as_a_whole(place):
    blob = place.blob(blend=b"onetwo")
    wrong = [Piece(3, b"?" * 32)]
    (file,) = place.store().keep(key("a"), {}, blobs={"output": blob}, pieces={blob: wrong}).files()
    assert file.pieces == ()
    assert place.store().find(key("a")) is not None


@pytest.mark.parametrize("pieces", [(3, 4), (7, -1), (6, 0), (True, 5), ("6",), (3.0, 3), (6, None)])
def test_record_with_pieces_that_are_none_is_damaged(place, pieces):
    record = keep_in_pieces(place, b"one", b"two", known={0: b"one"})
    (path,) = place.files("records")
    files = (dataclasses.replace(file, pieces=pieces) for file in record.files() if file.pieces)
    path.chmod(0o600)
    path.write_bytes(Record(key("a"), {}, 0.0, {"output": tuple(files)}).encode())
    assert place.store().find(key("a")) is None
    assert "is no file of a blob" in place.notes[0]


def test_file_in_pieces_that_can_not_be_replaced_may_be_the_same(place, monkeypatch):
    """As on Windows, while somebody has it open."""
    keep_in_pieces(place, b"one", b"two", known={0: b"one"})
    replace = Path.replace

    def replace_new(path: Path, target: Path) -> Path:
        if "files" in target.parts and target.exists():
            raise PermissionError
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", replace_new)
    keep_in_pieces(place, b"one", b"two", known={0: b"one"}, name="b")
    assert place.store().find(key("b")) is not None
    flip_bit(max(place.files("files"), key=lambda path: path.stat().st_size))
    with pytest.raises(StoreError):
        keep_in_pieces(place, b"one", b"two", known={0: b"one"}, name="c")


def test_verify_reads_everything_removes_what_is_damaged_and_counts_it(place):
    store = place.store()
    for name in "abcd":
        store.keep(key(name), {}, blobs={"output": place.blob(blend=name.encode())})
        assert store.find(key(name)) is not None
    flip_bit(Path(store.folder.file("records", key("a"))))
    flip_bit(Path(store.folder.file("files", store.peek(key("b")).blobs["output"][0].digest)), keeps_time=True)
    verified = upkeep.verify(store)
    assert (verified.num_records, verified.num_damaged, len(place.notes)) == (4, 2, 2)
    assert upkeep.verify(store).num_damaged == 0
    assert [place.store().find(key(name)) is not None for name in "abcd"] == [False, False, True, True]


def test_damaged_record_makes_room_and_is_noted(place):
    store = place.store()
    for name in "ab":
        store.keep(key(name), {}, blobs={"output": place.blob(blend=name.encode())})
    flip_bit(Path(store.folder.file("records", key("a"))))
    upkeep.prune(store)
    assert len(place.files("records")) == len(place.files("files")) == 1
    assert "was damaged and is removed" in place.notes[0]


# The newest record of a subject


def test_newest_record_of_a_subject_stays_when_the_result_is_removed(place):
    store = place.store()
    for number in range(3):
        record = store.keep(key(number), {"number": number}, blobs={"output": place.blob(blend=b"%d" % number)})
        store.set_last("tree/node \udcff", record)
    assert store.last("tree/node \udcff").content == {"number": 2}
    store.set_last("tree/node \udcff", store.find(key(1)))
    for number in range(3):
        store.remove(key(number))
    upkeep.prune(store)
    assert place.store().last("tree/node \udcff").content == {"number": 1}
    assert place.store().find(key(1)) is None
    assert place.store().last("other") is None


def test_record_that_is_gone_can_still_be_the_newest_one(place):
    store = place.store()
    record = store.keep(key("a"), {"value": 1})
    store.remove(key("a"))
    store.set_last("node", record)
    assert store.last("node") == record


def test_newest_record_that_is_damaged_is_none_and_is_removed(place):
    store = place.store()
    store.set_last("node", store.keep(key("a"), {}))
    flip_bit(place.files("lasts")[0])
    assert store.last("node") is None
    assert place.files("lasts") == []
    assert len(place.notes) == 1


# Room


def test_what_is_worth_least_goes_until_there_is_room(place):
    store = place.store()
    for name, size, seconds in (("cheap", 1000, 0.0), ("dear", 1000, 60.0), ("large", 90_000, 60.0)):
        store.keep(key(name), {}, seconds, {"output": place.blob(blend=name.encode() * size)})
    for size, left in ((upkeep.info(store).size - 1, ["dear", "large"]), (100_000, ["dear"])):
        store.limits = Limits(max_size=size, min_free=0)
        assert upkeep.prune(store).num_records == 1
        assert [name for name in ("cheap", "dear", "large") if store.find(key(name))] == left
        assert upkeep.info(store).size <= size
        assert upkeep.prune(store) == upkeep.Removed(0, 0)


def test_when_the_disk_is_full_everything_goes_but_what_is_needed(place):
    store = place.store()
    for name in "abc":
        store.set_last(name, store.keep(key(name), {}, blobs={"output": place.blob(blend=name.encode())}))
    store.lease("tree", [key("b")])
    store.limits = Limits(min_free=2**62)
    assert upkeep.prune(store).num_records == 2
    assert [store.find(key(name)) is not None for name in "abc"] == [False, True, False]


def test_nothing_is_kept_where_too_little_would_be_left_free(place):
    with pytest.raises(StoreError, match=r"has no room: .* GB must stay free"):
        place.store(Limits(min_free=2**62)).keep(key("a"), {})
    assert place.files() == []


def entry(name: str, size: int = 10_000, seconds: float = 1.0, days: float = 0.0, **files: int) -> Entry:
    return Entry(("records", name), -days * DAY, seconds, {name: size, **files})


def chosen(*entries: Entry, excess: int = 1, needed: str = "") -> str:
    found = choose(entries, {("records", name) for name in needed}, excess, 0.0)
    return "".join(name for _table, name in found)


def test_order_goes_by_seconds_size_and_age():
    assert chosen(entry("a", seconds=2.0), entry("b"), excess=10**9) == "ba"
    assert chosen(entry("a"), entry("b", size=30_000), excess=10**9) == "ba"
    assert chosen(entry("a"), entry("b", days=1.0), excess=10**9) == "ba"
    assert chosen(entry("a", seconds=1000.0, days=30.0), entry("b")) == "b"
    assert chosen(entry("a", seconds=1000.0, days=365.0), entry("b")) == "a"


def test_no_more_goes_than_must():
    entries = [entry(name, seconds=float(number)) for number, name in enumerate("abcd")]
    assert [chosen(*entries, excess=excess) for excess in (-1, 0, 1, 10_000, 10_001)] == ["", "", "a", "a", "ab"]


def test_what_is_needed_stays_and_its_files_count_nothing_for_others():
    entries = [entry("a", shared=10**6), entry("b", shared=10**6), entry("c", size=100_000)]
    assert chosen(*entries, excess=10**9, needed="a") == "cb"


def test_files_that_several_need_are_free_only_when_the_last_one_goes():
    entries = [entry("a", seconds=1.0, shared=10**6), entry("b", seconds=2.0, shared=10**6), entry("c", seconds=900.0)]
    assert chosen(*entries, excess=10**6) == "ab"


def test_a_clock_that_was_centuries_off_leaves_the_order_as_it_was():
    entries = [entry("a", days=10**6), entry("b", days=10**6 + 1), entry("c", days=-(10**6))]
    assert chosen(*entries, excess=10**9) == "bac"


@pytest.mark.parametrize("act", ["find", "prune"])
def test_what_was_used_in_the_future_ages_from_now_on(place, act):
    store = place.store()
    store.keep(key("a"), {})
    set_age(store, key("a"), days=-3650.0)
    store.find(key("a")) if act == "find" else upkeep.prune(store)
    assert abs(time.time() - place.files("records")[0].stat().st_mtime) < 3600.0


@pytest.mark.parametrize("years", [-40, 40])
def test_clock_that_jumps_loses_nothing(place, monkeypatch, years):
    store, real = place.store(), time.time
    for name, now in (("a", real), ("b", lambda: real() + years * 365 * DAY), ("c", real)):
        monkeypatch.setattr(time, "time", now)
        store.keep(key(name), {}, blobs={"output": place.blob(blend=name.encode())})
        assert upkeep.prune(place.store()) == upkeep.Removed(0, 0)
        assert store.find(key(name)) is not None
    assert [place.store().find(key(name)) is not None for name in "abc"] == [True] * 3


def test_what_is_found_counts_as_used_and_what_is_only_looked_at_does_not(place):
    store = place.store()
    for name in "abc":
        store.keep(key(name), {})
        set_age(store, key(name), days=10.0)
    store.find(key("a"))
    store.peek(key("b"))
    store.check(key("c"))
    store.limits = Limits(max_size=upkeep.info(store).size // 3, min_free=0)
    assert upkeep.prune(store).num_records == 2
    assert store.find(key("a")) is not None


def test_newest_records_of_subjects_make_room_too(place):
    store = place.store()
    record = store.keep(key("a"), {"value": "x" * 1000})
    size = upkeep.info(store).size
    for subject in ("node", "the same in another tree"):
        store.set_last(subject, record)
    assert upkeep.info(store).size == size
    store.lease("tree", [key("a")])
    store.limits = Limits(max_size=0, min_free=0)
    upkeep.prune(store)
    assert store.last("node") == record
    store.remove(key("a"))
    assert upkeep.prune(store).size == size
    assert place.files() == []


def test_clear_leaves_nothing_and_clear_unused_what_is_needed(place):
    store, other = place.store(), place.store()
    for name in "abc":
        record = store.keep(key(name), {}, blobs={"output": place.blob(blend=name.encode())})
    store.set_last("node", record)
    other.lease("tree", [key("b")])
    assert upkeep.clear_unused(store).num_records == 2
    assert [store.find(key(name)) is not None for name in "abc"] == [False, True, False]
    assert store.last("node") == record
    assert upkeep.clear(store).num_records == 1
    assert place.files() == []
    store.keep(key("a"), {})
    assert store.find(key("a")) is not None
    assert place.notes == []


def test_what_another_process_keeps_while_room_is_made_stays_whole(place, monkeypatch):
    """1. A file is left over, 2. one process looks at the store, 3. another keeps that file, 4. the first goes on."""
    store, other = place.store(), place.store()
    store.keep(key("a"), {}, blobs={"output": place.blob(blend=b"data")})
    store.remove(key("a"))
    locked = store.folder.locked

    def locked_late():
        if not other.peek(key("b")):
            other.keep(key("b"), {}, blobs={"output": place.blob(blend=b"data")})
        return locked()

    store.leases.ensure()
    monkeypatch.setattr(store.folder, "locked", locked_late)
    upkeep.prune(store)
    assert place.store().find(key("b")) is not None


def test_folder_that_is_removed_while_something_is_kept_is_made_anew(place, monkeypatch):
    store, put = place.store(), Draft.put
    attempts = itertools.count()

    def put_late(draft: Draft) -> None:
        attempt = next(attempts)
        if attempt < 2:
            shutil.rmtree(place.path / "store")
        if attempt == 1:
            raise FileExistsError("a folder was there, and then it was not")
        put(draft)

    monkeypatch.setattr(Draft, "put", put_late)
    record = store.keep(key("a"), {}, blobs={"output": place.blob(blend=b"data")})
    assert place.store().find(key("a")) == record


def test_folder_that_is_removed_between_two_looks_is_a_miss_and_no_damage(place):
    store = place.store()
    record = store.keep(key("a"), {}, blobs={"output": place.blob(blend=b"data")})
    store.folder.path.rename(place.path / "elsewhere")
    with pytest.raises(StoreError, match="it is gone"):
        store.place(record, "output", place.target(), "x")
    assert store.find(key("a")) is None
    assert (place.notes, store.num_damaged) == ([], 0)


def test_newest_record_is_read_once_for_its_subject_and_its_key(place, monkeypatch):
    store = place.store()
    store.set_last("rock", store.keep(key("a"), {"value": 1}))
    reads, other = [], place.store()
    read_record = reading_module.read_record
    monkeypatch.setattr(reading_module, "read_record", lambda path: reads.append(path) or read_record(path))
    assert other.last("rock") is other.find(key("a"))
    assert len(reads) == 1
    store.keep(key("a"), {"value": 2})
    assert (other.find(key("a")).content, other.last("rock").content) == ({"value": 2}, {"value": 1})


def test_info_tells_what_is_there(place):
    store = place.store()
    store.keep(key("a"), {}, blobs={"output": place.blob(blend=bytes(10_000))})
    store.keep(key("b"), {})
    store.lease("tree", [key("b"), key("c")])
    info = upkeep.info(store)
    assert (info.num_records, info.num_needed, info.max_size) == (2, 1, ROOMY.max_size)
    assert 10_000 < info.size < 12_000
    assert info.free > 0


# Leases


def num_kept(place: Place, *names: str) -> int:
    """How many of these are found after somebody wants all the room there is."""
    upkeep.prune(place.store(Limits(max_size=0, min_free=0)))
    return sum(place.store().find(key(name)) is not None for name in names)


def test_what_somebody_needs_stays_until_nobody_does(place):
    store = place.store()
    for name in "abcd":
        store.keep(key(name), {}, blobs={"output": place.blob(blend=name.encode())})
    store.lease("tree", [key("a"), key("b")])
    store.lease("run", [key("b"), key("c")])
    assert num_kept(place, *"abcd") == 3
    store.lease("tree", [])
    assert num_kept(place, *"abcd") == 2
    store.lease("run", [key("c"), key("unknown")])
    assert num_kept(place, *"abcd") == 1
    store.close()
    assert num_kept(place, *"abcd") == 0


def test_needs_grow_and_shrink_in_any_order(place):
    store = place.store()
    for names in ("ab", "abc", "c", "", "bcd", "a", "abcd"):
        for name in "abcd":
            store.keep(key(name), {})
        store.lease("tree", map(key, names))
        assert num_kept(place, *"abcd") == len(names)


def test_needs_are_told_again_when_somebody_removed_the_folder(place):
    store = place.store()
    store.lease("tree", [key("a")])
    for path in sorted((place.path / "store").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    store.keep(key("a"), {})
    assert num_kept(place, "a") == 1


@pytest.mark.parametrize(("before", "after"), [((0, 1), (1,)), ((1,), (1, 2))], ids=["less", "more"])
def test_needs_that_could_not_be_written_are_told_again(place, monkeypatch, before, after):
    """A full disk takes half a line, be it a new one or in the place of others."""

    class FullDisk:
        def __init__(self, file):
            self.file = file

        def write(self, data):
            return self.file.write(data[: len(data) // 2])

        def __getattr__(self, name):
            return getattr(self.file, name)

    store, keys = place.store(), sorted(map(key, "abc"))
    for name in keys:
        store.keep(name, {})
    store.lease("tree", [keys[index] for index in before])
    with monkeypatch.context() as patched:
        patched.setattr(store.leases, "_file", FullDisk(store.leases._file))
        store.lease("tree", [keys[index] for index in after])
    assert len(place.notes) == 1
    store.lease("tree", keys)
    assert num_kept(place, *"abc") == 3


def test_needs_are_told_on_file_systems_without_locks_too(place, monkeypatch):
    """There, whoever used the store within a day counts as living."""

    def lock(_file: object) -> bool:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(file_locks, "lock", lock)
    store = place.store()
    for name in "ab":
        store.keep(key(name), {})
    store.lease("tree", [key("a")])
    assert num_kept(place, "a", "b") == 1
    for file in (place.path / "store" / "v1" / "leases").iterdir():
        os.utime(file, (time.time() - 2 * DAY,) * 2)
    assert num_kept(place, "a", "b") == 0


# What lies in the folder


def test_what_a_dead_process_was_writing_goes_and_what_a_living_one_is_writing_stays(place):
    store = place.store()
    store.keep(key("a"), {})
    leftover = store.folder.new / f"{key('dead')[:32]}-1"
    ours = store.folder.new / store.leases.new_name()
    for path in (leftover, ours):
        path.write_bytes(b"x")
    upkeep.prune(place.store())
    assert place.being_written() == [ours]
    ours.unlink()


def test_files_that_are_not_ours_are_left_alone(place):
    store = place.store()
    store.keep(key("a"), {}, blobs={"output": place.blob(blend=b"data")})
    shard = place.files("records")[0].parent
    others = [place.path / "store" / "v2" / "records" / "x", shard / "README", shard.with_name(".DS_Store")]
    for path in others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    assert upkeep.verify(store).num_records == 1
    upkeep.clear(store)
    assert [path.read_text() for path in others] == ["mine"] * 3


def test_who_holds_the_lock_for_ever_is_an_error_and_not_waited_for(place, monkeypatch):
    monkeypatch.setattr(folder_module, "_LOCK_TIMEOUT", 0.05)
    store, other = place.store(), place.store()
    store.keep(key("a"), {})
    with other.folder.locked():
        assert store.find(key("a")) is not None
        with pytest.raises(StoreError, match="locked by another process"):
            store.keep(key("b"), {})
    store.keep(key("b"), {})


def test_folder_that_is_a_file_is_an_error(place):
    (place.path / "store").write_text("")
    store = place.store()
    assert store.find(key("a")) is None
    assert store.last("node") is None
    for act in (lambda: store.keep(key("a"), {}), lambda: store.set_last("node", Record(key("a"), {}, 0.0, {}))):
        with pytest.raises(StoreError, match="nothing can be kept in"):
            act()
    store.lease("tree", [key("a")])
    assert "may be removed" in place.notes[0]


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {"HOME": "/home/me"}, "/home/me/.cache/background_nodes/store"),
        ("linux", {"HOME": "/home/me", "XDG_CACHE_HOME": "/fast"}, "/fast/background_nodes/store"),
        ("linux", {"HOME": "/home/me", "XDG_CACHE_HOME": "relative"}, "/home/me/.cache/background_nodes/store"),
        ("darwin", {"HOME": "/Users/me"}, "/Users/me/Library/Caches/background_nodes/store"),
        ("win32", {"LOCALAPPDATA": "/me/Local"}, "/me/Local/background_nodes/store"),
        ("linux", {"HOME": "/home/me", "BACKGROUND_NODES_STORE": "/shared"}, "/shared"),
    ],
)
@posix_only
def test_default_folder_is_the_platform_s(monkeypatch, platform, environment, folder):
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "BACKGROUND_NODES_STORE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert default_folder() == Path(folder)


# By chance

NAMES = st.sampled_from("abcdef")
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("keep"), st.sampled_from((0, 1)), NAMES, st.sampled_from((b"", b"x", b"y" * 3000))),
        st.tuples(st.sampled_from(("find", "peek", "remove", "lease", "last")), st.sampled_from((0, 1)), NAMES),
        st.tuples(st.sampled_from(("prune", "clear", "clear_unused", "verify")), st.sampled_from((0, 1))),
    ),
    max_size=30,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(OPERATIONS)
def test_whatever_two_processes_do_what_is_found_is_right_and_what_is_needed_stays(tmp_path_factory, operations):
    place = Place(tmp_path_factory.mktemp("chance"))
    stores = [place.store(Limits(max_size=6000, min_free=0)) for _ in range(2)]
    kept: dict[str, bytes] = {}
    needed: dict[int, set[str]] = {0: set(), 1: set()}
    lasts: dict[str, str] = {}
    for name, index, *arguments in operations:
        store = stores[index]
        if name == "keep":
            (what, data) = arguments
            record = store.keep(key(what), {"name": what}, len(data), {"output": place.blob(blend=data)})
            store.set_last("newest", record)
            kept[what], lasts["newest"] = data, what
        elif name in {"find", "peek"}:
            found = getattr(store, name)(key(*arguments))
            assert found is None or arguments[0] in kept
            if found is not None:
                target = place.target()
                store.place(found, "output", target, "x")
                assert contents(target) == {"x.blend": kept[arguments[0]]}
        elif name == "remove":
            store.remove(key(*arguments))
            kept.pop(arguments[0], None)
        elif name == "lease":
            needed[index] = needed[index] ^ set(arguments)
            store.lease("tree", map(key, needed[index]))
        elif name == "last":
            found = store.last("newest")
            assert found is None or found.content["name"] == lasts["newest"]
        else:
            before = {what for what in kept if stores[1 - index].peek(key(what))}
            getattr(upkeep, name)(store)
            after = {what for what in kept if stores[1 - index].peek(key(what))}
            assert after <= before
            assert name == "clear" or before & (needed[0] | needed[1]) <= after
            assert name != "prune" or upkeep.info(store).size <= 6000 or after <= (needed[0] | needed[1])
            assert place.being_written() == []
            if name == "clear":
                assert place.files() == []
    assert place.notes == []
    assert upkeep.verify(stores[0]).num_damaged == 0
    for store in stores:
        store.close()
