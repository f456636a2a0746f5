# SPDX-License-Identifier: GPL-3.0-or-later
"""Several processes share a store: one is killed at any moment, the folder goes, the disk is full or read-only.

Nothing wrong is found, what is needed stays, and what goes wrong is said.
"""

import contextlib
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from background_nodes.runtime.errors import StoreError
from background_nodes.runtime.pool.launcher import BOOTSTRAP
from background_nodes.runtime.store import upkeep
from background_nodes.runtime.store.limits import Limits
from background_nodes.runtime.store.store import Store

from .kept_numbers import keep, key, version_found

pytestmark = pytest.mark.any_blender

_PREAMBLE = """
import itertools, os, random, signal, sys
from pathlib import Path
sys.path[:0] = [{bootstrap!r}, {here!r}]
import bootstrap
bootstrap.alias_package()
from background_nodes.runtime.errors import StoreError
from background_nodes.runtime.store import upkeep
from background_nodes.runtime.store.limits import Limits
from background_nodes.runtime.store.store import Store
from kept_numbers import keep, key, version_found

folder, scratch = Path({folder!r}), Path({scratch!r})
notes = []

def new_store(max_size=2**30):
    return Store(folder, Limits(max_size, 0), notes.append)
"""

#: Kills a process at each of its calls to the system, one after another.
_KILLED = """
CALLS = {"open", "os.rename", "os.link", "os.chmod", "os.mkdir", "os.remove", "os.utime", "os.scandir", "os.listdir",
         "fcntl.flock", "shutil.copyfile"}

def killed_at_each_call(act, check):
    for call in itertools.count(1):
        child = os.fork()
        if child == 0:
            seen = []
            def hook(event, _arguments):
                if event in CALLS:
                    seen.append(event)
                    if len(seen) == call:
                        os.kill(os.getpid(), signal.SIGKILL)
            sys.addaudithook(hook)
            act()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status in (0, signal.SIGKILL), status
        check()
        if status == 0:
            return call
"""


@pytest.fixture
def scratch(tmp_path):
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def new_store():
    """Makes stores that are closed after the test; `notes` holds what they had to say."""
    with contextlib.ExitStack() as stack:

        def new_store(folder, max_size=2**30):
            store = Store(folder, Limits(max_size, 0), new_store.notes.append)
            stack.callback(store.close)
            return store

        new_store.notes = []
        yield new_store


@pytest.fixture
def start(folder, scratch, tmp_path):
    """Starts a process that shares the store."""
    with contextlib.ExitStack() as stack:

        def start(body: str) -> subprocess.Popen[str]:
            values = {"bootstrap": str(BOOTSTRAP.parent), "here": str(Path(__file__).parent)}
            program = _PREAMBLE.format(folder=str(folder), scratch=str(scratch), **values) + textwrap.dedent(body)
            process = stack.enter_context(
                subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
            )
            stack.callback(process.kill)
            return process

        yield start


def said(process: subprocess.Popen[str]) -> str:
    return process.communicate()[0].strip()


def files_being_written(folder: Path) -> list[Path]:
    return list((folder / "v1" / "new").iterdir())


BUSY = """
    chance = random.Random({seed})
    small = new_store(60_000)
    store = new_store()
    num_found = 0
    for _round in range(150):
        number = chance.randrange(30)
        match chance.randrange(8):
            case 0 | 1 | 2:
                keep(store, number, scratch)
            case 3 | 4 | 5:
                num_found += version_found(store, number, scratch) is not None
            case 6:
                upkeep.prune(small)
            case 7:
                last = store.last(f"subject {{number}}")
                assert last is None or last.content["number"] == number
    store.close()
    small.close()
    print(num_found > 0, notes)
    """


def test_many_processes_at_once_find_what_is_right_and_what_is_needed_stays(start, folder, scratch, new_store):
    store = new_store(folder)
    needed = range(100, 105)
    store.lease("tree", map(key, needed))
    for number in needed:
        keep(store, number, scratch)
    processes = [start(BUSY.format(seed=seed)) for seed in range(4)]
    assert [said(process) for process in processes] == ["True []"] * 4
    assert [version_found(new_store(folder), number, scratch) for number in needed] == [0] * 5
    assert upkeep.verify(store).num_damaged == 0
    upkeep.prune(store)
    assert files_being_written(folder) == []
    assert new_store.notes == []


def test_process_killed_while_it_keeps_leaves_the_old_result_or_the_new_one(start):
    body = """
    keep(new_store(), 1, scratch, version=0)
    version = 0

    def act():
        keep(new_store(), 1, scratch, version=version + 1)

    def check():
        global version
        store = new_store()
        found = version_found(store, 1, scratch)
        assert found in (version, version + 1), found
        assert store.last("subject 1").content["version"] <= found
        upkeep.prune(store)
        assert version_found(new_store(), 1, scratch) == found
        assert list(store.folder.new.iterdir()) == []
        assert len(list(store.folder.entries("files"))) == 2
        assert upkeep.verify(store).num_damaged == 0
        store.close()
        version = found

    print(killed_at_each_call(act, check) > 20, version > 2, notes)
    """
    assert said(start(_KILLED + textwrap.dedent(body))) == "True True []"


def test_process_killed_while_it_makes_room_takes_nothing_that_is_needed(start):
    body = """
    ours = new_store()
    ours.lease("tree", map(key, range(3)))

    def act():
        upkeep.prune(new_store(max_size=0))

    def check():
        store = new_store()
        assert [version_found(store, number, scratch) for number in range(3)] == [0, 0, 0]
        assert all(version_found(store, number, scratch) in (0, None) for number in range(3, 6))
        upkeep.prune(store)
        assert list(store.folder.new.iterdir()) == []
        store.close()
        for number in range(6):
            keep(ours, number, scratch)

    for number in range(6):
        keep(ours, number, scratch)
    print(killed_at_each_call(act, check) > 20, notes)
    """
    assert said(start(_KILLED + textwrap.dedent(body))) == "True []"


def test_process_needs_nothing_any_more_when_it_was_killed(start, folder, scratch, new_store):
    store = new_store(folder, max_size=0)
    keep(store, 1, scratch)
    process = start("store = new_store(); store.lease('tree', [key(1)]); print('ready', flush=True); signal.pause()")
    assert process.stdout.readline() == "ready\n"
    upkeep.prune(store)
    assert version_found(store, 1, scratch) == 0
    process.kill()
    process.wait()
    upkeep.prune(store)
    assert version_found(store, 1, scratch) is None


def test_folder_that_is_removed_all_the_time_costs_results_but_no_error(start, folder, scratch, new_store):
    body = """
    store = new_store()
    for round in itertools.count():
        try:
            store.lease("tree", [key(round % 5)])
            keep(store, round % 5, scratch)
            version_found(store, (round + 1) % 5, scratch)
            upkeep.prune(store)
        except StoreError as error:
            assert "No such file" in str(error) or "File exists" in str(error), error
        if round == 20:
            print("busy", flush=True)
        if (scratch / "enough").exists():
            break
    assert all(any(reason in note for reason in ("it is gone", "No such file", "File exists")) for note in notes), notes
    keep(store, 7, scratch)
    print(version_found(store, 7, scratch), flush=True)
    """
    processes = [start(body) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "busy\n"
    for _time in range(20):
        shutil.rmtree(folder, ignore_errors=True)
    (scratch / "enough").touch()
    assert [said(process) for process in processes] == ["0", "0"]
    store = new_store(folder)
    keep(store, 1, scratch)
    assert version_found(store, 1, scratch) == 0


def test_full_disk_is_an_error_that_loses_nothing_and_passes_when_there_is_room(tiny_disk, scratch, new_store):
    store = new_store(tiny_disk / "store")
    keep(store, 1, scratch)
    large = scratch / "large.blend"
    large.write_bytes(bytes(3 * 1024**2))
    with pytest.raises(StoreError, match="has no room for 3 MB: "):
        store.keep(key(2), {}, 1.0, {"output": large})
    assert files_being_written(tiny_disk / "store") == []
    assert version_found(new_store(tiny_disk / "store"), 1, scratch) == 0

    filler = tiny_disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(bytes(3 * 1024**2))
    with pytest.raises(StoreError, match="has no room for 4 KB: 0 bytes are free"):
        keep(store, 2, scratch)
    assert version_found(new_store(tiny_disk / "store"), 1, scratch) == 0
    assert version_found(store, 2, scratch) is None
    store.lease("tree", map(key, range(10_000)))
    assert "No space left" in new_store.notes.pop()
    filler.unlink()
    store.lease("tree", map(key, range(10_000)))
    keep(store, 2, scratch)
    upkeep.prune(new_store(tiny_disk / "store", max_size=0))
    assert [version_found(store, number, scratch) for number in (1, 2)] == [0, 0]
    assert new_store.notes == []


def test_full_disk_can_be_emptied(tiny_disk, scratch, new_store):
    store = new_store(tiny_disk / "store", max_size=0)
    keep(store, 1, scratch)
    with pytest.raises(OSError, match="No space left"):
        (tiny_disk / "filler").write_bytes(bytes(3 * 1024**2))
    assert upkeep.prune(new_store(tiny_disk / "store", max_size=0)).num_records == 1


def test_read_only_store_is_read_and_says_what_it_can_not_do(tiny_disk, scratch, new_store):
    store = new_store(tiny_disk / "store")
    for number in (1, 2):
        keep(store, number, scratch)
    damaged = Path(store.folder.file("files", store.find(key(2)).blobs["output"][0].digest))
    damaged.chmod(0o600)
    damaged.write_bytes(b"x")
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    store = new_store(tiny_disk / "store")
    assert version_found(store, 1, scratch) == 0
    assert store.last("subject 1").content["number"] == 1
    assert upkeep.info(store).num_records == 2
    assert new_store.notes == []

    assert version_found(store, 2, scratch) is None
    assert "was damaged and can't be removed" in new_store.notes.pop()
    assert upkeep.verify(store).num_damaged == 1
    new_store.notes.clear()
    for act in (lambda: keep(store, 3, scratch), lambda: upkeep.prune(store), lambda: store.remove(key(1))):
        with pytest.raises(StoreError, match="Read-only file system"):
            act()
    store.lease("tree", [key(1)])
    assert "may be removed" in new_store.notes.pop()
